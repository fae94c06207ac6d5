"""Who sells, who buys, and who may look or write on a customer's behalf."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator, URLValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from apps.core.append_only import append_only
from apps.core.digits import MONEY
from apps.core.ids import uuid7
from apps.core.models import User

KEY = RegexValidator(r"\A[a-z0-9][a-z0-9_-]{0,62}\Z", "Use lower-case letters, digits, - and _, at most 63.")
KEY_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,62}$"


class Place(models.Model):
    """The postal address of a company, as it is printed."""

    address = models.TextField("street address", blank=True)
    postal_code = models.CharField(max_length=20, blank=True)
    city = models.CharField(max_length=100, blank=True)
    region = models.CharField("state or region", max_length=100, blank=True)
    country = models.CharField(max_length=2, blank=True, help_text="Two letters, as in ISO 3166: US, DE, JP.")

    class Meta:
        abstract = True


class LegalEntity(Place):
    """A company of the seller's, in whose name invoices are written."""

    class TaxProvider(models.TextChoices):
        CUSTOMER = "customer", "Each customer's own rate, given by hand"
        BUILT_IN = "built_in", "Our registrations and rates"
        STRIPE = "stripe", "Stripe Tax"

    class TaxRounding(models.TextChoices):
        INVOICE = "invoice", "Once a rate, over the whole invoice"
        LINE = "line", "On each line"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    key = models.CharField(max_length=63, unique=True, validators=[KEY])
    name = models.CharField(max_length=200)
    tax_number = models.CharField("VAT or tax number", max_length=40, blank=True)
    email = models.EmailField("billing e-mail", blank=True)
    website = models.CharField(max_length=200, blank=True, validators=[URLValidator(["http", "https"])])
    bank_details = models.TextField(blank=True, help_text="Printed under 'How to pay', line by line.")
    logo_svg = models.TextField("logo (SVG)", blank=True, help_text="Printed at the head of invoices.")
    brand_color = models.CharField(
        max_length=7,
        default="#1d4ed8",
        validators=[RegexValidator(r"\A#[0-9a-fA-F]{6}\Z", "Give a color as #1d4ed8.")],
    )
    invoice_prefix = models.CharField(
        max_length=12,
        default="INV",
        validators=[RegexValidator(r"\A[A-Z0-9]{1,12}\Z")],
        help_text="Its invoices are numbered INV-2026-000001; no two legal entities share one in a year.",
    )
    credit_note_prefix = models.CharField(
        max_length=12,
        default="CN",
        validators=[RegexValidator(r"\A[A-Z0-9]{1,12}\Z")],
        help_text="Its credit notes are numbered CN-2026-000001; no two legal entities share one in a year.",
    )
    approval_above = models.DecimalField(
        **MONEY,
        null=True,
        blank=True,
        help_text="Drafts above this amount wait for two people to approve them. Empty: none does.",
    )
    review_hours = models.PositiveSmallIntegerField(
        default=24, help_text="How long a draft invoice waits for review before it is finalized by itself."
    )

    tax_provider = models.CharField(
        "tax is found by",
        max_length=8,
        choices=TaxProvider.choices,
        default=TaxProvider.CUSTOMER,
        db_default=TaxProvider.CUSTOMER,
    )
    tax_rounding = models.CharField(
        "tax is rounded",
        max_length=7,
        choices=TaxRounding.choices,
        default=TaxRounding.INVOICE,
        db_default=TaxRounding.INVOICE,
        help_text="Once a rate is what EN 16931 and Japan's qualified invoices ask for.",
    )
    prices_include_tax = models.BooleanField(
        default=False,
        db_default=False,
        help_text="The prices of its contracts are what customers pay in all.",
    )

    class Meta:
        verbose_name_plural = "legal entities"

    def __str__(self) -> str:
        return self.name


