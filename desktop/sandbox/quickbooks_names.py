"""QuickBooks' name lists: people, items, accounts, payment methods (contract 3.1 to 3.3, 3.7)."""

from __future__ import annotations

from decimal import Decimal

from desktop.sandbox import quickbooks_fields as f
from desktop.sandbox.quickbooks_books import NAME_FIELD, Realm
from desktop.sandbox.quickbooks_errors import Refused
from desktop.sandbox.quickbooks_known import ACCOUNT_TYPES
from desktop.sandbox.service import Json

Fresh = frozenset[tuple[str, str]]
_NAME_PARTS = {"Title": 16, "GivenName": 100, "MiddleName": 100, "FamilyName": 100, "Suffix": 16}
_INCOME_TYPES = ("Income", "Other Income")


def person(realm: Realm, entity: str, wanted: Json, old: Json | None, fresh: Fresh) -> Json:
    """A customer, vendor or employee ready to be stored. Raises `Refused`."""
    made = dict(wanted)
    for name, most in _NAME_PARTS.items():
        f.put(made, name, f.plain_name(wanted, name, most))
    display = f.plain_name(wanted, "DisplayName", 500)
    display = display or " ".join(str(made[name]) for name in _NAME_PARTS if made.get(name))
    if not display:
        raise Refused(
            "6080",
            "At least one of Title, GivenName, MiddleName, FamilyName, Suffix or DisplayName is required",
            "DisplayName",
        )
    made["DisplayName"] = display
    f.put(made, "CompanyName", f.text(wanted, "CompanyName", 500).strip())
    made["PrintOnCheckName"] = f.plain_name(wanted, "PrintOnCheckName", 110) or display
    f.put(made, "Notes", f.text(wanted, "Notes", 2000))
    for name in ("PrimaryPhone", "AlternatePhone", "Mobile", "Fax"):
        f.put(made, name, f.phone(wanted, name))
    f.put(made, "PrimaryEmailAddr", f.email(wanted, "PrimaryEmailAddr"))
    for name in ("BillAddr", "ShipAddr"):
        f.put(made, name, f.address(wanted, name))
    made["Active"] = f.flag(wanted, "Active", True)
    _unique(realm, entity, display, old)
    if entity == "Customer":
        _customer_only(realm, wanted, old, made, fresh)
    return made


def _customer_only(realm: Realm, wanted: Json, old: Json | None, made: Json, fresh: Fresh) -> None:
    currency = str(f.part(wanted, "CurrencyRef").get("value") or realm.currency)
    if old is not None and currency != old["CurrencyRef"]["value"]:
        raise Refused("6000", "The currency of a customer cannot be changed", "CurrencyRef")
    if currency != realm.currency and not realm.rules.multi_currency:
        raise Refused("6000", f"Multi currency should be enabled to use currency {currency}", "CurrencyRef")
    made["CurrencyRef"] = {"value": currency, "name": currency}
    f.put(made, "ResaleNum", f.text(wanted, "ResaleNum", 16))
    for name, entity in (
        ("DefaultTaxCodeRef", "TaxCode"),
        ("SalesTermRef", "Term"),
        ("PaymentMethodRef", "PaymentMethod"),
    ):
        f.put(made, name, f.reference(realm, wanted, name, entity, fresh=fresh))
    parent = f.reference(realm, wanted, "ParentRef", "Customer", fresh=fresh)
    f.put(made, "ParentRef", parent)
    made["FullyQualifiedName"] = made["DisplayName"]
    made["Job"] = parent is not None and f.flag(wanted, "Job", True)
    made["Level"] = 0
    if parent is not None:
        above = realm.tables["Customer"][parent["value"]]
        made["FullyQualifiedName"] = f"{above['FullyQualifiedName']}:{made['DisplayName']}"
        made["Level"] = above.get("Level", 0) + 1
        if made["Level"] > 4 or (old is not None and parent["value"] == old["Id"]):
            raise Refused(
                "700",
                "The parent of this customer is not valid: at most five levels",
                "ParentRef",
                message="Parent invalid",
            )
    made["Taxable"] = f.flag(wanted, "Taxable", bool((old or {}).get("Taxable", True)))
    made.setdefault("BillWithParent", False)
    made.setdefault("PreferredDeliveryMethod", "Print")
    made["IsProject"] = bool((old or {}).get("IsProject", False))
    made["Balance"] = (old or {}).get("Balance", Decimal(0))
    made["BalanceWithJobs"] = (old or {}).get("BalanceWithJobs", Decimal(0))


