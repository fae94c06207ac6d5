"""`manage.py price FILE`: prices a document of terms and usage, or one a line, without a database."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import orjson
from django.core.management.base import BaseCommand, CommandParser

from apps.rating.document.errors import BadDocument, UnreadableDocument
from apps.rating.document.price import price

_STANDARD_INPUT = "-"
_BAD = 2


class Command(BaseCommand):
    help = "Prices the terms and usage of a JSON document. Touches no database."
    # Checking the site would ask for its database.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="a JSON document; - reads standard input")
        parser.add_argument(
            "--many", action="store_true", help="the file has one document a line; answer each in its line"
        )

    def handle(self, *, file: str, many: bool, **options: Any) -> None:
        try:
            opened = sys.stdin.buffer if file == _STANDARD_INPUT else Path(file).open("rb")  # noqa: SIM115 see below
        except OSError as trouble:
            # A name may be bytes of no encoding.
            name = file.encode(errors="replace").decode()
            self._refuse(UnreadableDocument(f"{name} cannot be read: {trouble.strerror}. Name a JSON file."))
            sys.exit(_BAD)
        with opened:
            are_good = self._price_each(opened) if many else self._price(opened)
        if not are_good:
            sys.exit(_BAD)

    def _price(self, document: IO[bytes]) -> bool:
        try:
            self._answer(price(document.read()), indented=True)
        except BadDocument as bad:
            self._refuse(bad)
            return False
        return True

    def _price_each(self, lines: Iterable[bytes]) -> bool:
        """Answer every line in its order, the good ones and the bad; tell whether all were good. Empty ones are none."""
        are_good = True
        for line in lines:
            if not line.strip():
                continue
            try:
                self._answer(price(line))
            except BadDocument as bad:
                are_good = False
                self._answer(bad.as_json())
        return are_good

    def _answer(self, answer: dict[str, Any], *, indented: bool = False) -> None:
        # In bytes: names are in any script, and the terminal's encoding may know none of them.
        out: Any = self.stdout
        out.buffer.write(orjson.dumps(answer, option=_INDENTED if indented else _IN_A_LINE))
        out.buffer.flush()

    def _refuse(self, bad: BadDocument) -> None:
        self.stderr.write(orjson.dumps(bad.as_json()).decode())


_IN_A_LINE = orjson.OPT_APPEND_NEWLINE
_INDENTED = _IN_A_LINE | orjson.OPT_INDENT_2
