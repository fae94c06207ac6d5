"""Numbers and what an invoice sells stay, by the models as by SQL."""

from collections.abc import Callable

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import F

from apps.customers.models import LegalEntity
from apps.invoices.models import CreditPurchase, Invoice, NumberSeries
from tests.application_role.conftest import Books

pytestmark = pytest.mark.django_db
SERIES, SOLD = NumberSeries.objects, CreditPurchase.objects
REFUSED: dict[str, Callable[[Books], object]] = {
    "a series lowered": lambda _: SERIES.update(next_number=1),
    "a number left out": lambda _: SERIES.update(next_number=F("next_number") + 1),
    "a series in the middle": lambda _: SERIES.create(
        legal_entity=LegalEntity.objects.get(), prefix="MINE", year=2026, next_number=7
    ),
    "a series removed": lambda _: SERIES.all().delete(),
    "more credits sold": lambda _: SOLD.update(amount=F("amount") * 2),
    "credits sold granted again": lambda _: SOLD.update(grant=None),
    "credits sold by an invoice afterwards": lambda books: SOLD.create(
        invoice=Invoice.objects.get(number=str(books.names["number"])), name="More", amount=1, price=0
    ),
    "what is sold removed": lambda _: SOLD.all().delete(),
}


@pytest.mark.parametrize("attempt", REFUSED.values(), ids=REFUSED)
def test_it_is_refused(attempt: Callable[[Books], object], books: Books) -> None:
    before = content()

    with pytest.raises(DatabaseError, match=r"only goes on|No document has|permission denied|cannot change"):
        committed(attempt, books)

    assert content() == before


def committed(attempt: Callable[[Books], object], books: Books) -> None:
    with transaction.atomic():
        attempt(books)
        # As a commit does.
        connection.check_constraints()


def content() -> list[object]:
    return [*SERIES.order_by("pk").values(), *SOLD.order_by("pk").values()]
