"""What an invoice comes to in QuickBooks: lines, subtotal, discount, tax (contract 3.4 and 3.5)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal

from desktop.sandbox import quickbooks_fields as f
from desktop.sandbox.quickbooks_books import Realm
from desktop.sandbox.quickbooks_errors import Refused
from desktop.sandbox.quickbooks_known import LINE, SALES_DETAIL
from desktop.sandbox.service import Json

ZERO = Decimal(0)
Fresh = frozenset[tuple[str, str]]


@dataclass(slots=True)
class Sums:
    """`taxed` maps a tax code's id to the amount that it taxes; in the US everything taxable stands under TAX."""

    lines: list[Json]
    subtotal: Decimal
    discount: Decimal
    taxed: dict[str, Decimal]


def add_up(realm: Realm, wanted: Json, old: Json | None, fresh: Fresh, check_active: bool = True) -> Sums:
    """Check and complete the lines. Raises `Refused`. Lines that were there before may name inactive items."""
    earlier = {
        line["SalesItemLineDetail"]["ItemRef"]["value"]
        for line in (old or {}).get("Line", ())
        if "ItemRef" in line.get("SalesItemLineDetail", ())
    }
    known_ids = {line["Id"] for line in (old or {}).get("Line", ()) if "Id" in line}
    next_id = max((int(known) for known in known_ids), default=0) + 1
    lines: list[Json] = []
    discounts: list[Json] = []
    taxed: dict[str, Decimal] = defaultdict(Decimal)
    subtotal = ZERO
    for source in f.objects(wanted, "Line"):
        f.check_known(realm, source, LINE, "Line.")
        kind = str(source.get("DetailType") or "")
        if kind == "SubTotalLineDetail":
            continue
        if kind == "DiscountLineDetail":
            discounts.append(source)
            continue
        line = _line(realm, source, kind, fresh, earlier if check_active else None)
        if str(source.get("Id") or "") in known_ids:
            line["Id"] = str(source["Id"])
        else:
            line["Id"] = str(next_id)
            next_id += 1
        line["LineNum"] = len(lines) + 1
        lines.append(line)
        if kind == "SalesItemLineDetail" and "SalesItemLineDetail" in line:
            subtotal += line["Amount"]
            code = line["SalesItemLineDetail"]["TaxCodeRef"]["value"]
            if code != "NON":
                taxed[code] += line["Amount"]
    if not lines:
        raise Refused("2020", "Required parameter Line is missing in the request", "Line")
    if len(lines) > (750 if taxed else 10_000):
        raise Refused("6000", "A transaction can have at most 750 taxable or 10,000 lines", "Line")
    discount = sum((_discount(source, subtotal) for source in discounts), ZERO)
    lines.append({"Amount": subtotal, "DetailType": "SubTotalLineDetail", "SubTotalLineDetail": {}})
    lines.extend(_discount_line(source, subtotal) for source in discounts)
    return Sums(lines, subtotal, discount, dict(taxed))


def _line(realm: Realm, source: Json, kind: str, fresh: Fresh, earlier: set[str] | None) -> Json:
    description = f.text(source, "Description", 4000, "Line.")
    if kind in ("DescriptionOnly", "DescriptionLineDetail"):
        return {"Description": description, "DetailType": "DescriptionOnly", "DescriptionLineDetail": {}}
    if kind != "SalesItemLineDetail":
        code = "2020" if not kind else "2170"
        raise Refused(code, f"Line.DetailType {kind!r} cannot be used on an invoice", "Line.DetailType")
    detail = f.part(source, "SalesItemLineDetail")
    f.check_known(realm, detail, SALES_DETAIL, "SalesItemLineDetail.")
    total = f.amount(source, "Amount", "Line.")
    if total is None:
        raise Refused("2020", "Required parameter Line.Amount is missing in the request", "Line.Amount")
    quantity, price = f.number(detail, "Qty"), f.number(detail, "UnitPrice")
    given = f.number(source, "Amount") or ZERO
    if quantity and price and abs(quantity * price - given) > Decimal(realm.rules.amount_tolerance):
        raise Refused("6070", f"Amount is not equal to UnitPrice * Qty. Supplied value:{given}", "Line.Amount")
    where = "Line.SalesItemLineDetail."
    named = str(f.part(detail, "ItemRef").get("value") or "")
    check_active = earlier is not None and named not in earlier
    item = f.reference(realm, detail, "ItemRef", "Item", where, fresh, check_active)
    if item is None:
        return {"Description": description, "DetailType": "DescriptionOnly", "DescriptionLineDetail": {}}
    kept = {name: detail[name] for name in ("ServiceDate", "ClassRef") if detail.get(name)}
    made: Json = {
        "Amount": total,
        "DetailType": kind,
        "SalesItemLineDetail": {"ItemRef": item, "TaxCodeRef": _line_tax(realm, detail, fresh), **kept},
    }
    if quantity is not None:
        made["SalesItemLineDetail"]["Qty"] = quantity
    if price is not None:
        made["SalesItemLineDetail"]["UnitPrice"] = price
    f.put(made, "Description", description)
    return made


