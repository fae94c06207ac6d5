"""The tax of an invoice: what each line is taxed at, and the summary by category and rate."""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from apps.core.ids import uuid7
from apps.customers.models import Customer, LegalEntity
from apps.invoices import tax_answers, tax_sales, tax_shares, taxing
from apps.invoices.models import Invoice, InvoiceLine, InvoiceTax
from apps.invoices.tax_rules import TaxRules, rules_for
from apps.invoices.tax_shares import Part
from apps.invoices.taxing import Category, Place, Registration, Treatment

_PROVIDER = LegalEntity.TaxProvider
_DAY = timedelta(days=1)
# What is of a tax that the seller is registered for.
_CHARGED = {Category.STANDARD, Category.ZERO, Category.EXEMPT}
# What staff read where something is missing, by what `missing` calls it.
MISSING = {
    "country": "No country: taxed as at the seller's place",
    "region": "No state or province: taxed as where the seller is not registered",
    "tax_number": "A business without a valid VAT number: taxed as a consumer",
    "rate": "No rate is known for its place: its draft is parked",
}


@dataclass(frozen=True, slots=True, order=True)
class _Kind:
    """What decides on the tax of a line within an invoice: its product's class, and the day that it was supplied on."""

    tax_class: str
    on: date


@dataclass(frozen=True, slots=True)
class _Due:
    """How what belongs together is taxed: the treatment, the tax as a part of the amounts, and the class it was asked for by."""

    treatment: Treatment
    ratio: Fraction
    tax_class: str = ""

    @property
    def row(self) -> tuple[str, Decimal, str, str]:
        """What its row of the summary is known by."""
        one = self.treatment
        return one.category, one.rate, one.name, one.place


def tax(invoice: Invoice, lines: list[InvoiceLine], rules: TaxRules | None = None) -> list[InvoiceTax]:
    """Tax the lines of a draft and return the summary's rows; fills tax and total of the invoice, and of each line its share.

    `rules` are what was read for many invoices by `rules_for`; without them they are read here, unless tax is given by hand.
    A row's tax is rounded once, or on each line where the legal entity says so; shares of lines add up to it. A line that
    belongs to no product is spread over the others: where these are taxed in several ways it becomes several lines, in place,
    see docs/guides/tax.md. Where an outside service has the answer, and has not been asked yet, TaxToAsk is raised. Refuses a
    place whose rate is not known.
    """
    entity = invoice.customer.legal_entity
    invoice.tax_included, invoice.tax_calculation = entity.prices_include_tax, None
    if entity.tax_provider != _PROVIDER.CUSTOMER and rules is None:
        rules = rules_for([invoice.customer])
    made = _parts(invoice, lines, rules)
    taxed = _split(lines, made, _due(invoice, made, rules))
    lines[:] = [line for line, _ in taxed]
    rows = _rows(invoice, taxed)
    invoice.tax_amount = sum((row.amount for row in rows), Decimal(0))
    invoice.tax_rate = rows[0].rate if len(rows) == 1 else Decimal(0)
    invoice.total = invoice.subtotal if invoice.tax_included else invoice.subtotal + invoice.tax_amount
    return rows


def registration_of(
    invoice: Invoice, rows: Sequence[InvoiceTax], rules: TaxRules | None
) -> Registration | None:
    """Return what the seller is registered by where an invoice's tax is charged, of several the one of the highest rate.

    None where none is charged, or by no registration that is known: then the seller goes by its own number.
    """
    if rules is None:
        return None
    seller, on = rules.seller(invoice.customer.legal_entity), tax_day(invoice)
    charged = [Place.of_code(row.place) for row in rows if row.category in _CHARGED and row.place]
    found = (taxing.registration_at(seller, place, on) for place in charged)
    return next((one for one in found if one), None)


def missing(customer: Customer, on: date, rules: TaxRules | None = None) -> list[str]:
    """Return what is not known of a customer and decides on its tax on a day: country, region, tax_number, rate."""
    if customer.legal_entity.tax_provider == _PROVIDER.CUSTOMER:
        return []
    known = rules or rules_for([customer])
    seller, buyer = known.seller(customer.legal_entity), known.buyer(customer)
    if customer.legal_entity.tax_provider == _PROVIDER.STRIPE:
        return [] if buyer.place.country else ["country"]
    return list(taxing.missing(seller, buyer, on))


