"""Who may call what: a row for every address and method, and a new one without a row fails."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from apps.api import urls
from apps.core import clock
from apps.customers import api_keys
from apps.customers.models import ApiKey, Customer
from tests.api.calls import Backend, problem
from tests.builders import ACTOR, make_api_key, make_contract, make_customer

pytestmark = pytest.mark.django_db
Scope = ApiKey.Scope

# Name of the address, method, a path of acme's, and the scope that opens it.
CALLS = [
    ("api_events", "POST", "/events", Scope.EVENTS_WRITE),
    ("api_events", "GET", "/events?customer=acme", Scope.USAGE_READ),
    ("api_event", "GET", "/events/one?customer=other&id=e1", Scope.USAGE_READ),
    ("api_events_validate", "POST", "/events/validate", Scope.EVENTS_WRITE),
    ("api_corrections", "POST", "/corrections", Scope.EVENTS_CORRECT),
    ("api_customers", "GET", "/customers", Scope.CUSTOMERS_READ),
    ("api_customers", "POST", "/customers", Scope.CUSTOMERS_WRITE),
    ("api_customer", "GET", "/customers/acme", Scope.CUSTOMERS_READ),
    ("api_customer", "PATCH", "/customers/acme", Scope.CUSTOMERS_WRITE),
    ("api_tax_exemptions", "GET", "/customers/acme/tax-exemptions", Scope.CUSTOMERS_READ),
    ("api_tax_exemptions", "POST", "/customers/acme/tax-exemptions", Scope.CUSTOMERS_WRITE),
    ("api_usage", "GET", "/customers/acme/usage", Scope.USAGE_READ),
    ("api_spend", "GET", "/customers/acme/spend", Scope.USAGE_READ),
    ("api_upcoming", "GET", "/customers/acme/upcoming-invoice", Scope.INVOICES_READ),
    ("api_upcoming_pdf", "GET", "/customers/acme/upcoming-invoice/pdf", Scope.INVOICES_READ),
    ("api_invoices", "GET", "/invoices", Scope.INVOICES_READ),
    ("api_invoice", "GET", "/invoices/INV-1", Scope.INVOICES_READ),
    ("api_invoice_pdf", "GET", "/invoices/INV-1/pdf", Scope.INVOICES_READ),
    ("api_credit_notes", "GET", "/credit-notes", Scope.INVOICES_READ),
    ("api_credit_notes", "POST", "/credit-notes", Scope.INVOICES_WRITE),
    ("api_credit_note", "GET", "/credit-notes/CN-1", Scope.INVOICES_READ),
    ("api_credit_note_pdf", "GET", "/credit-notes/CN-1/pdf", Scope.INVOICES_READ),
    ("api_preview", "POST", "/preview", Scope.USAGE_READ),
    ("api_invoice_usage", "GET", "/invoices/INV-1/usage.csv", Scope.INVOICES_READ),
    ("api_invoice_evidence", "GET", "/invoices/INV-1/proof.json", Scope.INVOICES_READ),
]
OPEN = {"api", "api_schema", "api_docs", "api_unknown"}
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}
OF_ONE_CUSTOMER = [path for _, _, path, _ in CALLS if "acme" in path]


def served_calls() -> Iterator[tuple[str, str]]:
    """Every address that asks for a key, with each of its methods."""
    for pattern in urls.urlpatterns:
        if pattern.name not in OPEN:
            view: Any = pattern.callback
            yield from ((str(pattern.name), method) for method in view.view_class.scopes)


def test_every_address_and_method_has_a_row() -> None:
    assert set(served_calls()) == {(name, method) for name, method, _, _ in CALLS}


@pytest.mark.parametrize(("name", "method", "path", "scope"), CALLS)
def test_a_call_needs_a_live_key_with_its_scope(name: str, method: str, path: str, scope: str) -> None:
    make_contract()
    others = [other for other in Scope.values if other != scope]

    assert problem(Backend(None).send(method, path)) == (401, "no-key")
    assert problem(Backend("mb_00000000_" + "x" * 43).send(method, path)) == (401, "unknown-key")
    assert problem(Backend(make_api_key(*others)).send(method, path)) == (403, "scope-missing")
    allowed = Backend(make_api_key(scope)).send(method, path)
    assert allowed.status_code not in {401, 403}, allowed.content


@pytest.mark.parametrize(("name", "method", "path", "scope"), CALLS)
def test_other_methods_are_refused(name: str, method: str, path: str, scope: str) -> None:
    make_contract()
    served = {of for call, of, _, _ in CALLS if call == name}

    for other in METHODS - served:
        answer = Backend(make_api_key()).send(other, path)
        assert problem(answer) == (405, "method-not-allowed")
        assert set(answer["Allow"].split(", ")) >= served


@pytest.mark.parametrize("path", OF_ONE_CUSTOMER)
def test_another_customer_answers_a_confined_key_like_one_that_is_not_there(path: str) -> None:
    make_contract()
    confined = Backend(make_api_key(customer=make_customer("other")))

    theirs = confined.get(path)
    nobodys = confined.get(path.replace("acme", "nobody"))

    assert problem(theirs) == (404, "unknown-customer")
    assert theirs.content.replace(b"acme", b"nobody") == nobodys.content
    assert Backend(make_api_key(customer=Customer.objects.get(key="acme"))).get(path).status_code == 200


def test_a_confined_key_lists_its_own_customer_and_creates_none() -> None:
    make_contract()
    confined = Backend(make_api_key(customer=make_customer("other")))

    assert b'"acme"' not in confined.get("/customers").content
    assert b'"other"' in confined.get("/customers").content
    assert problem(confined.post("/customers", {"key": "new"})) == (403, "confined-key")
    assert problem(confined.get("/invoices?customer=acme")) == (404, "unknown-customer")


def test_a_revoked_key_dies_within_five_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    made = api_keys.create(name="k", scopes=Scope.values, at=clock.now(), actor=ACTOR)
    backend = Backend(made.secret)
    assert backend.get("/customers").status_code == 200

    api_keys.revoke(api_key_id=made.api_key.pk, at=clock.now(), actor=ACTOR)
    later = time.monotonic() + 5
    monkeypatch.setattr(time, "monotonic", lambda: later)

    assert problem(backend.get("/customers")) == (401, "unknown-key")


def test_a_key_in_the_address_is_refused_although_it_is_good() -> None:
    key = make_api_key()

    assert problem(Backend(key).get(f"/customers?api_key={key}")) == (401, "key-in-address")


@pytest.mark.parametrize("path", ["/", "/nothing", "/events/", "/customers/", "/invoices/a/b/c"])
def test_an_unknown_address_is_a_problem_document(path: str) -> None:
    assert problem(Backend(None).get(path)) == (404, "not-found")
    assert problem(Backend(None).send("POST", path, b"{}")) == (404, "not-found")
