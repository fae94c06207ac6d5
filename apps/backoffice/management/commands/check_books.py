"""`manage.py check_books`: proves that the journal says what the documents say."""

import sys

from django.core.management.base import BaseCommand, CommandParser

from apps.backoffice.books.check import check
from apps.backoffice.books.post_missing import post_missing
from apps.core import clock
from apps.customers.models import LegalEntity
from apps.ledger.models import Entry

ACTOR = "check_books"


class Command(BaseCommand):
    help = (
        "Compares the journal with invoices, credit notes, payments, allocations, refunds, grants and tax rows, amount by amount; "
        "says what differs, and then ends with 1. With --post, posts what is not in the journal first."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--post",
            action="store_true",
            help="post documents without an entry, such as those from before the books: on their own day, or once the books are open",
        )

    def handle(self, *, post: bool, **_options: object) -> None:
        many = 0
        for entity in LegalEntity.objects.order_by("key"):
            if post:
                made = post_missing(legal_entity_id=entity.pk, at=clock.now(), actor=ACTOR)
                for kind, count in sorted(made.items()):
                    self.stdout.write(f"{entity.key}: {kind}: {count:,} posted")
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
