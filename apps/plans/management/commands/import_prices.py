"""`manage.py import_prices FILE --list KEY --day DATE`: keeps a published price list as it was on a day."""

from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.core import clock
from apps.core.errors import Refusal
from apps.plans import import_prices

_ACTOR = "import_prices"


class Command(BaseCommand):
    help = (
        "Imports a list of model prices in LiteLLM's format, plain or gzipped, as the prices from a day on."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--list", required=True, dest="key", help="the key of the price list")
        parser.add_argument(
            "--day", required=True, type=date.fromisoformat, help="in force from this day on: 2026-07-24"
        )
        parser.add_argument("--name", default="", help="makes the list, under this name, or renames it")
        parser.add_argument("--source", default="", help="where it is published, under which license")
        parser.add_argument(
            "--dry-run", action="store_true", help="show what would change, and write nothing"
        )

    def handle(
        self, *, file: Path, key: str, day: date, name: str, source: str, dry_run: bool, **_more: Any
    ) -> None:
        if not file.is_file():
            raise CommandError(f"There is no file {file}.")
        try:
            if name and not dry_run:
                import_prices.put_list(key=key, name=name, source=source, at=clock.now(), actor=_ACTOR)
            content = file.read_bytes()
            imported = (
                import_prices.preview(key=key, content=content, day=day)
                if dry_run
                else import_prices.import_list(
                    key=key, content=content, day=day, at=clock.now(), actor=_ACTOR
                )
            )
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        self._tell(imported, is_tried=dry_run)

    def _tell(self, imported: import_prices.Imported, *, is_tried: bool) -> None:
        read, ways = imported.read, imported.counted
        against = f"Against {imported.before}" if imported.before else "The first of the list"
        self.stdout.write(
            f"{read.models:,} models, {len(read.prices):,} prices. {against}: "
            f"{', '.join(f'{many:,} {way}' for way, many in ways.items())}."
        )
        for reason, many in imported.reasons.items():
            self.stdout.write(f"Left out, {reason}: {many:,}.")
        if imported.dear:
            self.stdout.write(f"Above 1,000 for a million tokens, to be looked at: {len(imported.dear):,}.")
        if is_tried:
            self.stdout.write("Nothing was written.")
        elif imported.is_known:
            self.stdout.write("The same file was imported for that day before. Nothing is new.")
