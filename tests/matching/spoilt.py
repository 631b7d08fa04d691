"""Customers as a second system would hold them: spoilt by a model that knows nothing of the rules.

Names are drawn as often as people bear them, so that namesakes come by themselves. Each field is mistyped, shortened,
lost or written another way by chance alone; beside the true twins there are strangers that share what is not enough:
a name, a household, an office, a house, a first word.
"""

from dataclasses import replace
from itertools import accumulate
from random import Random

from desktop.sync.matching import Party
from desktop.sync.wordlists import shares

_CALLED = {
    "robert": "Bob",
    "william": "Bill",
    "elizabeth": "Liz",
    "james": "Jim",
    "michael": "Mike",
    "jennifer": "Jenny",
    "thomas": "Tom",
    "patricia": "Pat",
    "susan": "Sue",
    "edward": "Ted",
    "margaret": "Peggy",
    "richard": "Rick",
    "joseph": "Joe",
    "daniel": "Dan",
    "charles": "Chuck",
    "deborah": "Debbie",
}
_SHORT = {"Street": "St", "Avenue": "Ave.", "Road": "Rd", "Drive": "Dr", "Lane": "Ln", "Court": "Ct", "Apt ": "#"}
_TRADES = [
    "Plumbing",
    "Roofing LLC",
    "Electric Inc",
    "Dental",
    "Landscaping",
    "Auto Repair",
    "Builders Ltd",
    "Cafe",
    "Motors",
    "Homes LLC",
]
_WORDS = [
    "Blue Heron",
    "Green Valley",
    "Golden Oak",
    "Silver Creek",
    "Cedar Ridge",
    "North Harbor",
    "Summit Lake",
    "Sunny Meadow",
]
_MAILS = ["gmail.com", "yahoo.com", "hotmail.com", "outlook.com", "comcast.net", "bigpond.com", "btinternet.com"]


def _drawn_by_share(name: str) -> tuple[list[str], list[int]]:
    borne = shares(name)
    return list(borne), list(accumulate(borne.values()))


