"""Addresses of the portal; the customer stands in each, so that a link means the same to every member."""

from django.urls import path

from apps.portal import upcoming, views

app_name = "portal"

urlpatterns = [
    path("", views.to_own, {"page": "home"}, name="start"),
    path("usage/", views.to_own, {"page": "usage"}),
    path("invoices/", views.to_own, {"page": "invoices"}),
    path("invoices/<str:number>/", views.to_own_invoice, name="any_invoice"),
    path("c/<str:customer_key>/", views.home, name="home"),
    path("c/<str:customer_key>/usage/", views.usage, name="usage"),
    path("c/<str:customer_key>/usage.csv", views.usage_csv, name="usage_csv"),
    path("c/<str:customer_key>/so-far/<uuid:contract_id>/", upcoming.upcoming, name="upcoming"),
    path("c/<str:customer_key>/so-far/<uuid:contract_id>.pdf", upcoming.upcoming_pdf, name="upcoming_pdf"),
    path("c/<str:customer_key>/invoices/", views.invoices, name="invoices"),
    path("c/<str:customer_key>/invoices/<str:number>/", views.invoice, name="invoice"),
    path("c/<str:customer_key>/invoices/<str:number>.pdf", views.invoice_pdf, name="invoice_pdf"),
    path(
        "c/<str:customer_key>/invoices/<str:number>/<str:kind>",
        views.invoice_evidence,
        name="invoice_evidence",
    ),
]
