"""Which attributes QuickBooks knows, and which of them only the service itself may set."""

from __future__ import annotations

_COMMON = "Id SyncToken sparse domain status MetaData CustomField AttachableRef"

_PERSON = """
Title GivenName MiddleName FamilyName Suffix DisplayName FullyQualifiedName CompanyName PrintOnCheckName Active
PrimaryPhone AlternatePhone Mobile Fax PrimaryEmailAddr WebAddr BillAddr ShipAddr OtherAddr Notes CurrencyRef Balance
V4IDPseudonym GSTIN GSTRegistrationType BusinessNumber PrimaryTaxIdentifier SecondaryTaxIdentifier TaxIdentifier
AcctNum OtherContactInfo Source UserId IntuitId Organization HasTPAR
"""
_CUSTOMER = """
DefaultTaxCodeRef Taxable TaxExemptionReasonId TaxExemptionReasonID Job BillWithParent ParentRef RootCustomerRef Level
SalesTermRef PaymentMethodRef OpenBalanceDate OverDueBalance TotalRevenue TotalExpense BalanceWithJobs CreditLimit
PreferredDeliveryMethod ResaleNum ARAccountRef IsProject ClientEntityId ClientCompanyId JobInfo CustomerTypeRef
ContactName AltContactName TaxRegime PriceLevelRef CCDetail PrefDeliveryMethod OverdueBalance
"""
_ITEM = """
Name Sku Description Active SubItem ParentRef Level FullyQualifiedName Taxable SalesTaxIncluded PercentBased UnitPrice
RatePercent Type PaymentMethodRef UOMSetRef IncomeAccountRef PurchaseDesc PurchaseTaxIncluded PurchaseCost
ExpenseAccountRef COGSAccountRef AssetAccountRef PrefVendorRef AvgCost TrackQtyOnHand QtyOnHand QtyOnPurchaseOrder
QtyOnSalesOrder ReorderPoint ManPartNum DepositToAccountRef SalesTaxCodeRef PurchaseTaxCodeRef InvStartDate BuildPoint
PrintGroupedItems SpecialItem SpecialItemType ItemGroupDetail ItemAssemblyDetail AbatementRate ReverseChargeRate
ServiceType ItemCategoryType TaxClassificationRef UQCDisplayText UQCId ClassRef Source DeferredRevenue
"""
_ACCOUNT = """
Name SubAccount ParentRef Description FullyQualifiedName AccountAlias TxnLocationType Active Classification AccountType
AccountSubType AccountPurposes AcctNum AcctNumExtn BankNum OpeningBalance OpeningBalanceDate CurrentBalance
CurrentBalanceWithSubAccounts CurrencyRef TaxAccount TaxCodeRef OnlineBankingEnabled FIName JournalCodeRef
"""
_TRANSACTION = """
DocNumber TxnDate DepartmentRef CurrencyRef ExchangeRate PrivateNote TxnStatus LinkedTxn Line TxnTaxDetail TxnSource
TaxFormType TaxFormNum TransactionLocationType Tag TxnApprovalInfo RecurDataRef RecurringInfo ProjectRef
TaxExemptionRef CustomerRef RemitToRef ARAccountRef DepositToAccountRef PaymentMethodRef PaymentRefNum PaymentType
CheckPayment CreditCardPayment TotalAmt
"""
_INVOICE = """
AllowIPNPayment AllowOnlinePayment AllowOnlineCreditCardPayment AllowOnlineACHPayment AllowOnlinePayPalPayment
AutoDocNumber CustomerMemo BillAddr ShipAddr ShipFromAddr ClassRef SalesTermRef DueDate SalesRepRef PONumber FOB
ShipMethodRef ShipDate TrackingNum GlobalTaxCalculation HomeTotalAmt ApplyTaxAfterDiscount TemplateRef PrintStatus
EmailStatus BillEmail BillEmailCc BillEmailBcc Balance HomeBalance FinanceCharge DeliveryInfo DiscountRate DiscountAmt
Deposit InvoiceStatus CallToAction InvoiceStatusLog InvoiceLink FreeFormAddress EInvoiceStatus ECloudStatusTimeStamp
OverrideSalesTax LessCIS invoiceStatus callToAction invoiceStatusLog
"""

KNOWN: dict[str, frozenset[str]] = {
    "Customer": frozenset((_COMMON + _PERSON + _CUSTOMER).split()),
    "Item": frozenset((_COMMON + " " + _ITEM).split()),
    "Account": frozenset((_COMMON + " " + _ACCOUNT).split()),
    "PaymentMethod": frozenset((_COMMON + " Name Active Type").split()),
    "Invoice": frozenset((_COMMON + _TRANSACTION + _INVOICE).split()),
    "Payment": frozenset((_COMMON + _TRANSACTION + " UnappliedAmt ProcessPayment").split()),
}

LINE = frozenset(
    [
        "Id",
        "LineNum",
        "Description",
        "Amount",
        "Received",
        "LinkedTxn",
        "DetailType",
        "SalesItemLineDetail",
        "SubTotalLineDetail",
        "DiscountLineDetail",
        "DescriptionLineDetail",
        "DescriptionOnly",
        "GroupLineDetail",
        "CustomField",
        "CustomExtensions",
        "LineEx",
        "TaxLineDetail",
    ]
)
SALES_DETAIL = frozenset(
    [
        "ItemRef",
        "ClassRef",
        "UnitPrice",
        "RatePercent",
        "PriceLevelRef",
        "MarkupInfo",
        "Qty",
        "UOMRef",
        "ItemAccountRef",
        "InventorySiteRef",
        "TaxCodeRef",
        "ServiceDate",
        "TaxInclusiveAmt",
        "DiscountRate",
        "DiscountAmt",
        "DeferredRevenue",
        "TaxClassificationRef",
    ]
)

