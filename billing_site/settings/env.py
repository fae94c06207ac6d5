"""Reads and types every environment variable once; docs/guides/settings.md lists them."""

import contextlib
import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

ROOT = Path(__file__).resolve().parents[2]


def _flag(name: str, *, default: bool) -> bool:
    text = os.environ.get(name, "").strip().lower()
    if text in {"", "0", "1", "false", "true", "no", "yes"}:
        return default if text == "" else text in {"1", "true", "yes"}
    raise ImproperlyConfigured(f"{name} is {text!r}; say true or false.")


def _words(name: str) -> list[str]:
    return [word.strip() for word in os.environ.get(name, "").split(",") if word.strip()]


def _whole(name: str, *, default: int) -> int:
    text = os.environ.get(name, "").strip()
    if text and not text.isdecimal():
        raise ImproperlyConfigured(f"{name} is {text!r}; give a whole number.")
    return int(text) if text else default


def _generated_secret() -> str:
    """Return this checkout's own secret for development and demo, made at first use."""
    path = VAR / "secret-key"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"secret-key.{os.getpid()}")
        with open(os.open(fresh, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:  # noqa: PTH123
            file.write(secrets.token_urlsafe(50))
        # Of two processes at once the first wins, and neither reads half a file.
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)
        fresh.unlink()
    return path.read_text().strip()


VAR = Path(os.environ.get("METERBOOK_VAR", ROOT / "var"))
DEBUG = _flag("METERBOOK_DEBUG", default=False)
SECRET_KEY_GIVEN = os.environ.get("METERBOOK_SECRET_KEY", "")
ALLOWED_HOSTS = _words("METERBOOK_ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = _words("METERBOOK_TRUSTED_ORIGINS")
BEHIND_TLS_PROXY = _flag("METERBOOK_BEHIND_TLS_PROXY", default=True)
SITE_URL = os.environ.get("METERBOOK_SITE_URL", "").rstrip("/")
DATABASE_URL = os.environ.get("DATABASE_URL", "")
OWNER_DATABASE_URL = os.environ.get("METERBOOK_OWNER_DATABASE_URL", "")
BROKER_URL = os.environ.get("CELERY_BROKER_URL", "")
POSTGRES = os.environ.get("METERBOOK_POSTGRES", "")
ARCHIVE = Path(text) if (text := os.environ.get("METERBOOK_ARCHIVE", "")) else None
EMAIL_URL_HOST = os.environ.get("METERBOOK_SMTP_HOST", "")
EMAIL_PORT = _whole("METERBOOK_SMTP_PORT", default=587)
EMAIL_USER = os.environ.get("METERBOOK_SMTP_USER", "")
EMAIL_PASSWORD = os.environ.get("METERBOOK_SMTP_PASSWORD", "")
EMAIL_FROM = os.environ.get("METERBOOK_EMAIL_FROM", "Meterbook <billing@localhost>")
STRIPE_KEY = os.environ.get("METERBOOK_STRIPE_KEY", "")
STRIPE_URL = os.environ.get("METERBOOK_STRIPE_URL", "")
PORT = _whole("METERBOOK_PORT", default=8000)


def secret_key() -> str:
    """Return METERBOOK_SECRET_KEY, or in development one that is generated into var/ at first use."""
    return SECRET_KEY_GIVEN or _generated_secret()
