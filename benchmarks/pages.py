"""How long the pages take that people open most, beside a page that only finds out who asks."""

import time
from http.client import HTTPConnection

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore

from apps.core import clock, people
from apps.core.models import User
from apps.customers import members
from apps.customers.models import ApiKey, Customer
from benchmarks.harness import Context, Figure, percentile
from benchmarks.seller import CUSTOMERS, api_key

FLOOR = "the front door: session and user are read, and nothing else"
WARM_UP = 5
PASSWORD = "only for this scratch database"
ACTOR = "benchmarks"


def measure(context: Context) -> list[Figure]:
    """Return the 95th percentile of each page, in milliseconds, as signed-in people see it."""
    api_key(ApiKey.Scope.USAGE_READ)
    at = clock.now()
    staff = people.put(email="staff@bench.example", password=PASSWORD, finance=True, at=at, actor=ACTOR)
    member = people.put(email="member@bench.example", password=PASSWORD, at=at, actor=ACTOR)
    members.invite(customer=Customer.objects.get(key=CUSTOMERS[0]), email=member.email, at=at, actor=ACTOR)
    figures = []
    for name, user, path in (
        ("back office, home", staff, "/admin/"),
        ("back office, customers", staff, "/admin/customers/customer/"),
        ("back office, a customer", staff, f"/admin/customer/{CUSTOMERS[0]}/"),
        ("portal, home", member, f"/portal/c/{CUSTOMERS[0]}/"),
        ("portal, usage", member, f"/portal/c/{CUSTOMERS[0]}/usage/"),
    ):
        cookie = _signed_in(user)
        floor = percentile(_waits(context, cookie, "/"), 0.95)
        waits = _waits(context, cookie, path)
        figures.append(
            Figure(
                f"page, {name}, 95th percentile",
                percentile(waits, 0.95) * 1000,
                "ms",
                floor * 1000,
                FLOOR,
                better="lower",
                note=f"{len(waits)} requests, one after the other; median {percentile(waits, 0.5) * 1000:.0f} ms",
            )
        )
    return figures


def _signed_in(user: User) -> str:
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"


def _waits(context: Context, cookie: str, path: str) -> list[float]:
    connection = HTTPConnection(context.host, context.port, timeout=60)
    waits: list[float] = []
    until = time.monotonic() + context.seconds / 4
    while time.monotonic() < until or len(waits) < WARM_UP + 40:
        asked = time.monotonic()
        connection.request("GET", path, headers={"Cookie": cookie})
        response = connection.getresponse()
        response.read()
        if response.status >= 400:
            raise RuntimeError(f"{path} answered {response.status}")
        waits.append(time.monotonic() - asked)
    return waits[WARM_UP:]
