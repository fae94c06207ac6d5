"""The client stands on its own."""

import ast
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "client" / "meterbook_client"
GUIDE = FOLDER.parents[1] / "docs" / "guides" / "client.md"


def imported(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    plain = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return plain | {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: str(path.name))
def test_the_client_imports_the_standard_library_alone(path: Path) -> None:
    known = sys.stdlib_module_names | {"meterbook_client"}

    assert {name for name in imported(path) if name.partition(".")[0] not in known} == set()


def test_every_setting_is_in_the_guide() -> None:
    tree = ast.parse((FOLDER / "client.py").read_text())
    starts = [
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "__init__"
    ]
    names = [argument.arg for start in starts for argument in (*start.args.args[1:], *start.args.kwonlyargs)]

    assert [name for name in names if f"`{name}`" not in GUIDE.read_text()] == []
    assert len(names) == 15
