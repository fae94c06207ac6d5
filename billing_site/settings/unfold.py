"""The back office's theme and its navigation, by work and not by table."""

from collections.abc import Callable
from typing import Any

from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.text import format_lazy


def _static(path: str) -> Callable[[object], str]:
    return lambda _request: static(path)


def _item(title: str, icon: str, link: str, **more: Any) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": reverse_lazy(link), **more}


UNFOLD = {
    "SITE_TITLE": "Meterbook",
    "SITE_HEADER": "Meterbook",
    "SITE_SUBHEADER": "Back office",
    "SITE_URL": "/portal/",
    "SITE_SYMBOL": "receipt_long",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _static("img/favicon.svg")}],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "6px",
    "DASHBOARD_CALLBACK": "apps.backoffice.home.context",
    "STYLES": [_static("css/tokens.css"), _static("css/backoffice.css")],
    "SCRIPTS": [_static("vendor/chartjs/chart.umd.min.js"), _static("js/charts.js")],
    "COLORS": {
        # The neutral grays of static/css/tokens.css.
        "base": {
            "50": "#f7f8fa",
            "100": "#f2f4f7",
            "200": "#e3e6eb",
            "300": "#c9ced8",
            "400": "#949cab",
            "500": "#636b7a",
            "600": "#454d5c",
            "700": "#3c4353",
            "800": "#282d38",
            "900": "#111318",
            "950": "#0b0c0f",
        },
        # The accent of static/css/tokens.css, in steps.
        "primary": {
            "50": "#eef0fd",
            "100": "#dfe3fb",
            "200": "#c3caf7",
            "300": "#9ea9f1",
            "400": "#7784e8",
            "500": "#5464de",
            "600": "#3346d3",
            "700": "#2636b0",
            "800": "#202d8c",
            "900": "#1d286f",
            "950": "#131945",
        },
    },
    "COMMAND": {"search_callback": "apps.backoffice.search.search"},
    "SIDEBAR": {
        "show_search": True,
        "command_search": True,
        "show_all_applications": False,
        "navigation": [
            {
                "items": [
                    _item("Home", "home", "admin:index"),
                    _item("Customers", "groups", "admin:customers_customer_changelist"),
                    _item("Contracts", "contract", "admin:contracts_contract_changelist"),
                    _item("Renewals", "autorenew", "backoffice:renewals"),
                ]
            },
            {
                "title": "Usage",
                "items": [
                    _item("Live", "monitoring", "backoffice:live"),
                    _item("Events", "search", "backoffice:events"),
                    _item("Received", "move_to_inbox", "admin:usage_receipt_changelist"),
                    _item("Quarantine", "warning", "backoffice:quarantine"),
                    _item("Imports", "upload_file", "admin:usage_eventimport_changelist"),
                    _item("Disputes", "gavel", "backoffice:disputes"),
                    _item("Corrections", "undo", "admin:usage_correction_changelist"),
                    _item("Meters", "speed", "admin:plans_meter_changelist"),
                    _item("Recounts", "calculate", "admin:usage_recount_changelist"),
                ],
            },
            {
                "title": "Invoices",
                "items": [
                    _item("Close the month", "fact_check", "backoffice:review"),
                    _item("All invoices", "receipt_long", "admin:invoices_invoice_changelist"),
                    {
                        "title": "Credit notes",
                        "icon": "assignment_return",
                        "link": format_lazy(
                            "{}?kind__exact=credit_note", reverse_lazy("admin:invoices_invoice_changelist")
                        ),
                    },
                    _item("Parked closes", "front_hand", "admin:invoices_parkedclose_changelist"),
                    _item("Proofs", "verified", "backoffice:proofs"),
                ],
            },
            {
                "title": "Money",
                "items": [
                    _item("Payments", "payments", "admin:payments_payment_changelist"),
                    _item("Collections", "notifications_active", "admin:dunning_case_changelist"),
                    _item("Credits", "toll", "admin:credits_creditgrant_changelist"),
                    _item("Balances and refunds", "account_balance_wallet", "backoffice:balances"),
                    _item("Refunds owed", "undo", "backoffice:refunds"),
                    _item("Tax", "account_balance", "backoffice:taxes"),
                ],
            },
            {
                "title": "Books",
                "items": [
                    _item("Trial balance", "balance", "backoffice:books"),
                    _item("Journal", "menu_book", "backoffice:books_journal"),
                    _item("Receivables", "request_quote", "backoffice:books_receivables"),
                    _item("Revenue", "bar_chart", "backoffice:books_revenue"),
                    _item("Deferred revenue", "schedule", "backoffice:books_deferred"),
                    _item("Credits owed", "toll", "backoffice:books_credits"),
                    _item("Months", "lock_clock", "backoffice:books_months"),
                ],
            },
            {
                "title": "Catalogue",
                "collapsible": True,
                "items": [
                    _item("Plans", "sell", "admin:plans_plan_changelist"),
                    _item("Versions and prices", "price_change", "admin:plans_planversion_changelist"),
                    _item("Price lists", "format_list_numbered", "backoffice:price_lists"),
                    _item("Products", "category", "admin:plans_product_changelist"),
                    _item("Credit units", "generating_tokens", "admin:plans_creditunit_changelist"),
                    _item("Price indices", "trending_up", "backoffice:indices"),
                ],
            },
            {
                "title": "Settings",
                "collapsible": True,
                "items": [
                    _item("Legal entities", "apartment", "admin:customers_legalentity_changelist"),
                    _item("Tax registrations", "how_to_reg", "admin:customers_taxregistration_changelist"),
                    _item("Tax rates", "percent", "admin:customers_taxrate_changelist"),
                    _item("Tax exemptions", "verified", "admin:customers_taxexemption_changelist"),
                    _item("API keys", "key", "admin:customers_apikey_changelist"),
                    _item("People", "person", "admin:core_user_changelist"),
                    _item("Roles", "badge", "admin:auth_group_changelist"),
                    _item("Reminder policies", "schedule_send", "admin:dunning_policy_changelist"),
                    _item("Scheduled tasks", "schedule", "admin:django_celery_beat_periodictask_changelist"),
                    _item("Audit trail", "history", "admin:core_auditentry_changelist"),
                ],
            },
        ],
    },
}
