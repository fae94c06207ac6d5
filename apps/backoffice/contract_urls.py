"""The addresses of a contract's pages."""

from django.contrib import admin
from django.urls import path

from apps.backoffice import amendments, contract_on_day, contract_terms, own_prices, timeline

urlpatterns = [
    path(f"admin/contract/<uuid:contract_id>/{address}/", admin.site.admin_view(view), name=name)
    for address, view, name in (
        ("agreed", contract_terms.agreed_page, "agreed"),
        ("prices", own_prices.own_prices, "own_prices"),
        ("amend", amendments.amend_page, "amend"),
        ("day", contract_on_day.on_a_day, "on_a_day"),
        ("timeline", timeline.timeline, "timeline"),
    )
]