_OWN = "Id SyncToken sparse domain status MetaData"
READ_ONLY: dict[str, frozenset[str]] = {
    "Customer": frozenset(f"{_OWN} Balance BalanceWithJobs FullyQualifiedName Level IsProject V4IDPseudonym".split()),
    "Vendor": frozenset(f"{_OWN} Balance V4IDPseudonym".split()),
    "Employee": frozenset(f"{_OWN} V4IDPseudonym".split()),
    "Item": frozenset(f"{_OWN} FullyQualifiedName Level AvgCost".split()),
    "Account": frozenset(
        f"{_OWN} FullyQualifiedName Classification CurrentBalance CurrentBalanceWithSubAccounts".split()
    ),
    "PaymentMethod": frozenset(_OWN.split()),
    "Invoice": frozenset(
        f"{_OWN} TotalAmt Balance HomeBalance HomeTotalAmt LinkedTxn InvoiceLink InvoiceStatus AutoDocNumber".split()
    ),
    "Payment": frozenset(f"{_OWN} UnappliedAmt LinkedTxn".split()),
}

ACCOUNT_TYPES: dict[str, tuple[str, str]] = {
    "Bank": ("Asset", "Checking"),
    "Accounts Receivable": ("Asset", "AccountsReceivable"),
    "Other Current Asset": ("Asset", "OtherCurrentAssets"),
    "Fixed Asset": ("Asset", "OtherFixedAssets"),
    "Other Asset": ("Asset", "OtherLongTermAssets"),
    "Accounts Payable": ("Liability", "AccountsPayable"),
    "Credit Card": ("Liability", "CreditCard"),
    "Other Current Liability": ("Liability", "OtherCurrentLiabilities"),
    "Long Term Liability": ("Liability", "OtherLongTermLiabilities"),
    "Equity": ("Equity", "OpeningBalanceEquity"),
    "Income": ("Revenue", "SalesOfProductIncome"),
    "Cost of Goods Sold": ("Expense", "SuppliesMaterialsCogs"),
    "Expense": ("Expense", "OtherMiscellaneousServiceCost"),
    "Other Income": ("Revenue", "OtherMiscellaneousIncome"),
    "Other Expense": ("Expense", "OtherMiscellaneousExpense"),
    "Non-Posting": ("Asset", ""),
}
"""AccountType: (Classification, usual AccountSubType)."""

_PERSON_QUERY = """Id DisplayName Title GivenName MiddleName FamilyName Suffix CompanyName PrintOnCheckName Active
PrimaryEmailAddr PrimaryPhone FullyQualifiedName Balance MetaData.CreateTime MetaData.LastUpdatedTime"""
QUERYABLE: dict[str, frozenset[str]] = {
    "Customer": frozenset((_PERSON_QUERY + " Job ParentRef Taxable ResaleNum BalanceWithJobs").split()),
    "Vendor": frozenset((_PERSON_QUERY + " AcctNum").split()),
    "Employee": frozenset(_PERSON_QUERY.split()),
    "Item": frozenset(
        [
            "Id",
            "Name",
            "Sku",
            "Description",
            "Active",
            "Type",
            "SubItem",
            "ParentRef",
            "FullyQualifiedName",
            "Taxable",
            "UnitPrice",
            "IncomeAccountRef",
            "ExpenseAccountRef",
            "AssetAccountRef",
            "QtyOnHand",
            "MetaData.CreateTime",
            "MetaData.LastUpdatedTime",
        ]
    ),
    "Account": frozenset(
        [
            "Id",
            "Name",
            "AcctNum",
            "Active",
            "AccountType",
            "AccountSubType",
            "Classification",
            "Description",
            "FullyQualifiedName",
            "SubAccount",
            "ParentRef",
            "CurrentBalance",
            "MetaData.CreateTime",
            "MetaData.LastUpdatedTime",
        ]
    ),
    "TaxCode": frozenset(
        ["Id", "Name", "Active", "Taxable", "TaxGroup", "MetaData.CreateTime", "MetaData.LastUpdatedTime"]
    ),
    "TaxRate": frozenset(["Id", "Name", "Active", "RateValue", "MetaData.CreateTime", "MetaData.LastUpdatedTime"]),
    "PaymentMethod": frozenset(["Id", "Name", "Active", "Type", "MetaData.CreateTime", "MetaData.LastUpdatedTime"]),
    "Term": frozenset(["Id", "Name", "Active", "Type", "DueDays", "MetaData.CreateTime", "MetaData.LastUpdatedTime"]),
    "Invoice": frozenset(
        [
            "Id",
            "DocNumber",
            "TxnDate",
            "DueDate",
            "CustomerRef",
            "SalesTermRef",
            "ClassRef",
            "DepartmentRef",
            "ShipDate",
            "TotalAmt",
            "Balance",
            "MetaData.CreateTime",
            "MetaData.LastUpdatedTime",
        ]
    ),
    "Payment": frozenset(
        [
            "Id",
            "TxnDate",
            "CustomerRef",
            "PaymentMethodRef",
            "PaymentRefNum",
            "DepositToAccountRef",
            "TotalAmt",
            "UnappliedAmt",
            "MetaData.CreateTime",
            "MetaData.LastUpdatedTime",
        ]
    ),
    "CompanyInfo": frozenset(
        ["Id", "CompanyName", "LegalName", "Country", "MetaData.CreateTime", "MetaData.LastUpdatedTime"]
    ),
    "Preferences": frozenset(["Id", "MetaData.CreateTime", "MetaData.LastUpdatedTime"]),
}
"""Attributes that a query may filter and sort by (PrivateNote and Payment.DocNumber are not among them)."""
