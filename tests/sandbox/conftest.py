"""A plain QuickBooks client for the sandbox's own tests: no rules of ours, real sockets."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import httpx
import pytest


class Peer:
    """One signed-in program. Limits are off unless a test turns them on."""

    def __init__(self, sandbox: Any, control: Any, http: httpx.Client) -> None:
        self.control = control
        self.base = sandbox.base
        self.service = sandbox.services["quickbooks"]
        self.company = self.service["company_id"]
        self.http = http
        control.settings(limits="off")
        self.tokens = control.grant()

    def api(self, company: str | None = None) -> str:
        return f"{self.service['api']}/v3/company/{company or self.company}"

    def headers(self, **more: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens['access_token']}", "Accept": "application/json", **more}

    def call(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        return self.http.request(method, f"{self.api()}/{path}", headers=self.headers(), **kwargs)

    def post(self, path: str, body: Any, **params: str) -> httpx.Response:
        return self.call("POST", path, json=body, params=params)

    def make(self, entity: str, body: Any, **params: str) -> dict[str, Any]:
        """A write that has to succeed."""
        answer = self.post(entity.lower(), body, **params)
        assert answer.status_code == 200, answer.text
        return dict(answer.json()[entity])

    def refused(self, entity: str, body: Any, **params: str) -> str:
        """The fault code of a write that has to fail; the books have not moved."""
        before = self.control.books()
        answer = self.post(entity.lower(), body, **params)
        assert answer.status_code == 400, answer.text
        assert self.control.books() == before
        fault = answer.json()["Fault"]
        assert fault["type"] == "ValidationFault"
        return str(fault["Error"][0]["code"])

    def get(self, entity: str, record_id: str) -> dict[str, Any]:
        answer = self.call("GET", f"{entity.lower()}/{record_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json()[entity])

    def ask(self, statement: str) -> httpx.Response:
        headers = self.headers(**{"Content-Type": "application/text"})
        return self.http.post(f"{self.api()}/query", content=statement.encode(), headers=headers)

    def rows(self, statement: str) -> list[dict[str, Any]]:
        answer = self.ask(statement)
        assert answer.status_code == 200, answer.text
        lists = [value for value in answer.json()["QueryResponse"].values() if isinstance(value, list)]
        return lists[0] if lists else []

    def batch(self, *elements: dict[str, Any], request_id: str = "") -> list[dict[str, Any]]:
        params = {"requestid": request_id} if request_id else {}
        answer = self.post("batch", {"BatchItemRequest": list(elements)}, **params)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["BatchItemResponse"])

    def token(self, form: dict[str, str], secret: str | None = None, **headers: str) -> httpx.Response:
        pair = f"{self.service['client_id']}:{secret or self.service['client_secret']}"
        basic = base64.b64encode(pair.encode()).decode()
        return self.http.post(self.service["token"], data=form, headers={"Authorization": f"Basic {basic}", **headers})

    def refresh(self, token: str) -> httpx.Response:
        return self.token({"grant_type": "refresh_token", "refresh_token": token})

    # --- often needed bodies ---

    def customer(self, name: str = "Zebra Ltd") -> str:
        return str(self.make("Customer", {"DisplayName": name})["Id"])

    def item(self) -> str:
        return str(self.rows("select * from Item where Type = 'Service' orderby Id maxresults 1")[0]["Id"])

    def bill(self, customer: str, *amounts: float, tax: str = "NON", **more: Any) -> dict[str, Any]:
        """An invoice's body with one line an amount."""
        lines = [
            {
                "DetailType": "SalesItemLineDetail",
                "Amount": amount,
                "SalesItemLineDetail": {"ItemRef": {"value": self.item()}, "TaxCodeRef": {"value": tax}},
            }
            for amount in amounts
        ]
        return {"CustomerRef": {"value": customer}, "Line": lines, **more}

    def invoice(self, customer: str, *amounts: float, **more: Any) -> dict[str, Any]:
        return self.make("Invoice", self.bill(customer, *amounts, **more))

    def pay(self, customer: str, total: float, **applied: float) -> dict[str, Any]:
        """A payment's body; keywords name invoices as `i<Id>`."""
        lines = [
            {"Amount": amount, "LinkedTxn": [{"TxnId": name[1:], "TxnType": "Invoice"}]}
            for name, amount in applied.items()
        ]
        return {"CustomerRef": {"value": customer}, "TotalAmt": total, "Line": lines}


@pytest.fixture(scope="session")
def http_client() -> Iterator[httpx.Client]:
    """One for all: making a client takes longer than most of these tests."""
    with httpx.Client(trust_env=False, timeout=10) as client:
        yield client


@pytest.fixture
def qb(sandbox: Any, control: Any, http_client: httpx.Client) -> Peer:
    return Peer(sandbox, control, http_client)
