"""The tax of an invoice: what each line is taxed at, and the summary by category and rate."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from apps.customers.models import Customer, LegalEntity
from apps.invoices import tax_answers, tax_sales, tax_shares, taxing
from apps.invoices.models import Invoice, InvoiceLine, InvoiceTax
from apps.invoices.tax_rules import TaxRules, rules_for
from apps.invoices.tax_shares import Part
from apps.invoices.taxing import Category, Treatment

_PROVIDER = LegalEntity.TaxProvider
_DAY = timedelta(days=1)
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
class _Taxed:
    """Parts of lines that are taxed as one, and the tax as a part of their amounts."""

    treatment: Treatment
    parts: Sequence[Part[_Kind]]
    ratio: Fraction


def tax(invoice: Invoice, lines: Sequence[InvoiceLine], rules: TaxRules | None = None) -> list[InvoiceTax]:
    """Tax the lines of a draft and return the summary's rows; fills tax and total of the invoice, and of each line its share.

    `rules` are what was read for many invoices by `rules_for`; without them they are read here, unless tax is given by hand.
    A row's tax is rounded once, or on each line where the legal entity says so; shares of lines add up to it. A line that
    belongs to no product is spread over the others, see docs/guides/tax.md. Where an outside service has the answer, and has
    not been asked yet, TaxToAsk is raised. Refuses a place whose rate is not known.
    """
    entity = invoice.customer.legal_entity
    invoice.tax_included = entity.prices_include_tax
    if entity.tax_provider != _PROVIDER.CUSTOMER and rules is None:
        rules = rules_for([invoice.customer])
    made = _parts(invoice, lines, rules)
    taxed = list(_taxed(invoice, made, rules))
    rows = _rows(invoice, lines, taxed)
    invoice.tax_amount = sum((row.amount for row in rows), Decimal(0))
    invoice.tax_rate = rows[0].rate if len(rows) == 1 else Decimal(0)
    invoice.total = invoice.subtotal if invoice.tax_included else invoice.subtotal + invoice.tax_amount
    return rows


def missing(customer: Customer, on: date, rules: TaxRules | None = None) -> list[str]:
    """Return what is not known of a customer and decides on its tax on a day: country, region, tax_number, rate."""
    if customer.legal_entity.tax_provider == _PROVIDER.CUSTOMER:
        return []
    known = rules or rules_for([customer])
    seller, buyer = known.seller(customer.legal_entity), known.buyer(customer)
    if customer.legal_entity.tax_provider == _PROVIDER.STRIPE:
        return [] if buyer.place.country else ["country"]
    return list(taxing.missing(seller, buyer, on))


def report_later(invoice: Invoice, lines: Sequence[InvoiceLine], *, at: datetime) -> None:
    """Have a numbered invoice or credit note reported to the tax service that told its tax. A step; nothing if none did."""
    if invoice.customer.legal_entity.tax_provider != _PROVIDER.STRIPE:
        return
    if invoice.credits_id:
        tax_sales.reversal_later(invoice, at=at)
        return
    rules = rules_for([invoice.customer])
    amounts = _by_class(_parts(invoice, lines, rules))
    tax_sales.sale_later(invoice, tax_answers.request_of(invoice, amounts, tax_day(invoice), rules), at=at)


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


def _taxed(invoice: Invoice, made: Sequence[Part[_Kind]], rules: TaxRules | None) -> Iterator[_Taxed]:
    """Yield what is taxed as one, in the order of the summary; what has no tax at all is left out."""
    customer = invoice.customer
    if rules is None:
        treatments = {part.group: _by_hand(customer) for part in made}
    elif customer.legal_entity.tax_provider == _PROVIDER.STRIPE:
        yield from _answered(invoice, made, rules)
        return
    else:
        seller, buyer = rules.seller(customer.legal_entity), rules.buyer(customer)
        treatments = {
            kind: taxing.treatment(seller, buyer, kind.tax_class, kind.on) or _by_hand(customer)
            for kind in {part.group for part in made}
        }
    together: dict[tuple[object, ...], list[Part[_Kind]]] = {}
    first: dict[tuple[object, ...], Treatment] = {}
    for kind in sorted(treatments):
        if found := treatments[kind]:
            first.setdefault(_row_of(found), found)
    for part in made:
        if found := treatments[part.group]:
            together.setdefault(_row_of(found), []).append(part)
    for key in sorted(together, key=str):
        ratio = tax_shares.ratio(first[key].rate, is_included=invoice.tax_included)
        yield _Taxed(first[key], together[key], ratio)


def _answered(invoice: Invoice, made: Sequence[Part[_Kind]], rules: TaxRules) -> Iterator[_Taxed]:
    """Yield what an outside service answered; what comes to nothing or less was not asked, and has no tax."""
    answers = tax_answers.of_invoice(invoice, _by_class(made), tax_day(invoice), rules)
    for tax_class in sorted({part.group.tax_class for part in made}):
        parts = [part for part in made if part.group.tax_class == tax_class]
        amount = sum((part.amount for part in parts), Decimal(0))
        if (answer := answers.get(tax_class)) and amount:
            treatment = tax_answers.treatment_of(answer, invoice.customer.language)
            yield _Taxed(treatment, parts, Fraction(answer.amount) / Fraction(amount))
        else:
            yield _Taxed(Treatment(Category.OUTSIDE_SCOPE, Decimal(0)), parts, Fraction(0))


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


def _row_of(treatment: Treatment) -> tuple[object, ...]:
    return (treatment.category, treatment.rate, treatment.name, treatment.place)


def _rows(invoice: Invoice, lines: Sequence[InvoiceLine], taxed: Sequence[_Taxed]) -> list[InvoiceTax]:
    """Give each line its tax and return a row for each category, rate, name and place, highest rate first."""
    is_by_line = _rounds_by_line(invoice.customer.legal_entity)
    rows: dict[tuple[object, ...], InvoiceTax] = {}
    for line in lines:
        line.tax_category, line.tax_rate, line.tax_amount = "", Decimal(0), Decimal(0)
    rows_of: list[set[tuple[object, ...]]] = [set() for _ in lines]
    for one in taxed:
        amounts = [part.amount for part in one.parts]
        shares = list(tax_shares.taxes(amounts, one.ratio, currency=invoice.currency, is_by_line=is_by_line))
        row = rows.setdefault(_row_of(one.treatment), _row(invoice, one.treatment))
        row.amount += sum(shares, Decimal(0))
        row.base += sum(amounts, Decimal(0)) - (sum(shares, Decimal(0)) if invoice.tax_included else 0)
        for part, share in zip(one.parts, shares, strict=True):
            line = lines[part.line]
            rows_of[part.line].add(_row_of(one.treatment))
            is_whole = len(rows_of[part.line]) == 1
            line.tax_category = one.treatment.category if is_whole else ""
            line.tax_rate = one.treatment.rate if is_whole else Decimal(0)
            line.tax_amount += share
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
