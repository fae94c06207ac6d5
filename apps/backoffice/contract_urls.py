"""The addresses of a contract's pages."""

from django.contrib import admin
from django.urls import path

from apps.backoffice import (
    amendments,
    bill_customer,
    contract_on_day,
    contract_terms,
    one_off_page,
    own_prices,
    purchase_page,
    timeline,
    upcoming,
)

urlpatterns = [
    path(f"admin/contract/<uuid:contract_id>/{address}/", admin.site.admin_view(view), name=name)
    for address, view, name in (
        ("agreed", contract_terms.agreed_page, "agreed"),
        ("prices", own_prices.own_prices, "own_prices"),
        ("amend", amendments.amend_page, "amend"),
        ("day", contract_on_day.on_a_day, "on_a_day"),
        ("timeline", timeline.timeline, "timeline"),
        ("one-off", one_off_page.one_off_page, "one_off"),
        ("sell-credits", purchase_page.purchase_page, "purchase"),
        ("upcoming", upcoming.upcoming, "upcoming"),
    )
]
urlpatterns += [
    path(
        "admin/contract/<uuid:contract_id>/upcoming.pdf",
        admin.site.admin_view(upcoming.upcoming_pdf),
        name="upcoming_pdf",
    ),
    *(
        path(
            f"admin/customer/<str:key>/{address}/",
            admin.site.admin_view(bill_customer.choose_contract),
            {"what": what},
            name=f"{what}_for",
        )
        for address, what in (("one-off", "one_off"), ("sell-credits", "purchase"))
    ),
]
