"""A plain Wave client for the sandbox's own tests: no rules of ours, real sockets."""

from __future__ import annotations

from typing import Any

import httpx

SHOWN = "didSucceed inputErrors { path message code }"


class WavePeer:
    """One signed-in program. Limits are off unless a test turns them on."""

    def __init__(self, sandbox: Any, control: Any, http: httpx.Client) -> None:
        self.control = control
        self.base = sandbox.base
        self.service = sandbox.services["wave"]
        self.business = self.service["company_id"]
        self.http = http
        control.settings("wave", limits="off")
        self.tokens = control.grant("wave")

    def post(self, query: str, token: str | None = None, **variables: Any) -> httpx.Response:
        token = self.tokens["access_token"] if token is None else token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.http.post(
            self.service["graphql"], json={"query": query, "variables": variables}, headers=headers, timeout=5
        )

    def ask(self, query: str, **variables: Any) -> Any:
        """`data` of a document that has to succeed."""
        answer = self.post(query, **variables)
        assert answer.status_code == 200 and "errors" not in answer.json(), answer.text
        return answer.json()["data"]

    def code(self, query: str, **variables: Any) -> str:
        """`extensions.code` of the first error."""
        return str(self.post(query, **variables).json()["errors"][0]["extensions"]["code"])

    def read(self, fields: str, **variables: Any) -> Any:
        """Fields of the business; `variables` may only be IDs, named so in `fields` as `$x`."""
        names = "".join(f", ${name}: ID!" for name in variables)
        return self.ask(f"query($b: ID!{names}) {{ business(id: $b) {{ {fields} }} }}", b=self.business, **variables)[
            "business"
        ]

    def nodes(self, fields: str) -> list[dict[str, Any]]:
        """The nodes of the one list that `fields` asks for."""
        [found] = self.read(fields).values()
        return [edge["node"] for edge in found["edges"]]

    def write(self, mutation: str, shows: str = "", **wanted: Any) -> Any:
        """The answer of one mutation, whatever became of it."""
        kind = mutation[0].upper() + mutation[1:] + "Input"
        query = f"mutation($input: {kind}!) {{ {mutation}(input: $input) {{ {SHOWN} {shows} }} }}"
        return self.ask(query, input=wanted)[mutation]

    def refused(self, mutation: str, **wanted: Any) -> tuple[str, str]:
        """(last name of the path, code) of a mutation that has to be refused; the books have not moved."""
        before = self.control.books("wave")
        answer = self.write(mutation, **wanted)
        assert answer["didSucceed"] is False
        assert self.control.books("wave") == before
        error = answer["inputErrors"][0]
        return error["path"][-1], error["code"]

    def account(self, name: str = "Services") -> str:
        accounts = self.nodes("accounts(pageSize: 200) { edges { node { id name } } }")
        return str(next(one["id"] for one in accounts if one["name"] == name))

    def customer(self, name: str = "Zebra Ltd") -> str:
        made = self.write("customerCreate", "customer { id }", businessId=self.business, name=name)
        return str(made["customer"]["id"])

    def product(self, name: str = "Mowing", price: str = "12.50", **more: Any) -> str:
        wanted = {"businessId": self.business, "name": name, "unitPrice": price, "incomeAccountId": self.account()}
        return str(self.write("productCreate", "product { id }", **wanted | more)["product"]["id"])

    def bill(self, number: str = "B-1", **more: Any) -> dict[str, Any]:
        """An invoice's input with one line of 2 x 12.50."""
        line = {"productId": self.product(), "quantity": "2", "unitPrice": "12.50", "description": "", "taxes": []}
        usual = {"businessId": self.business, "customerId": self.customer(), "status": "SAVED"}
        dates = {"invoiceDate": "2026-11-01", "dueDate": "2100-01-01"}
        return {**usual, **dates, "invoiceNumber": number, "items": [line], **more}

    def invoice(self, number: str = "B-1", **more: Any) -> dict[str, Any]:
        shows = "invoice { id status total { value } taxTotal { value } discountTotal { value } amountDue { value } }"
        made = self.write("invoiceCreate", shows, **self.bill(number, **more))
        assert made["didSucceed"], made
        return dict(made["invoice"])

    def pay(self, invoice_id: str, amount: str = "10.00", **more: Any) -> dict[str, Any]:
        """A payment's input."""
        usual = {"paymentMethod": "CHEQUE", "paymentDate": "2026-11-02", "exchangeRate": "1"}
        account = {"paymentAccountId": self.account("Checking")}
        return {"invoiceId": invoice_id, "amount": amount, **usual, **account, **more}

    def token(self, secret: str | None = None, **form: str) -> httpx.Response:
        keys = {"client_id": self.service["client_id"], "client_secret": secret or self.service["client_secret"]}
        return self.http.post(self.service["token"], data=keys | form)

    def refresh(self, token: str) -> httpx.Response:
        return self.token(grant_type="refresh_token", refresh_token=token)
