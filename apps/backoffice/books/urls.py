"""The addresses of the books' pages."""

from django.contrib import admin
from django.urls import path

from apps.backoffice.books import by_hand, months
from apps.backoffice.books.deferred import deferred
from apps.backoffice.books.journal import ASKS, journal
from apps.backoffice.books.owed_credits import owed_credits
from apps.backoffice.books.receivables import receivables
from apps.backoffice.books.report import view
from apps.backoffice.books.revenue import revenue
from apps.backoffice.books.trial import trial_balance

urlpatterns = [
    path(f"admin/books/{address}", admin.site.admin_view(shown), name=name)
    for address, shown, name in (
        ("trial-balance/", view(trial_balance), "books"),
        ("journal/", view(journal, more=ASKS), "books_journal"),
        ("receivables/", view(receivables, more=["customer"]), "books_receivables"),
        ("deferred/", view(deferred), "books_deferred"),
        ("credits/", view(owed_credits, more=["show"]), "books_credits"),
        ("revenue/", view(revenue, more=["by"]), "books_revenue"),
        ("months/", months.months, "books_months"),
        ("months/<slug:entity>/<int:year>/<int:month>/", months.month, "books_month"),
        ("entry/<uuid:entry_id>/", by_hand.entry, "books_entry"),
        ("enter/", by_hand.new_entry, "books_new_entry"),
    )
]
