"""Addresses that no page has: PostgreSQL cannot hold a NUL character, so nothing is found under one."""

from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponse


def no_nul(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Answer 404 for an address or a query with a NUL character, before anybody looks it up."""

    def respond(request: HttpRequest) -> HttpResponse:
        if "\x00" in request.path_info or "%00" in request.META.get("QUERY_STRING", ""):
            raise Http404
        return get_response(request)

    return respond
