"""The addresses of closing a month, and of a draft."""

from django.contrib import admin
from django.urls import path

from apps.backoffice import close_pages, close_start, draft_page

urlpatterns = [
    path(f"admin/{address}/", admin.site.admin_view(view), name=name)
    for address, view, name in (
        ("review", close_pages.review, "review"),
        ("review/arriving", close_pages.arriving_part, "review_arriving"),
        ("review/quarantine", close_pages.quarantine_part, "review_quarantine"),
        ("review/decide", close_pages.decide_page, "review_decide"),
        ("review/start", close_start.start, "review_start"),
        ("review/resume", close_pages.resume, "review_resume"),
        ("review/run/<uuid:run_id>", close_pages.run_page, "review_run"),
        ("review/run/<uuid:run_id>/progress", close_pages.run_part, "review_progress"),
        ("draft/<uuid:invoice_id>", draft_page.draft, "draft"),
    )
]
