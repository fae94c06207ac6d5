"""The form of a contract: every commercial term that stands in it once, with its mistakes at the fields."""

from collections.abc import Iterator
from datetime import date
from typing import Any, ClassVar
from zoneinfo import available_timezones

from django import forms
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.contracts.agreed import agreed
from apps.contracts.models import Contract
from apps.contracts.own_plans import offered_to
from apps.core.admin import Select, TextInput
from apps.plans.models import PlanVersion

# All of them, written once: a form that renders 600 options one by one is slow.
ZONES = format_html(
    '<datalist id="time-zones">{}</datalist>',
    format_html_join("", '<option value="{}"></option>', ((name,) for name in sorted(available_timezones()))),
)
CUSTOM = "custom"
INTERVALS = (
    ("1", "Every month"),
    ("3", "Every quarter"),
    ("6", "Every half-year"),
    ("12", "Every year"),
    (CUSTOM, "Every so many months"),
)
# How long, and in what calendar, pooled usage and shared invoices have to agree.
_SHARED = {
    "timezone": "time zone",
    "billing_months": "billing interval",
    "anchor_day": "billing day",
}


class TimeZoneInput(TextInput):  # type: ignore[misc]
    """A text field that offers the time zones which match what is typed."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        field = super().render(name, value, {**(attrs or {}), "list": "time-zones"}, renderer)
        return format_html("{}{}", field, ZONES)


class VersionField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """A plan version, named with the currency that the contract then is in."""

    def label_from_instance(self, obj: PlanVersion) -> str:
        """Return its name, its currency, and what keeps it from being signed."""
        draft = ", not published yet" if obj.status == PlanVersion.Status.DRAFT else ""
        return f"{obj}, in {obj.currency}{draft}"


class ContractForm(forms.ModelForm):  # type: ignore[type-arg]
    """A draft, or what may still change of a signed contract."""

    plan_version = VersionField(
        PlanVersion.objects.none(),
        label="Plan",
        widget=Select,
        help_text="The contract is in the plan's currency. Prices of its own are made on the page of what is agreed.",
    )
    interval = forms.ChoiceField(
        label="Billed", choices=INTERVALS, widget=Select, initial="1", required=False
    )

    class Meta:
        model = Contract
        fields = (
            "customer",
            "number",
            "plan_version",
            "timezone",
            "starts_on",
            "ends_on",
            "billing_months",
            "anchor_day",
            "restarts",
            "payment_days",
            "bill_above",
            "late_interest_percent",
            "purchase_order",
            "signatory",
            "printed_terms",
            "renewal",
            "renewal_months",
            "notice_days",
            "uplift_percent",
            "uplift_index",
            "parent",
            "usage",
            "billing",
        )
        widgets: ClassVar = {"timezone": TimeZoneInput}
        help_texts: ClassVar = {"timezone": "Periods begin and end at midnight there: Europe/Berlin, UTC."}
        labels: ClassVar = {"usage": "Usage of a subsidiary", "billing": "Invoices of a subsidiary"}

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        # A page that only shows has no fields.
        if "plan_version" in self.fields:
            self.fields["plan_version"].queryset = offered_to(self.instance)  # type: ignore[attr-defined]
        if "interval" in self.fields:
            months = str(self.instance.billing_months)
            self.initial.setdefault("interval", months if months in dict(INTERVALS) else CUSTOM)
            self.fields["billing_months"].required = False
        if "parent" in self.fields:
            others = Contract.objects.exclude(pk=self.instance.pk).filter(parent=None).order_by("number")
            self.fields["parent"].queryset = others  # type: ignore[attr-defined]
        for name in ("notice_days", "renewal", "usage", "billing"):
            if field := self.fields.get(name):
                field.required = False

    def clean(self) -> dict[str, Any]:
        """Name each mistake at its field, also those that the database would refuse."""
        given = super().clean() or self.cleaned_data
        # What a browser leaves out, or a program does not know of, is as in a new contract.
        for name in ("notice_days", "renewal", "usage", "billing"):
            if name in self.fields and given.get(name) in (None, ""):
                given[name] = Contract._meta.get_field(name).get_default()  # type: ignore[union-attr]
        for field, text in (
            *self._interval_mistakes(given),
            *self._term_mistakes(given),
            *self._renewal_mistakes(given),
            *self._parent_mistakes(given),
        ):
            self.add_error(field, text)
        return given

    def _interval_mistakes(self, given: dict[str, Any]) -> Iterator[tuple[str, str]]:
        interval = given.get("interval") or CUSTOM
        if interval != CUSTOM:
            given["billing_months"] = int(interval)
        elif "billing_months" in self.fields and not given.get("billing_months"):
            yield "billing_months", "Say how many months a billing period has, 1 to 36."

    def _term_mistakes(self, given: dict[str, Any]) -> Iterator[tuple[str, str]]:
        starts_on, ends_on = given.get("starts_on"), given.get("ends_on")
        if starts_on and ends_on and ends_on <= starts_on:
            yield "ends_on", f"It ends on {ends_on}, before it has begun. Choose a day after {starts_on}."
            return
        early = [day for day in self._agreed_days() if starts_on and day < starts_on]
        if early:
            text = f"Something is agreed from {min(early)} on. Take it out first, or begin then or before."
            yield "starts_on", text
        late = [day for day in self._agreed_days() if ends_on and day >= ends_on]
        if late:
            yield "ends_on", f"Something is agreed from {max(late)} on. Take it out first, or end later."
        version = given.get("plan_version")
        agreed_in = self.instance.plan_version.currency if self.instance.terms_stamp else ""
        if version and agreed_in and version.currency != agreed_in:
            text = f"What is agreed is in {agreed_in}. Choose a version in {agreed_in}, or take it out first."
            yield "plan_version", text

    def _renewal_mistakes(self, given: dict[str, Any]) -> Iterator[tuple[str, str]]:
        renewal = given.get("renewal", Contract.Renewal.NONE)
        if renewal == Contract.Renewal.NONE:
            if given.get("uplift_percent") is not None or given.get("uplift_index"):
                yield "renewal", "Prices rise at a renewal: say how it is renewed, or leave the uplift empty."
            return
        if given.get("ends_on") is None and "ends_on" not in self.errors:
            yield (
                "ends_on",
                "A contract that is renewed has an end: give the first day that its term does not cover.",
            )
        if not given.get("renewal_months"):
            yield "renewal_months", "Say for how many months it is renewed."
        uplift = given.get("uplift_percent")
        if uplift is not None and not 0 <= uplift <= 1000:
            yield "uplift_percent", "Between 0 and 1000 percent: 5 for five percent."
        days = self._days_of_term(given)
        if given.get("notice_days") and days and given["notice_days"] >= days:
            yield "notice_days", f"The term has {days} days; the notice is shorter than that."

    def _parent_mistakes(self, given: dict[str, Any]) -> Iterator[tuple[str, str]]:
        parent: Contract | None = given.get("parent")
        shared = [
            name
            for name, alone in (("usage", Contract.Usage.SEPARATE), ("billing", Contract.Billing.OWN))
            if name in given and given[name] != alone
        ]
        if parent is None:
            if "parent" not in self.errors:
                for name in shared:
                    yield name, "Choose the parent contract that it is shared with, or leave it by itself."
            return
        version = given.get("plan_version")
        if version and version.currency != parent.plan_version.currency:
            currencies = f"{parent} is in {parent.plan_version.currency} and this one in {version.currency}"
            yield "parent", f"{currencies}; currencies are never added to each other."
        if self.instance.children.exists():
            yield "parent", f"{self.instance} is itself a parent; a family has two levels."
        if shared:
            yield from self._calendar_mistakes(parent, given)

    def _calendar_mistakes(self, parent: Contract, given: dict[str, Any]) -> Iterator[tuple[str, str]]:
        """Shared periods are the same ones."""
        for name, what in _SHARED.items():
            theirs = getattr(parent, name)
            if name in given and given[name] != theirs:
                at = "interval" if name == "billing_months" else name
                said = f"{theirs} months" if name == "billing_months" else theirs
                yield at, f"The {what} of {parent} is {said}. What is shared with it needs the same."

    def _agreed_days(self) -> list[date]:
        if not self.instance.terms_stamp:
            return []
        rows = agreed(self.instance)
        every = (*rows.phases, *rows.seats, *rows.discounts, *rows.commitments, *rows.caps, *rows.grants)
        return [row.starts_on for row in every]

    def _days_of_term(self, given: dict[str, Any]) -> int:
        starts_on, ends_on = given.get("starts_on"), given.get("ends_on")
        return (ends_on - starts_on).days if starts_on and ends_on else 0
