"""Development and the demo: this machine only, secrets generated into var/, mail written to files."""

from billing_site.settings import env
from billing_site.settings.base import *  # noqa: F403

SECRET_KEY = env.secret_key()
DEBUG = env.DEBUG
ALLOWED_HOSTS = env.ALLOWED_HOSTS or ["localhost", "127.0.0.1", "[::1]"]
SITE_URL = env.SITE_URL or f"http://localhost:{env.PORT}"
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = env.VAR / "mail"
# Plain HTTP on the loopback address: passkeys accept it as they do TLS.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = True
# Files are served from where they lie; production collects them with hashed names.
WHITENOISE_USE_FINDERS = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
STATIC_ROOT = None  # type: ignore[assignment]
