"""A stand-in for Stripe Tax on the loopback address: it checks what it is asked against the parameters that Stripe's library types.

New York takes 8.875% in two taxes, Germany 19%, a business of another member state owes its tax itself, and Texas is not collected.
"""

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl

from stripe.params.tax import (
    _calculation_create_params,
    _transaction_create_from_calculation_params,
    _transaction_create_reversal_params,
)

HOST = "127.0.0.1"
_EXPIRES_AT = 1_830_000_000
_PATHS = {
    "/v1/tax/calculations": (_calculation_create_params, "CalculationCreateParams"),
    "/v1/tax/transactions/create_from_calculation": (
        _transaction_create_from_calculation_params,
        "TransactionCreateFromCalculationParams",
    ),
    "/v1/tax/transactions/create_reversal": (
        _transaction_create_reversal_params,
        "TransactionCreateReversalParams",
    ),
}
_RATES = {
    "NY": [("4", "state", "sales_tax"), ("4.875", "city", "sales_tax")],
    "DE": [("19", "country", "vat")],
}


@dataclass
class Asked:
    """What the stand-in was asked, in order."""

    calls: list[tuple[str, dict[str, Any], str]] = field(default_factory=list)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    is_down: bool = False

    def of(self, path: str) -> list[dict[str, Any]]:
        """Return the bodies that came to an address which ends so, each idempotency key once."""
        found = {key: body for address, body, key in self.calls if address.endswith(path)}
        return list(found.values())


class _Handler(BaseHTTPRequestHandler):
    asked: Asked

    def do_POST(self) -> None:
        body = _nested(self.rfile.read(int(self.headers["Content-Length"])).decode())
        key = self.headers["Idempotency-Key"]
        asked = self.server.asked  # type: ignore[attr-defined]
        asked.calls.append((self.path, body, key))
        if asked.is_down:
            self._answer(400, {"error": {"message": "No tax today", "type": "invalid_request_error"}})
            return
        if mistake := _mistake(self.path, body):
            self._answer(400, {"error": {"message": mistake, "type": "invalid_request_error"}})
            return
        answer = asked.answers.setdefault(key, _answer(self.path, body, len(asked.answers) + 1))
        self._answer(200, answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base's word
        """Say nothing."""

    def _answer(self, status: int, body: Mapping[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def stand_in() -> Iterator[tuple[str, Asked]]:
    """Serve, and give the address and what is asked there."""
    server = ThreadingHTTPServer((HOST, 0), _Handler)
    server.asked = Asked()  # type: ignore[attr-defined]
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_port}", server.asked  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _nested(text: str) -> dict[str, Any]:
    """Read a[b][0][c]=d; lists as dictionaries of their indices."""
    found: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        place = found
        *folders, last = re.findall(r"[^\[\]]+", name)
        for folder in folders:
            place = place.setdefault(folder, {})
        place[last] = value
    return found


def _mistake(path: str, body: Mapping[str, Any]) -> str:
    if path not in _PATHS:
        return f"Unrecognized request URL: {path}"
    module, name = _PATHS[path]
    kinds = dict(inspect.getmembers(module, inspect.isclass))
    return _wrong(body, name, kinds)


def _wrong(body: Mapping[str, Any], name: str, kinds: Mapping[str, Any]) -> str:
    kind = kinds[name]
    known = {key: str(value) for key, value in kind.__annotations__.items()}
    if missing := set(kind.__required_keys__) - set(body):
        return f"Missing required param: {missing} of {name}."
    for key, value in body.items():
        if key not in known:
            return f"Received unknown parameter: {key} of {name}"
        inner = re.search(rf"{name}\w+", known[key])
        if isinstance(value, dict) and inner:
            several = value.values() if all(one.isdecimal() for one in value) else [value]
            for one in several:
                if mistake := _wrong(one, inner.group(), kinds):
                    return mistake
        if re.search(r"\bint\b", known[key]) and not re.fullmatch(r"-?\d+", str(value)):
            return f"Invalid integer: {value} for {key}"
    return ""


def _answer(path: str, body: Mapping[str, Any], number: int) -> dict[str, Any]:
    if path != "/v1/tax/calculations":
        return {"id": f"tax_{number}", "object": "tax.transaction", "reference": body["reference"]}
    return {
        "id": f"taxcalc_{number}",
        "object": "tax.calculation",
        "expires_at": _EXPIRES_AT,
        "line_items": {
            "object": "list",
            "data": [_line(body, item) for item in body["line_items"].values()],
            "has_more": False,
            "url": "/v1/tax/calculations/x/line_items",
        },
    }


def _line(body: Mapping[str, Any], item: Mapping[str, Any]) -> dict[str, Any]:
    details = body["customer_details"]
    address, amount = details["address"], Decimal(item["amount"])
    place = address.get("state") or address["country"]
    rates = _RATES.get(place, [])
    reason = "standard_rated" if rates else "not_collecting"
    if item.get("tax_code") == "txcd_00000000":
        rates, reason = [], "product_exempt"
    if "tax_ids" in details and details["tax_ids"]["0"]["type"] == "eu_vat":
        rates, reason = [], "reverse_charge"
    if details.get("taxability_override") == "customer_exempt":
        rates, reason = [], "customer_exempt"
    taxes = [
        _tax(amount, percent, level, kind, address, is_included=item["tax_behavior"] == "inclusive")
        for percent, level, kind in rates
    ]
    nothing = {
        "amount": 0,
        "jurisdiction": {"country": address["country"], "level": "country", "state": None},
        "tax_rate_details": None,
        "taxability_reason": reason,
    }
    return {
        "id": "li",
        "object": "tax.calculation_line_item",
        "amount": int(amount),
        "amount_tax": sum(tax["amount"] for tax in taxes),
        "reference": item["reference"],
        "tax_breakdown": taxes or [nothing],
    }


def _tax(
    amount: Decimal, percent: str, level: str, kind: str, address: Mapping[str, Any], *, is_included: bool
) -> dict[str, Any]:
    whole = Decimal(100) + Decimal(percent) if is_included else Decimal(100)
    return {
        "amount": int((amount * Decimal(percent) / whole).quantize(Decimal(1), ROUND_HALF_UP)),
        "jurisdiction": {"country": address["country"], "level": level, "state": address.get("state")},
        "tax_rate_details": {"percentage_decimal": percent, "tax_type": kind},
        "taxability_reason": "standard_rated",
    }
