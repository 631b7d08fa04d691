"""The web page on which a person watches the other side's books: text only, nothing inline, readable."""

from __future__ import annotations

import functools
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

PAGES = Path(str(resources.files("desktop.sandbox"))) / "pages"
TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".html": "text/html; charset=utf-8",
}
SCRIPTS = sorted(PAGES.glob("*.js"))
HOSTILE = [
    "<b>Bob's Diner</b>",
    "<img src=x onerror=alert(1)>",
    "</td><script>document.title='x'</script>",
    "\u202eevil",
]


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


# --- what the files say ---


def test_the_page_has_no_inline_script_or_style() -> None:
    text = (PAGES / "index.html").read_text(encoding="utf-8")
    for tag, attributes in Tags(text).found:
        assert tag != "style" and "style" not in attributes
        assert tag != "script" or attributes.get("src")
        assert not [name for name in attributes if name.startswith("on")]


def test_everything_the_page_asks_for_lies_beside_it() -> None:
    tags = Tags((PAGES / "index.html").read_text(encoding="utf-8")).found
    asked = [value for _, attributes in tags for name, value in attributes.items() if name in ("src", "href")]
    assert asked and all(value and value.startswith("/pages/") for value in asked)
    for script in SCRIPTS:
        asked += re.findall(r'from "\./([^"]+)"', script.read_text(encoding="utf-8"))
    for style in PAGES.glob("*.css"):
        asked += re.findall(r'(?:url\(|@import )"([^"]+)"', style.read_text(encoding="utf-8"))
    assert not [name for name in asked if not (PAGES / str(name).removeprefix("/pages/")).is_file()]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_write_text_never_markup_and_reach_no_other_place(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    assert not re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", text)
    assert not re.findall(r"https?://|\.style\b|setAttribute\(\"style", text)


def colours(scheme: str) -> dict[str, str]:
    text = (PAGES / "tokens.css").read_text(encoding="utf-8")
    light, dark = text.split("@media (prefers-color-scheme: dark)")
    found = dict(re.findall(r"--([\w-]+): (#[0-9a-f]+);", light))
    return found | (dict(re.findall(r"--([\w-]+): (#[0-9a-f]+);", dark)) if scheme == "dark" else {})


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(char * 2 for char in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_contrast_on_every_surface_it_stands_on(scheme: str) -> None:
    token = colours(scheme)
    pairs = [(text, on) for text in ("text", "text-2", "text-3", "accent") for on in ("window", "panel", "hover")]
    pairs += [(tone, f"{tone}-on") for tone in ("good", "wait", "bad", "info")]
    pairs += [
        ("on-accent", "accent"),
        ("text", "flash"),
        ("text-2", "flash"),
        ("text", "info-on"),
        ("bad", "window"),
    ]
    poor = {}
    for text, on in pairs:
        high, low = sorted((luminance(token[text]), luminance(token[on])), reverse=True)
        ratio = (high + 0.05) / (low + 0.05)
        if ratio < 4.5:
            poor[text, on] = round(ratio, 2)
    assert poor == {}


# --- what a browser makes of it ---


def books(customers: int) -> dict[str, Any]:
    rows = [
        {
            "id": str(at),
            "display_name": f"Customer {at}",
            "email": "",
            "phone": "",
            "active": True,
            "balance": "0.00",
        }
        for at in range(customers)
    ]
    for row, name in zip(rows, HOSTILE, strict=False):
        row["display_name"] = name
    line = {
        "item_id": "1",
        "description": HOSTILE[1],
        "quantity": "2",
        "unit_price": "50.00",
        "amount": "100.00",
    }
    invoices = [
        {
            "id": str(at),
            "number": f"INV-{at}",
            "customer_id": str(at),
            "date": "2026-11-02",
            "due_date": "2026-12-02",
            "lines": [line],
            "tax": "0.00",
            "total": "1234567.80",
            "balance": "100.00",
            "status": "partly_paid",
        }
        for at in range(len(HOSTILE))
    ]
    company = {"name": "Acme Plumbing LLC"}
    rest: dict[str, Any] = {"items": [], "accounts": [], "tax_codes": [], "payments": []}
    return {"company": company, "customers": rows, "invoices": invoices, **rest}


EVENT = {
    "sequence": 1,
    "time": "2026-11-02T10:00:00Z",
    "service": "quickbooks",
    "op": "create_invoice",
    "method": "POST",
    "path": "/quickbooks/<i>invoice</i>",
    "status": 200,
    "changed": [{"kind": "invoice", "id": "2", "action": "created"}],
}


@contextmanager
def served(answers: dict[str, Any]) -> Iterator[str]:
    """The pages and the given JSON answers under the sandbox's content policy; anything else is not found."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            name = "index.html" if path == "/" else path.removeprefix("/pages/")
            if path in answers:
                self._answer(200, "application/json", json.dumps(answers[path]).encode())
            elif (PAGES / name).is_file():
                self._answer(200, TYPES[Path(name).suffix], (PAGES / name).read_bytes())
            else:
                self._answer(404, "text/plain", b"")

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Security-Policy", "default-src 'self'")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Quiet: a test's output is for its failures."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def browse(tmp_path: Path) -> Callable[[str], tuple[str, str]]:
    """Opens an address in a headless browser; gives the page after 3 s of page time, and its console."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not browser:
        pytest.skip("no Chromium here")
    return functools.partial(_browse, browser, tmp_path)


def _browse(browser: str, profile: Path, url: str) -> tuple[str, str]:
    quiet = "--headless --no-sandbox --disable-gpu --disable-background-networking --disable-component-update"
    rest = "--disable-sync --no-first-run --enable-logging=stderr --virtual-time-budget=3000 --dump-dom"
    command = [browser, *quiet.split(), *rest.split(), f"--user-data-dir={profile}", url]
    run = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=60, check=True)
    said = [row for row in run.stderr.splitlines() if "CONSOLE" in row or "Content Security" in row]
    console = "\n".join(row for row in said if "source: chrome://" not in row)  # pages of the browser's own
    return run.stdout, console


def answers_with(customers: int) -> dict[str, Any]:
    return {
        "/services.json": ["quickbooks"],
        "/books/quickbooks.json": books(customers),
        "/events-since/0.json": {"entries": [EVENT], "last": 1},
        "/events-since/1.json": {"entries": [], "last": 1},
    }


@pytest.mark.browser
def test_names_that_look_like_markup_are_shown_as_text(browse: Callable[[str], tuple[str, str]]) -> None:
    with served(answers_with(20)) as base:
        page, console = browse(f"{base}/#quickbooks/invoices")
    assert console == ""
    assert "&lt;b&gt;Bob's Diner&lt;/b&gt;" in page and "&lt;img src=x" in page
    tags = Tags(page).found
    assert not [tag for tag, attributes in tags if tag in ("b", "i") or "onerror" in attributes]
    assert sum(tag == "script" for tag, _ in tags) == 1 and "<title>Acme Plumbing LLC" in page
    assert "1,234,567.80" in page and "Partly paid" in page and "2 Nov 2026" in page
    assert "Invoice INV-2 created" in page and "Live" in page


@pytest.mark.browser
def test_a_long_list_shows_two_hundred_and_says_so(browse: Callable[[str], tuple[str, str]]) -> None:
    with served(answers_with(20_000)) as base:
        page, console = browse(f"{base}/#quickbooks/customers")
    assert console == ""
    assert "Showing 200 of 20,000 customers" in page
    assert len(re.findall(r'id="row-customers-', page)) == 200
    assert page.index("Customer 19999<") < page.index("Customer 19998<")


@pytest.mark.browser
def test_without_a_list_of_services_the_page_shows_quickbooks(
    browse: Callable[[str], tuple[str, str]],
) -> None:
    answers = answers_with(3)
    del answers["/services.json"]
    with served(answers) as base:
        page, _ = browse(base)
    assert "Practice books, imitating QuickBooks on this computer." in page
    assert "INV-3" in page


@pytest.mark.browser
def test_a_service_that_does_not_answer_is_said_in_words(browse: Callable[[str], tuple[str, str]]) -> None:
    with served({"/services.json": ["quickbooks"]}) as base:
        page, _ = browse(base)
    assert "Not answering, trying again" in page
