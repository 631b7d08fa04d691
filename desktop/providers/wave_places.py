"""Countries and provinces as Wave wants them: ISO 3166 codes. What is unknown is left out rather than guessed."""

from __future__ import annotations

_CODES = """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA
    CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA
    GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP
    KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS
    MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS
    RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW
    TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
"""
COUNTRY_CODES = frozenset(_CODES.split())
_COUNTRY_NAMES = {
    "usa": "US", "united states": "US", "united states of america": "US", "canada": "CA", "uk": "GB",
    "united kingdom": "GB", "great britain": "GB", "australia": "AU", "new zealand": "NZ", "ireland": "IE",
    "mexico": "MX", "germany": "DE", "france": "FR",
}  # fmt: skip
_US = """Alabama AL|Alaska AK|Arizona AZ|Arkansas AR|California CA|Colorado CO|Connecticut CT|Delaware DE|
District of Columbia DC|Florida FL|Georgia GA|Hawaii HI|Idaho ID|Illinois IL|Indiana IN|Iowa IA|Kansas KS|Kentucky KY|
Louisiana LA|Maine ME|Maryland MD|Massachusetts MA|Michigan MI|Minnesota MN|Mississippi MS|Missouri MO|Montana MT|
Nebraska NE|Nevada NV|New Hampshire NH|New Jersey NJ|New Mexico NM|New York NY|North Carolina NC|North Dakota ND|
Ohio OH|Oklahoma OK|Oregon OR|Pennsylvania PA|Rhode Island RI|South Carolina SC|South Dakota SD|Tennessee TN|Texas TX|
Utah UT|Vermont VT|Virginia VA|Washington WA|West Virginia WV|Wisconsin WI|Wyoming WY"""
_CA = """Alberta AB|British Columbia BC|Manitoba MB|New Brunswick NB|Newfoundland and Labrador NL|Nova Scotia NS|
Northwest Territories NT|Nunavut NU|Ontario ON|Prince Edward Island PE|Quebec QC|Saskatchewan SK|Yukon YT"""


def _table(words: str) -> dict[str, str]:
    pairs = (entry.strip().rpartition(" ") for entry in words.replace("\n", "").split("|"))
    return {name.casefold(): code for name, _, code in pairs}


_PROVINCES = {"US": _table(_US), "CA": _table(_CA)}


def country_code(country: str, home: str = "") -> str:
    """The two letters of a country given by name or code; `home` for none, "" for an unknown one."""
    named = country.strip() or home
    code = _COUNTRY_NAMES.get(named.casefold(), named.upper())
    return code if code in COUNTRY_CODES else ""


def province_code(region: str, country: str) -> str:
    """ "US-TX" for Texas or TX in the US; "" where it isn't known for sure."""
    known = _PROVINCES.get(country, {})
    wanted = region.strip()
    code = known.get(wanted.casefold(), wanted.upper())
    return f"{country}-{code}" if code in known.values() else ""
