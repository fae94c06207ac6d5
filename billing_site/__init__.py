"""The site: settings, URLs, servers. No business rule lives here."""

from billing_site.celery import app as celery_app

__all__ = ["celery_app"]
