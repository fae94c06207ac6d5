"""The front door, the health check, and the finance staff's pages beyond plain admin."""

from datetime import date

from django.contrib import admin
from django.urls import path, register_converter

from apps.backoffice import (
    balance_pages,
    cancellation,
    close_urls,
    contract_urls,
    corrections,
    credit_invoice,
    credit_pages,
    disputes,
    events,
    home_tables,
    indices,
    invoice_steps,
    live,
    moves,
    plan_preview,
    price_lists,
    proofs,
    quarantine,
    recounts,
    renewals,
    taxes,
    views,
)
from apps.backoffice.books import urls as books_urls

app_name = "backoffice"


class DayConverter:
    """A day in an address: 2026-07-24."""

    regex = r"\d{4}-\d{2}-\d{2}"

    def to_python(self, value: str) -> date:
        """Read the day; one that the calendar does not have is no address."""
        return date.fromisoformat(value)

    def to_url(self, value: date) -> str:
        """Write the day."""
        return value.isoformat()


register_converter(DayConverter, "day")

urlpatterns = [
    path("", views.front_door, name="front_door"),
    path("healthz", views.healthz, name="healthz"),
    path("admin/login/", views.staff_login),
    path("admin/home/<slug:key>.<slug:kind>", admin.site.admin_view(home_tables.table), name="home_table"),
    *close_urls.urlpatterns,
    path("admin/live/", admin.site.admin_view(live.live), name="live"),
    path("admin/live/rates/", admin.site.admin_view(live.rates), name="live_rates"),
    path("admin/live/shares/", admin.site.admin_view(live.shares), name="live_shares"),
    path("admin/events/", admin.site.admin_view(events.events), name="events"),
    path("admin/events/event/", admin.site.admin_view(events.event), name="event"),
    path("admin/quarantine/", admin.site.admin_view(quarantine.causes), name="quarantine"),
    path("admin/quarantine/cause/", admin.site.admin_view(quarantine.cause), name="quarantine_cause"),
    path("admin/corrections/new/", admin.site.admin_view(corrections.new_correction), name="new_correction"),
    path("admin/recounts/new/", admin.site.admin_view(recounts.new_recount), name="new_recount"),
    path("admin/price-lists/", admin.site.admin_view(price_lists.lists), name="price_lists"),
    path("admin/price-lists/<slug:key>/", admin.site.admin_view(price_lists.price_list), name="price_list"),
    path(
        "admin/price-lists/<slug:key>/take/",
        admin.site.admin_view(price_lists.take_from),
        name="price_list_take",
    ),
    path(
        "admin/price-lists/<slug:key>/<day:day>/",
        admin.site.admin_view(price_lists.version),
        name="price_list_version",
    ),
    path("admin/disputes/", admin.site.admin_view(disputes.disputes), name="disputes"),
    path(
        "admin/plan-preview/<uuid:version_id>/",
        admin.site.admin_view(plan_preview.plan_preview),
        name="plan_preview",
    ),
    path(
        "admin/plan-move/<uuid:version_id>/",
        admin.site.admin_view(moves.move_page),
        name="move_contracts",
    ),
    path("admin/renewals/", admin.site.admin_view(renewals.upcoming), name="renewals"),
    path(
        "admin/contract/<uuid:contract_id>/renewal/", admin.site.admin_view(renewals.renewal), name="renewal"
    ),
    path(
        "admin/contract/<uuid:contract_id>/cancel/", admin.site.admin_view(cancellation.cancel), name="cancel"
    ),
    path("admin/credits/give/", admin.site.admin_view(credit_pages.give), name="give_credits"),
    path("admin/refunds/", admin.site.admin_view(credit_pages.refunds), name="refunds"),
    path("admin/indices/", admin.site.admin_view(indices.indices), name="indices"),
    path("admin/indices/<str:key>/", admin.site.admin_view(indices.readings), name="readings"),
    *books_urls.urlpatterns,
    path("admin/tax/", admin.site.admin_view(taxes.report), name="taxes"),
    path("admin/tax/documents/", admin.site.admin_view(taxes.documents), name="tax_documents"),
    *contract_urls.urlpatterns,
    path("admin/customer/<str:key>/", admin.site.admin_view(views.customer), name="customer"),
    path("admin/proofs/", admin.site.admin_view(proofs.proofs), name="proofs"),
    path("admin/invoice/<uuid:invoice_id>/proof/", admin.site.admin_view(proofs.proof), name="proof"),
    path(
        "admin/invoice/<uuid:invoice_id>/<str:kind>", admin.site.admin_view(proofs.evidence), name="evidence"
    ),
    path("admin/invoice/<uuid:invoice_id>/", admin.site.admin_view(views.invoice), name="invoice"),
    path(
        "admin/invoice/<uuid:invoice_id>/credit/",
        admin.site.admin_view(credit_invoice.credit_invoice),
        name="credit_invoice",
    ),
    path(
        "admin/invoice/<uuid:invoice_id>/write-off/",
        admin.site.admin_view(invoice_steps.write_off_page),
        name="write_off",
    ),
    path(
        "admin/invoice/<uuid:invoice_id>/balance/",
        admin.site.admin_view(invoice_steps.apply_balance),
        name="apply_balance",
    ),
    path(
        "admin/invoice/<uuid:invoice_id>/void/",
        admin.site.admin_view(invoice_steps.void_page),
        name="void_invoice",
    ),
    path(
        "admin/invoice/<uuid:invoice_id>/again/",
        admin.site.admin_view(invoice_steps.reissue_page),
        name="reissue_invoice",
    ),
    path(
        "admin/write-off/<uuid:write_off_id>/recover/",
        admin.site.admin_view(invoice_steps.recover_page),
        name="recover",
    ),
    path("admin/balances/", admin.site.admin_view(balance_pages.balance_page), name="balances"),
    path("admin/invoice/<uuid:invoice_id>.pdf", admin.site.admin_view(views.invoice_pdf), name="invoice_pdf"),
]
