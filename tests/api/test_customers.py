import pytest
from pytest_regressions.data_regression import DataRegressionFixture

from apps.core.models import AuditEntry
from apps.customers.models import Customer
from tests.api.calls import Backend, problem, said
from tests.builders import make_api_key, make_customer, make_legal_entity

pytestmark = pytest.mark.django_db
NEW = {"key": "acme", "name": "Acme Inc.", "legal_entity": "seller"}


@pytest.fixture
def backend() -> Backend:
    make_legal_entity()
    return Backend(make_api_key())


def test_a_customer_is_created_read_and_changed(
    backend: Backend, data_regression: DataRegressionFixture
) -> None:
    created = backend.post("/customers", {**NEW, "tax_rate": 8.875, "country": "US"})
    changed = backend.send("PATCH", "/customers/acme", b'{"name": "Acme Ltd.", "language": "de"}')
    read = backend.get("/customers/acme")

    assert (created.status_code, changed.status_code, said(changed)) == (201, 200, said(read))
    data_regression.check({**said(read), "created_at": "some time"})
    assert list(
        AuditEntry.objects.filter(subject_key="acme").order_by("id").values_list("action", flat=True)
    ) == [
        "customers.create",
        "customers.change",
    ]


def test_a_taken_key_is_refused_and_nothing_changes(backend: Backend) -> None:
    backend.post("/customers", NEW)

    assert problem(backend.post("/customers", {**NEW, "name": "Other"})) == (409, "customer-key-taken")
    assert Customer.objects.get().name == "Acme Inc."


def test_all_mistaken_fields_are_named_at_once(backend: Backend) -> None:
    answer = backend.post(
        "/customers",
        {
            "key": "Acme!",
            "legal_entity": "nobody",
            "tax_rate": "NaN",
            "billing_email": "x",
            "nickname": "A",
            "\u0041": 1,
        },
    )
    unknown = backend.post("/customers", {**NEW, "nickname": "A"})

    assert problem(answer) == (422, "invalid-fields")
    assert {one["field"] for one in said(answer)["errors"]} == {"nickname", "A"}
    assert [one["field"] for one in said(unknown)["errors"]] == ["nickname"]
    bad = backend.post(
        "/customers", {"key": "Acme!", "legal_entity": "nobody", "tax_rate": "NaN", "billing_email": "x"}
    )
    assert {one["field"] for one in said(bad)["errors"]} == {
        "key",
        "name",
        "legal_entity",
        "tax_rate",
        "billing_email",
    }
    assert Customer.objects.count() == 0


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"null", b"7"])
def test_a_body_that_is_no_object_is_refused(backend: Backend, body: bytes) -> None:
    assert problem(backend.send("POST", "/customers", body)) == (422, "invalid-fields")


def test_a_huge_number_in_a_field_costs_nothing(backend: Backend) -> None:
    body = b'{"key": "acme", "name": "A", "legal_entity": "seller", "tax_rate": 1e1000000}'

    assert problem(backend.send("POST", "/customers", body)) == (422, "invalid-fields")


def test_the_key_stays(backend: Backend) -> None:
    backend.post("/customers", NEW)

    assert problem(backend.send("PATCH", "/customers/acme", b'{"key": "other"}')) == (422, "invalid-fields")


def test_customers_are_listed_page_by_page_newest_first(backend: Backend) -> None:
    for number in range(5):
        make_customer(f"c{number}")

    first = said(backend.get("/customers?limit=2"))
    make_customer("later")
    second = said(backend.get(f"/customers?limit=2&cursor={first['next_cursor']}"))
    third = said(backend.get(f"/customers?limit=2&cursor={second['next_cursor']}"))

    pages = [[one["key"] for one in page["data"]] for page in (first, second, third)]
    assert pages == [["c4", "c3"], ["c2", "c1"], ["c0"]]
    assert third["next_cursor"] is None


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "cursor=x", "page=2"])
def test_a_mistaken_page_is_refused(backend: Backend, query: str) -> None:
    assert problem(backend.get(f"/customers?{query}")) == (422, "invalid-fields")


def test_an_unknown_customer_is_not_there(backend: Backend) -> None:
    assert problem(backend.get("/customers/nobody")) == (404, "unknown-customer")


def test_a_tax_number_is_kept_in_its_form_and_a_wrong_one_refused(backend: Backend) -> None:
    created = backend.post("/customers", {**NEW, "country": "DE", "tax_number": "136 695 976"})
    wrong = backend.send("PATCH", "/customers/acme", b'{"tax_number": "DE000000000"}')

    assert said(created)["tax_number"] == "DE136695976"
    assert problem(wrong) == (422, "wrong-tax-number")
    assert "Give it as in DE136695976" in said(wrong)["detail"]
    assert Customer.objects.get().tax_number == "DE136695976"


def test_a_certificate_is_noted_by_the_sellers_own_backends_alone(backend: Backend) -> None:
    backend.post("/customers", NEW)
    paper = {
        "country": "US",
        "region": "NY",
        "certificate": "ST-119.1",
        "reason": "School",
        "starts_on": "2026-01-01",
        "ends_on": None,
    }
    own = Backend(make_api_key("customers:write", customer=Customer.objects.get()))

    noted = backend.post("/customers/acme/tax-exemptions", paper)
    again = backend.post("/customers/acme/tax-exemptions", paper)
    by_itself = own.post("/customers/acme/tax-exemptions", {**paper, "region": "NJ"})

    assert noted.status_code == 201
    assert problem(again) == (409, "tax-overlap")
    assert problem(by_itself) == (403, "confined-key")
    assert said(backend.get("/customers/acme"))["tax_exemptions"] == [{**paper, "reference": ""}]
