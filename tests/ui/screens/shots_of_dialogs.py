"""Pictures of what lies over the pages (file import, older invoices, summary, help) and of every card with answers."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QWizard

from desktop.books import customers, payments
from desktop.books.customers import CustomerDraft
from desktop.books.drafts import InvoiceDraft, LineDraft
from desktop.books.history import keep_old_invoice
from desktop.books.totals import Rounding
from desktop.core import Core
from desktop.kinds import CustomerKind
from desktop.providers.records import Kind
from desktop.sync import taught
from desktop.sync.owner_rules import CustomerFacts
from desktop.ui.backfill_dialog import BackfillDialog
from desktop.ui.check_dialog import CheckDialog
from desktop.ui.help_route import show_help
from desktop.ui.main_window import MainWindow
from desktop.ui.routes import Route, settings
from desktop.ui.screenshots import settle, shoot
from desktop.ui.summary_dialog import SummaryDialog
from desktop.wizard.file_wizard import prepare_file
from tests.ui.screens.conftest import Books

FILES = {
    "customers": "Name;E-Mail;Ort;Telefon;Notiz\nMüller, Eva;eva@m.example;Köln;0221 5550;Schlüssel beim Nachbarn\n"
    "Acme Homes LLC;;Austin;512-555-0100;\nBob;bob@;Bonn;;\nHarriet Vance;;Round Rock;;\nAcme Homes LLC;;Dallas;;\n",
    "items": "Name,Price,Taxable\nDrain cleaning,180.00,yes\nGutter repair,95.50,no\nRoof check,abc,yes\n",
    "invoices": "Invoice No,Customer,Date,Due,Item,Quantity,Price,Paid\nOLD-1,Harriet Vance,2026-01-05,2026-01-19,"
    "Drain cleaning,1,180,180\nOLD-2,Ruth Alder,2026-02-05,2026-02-19,Boiler check,2,120.50,0\n"
    "OLD-3,,2026-02-30,,Boiler check,1,50,0\n",
}
LOW = ("light150", "small")
"""Drawn as on a small laptop; the size of the offscreen display is of no help."""
MINUTE = 61.0
"""In seconds; the services count calls by the minute, and so many screens need many calls."""
NEXT = (QWizard.WizardButton.CommitButton, QWizard.WizardButton.NextButton)


async def draw(window: MainWindow, core: Core, folder: Path, look: str) -> None:
    """The dialogs and pages; the books must have a synced and a draft invoice."""
    await _file_imports(window, core, folder, look)
    corrections = [
        (CustomerFacts(display_name="Broken Spoke Ranch", company_name="Broken Spoke Ranch"), CustomerKind.HOMEOWNER),
        (CustomerFacts(display_name="Pat Doyle", given_name="Pat", family_name="Doyle"), CustomerKind.BUILDER),
    ]
    await core.do(lambda session, _desk: taught.remember(session, corrections))
    window.go(settings("import_data"))
    window.resize(window.width(), 1000)
    await shoot(window, folder, f"taught-{look}")
    window.resize(window.width(), 760)
    await core.daily_backup()
    window.go(settings("backups"))
    await shoot(window, folder, f"backups-{look}")
    window.go(settings("team"))
    await settle()
    settings_page: Any = window.pages["settings"]
    team = settings_page.inner.team
    team.show_code.click()
    team.join_button.click()
    await shoot(window, folder, f"team-code-{look}")
    await core.do(_write_old)
    older = BackfillDialog(core, "QuickBooks", window)
    older.open()
    older.resize(620 if look in LOW else 780, 440 if look in LOW else 560)
    await shoot(window, folder, f"older-1-{look}")
    older.look()
    await shoot(window, folder, f"older-2-{look}")
    older.reject()
    window.go(Route("activity"))
    summary = SummaryDialog(window.context, window)
    summary.open()
    await shoot(window, folder, f"summary-{look}")
    summary.reject()
    activity: Any = window.pages["activity"]
    activity.search("nothing like this")
    await shoot(window, folder, f"activity-nothing-{look}")
    activity.clear_filter()
    check = CheckDialog(core, window, window, Kind.ITEM, 3, "Leak survey")
    check.open()
    await shoot(window, folder, f"check-one-{look}")
    check.reject()
    book = show_help(window, "backfill")
    await shoot(window, folder, f"help-{look}")
    book.close()
    window.show_bell()
    await shoot(window, folder, f"bell-many-{look}")
    window.bell_panel.close_panel()


async def _file_imports(window: MainWindow, core: Core, folder: Path, look: str) -> None:
    for kind, text in FILES.items():
        wizard = await prepare_file(core, window, kind)
        wizard.resize(*((853, 440) if look in LOW else (1120, 700)))
        wizard.open()
        await shoot(window, folder, f"file-{kind}-0-{look}")
        path = folder / f"{kind}.csv"
        path.write_text(text, encoding="utf-8")
        page: Any = wizard.currentPage()
        page.take_file(path)
        for step in range(1, 5):
            await shoot(window, folder, f"file-{kind}-{step}-{look}")
            button = next((wizard.button(one) for one in NEXT if wizard.button(one).isVisible()), None)
            if button is None:
                break
            button.click()
            await settle()
        wizard.reject()
        path.unlink()


def _write_old(session: Any, desk: Any) -> None:
    day = desk.clock.now().date() - timedelta(days=200)
    for n in range(2):
        draft = InvoiceDraft(5, day, None, (LineDraft(1 + n, "", Decimal(1), Decimal(50)),), number=f"AGO-{n}")
        keep_old_invoice(session, desk, draft, sent=True, rounding=Rounding.ON_TOTAL)


async def answers(window: MainWindow, core: Core, control: Any, folder: Path, look: str) -> None:
    """Cards whose buttons answer: two fields that differ, one money on both sides, void, inactive and merged
    there, another total there."""
    books = Books(core)
    person, item = await books.customer("Nora Fielding"), await books.item("Valve check")
    same, void = [await books.invoice(person, item, "100", number=f"AN-{n}", days_ago=0) for n in range(2)]
    quiet = await books.customer("Gone Quiet", phone="555 0001")
    clock: Any = core.clock
    clock.advance(MINUTE)
    await core.sync([(Kind.INVOICE, same), (Kind.INVOICE, void), (Kind.CUSTOMER, quiet)])
    control.faults({"id": "D9", "op": "create_invoice", "nth": 1})
    differs = await books.invoice(person, item, "100", number="AN-2", days_ago=0)
    await core.sync([(Kind.INVOICE, differs)])
    control.clear_faults()
    moved = await books.customer("Twice Entered", phone="555 0003")
    billed = await books.invoice(moved, item, "100", number="AN-3", days_ago=0)
    await core.sync([(Kind.INVOICE, billed)])
    await core.sync_now()
    numbers = {one["number"]: one["id"] for one in control.books()["invoices"]}
    names = {one["display_name"]: one["id"] for one in control.books()["customers"]}
    control.edit("customer", names["Nora Fielding"], {"phone": "555 0177", "email": "there@example.com"})
    control.edit("customer", names["Gone Quiet"], "archive")
    control.edit("customer", names["Twice Entered"], {"merge": names["Daniel Whitaker"]})
    control.edit("invoice", numbers["AN-0"], {"pay": "40"})
    control.edit("invoice", numbers["AN-1"], "void")
    await core.do(customers.update_customer, quiet, CustomerDraft("Quiet No More", phone="555 0002"))
    ours = CustomerDraft("Nora Fielding", phone="555 0188", email="here@example.com")
    await core.do(customers.update_customer, person, ours)
    await core.do(payments.record_payment, payments.PaymentDraft(same, books.day, Decimal(40), "check"))
    clock.advance(MINUTE)
    await core.sync_now()
    for name, kind, each in (
        ("same-money", "invoices", same),
        ("void-there", "invoices", void),
        ("choose-fields", "customers", person),
        ("inactive-there", "customers", quiet),
        ("merged-there", "customers", moved),
        ("another-total", "invoices", differs),
    ):
        window.go(Route(kind, filter="all" if kind == "invoices" else "", record_id=each))
        await shoot(window, folder, f"{name}-{look}")
