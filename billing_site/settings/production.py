"""Production: everything from the environment; billing_site.checks refuses an unsafe start."""

from billing_site.checks import require_safe
from billing_site.settings import env
from billing_site.settings.base import *  # noqa: F403

require_safe(
    secret_key=env.SECRET_KEY_GIVEN,
    debug=env.DEBUG,
    allowed_hosts=env.ALLOWED_HOSTS,
    database_url=env.DATABASE_URL,
    broker_url=env.BROKER_URL,
)
SECRET_KEY = env.SECRET_KEY_GIVEN
DEBUG = False
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = env.EMAIL_URL_HOST
EMAIL_PORT = env.EMAIL_PORT
EMAIL_HOST_USER = env.EMAIL_USER
EMAIL_HOST_PASSWORD = env.EMAIL_PASSWORD
EMAIL_USE_TLS = env.EMAIL_PORT == 587
EMAIL_USE_SSL = env.EMAIL_PORT == 465
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
SECURE_HSTS_SECONDS = 60 * 60 * 24 * 365
# Only this host: whether all hosts of the domain speak TLS is not ours to promise.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SECURE_SSL_REDIRECT = True
# A load balancer asks the process itself, without TLS.
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
if env.BEHIND_TLS_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    ALLAUTH_TRUSTED_PROXY_COUNT = 1
