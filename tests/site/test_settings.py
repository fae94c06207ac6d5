"""The settings page lists every environment variable that anything here reads, and none besides."""

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/guides/settings.md").read_text()
OURS = r"(?:METERBOOK_[A-Z_]*[A-Z]|(?:TEST_)?DATABASE_URL|CELERY_BROKER_URL)"


def listed() -> set[str]:
    """Return the variables that the page's table describes."""
    rows = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)}


def asked_for() -> set[str]:
    """Return the variables whose names stand as strings in the code."""
    code = [
        path.read_text()
        for folder in ("apps", "benchmarks", "billing_site", "tests")
        for path in (ROOT / folder).rglob("*.py")
        if path != Path(__file__).resolve()
    ]
    return {name for text in code for name in re.findall(rf'"({OURS})"', text)}


def test_the_page_lists_what_is_read_and_nothing_else() -> None:
    assert listed() == asked_for()


def test_every_variable_of_the_settings_is_read_by_the_module_that_the_page_names() -> None:
    read = set(re.findall(rf'"({OURS})"', (ROOT / "billing_site/settings/env.py").read_text()))

    assert len(read) >= 15
    assert read <= listed()


def test_the_environment_file_of_the_guide_means_the_same_to_a_shell_and_to_systemd() -> None:
    """Quoted values, one a line, and no comment behind one, which systemd would take for a part of the value."""
    guide = (ROOT / "docs/guides/production.md").read_text()
    lines = [line.strip() for line in guide.splitlines() if re.match(r"    [A-Z_]+='", line)]

    assert len(lines) == 10
    assert {line.split("=")[0] for line in lines} - {"DJANGO_SETTINGS_MODULE"} <= listed()
    for line in lines:
        (word,) = shlex.split(line)
        name, value = word.split("=", 1)
        assert line == f"{name}='{value}'"
