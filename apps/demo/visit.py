"""A visit to the running demo: the main pages, the API and a PDF, as staff, a member and a backend see them."""

import re
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, Request, build_opener

from apps.demo.state import DemoState


class VisitFailed(Exception):
    """A page did not answer as it should."""


@dataclass(slots=True)
class _Visitor:
    base: str
    key: str = ""
    opener: OpenerDirector = field(default_factory=lambda: build_opener(HTTPCookieProcessor(CookieJar())))

    def get(self, path: str, *, wants: str) -> bytes:
        return self._open(Request(self.base + path), wants=wants)  # noqa: S310 our own loopback address

    def sign_in(self, email: str, password: str) -> None:
        page = self.get("/accounts/login/", wants="csrfmiddlewaretoken").decode()
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token, "the login form carries its token"
        form = urlencode({"csrfmiddlewaretoken": token[1], "login": email, "password": password}).encode()
        request = Request(self.base + "/accounts/login/", form, {"Referer": self.base + "/accounts/login/"})  # noqa: S310
        self._open(request, wants="")

    def _open(self, request: Request, *, wants: str) -> bytes:
        if self.key:
            request.add_header("Authorization", f"Bearer {self.key}")
        try:
            with self.opener.open(request, timeout=30) as response:
                body: bytes = response.read()
        except HTTPError as refused:
            raise VisitFailed(f"{request.full_url} answered {refused.code}") from refused
        if wants.encode() not in body:
            raise VisitFailed(f"{request.full_url} does not show {wants!r}")
        return body


def visit(state: DemoState, *, base: str) -> list[str]:
    """Fetch the main pages and one PDF and return what was seen; raise VisitFailed at the first that is wrong."""
    staff = _Visitor(base)
    staff.sign_in(state.logins[0].email, state.logins[0].password)
    staff.get("/admin/", wants="Receivables")
    member = _Visitor(base)
    member.sign_in(state.logins[1].email, state.logins[1].password)
    member.get("/portal/", wants="Code Studio")
    member.get("/portal/usage/", wants="Input tokens")
    member.get("/portal/invoices/", wants="INV-")
    backend = _Visitor(base, key=state.api_key)
    listed = backend.get("/api/v1/invoices", wants="INV-").decode()
    backend.get("/api/v1/customers/code-studio/spend", wants="subtotal")
    backend.get("/api/schema/", wants="openapi")
    number = re.search(r'"number":\s*"(INV-[^"]+)"', listed)
    assert number, "the list names an invoice"
    pdf = backend.get(f"/api/v1/invoices/{number[1]}/pdf", wants="%PDF-")
    return [
        "back office, portal (home, usage, invoices), API (invoices, spend, schema): answered",
        f"{number[1]}.pdf: {len(pdf):,} bytes",
    ]
