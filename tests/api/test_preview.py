"""POST /preview: usage priced under given or stored terms, and nothing written."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.core import clock
from apps.credits import grant as grants
from apps.plans.compose import NewPrice
from tests.api.calls import Backend, problem, said
from tests.builders import (
    ACTOR,
    AT,
    fee_charge,
    make_api_key,
    make_contract,
    make_credit_unit,
    make_customer,
    make_meter,
    make_plan_version,
    usage_charge,
)
from tests.rating.small_documents import ONE, charge, document, fee, use

pytestmark = pytest.mark.django_db


@pytest.fixture
def backend() -> Backend:
    return Backend(make_api_key())


def test_a_document_is_priced_without_a_question_to_the_database(backend: Backend) -> None:
    backend.post("/preview", {})

    with CaptureQueriesContext(connection) as asked:
        answer = backend.post("/preview", document(charge(name="Größe"), usage=[use("2.5")]))

    assert said(answer)["total"] == "2.50"
    assert said(answer)["lines"][0]["name"] == "Größe"
    assert asked.captured_queries == []


@pytest.mark.parametrize(
    ("body", "status", "path"),
    [
        (b"{", 400, "$"),
        (b"[]", 422, "$"),
        (b"{}", 422, "$.currency"),
        (b'{"currency": "USD", "currency": "USD"}', 422, "$.currency"),
        (b'{"contract": ""}', 422, "$.contract"),
        (b'{"contract": "none"}', 422, "$.contract"),
        (b'{"contract": "a\\u0000b"}', 422, "$.contract"),
        (b'{"contract": null}', 422, "$.contract"),
        (b'{"contract": "C-1", "currency": "USD"}', 422, "$.currency"),
        (b'{"contract": "C-1", "usage": 1}', 422, "$.usage"),
        (b'{"contract": "C-1", "usage": [{"charge": "none", "quantity": 1}]}', 422, "$.usage[0].charge"),
        (b'{"contract": "C-1", "usage": [{"charge": "calls", "quantity": 1.5}]}', 422, "$.usage[0].quantity"),
    ],
)
def test_a_refusal_names_the_place(backend: Backend, body: bytes, status: int, path: str) -> None:
    make_contract(number="C-1")

    answer = backend.send("POST", "/preview", body)

    code = "unreadable-document" if status == 400 else "bad-document"
    assert problem(answer) == (status, code)
    assert said(answer)["path"] == path


def test_usage_is_priced_under_the_terms_of_a_contract(backend: Backend) -> None:
    make_meter()
    make_contract(plan_version=make_plan_version([fee_charge("499"), usage_charge()]), number="C-1")

    answer = said(backend.post("/preview", {"contract": "C-1", "usage": [use("150", "calls")]}))

    assert [(line["charge"], line["amount"]) for line in answer["lines"]] == [
        ("fee", "499.00"),
        ("calls", "1.50"),
    ]
    assert answer["total"] == "500.50"


def test_open_grants_pay_and_are_as_whole_as_before(backend: Backend) -> None:
    make_meter()
    unit = make_credit_unit()
    price = [NewPrice(model="per_unit", unit_amount=Decimal("0.5"))]
    version = make_plan_version([usage_charge(prices=price, credit_unit="credits")])
    contract = make_contract(plan_version=version, number="C-1")
    grants.grant(
        key="g",
        name="Gift",
        customer_id=contract.customer_id,
        credit_unit_id=unit.pk,
        amount=Decimal(10),
        effective_on=contract.starts_on,
        at=AT,
        actor=ACTOR,
    )

    answers = [
        said(backend.post("/preview", {"contract": "C-1", "usage": [use(30, "calls")]})) for _ in range(2)
    ]

    assert answers[0] == answers[1]
    assert answers[0]["credits"] == [{"grant": "g", "unit": "credits", "used": "10", "left": "0"}]
    assert answers[0]["lines"][0]["uncovered"] == "5"


def test_a_contract_that_does_not_run_today_is_refused(backend: Backend) -> None:
    make_contract(number="C-1", starts_on=clock.now().date().replace(year=2027))

    answer = backend.post("/preview", {"contract": "C-1"})

    assert said(answer)["path"] == "$.contract"
    assert "does not run today" in said(answer)["detail"]


def test_a_confined_key_sees_the_terms_of_its_own_customer_alone() -> None:
    contract = make_contract(number="C-1")
    own = Backend(make_api_key(customer=contract.customer))
    confined = Backend(make_api_key(customer=make_customer("other")))

    assert own.post("/preview", {"contract": "C-1"}).status_code == 200
    theirs = confined.post("/preview", {"contract": "C-1"})
    assert problem(theirs) == (422, "bad-document")
    assert theirs.content == confined.post("/preview", {"contract": "C-9"}).content.replace(b"C-9", b"C-1")
    assert confined.post("/preview", document(charge())).status_code == 200


def test_what_would_keep_a_worker_busy_is_refused(backend: Backend) -> None:
    fees = [fee("1", key=f"c{place}") for place in range(500)]
    discounts = [{"key": f"d{place}", "percent": "1"} for place in range(500)]
    names = [f"d{place}" for place in range(9)]
    cells = [
        {"match": {name: "a" for place, name in enumerate(names) if which >> place & 1}, "price": ONE}
        for which in range(512)
    ]
    matrix = charge({"model": "matrix", "dimensions": names, "cells": cells})

    pairs = backend.post("/preview", document(*fees, discounts=discounts))
    patterns = backend.post("/preview", document(matrix, usage=[use(1, **dict.fromkeys(names, "b"))] * 500))

    assert problem(pairs) == problem(patterns) == (413, "too-much-to-price")
