"""The site's addresses, and the floor of a single event: a view behind the same key that inserts one row and commits."""

import time
from typing import Any, ClassVar

import orjson
from django.db import connection
from django.http import HttpResponse
from django.urls import include, path
from rest_framework.request import Request

from apps.api.resource import Resource
from apps.core.ids import uuid7
from apps.customers.models import ApiKey


class Floor(Resource):
    """Inserts one row, which commits by itself."""

    schema = None
    scopes: ClassVar[dict[str, str]] = {"POST": ApiKey.Scope.EVENTS_WRITE}

    def post(self, request: Request) -> HttpResponse:
        body: Any = request.data
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO bench_row VALUES (%s, %s, %s)", [uuid7(), body[0]["id"], time.time()])
        return HttpResponse(orjson.dumps({"counted": 1}), content_type="application/json")


urlpatterns = [path("floor", Floor.as_view()), path("", include("billing_site.urls"))]
