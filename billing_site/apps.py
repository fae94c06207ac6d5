"""Loads the Celery application with Django, so that every process sends tasks to the same broker."""

from importlib import import_module

from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "billing_site"

    def ready(self) -> None:
        """Make the Celery application the current one."""
        import_module("billing_site.celery")
