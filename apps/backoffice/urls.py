"""The front door, the health check, and the finance staff's pages beyond plain admin."""

from django.contrib import admin
from django.urls import path

from apps.backoffice import corrections, disputes, events, live, plan_preview, quarantine, recounts, views

app_name = "backoffice"

urlpatterns = [
    path("", views.front_door, name="front_door"),
    path("healthz", views.healthz, name="healthz"),
    path("admin/login/", views.staff_login),
    path("admin/review/", admin.site.admin_view(views.review), name="review"),
    path("admin/live/", admin.site.admin_view(live.live), name="live"),
    path("admin/live/rates/", admin.site.admin_view(live.rates), name="live_rates"),
    path("admin/live/shares/", admin.site.admin_view(live.shares), name="live_shares"),
    path("admin/events/", admin.site.admin_view(events.events), name="events"),
    path("admin/events/event/", admin.site.admin_view(events.event), name="event"),
    path("admin/quarantine/", admin.site.admin_view(quarantine.causes), name="quarantine"),
    path("admin/quarantine/cause/", admin.site.admin_view(quarantine.cause), name="quarantine_cause"),
    path("admin/corrections/new/", admin.site.admin_view(corrections.new_correction), name="new_correction"),
    path("admin/recounts/new/", admin.site.admin_view(recounts.new_recount), name="new_recount"),
    path("admin/disputes/", admin.site.admin_view(disputes.disputes), name="disputes"),
    path(
        "admin/plan-preview/<uuid:version_id>/",
        admin.site.admin_view(plan_preview.plan_preview),
        name="plan_preview",
    ),
    path("admin/customer/<str:key>/", admin.site.admin_view(views.customer), name="customer"),
    path("admin/invoice/<uuid:invoice_id>/", admin.site.admin_view(views.invoice), name="invoice"),
    path("admin/invoice/<uuid:invoice_id>.pdf", admin.site.admin_view(views.invoice_pdf), name="invoice_pdf"),
]