class Customer(Place):
    """A company that buys; its key is what the seller's backends post usage under."""

    class Language(models.TextChoices):
        ENGLISH = "en", "English"
        GERMAN = "de", "Deutsch"
        FRENCH = "fr", "Français"
        SPANISH = "es", "Español"
        JAPANESE = "ja", "日本語"

    class BuysAs(models.TextChoices):
        BUSINESS = "business", "A business"
        CONSUMER = "consumer", "A consumer"

    class EInvoice(models.TextChoices):
        NONE = "none", "PDF alone"
        FACTURX = "facturx", "Factur-X / ZUGFeRD, in the PDF"
        UBL = "ubl", "UBL (Peppol BIS 3), beside the PDF"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    key = models.CharField(
        max_length=63,
        unique=True,
        validators=[KEY],
        help_text="What your backends post usage under: acme, acme-eu.",
    )
    name = models.CharField(max_length=200)
    legal_entity = models.ForeignKey(LegalEntity, models.PROTECT, related_name="+", verbose_name="sold by")
    billing_email = models.EmailField("billing e-mail", blank=True)
    tax_number = models.CharField("VAT or tax number", max_length=40, blank=True)
    buys_as = models.CharField(
        max_length=8,
        choices=BuysAs.choices,
        default=BuysAs.BUSINESS,
        db_default=BuysAs.BUSINESS,
        help_text="A business with a tax number of its country may owe the tax itself.",
    )
    tax_rate = models.DecimalField(
        "tax, percent",
        max_digits=6,
        decimal_places=3,
        default=0,
        help_text="Where the legal entity gives tax by hand. Added to every invoice: 19 means 19%.",
    )
    tax_note = models.CharField(
        max_length=200, blank=True, help_text="Printed beside the tax line, such as 'Reverse charge'."
    )
    einvoice = models.CharField(
        "electronic invoice",
        max_length=7,
        choices=EInvoice.choices,
        default=EInvoice.NONE,
        db_default=EInvoice.NONE,
        help_text="How the customer reads invoices by machine.",
    )
    language = models.CharField(max_length=5, choices=Language.choices, default=Language.ENGLISH)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(key__regex=KEY_PATTERN), name="customer_key_is_plain"),
            models.CheckConstraint(condition=~Q(name=""), name="customer_has_a_name"),
            models.CheckConstraint(
                condition=Q(tax_rate__gte=0, tax_rate__lte=100), name="tax_rate_is_a_percentage"
            ),
        ]

    def __str__(self) -> str:
        return self.name


@append_only
class CustomerAlias(models.Model):
    """Another key under which a customer's usage comes in; for ever, so that what was counted stays explained."""

    key = models.CharField(max_length=63, primary_key=True, help_text="The key that senders give.")
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name_plural = "customer aliases"

    def __str__(self) -> str:
        return f"{self.key} is {self.customer}"


class Membership(models.Model):
    """A person's right to see one customer's portal."""

    class Role(models.TextChoices):
        VIEWER = "viewer", "Viewer"
        ADMIN = "admin", "Admin"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.VIEWER)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "customer"], name="one_membership_per_person_and_customer"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user} at {self.customer}"


class ApiKey(models.Model):
    """A backend's key to the API; only its prefix and hash are stored."""

    class Scope(models.TextChoices):
        EVENTS_WRITE = "events:write", "Post usage"
        EVENTS_CORRECT = "events:correct", "Void and replace usage"
        CUSTOMERS_READ = "customers:read", "Read customers"
        CUSTOMERS_WRITE = "customers:write", "Create and change customers"
        USAGE_READ = "usage:read", "Read usage and spend"
        INVOICES_READ = "invoices:read", "Read invoices"
        INVOICES_WRITE = "invoices:write", "Credit invoices"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=100)
    prefix = models.CharField(
        max_length=12, unique=True, db_comment="The readable start of the key, shown in lists"
    )
    key_hash = models.BinaryField(
        max_length=32, db_comment="SHA-256 of the whole key, which has 256 random bits"
    )
    scopes = ArrayField(models.CharField(max_length=30, choices=Scope.choices))
    customer = models.ForeignKey(
        Customer,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        help_text="Leave empty for a key of your own backends; set it to confine the key to one customer.",
    )
    created_by = models.CharField(max_length=260)
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "API key"
        constraints = [
            models.CheckConstraint(condition=Q(scopes__len__gt=0), name="api_key_has_a_scope"),
            models.CheckConstraint(
                condition=Q(revoked_at=None) | Q(revoked_at__gte=F("created_at")),
                name="api_key_revoked_after_created",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
