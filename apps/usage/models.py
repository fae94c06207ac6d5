"""Usage: what was received, which events count, what waits in quarantine, what was corrected, and the totals per day.

`EventKey`, `Event` and `UsageDay` lead with the customer in every key, so that the same statements run on a cluster
distributed by customer. `Event` is partitioned by month of event time; sql/ holds its making. The hot tables leave out
foreign-key checks: ingest reads the customer and locks the contract in the same transaction, and neither is ever deleted.
"""

from django.db import models
from django.db.models import F, Q

from apps.contracts.models import Contract
from apps.core.append_only import append_only
from apps.core.digits import QUANTITY
from apps.core.ids import uuid7
from apps.customers.models import Customer
from apps.plans.models import Meter


@append_only
class Receipt(models.Model):
    """What one request brought for one customer, as an entry of a journal: every row balances, and so do all sums.

    Usage that comes in adds to `received`. A release moves events from quarantined to counted, a correction from counted
    to voided; neither receives anything.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    received_at = models.DateTimeField()
    actor = models.CharField(max_length=260)
    customer_key = models.CharField(max_length=500, blank=True, db_comment="As the events gave it")
    received = models.PositiveIntegerField(default=0)
    counted = models.IntegerField(default=0)
    voided = models.IntegerField(default=0)
    duplicate = models.IntegerField(default=0)
    conflict = models.IntegerField(default=0)
    quarantined = models.IntegerField(default=0)
    newest_time = models.DateTimeField(null=True, db_comment="The latest event time among them")

    class Meta:
        indexes = [
            models.Index(fields=["received_at"], name="receipt_by_time"),
            models.Index(fields=["customer_key", "received_at"], name="receipt_by_customer"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    received=F("counted") + F("voided") + F("duplicate") + F("conflict") + F("quarantined")
                ),
                name="every_received_event_is_accounted_for",
            )
        ]

    def __str__(self) -> str:
        return f"{self.received} received"


@append_only
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


@append_only
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
    as_of = models.DateTimeField(
        null=True, db_comment="For a latest value: the time of the event that gave it"
    )
    last_received_at = models.DateTimeField()

    class Meta:
        verbose_name = "daily total"
        indexes = [models.Index(fields=["customer", "day"], name="usage_day_by_customer_and_day")]


class UsageValue(models.Model):
    """How many events of one day had one value, for meters that count different values."""

    pk = models.CompositePrimaryKey("customer", "contract", "meter", "day", "dimensions", "value")
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="+", db_index=False)
    contract = models.ForeignKey(Contract, models.PROTECT, related_name="+", db_index=False)
    meter = models.ForeignKey(Meter, models.PROTECT, related_name="+", db_index=False)
    day = models.DateField()
    dimensions = models.JSONField(default=dict)
    value = models.CharField(max_length=200)
    events = models.BigIntegerField()


class LevelPoint(models.Model):
    """One event that set or changed a level, such as seats or storage; the daily totals are drawn from these."""

    pk = models.CompositePrimaryKey("customer", "meter", "dimensions", "time", "key")
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="+", db_index=False)
    meter = models.ForeignKey(Meter, models.PROTECT, related_name="+", db_index=False)
    dimensions = models.JSONField(default=dict)
    time = models.DateTimeField()
    key = models.CharField(max_length=500)
    value = models.DecimalField(**QUANTITY)
    received_at = models.DateTimeField()


class Outcome(models.Model):
    """What has become of one outcome, and what of it is on the bill on which day."""

    class State(models.TextChoices):
        PENDING = "pending", "Pending"
        SUCCEEDED = "succeeded", "Succeeded"
        PARTIAL = "partial", "Partly succeeded"
        FAILED = "failed", "Failed"
        DISPUTED = "disputed", "Disputed"
        DISPUTE_REJECTED = "dispute_rejected", "Dispute rejected"
        DISPUTE_ACCEPTED = "dispute_accepted", "Dispute accepted"

    pk = models.CompositePrimaryKey("customer", "meter", "outcome")
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="+", db_index=False)
    meter = models.ForeignKey(Meter, models.PROTECT, related_name="+")
    outcome = models.CharField(max_length=200)
    state = models.CharField(max_length=16, choices=State.choices)
    attempts = models.PositiveIntegerField(db_comment="Events that reached an end or failed: what it took")
    billed = models.JSONField(default=list, db_comment="Quantities by contract, day and dimension values")
    changed_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["state", "changed_at"], name="outcome_by_state")]


class OutcomeStage(models.Model):
    """One event that brought an outcome to a state."""

    pk = models.CompositePrimaryKey("customer", "meter", "outcome", "time", "key")
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="+", db_index=False)
    meter = models.ForeignKey(Meter, models.PROTECT, related_name="+", db_index=False)
    outcome = models.CharField(max_length=200)
    time = models.DateTimeField()
    key = models.CharField(max_length=500)
    contract = models.ForeignKey(Contract, models.PROTECT, related_name="+", db_index=False)
    day = models.DateField()
    dimensions = models.JSONField(default=dict)
    state = models.CharField(max_length=16, choices=Outcome.State.choices)
    weight = models.DecimalField(**QUANTITY)


@append_only
class Correction(models.Model):
    """One decision to take counted events off the bill, or to put others in their place; append-only."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="+")
    at = models.DateTimeField()
    actor = models.CharField(max_length=260)
    reason = models.TextField()
    scope = models.JSONField(db_comment="The ids, or the filter, that named the events")
    voided = models.PositiveIntegerField()
    replaced_by = models.PositiveIntegerField(default=0, db_comment="Events that were counted in their place")

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(reason=""), name="correction_has_a_reason")]

    def __str__(self) -> str:
        return f"{self.voided} voided for {self.customer}"


