"""Refuses to start in production with a default secret, DEBUG on, no allowed hosts, or servers left unnamed."""

from django.core.exceptions import ImproperlyConfigured

SHORTEST_SECRET = 50
LEAST_CHARACTERS = 5


def require_safe(
    *, secret_key: str, debug: bool, allowed_hosts: list[str], database_url: str, broker_url: str
) -> None:
    """Raise ImproperlyConfigured naming every variable that is unsafe; called by production's settings.

    Settings are the one thing that web server, worker, Beat and commands all load, so none of them starts.
    """
    troubles = []
    if len(secret_key) < SHORTEST_SECRET or len(set(secret_key)) < LEAST_CHARACTERS:
        troubles.append(
            f"METERBOOK_SECRET_KEY must be {SHORTEST_SECRET} random characters or more; make one by: "
            "python3 -c 'import secrets; print(secrets.token_urlsafe(60))'."
        )
    if debug:
        troubles.append("METERBOOK_DEBUG must be off: it shows code and settings to strangers.")
    if not allowed_hosts or "*" in allowed_hosts:
        troubles.append(
            "METERBOOK_ALLOWED_HOSTS must name your hosts, such as billing.example.com, and not '*'."
        )
    if not database_url:
        troubles.append(
            "DATABASE_URL must name your PostgreSQL, such as postgresql://meterbook:...@localhost/meterbook."
        )
    if not broker_url:
        troubles.append("CELERY_BROKER_URL must name your Valkey or Redis, such as redis://localhost:6379/0.")
    if troubles:
        raise ImproperlyConfigured("Meterbook does not start in production: " + " ".join(troubles))