class Town:
    """Everybody who may be a customer; the same seed gives the same town."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self._given = _drawn_by_share("census_given")
        self._family = _drawn_by_share("census_surnames")

    def person(self, key: str) -> Party:
        given, family = self.given(), self.family()
        where = self.address()
        return Party(
            key, f"{given} {family}", given, family, "", self._mail(given, family, 0.85), self.phone(0.85), **where
        )

    def firm(self, key: str) -> Party:
        first = self.chance.choice([self.family(), self.chance.choice(_WORDS)])
        name = f"{first} {self.chance.choice(_TRADES)}"
        domain = "".join(letter for letter in name.lower() if letter.isalpha())
        box = self.chance.choice(["info", "office", "sales", "accounts", self.given().lower()])
        email = f"{box}@{domain}.com" if self.chance.random() < 0.8 else ""
        return Party(key, name, "", "", name, email, self.phone(0.85), **self.address())

    def given(self) -> str:
        names, reached = self._given
        return self.chance.choices(names, cum_weights=reached)[0].title()

    def family(self) -> str:
        names, reached = self._family
        return self.chance.choices(names, cum_weights=reached)[0].title()

    def phone(self, likely: float = 1.0) -> str:
        if self.chance.random() > likely:
            return ""
        return (
            f"({self.chance.randrange(201, 989)}) {self.chance.randrange(200, 999)}-{self.chance.randrange(10**4):04}"
        )

    def address(self) -> dict[str, str]:
        kind = self.chance.choice(["Street", "Avenue", "Road", "Drive", "Lane", "Court"])
        unit = f" Apt {self.chance.randrange(1, 40)}" if self.chance.random() < 0.2 else ""
        line = f"{self.chance.randrange(1, 2000)} {self.family()} {kind}{unit}"
        return {"line1": line, "city": f"{self.family()}ton", "postal_code": f"{self.chance.randrange(10000, 99999)}"}

    def _mail(self, given: str, family: str, likely: float) -> str:
        if self.chance.random() > likely:
            return ""
        return f"{given[0]}{family}{self.chance.randrange(100)}@{self.chance.choice(_MAILS)}".lower()

    def slip(self, text: str) -> str:
        """One letter lost, added, changed or two turned round."""
        if len(text) < 4:
            return text
        at = self.chance.randrange(1, len(text) - 1)
        letter = self.chance.choice("aeionrstlm")
        how = self.chance.randrange(4)
        if how == 0:
            return text[:at] + text[at + 1 :]
        if how == 1:
            return text[:at] + letter + text[at:]
        return text[:at] + (letter + text[at + 1 :] if how == 2 else text[at + 1] + text[at] + text[at + 2 :])

    def spoilt(self, party: Party, key: str) -> Party:
        """The same customer as another system holds it."""
        roll = self.chance.random
        twin = self._spoilt_firm(party) if party.company_name else self._spoilt_person(party)
        if roll() < 0.1 and (party.email or party.phone):
            return replace(twin, key=key, **self.address())  # moved
        line = twin.line1
        if roll() < 0.6:
            for long, short in _SHORT.items():
                line = line.replace(long, short)
        elif roll() < 0.3:
            line = self.slip(line)
        return replace(
            twin,
            key=key,
            line1="" if roll() < 0.2 else line,
            postal_code="" if roll() < 0.2 else twin.postal_code,
            email="" if roll() < 0.25 else twin.email,
            phone="" if roll() < 0.25 else "".join(filter(str.isdigit, twin.phone)) if roll() < 0.3 else twin.phone,
        )

    def _spoilt_person(self, party: Party) -> Party:
        roll = self.chance.random()
        given, family = party.given_name, party.family_name
        if roll < 0.15:
            given = _CALLED.get(given.lower(), given)
        elif roll < 0.25:
            given = self.slip(given)
        elif roll < 0.35:
            family = self.slip(family)
        elif roll < 0.4:
            given = f"{given[0]}."
        written = [f"{given} {family}"] * 6 + [f"{family}, {given}"] * 2
        written += [
            f"{given} & {self.given()} {family}",
            f"{given} {self.given()[0]}. {family}",
            f"{given} {family}".upper(),
        ]
        name = self.chance.choice(written)
        if self.chance.random() < 0.5:
            return replace(party, display_name=name, given_name="", family_name="")
        return replace(party, display_name=name, given_name=given, family_name=family)

    def _spoilt_firm(self, party: Party) -> Party:
        roll, name = self.chance.random(), party.company_name
        if roll < 0.5:
            name = name.removesuffix(" LLC").removesuffix(" Inc").removesuffix(" Ltd")
        elif roll < 0.65:
            name = self.slip(name)
        elif roll < 0.8:
            name = f"{name}, Inc." if roll < 0.72 else name.upper()
        return replace(party, display_name=name, company_name=name if self.chance.random() < 0.5 else "")

    def stranger(self, party: Party, key: str) -> Party:
        """Another customer, who shares something with this one that is not enough."""
        roll = self.chance.random()
        other = self.person(key)
        if party.company_name:
            if roll < 0.4:  # works there
                return replace(other, email=party.email, phone=party.phone)
            if roll < 0.7:  # another branch
                return replace(party, key=key, email="", phone=self.phone(), **self.address())
            name = f"{party.company_name.split(' ', 1)[0]} {self.chance.choice(['Bakery', 'Towing', 'Salon'])}"
            return Party(key, name, company_name=name, phone=self.phone(), **self.address())
        if roll < 0.25:  # a namesake
            return replace(
                other, display_name=party.display_name, given_name=party.given_name, family_name=party.family_name
            )
        home = {"line1": party.line1, "city": party.city, "postal_code": party.postal_code}
        if roll < 0.5:  # of the same family and house
            name = f"{other.given_name} {party.family_name}"
            return replace(other, display_name=name, family_name=party.family_name, **home)
        return replace(other, **home) if roll < 0.7 else other