def report_later(invoice: Invoice, *, at: datetime) -> None:
    """Have a numbered invoice or credit note reported to the tax service that told its tax. A step; nothing if none did."""
    if invoice.credits is not None:
        # A credit note of no amount gives nothing back, also of the tax.
        if invoice.credits.tax_calculation_id and invoice.total:
            tax_sales.reversal_later(invoice, at=at)
    elif invoice.tax_calculation_id:
        tax_sales.sale_later(invoice, at=at)


def tax_day(invoice: Invoice) -> date:
    """Return the day that decides on rates: the last of the period, or the first where it is billed in advance.

    Directive 2006/112/EC, Art. 64: services with successive accounts are supplied when their period ends.
    """
    if invoice.kind == Invoice.Kind.OPENING:
        return invoice.period_start_on
    return invoice.period_end_on - _DAY


def _parts(invoice: Invoice, lines: Sequence[InvoiceLine], rules: TaxRules | None) -> Sequence[Part[_Kind]]:
    otherwise = _Kind(taxing.STANDARD, tax_day(invoice))
    if rules is None:
        return [Part(place, otherwise, line.amount) for place, line in enumerate(lines)]
    kinds = [_kind_of(line, otherwise.on, rules) for line in lines]
    return tax_shares.parts(
        [(line.amount, kind) for line, kind in zip(lines, kinds, strict=True)],
        otherwise=otherwise,
        order=sorted({kind for kind in kinds if kind}),
        currency=invoice.currency,
    )


def _kind_of(line: InvoiceLine, on: date, rules: TaxRules) -> _Kind | None:
    """Return how a line is to be taxed: what corrects an earlier invoice as on that one; None for what is to be spread."""
    if line.adjusts is not None:
        on = tax_day(line.adjusts)
    # What was billed in advance names no product: it had the standard class, unless there are others.
    is_of_one_class = line.kind == InvoiceLine.Kind.ADVANCE and not rules.classes
    return _Kind(rules.class_of(line.product_name), on) if line.product_name or is_of_one_class else None


def _due(
    invoice: Invoice, made: Sequence[Part[_Kind]], rules: TaxRules | None
) -> Mapping[_Kind, _Due | None]:
    """Return how each kind is taxed; None: with no tax, and nothing said of it."""
    customer = invoice.customer
    kinds = sorted({part.group for part in made})
    if rules is not None and customer.legal_entity.tax_provider == _PROVIDER.STRIPE:
        return _answered(invoice, made, kinds, rules)
    found: dict[_Kind, _Due | None] = {}
    known: dict[tuple[object, ...], _Due] = {}
    for kind in kinds:
        treatment = _treatment(customer, kind, rules)
        if treatment is None:
            found[kind] = None
        else:
            due = _Due(treatment, tax_shares.ratio(treatment.rate, is_included=invoice.tax_included))
            # Two reasons of one row, such as certificates of two days, are one: that of the earlier day.
            found[kind] = known.setdefault(due.row, due)
    return found


def _treatment(customer: Customer, kind: _Kind, rules: TaxRules | None) -> Treatment | None:
    if rules is not None:
        seller, buyer = rules.seller(customer.legal_entity), rules.buyer(customer)
        if found := taxing.treatment(seller, buyer, kind.tax_class, kind.on):
            return found
    return _by_hand(customer)


