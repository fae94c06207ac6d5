"""Trying a plan version before anybody signs on it: a usage that staff type, or a real contract's last month; nothing is written."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import date, timedelta
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse

from apps.backoffice.views import page, require
from apps.contracts.models import Contract
from apps.contracts.terms import PeriodTerms, period_on, terms_in
from apps.core import clock
from apps.core.errors import Refusal
from apps.core.formats import format_days, format_money
from apps.core.money import Money
from apps.core.periods import Period, period_containing
from apps.invoices import billing
from apps.plans import queries, rows, summary, trial
from apps.plans.builder import sheet as sheets
from apps.plans.builder.forms import charge_forms
from apps.plans.described import NewAllowance, NewCharge
from apps.plans.models import CreditUnit, Meter, PlanVersion, Product
from apps.plans.summary import Named
from apps.rating.engine import rate
from apps.rating.lines import Rated
from apps.rating.usage import Usage
from apps.usage.priceable import used_in

LOCALE = "en"
_MOST_CONTRACTS = 200
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Tried:
    """What is tried: the composed charges, and what the open form keeps from being tried."""

    version: PlanVersion
    charges: list[Named]
    allowances: list[NewAllowance]
    note: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a usage comes to: lines with their reasons and the total, or why it has no price."""

    title: str
    lines: tuple[trial.LineTold, ...] = ()
    total: str = ""
    notes: tuple[str, ...] = ()
    mistake: str = ""


def plan_preview(request: HttpRequest, version_id: UUID) -> HttpResponse:
    """Price what was typed, or a contract's last period, under a version as it stands, the open form included."""
    require(request, "plans.view_planversion")
    version = PlanVersion.objects.select_related("plan").filter(pk=version_id).first()
    if version is None:
        raise Http404
    today = clock.now().date()
    may_see_usage = request.user.has_perm("contracts.view_contract") and request.user.has_perm(
        "usage.view_usageday"
    )
    number = request.POST.get("use-contract", "").replace("\0", "").strip() if may_see_usage else ""
    # Stored usage has the dimensions of the stored charges.
    tried = _tried(request, version, with_open_form=not number)
    month = period_containing(today, first_on=today.replace(day=1), anchor_day=1, months=1, timezone="UTC")
    typed = {name: value for name, value in request.POST.items() if isinstance(value, str)}
    usage, form = trial.usage_of(tried.charges, typed, period=month)
    part = request.GET.get("part", "") if request.headers.get("HX-Request") else ""
    context = {
        "title": f"Try {version}",
        "version": version,
        "asked": form,
        "outcome": _contract_month(tried, number, today) if number else _typed_month(tried, usage, month),
        "beside_charges": bool(part),
        "may_see_usage": may_see_usage,
        "contract_number": number,
        "contracts": _contracts() if may_see_usage else (),
    }
    template = {"whole": "plan_trial", "form": "plan_usage", "lines": "plan_outcome"}.get(
        part, "plan_preview"
    )
    return page(request, f"backoffice/{template}.html", context)


def _tried(request: HttpRequest, version: PlanVersion, *, with_open_form: bool) -> _Tried:
    """Return the stored charges, if asked with the one whose form is open as it stands there."""
    found = queries.rows_of(version.pk)
    charges = summary.named_of(found)
    allowances = [rows.read_allowance(row) for row in version.allowances.all()]
    open_id = request.POST.get("charge_id", "")
    if not (with_open_form and open_id) or version.status != PlanVersion.Status.DRAFT:
        return _Tried(version, charges, allowances, "")
    forms = charge_forms(
        sheets.from_request(request.POST), version, charge_id=open_id if open_id != "new" else ""
    )
    places = {str(row.pk): place for place, row in enumerate(found)}
    if not forms.check():
        without = "as it was saved" if open_id in places else "without it"
        return _Tried(version, charges, allowances, f"The open charge is not whole yet; priced {without}.")
    named = _named(forms.new(), allowances)
    if open_id in places:
        charges[places[open_id]] = named
    else:
        charges.append(named)
    return _Tried(version, charges, allowances, "")


