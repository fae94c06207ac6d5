"""Says loudly that browser tests were skipped, and how to get a browser; tests/conftest.py takes the hook in."""

import pytest

NO_BROWSER = "no Chromium or Chrome was found"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = [
        report for report in terminalreporter.stats.get("skipped", []) if NO_BROWSER in str(report.longrepr)
    ]
    if skipped:
        terminalreporter.section("BROWSER TESTS WERE SKIPPED", sep="!", red=True, bold=True)
        terminalreporter.line(
            f"{len(skipped)} tests did not run, because {NO_BROWSER}. The pages are not tested without them.\n"
            "Debian and Ubuntu:  apt-get update && apt-get install --no-install-recommends chromium\n"
            "macOS:              brew install --cask chromium\n"
            "Elsewhere:          install Chromium or Chrome, or name one in METERBOOK_BROWSER.",
            red=True,
        )
