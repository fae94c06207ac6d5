"""Every error of the API as application/problem+json (RFC 9457), in one place."""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import psycopg
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpResponse, UnreadablePostError
from rest_framework import exceptions

from apps.api import errors
from apps.core.errors import Refusal
from apps.rating.document.errors import BadDocument
from apps.usage.errors import NotAllCounted
from apps.usage.strict_json import BadJson

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2
# What a server says that has just become, or not yet ceased to be, a standby of another.
READ_ONLY = "25006"


def problem_response(problem: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """Return the answer to whatever a view raised; what nobody expected is logged and answered with 500."""
    if isinstance(problem, BadJson):
        place = {"line": problem.line, "column": problem.column, "byte": problem.byte}
        given = {name: value for name, value in place.items() if value is not None}
        return _answer(400, problem.code, "The body cannot be read", str(problem), given)
    refusal = _refusal(problem, context)
    if isinstance(refusal, errors.Broken):
        logger.error("Unexpected error in %s", type(context.get("view")).__name__, exc_info=problem)
    if isinstance(refusal, errors.Unavailable):
        logger.warning("Answered 503: %s", " ".join(str(problem).split()))
    return answer(refusal)


def answer(refusal: Refusal) -> HttpResponse:
    """Return the problem document of a refusal."""
    more: dict[str, object] = {}
    if isinstance(refusal, errors.InvalidFields):
        more["errors"] = refusal.mistakes
    if isinstance(refusal, BadDocument):
        more["path"] = refusal.path
    if isinstance(refusal, NotAllCounted):
        more["details"] = refusal.ingested.details
    response = _answer(refusal.status, refusal.code, refusal.title, str(refusal), more)
    if refusal.status == errors.NoKey.status:
        response["WWW-Authenticate"] = "Bearer"
    if isinstance(refusal, errors.Unavailable):
        response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    if isinstance(refusal, errors.MethodRefused):
        response["Allow"] = refusal.allowed
    return response


def _answer(status: int, code: str, title: str, detail: str, more: Mapping[str, object]) -> HttpResponse:
    body = {
        "type": f"urn:meterbook:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        **more,
    }
    return HttpResponse(orjson.dumps(body), content_type=CONTENT_TYPE, status=status)


def _refusal(problem: Exception, context: Mapping[str, Any]) -> Refusal:  # noqa: PLR0911 one line a kind
    match problem:
        case Refusal():
            return problem
        case exceptions.ValidationError():
            return errors.InvalidFields(list(_mistakes(problem.detail)))
        case exceptions.MethodNotAllowed():
            return errors.MethodRefused(
                context["request"].method or "", ", ".join(context["view"].allowed_methods)
            )
        case exceptions.UnsupportedMediaType():
            return errors.BodyNotJson(context["request"].content_type or "")
        case Http404() | exceptions.NotFound():
            return errors.NotFound()
        case UnreadablePostError():
            return errors.EmptyBody()
        case _ if _passes_by_itself(problem):
            return errors.Unavailable()
        case _:
            return errors.Broken()


def _passes_by_itself(problem: Exception) -> bool:
    """Tell whether the database could not be asked, had no room, or gave up: the same may succeed in a moment."""
    # The driver's own errors, too: what goes wrong within a COPY does not pass through Django.
    passing = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)
    return isinstance(problem, passing) or getattr(problem.__cause__, "sqlstate", None) == READ_ONLY


def _mistakes(detail: object, field: str = "") -> Iterator[dict[str, str]]:
    if isinstance(detail, dict):
        for name, inner in detail.items():
            own = "" if name == "non_field_errors" else str(name)
            yield from _mistakes(inner, ".".join(filter(None, (field, own))))
    elif isinstance(detail, list):
        for inner in detail:
            yield from _mistakes(inner, field)
    else:
        yield {"field": field, "detail": str(detail)}
