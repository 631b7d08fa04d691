"""QuickBooks' ways of saying no (providers' contract: QuickBooks, section 5): codes, words and body shapes A, B, D."""

from __future__ import annotations

from xml.sax.saxutils import escape

from desktop.sandbox.service import Answer, Json, to_json

MESSAGES = {
    "500": "Unsupported Operation",
    "600": "Duplicate Request ID",
    "610": "Object Not Found",
    "620": "Transaction cannot be linked",
    "1040": "Batch request too large",
    "2010": "Request has invalid or unsupported property",
    "2020": "Required param missing, need to supply the required value for the API",
    "2040": "Illegal characters supplied",
    "2050": "String length is either shorter or longer than supported by specification",
    "2170": "Invalid Enumeration",
    "2210": "Invalid Email Address format",
    "2500": "Invalid Reference Id",
    "3001": "message=ThrottleExceeded; errorCode=003001; statusCode=429",
    "4000": "Error parsing query",
    "4001": "Invalid query",
    "5010": "Stale Object Error",
    "5020": "Permission Denied Error",
    "6000": "A business validation error has occurred while processing your request",
    "6070": "Amount is not equal to UnitPrice * Qty",
    "6080": "Name not specified",
    "6100": "Invalid tax code",
    "6140": "Duplicate Document Number Error",
    "6190": "Invalid Company Status",
    "6210": "Account Period Closed, Cannot Update Through Services API",
    "6240": "Duplicate Name Exists Error",
    "6250": "Invalid Customer",
    "6540": "Deposited Transaction cannot be changed",
    "6560": "Customer reference missing",
    "10000": "An application error has occurred while processing your request",
}

REFUSALS: dict[str, dict[str, Json]] = {
    "D7": {
        "customer": {"code": "2210", "detail": "Email Address does not conform to the syntax rules of RFC 822."},
        "item": {"code": "2050", "detail": "Max: 100", "element_name": "Name"},
        "invoice": {"code": "2050", "detail": "Max: 21", "element_name": "DocNumber"},
        "payment": {"code": "2050", "detail": "Max: 21", "element_name": "PaymentRefNum"},
    },
    "D8": {
        "customer": {
            "code": "2020",
            "detail": "Required parameter is missing",
            "element_name": "PrimaryPhone",
        },
        "item": {"code": "2020", "detail": "Required parameter is missing", "element_name": "Description"},
        "invoice": {"code": "2020", "detail": "Required parameter is missing", "element_name": "DueDate"},
        "payment": {
            "code": "2020",
            "detail": "Required parameter is missing",
            "element_name": "PaymentRefNum",
        },
    },
}
"""One field refused (D7), and one that is newly demanded (D8), by the kind of record."""


class Refused(Exception):
    """A fault of one request or one batch element (shape A)."""

    def __init__(
        self,
        code: str,
        detail: str = "",
        element: str = "",
        status: int = 400,
        kind: str = "ValidationFault",
        message: str = "",
    ) -> None:
        super().__init__(f"{code} {detail}")
        self.code = code
        self.status = status
        self.fault: Json = {
            "Error": [
                {
                    "Message": message or MESSAGES.get(code, "Error"),
                    "Detail": detail or MESSAGES.get(code, ""),
                    "code": code,
                    "element": element,
                }
            ],
            "type": kind,
        }


def service_fault(refused: Refused, time: str) -> Answer:
    """Shape A."""
    return Answer(refused.status, to_json({"Fault": refused.fault, "time": time}))


def gateway_fault(code: str, status: int, word: str, detail: str, millis: int, kind: str = "AUTHENTICATION") -> Answer:
    """Shape B, as the gateway in front of the service answers."""
    error = {
        "message": f"message={word}; errorCode=00{code}; statusCode={status}",
        "detail": detail,
        "code": code,
        "element": None,
    }
    body: Json = {
        "warnings": None,
        "intuitObject": None,
        "fault": {"error": [error], "type": kind},
        "report": None,
        "queryResponse": None,
        "batchItemResponse": [],
        "attachableResponse": [],
        "syncErrorResponse": None,
        "requestId": None,
        "time": millis,
        "status": None,
        "cdcresponse": [],
    }
    return Answer(status, to_json(body))


def xml_fault(status: int, code: str, message: str, detail: str, time: str) -> Answer:
    """Shape D: what a call gets that does not ask for JSON."""
    text = (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
        f'<IntuitResponse xmlns="http://schema.intuit.com/finance/v3" time="{escape(time)}">'
        f'<Fault type="SERVICE"><Error code="{escape(code)}"><Message>{escape(message)}</Message>'
        f"<Detail>{escape(detail)}</Detail></Error></Fault></IntuitResponse>"
    )
    return Answer(status, text.encode(), "application/xml;charset=utf-8")
