import pytest
from django.test.utils import CaptureQueriesContext
from pytest_regressions.data_regression import DataRegressionFixture

from tests.api.calls import Backend, problem, said
from tests.builders import fee_charge, make_api_key, make_contract, make_customer, make_plan_version
from tests.usage.events import event, token_charges

pytestmark = pytest.mark.django_db


@pytest.fixture
def backend() -> Backend:
    """Acme pays 499 a month, and per token; three requests of two models on two days."""
    make_contract(plan_version=make_plan_version([fee_charge(), *token_charges()]))
    backend = Backend(make_api_key())
    large = {"model": "large", "input_tokens": 1000, "output_tokens": 100}
    small = {"model": "small", "input_tokens": "500.5", "output_tokens": 10}
    answer = backend.post(
        "/events",
        [
            event("a", type="llm.request", properties=large),
            event("b", type="llm.request", properties=large, time="2026-10-19T10:00:00Z"),
            event("c", type="llm.request", properties=small),
        ],
    )
    assert said(answer)["counted"] == 3
    return backend


def test_what_was_posted_is_read_back_at_once(
    backend: Backend, data_regression: DataRegressionFixture
) -> None:
    data_regression.check(
        said(backend.get("/customers/acme/usage?from=2026-10-01&to=2026-11-01&group=day,model"))
    )


def test_usage_is_the_last_31_days_by_meter_if_nothing_is_asked(backend: Backend) -> None:
    answer = said(backend.get("/customers/acme/usage"))

    assert (answer["from"], answer["to"]) == ("2026-09-20", "2026-10-21")
    assert [(row["meter"], row["quantity"], row["events"]) for row in answer["data"]] == [
        ("input", "2500.5", 3),
        ("output", "210", 3),
    ]


def test_usage_of_one_meter_can_be_asked(backend: Backend) -> None:
    answer = said(backend.get("/customers/acme/usage?meter=output"))

    assert [row["meter"] for row in answer["data"]] == ["output"]


@pytest.mark.parametrize(
    "query",
    [
        "from=2026-10-01&to=2026-10-01",
        "from=2025-01-01&to=2026-10-01",
        "from=2027-01-01",
        "to=tomorrow",
        "from=0001-01-01",
        "to=0001-01-01",
        "group=a,a",
        "group=a,b,c,d,e,f",
        "metre=input",
    ],
)
def test_a_mistaken_question_is_refused(backend: Backend, query: str) -> None:
    assert problem(backend.get(f"/customers/acme/usage?{query}")) == (422, "invalid-fields")


def test_spend_to_date_is_priced_with_its_steps(
    backend: Backend, data_regression: DataRegressionFixture
) -> None:
    """499 + 2,000 x 0.003 + 500.5 x 0.001 (0.5005, so 0.50) + 210 x 0.01 = 507.60."""
    answer = said(backend.get("/customers/acme/spend"))

    assert (answer["subtotal"], answer["total"]) == ("507.60", "507.60")
    data_regression.check({**answer, "contract": "its number"})


def test_a_customer_without_a_running_contract_spends_nothing(backend: Backend) -> None:
    make_customer("idle")

    assert problem(backend.get("/customers/idle/spend")) == (404, "no-running-contract")


def test_reads_take_a_bounded_number_of_queries(
    backend: Backend, django_assert_max_num_queries: type[CaptureQueriesContext]
) -> None:
    """The key, the customer, and the usage; for spend the contracts and the totals."""
    for path, most in (("usage?group=day,model", 3), ("spend", 4)):
        with django_assert_max_num_queries(most):  # type: ignore[arg-type]
            assert backend.get(f"/customers/acme/{path}").status_code == 200
