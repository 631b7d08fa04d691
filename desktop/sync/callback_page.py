"""The pages that the listener answers a browser with. Static: nothing from a request is ever shown (C6)."""

from __future__ import annotations

import base64
import hashlib
from enum import Enum
from html import escape

from desktop.text import tr

_STYLE = """
:root{color-scheme:light dark;--back:#f6f7f9;--panel:#fff;--line:#e1e5eb;--text:#1a1f27;--soft:#556070;
--good:#17794a;--good-back:#e5f4ec;--wait:#8a5a00;--wait-back:#fff4da}
@media(prefers-color-scheme:dark){:root{--back:#15181d;--panel:#1d2128;--line:#2f3540;--text:#e9ecf1;
--soft:#a9b2c0;--good:#6fd3a1;--good-back:#17322a;--wait:#f0c36a;--wait-back:#3a2f17}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:24px;background:var(--back);
color:var(--text);font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:420px;width:100%;padding:32px;border:1px solid var(--line);border-radius:12px;
background:var(--panel);text-align:center}
.sign{width:56px;height:56px;margin:0 auto 24px;border-radius:50%;display:grid;place-items:center;
background:var(--wait-back);color:var(--wait)}
.good{background:var(--good-back);color:var(--good)}
svg{width:28px;height:28px;fill:none;stroke:currentColor;stroke-width:2.5;stroke-linecap:round;
stroke-linejoin:round}
h1{margin:0 0 8px;font-size:20px;font-weight:600;line-height:1.3}
p{margin:0;color:var(--soft)}
footer{margin-top:24px;font-size:13px;color:var(--soft)}
""".strip()

STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode("ascii")
HEADERS = (
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    (
        "Content-Security-Policy",
        f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
)

_CHECK = '<path d="M5 13l4.5 4.5L19 7"/>'
_BANG = '<path d="M12 6v7"/><path d="M12 18h.01"/>'


class Page(Enum):
    """What a browser may be shown: kind of sign, title, text."""

    ACCEPTED = "accepted"
    DENIED = "denied"
    NOT_OURS = "not_ours"
    USED = "used"


def _words(page: Page) -> tuple[str, str]:
    if page is Page.ACCEPTED:
        return tr("Almost done"), tr("You can close this tab and go back to BlueClerk.")
    if page is Page.DENIED:
        return tr("Nothing was connected"), tr("You can close this tab. To try again, go back to BlueClerk.")
    if page is Page.USED:
        return tr("This sign-in was already used"), tr("You can close this tab and go back to BlueClerk.")
    return (
        tr("This page belongs to another sign-in"),
        tr("Please go back to BlueClerk and use the page that it opened last."),
    )


def render(page: Page) -> bytes:
    """The whole document, in UTF-8."""
    title, text = _words(page)
    good = page is Page.ACCEPTED
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>BlueClerk</title><style>{_STYLE}</style></head>
<body><main><div class="sign{" good" if good else ""}"><svg viewBox="0 0 24 24" aria-hidden="true">\
{_CHECK if good else _BANG}</svg></div>
<h1>{escape(title)}</h1><p>{escape(text)}</p><footer>BlueClerk</footer></main></body></html>
""".encode()
