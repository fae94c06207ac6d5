"""`manage.py price`: a document in, priced lines or the mistake out, and no database anywhere."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from apps.api.management.commands.price import Command
from tests.rating.small_documents import charge, document, use

ROOT = Path(__file__).resolve().parents[2]
GOOD = document(charge(name="Größe 漢字"), usage=[use("2.5")])
BAD = document(charge({"model": "per_unit", "unit_amount": 0.5}))


class Run:
    """What the command said when it was called in this process."""

    def __init__(self, *words: str, given: bytes = b"") -> None:
        out, err = io.TextIOWrapper(io.BytesIO(), encoding="ascii"), io.StringIO()
        stdin = sys.stdin
        sys.stdin = io.TextIOWrapper(io.BytesIO(given))
        self.status = 0
        try:
            call_command(Command(), *words, stdout=out, stderr=err)
        except SystemExit as ended:
            self.status = int(ended.code or 0)
        finally:
            sys.stdin = stdin
        self.out = out.buffer.getvalue().decode()
        self.err = err.getvalue()

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


def written(folder: Path, *documents: dict[str, Any]) -> str:
    path = folder / "documents"
    path.write_text("\n".join(json.dumps(one) for one in documents))
    return str(path)


def test_a_file_is_priced(tmp_path: Path) -> None:
    run = Run(written(tmp_path, GOOD))

    assert (run.status, run.err) == (0, "")
    assert json.loads(run.out)["total"] == "2.50"
    assert "Größe 漢字" in run.out


def test_standard_input_is_priced() -> None:
    assert json.loads(Run("-", given=json.dumps(GOOD).encode()).out)["total"] == "2.50"


def test_a_mistake_stands_on_standard_error_and_ends_with_2(tmp_path: Path) -> None:
    run = Run(written(tmp_path, BAD))

    assert (run.status, run.out) == (2, "")
    assert json.loads(run.err) == {
        "type": "urn:meterbook:problem:bad-document",
        "title": "The pricing document is not right",
        "path": "$.charges[0].price.unit_amount",
        "detail": '0.5 is not read as a number. Write it as a string like "0.5": digits, then optionally a point and '
        "digits, at most 18 on either side, and never negative.",
    }


@pytest.mark.parametrize("place", ["missing", "."])
def test_a_file_that_cannot_be_read_is_a_mistake_of_the_same_form(tmp_path: Path, place: str) -> None:
    run = Run(str(tmp_path / place))

    assert run.status == 2
    assert json.loads(run.err)["path"] == "$"


def test_many_are_priced_in_their_order_and_a_bad_one_does_not_stop_them() -> None:
    second = GOOD | {"usage": [use(7)]}
    lines = [
        json.dumps(GOOD).encode(),
        b"{",
        b"\xff",
        b"",
        json.dumps(BAD).encode(),
        json.dumps(second).encode(),
    ]

    run = Run("--many", "-", given=b"\r\n".join(lines))

    assert (run.status, run.err) == (2, "")
    assert [line.get("total") for line in run.lines] == ["2.50", None, None, None, "7.00"]
    assert [line.get("path") for line in run.lines] == [
        None,
        "$",
        "$",
        "$.charges[0].price.unit_amount",
        None,
    ]


def test_many_good_ones_end_with_0(tmp_path: Path) -> None:
    run = Run("--many", written(tmp_path, GOOD, GOOD))

    assert (run.status, len(run.lines)) == (0, 2)


def test_it_runs_where_there_is_no_database(tmp_path: Path) -> None:
    nowhere = {**os.environ, "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing"}
    command = [sys.executable, "manage.py", "price", "--many", written(tmp_path, GOOD, BAD)]

    ended = subprocess.run(command, cwd=ROOT, env=nowhere, capture_output=True, text=True, check=False)

    assert ended.returncode == 2, ended.stderr
    assert ended.stderr == ""
    assert [json.loads(line).get("total") for line in ended.stdout.splitlines()] == ["2.50", None]


def test_a_file_whose_name_is_no_text_is_refused_like_any_that_is_not_there() -> None:
    run = Run("/nowhere/\udcff")

    assert run.status == 2
    assert json.loads(run.err)["detail"].startswith("/nowhere/? cannot be read: No such file")