@append_only
class Reversal(models.Model):
    """The record that one event counts no more; append-only, as the event is."""

    pk = models.CompositePrimaryKey("customer", "key")
    customer = models.ForeignKey(
        Customer, models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    key = models.CharField(max_length=500)
    time = models.DateTimeField(db_comment="Event time, which names the partition that holds the event")
    correction = models.ForeignKey(Correction, models.PROTECT, related_name="reversals")

    class Meta:
        indexes = [models.Index(fields=["customer", "time"], name="reversal_by_customer_and_time")]


class LateDay(models.Model):
    """A day that was invoiced already when its usage changed; the next invoice adjusts for it."""

    pk = models.CompositePrimaryKey("customer", "contract", "day")
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="+", db_index=False)
    contract = models.ForeignKey(Contract, models.PROTECT, related_name="+")
    day = models.DateField()
    changed_at = models.DateTimeField()


class Recount(models.Model):
    """A run that computes a meter's totals anew from all stored events, day by day, while usage comes in."""

    class Status(models.TextChoices):
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    meter = models.ForeignKey(Meter, models.PROTECT, related_name="+")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.RUNNING)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    actor = models.CharField(max_length=260)
    days = models.PositiveIntegerField(default=0, db_comment="Days of customers to compute")
    done = models.PositiveIntegerField(default=0)
    after_customer = models.UUIDField(null=True, db_comment="Where to go on: the last customer and day done")
    after_day = models.DateField(null=True)
    error = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["meter"], condition=Q(status="running"), name="one_running_recount_per_meter"
            )
        ]

    def __str__(self) -> str:
        return f"{self.meter}, {self.get_status_display().lower()}"


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
        UNKNOWN_FIELD = "unknown_field", "A field that no event has"
        VALUE_MISSING = "value_missing", "A metered property is missing or not a number"
        DIMENSION_MISSING = "dimension_missing", "A priced dimension is missing"
        NO_CONTRACT = "no_contract", "No live contract on that day"
        NOT_IN_PLAN = "not_in_plan", "The contract's plan has no charge for it"
        NO_PRICE = "no_price", "The plan has no price for its dimension values"
        PERIOD_CLOSED = "period_closed", "The contract's last period is invoiced"

    class Resolution(models.TextChoices):
        COUNTED = "counted", "Counted since"
        DISMISSED = "dismissed", "Dismissed"

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
    times = models.PositiveIntegerField(
        default=1, db_default=1, db_comment="How often it was received while it waited"
    )
    resolved_at = models.DateTimeField(
        null=True, db_comment="When it was counted after all, or dismissed; null while it waits"
    )
    resolution = models.CharField(max_length=9, choices=Resolution.choices, blank=True, db_default="")

    class Meta:
        verbose_name = "quarantined event"
        constraints = [
            models.UniqueConstraint(
                fields=["customer_key", "event_key", "fingerprint"],
                condition=Q(event_key__isnull=False),
                name="one_quarantined_event_per_customer_id_and_body",
            ),
            models.CheckConstraint(
                condition=Q(resolved_at=None, resolution="")
                | Q(resolved_at__isnull=False) & ~Q(resolution=""),
                name="resolved_quarantine_says_how",
            ),
        ]
        indexes = [
            models.Index(fields=["reason", "received_at"], name="quarantine_by_reason"),
            models.Index(
                fields=["received_at"], condition=Q(resolved_at=None), name="quarantine_waiting_by_time"
            ),
            models.Index(
                fields=["received_at"],
                condition=Q(resolution="dismissed"),
                name="quarantine_dismissed_by_time",
            ),
            models.Index(fields=["customer_key", "received_at"], name="quarantine_by_customer"),
            models.Index(
                fields=["event_key"], condition=Q(event_key__isnull=False), name="quarantine_by_event_key"
            ),
            models.Index(
                fields=["customer_key"],
                condition=~Q(resolution="counted"),
                name="quarantine_open_by_customer",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_reason_display()}: {self.event_key or 'no id'}"


class EventImport(models.Model):
    """A file of events that is taken in batch by batch; stopped anywhere, it goes on after the last batch."""

    class Format(models.TextChoices):
        CSV = "csv", "CSV"
        NDJSON = "ndjson", "One JSON object a line"

    class Status(models.TextChoices):
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        CANCELED = "canceled", "Canceled"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=200)
    format = models.CharField(max_length=6, choices=Format.choices)
    sha256 = models.CharField(max_length=64, db_comment="Of the file as it was given")
    path = models.TextField(db_comment="Where this machine keeps the file until it is done")
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.RUNNING)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    actor = models.CharField(max_length=260)
    rows = models.PositiveIntegerField(default=0, db_comment="Rows taken in so far")
    counted = models.PositiveIntegerField(default=0)
    duplicate = models.PositiveIntegerField(default=0)
    conflict = models.PositiveIntegerField(default=0)
    quarantined = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)

    class Meta:
        verbose_name = "import"
        constraints = [
            models.UniqueConstraint(
                fields=["sha256"], condition=Q(status="running"), name="one_running_import_per_file"
            )
        ]

    def __str__(self) -> str:
        return self.name
