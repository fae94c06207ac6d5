"""Customers: list, create, read, change."""

from typing import Any, ClassVar

from django.db import IntegrityError
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api import errors
from apps.api.pagination import PAGE_PARAMETERS, PageFields, page
from apps.api.resource import Fields, Resource, checked
from apps.core import clock
from apps.customers import enroll, taxation
from apps.customers.errors import CustomerKeyTaken
from apps.customers.models import KEY, ApiKey, Customer, LegalEntity, TaxExemption

Scope = ApiKey.Scope
_PLACE = ("address", "postal_code", "city", "region", "country")


class CustomerChange(Fields, serializers.ModelSerializer[Customer]):
    """What of a customer can be changed."""

    legal_entity = serializers.SlugRelatedField(
        slug_field="key", queryset=LegalEntity.objects.all(), help_text="The key of the entity that sells."
    )
    tax_rate = serializers.DecimalField(
        max_digits=6,
        decimal_places=3,
        min_value=0,
        max_value=100,
        required=False,
        help_text="Percent: 19 means 19%.",
    )

    class Meta:
        model = Customer
        fields = [
            "name",
            "legal_entity",
            "billing_email",
            "tax_number",
            "buys_as",
            "tax_rate",
            "tax_note",
            "language",
            *_PLACE,
        ]


class CustomerCreate(CustomerChange):
    """A new customer."""

    key = serializers.CharField(
        max_length=63, validators=[KEY], help_text="What usage is posted under: acme."
    )

    class Meta(CustomerChange.Meta):
        fields = ["key", *CustomerChange.Meta.fields]


class Exemption(Fields, serializers.ModelSerializer[TaxExemption]):
    """A certificate by which a customer need not pay the tax of a place."""

    class Meta:
        model = TaxExemption
        fields = ["country", "region", "certificate", "reason", "reference", "starts_on", "ends_on"]


class ExemptionsAnswer(serializers.Serializer[Any]):
    """A customer's certificates."""

    data = Exemption(many=True)  # type: ignore[assignment]


class CustomerAnswer(serializers.ModelSerializer[Customer]):
    """A customer."""

    legal_entity = serializers.CharField(source="legal_entity.key")
    tax_exemptions = Exemption(many=True, help_text="Certificates of tax exemption.")

    class Meta:
        model = Customer
        fields = [
            "key",
            "name",
            "legal_entity",
            "billing_email",
            "tax_number",
            "buys_as",
            "tax_rate",
            "tax_note",
            "tax_exemptions",
            "language",
            *_PLACE,
            "created_at",
        ]


class CustomersAnswer(serializers.Serializer[Any]):
    """A page of customers."""

    data = CustomerAnswer(many=True)  # type: ignore[assignment]
    next_cursor = serializers.CharField(allow_null=True)


class Customers(Resource):
    """All customers that the key may see."""

    scopes: ClassVar[dict[str, str]] = {"GET": Scope.CUSTOMERS_READ, "POST": Scope.CUSTOMERS_WRITE}

    @extend_schema(
        operation_id="list_customers",
        summary="List customers",
        parameters=PAGE_PARAMETERS,
        responses=CustomersAnswer,
    )
    def get(self, request: Request) -> Response:
        found = Customer.objects.select_related("legal_entity").prefetch_related("tax_exemptions")
        if self.caller.customer_id:
            found = found.filter(pk=self.caller.customer_id)
        rows, next_cursor = page(found, checked(PageFields, request.query_params.dict()))
        return Response({"data": CustomerAnswer(rows, many=True).data, "next_cursor": next_cursor})

    @extend_schema(
        operation_id="create_customer",
        summary="Create a customer",
        request=CustomerCreate,
        responses={201: CustomerAnswer},
    )
    def post(self, request: Request) -> Response:
        if self.caller.customer_id:
            raise errors.ConfinedKey
        fields = checked(CustomerCreate, request.data)
        try:
            customer = enroll.create(fields=fields, at=clock.now(), actor=self.caller.actor)
        except IntegrityError as taken:
            # Somebody created it between the action's look and its insert.
            raise CustomerKeyTaken(fields["key"]) from taken
        return Response(CustomerAnswer(self.customer(customer.key)).data, status=201)


class OneCustomer(Resource):
    """One customer."""

    scopes: ClassVar[dict[str, str]] = {"GET": Scope.CUSTOMERS_READ, "PATCH": Scope.CUSTOMERS_WRITE}

    @extend_schema(operation_id="get_customer", summary="Read a customer", responses=CustomerAnswer)
    def get(self, request: Request, key: str) -> Response:
        return Response(CustomerAnswer(self.customer(key)).data)

    @extend_schema(
        operation_id="change_customer",
        summary="Change a customer",
        description="Give the fields to change; the key stays, since usage is posted under it.",
        request=CustomerChange,
        responses=CustomerAnswer,
    )
    def patch(self, request: Request, key: str) -> Response:
        customer = self.customer(key)
        fields = checked(CustomerChange, request.data, partial=True)
        enroll.change(customer_id=customer.pk, fields=fields, at=clock.now(), actor=self.caller.actor)
        return Response(CustomerAnswer(self.customer(key)).data)


class Exemptions(Resource):
    """The certificates of tax exemption of one customer."""

    scopes: ClassVar[dict[str, str]] = {"GET": Scope.CUSTOMERS_READ, "POST": Scope.CUSTOMERS_WRITE}

    @extend_schema(
        operation_id="list_tax_exemptions", summary="List tax exemptions", responses=ExemptionsAnswer
    )
    def get(self, request: Request, key: str) -> Response:
        held = self.customer(key).tax_exemptions.order_by("starts_on", "pk")
        return Response({"data": Exemption(held, many=True).data})

    @extend_schema(
        operation_id="add_tax_exemption",
        summary="Note a tax exemption",
        description="Drafts take it when they are refreshed; finalized invoices stay.",
        request=Exemption,
        responses={201: Exemption},
    )
    def post(self, request: Request, key: str) -> Response:
        customer = self.customer(key)
        if self.caller.customer_id:
            raise errors.ConfinedKey
        fields = checked(Exemption, request.data)
        made = taxation.save_exemption(
            fields={"customer": customer, **fields}, at=clock.now(), actor=self.caller.actor
        )
        return Response(Exemption(made).data, status=201)
