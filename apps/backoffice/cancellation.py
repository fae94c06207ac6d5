"""Cancelling a contract: first what it will come to, then the cancellation itself."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from apps.backoffice.contract_head import contract_or_404
from apps.backoffice.views import page, require
from apps.contracts.cancel import When, end_if_cancelled
from apps.contracts.models import Contract
from apps.contracts.terms import period_on
from apps.core import clock
from apps.core.admin import actor_of
from apps.core.errors import Refusal
from apps.core.formats import format_day
from apps.core.money import Money
from apps.core.periods import Period
from apps.credits import cancel as cancelling
from apps.credits.cancel import Unused
from apps.credits.models import CreditGrant
from apps.invoices import advance, billing, pool
from apps.invoices.billing import Priced

WHENS = {When.AT_ONCE: "At once", When.PERIOD_END: "With the running period"}
UNUSED = {
    Unused.KEEP: "They stay until they expire by themselves",
    Unused.EXPIRE: "They are gone after the final invoice",
    Unused.REFUND: "What was paid for them is owed back",
}


@dataclass(frozen=True, slots=True)
class GrantAfter:
    """A grant, what the final invoice would draw from it so far, and what would be left and owed back."""

    grant: CreditGrant
    drawn: Decimal
    left: Decimal
    refund: Money

    @property
    def unit(self) -> str:
        """Return what it counts."""
        return self.grant.credit_unit.name if self.grant.credit_unit else self.grant.currency


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a cancellation would come to now: the last period, its price so far, and what is left of the credits."""

    last_on: date
    period: Period
    priced: Priced
    billed_ahead: Money
    grants: tuple[GrantAfter, ...]

    @property
    def to_pay(self) -> Money:
        """Return what the final invoice comes to so far, before tax."""
        return self.priced.rated.total - self.billed_ahead


def cancel(request: HttpRequest, contract_id: UUID) -> HttpResponse:
    """Show what cancelling would come to, by when it ends; a form with the reason does it."""
    require(request, "contracts.change_contract")
    contract = contract_or_404(contract_id)
    asked = request.POST if request.method == "POST" else request.GET
    when = next((one for one in When if one.value == asked.get("when")), When.PERIOD_END)
    unused = next((one for one in Unused if one.value == asked.get("unused")), Unused.KEEP)
    if request.method == "POST":
        return _cancel(request, contract, when, unused)
    outcome, hindrance = None, ""
    try:
        outcome = _outcome(contract, when, at=clock.now())
    except Refusal as refusal:
        hindrance = str(refusal)
    context = {
        "title": f"Cancel {contract}",
        "contract": contract,
        "outcome": outcome,
        "hindrance": hindrance,
        "when": when,
        "whens": WHENS,
        "unused": unused,
        "unused_ways": UNUSED,
        "refund": Money.total((one.refund for one in outcome.grants), contract.plan_version.currency)
        if outcome and unused is Unused.REFUND
        else None,
    }
    return page(request, "backoffice/cancel.html", context)


def _outcome(contract: Contract, when: When, *, at: datetime) -> Outcome:
    ends_on = end_if_cancelled(contract, when, at=at)
    last_on = date.fromordinal(ends_on.toordinal() - 1)
    # As it will be: nothing of it is saved.
    contract.ends_on = ends_on
    period = period_on(contract, last_on)
    priced = billing.price(contract, period, family=pool.families([contract])[contract.pk])
    drawn = {use.grant: use.used for use in priced.rated.grants}
    currency = contract.plan_version.currency
    found = cancelling.left_after(contract, ends_on).select_related("credit_unit")
    grants = []
    for grant in found.order_by("priority", "expires_on", "pk"):
        left = grant.left - drawn.get(grant.key, Decimal(0))
        owed = Money(cancelling.refundable(grant, left), grant.cost_currency or currency)
        grants.append(GrantAfter(grant, drawn.get(grant.key, Decimal(0)), left, owed))
    # What is beyond the final invoice is not given back by it.
    ahead = min(Money(advance.still_ahead(contract, period), currency), priced.rated.total)
    return Outcome(last_on, period, priced, ahead.rounded(), tuple(grants))


def _cancel(request: HttpRequest, contract: Contract, when: When, unused: Unused) -> HttpResponse:
    try:
        amendment = cancelling.cancel(
            contract_id=contract.pk,
            when=when,
            unused=unused,
            reason=request.POST.get("reason", ""),
            at=clock.now(),
            actor=actor_of(request),
        )
    except Refusal as refusal:
        messages.error(request, str(refusal))
        chosen = urlencode({"when": when.value, "unused": unused.value})
        return redirect(f"{reverse('backoffice:cancel', args=[contract.pk])}?{chosen}")
    messages.success(
        request,
        f"{contract} is cancelled: its last day is {format_day(amendment.effective_on, 'en')}. "
        "Its final invoice is drafted once that day is over.",
    )
    return redirect("admin:contracts_contract_change", contract.pk)
