"""Several programs on one database: every number is given once, nothing is lost (P5, M1)."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import func, select

from desktop.books.customers import CustomerDraft, create_customer
from desktop.books.desk import Desk
from desktop.clock import ManualClock, SeededEntropy, SystemClock
from desktop.models.session import open_database
from desktop.models.tables import Invoice, InvoiceLine
from tests.helpers.sources import ROOT

PROGRAM = """
import sys
from datetime import date
from decimal import Decimal
from desktop.books.desk import Desk
from desktop.books.invoices import InvoiceDraft, LineDraft, create_invoice
from desktop.clock import SystemClock, SystemEntropy
from desktop.models.session import Database

database = Database(sys.argv[1])
desk = Desk(SystemClock(), SystemEntropy(), "pat")
lines = (LineDraft(None, "work", Decimal(1), Decimal(10)),)
print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(sys.argv[2])):
    with database.write() as session:
        create_invoice(session, desk, InvoiceDraft(1, date(2026, 6, 1), None, lines))
database.close()
"""


def test_M1_invoice_numbers_of_programs_racing_each_other_never_collide(database_url: str, tmp_path: Path) -> None:
    database = open_database(database_url, SystemClock(), backup_dir=tmp_path)
    desk = Desk(ManualClock(datetime(2026, 6, 1, tzinfo=UTC)), SeededEntropy(1), "pat")
    with database.write() as session:
        create_customer(session, desk, CustomerDraft("Acme"))
    command = [sys.executable, "-c", PROGRAM, database_url, "15"]
    racers = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    for racer in racers:
        assert racer.stdout is not None and racer.stdout.readline() == "ready\n"
    for racer in racers:
        racer.communicate("go\n", timeout=90)
    assert [racer.returncode for racer in racers] == [0, 0, 0]
    with database.read() as session:
        numbers = sorted(session.scalars(select(Invoice.number)))
        lines = session.execute(select(func.count()).select_from(InvoiceLine)).scalar_one()
    database.close()
    assert numbers == [f"INV-{value:04d}" for value in range(1, 46)]
    assert lines == 45
