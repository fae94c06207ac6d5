"""`manage.py check_books`: proves that the journal says what the documents say."""

import sys

from django.core.management.base import BaseCommand

from apps.backoffice.books.check import check
from apps.customers.models import LegalEntity
from apps.ledger.models import Entry


class Command(BaseCommand):
    help = (
        "Compares the journal with invoices, credit notes, payments, allocations, refunds, grants and tax rows, amount by amount; says what differs, "
        "and then ends with 1."
    )

    def handle(self, **_options: object) -> None:
        many = 0
        for entity in LegalEntity.objects.order_by("key"):
            for difference in check(entity):
                many += 1
                self.stdout.write(f"{entity.key}: {difference}")
        entries = Entry.objects.count()
        self.stdout.write(
            f"{entries:,} entries: "
            + ("books and documents agree." if not many else f"{many:,} differences.")
        )
        if many:
            sys.exit(1)
