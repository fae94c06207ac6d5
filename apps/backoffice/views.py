"""The front door: everybody is led to their own pages."""

from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect


def front_door(request: HttpRequest) -> HttpResponse:
    """Lead finance staff to the back office, members to the portal, and others to the sign-in."""
    if not request.user.is_authenticated:
        return redirect("account_login")
    return redirect("admin:index" if request.user.is_staff else "portal:start")


@login_not_required
def healthz(_request: HttpRequest) -> JsonResponse:
    """Tell a load balancer that this process serves and reaches its database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"status": "ok"})
