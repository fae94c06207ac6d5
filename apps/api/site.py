"""The API's own pages: its description, the reference to try it from, and the answer to unknown addresses."""

from typing import Any

from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from apps.api import errors, problems

# The reference page draws with inline styles; its scripts are files of ours, and nothing comes from elsewhere.
_POLICY: dict[str, list[Any]] = {
    "default-src": [SELF],
    "img-src": [SELF, "data:"],
    "script-src": [SELF],
    "style-src": [SELF, UNSAFE_INLINE],
    "object-src": [NONE],
    "base-uri": [SELF],
    "form-action": [SELF],
    "frame-ancestors": [NONE],
}


class Schema(SpectacularAPIView):
    """The OpenAPI description, open to everybody."""


@method_decorator(csp_replace(_POLICY), name="dispatch")
class Reference(SpectacularSwaggerSplitView):
    """The reference page, to read and to try calls from; it works without a network."""

    url_name = "api_schema"


@csrf_exempt
def unknown(request: HttpRequest, **_: object) -> HttpResponse:
    """Answer an address under /api/ where there is nothing."""
    return problems.answer(errors.NotFound())