def _answered(
    invoice: Invoice, made: Sequence[Part[_Kind]], kinds: Sequence[_Kind], rules: TaxRules
) -> Mapping[_Kind, _Due | None]:
    """Return what an outside service answered; what comes to nothing or less was not asked, and has no tax."""
    amounts = _by_class(made)
    invoice.tax_calculation = tax_answers.of_invoice(invoice, amounts, tax_day(invoice), rules)
    answers = tax_answers.lines_of(invoice.tax_calculation)
    found: dict[_Kind, _Due | None] = {}
    for kind in kinds:
        answer = answers.get(kind.tax_class)
        if answer is None:
            found[kind] = _Due(Treatment(Category.OUTSIDE_SCOPE, Decimal(0)), Fraction(0))
            continue
        treatment = tax_answers.treatment_of(answer, invoice.customer.language)
        ratio = Fraction(answer.amount) / Fraction(amounts[kind.tax_class])
        found[kind] = _Due(treatment, ratio, kind.tax_class)
    return found


def _split(
    lines: Sequence[InvoiceLine], made: Sequence[Part[_Kind]], due: Mapping[_Kind, _Due | None]
) -> list[tuple[InvoiceLine, _Due | None]]:
    """Return the lines with how each is taxed, one that is spread over several as a line for each."""
    shares: list[dict[_Due | None, Decimal]] = [{} for _ in lines]
    for part in made:
        of_line = shares[part.line]
        of_line[due[part.group]] = of_line.get(due[part.group], Decimal(0)) + part.amount
    found: list[tuple[InvoiceLine, _Due | None]] = []
    for line, of_line in zip(lines, shares, strict=True):
        whole = next(iter(of_line.items()))
        (first, _), *others = [share for share in of_line.items() if share[1]] or [whole]
        found.append((line, first))
        for one, amount in others:
            other = copy(line)
            other.pk = uuid7()
            other.exact = other.amount = amount
            line.exact, line.amount = line.exact - amount, line.amount - amount
            found.append((other, one))
    return found


def _by_class(made: Sequence[Part[_Kind]]) -> Mapping[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for part in made:
        sums[part.group.tax_class] = sums.get(part.group.tax_class, Decimal(0)) + part.amount
    return sums


def _by_hand(customer: Customer) -> Treatment | None:
    if customer.tax_rate:
        return Treatment(Category.STANDARD, customer.tax_rate)
    if customer.tax_note:
        return Treatment(Category.OUTSIDE_SCOPE, Decimal(0), reason=customer.tax_note)
    return None


def _rows(invoice: Invoice, taxed: Sequence[tuple[InvoiceLine, _Due | None]]) -> list[InvoiceTax]:
    """Give each line its tax and return a row for each category, rate, name and place, highest rate first."""
    is_by_line = _rounds_by_line(invoice.customer.legal_entity)
    together: dict[_Due, list[InvoiceLine]] = {}
    for line, due in taxed:
        line.tax_category, line.tax_rate, line.tax_amount = "", Decimal(0), Decimal(0)
        if due:
            line.tax_category, line.tax_rate = due.treatment.category, due.treatment.rate
            together.setdefault(due, []).append(line)
    rows: dict[tuple[str, Decimal, str, str], InvoiceTax] = {}
    for due, lines in together.items():
        amounts = [line.amount for line in lines]
        row = rows.setdefault(due.row, _row(invoice, due.treatment))
        shares = tax_shares.taxes(amounts, due.ratio, currency=invoice.currency, is_by_line=is_by_line)
        for line, share in zip(lines, shares, strict=True):
            line.tax_amount = share
            row.amount += share
            row.base += line.amount - share if invoice.tax_included else line.amount
    found = sorted(rows.values(), key=lambda row: (-row.rate, row.category, row.place, row.name))
    for position, row in enumerate(found, start=1):
        row.position = position
    return found


def _rounds_by_line(entity: LegalEntity) -> bool:
    """Tell whether tax is rounded on each line; what a service answered is shared out as it is."""
    return entity.tax_rounding == LegalEntity.TaxRounding.LINE and entity.tax_provider != _PROVIDER.STRIPE


def _row(invoice: Invoice, treatment: Treatment) -> InvoiceTax:
    return InvoiceTax(
        invoice=invoice,
        category=treatment.category,
        rate=treatment.rate,
        name=treatment.name,
        place=treatment.place,
        base=Decimal(0),
        amount=Decimal(0),
        reason=treatment.reason[:200],
        reason_code=treatment.reason_code,
    )
