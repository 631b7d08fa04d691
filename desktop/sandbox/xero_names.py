"""Xero's contacts, items and accounts: what may be written (contract 3.1, 3.2, 3.3)."""

from __future__ import annotations

import re
from decimal import Decimal

from desktop.sandbox import xero_fields as f
from desktop.sandbox.service import Json
from desktop.sandbox.xero_books import Organisation, places
from desktop.sandbox.xero_errors import (
    ARCHIVED,
    BAD_ACCOUNT,
    BAD_TAX,
    ITEM_TAKEN,
    NAME_TAKEN,
    NO_CONTACT,
    Invalid,
    Missing,
)

CONTACT_TEXTS = {
    "FirstName": 255,
    "LastName": 255,
    "EmailAddress": 255,
    "ContactNumber": 50,
    "AccountNumber": 50,
    "CompanyNumber": 50,
    "TaxNumber": 50,
    "BankAccountDetails": 0,
}
ADDRESS_TEXTS = {
    "AddressLine1": 500,
    "AddressLine2": 500,
    "AddressLine3": 500,
    "AddressLine4": 500,
    "City": 255,
    "Region": 255,
    "PostalCode": 50,
    "Country": 50,
    "AttentionTo": 255,
}
PHONE_TEXTS = {"PhoneNumber": 50, "PhoneAreaCode": 10, "PhoneCountryCode": 20}
ADDRESS_TYPES = ("STREET", "POBOX")
PHONE_TYPES = ("DDI", "DEFAULT", "FAX", "MOBILE")
REVENUE = ("REVENUE", "SALES", "OTHERINCOME")
_EMAIL = re.compile(r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$")
_ACCOUNT_TYPES = {
    "BANK": "ASSET",
    "CURRENT": "ASSET",
    "FIXED": "ASSET",
    "INVENTORY": "ASSET",
    "NONCURRENT": "ASSET",
    "PREPAYMENT": "ASSET",
    "EQUITY": "EQUITY",
    "DEPRECIATN": "EXPENSE",
    "DIRECTCOSTS": "EXPENSE",
    "EXPENSE": "EXPENSE",
    "OVERHEADS": "EXPENSE",
    "CURRLIAB": "LIABILITY",
    "LIABILITY": "LIABILITY",
    "TERMLIAB": "LIABILITY",
    "REVENUE": "REVENUE",
    "SALES": "REVENUE",
    "OTHERINCOME": "REVENUE",
}
ACCOUNT_CLASSES = _ACCOUNT_TYPES


# --- contacts ---


def new_contact(record_id: str, name: str) -> Json:
    """An empty contact as Xero keeps one: two addresses and four phones, all blank."""
    return {
        "ContactID": record_id,
        "ContactStatus": "ACTIVE",
        "Name": name,
        **dict.fromkeys(CONTACT_TEXTS, ""),
        "DefaultCurrency": "",
        "Addresses": [{"AddressType": kind, **dict.fromkeys(ADDRESS_TEXTS, "")} for kind in ADDRESS_TYPES],
        "Phones": [{"PhoneType": kind, **dict.fromkeys(PHONE_TEXTS, "")} for kind in PHONE_TYPES],
        "ContactPersons": [],
        "IsSupplier": False,
        "IsCustomer": False,
    }


def find_contact(org: Organisation, wanted: Json) -> Json | None:
    """By ContactID (unknown: 404 for all), then ContactNumber, then the name among active ones."""
    record_id = f.text(wanted, "ContactID")
    if record_id:
        found = org.get("Contact", record_id) or org.keyed("contact_number", record_id)
        if found is None:
            raise Missing(record_id)
        return found
    number = f.text(wanted, "ContactNumber")
    if number and (by_number := org.keyed("contact_number", number)) is not None:
        return by_number
    name = f.text(wanted, "Name")
    return org.keyed("contact_name", name) if name else None


def contact(org: Organisation, wanted: Json, old: Json | None) -> Json:
    """A contact ready to be stored. Raises `Invalid`."""
    problems: list[str] = []
    if old is not None and old["ContactStatus"] != "ACTIVE":
        raise Invalid(ARCHIVED)
    name = f.text(wanted, "Name", 255, problems) if "Name" in wanted else str((old or {}).get("Name", ""))
    if not name.strip():
        raise Invalid(NO_CONTACT)
    if name != (old or {}).get("Name"):
        _check_name(org, name, old, problems)
    made = dict(old) if old is not None else new_contact(org.new_id("Contact"), name)
    made["Name"] = name
    for field, most in CONTACT_TEXTS.items():
        if field in wanted:
            made[field] = f.text(wanted, field, most, problems)
    for field, key in (("ContactNumber", "contact_number"), ("AccountNumber", "account_number")):
        holder = org.keyed(key, made[field]) if made[field] else None
        if holder is not None and holder["ContactID"] != made["ContactID"]:
            words = "Account Number already exists" if field == "AccountNumber" else "Contact Number already exists"
            problems.append(f"{words}: {made[field]}")
    if made["EmailAddress"] and not _EMAIL.match(made["EmailAddress"]):
        problems.append("Email address must be valid.")
    made["Addresses"] = _merged(wanted, "Addresses", "AddressType", ADDRESS_TEXTS, made["Addresses"], problems)
    made["Phones"] = _merged(wanted, "Phones", "PhoneType", PHONE_TEXTS, made["Phones"], problems)
    if any(re.search(r"[^\w\s.,'()&-]|\d", address["Country"]) for address in made["Addresses"]):
        problems.append("Country must contain only letters.")
    if "ContactPersons" in wanted:
        people = f.objects(wanted, "ContactPersons")
        if len(people) > 5:
            problems.append("A contact can have at most 5 contact persons.")
        made["ContactPersons"] = people
    if "DefaultCurrency" in wanted:
        made["DefaultCurrency"] = f.text(wanted, "DefaultCurrency", 3, problems)
    status = f.choice(wanted, "ContactStatus", ("ACTIVE", "ARCHIVED", "GDPRREQUEST"))
    made["ContactStatus"] = status or made["ContactStatus"]
    if problems:
        raise Invalid(*problems)
    return made


def _check_name(org: Organisation, name: str, old: Json | None, problems: list[str]) -> None:
    if "<" in name or ">" in name:
        problems.append("The contact name cannot contain the characters < or >.")
    if name != " ".join(name.split()):
        problems.append("The contact name cannot have leading, trailing or doubled blanks.")
    holder = org.keyed("contact_name", name)
    if holder is not None and holder["ContactID"] != (old or {}).get("ContactID"):
        problems.append(NAME_TAKEN.format(name=name))


def _merged(
    wanted: Json, name: str, key: str, texts: dict[str, int], before: list[Json], problems: list[str]
) -> list[Json]:
    """What was sent is merged by type; the other types stay."""
    kept = {row[key]: row for row in before}
    for row in f.objects(wanted, name):
        kind = f.choice(row, key, (*kept, "OFFICE") if key == "PhoneType" else tuple(kept))
        if not kind:
            problems.append(f"{key} must be specified.")
            continue
        sent = {field: f.text(row, field, most, problems) for field, most in texts.items() if field in row}
        kept[kind] = {**kept.get(kind, {key: kind, **dict.fromkeys(texts, "")}), **sent}
    return list(kept.values())


# --- items ---


def find_item(org: Organisation, wanted: Json) -> Json | None:
    record_id = f.text(wanted, "ItemID")
    if record_id:
        found = org.get("Item", record_id) or org.keyed("item_code", record_id)
        if found is None:
            raise Missing(record_id)
        return found
    code = f.text(wanted, "Code")
    return org.keyed("item_code", code) if code else None


def item(org: Organisation, wanted: Json, old: Json | None, digits: int) -> Json:
    """An item ready to be stored. Raises `Invalid`."""
    problems: list[str] = []
    made: Json = (
        dict(old)
        if old is not None
        else {
            "ItemID": org.new_id("Item"),
            "Code": "",
            "Name": "",
            "Description": "",
            "PurchaseDescription": "",
            "IsSold": True,
            "IsPurchased": False,
            "IsTrackedAsInventory": False,
            "SalesDetails": {},
            "PurchaseDetails": {},
        }
    )
    for field, most in (("Code", 30), ("Name", 50), ("Description", 4000), ("PurchaseDescription", 4000)):
        if field in wanted:
            made[field] = f.text(wanted, field, most, problems)
    if not made["Code"].strip():
        problems.append("Price List Item Code must be specified.")
    holder = org.keyed("item_code", made["Code"])
    if holder is not None and holder["ItemID"] != made["ItemID"]:
        problems.append(ITEM_TAKEN.format(code=made["Code"]))
    for field in ("SalesDetails", "PurchaseDetails"):
        if field in wanted:
            made[field] = _details(org, f.part(wanted, field), made[field], digits, problems)
    if f.text(wanted, "InventoryAssetAccountCode"):
        asset = org.keyed("account_code", f.text(wanted, "InventoryAssetAccountCode"))
        if asset is None or asset["Type"] != "INVENTORY" or not made["PurchaseDetails"].get("COGSAccountCode"):
            problems.append("A tracked item needs an inventory asset account and a cost of goods sold account.")
        made |= {"IsTrackedAsInventory": True, "InventoryAssetAccountCode": f.text(wanted, "InventoryAssetAccountCode")}
    if "IsSold" in wanted and f.flag(wanted, "IsSold") is False:
        made |= {"IsSold": False, "Description": "", "SalesDetails": {}}
    elif made["SalesDetails"] or f.flag(wanted, "IsSold"):
        made["IsSold"] = True
    made["IsPurchased"] = bool(made["PurchaseDetails"])
    if problems:
        raise Invalid(*problems)
    return made


def _details(org: Organisation, sent: Json, before: Json, digits: int, problems: list[str]) -> Json:
    made = dict(before)
    price = f.number(sent, "UnitPrice")
    if price is not None:
        made["UnitPrice"] = places(price, digits)
    for field in ("AccountCode", "COGSAccountCode"):
        code = f.text(sent, field)
        if code:
            if usable_account(org, code) is None:
                problems.append(BAD_ACCOUNT.format(code=code))
            made[field] = code
    tax = f.text(sent, "TaxType")
    if tax:
        if org.get("TaxRate", tax) is None:
            problems.append(BAD_TAX)
        made["TaxType"] = tax
    return made


def usable_account(org: Organisation, code: str) -> Json | None:
    """An active account that a line may be booked on."""
    found = org.keyed("account_code", code)
    if found is None or found["Status"] != "ACTIVE" or found["Type"] == "BANK" or found["SystemAccount"]:
        return None
    return found


# --- accounts ---


def account(org: Organisation, wanted: Json, old: Json | None) -> Json:
    """An account ready to be stored. Raises `Invalid`."""
    problems: list[str] = []
    kind = f.text(wanted, "Type") or str((old or {}).get("Type", ""))
    if kind not in ACCOUNT_CLASSES:
        problems.append("Account type must be valid.")
    code = f.text(wanted, "Code", 10, problems) if "Code" in wanted else str((old or {}).get("Code", ""))
    name = f.text(wanted, "Name", 150, problems) if "Name" in wanted else str((old or {}).get("Name", ""))
    if not name:
        problems.append("Please enter a unique Name.")
    if not code and kind != "BANK":
        problems.append("Please enter a unique Code.")
    others = [row for row in org.tables["Account"].values() if row["AccountID"] != (old or {}).get("AccountID")]
    if any(row["Name"].casefold() == name.casefold() and row["Status"] == "ACTIVE" for row in others):
        problems.append("Please enter a unique Name.")
    if code and any(row["Code"].casefold() == code.casefold() for row in others):
        problems.append("Please enter a unique Code.")
    status = f.choice(wanted, "Status", ("ACTIVE", "ARCHIVED"))
    if problems:
        raise Invalid(*problems)
    return new_account(old["AccountID"] if old else org.new_id("Account"), code, name, kind) | {
        "Status": status or (old or {}).get("Status", "ACTIVE"),
        "TaxType": f.text(wanted, "TaxType") or (old or {}).get("TaxType", "NONE"),
        "EnablePaymentsToAccount": bool(
            f.flag(wanted, "EnablePaymentsToAccount")
            if "EnablePaymentsToAccount" in wanted
            else (old or {}).get("EnablePaymentsToAccount", False)
        ),
    }


def new_account(record_id: str, code: str, name: str, kind: str) -> Json:
    return {
        "AccountID": record_id,
        "Code": code,
        "Name": name,
        "Status": "ACTIVE",
        "Type": kind,
        "TaxType": "NONE",
        "Class": ACCOUNT_CLASSES.get(kind, "ASSET"),
        "EnablePaymentsToAccount": False,
        "SystemAccount": "",
    }


def takes_payments(record: Json) -> bool:
    """Whether money may be booked on this account (contract 3.3)."""
    return record["Status"] == "ACTIVE" and bool(record["Type"] == "BANK" or record["EnablePaymentsToAccount"])


def rate_of(record: Json) -> Decimal:
    """A tax rate's percentage."""
    return sum((component["Rate"] for component in record["TaxComponents"]), Decimal(0))
