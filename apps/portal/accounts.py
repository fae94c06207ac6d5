"""Who may come in: members are invited by staff, nobody signs up."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest
from django.urls import reverse

from apps.core.models import User


class MemberAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Closes sign-up, and leads each person to the pages that are theirs."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        user = request.user
        return reverse("admin:index" if isinstance(user, User) and user.is_staff else "portal:start")
