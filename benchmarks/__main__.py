"""Measures the figures named, or all: python -m benchmarks [--seconds 10] [--clients 4] [NAME ...]."""

import argparse
import os
import sys
from importlib import import_module
from pathlib import Path

import django
from django.core.management import call_command

from apps.core import owner
from benchmarks.harness import Context, of_database, report, scratch_database, server

# Each module has `measure(context) -> list[Figure]`; they run in this order, on one scratch database.
MODULES = ("ingest", "memory", "api", "pages", "close", "rating", "pdf", "growth")


def main() -> int:
    """Measure, print and write the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join(MODULES)}; all if none is named"
    )
    parser.add_argument("--seconds", type=float, default=10, help="how long each figure is measured for")
    parser.add_argument("--clients", type=int, default=4, help="how many client processes post at once")
    options = parser.parse_args()
    if unknown := set(options.names) - set(MODULES):
        parser.error(f"there is no figure {min(unknown)}; choose of {', '.join(MODULES)}")
    if not os.environ.get("DATABASE_URL"):
        parser.error("DATABASE_URL is not set; `make bench` sets it")
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
    # Without an owner of its own, the database belongs to the role of DATABASE_URL.
    urls = {"DATABASE_URL": os.environ["DATABASE_URL"]}
    urls["METERBOOK_OWNER_DATABASE_URL"] = (
        os.environ.get("METERBOOK_OWNER_DATABASE_URL") or urls["DATABASE_URL"]
    )
    with scratch_database(urls["METERBOOK_OWNER_DATABASE_URL"]) as scratch:
        os.environ.update({name: of_database(url, scratch) for name, url in urls.items()})
        url = os.environ["METERBOOK_OWNER_DATABASE_URL"]
        django.setup()
        call_command("migrate", verbosity=0, interactive=False)
        with owner.acting_as_owner(), django.db.connection.cursor() as cursor:
            cursor.execute("CREATE TABLE bench_row (id uuid PRIMARY KEY, key text, at double precision)")
            cursor.execute("GRANT INSERT ON bench_row TO PUBLIC")
        with server() as (host, port, pid):
            context = Context(url, host, port, pid, options.seconds, options.clients)
            figures = []
            for name in options.names or MODULES:
                print(f"Measuring {name} ...", flush=True)
                figures += import_module(f"benchmarks.{name}").measure(context)
        django.db.connection.close()
        report(figures, database_url=url, folder=Path(os.environ.get("METERBOOK_VAR", "var/bench")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
