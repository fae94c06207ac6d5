"""Tests: real PostgreSQL, no broker, fast hashes, mail kept in memory."""

from billing_site.settings.base import *  # noqa: F403

SECRET_KEY = "tests-only"  # noqa: S105
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_AUTOREFRESH = True
# The tests' connection is the owner's until it takes the application's role: tests/roles.py.
OWNER_DATABASE = {}
CELERY_BROKER_URL = "memory://"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = True
