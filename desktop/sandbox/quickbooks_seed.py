"""A made-up company translated into QuickBooks' words."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from desktop.sandbox import quickbooks_fields as f
from desktop.sandbox.clock import SandboxClock
from desktop.sandbox.quickbooks_books import CompanyRules, Realm
from desktop.sandbox.quickbooks_known import ACCOUNT_TYPES
from desktop.sandbox.quickbooks_sales import allocations
from desktop.sandbox.quickbooks_sums import ZERO, add_up, tax_of
from desktop.sandbox.seed_shapes import BASE_DATE, CompanySeed, SeedCustomer, SeedInvoice, SeedPayment
from desktop.sandbox.service import Json

ACCOUNT_OF = {
    "income": "Income",
    "bank": "Bank",
    "undeposited": "Other Current Asset",
    "receivable": "Accounts Receivable",
    "expense": "Expense",
    "cogs": "Cost of Goods Sold",
}
TERMS = (("Due on receipt", 0), ("Net 15", 15), ("Net 30", 30), ("Net 60", 60))
_START = dt.datetime.combine(BASE_DATE, dt.time(17), dt.UTC)


def build(seed: CompanySeed, name: str, realm_id: str, clock: SandboxClock) -> Realm:
    """The company's books as QuickBooks would hold them at the start."""
    rules = CompanyRules(
        custom_txn_numbers=seed.custom_numbers,
        book_close_date=seed.book_close_date.isoformat() if seed.book_close_date else "",
    )
    realm = Realm(realm_id, name, seed.country, seed.currency, clock, rules)
    maker = _Maker(realm, seed)
    maker.company()
    maker.lists()
    maker.people()
    maker.sales()
    realm.mark()
    return realm


