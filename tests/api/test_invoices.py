import hashlib
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from pytest_regressions.data_regression import DataRegressionFixture

from apps.contracts.models import Contract
from apps.invoices import close, finalize, publish
from apps.invoices.models import Invoice
from tests.api.calls import Backend, problem, said
from tests.builders import ACTOR, make_api_key, make_contract, make_customer, make_plan_version
from tests.usage.events import event, take, token_charges

pytestmark = pytest.mark.django_db
IN_NOVEMBER = datetime(2026, 11, 2, 9, tzinfo=UTC)


@pytest.fixture
def contract() -> Contract:
    """Acme used 1,000 input tokens of the large model on 20 October, in a region that looks like a formula."""
    contract = make_contract(plan_version=make_plan_version(token_charges()))
    properties = {"model": "large", "region": "=HYPERLINK(1)", "input_tokens": 1000}
    take(event(type="llm.request", properties=properties))
    return contract


def finalized(contract: Contract) -> Invoice:
    (draft,) = close.close_contract(contract_id=contract.pk, at=IN_NOVEMBER, actor=ACTOR).drafts
    return finalize.finalize(invoice_id=draft.pk, at=IN_NOVEMBER, actor=ACTOR)


def test_a_finalized_invoice_is_listed_and_read_with_its_lines(
    contract: Contract, data_regression: DataRegressionFixture
) -> None:
    """1,000 x 0.003 = 3.00."""
    invoice = finalized(contract)
    backend = Backend(make_api_key())

    listed = said(backend.get("/invoices?customer=acme"))
    read = said(backend.get(f"/invoices/{invoice.number}"))

    lines = read.pop("lines")
    assert listed == {"data": [read], "next_cursor": None}
    assert read["total"] == "3.00"
    data_regression.check({**read, "lines": lines, "contract": "its number"})


def test_drafts_are_not_shown(contract: Contract) -> None:
    close.close_contract(contract_id=contract.pk, at=IN_NOVEMBER, actor=ACTOR)

    assert said(Backend(make_api_key()).get("/invoices"))["data"] == []


def test_the_pdf_comes_with_its_hash_once_it_is_rendered(contract: Contract) -> None:
    invoice = finalized(contract)
    backend = Backend(make_api_key())
    path = f"/invoices/{invoice.number}/pdf"

    assert problem(backend.get(path)) == (404, "not-rendered")
    publish.render_pdf(invoice_id=invoice.pk, at=IN_NOVEMBER, actor=ACTOR)
    fetched = backend.get(path)
    again = backend.get(path, **{"If-None-Match": fetched["ETag"]})

    assert (fetched.status_code, fetched["Content-Type"], fetched.content[:5]) == (
        200,
        "application/pdf",
        b"%PDF-",
    )
    assert fetched["ETag"] == f'"{hashlib.sha256(fetched.content).hexdigest()}"'
    assert (again.status_code, again.content) == (304, b"")


def test_the_usage_behind_an_invoice_comes_as_a_table_that_no_spreadsheet_runs(contract: Contract) -> None:
    invoice = finalized(contract)

    answer = Backend(make_api_key()).get(f"/invoices/{invoice.number}/usage.csv")

    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    # Not to be taken for the events that the invoice is checked with.
    assert answer["Content-Disposition"] == f'attachment; filename="{invoice.number}-daily.csv"'
    assert answer.content.decode() == (
        "day,meter,name,unit,model,region,quantity,events\r\n"
        "2026-10-20,input,Input tokens,tokens,large,'=HYPERLINK(1),1000,1\r\n"
    )


def test_another_customers_invoice_is_not_there(contract: Contract) -> None:
    invoice = finalized(contract)
    confined = Backend(make_api_key(customer=make_customer("other")))
    own = Backend(make_api_key(customer=contract.customer))

    for part in ("", "/pdf", "/usage.csv"):
        theirs = confined.get(f"/invoices/{invoice.number}{part}")
        nobodys = confined.get(f"/invoices/INV-2026-999999{part}")
        assert problem(theirs) == problem(nobodys) == (404, "not-found")
        assert theirs.content.replace(b"000001", b"999999") == nobodys.content
    assert own.get(f"/invoices/{invoice.number}").status_code == 200
    assert said(confined.get("/invoices"))["data"] == []
    assert (contract.starts_on, invoice.total) == (date(2026, 10, 1), Decimal(3))
