"""What an invoiced period comes to now, less what was billed of it: by charge, discount and commitment, and dimension values."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext

from django.db.models import Q

from apps.contracts.models import Contract
from apps.core.money import EXACT
from apps.invoices.billing import Priced
from apps.invoices.models import Invoice, InvoiceLine
from apps.rating.lines import Line, LineKind
from apps.rating.usage import Usage

# A charge or else a discount's or commitment's key, and dimension values.
Key = tuple[str, str, tuple[tuple[str, str], ...]]
_KIND = InvoiceLine.Kind
# What is of other periods, what credits did not cover, which is priced where they are drawn, what they paid, and what no usage
# changes: what staff added, and credits bought.
_APART = frozenset(
    {_KIND.ADVANCE, _KIND.ADJUSTMENT, _KIND.OVERAGE, _KIND.CREDITS, _KIND.MANUAL, _KIND.CREDIT_PURCHASE}
)


@dataclass(frozen=True, slots=True)
class Named:
    """What a line is of, in the words of the invoice."""

    name: str
    product_name: str = ""
    unit: str = ""
    is_in_credits: bool = False


@dataclass(frozen=True, slots=True)
class Adjustment:
    """The difference of one charge, discount or commitment of a closed period.

    In money it is to be billed; in credits to be priced with the running period. `is_amended` tells that the contract was
    amended for days of the period after its invoice.
    """

    adjusted: Invoice
    contract: Contract
    charge_key: str
    key: str
    named: Named
    dimensions: Mapping[str, str]
    quantity: Decimal
    amount: Decimal
    rated: Decimal
    billed: Decimal
    is_amended: bool = False

    @property
    def is_in_credits(self) -> bool:
        """Tell whether the quantity is priced within the running period, by its credits."""
        return self.named.is_in_credits

    @property
    def usage(self) -> Usage:
        """Return what joins the running period's usage."""
        return Usage(self.charge_key, abs(self.quantity), tuple(self.dimensions.items()))


def differences(priced: Priced, invoice: Invoice, *, is_amended: bool) -> Iterator[Adjustment]:
    """Yield what the priced period comes to now less what was billed of it, also by later adjustments; nothing where it is the same."""
    contract = priced.contract
    before_now = _billed_lines(invoice, contract)
    rated, billed = _rated(priced), _billed(before_now)
    names = _names_billed(before_now) | _names_rated(priced)
    nothing = (Decimal(0), Decimal(0))
    for key in [*rated, *(key for key in billed if key not in rated)]:
        (quantity, amount), (before, paid) = rated.get(key, nothing), billed.get(key, nothing)
        named = names[key]
        if amount == paid and not (named.is_in_credits and quantity != before):
            continue
        with localcontext(EXACT):
            yield Adjustment(
                adjusted=invoice,
                contract=contract,
                charge_key=key[0],
                key=key[1],
                named=named,
                dimensions=dict(key[2]),
                quantity=quantity - before,
                amount=amount - paid,
                rated=amount,
                billed=paid,
                is_amended=is_amended,
            )


def drawn_later(priced: Priced, invoice: Invoice) -> list[tuple[Usage, bool]]:
    """Return the usage in credits that came after the invoice, each with whether it is to be taken away to be without it.

    It draws on credits with a later period, so what is agreed around this one stays as its own credits left it.
    """
    in_credits = {planned.charge.key for planned in priced.charges if planned.charge.credit_unit}
    if not in_credits:
        return []
    own = [line for line in _billed_lines(invoice, priced.contract) if line.kind != _KIND.ADJUSTMENT]
    now, before = _rated(priced), _billed(own)
    nothing = (Decimal(0), Decimal(0))
    later = []
    for key in [*now, *(key for key in before if key not in now)]:
        with localcontext(EXACT):
            quantity = now.get(key, nothing)[0] - before.get(key, nothing)[0]
        if quantity and key[0] in in_credits:
            later.append((Usage(key[0], abs(quantity), key[2]), quantity > 0))
    return later


def taken_over(invoice: Invoice, contract: Contract) -> list[tuple[Usage, bool]]:
    """Return the usage in credits of earlier periods that an invoice priced with its own, each with whether it was taken away."""
    of_contract = None if invoice.contract_id == contract.pk else contract.pk
    return [
        (Usage(line.charge_key, abs(line.quantity), _stored_key(line)[2]), line.quantity < 0)
        for line in invoice.lines.all()
        if line.kind == _KIND.ADJUSTMENT and line.of_contract_id == of_contract and is_in_credits(line)
    ]


