"""Production refuses to start unsafely, whichever process starts, and every setting is documented."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SAFE = {
    "METERBOOK_SECRET_KEY": "k3Y-" + "abcdefghij" * 6,
    "METERBOOK_ALLOWED_HOSTS": "billing.example.com",
    "DATABASE_URL": "postgresql:///unused",
    "CELERY_BROKER_URL": "redis://127.0.0.1:1/0",
}
WEB = [sys.executable, "-W", "ignore", "-c", "import billing_site.wsgi"]
WORKER = [sys.executable, "-W", "ignore", "-m", "celery", "-A", "billing_site.celery", "report"]
CHECK = [sys.executable, "-W", "ignore", "manage.py", "check", "--deploy"]


def start(command: list[str], **changed: str) -> subprocess.CompletedProcess[str]:
    known = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("METERBOOK", "DATABASE", "CELERY", "DJANGO"))
    }
    environment = {**known, "DJANGO_SETTINGS_MODULE": "billing_site.settings.production", **SAFE, **changed}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize("command", [WEB, WORKER, CHECK], ids=["web", "worker", "manage.py"])
def test_a_safe_environment_starts(command: list[str]) -> None:
    started = start(command)

    assert started.returncode == 0, started.stderr


@pytest.mark.parametrize("command", [WEB, WORKER, CHECK], ids=["web", "worker", "manage.py"])
def test_a_default_secret_starts_nothing(command: list[str]) -> None:
    refused = start(command, METERBOOK_SECRET_KEY="tests-only")

    assert refused.returncode != 0
    assert "METERBOOK_SECRET_KEY must be 50 random characters" in refused.stderr


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("METERBOOK_SECRET_KEY", "", "METERBOOK_SECRET_KEY must be"),
        ("METERBOOK_SECRET_KEY", "a" * 80, "METERBOOK_SECRET_KEY must be"),
        ("METERBOOK_DEBUG", "true", "METERBOOK_DEBUG must be off"),
        ("METERBOOK_ALLOWED_HOSTS", "", "METERBOOK_ALLOWED_HOSTS must name"),
        ("METERBOOK_ALLOWED_HOSTS", "*", "and not '*'"),
        ("DATABASE_URL", "", "DATABASE_URL must name"),
        ("CELERY_BROKER_URL", "", "CELERY_BROKER_URL must name"),
        ("METERBOOK_DEBUG", "maybe", "say true or false"),
        ("METERBOOK_SMTP_PORT", "many", "give a whole number"),
    ],
)
def test_what_is_unsafe_is_named_with_its_remedy(name: str, value: str, words: str) -> None:
    refused = start(WEB, **{name: value})

    assert refused.returncode != 0
    assert words in refused.stderr


def test_every_variable_is_on_the_settings_page() -> None:
    read = set(
        re.findall(
            r'"((?:METERBOOK|DATABASE|CELERY)_[A-Z_]+)"', (ROOT / "billing_site/settings/env.py").read_text()
        )
    )
    page = (ROOT / "docs/guides/settings.md").read_text()

    assert {name for name in read if f"`{name}`" not in page} == set()
