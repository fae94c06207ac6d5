"""Whether an invoice's lines are what its events cost: the totals counted anew, and the period priced again."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from apps.contracts.models import Contract
from apps.contracts.terms import period_on, terms_in
from apps.core.money import Money
from apps.core.periods import Period
from apps.credits.models import CreditBurn
from apps.invoices import adjust, advance
from apps.invoices.models import Invoice, InvoiceLine
from apps.invoices.pool import Family, families, family_among
from apps.invoices.verify.findings import Check, Finding
from apps.usage.archives import Archives
from apps.usage.prove import Proven, prove


def contracts_on(invoice: Invoice) -> list[Contract]:
    """Return the contracts whose usage an invoice's prices come from: its own, the accounts on it, and those it is pooled with."""
    family = families([invoice.contract])[invoice.contract_id]
    period = Period(invoice.period_start_on, invoice.period_end_on, invoice.timezone)
    found = {invoice.contract_id: invoice.contract}
    for one in (*family.guests_in(period), *family.pool_in(period)):
        found.setdefault(one.pk, one)
    return list(found.values())


def proven_usage(
    contract: Contract, invoice: Invoice, archives: Archives
) -> tuple[Proven | None, list[Finding]]:
    """Count a contract's events of the invoice's period anew, and say where its stored totals differ."""
    period = Period(invoice.period_start_on, invoice.period_end_on, invoice.timezone).overlap(
        contract.starts_on, contract.ends_on
    )
    if period is None:
        return None, []
    meter_ids = {one.meter_id for one in terms_in(contract, period).charges if one.meter_id}
    proven = prove(contract, period, meter_ids, archives=archives)
    return proven, [
        Finding(
            Check.EVENTS,
            f"{one.meter} of contract {contract.number} on {one.day} {one.dimensions}: the events come to "
            f"{one.from_events:f}, stored is {one.stored:f}.",
        )
        for one in proven.differences
    ]


def priced_again(
    invoice: Invoice, lines: Sequence[InvoiceLine], *, archives: Archives
) -> tuple[list[Finding], list[str]]:
    """Price the invoice's period again and compare with what was billed of it, to the cent.

    Returns what differs without a cause, and what differs since usage came late or the contract was amended: that is on the next
    invoice. Refuses where something is priced by events of a month that is out of the database and not among the `archives`.
    """
    findings: list[Finding] = []
    waiting: list[str] = []
    if invoice.kind == Invoice.Kind.PERIOD and not _is_issued_again(invoice):
        for contract in _billed_contracts(invoice):
            family = families([contract])[contract.pk]
            differing, is_caused = adjust.compared(
                contract, invoice, _seen(family, contract), archives=archives
            )
            for one in differing:
                text = (
                    f"{one.named.name}: priced now it is {Money(one.rated, invoice.currency).rounded()}, "
                    f"billed so far is {Money(one.billed, invoice.currency).rounded()}."
                )
                if is_caused:
                    waiting.append(text)
                else:
                    findings.append(Finding(Check.PRICES, text))
    findings += _in_advance(invoice, lines)
    findings += _credits(invoice, lines)
    return findings, waiting


def _is_issued_again(invoice: Invoice) -> bool:
    """Tell whether another invoice took the place of this one, which was credited as a whole; then that has the prices."""
    return Invoice.objects.filter(replaces=invoice, status=Invoice.Status.FINALIZED).exists()


def _billed_contracts(invoice: Invoice) -> list[Contract]:
    period = Period(invoice.period_start_on, invoice.period_end_on, invoice.timezone)
    family = families([invoice.contract])[invoice.contract_id]
    return [invoice.contract, *family.guests_in(period)]


def _seen(family: Family, contract: Contract) -> Family | None:
    if not family.children and family.parent is None:
        return None
    return family_among(contract, (family.root, *family.children))


def _in_advance(invoice: Invoice, lines: Sequence[InvoiceLine]) -> Iterator[Finding]:
    """Price what was billed in advance again; what was amended since is settled by the period's own invoice."""
    # Of a running period it was priced when less was used.
    is_so_far = invoice.kind == Invoice.Kind.THRESHOLD
    ahead = [line for line in lines if line.in_advance and not is_so_far]
    contracts = {line.of_contract_id or invoice.contract_id for line in ahead}
    for contract in Contract.objects.filter(pk__in=contracts).select_related("plan_version__plan"):
        of_contract = [line for line in ahead if (line.of_contract_id or invoice.contract_id) == contract.pk]
        starts_on = of_contract[0].starts_on
        if contract.terms_stamp or starts_on is None or _ends_within(contract, of_contract):
            continue
        fees = advance.fees_ahead(contract, period_on(contract, starts_on).starts_on)
        asked = fees.rated.total.amount if fees else Decimal(0)
        billed = sum((line.amount for line in of_contract), Decimal(0))
        if asked != billed:
            yield Finding(
                Check.PRICES,
                f"Fees in advance of contract {contract.number} come to {asked:f}, billed is {billed:f}.",
            )


def _ends_within(contract: Contract, lines: Sequence[InvoiceLine]) -> bool:
    """Tell whether a contract ends before the days that were billed do: then its end was agreed on since."""
    return contract.ends_on is not None and any(
        line.ends_on and line.ends_on > contract.ends_on for line in lines
    )


def _credits(invoice: Invoice, lines: Sequence[InvoiceLine]) -> Iterator[Finding]:
    """Compare what money grants paid by the lines with what was drawn from them."""
    paid: dict[str, Decimal] = {}
    for line in lines:
        # One grant has several lines where what it pays is taxed in several ways.
        if line.kind == InvoiceLine.Kind.CREDITS:
            paid[line.key] = paid.get(line.key, Decimal(0)) - line.amount
    drawn = dict(
        CreditBurn.objects.filter(source_key=invoice.number, grant__key__in=paid).values_list(
            "grant__key", "amount"
        )
    )
    for key, amount in paid.items():
        if drawn.get(key, Decimal(0)) != amount:
            yield Finding(
                Check.PRICES,
                f"{Money(amount, invoice.currency)} is paid from credits {key}, of which "
                f"{drawn.get(key, Decimal(0)):f} was drawn.",
            )