def is_in_credits(line: InvoiceLine) -> bool:
    """Tell whether an adjustment was of usage in credits: it says no figures, since the running period priced it."""
    return not line.amount and not any("rated" in step for step in line.steps)


def _rated(priced: Priced) -> dict[Key, tuple[Decimal, Decimal]]:
    """Return quantity and amount of what the period comes to now; credits are priced where they are drawn."""
    sums: dict[Key, tuple[Decimal, Decimal]] = {}
    for line in priced.rated.lines:
        if line.kind is not LineKind.OVERAGE:
            _add(sums, _key_of(line), line.kind.value, line.quantity, line.amount.amount)
    return sums


def _billed_lines(invoice: Invoice, contract: Contract) -> list[InvoiceLine]:
    """Return the contract's lines of the period on its invoice, with all finalized adjustments of it.

    What was credited as a correction is given back already, so it is taken off; goodwill stays billed.
    """
    of_contract = None if invoice.contract_id == contract.pk else contract.pk
    own = (
        line
        for line in invoice.lines.all()
        if line.of_contract_id == of_contract and not line.in_advance and line.kind not in _APART
    )
    later = InvoiceLine.objects.filter(
        Q(of_contract=contract) | Q(of_contract=None, invoice__contract=contract),
        adjusts__in=[invoice.pk, *(one.pk for one in replaced_by(invoice))],
        kind=_KIND.ADJUSTMENT,
        invoice__status=Invoice.Status.FINALIZED,
    ).exclude(invoice__because=Invoice.Because.GOODWILL)
    given_back = InvoiceLine.objects.filter(
        credits_line__invoice=invoice,
        of_contract=of_contract,
        in_advance=False,
        invoice__because=Invoice.Because.CORRECTION,
        invoice__status=Invoice.Status.FINALIZED,
    ).exclude(kind__in=_APART)
    return [*own, *later, *given_back]


def given_back(invoice: Invoice, contract: Contract) -> dict[Key, list[Decimal]]:
    """Return what corrections gave back of each key: by the last of them, by the last two, and so on."""
    sums: dict[Key, list[Decimal]] = {}
    of_notes = (line for line in _billed_lines(invoice, contract) if line.credits_line_id)
    for line in sorted(of_notes, key=lambda one: one.pk, reverse=True):
        so_far = sums.setdefault(_stored_key(line), [])
        so_far.append((so_far[-1] if so_far else Decimal(0)) - line.amount)
    return sums


def _billed(lines: Iterable[InvoiceLine]) -> dict[Key, tuple[Decimal, Decimal]]:
    """Return quantity and amount of what was billed."""
    sums: dict[Key, tuple[Decimal, Decimal]] = {}
    for line in lines:
        _add(sums, _stored_key(line), line.kind, line.quantity, line.amount)
    return sums


def _add(
    sums: dict[Key, tuple[Decimal, Decimal]], key: Key, kind: str, quantity: Decimal, amount: Decimal
) -> None:
    # A minimum stands for no units of its charge.
    counted = Decimal(0) if kind in {_KIND.MINIMUM, _KIND.MAXIMUM} else quantity
    with localcontext(EXACT):
        before, paid = sums.get(key, (Decimal(0), Decimal(0)))
        sums[key] = (before + counted, paid + amount)


def _key_of(line: Line) -> Key:
    return (line.charge or "", line.key or "", tuple(sorted(line.dimensions)))


def _stored_key(line: InvoiceLine) -> Key:
    return (line.charge_key, line.key, tuple(sorted(line.dimensions.items())))


def _names_billed(lines: Iterable[InvoiceLine]) -> dict[Key, Named]:
    return {
        _stored_key(line): Named(line.name, line.product_name, line.unit, line.credits is not None)
        for line in lines
    }


def _names_rated(priced: Priced) -> dict[Key, Named]:
    planned = {one.charge.key: one for one in priced.charges}
    named = {}
    for line in priced.rated.lines:
        one = planned.get(line.charge or "")
        named[_key_of(line)] = (
            Named(one.charge.name, one.product_name, one.unit, one.charge.credit_unit is not None)
            if one
            else Named(line.name)
        )
    return named


def replaced_by(invoice: Invoice) -> list[Invoice]:
    """Return the invoices that one was issued again for, the last first; one query each, and none for most."""
    found = []
    while invoice.replaces is not None:
        invoice = invoice.replaces
        found.append(invoice)
    return found
