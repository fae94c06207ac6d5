"""What staff say about tax: where legal entities are registered, the rates, and who is exempt."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import TypeVar
from uuid import UUID

from django.db import IntegrityError, transaction

from apps.core import audit
from apps.customers import eu_rates, tax_numbers
from apps.customers.errors import NoTaxDays, TaxOverlap, UnknownTaxThing
from apps.customers.models import LegalEntity, TaxExemption, TaxRate, TaxRegistration

Taxed = TypeVar("Taxed", TaxRegistration, TaxRate, TaxExemption)
_LOCAL = TaxRegistration.Scheme.LOCAL


@transaction.atomic(durable=True)
def save_registration(
    *, registration_id: UUID | None = None, fields: Mapping[str, object], at: datetime, actor: str
) -> TaxRegistration:
    """Note that a legal entity is registered at a place, or change that; its number is checked where it is the country's own.

    A legal entity that gave tax by hand, customer by customer, goes by its registrations from its first one on; one without a
    tax number of its own has that of its country from then on, as invoices print. Refuses a wrong number, and a second
    registration for the same place and days.
    """
    registration = _found(TaxRegistration, registration_id)
    before = _set(registration, fields)
    if registration.scheme == _LOCAL and not registration.region and "number" in before:
        registration.number = tax_numbers.checked(registration.number, registration.country)
    _save(registration, "tax registration", fields, before, at=at, actor=actor)
    _number_at_home(registration, at=at, actor=actor)
    by_hand = LegalEntity.objects.filter(
        pk=registration.legal_entity_id, tax_provider=LegalEntity.TaxProvider.CUSTOMER
    )
    if by_hand.update(tax_provider=LegalEntity.TaxProvider.BUILT_IN):
        audit.record(
            at=at,
            actor=actor,
            action="customers.tax_by_registrations",
            subject_type="legal_entity",
            subject_key=registration.legal_entity.key,
            before={"tax_provider": LegalEntity.TaxProvider.CUSTOMER.value},
            after={"tax_provider": LegalEntity.TaxProvider.BUILT_IN.value},
        )
    return registration


@transaction.atomic(durable=True)
def save_rate(
    *, rate_id: UUID | None = None, fields: Mapping[str, object], at: datetime, actor: str
) -> TaxRate:
    """Add a rate or change one; drafts take it when they are refreshed, finalized invoices stay. Refuses overlapping days."""
    rate = _found(TaxRate, rate_id)
    before = _set(rate, fields)
    _save(rate, "tax rate", fields, before, at=at, actor=actor)
    return rate


@transaction.atomic(durable=True)
def save_exemption(
    *, exemption_id: UUID | None = None, fields: Mapping[str, object], at: datetime, actor: str
) -> TaxExemption:
    """Note a customer's exemption certificate, or change what is known of it. Refuses overlapping days."""
    exemption = _found(TaxExemption, exemption_id)
    before = _set(exemption, fields)
    _save(exemption, "tax exemption", fields, before, at=at, actor=actor)
    return exemption


@transaction.atomic(durable=True)
def add_eu_rates(*, at: datetime, actor: str, starts_on: date = eu_rates.AS_OF) -> list[TaxRate]:
    """Add the EU's standard rates, for all legal entities; countries that have a standard rate of their own for all keep it."""
    there = set(
        TaxRate.objects.filter(
            legal_entity=None, region="", tax_class="standard", country__in=eu_rates.STANDARD
        ).values_list("country", flat=True)
    )
    added = TaxRate.objects.bulk_create(
        [
            TaxRate(country=country, name=name, percent=percent, starts_on=starts_on)
            for country, (percent, name) in eu_rates.STANDARD.items()
            if country not in there
        ]
    )
    if added:
        audit.record(
            at=at,
            actor=actor,
            action="customers.add_eu_rates",
            subject_type="tax_rate",
            subject_key="EU",
            after={rate.country: f"{rate.percent}%" for rate in added},
        )
    return added


def _number_at_home(registration: TaxRegistration, *, at: datetime, actor: str) -> None:
    """Give a legal entity without a tax number that which its own country gave it."""
    if registration.scheme != _LOCAL or registration.region:
        return
    unnumbered = LegalEntity.objects.filter(
        pk=registration.legal_entity_id, country=registration.country, tax_number=""
    )
    if unnumbered.update(tax_number=registration.number):
        audit.record(
            at=at,
            actor=actor,
            action="customers.tax_number_of_registration",
            subject_type="legal_entity",
            subject_key=registration.legal_entity.key,
            before={"tax_number": ""},
            after={"tax_number": registration.number},
        )


def _found(model: type[Taxed], key: UUID | None) -> Taxed:
    if key is None:
        return model()
    found = model.objects.select_for_update().filter(pk=key).first()
    if found is None:
        raise UnknownTaxThing
    return found


def _set(thing: Taxed, fields: Mapping[str, object]) -> dict[str, object]:
    """Set the fields and return those that change, as they were."""
    is_new = thing._state.adding
    before = {}
    for name, value in fields.items():
        was = None if is_new else getattr(thing, name)
        if was != value:
            before[name] = was
        setattr(thing, name, value)
    return before


def _save(
    thing: Taxed,
    what: str,
    fields: Mapping[str, object],
    before: Mapping[str, object],
    *,
    at: datetime,
    actor: str,
) -> None:
    is_new = thing._state.adding
    if thing.ends_on and thing.ends_on <= thing.starts_on:
        raise NoTaxDays(thing.starts_on, thing.ends_on)
    try:
        with transaction.atomic():
            thing.save()
    except IntegrityError as refused:
        if "_at_a_time" not in str(refused):
            raise
        raise TaxOverlap(what, thing.place) from refused
    audit.record(
        at=at,
        actor=actor,
        action=f"customers.save_{what.replace(' ', '_')}",
        subject_type=what.replace(" ", "_"),
        subject_key=str(thing),
        before={} if is_new else {name: str(value) for name, value in before.items()},
        after={name: str(fields[name]) for name in (fields if is_new else before)},
    )