def _named(new: NewCharge, allowances: Sequence[NewAllowance]) -> Named:
    meter = Meter.objects.filter(key=new.meter or "").first()
    unit = CreditUnit.objects.filter(key=new.credit_unit or "").first()
    return Named(
        charge=new,
        product=Product.objects.get(key=new.product).name,
        meter=meter.name if meter else "",
        unit=meter.unit if meter else "",
        credit_unit=unit.name if unit else "",
        allowance=next((one for one in allowances if one.key == new.allowance), None),
    )


def _typed_month(tried: _Tried, usage: Sequence[Usage], month: Period) -> Outcome:
    currency = tried.version.currency
    try:
        rated = trial.price(tried.charges, tried.allowances, usage, currency=currency, period=month)
    except (Refusal, ValueError) as refused:
        return Outcome("What it comes to", mistake=str(refused), notes=_notes(tried.note))
    return _outcome("What it comes to", tried, rated, _notes(tried.note))


def _contract_month(tried: _Tried, number: str, today: date) -> Outcome:
    """Price the last period of a contract that is over, and say what its own prices made of it."""
    contract = Contract.objects.select_related("customer", "plan_version").filter(number=number).first()
    if contract is None or contract.status == Contract.Status.DRAFT:
        return Outcome(
            f"Contract {number}", mistake=f"There is no contract {number}. Choose one of the list."
        )
    title = f"{contract.customer}, {contract.number}"
    period = _last_period(contract, today)
    if period is None:
        return Outcome(title, mistake=f"Contract {number} has no period behind it yet. Choose an older one.")
    notes = [
        f"{format_days(period.starts_on, period.ends_on, LOCALE)}, by the charges as they are saved, without credit grants."
    ]
    try:
        terms = _terms(tried.version, contract, period)
        rated = rate(terms.terms, used_in([(contract, terms)])[contract.pk].usage)
        own = billing.price(contract, period).rated.subtotal
    except (Refusal, ValueError) as refused:
        return Outcome(title, mistake=str(refused), notes=tuple(notes))
    notes.append(f"By its own prices it came to {format_money(own, LOCALE)}, before credits and tax.")
    if own.currency == rated.subtotal.currency:
        notes.append(_difference(own, rated.subtotal))
    return _outcome(title, tried, rated, tuple(notes))


def _terms(version: PlanVersion, contract: Contract, period: Period) -> PeriodTerms:
    """Return what a contract's period would cost under a version alone: without what was negotiated beside it."""
    alone = copy(contract)
    alone.plan_version, alone.terms_stamp = version, None
    return terms_in(alone, period)


def _last_period(contract: Contract, today: date) -> Period | None:
    """Return the last billing period of a contract that is over."""
    last = min(today, contract.ends_on or today)
    if last <= contract.starts_on:
        return None
    current = period_on(contract, last - _ONE_DAY)
    if current.ends_on <= today:
        return current
    return (
        period_on(contract, current.starts_on - _ONE_DAY) if current.starts_on > contract.starts_on else None
    )


def _outcome(title: str, tried: _Tried, rated: Rated, notes: tuple[str, ...]) -> Outcome:
    currency = tried.version.currency
    return Outcome(
        title=title,
        lines=trial.lines_told(rated, tried.charges, tried.allowances, currency=currency),
        total=format_money(rated.total, LOCALE),
        notes=notes,
    )


def _difference(own: Money, now: Money) -> str:
    less, more = sorted((own.amount, now.amount))
    told = format_money(replace(own, amount=more - less), LOCALE)
    if more == less:
        return "This version makes the same of it."
    return f"This version makes {told} {'more' if now.amount > own.amount else 'less'} of it."


def _contracts() -> list[Contract]:
    signed = Contract.objects.exclude(status=Contract.Status.DRAFT).select_related("customer")
    return list(signed.order_by("customer__name", "number")[:_MOST_CONTRACTS])


def _notes(note: str) -> tuple[str, ...]:
    return (note,) if note else ()