class _Maker:
    def __init__(self, realm: Realm, seed: CompanySeed) -> None:
        self._realm = realm
        self._seed = seed
        self._start = min(_START, realm.clock.now())
        self._ids: dict[tuple[str, str], str] = {}
        self._tax: Json = {}

    def _create(self, entity: str, key: str, fields: Json, time: dt.datetime | None = None) -> Json:
        made = self._realm.create(entity, fields, time or self._start)
        self._ids[entity, key] = made["Id"]
        return made

    def _ref(self, entity: str, key: str) -> Json:
        record_id = self._ids[entity, key]
        return {"value": record_id, "name": f.name_of(self._realm.tables[entity][record_id])}

    def company(self) -> None:
        seed = self._seed
        address = {
            "Id": "1",
            "Line1": seed.address_line1,
            "City": seed.city,
            "CountrySubDivisionCode": seed.region,
            "PostalCode": seed.postal_code,
            "Country": {"US": "USA"}.get(seed.country, seed.country),
        }
        names = {"SubscriptionStatus": "PAID", "OfferingSku": "QuickBooks Online Plus", "ItemCategoriesFeature": "true"}
        info: Json = {
            "Id": "1",
            "CompanyName": seed.name,
            "LegalName": seed.legal_name,
            "CompanyAddr": address,
            "LegalAddr": address,
            "CustomerCommunicationAddr": address,
            "Email": {"Address": seed.email},
            "Country": seed.country,
            "SupportedLanguages": "en",
            "FiscalYearStartMonth": "January",
            "CompanyStartDate": "2019-01-01",
            "NameValue": [{"Name": name, "Value": value} for name, value in names.items()],
        }
        self._create("CompanyInfo", "1", info)
        self._create("Preferences", "1", {"Id": "1"})

    def lists(self) -> None:
        seed, realm = self._seed, self._realm
        for account in seed.accounts:
            self._account(account.key, account.name, account.type, account.subtype, account.active)
        if not realm.undeposited_id:
            self._account("undeposited", "Undeposited Funds", "undeposited", "UndepositedFunds", True)
        if not realm.receivable_id:
            self._account("receivable", "Accounts Receivable (A/R)", "receivable", "AccountsReceivable", True)
        if realm.is_us:
            for code, taxable in (("TAX", True), ("NON", False)):
                fields = {
                    "Id": code,
                    "Name": code,
                    "Description": code,
                    "Active": True,
                    "Taxable": taxable,
                    "TaxGroup": False,
                }
                self._create("TaxCode", code, fields)
        realm.new_id("TaxCode")
        for tax in seed.tax_codes:
            self._tax_code(tax.key, tax.name, tax.rate, tax.active)
        for method in seed.payment_methods:
            kind = "CREDIT_CARD" if "card" in method.lower() else "NON_CREDIT_CARD"
            self._create("PaymentMethod", method, {"Name": method, "Type": kind, "Active": True})
        for term, days in TERMS:
            self._create("Term", term, {"Name": term, "Type": "STANDARD", "DueDays": days, "Active": True})

    def _account(self, key: str, name: str, kind: str, subtype: str, active: bool) -> None:
        account_type = ACCOUNT_OF[kind]
        made = self._create(
            "Account",
            key,
            {
                "Name": name,
                "SubAccount": False,
                "FullyQualifiedName": name,
                "Active": active,
                "Classification": ACCOUNT_TYPES[account_type][0],
                "AccountType": account_type,
                "AccountSubType": subtype or ACCOUNT_TYPES[account_type][1],
                "CurrentBalance": ZERO,
                "CurrentBalanceWithSubAccounts": ZERO,
                "CurrencyRef": {"value": self._realm.currency, "name": self._realm.currency},
            },
        )
        if kind == "undeposited":
            self._realm.undeposited_id = made["Id"]
        if kind == "receivable":
            self._realm.receivable_id = made["Id"]

    def _tax_code(self, key: str, name: str, rate: Decimal, active: bool) -> None:
        made = self._create("TaxRate", key, {"Name": name, "Active": active, "RateValue": rate, "Description": name})
        use = {"TaxRateRef": {"value": made["Id"], "name": name}, "TaxTypeApplicable": "TaxOnAmount", "TaxOrder": 0}
        code = self._create(
            "TaxCode",
            key,
            {
                "Name": name,
                "Description": name,
                "Active": active,
                "Hidden": False,
                "Taxable": True,
                "TaxGroup": True,
                "SalesTaxRateList": {"TaxRateDetail": [use]},
                "PurchaseTaxRateList": {"TaxRateDetail": []},
                "TaxCodeConfigType": "USER_DEFINED",
            },
        )
        if active and rate and not self._tax:
            self._tax = {"TxnTaxCodeRef": {"value": code["Id"]}}

    def people(self) -> None:
        for customer in self._seed.customers:
            self._customer(customer)
        for name in self._seed.vendors:
            self._create(
                "Vendor", name, {"DisplayName": name, "PrintOnCheckName": name, "Active": True, "Balance": ZERO}
            )
        for name in self._seed.employees:
            given, _, family = name.rpartition(" ")
            fields = {
                "DisplayName": name,
                "PrintOnCheckName": name,
                "GivenName": given,
                "FamilyName": family,
                "Active": True,
            }
            self._create("Employee", name, fields)
        for item in self._seed.items:
            fields = {
                "Name": item.name,
                "FullyQualifiedName": item.name,
                "Type": item.type,
                "UnitPrice": item.unit_price,
                "PurchaseCost": ZERO,
                "Taxable": item.taxable,
                "TrackQtyOnHand": False,
                "Active": item.active,
            }
            f.put(fields, "Description", item.description)
            f.put(fields, "Sku", item.sku)
            if item.account_key:
                fields["IncomeAccountRef"] = self._ref("Account", item.account_key)
            self._create("Item", item.key, fields)

    def _customer(self, customer: SeedCustomer) -> None:
        currency = {"value": self._realm.currency, "name": self._realm.currency}
        fields: Json = {
            "DisplayName": customer.display_name,
            "FullyQualifiedName": customer.display_name,
            "PrintOnCheckName": customer.display_name,
            "Active": customer.active,
            "Taxable": True,
            "Job": False,
            "BillWithParent": False,
            "Level": 0,
            "IsProject": False,
            "PreferredDeliveryMethod": "Print",
            "CurrencyRef": currency,
            "Balance": ZERO,
            "BalanceWithJobs": ZERO,
        }
        f.put(fields, "GivenName", customer.given_name)
        f.put(fields, "FamilyName", customer.family_name)
        f.put(fields, "CompanyName", customer.company_name)
        f.put(fields, "Notes", customer.notes)
        if customer.email:
            fields["PrimaryEmailAddr"] = {"Address": customer.email}
        if customer.phone:
            fields["PrimaryPhone"] = {"FreeFormNumber": customer.phone}
        address = {
            "Line1": customer.line1,
            "City": customer.city,
            "CountrySubDivisionCode": customer.region,
            "PostalCode": customer.postal_code,
            "Country": customer.country,
        }
        kept = {name: value for name, value in address.items() if value}
        f.put(fields, "BillAddr", kept or None)
        self._create("Customer", customer.key, fields)

    def sales(self) -> None:
        invoices = {invoice.number: self._invoice(invoice) for invoice in self._seed.invoices}
        paid: dict[str, list[tuple[str, Decimal]]] = {}
        for payment in self._seed.payments:
            record = self._payment(payment, invoices[payment.invoice_number]["Id"])
            paid.setdefault(payment.invoice_number, []).append((record["Id"], record["TotalAmt"]))
        for number, parts in paid.items():
            record = invoices[number]
            links = [{"TxnId": payment_id, "TxnType": "Payment"} for payment_id, _ in parts]
            balance = record["Balance"] - sum((amount for _, amount in parts), ZERO)
            self._realm.put("Invoice", {**record, "LinkedTxn": links, "Balance": balance})
        for customer_id in {record["CustomerRef"]["value"] for record in invoices.values()}:
            self._realm.settle_customer(customer_id)

    def _invoice(self, seed: SeedInvoice) -> Json:
        lines = []
        for line in seed.lines:
            code = "TAX" if line.taxable else "NON"
            if not self._realm.is_us:
                code = self._tax.get("TxnTaxCodeRef", {}).get("value", "")
            detail = {
                "ItemRef": {"value": self._ids["Item", line.item_key]},
                "Qty": line.quantity,
                "UnitPrice": line.unit_price,
                "TaxCodeRef": {"value": code},
            }
            amount = f.cents(line.quantity * line.unit_price)
            lines.append(
                {
                    "Amount": amount,
                    "DetailType": "SalesItemLineDetail",
                    "Description": line.description,
                    "SalesItemLineDetail": detail,
                }
            )
        customer = self._realm.tables["Customer"][self._ids["Customer", seed.customer_key]]
        fields: Json = {
            "CustomerRef": {"value": customer["Id"], "name": customer["DisplayName"]},
            "DocNumber": seed.number,
            "TxnDate": seed.date.isoformat(),
            "DueDate": seed.due_date.isoformat(),
            "CurrencyRef": customer["CurrencyRef"],
            "EmailStatus": "NotSet",
            "PrintStatus": "NotSet",
            "ApplyTaxAfterDiscount": False,
            "LinkedTxn": [],
            "Line": lines,
        }
        if self._realm.is_us and any(line.taxable for line in seed.lines):
            fields["TxnTaxDetail"] = self._tax
        elif not self._realm.is_us:
            fields["GlobalTaxCalculation"] = "TaxExcluded"
        f.put(fields, "BillEmail", customer.get("PrimaryEmailAddr"))
        f.put(fields, "BillAddr", customer.get("BillAddr"))
        sums = add_up(self._realm, fields, None, frozenset(), check_active=False)
        fields["TxnTaxDetail"], tax = tax_of(self._realm, fields, sums, frozenset())
        fields["Line"] = sums.lines
        fields["TotalAmt"] = fields["Balance"] = sums.subtotal + tax
        return self._create("Invoice", seed.number, fields, self._at(seed.date))

    def _payment(self, seed: SeedPayment, invoice_id: str) -> Json:
        fields: Json = {
            "CustomerRef": self._ref("Customer", seed.customer_key),
            "TotalAmt": seed.amount,
            "UnappliedAmt": ZERO,
            "TxnDate": seed.date.isoformat(),
            "CurrencyRef": {"value": self._realm.currency, "name": self._realm.currency},
            "DepositToAccountRef": {"value": self._realm.undeposited_id},
            "ProcessPayment": False,
            "LinkedTxn": [],
            "Line": [{"Amount": seed.amount, "LinkedTxn": [{"TxnId": invoice_id, "TxnType": "Invoice"}]}],
        }
        f.put(fields, "PaymentRefNum", seed.reference)
        if ("PaymentMethod", seed.method) in self._ids:
            fields["PaymentMethodRef"] = self._ref("PaymentMethod", seed.method)
        made = self._create("Payment", f"{seed.invoice_number}/{len(self._ids)}", fields, self._at(seed.date))
        assert allocations(made)
        return made

    def _at(self, day: dt.date) -> dt.datetime:
        return min(dt.datetime.combine(day, dt.time(17), dt.UTC), self._start)
