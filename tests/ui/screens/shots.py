"""Draws every screen of the main window for people to look at: `python -m tests.ui.screens.shots FOLDER [look]`.

Each of light, dark and 150 % gets its own process, because Qt takes the scale only at its start.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path

LOOKS = {"light": ("light", "1"), "dark": ("dark", "1"), "light150": ("light", "1.5"), "small": ("light", "1")}


async def fill(core, control) -> None:  # noqa: ANN001
    """Books with one of everything."""
    from desktop.models.states import Switches
    from desktop.providers.records import Kind
    from desktop.sync import overview
    from tests.ui.screens.conftest import Books

    books = Books(core)
    names = [
        ("Mason, Mary & John", "homeowner"),
        ("Green Valley Homes LLC", "builder"),
        ("<b>Bob</b> Plumbing", "business"),
        ("Müller Haustechnik Gesellschaft mbH & Co. KG", "business"),
        ("Harriet Vance", "homeowner"),
        ("Riverside Laundromat", "business"),
    ]
    people = [
        await books.customer(name, kind=kind, email=f"office{n}@example.com", city="Round Rock", phone="512-555-0181")
        for n, (name, kind) in enumerate(names)
    ]
    services = [
        await books.item(name, price) for name, price in (("Drain cleaning", "180"), ("Boiler check", "120.50"))
    ]
    survey = await books.item("Leak survey", "90", mapped=False)
    made = []
    for n in range(18):
        price = f"{(n * 7919 % 90000) / 100 + 40:.2f}"
        made.append(await books.invoice(people[n % 6], services[n % 2], price, days_ago=3 * n))
    for each in made[:6]:
        await books.pay(each, "40")
    await core.sync([(Kind.INVOICE, each) for each in made[:12]])
    await books.pay(made[2], "10")
    bad = await books.invoice(people[4], survey, "90", days_ago=1)
    await core.sync([(Kind.INVOICE, bad)])
    await books.invoice(people[3], services[0], "75", sent=False, days_ago=0)
    await core.do(overview.save_switches, Switches(auto=True))


async def clash(core, control) -> tuple[int, int, int]:  # noqa: ANN001
    """A conflict, an invoice that is gone there, and a customer who was changed on both sides."""
    from decimal import Decimal

    from desktop.books import customers, invoices
    from desktop.books.customers import CustomerDraft
    from desktop.books.drafts import InvoiceDraft, LineDraft
    from desktop.models.states import Switches
    from desktop.providers.records import Kind
    from desktop.sync import overview
    from tests.ui.screens.conftest import Books

    books = Books(core)
    await core.do(overview.save_switches, Switches(auto=False))
    item = await books.item("Valve change", "100")
    customer = await books.customer("Petra Lindqvist", phone="512-555-0101")
    found = [await books.invoice(customer, item, "100", number=f"CL-{n}", days_ago=2) for n in range(2)]
    await core.sync([(Kind.INVOICE, each) for each in found])
    there = {one["number"]: one for one in control.books()["invoices"]}
    line = {key: there["CL-0"]["lines"][0][key] for key in ("item_id", "quantity")} | {"unit_price": "130"}
    control.edit("invoice", there["CL-0"]["id"], {"lines": [line]})
    control.edit("invoice", there["CL-1"]["id"], "delete")
    control.edit("customer", there["CL-0"]["customer_id"], {"phone": "512-555-0199"})
    for n, each in enumerate(found):
        lines = (LineDraft(item, "", Decimal(1), Decimal("120")),)
        draft = InvoiceDraft(customer, books.day, books.day, lines, number=f"CL-{n}")
        await core.do(invoices.update_invoice, each, draft)
    await core.do(customers.update_customer, customer, CustomerDraft("Petra Lindqvist", phone="512-555-0102"))
    await core.sync([(Kind.CUSTOMER, customer)])
    for each in found:
        await core.sync([(Kind.INVOICE, each)])
    return found[0], found[1], customer


async def new_customer(core) -> int:  # noqa: ANN001
    from tests.ui.screens.conftest import Books

    return await Books(core).customer("Ruth Alder")


async def draw(folder: Path, look: str) -> None:
    from desktop.models.trouble import damaged
    from desktop.sandbox.server import start_in_thread
    from desktop.sync.settings import refresh_settings
    from desktop.text import tr
    from desktop.ui import help_pages
    from desktop.ui.main_window import MainWindow
    from desktop.ui.plan_dialog import PlanDialog
    from desktop.ui.routes import Route
    from desktop.ui.screenshots import settle, shoot, shoot_all
    from tests.helpers.control import Control
    from tests.helpers.desk import connected_core, open_core
    from tests.helpers.office import ElasticClock
    from tests.helpers.waiting import until
    from tests.ui.screens import shots_of_dialogs

    class PatientClock(ElasticClock):
        """Sleeps in earnest, and still can be moved past a service's minute."""

        async def sleep(self, seconds: float) -> None:
            await asyncio.sleep(seconds)

    server = start_in_thread()
    control = Control(server.base, server.control_secret)
    control.reset()
    with tempfile.TemporaryDirectory() as data:
        async with open_core(Path(data) / "empty", server) as core:
            window = MainWindow()
            window.attach(core)
            window.show()
            await settle()
            await shoot(window, folder, f"first-run-{look}")
            window.detach()
            window.hide()
        window = MainWindow()
        if look == "small":
            window.resize(820, 520)
        window.show()
        mend = (tr("Restore the newest good copy ({when})", when=tr("yesterday at {time}", time="6:02 PM")), settle)
        window.show_start_problem(damaged("file is not a database"), settle, mend)
        await shoot(window, folder, f"damaged-{look}")
        window.hide()
        clock = PatientClock(control)
        async with connected_core(Path(data) / "full", server, control, clock=clock) as core:
            await fill(core, control)
            window = MainWindow()
            window.attach(core)
            if look == "small":
                window.resize(900, 560)
            window.show()
            await settle()
            for path in await shoot_all(window, folder):
                path.rename(path.with_name(f"{path.stem}-{look}.png"))
            window.go(Route("invoices", filter="all"))
            page = window.pages["invoices"]
            await settle()
            editor = page.edit(page.model.id_at(4))
            await shoot(window, folder, f"editor-{look}")
            editor.close()
            page.select(page.model.id_at(3))
            await settle()
            dialog = page.record_payment(page.detail.shown.row.id)
            await shoot(window, folder, f"payment-{look}")
            dialog.close()
            extra = await new_customer(core)
            editor = page.new_invoice(extra)
            await settle()
            editor.lines.add()
            editor.lines.lines[0].price.setText("12 apples")
            editor.start_saving()
            await shoot(window, folder, f"editor-fault-{look}")
            editor.remember_as_saved()
            editor.close()
            window.sync.sync_invoices([page.model.id_at(3)])
            await until(lambda: any(one.isVisible() for one in window.findChildren(PlanDialog)), 30)
            question = next(one for one in window.findChildren(PlanDialog) if one.isVisible())
            await shoot(window, folder, f"question-{look}")
            question.reject()
            conflict, gone, customer = await clash(core, control)
            for name, kind, each in (
                ("conflict", "invoices", conflict),
                ("gone", "invoices", gone),
                ("customer-conflict", "customers", customer),
            ):
                window.go(Route(kind, filter="all" if kind == "invoices" else "", record_id=each))
                await settle()
                await shoot(window, folder, f"{name}-{look}")
            await shots_of_dialogs.answers(window, core, control, folder, look)
            clock.advance(shots_of_dialogs.MINUTE)
            closed = core.clock.now().date()
            control.settings(book_close_date=closed.isoformat())
            await refresh_settings(await core.require_company(), force=True)
            window.go(Route("invoices"))
            await settle()
            editor = page.edit(conflict)
            await shoot(window, folder, f"editor-closed-{look}")
            editor.remember_as_saved()
            editor.close()
            dialog = help_pages.show_shortcuts(window, window.menus)
            await shoot(window, folder, f"shortcuts-{look}")
            dialog.close()
            editor = window.pages["customers"].edit(1)
            await shoot(window, folder, f"customer-editor-{look}")
            editor.close()
            page.table.selectAll()
            await shoot(window, folder, f"several-{look}")
            await shots_of_dialogs.draw(window, core, folder, look)
            window.detach()
            window.hide()
            await settle()
    server.stop()


def main(arguments: list[str]) -> int:
    folder = Path(arguments[0]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if len(arguments) > 1:
        import qasync

        from desktop.app import cancel_rest, make_application
        from desktop.ui.theme import Mode, theme

        app = make_application()
        theme().set_calm(True)
        theme().set_mode(Mode(LOOKS[arguments[1]][0]))
        loop = qasync.QEventLoop(app)
        asyncio.set_event_loop(loop)
        with loop:
            loop.run_until_complete(draw(folder, arguments[1]))
            loop.run_until_complete(cancel_rest())
        return 0
    for look, (_mode, scale) in LOOKS.items():
        environment = {"QT_QPA_PLATFORM": "offscreen", **os.environ, "QT_SCALE_FACTOR": scale}
        command = [sys.executable, "-m", "tests.ui.screens.shots", str(folder), look]
        subprocess.run(command, check=True, env=environment)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
