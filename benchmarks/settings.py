"""The site as in development, with the floors to measure against beside it."""

from billing_site.settings.dev import *  # noqa: F403

ROOT_URLCONF = "benchmarks.urls"
