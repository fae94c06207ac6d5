"""Every address of the site, room by room."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views.defaults import page_not_found

from apps.api.site import unknown


def nothing_here(request: HttpRequest) -> HttpResponse:
    """Answer 404: people's addresses are changed by staff, since seats are given to addresses."""
    return page_not_found(request, None)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404 as the API does under /api/, and with a page elsewhere."""
    if request.path.startswith("/api/"):
        return unknown(request)
    return page_not_found(request, exception)


handler404 = not_found

urlpatterns = [
    path("", include("apps.backoffice.urls")),
    path("admin/", admin.site.urls),
    path("accounts/email/", nothing_here),
    path("accounts/", include("allauth.urls")),
    path("portal/", include("apps.portal.urls")),
    path("api/", include("apps.api.urls")),
]
