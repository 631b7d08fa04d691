"""Xero's records as a reader sees them: `/Date(ms+0000)/`, two or four decimals, no null (contract 2.4, 2.5, 3)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from desktop.sandbox.service import Json
from desktop.sandbox.xero_books import ZERO, Organisation, places
from desktop.sandbox.xero_fields import EPOCH
from desktop.sandbox.xero_names import rate_of

ONE = Decimal(1)


def slash(moment: dt.datetime, offset: str = "+0000") -> str:
    milliseconds = (moment - EPOCH) // dt.timedelta(milliseconds=1)
    return f"/Date({milliseconds}{offset})/"


def slash_day(day: str) -> str:
    """A calendar date: midnight UTC of that day."""
    return slash(dt.datetime.fromisoformat(day).replace(tzinfo=dt.UTC))


def _stamp(record: Json) -> Json:
    moment: dt.datetime = record["UpdatedDateUTC"]
    return {"UpdatedDateUTC": slash(moment)}


def _stamps(record: Json) -> Json:
    moment: dt.datetime = record["UpdatedDateUTC"]
    plain = moment.replace(tzinfo=None).isoformat(timespec="seconds")
    return {**_stamp(record), "UpdatedDateUTCString": plain}


def _filled(record: Json, *names: str) -> Json:
    return {name: record[name] for name in names if record.get(name) not in (None, "")}


class Show:
    """Dresses the records of one organisation; `digits` is the number of decimals of unit prices (2 or 4)."""

    def __init__(self, org: Organisation, digits: int = 2) -> None:
        self._org = org
        self._digits = digits

    def record(self, entity: str, record: Json, detail: bool = True) -> Json:
        """`detail` is False in a list without paging and with summaryOnly."""
        if entity == "Contact":
            return self.contact(record, detail)
        if entity == "Invoice":
            return self.invoice(record, detail)
        makers: dict[str, Any] = {
            "Item": self.item,
            "Account": self.account,
            "TaxRate": self.tax_rate,
            "Payment": self.payment,
        }
        made: Json = makers[entity](record)
        return made

    def contact(self, record: Json, detail: bool = True) -> Json:
        shown: Json = {
            "ContactID": record["ContactID"],
            **_filled(record, "ContactNumber", "AccountNumber"),
            "ContactStatus": record["ContactStatus"],
            "Name": record["Name"],
            **_filled(record, "FirstName", "LastName", "CompanyNumber", "TaxNumber", "DefaultCurrency"),
            "EmailAddress": record["EmailAddress"],
            "BankAccountDetails": record["BankAccountDetails"],
            **_stamp(record),
            "IsSupplier": record["IsSupplier"],
            "IsCustomer": record["IsCustomer"],
            **_filled(record, "MergedToContactID"),
            "HasValidationErrors": False,
        }
        if detail:
            shown |= {
                "Addresses": record["Addresses"],
                "Phones": record["Phones"],
                "ContactGroups": [],
                "ContactPersons": record["ContactPersons"],
                "HasAttachments": False,
            }
        return shown

    def item(self, record: Json) -> Json:
        shown: Json = {
            "ItemID": record["ItemID"],
            "Code": record["Code"],
            **_filled(record, "Name", "Description", "PurchaseDescription", "InventoryAssetAccountCode"),
            **_stamp(record),
            "IsTrackedAsInventory": record["IsTrackedAsInventory"],
            "IsSold": record["IsSold"],
            "IsPurchased": record["IsPurchased"],
            "PurchaseDetails": self._prices(record["PurchaseDetails"]),
        }
        if record["IsSold"]:
            shown["SalesDetails"] = self._prices(record["SalesDetails"])
        if record["IsTrackedAsInventory"]:
            shown |= {"QuantityOnHand": ZERO, "TotalCostPool": ZERO}
        return shown

    def _prices(self, details: Json) -> Json:
        if "UnitPrice" not in details:
            return details
        return {**details, "UnitPrice": places(details["UnitPrice"], self._digits)}

    def account(self, record: Json) -> Json:
        return {
            "AccountID": record["AccountID"],
            **_filled(record, "Code"),
            "Name": record["Name"],
            "Status": record["Status"],
            "Type": record["Type"],
            "TaxType": record["TaxType"],
            "Class": record["Class"],
            "EnablePaymentsToAccount": record["EnablePaymentsToAccount"],
            "ShowInExpenseClaims": False,
            **({"BankAccountType": "BANK", "CurrencyCode": self._org.currency} if record["Type"] == "BANK" else {}),
            **_filled(record, "SystemAccount"),
            "HasAttachments": False,
            **_stamp(record),
        }

    def tax_rate(self, record: Json) -> Json:
        rate = rate_of(record)
        return {
            "Name": record["Name"],
            "TaxType": record["TaxType"],
            "CanApplyToAssets": True,
            "CanApplyToEquity": True,
            "CanApplyToExpenses": True,
            "CanApplyToLiabilities": True,
            "CanApplyToRevenue": record["CanApplyToRevenue"],
            "DisplayTaxRate": rate,
            "EffectiveRate": rate,
            "Status": record["Status"],
            "TaxComponents": record["TaxComponents"],
        }

    def invoice(self, record: Json, detail: bool = True) -> Json:
        person = self._org.tables["Contact"][record["_contact"]]
        payments = [] if record["Status"] in ("VOIDED", "DELETED") else self._org.paid(record["InvoiceID"])
        shown: Json = {
            "Type": record["Type"],
            "InvoiceID": record["InvoiceID"],
            "InvoiceNumber": record["InvoiceNumber"],
            "Reference": record["Reference"],
            **_filled(record, "Url"),
            "Payments": [self._payment_on_invoice(row) for row in payments],
            "CreditNotes": [],
            "Prepayments": [],
            "Overpayments": [],
            "AmountDue": record["AmountDue"],
            "AmountPaid": record["AmountPaid"],
            "AmountCredited": ZERO,
            "CurrencyRate": ONE,
            "IsDiscounted": any("DiscountRate" in line or "DiscountAmount" in line for line in record["LineItems"]),
            "HasAttachments": False,
            "HasErrors": False,
            "SentToContact": record["SentToContact"],
            "Contact": self.contact(person, detail) if detail else self._contact_on_list(person),
            "DateString": f"{record['Date']}T00:00:00",
            "Date": slash_day(record["Date"]),
            "Status": record["Status"],
            "LineAmountTypes": record["LineAmountTypes"],
            "LineItems": [self._line(line) for line in record["LineItems"]] if detail else [],
            "SubTotal": record["SubTotal"],
            "TotalTax": record["TotalTax"],
            "Total": record["Total"],
            **_stamps(record),
            "CurrencyCode": record["CurrencyCode"],
        }
        if record["DueDate"]:
            shown |= {"DueDateString": f"{record['DueDate']}T00:00:00", "DueDate": slash_day(record["DueDate"])}
        if record["FullyPaidOnDate"]:
            shown["FullyPaidOnDate"] = slash_day(record["FullyPaidOnDate"])
        return shown

    def _contact_on_list(self, record: Json) -> Json:
        return {
            "ContactID": record["ContactID"],
            "Name": record["Name"],
            "Addresses": [],
            "Phones": [],
            "ContactGroups": [],
            "ContactPersons": [],
            "HasValidationErrors": False,
        }

    def _line(self, line: Json) -> Json:
        shown: Json = {
            "LineItemID": line["LineItemID"],
            "Description": line["Description"],
            "UnitAmount": places(line["UnitAmount"], self._digits),
            "TaxType": line["TaxType"],
            "TaxAmount": line["TaxAmount"],
            "LineAmount": line["LineAmount"],
            **_filled(line, "AccountCode", "ItemCode", "DiscountRate", "DiscountAmount"),
            "Tracking": line["Tracking"],
            "Quantity": line["Quantity"],
        }
        item = self._org.keyed("item_code", line["ItemCode"]) if line.get("ItemCode") else None
        if item is not None:
            shown["Item"] = {"ItemID": item["ItemID"], **_filled(item, "Name"), "Code": item["Code"]}
        account = self._org.keyed("account_code", line["AccountCode"]) if line["AccountCode"] else None
        if account is not None:
            shown["AccountID"] = account["AccountID"]
        return shown

    def _payment_on_invoice(self, record: Json) -> Json:
        return {
            "PaymentID": record["PaymentID"],
            "Date": slash_day(record["Date"]),
            "Amount": record["Amount"],
            **_filled(record, "Reference"),
            "CurrencyRate": ONE,
            "HasAccount": False,
            "HasValidationErrors": False,
        }

    def payment(self, record: Json) -> Json:
        account = self._org.tables["Account"][record["_account"]]
        paid = self._org.tables["Invoice"][record["_invoice"]]
        person = self._org.tables["Contact"][paid["_contact"]]
        return {
            "PaymentID": record["PaymentID"],
            "Date": slash_day(record["Date"]),
            "BankAmount": record["BankAmount"],
            "Amount": record["Amount"],
            **_filled(record, "Reference"),
            "CurrencyRate": ONE,
            "PaymentType": record["PaymentType"],
            "Status": record["Status"],
            **_stamps(record),
            "HasAccount": True,
            "IsReconciled": record["PaymentID"] in self._org.reconciled,
            "Account": {"AccountID": account["AccountID"], **_filled(account, "Code", "Name")},
            "Invoice": {
                "Type": paid["Type"],
                "InvoiceID": paid["InvoiceID"],
                "InvoiceNumber": paid["InvoiceNumber"],
                "Payments": [],
                "CreditNotes": [],
                "Prepayments": [],
                "Overpayments": [],
                "AmountDue": paid["AmountDue"],
                "AmountPaid": paid["AmountPaid"],
                "Total": paid["Total"],
                "Status": paid["Status"],
                "IsDiscounted": False,
                "HasErrors": False,
                "Contact": self._contact_on_list(person),
                "LineItems": [],
                "CurrencyCode": paid["CurrencyCode"],
            },
            "HasValidationErrors": False,
        }

    def organisation(self) -> Json:
        rules = self._org.rules
        shown = dict(self._org.info)
        if rules.period_lock_date:
            shown["PeriodLockDate"] = slash_day(rules.period_lock_date)
        if rules.end_of_year_lock_date:
            shown["EndOfYearLockDate"] = slash_day(rules.end_of_year_lock_date)
        return shown
