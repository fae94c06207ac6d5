"""Writing one change of a contract into its rows, and saying it as a sentence. A step of amend and agree."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from functools import singledispatchmethod
from typing import NoReturn, TypeVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from apps.contracts import changes, rules, words
from apps.contracts.agreed import agreed, end_of
from apps.contracts.commitments import settlement_days
from apps.contracts.errors import AmendmentRefused
from apps.contracts.models import (
    Amendment,
    Cap,
    Commitment,
    Contract,
    Discount,
    Phase,
    PromisedGrant,
    SeatChange,
)
from apps.contracts.models.amendment import AgreedRow
from apps.contracts.sign import check_end, save
from apps.core import db
from apps.core.ids import uuid7
from apps.core.money import rounded_to_minor_unit
from apps.core.periods import local_day, months_after
from apps.plans.models import PlanVersion
from apps.plans.queries import PlannedCharge, charges_of
from apps.rating.terms import ChargeKind, Fee

_Row = TypeVar("_Row", bound=AgreedRow)
_Lasting = TypeVar("_Lasting", Discount, Commitment, Cap, PromisedGrant)


def apply(
    contract: Contract, change: changes.Change, *, on: date, amendment: Amendment | None, at: datetime
) -> str:
    """Write a change that holds from `on`; with no amendment the contract is a draft. Return what it changes, in words."""
    db.require_transaction()
    return _Writer(contract, on, amendment, at).write(change)


@dataclass(frozen=True, slots=True)
class _Writer:
    contract: Contract
    on: date
    amendment: Amendment | None
    at: datetime

    @singledispatchmethod
    def write(self, change: changes.Change) -> str:
        raise TypeError(f"{change!r} is no change of a contract.")

    @write.register
    def _change_plan(self, change: changes.ChangePlan) -> str:
        version = PlanVersion.objects.select_related("plan").filter(pk=change.plan_version_id).first()
        if version is None:
            self._refuse(plan_version="There is no such plan version; choose a published one.")
        before = self._version_on(self.on)
        if mistake := rules.plan_mistake(self.contract, version, is_signed=self.amendment is not None):
            self._refuse(plan_version=mistake)
        if mistake := rules.uncounted(self._standing(Commitment), self.on, charges_of(version.pk)):
            self._refuse(plan_version=f"{version}: {mistake}")
        for phase in self._standing(Phase, starts_on__gte=self.on):
            self._remove(phase)
        if self.amendment is None and self.on == self.contract.starts_on:
            self.contract.plan_version = version
            self.contract.save(update_fields=["plan_version"])
        else:
            self._add(Phase(plan_version=version))
        # What was to follow at the renewal was meant for the plan before.
        moved = self.contract.renews_on_version
        if moved is not None:
            self.contract.renews_on_version = None
            self.contract.save(update_fields=["renews_on_version"])
        others = f" Its next renewal no longer puts it on {moved}." if moved not in (None, version) else ""
        return f"From {words.day(self.on)}: {version} instead of {before}.{others}"

    @write.register
    def _change_seats(self, change: changes.ChangeSeats) -> str:
        fees = {
            one.charge.key: one
            for one in charges_of(self._version_on(self.on).pk)
            if one.charge.kind is ChargeKind.RECURRING
        }
        fee = fees.get(change.charge_key)
        if fee is None:
            self._refuse(charge_key=f"{change.charge_key!r} is no recurring fee of its plan on {self.on}.")
        if change.quantity < 0:
            self._refuse(quantity="A number of seats is never negative; 0 stops the fee.")
        seats = agreed(self.contract) if self.contract.terms_stamp else None
        before = (seats.seats_on(self.on) if seats else {}).get(
            change.charge_key, fee.charge.price.quantity if isinstance(fee.charge.price, Fee) else Decimal(1)
        )
        for row in self._standing(SeatChange, charge_key=change.charge_key, starts_on=self.on):
            self._remove(row)
        self._add(SeatChange(charge_key=change.charge_key, quantity=change.quantity))
        return f"From {words.day(self.on)}: {_plain(change.quantity)} x {fee.charge.name} instead of {_plain(before)}."

    @write.register
    def _add_discount(self, change: changes.AddDiscount) -> str:
        charges = charges_of(self._version_on(self.on).pk)
        if mistakes := rules.discount_mistakes(self.contract, change, charges):
            self._refuse(**mistakes)
        ends_on = months_after(self.on, change.months) if change.months else change.ends_on
        values = {name: value for name, value in asdict(change).items() if name not in {"months", "ends_on"}}
        row = self._add(Discount(**{**values, "charge_keys": list(change.charge_keys)}, ends_on=ends_on))
        return f"{words.discount_words(row, self.contract.plan_version.currency, _names(charges))}."

    @write.register
    def _add_commitment(self, change: changes.AddCommitment) -> str:
        plan_charges = charges_of(self._version_on(self.on).pk)
        if mistakes := rules.commitment_mistakes(self.contract, change, self.on, plan_charges):
            self._refuse(**mistakes)
        row = self._add(Commitment(**{**asdict(change), "charge_keys": list(change.charge_keys)}))
        return f"{words.commitment_words(row, self.contract.plan_version.currency, _names(plan_charges))}."

    @write.register
    def _set_cap(self, change: changes.SetCap) -> str:
        if mistakes := rules.cap_mistakes(self.contract, change):
            self._refuse(**mistakes)
        self._cut(Cap, meter=change.meter_id)
        row = self._add(Cap(**asdict(change)))
        return f"{words.cap_words(row, self.contract.plan_version.currency)}."

    @write.register
    def _promise_grant(self, change: changes.PromiseGrant) -> str:
        if mistakes := rules.grant_mistakes(self.contract, change, charges_of(self._version_on(self.on).pk)):
            self._refuse(**mistakes)
        row = self._add(PromisedGrant(**{**asdict(change), "charge_keys": list(change.charge_keys)}))
        self._refuse_given(row)
        return f"{words.grant_words(row, self.contract.plan_version.currency)}."

    def _refuse_given(self, row: PromisedGrant) -> None:
        """Refuse credits that may have been given under the same key: each is given once a day and key."""
        today = local_day(self.at, self.contract.timezone)
        if self.amendment is None or self.on > today:
            return
        covered = Q(ends_on=None) | Q(ends_on__gt=self.on)
        others = PromisedGrant.objects.filter(covered, contract=self.contract, key=row.key)
        if others.exclude(pk=row.pk).exists():
            self._refuse(
                key=f"Credits of this name may have been given since {words.day(self.on)}: let these begin after today, "
                "or give them another name."
            )

    @write.register
    def _change_end(self, change: changes.ChangeEnd) -> str:
        before = self.contract.ends_on
        if self.amendment is not None:
            check_end(self.contract, change.ends_on, at=self.at)
        self.contract.ends_on = change.ends_on
        self._check(self.contract)
        save(self.contract, "ends_on")
        if change.ends_on is not None:
            for kind in (Phase, SeatChange):
                for row in self._standing(kind, starts_on__gte=change.ends_on):
                    self._remove(row)
        return f"It ends on {_end(change.ends_on)} instead of {_end(before)}."

    @write.register
    def _change_fields(self, change: changes.ChangeFields) -> str:
        fields = change.fields
        if not fields:
            self._refuse(changes="Nothing is changed; say what is.")
        if closed := set(fields) - rules.AMENDABLE:
            self._refuse(
                **dict.fromkeys(closed, "This cannot be amended: end the contract and sign a new one.")
            )
        before = {name: getattr(self.contract, name) for name in fields}
        for name, value in fields.items():
            setattr(self.contract, name, value)
        moved = fields.get("renews_on_version")
        if isinstance(moved, PlanVersion) and (mistake := rules.move_mistake(self.contract, moved)):
            self._refuse(plan_version=mistake)
        self._check(self.contract)
        self.contract.save(update_fields=list(fields))
        return " ".join(
            f"{_label(name)}: {_said(name, fields[name])} instead of {_said(name, before[name])}."
            for name in fields
        )

    @write.register
    def _end_discount(self, change: changes.EndDiscount) -> str:
        return f"{self._end(Discount, key=change.key)} ends on {words.day(self.on)}."

    @write.register
    def _end_commitment(self, change: changes.EndCommitment) -> str:
        return f"{self._end(Commitment, key=change.key)} ends on {words.day(self.on)}."

    @write.register
    def _lift_cap(self, change: changes.LiftCap) -> str:
        self._end(Cap, meter=change.meter_id)
        return f"The cap ends on {words.day(self.on)}."

    @write.register
    def _end_grants(self, change: changes.EndGrants) -> str:
        return f"{self._end(PromisedGrant, key=change.key)} is given no more from {words.day(self.on)} on."

    def _end(self, kind: type[_Lasting], **which: object) -> _Lasting:
        """End the row in force, and drop what was planned after it."""
        found = self._cut(kind, **which)
        if found is None:
            name = next(iter(which))
            self._refuse(**{name: f"There is none of it on {self.on} or later; nothing ends."})
        return found

    def _cut(self, kind: type[_Lasting], **which: object) -> _Lasting | None:
        last = None
        for row in self._standing(kind, **which):
            if end_of(row) <= self.on:
                continue
            begun = row.starts_on < self.on
            self._remove(row)
            if begun:
                self._shorten(row)
            last = row
        return last

    def _shorten(self, row: Discount | Commitment | Cap | PromisedGrant) -> None:
        if isinstance(row, Commitment) and row.per == Commitment.Per.TERM:
            self._keep_trued_up(row)
        else:
            self._add(row, starts_on=row.starts_on, ends_on=self.on)

    def _keep_trued_up(self, row: Commitment) -> None:
        """Keep of a commitment over its term what was to be reached when it was last trued up; that is asked, and no more."""
        days = settlement_days(row)
        reached = [day for day in days if day <= self.on]
        if reached:
            share = Fraction(row.amount) * len(reached) / len(days)
            amount = rounded_to_minor_unit(share, self.contract.plan_version.currency)
            self._add(row, starts_on=row.starts_on, ends_on=reached[-1], amount=amount)

    def _standing(self, kind: type[_Row], **which: object) -> list[_Row]:
        found = kind.objects.filter(contract=self.contract, removed_by=None, **which)
        return list(found.order_by("starts_on"))

    def _remove(self, row: AgreedRow) -> None:
        if self.amendment is None:
            row.delete()
        else:
            type(row).objects.filter(pk=row.pk).update(removed_by=self.amendment)

    def _add(self, row: _Row, *, starts_on: date | None = None, **values: object) -> _Row:
        row.pk, row._state.adding = uuid7(), True
        row.contract, row.starts_on = self.contract, starts_on or self.on
        row.added_by, row.removed_by = self.amendment, None
        for name, value in values.items():
            setattr(row, name, value)
        self._check(row)
        row.save(force_insert=True)
        return row

    def _check(self, row: models.Model) -> None:
        try:
            # The amendment that a row names is written last. The constraints hold over all its fields.
            row.clean_fields(exclude=["added_by", "removed_by", "contract", "status"])
            row.validate_constraints()
        except ValidationError as mistake:
            self._refuse(**rules.by_field(mistake))

    def _version_on(self, day: date) -> PlanVersion:
        phases = [phase for phase in self._standing(Phase) if phase.starts_on <= day]
        return phases[-1].plan_version if phases else self.contract.plan_version

    def _refuse(self, **mistakes: str) -> NoReturn:
        raise AmendmentRefused(self.contract.number, mistakes)


def _names(charges: Sequence[PlannedCharge]) -> dict[str, str]:
    return {one.charge.key: one.charge.name for one in charges}


def _label(name: str) -> str:
    field = Contract._meta.get_field(name)
    assert isinstance(field, models.Field)
    return str(field.verbose_name).capitalize()


def _said(name: str, value: object) -> str:
    """Return a field's value as its choice is called, numbers without the zeros of their column."""
    choices = dict(Contract._meta.get_field(name).flatchoices)  # type: ignore[union-attr]
    if isinstance(value, Decimal):
        return _plain(value)
    return str(choices.get(value, value) if value not in (None, "") else "none")


def _end(on: date | None) -> str:
    return words.day(on) if on else "no fixed day"


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
