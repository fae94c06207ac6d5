"""The back office's content security policy: the admin theme evaluates expressions in its templates."""

from collections.abc import Callable

from csp.constants import SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.http import HttpRequest, HttpResponse

# The theme needs these: Alpine.js evaluates, and styles stand in attributes. Pages of customers never get them, and
# no page runs a script that stands in it.
THEME_POLICY = {
    "script-src": [SELF, UNSAFE_EVAL],
    "style-src": [SELF, UNSAFE_INLINE],
}


def theme_policy(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Loosen the policy for the admin's pages alone."""

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if request.path.startswith("/admin/"):
            response._csp_replace = THEME_POLICY  # type: ignore[attr-defined]  # noqa: SLF001 as the package's own decorator does
        return response

    return respond
