"""The rules of the house that no linter knows."""

import ast
from pathlib import Path

import pytest
from django.apps import apps

ROOT = Path(__file__).resolve().parent.parent
WRITES = {
    "create",
    "bulk_create",
    "bulk_update",
    "update",
    "update_or_create",
    "get_or_create",
    "delete",
    "create_user",
    "create_superuser",
}
MODULES = sorted(
    path
    for path in (ROOT / "apps").rglob("*.py")
    if "migrations" not in path.parts and path.name != "models.py"
)


def room_of(path: Path) -> str:
    return path.relative_to(ROOT / "apps").parts[0]


def foreign_models(tree: ast.Module, room: str) -> set[str]:
    """Names of models that a module imports from another room."""
    names = {model.__name__ for model in apps.get_models() if model.__module__.startswith("apps.")}
    return {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith("apps.")
        and "models" in (node.module or "").split(".")
        and (node.module or "").split(".")[1] != room
        for alias in node.names
        if alias.name in names
    }


def root_name(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Call):
        node = node.value if isinstance(node, ast.Attribute) else node.func
    return node.id if isinstance(node, ast.Name) else ""


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_writes_only_its_own_tables(path: Path) -> None:
    tree = ast.parse(path.read_text())
    foreign = foreign_models(tree, room_of(path))

    written = [
        f"line {node.lineno}: {ast.unparse(node.func)}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and (
            (isinstance(node.func, ast.Name) and node.func.id in foreign)
            or (
                isinstance(node.func, ast.Attribute)
                and node.func.attr in WRITES
                and root_name(node.func) in foreign
            )
        )
    ]

    assert written == []


def test_tracked_text_names_no_registry_and_no_private_path() -> None:
    hosts = [
        "pypi" + ".org",
        "pythonhosted" + ".org",
        "npmjs" + ".org",
        "deb.debian" + ".org",
        "cdn" + ".jsdelivr",
    ]
    texts = [
        path
        for folder in ("apps", "billing_site", "templates", "docs", "deploy", "benchmarks", "tests", "client")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".html", ".txt", ".md", ".css", ".js", ".toml", ".service", ".example"}
    ]

    found = [f"{path}: {host}" for path in texts for host in hosts if host in path.read_text(errors="ignore")]

    assert found == []