def _line_tax(realm: Realm, detail: Json, fresh: Fresh) -> Json:
    value = str(f.part(detail, "TaxCodeRef").get("value") or "")
    if realm.is_us:
        if value not in ("", "TAX", "NON"):
            raise Refused("6100", f"Invalid tax code {value}: only TAX or NON can be used on a line", "TaxCodeRef")
        return {"value": value or "NON"}
    found = f.reference(realm, detail, "TaxCodeRef", "TaxCode", "Line.SalesItemLineDetail.", fresh)
    if found is None:
        raise Refused(
            "6000",
            "Business Validation Error: One or more transaction lines do not have a tax code associated with it.",
            "",
        )
    return found


def _discount(source: Json, subtotal: Decimal) -> Decimal:
    detail = f.part(source, "DiscountLineDetail")
    if f.flag(detail, "PercentBased", False):
        percent = f.number(detail, "DiscountPercent") or ZERO
        return f.cents(subtotal * percent / 100)
    return f.amount(source, "Amount", "Line.") or ZERO


def _discount_line(source: Json, subtotal: Decimal) -> Json:
    detail = dict(f.part(source, "DiscountLineDetail"))
    detail["PercentBased"] = f.flag(detail, "PercentBased", False)
    return {"Amount": _discount(source, subtotal), "DetailType": "DiscountLineDetail", "DiscountLineDetail": detail}


def tax_of(realm: Realm, wanted: Json, sums: Sums, fresh: Fresh) -> tuple[Json, Decimal]:
    """`TxnTaxDetail` and the tax in it, reckoned here whatever was sent. Raises `Refused`."""
    share = Decimal(1)
    if f.flag(wanted, "ApplyTaxAfterDiscount", False) and sums.subtotal:
        share = 1 - sums.discount / sums.subtotal
    if realm.is_us:
        return _us_tax(realm, wanted, sums.taxed.get("TAX", ZERO) * share, fresh)
    mode = f.choice(wanted, "GlobalTaxCalculation", ("TaxExcluded", "TaxInclusive", "NotApplicable"))
    if not mode:
        raise Refused(
            "2020", "Required parameter GlobalTaxCalculation is missing in the request", "GlobalTaxCalculation"
        )
    lines: list[Json] = []
    for code, base in sums.taxed.items() if mode != "NotApplicable" else ():
        lines += _tax_lines(realm, code, base * share, inclusive=mode == "TaxInclusive")
    total = sum((line["Amount"] for line in lines), ZERO)
    detail: Json = {"TotalTax": total}
    if lines:
        detail["TaxLine"] = lines
    return detail, ZERO if mode == "TaxInclusive" else total


def _us_tax(realm: Realm, wanted: Json, base: Decimal, fresh: Fresh) -> tuple[Json, Decimal]:
    sent = f.part(wanted, "TxnTaxDetail")
    code = f.reference(realm, sent, "TxnTaxCodeRef", "TaxCode", "TxnTaxDetail.", fresh)
    if code is not None and not realm.tables["TaxCode"][code["value"]]["TaxGroup"]:
        raise Refused("6100", f"Invalid tax code {code['value']}: it is no tax group", "TxnTaxDetail.TxnTaxCodeRef")
    if code is None and realm.rules.tax_engine == "ast" and base:
        found = default_tax_code(realm)
        code = {"value": found["Id"], "name": found["Name"]} if found else None
    if code is None:
        return {"TotalTax": ZERO}, ZERO
    lines = _tax_lines(realm, code["value"], base, inclusive=False) if base else []
    total = sum((line["Amount"] for line in lines), ZERO)
    return {"TxnTaxCodeRef": {"value": code["value"]}, "TotalTax": total, "TaxLine": lines}, total


def _tax_lines(realm: Realm, code: str, base: Decimal, inclusive: bool) -> list[Json]:
    record = realm.tables["TaxCode"][code]
    lines = []
    for detail in record.get("SalesTaxRateList", {}).get("TaxRateDetail", ()):
        rate = realm.tables["TaxRate"][detail["TaxRateRef"]["value"]]
        percent: Decimal = rate["RateValue"]
        net = base * 100 / (100 + percent) if inclusive else base
        lines.append(
            {
                "Amount": f.cents(net * percent / 100),
                "DetailType": "TaxLineDetail",
                "TaxLineDetail": {
                    "TaxRateRef": {"value": rate["Id"]},
                    "PercentBased": True,
                    "TaxPercent": percent,
                    "NetAmountTaxable": f.cents(net),
                },
            }
        )
    return lines


def default_tax_code(realm: Realm) -> Json | None:
    """The first active code with a rate above zero."""
    for record in realm.tables["TaxCode"].values():
        rates = record.get("SalesTaxRateList", {}).get("TaxRateDetail", ())
        if record["Active"] and any(
            realm.tables["TaxRate"][rate["TaxRateRef"]["value"]]["RateValue"] for rate in rates
        ):
            return record
    return None