def item(realm: Realm, wanted: Json, old: Json | None, fresh: Fresh) -> Json:
    """An item ready to be stored. Raises `Refused`."""
    made = dict(wanted)
    name = f.plain_name(wanted, "Name", 100)
    if not name:
        raise Refused("2020", "Required parameter Name is missing in the request", "Name")
    kind = f.choice(wanted, "Type", ("Service", "NonInventory", "Inventory", "Category", "Group"))
    kind = kind or str((old or {}).get("Type", ""))
    if not kind:
        raise Refused("2020", "Required parameter Type is missing in the request", "Type")
    if kind == "Group" and old is None:
        raise Refused("6000", "Creating a bundle is not supported", "Type")
    _unique(realm, "Item", name, old)
    made |= {"Name": name, "FullyQualifiedName": name, "Type": kind, "Active": f.flag(wanted, "Active", True)}
    f.put(made, "Description", f.text(wanted, "Description", 4000))
    f.put(made, "Sku", f.text(wanted, "Sku", 100))
    if kind == "Category":
        return made
    made["UnitPrice"] = f.number(wanted, "UnitPrice") or Decimal(0)
    made["Taxable"] = f.flag(wanted, "Taxable", False)
    made["PurchaseCost"] = f.number(wanted, "PurchaseCost") or Decimal(0)
    made["TrackQtyOnHand"] = f.flag(wanted, "TrackQtyOnHand", False)
    _item_accounts(realm, kind, wanted, made, fresh)
    if kind == "Inventory":
        for required in ("AssetAccountRef", "ExpenseAccountRef", "InvStartDate", "QtyOnHand"):
            if made.get(required) in (None, ""):
                raise Refused("2020", f"Required parameter {required} is missing in the request", required)
        made["QtyOnHand"] = f.number(wanted, "QtyOnHand") or Decimal(0)
    return made


def _item_accounts(realm: Realm, kind: str, wanted: Json, made: Json, fresh: Fresh) -> None:
    income = f.reference(realm, wanted, "IncomeAccountRef", "Account", fresh=fresh)
    if income is None and kind in ("Service", "Inventory"):
        code = realm.rules.missing_income_code
        raise Refused(code, "Required parameter IncomeAccountRef is missing in the request", "IncomeAccountRef")
    if income is not None and realm.tables["Account"][income["value"]]["AccountType"] not in _INCOME_TYPES:
        raise Refused("6000", f"{income['name']} is not an income account", "IncomeAccountRef")
    f.put(made, "IncomeAccountRef", income)
    for name in ("ExpenseAccountRef", "AssetAccountRef"):
        f.put(made, name, f.reference(realm, wanted, name, "Account", fresh=fresh))


def account(realm: Realm, wanted: Json, old: Json | None, fresh: Fresh) -> Json:
    """An account ready to be stored. Raises `Refused`."""
    made = dict(wanted)
    name = f.text(wanted, "Name", 100).strip()
    if not name:
        raise Refused("6080", "Required parameter Name is missing in the request", "Name")
    if '"' in name or ":" in name:
        raise Refused("2040", 'Property Name:Name has an illegal character (" or :)', "Name")
    kind = f.choice(wanted, "AccountType", tuple(ACCOUNT_TYPES)) or str((old or {}).get("AccountType", ""))
    subtype = f.text(wanted, "AccountSubType", 100)
    if not kind:
        kind = next((known for known, (_, usual) in ACCOUNT_TYPES.items() if subtype == usual), "")
    if not kind:
        raise Refused("2020", "Required parameter AccountType is missing in the request", "AccountType")
    _unique(realm, "Account", name, old)
    parent = f.reference(realm, wanted, "ParentRef", "Account", fresh=fresh)
    f.put(made, "ParentRef", parent)
    f.put(made, "AcctNum", f.text(wanted, "AcctNum", 7 if realm.country in ("US", "GB", "UK", "IN") else 20))
    return made | {
        "Name": name,
        "SubAccount": parent is not None,
        "FullyQualifiedName": f"{parent['name']}:{name}" if parent else name,
        "Active": f.flag(wanted, "Active", True),
        "Classification": ACCOUNT_TYPES[kind][0],
        "AccountType": kind,
        "AccountSubType": subtype or ACCOUNT_TYPES[kind][1],
        "CurrentBalance": (old or {}).get("CurrentBalance", Decimal(0)),
        "CurrentBalanceWithSubAccounts": (old or {}).get("CurrentBalanceWithSubAccounts", Decimal(0)),
        "CurrencyRef": {"value": realm.currency, "name": realm.currency},
    }


def payment_method(realm: Realm, wanted: Json, old: Json | None, fresh: Fresh) -> Json:
    """A payment method ready to be stored. Raises `Refused`."""
    name = f.text(wanted, "Name", 31).strip()
    if not name:
        raise Refused("2020", "Required parameter Name is missing in the request", "Name")
    _unique(realm, "PaymentMethod", name, old)
    kind = f.choice(wanted, "Type", ("CREDIT_CARD", "NON_CREDIT_CARD")) or "NON_CREDIT_CARD"
    return dict(wanted) | {"Name": name, "Type": kind, "Active": f.flag(wanted, "Active", True)}


def _unique(realm: Realm, entity: str, name: str, old: Json | None) -> None:
    owner = realm.name_owner(entity, name)
    if owner is None or (old is not None and owner == (entity, old["Id"])):
        return
    if NAME_FIELD.get(entity):
        detail = "Another customer, vendor or employee is already using this name. Please use a different name."
    else:
        detail = f"Another {entity.lower()} is already using this name. Please use a different name."
    raise Refused(
        "6240", f"The name supplied already exists. : {detail} Id={owner[1]}", "Name" if entity == "Item" else ""
    )
