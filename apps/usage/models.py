"""Usage: what was received, which events count, what waits in quarantine, and the totals per day.

`EventKey`, `Event` and `UsageDay` lead with the customer in every key, so that the same statements run on a cluster
distributed by customer. `Event` is partitioned by month of event time; sql/ holds its making. The hot tables leave out
foreign-key checks: ingest reads the customer and locks the contract in the same transaction, and neither is ever deleted.
"""

from django.db import models
from django.db.models import F, Q

from apps.contracts.models import Contract
from apps.core.digits import QUANTITY
from apps.core.ids import uuid7
from apps.customers.models import Customer
from apps.plans.models import Meter


class Receipt(models.Model):
    """What one accepted request brought: received = counted + duplicate + conflict + quarantined, always."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    received_at = models.DateTimeField()
    actor = models.CharField(max_length=260)
    received = models.PositiveIntegerField()
    counted = models.PositiveIntegerField()
    duplicate = models.PositiveIntegerField()
    conflict = models.PositiveIntegerField()
    quarantined = models.PositiveIntegerField()

    class Meta:
        indexes = [models.Index(fields=["received_at"], name="receipt_by_time")]
        constraints = [
            models.CheckConstraint(
                condition=Q(received=F("counted") + F("duplicate") + F("conflict") + F("quarantined")),
                name="every_received_event_is_accounted_for",
            )
        ]

    def __str__(self) -> str:
        return f"{self.received} received"


class EventKey(models.Model):
    """Answers 'seen before?': one row per customer and event id, for ever."""

    pk = models.CompositePrimaryKey("customer", "key")
    customer = models.ForeignKey(
        Customer, models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    key = models.CharField(max_length=500)
    fingerprint = models.BinaryField(max_length=16, db_comment="BLAKE2b-128 of the event's canonical body")
    time = models.DateTimeField(db_comment="Event time, which names the partition that holds the event")

    class Meta:
        verbose_name = "event key"


class Event(models.Model):
    """One counted event; append-only, partitioned by month of `time`."""

    pk = models.CompositePrimaryKey("customer", "time", "key")
    customer = models.ForeignKey(
        Customer, models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    time = models.DateTimeField()
    key = models.CharField(max_length=500, db_comment="The caller's id of the event")
    contract = models.ForeignKey(
        Contract, models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    type = models.CharField(max_length=100)
    quantity = models.DecimalField(**QUANTITY)
    properties = models.JSONField(default=dict)
    day = models.DateField(db_comment="Local day in the contract's time zone")
    received_at = models.DateTimeField()

    class Meta:
        db_table = "usage_event"

    def __str__(self) -> str:
        return f"{self.type} {self.key}"


class UsageDay(models.Model):
    """The total of one customer, contract, meter and set of dimension values on one local day."""

    pk = models.CompositePrimaryKey("customer", "contract", "meter", "day", "dimensions")
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="+", db_index=False)
    contract = models.ForeignKey(Contract, models.PROTECT, related_name="+", db_index=False)
    meter = models.ForeignKey(Meter, models.PROTECT, related_name="+", db_index=False)
    day = models.DateField(db_comment="Local day in the contract's time zone")
    dimensions = models.JSONField(default=dict, db_comment="Values of the meter's dimensions")
    # Wide enough for the sum of more events than can be stored, so that no total overflows.
    quantity = models.DecimalField(max_digits=60, decimal_places=18)
    events = models.PositiveBigIntegerField()
    last_received_at = models.DateTimeField()

    class Meta:
        verbose_name = "daily total"
        indexes = [models.Index(fields=["customer", "day"], name="usage_day_by_customer_and_day")]


class QuarantinedEvent(models.Model):
    """An event that could not be billed, kept whole with the reason until its cause is mended."""

    class Reason(models.TextChoices):
        NOT_AN_EVENT = "not_an_event", "Not an event"
        BAD_ID = "bad_id", "Missing or unusable id"
        BAD_CUSTOMER = "bad_customer", "Missing or unusable customer"
        UNKNOWN_CUSTOMER = "unknown_customer", "Unknown customer"
        BAD_TYPE = "bad_type", "Missing or unusable type"
        UNKNOWN_TYPE = "unknown_type", "No meter counts this type"
        BAD_TIME = "bad_time", "Missing or unusable time"
        TOO_OLD = "too_old", "Too long ago"
        TOO_EARLY = "too_early", "In the future"
        BAD_QUANTITY = "bad_quantity", "Unusable quantity"
        BAD_PROPERTIES = "bad_properties", "Unusable properties"
        VALUE_MISSING = "value_missing", "A metered property is missing or not a number"
        DIMENSION_MISSING = "dimension_missing", "A priced dimension is missing"
        NO_CONTRACT = "no_contract", "No live contract on that day"
        NOT_IN_PLAN = "not_in_plan", "The contract's plan has no charge for it"
        NO_PRICE = "no_price", "The plan has no price for its dimension values"
        PERIOD_CLOSED = "period_closed", "The period is already invoiced"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    customer_key = models.CharField(max_length=500, blank=True, db_comment="As the event gave it")
    event_key = models.CharField(
        max_length=500, null=True, db_comment="The event's id; null if it gave none that is usable"
    )
    type = models.CharField(max_length=100, blank=True)
    reason = models.CharField(max_length=20, choices=Reason.choices)
    field = models.CharField(max_length=100, db_comment="The field at fault")
    remedy = models.TextField()
    body = models.TextField(db_comment="The event as it was received, as JSON text")
    fingerprint = models.BinaryField(max_length=16, db_comment="BLAKE2b-128 of the body")
    received_at = models.DateTimeField()
    resolved_at = models.DateTimeField(
        null=True, db_comment="When an event with this id was counted after all; null while it waits"
    )

    class Meta:
        verbose_name = "quarantined event"
        constraints = [
            models.UniqueConstraint(
                fields=["customer_key", "event_key", "fingerprint"],
                condition=Q(event_key__isnull=False),
                name="one_quarantined_event_per_customer_id_and_body",
            )
        ]
        indexes = [
            models.Index(fields=["reason", "received_at"], name="quarantine_by_reason"),
            models.Index(
                fields=["received_at"], condition=Q(resolved_at=None), name="quarantine_waiting_by_time"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_reason_display()}: {self.event_key or 'no id'}"
