"""Five contracts that were really signed, entered by the forms of the back office alone; their worked totals come out.

The terms were read from the contracts by hand; each test says which choice was made where the text leaves one.
"""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.test import Client

from apps.contracts import terms
from apps.contracts.agreed import agreed
from apps.contracts.models import Contract
from apps.core.money import Money
from apps.customers.models import Customer
from apps.payments.interest import late_interest
from apps.plans.models import Plan, PlanVersion
from apps.rating.engine import rate
from apps.rating.usage import Event, Usage
from tests.builders import make_customer, make_staff
from tests.invoices.months import drafted, use

GOLDEN = (
    Path(__file__).resolve().parents[3] / "shared" / "data" / "contracts" / "cuad" / "pricing_golden.json"
)
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not GOLDEN.exists(), reason=f"The contracts' terms are not here: {GOLDEN}."),
]
PER_UNIT = {"p0-model": "per_unit"}


def golden(slug: str) -> dict[str, Any]:
    """Return what was read from the contract whose name begins so."""
    found = json.loads(GOLDEN.read_text())["contracts"]
    return next(one for one in found if one["slug"].startswith(slug))


class Desk:
    """A member of the finance staff at the forms: each is posted, and what it refuses fails the test."""

    def __init__(self, client: Client) -> None:
        client.force_login(make_staff())
        self.client = client
        self.customer: Customer = make_customer("buyer")
        product = {"name": "Hosting", "key": "hosting", "description": "", "tax_class": "standard"}
        self.post("/admin/plans/product/add/", product)

    def post(self, path: str, fields: Mapping[str, object]) -> str:
        """Post a form that is taken: its answer leads on."""
        answer = self.client.post(path, fields)
        assert answer.status_code == 302, answer.content.decode()
        return str(answer.headers["Location"])

    def meter(self, key: str, unit: str) -> None:
        """Say what is measured: the quantities of events of a type, added up."""
        self.post(
            "/admin/plans/meter/add/",
            {
                "name": key.replace("-", " ").capitalize(),
                "key": key,
                "unit": unit,
                "event_type": key,
                "aggregation": "sum",
                "value_property": "",
                "late_days": "35",
                "early_hours": "1",
            },
        )

    def plan(self, currency: str, *charges: Mapping[str, object]) -> PlanVersion:
        """Build a plan from its charges, and publish it."""
        self.post("/admin/plans/plan/add/", {"name": "Plan", "key": "plan", "description": ""})
        plan = Plan.objects.get()
        self.post("/admin/plans/planversion/add/", {"plan": str(plan.pk), "currency": currency})
        version = PlanVersion.objects.get()
        for charge in charges:
            common = {"kind": "usage", "product": "hosting", "key": charge.get("meter", "fee"), "do": "save"}
            self.post(f"/admin/plans/planversion/{version.pk}/charge/new/", {**common, **charge})
        self.post(f"/admin/plans/planversion/{version.pk}/publish/", {})
        return PlanVersion.objects.get()

    def contract(self, version: PlanVersion, **fields: object) -> Contract:
        """Draft the contract."""
        first = {
            "customer": str(self.customer.pk),
            "number": "C-1",
            "plan_version": str(version.pk),
            "timezone": "UTC",
            "interval": "1",
            "anchor_day": "1",
            "payment_days": "30",
            "renewal": "none",
            "notice_days": "0",
            "usage": "separate",
            "billing": "own",
        }
        self.post("/admin/contracts/contract/add/", {**first, **fields})
        return Contract.objects.get()

    def agree(self, contract: Contract, kind: str, on: str, **fields: object) -> None:
        """Write a term into the draft."""
        self.post(f"/admin/contract/{contract.pk}/agreed/", {"add": kind, "on": on, **fields})

    def sign(self, contract: Contract) -> Contract:
        """Sign it."""
        self.post(f"/admin/contracts/contract/{contract.pk}/sign/", {})
        signed = Contract.objects.select_related("plan_version__plan", "customer").get()
        assert signed.status == Contract.Status.ACTIVE
        return signed


@pytest.fixture
def desk(client: Client) -> Desk:
    return Desk(client)


def total(contract: Contract, day: date, *used: Usage) -> Decimal:
    """Return what the period around a day comes to with this usage, by the one engine."""
    in_period = terms.terms_in(contract, terms.period_on(contract, day))
    return rate(in_period.terms, [one for one in used if one.quantity]).total.amount


def test_managed_hosting_with_ten_gigabytes_included(desk: Desk) -> None:
    """175 a month; each G beyond 10 is 20, a started one in full; work is 55 an hour. 13 G and 2.5 hours: 175 + 60 + 137.50."""
    said = golden("BANGIINC")
    fee, bandwidth, hourly = said["charges"]
    desk.meter("bandwidth", "G")
    desk.meter("work", "hours")
    version = desk.plan(
        "CAD",
        {"name": "Managed hosting", "kind": "recurring", "fee_amount": fee["amount"], "fee_quantity": "1"},
        {
            "name": "Bandwidth",
            "meter": "bandwidth",
            "included": bandwidth["included"],
            "p0-model": "package",
            "p0-package_amount": bandwidth["overage_price"],
            "p0-package_size": "1",
        },
        {"name": "Work", "meter": "work", **PER_UNIT, "p0-unit_amount": hourly["amount"]},
    )
    contract = desk.sign(desk.contract(version, starts_on=said["term"]["start"], ends_on="2006-03-01"))

    totals = [
        total(
            contract,
            date(2005, 4, 1),
            Usage("bandwidth", Decimal(one["usage"]["bandwidth_G"])),
            Usage("work", Decimal(one.get("hours", "0"))),
        )
        for one in said["worked"]
    ]

    assert totals == [Decimal(one["total"]) for one in said["worked"]]
    assert total(contract, date(2006, 2, 1)) == Decimal(fee["amount"])


def test_managed_hosting_is_billed_as_the_contract_says(desk: Desk) -> None:
    """The same from events to the invoice: 13 G in April 2005 come to 235.00 CAD."""
    said = golden("BANGIINC")
    fee, bandwidth, _ = said["charges"]
    desk.meter("bandwidth", "G")
    version = desk.plan(
        "CAD",
        {"name": "Managed hosting", "kind": "recurring", "fee_amount": fee["amount"], "fee_quantity": "1"},
        {
            "name": "Bandwidth",
            "meter": "bandwidth",
            "included": bandwidth["included"],
            "p0-model": "package",
            "p0-package_amount": bandwidth["overage_price"],
            "p0-package_size": "1",
        },
    )
    contract = desk.sign(desk.contract(version, starts_on="2005-04-01", ends_on="2006-03-01"))
    use(contract, "bandwidth", "13", day=date(2005, 4, 12))

    invoice = drafted(contract, at=datetime(2005, 5, 2, 9, tzinfo=UTC))

    assert (invoice.total, invoice.currency) == (Decimal(said["worked"][1]["total"]), "CAD")


def test_video_views_are_priced_by_the_step_that_the_month_reaches(desk: Desk) -> None:
    said = golden("Vitalibis")
    (views,) = said["charges"]
    steps = {
        f"p0-t{nth}-{name}": value
        for nth, tier in enumerate(views["tiers"])
        for name, value in (("up_to", tier["up_to"] or ""), ("flat_amount", tier["amount"]))
    }
    desk.meter("views", "views")
    version = desk.plan("USD", {"name": "Views", "meter": "views", "p0-model": "stairstep", **steps})
    contract = desk.sign(
        desk.contract(version, starts_on="2018-03-16", payment_days=said["payment_terms_days"])
    )

    totals = [
        total(contract, date(2018, 5, 1), Usage("views", Decimal(one["usage"]))) for one in said["worked"]
    ]

    assert totals == [Decimal(one["total"]) for one in said["worked"]]
    assert total(contract, date(2018, 5, 1)) == 0


def test_yearly_maintenance_with_a_minimum_for_each_visit(desk: Desk) -> None:
    """The minimum of 2,000 is each intervention's own, so a year without one costs the maintenance alone.

    A visit is one event, whose hours are its amount: 12,500 percent of the hours are 125 for each, at least 2,000 a visit.
    """
    said = golden("IMAGEWARE")
    yearly, phone, on_site = said["charges"]
    desk.meter("phone-support", "hours")
    desk.meter("on-site", "hours")
    version = desk.plan(
        "USD",
        {"name": "Maintenance", "kind": "recurring", "fee_amount": yearly["amount"], "fee_quantity": "1"},
        {
            "name": "Phone support",
            "meter": "phone-support",
            "included": phone["included"].split()[0],
            **PER_UNIT,
            "p0-unit_amount": phone["overage_price"],
        },
        {
            "name": "On site",
            "meter": "on-site",
            "p0-model": "percentage",
            "p0-rate": str(Decimal(on_site["price"]) * 100),
            "p0-event_minimum": on_site["minimum"],
        },
    )
    contract = desk.sign(
        desk.contract(
            version,
            starts_on="1999-12-20",
            ends_on="2000-12-20",
            interval="12",
            anchor_day="20",
            renewal="automatic",
            renewal_months="12",
            notice_days="60",
            payment_days=said["payment_terms_days"],
        )
    )
    day, alone = date(2000, 3, 1), Decimal(yearly["amount"])

    hours, visit, long_visit = said["worked"]
    assert total(contract, day) == alone
    used = Usage("phone-support", Decimal(hours["usage"]["phone_hours"]))
    assert total(contract, day, used) - alone == Decimal(hours["charge"])
    for worked in (visit, long_visit):
        spent = Decimal(worked["usage"]["onsite_hours"])
        assert total(contract, day, Usage("on-site", spent, events=(Event(spent),))) - alone == Decimal(
            worked["charge"]
        )
    two = Usage("on-site", Decimal(30), events=(Event(Decimal(10)), Event(Decimal(20))))
    assert total(contract, day, two) - alone == Decimal(visit["charge"]) + Decimal(long_visit["charge"])


def test_six_months_of_web_hosting_renewed_by_the_month(desk: Desk) -> None:
    said = golden("CENTRACK")
    fee, admin = said["charges"]
    desk.meter("administration", "hours")
    version = desk.plan(
        "USD",
        {"name": "Hosting", "kind": "recurring", "fee_amount": fee["amount"], "fee_quantity": "1"},
        {
            "name": "Administration",
            "meter": "administration",
            "included": admin["included"].split()[0],
            **PER_UNIT,
            "p0-unit_amount": admin["overage_price"],
        },
    )
    contract = desk.sign(
        desk.contract(
            version,
            starts_on=said["term"]["start"],
            ends_on="1999-10-01",
            renewal="automatic",
            renewal_months="1",
            notice_days="15",
        )
    )

    totals = [
        total(contract, date(1999, 5, 1), Usage("administration", Decimal(one["usage"]["admin_hours"])))
        for one in said["worked"]
    ]

    assert totals == [Decimal(one["total"]) for one in said["worked"]]
    assert (contract.renewal_months, contract.notice_days) == (1, 15)


def test_a_reseller_commits_to_more_each_contract_year(desk: Desk) -> None:
    """What is not sold is billed: 400,000 for the year to December 2011, then a quarter of each year's commitment a quarter.

    The contract asks for the instalments on the first day of each quarter; here they are trued up when it ends.
    """
    said = golden("DIVERSINET")
    commitment, uplift, discount, daily = said["charges"]
    desk.meter("licenses", "dollars at list price")
    desk.meter("service-days", "days")
    version = desk.plan(
        "USD",
        {"name": "Licenses", "meter": "licenses", **PER_UNIT, "p0-unit_amount": "1"},
        {"name": "Services", "meter": "service-days", **PER_UNIT, "p0-unit_amount": daily["amount"]},
    )
    contract = desk.contract(
        version,
        starts_on="2011-01-11",
        ends_on="2015-12-01",
        renewal="automatic",
        renewal_months="12",
        notice_days="60",
        uplift_percent=str((Decimal(uplift["factor"]) - 1) * 100),
        payment_days=said["payment_terms_days"],
        late_interest_percent="12",
    )
    years = ["2011-01-11", *(f"{year}-12-01" for year in range(2011, 2016))]
    for nth, amount in enumerate(commitment["years"]):
        fields = {
            "name": f"Commitment of year {nth + 1}",
            "amount": amount,
            "per": "term",
            "ends_on": years[nth + 1],
        }
        every_quarter = {"settled_months": "3"} if nth else {}
        desk.agree(contract, "commitment", years[nth], charge_keys="licenses", **fields, **every_quarter)
    below = discount["tiers"][0]["discount"]
    desk.agree(
        contract,
        "discount",
        years[0],
        name="Reseller discount",
        percent=str(Decimal(below) * 100),
        position="1",
        charge_keys="licenses",
    )
    contract = desk.sign(contract)

    assert [row.amount for row in agreed(contract).commitments] == [
        Decimal(one) for one in commitment["years"]
    ]
    assert total(contract, date(2011, 11, 1)) == Decimal(commitment["years"][0])
    assert total(contract, date(2012, 1, 1)) == 0
    assert total(contract, date(2012, 2, 1)) == Decimal(175_000)
    sold = Usage("licenses", Decimal(100_000))
    assert total(contract, date(2012, 1, 1), sold) == Decimal(70_000)
    assert total(contract, date(2012, 2, 1), sold) == Decimal(175_000)
    assert total(contract, date(2012, 1, 1), Usage("service-days", Decimal(2))) == Decimal(3_000)
    assert contract.uplift_percent == Decimal(15)
    renewed, interest = said["worked"]
    page = f"/admin/contract/{contract.pk}/renewal/"
    with time_machine.travel(datetime(2015, 9, 1, tzinfo=UTC), tick=False):
        desk.post(page, {"do": "renew", "term_ends_on": "2015-12-01", "reason": "It renews by itself."})
    contract = Contract.objects.select_related("plan_version").get()
    assert agreed(contract).commitments[-1].amount == Decimal(renewed["amount"])
    assert contract.late_interest_percent is not None
    overdue = late_interest(
        Money(Decimal(175_000), "USD"),
        percent=contract.late_interest_percent,
        due_on=date(2012, 3, 31),
        today=date(2012, 3, 31) + timedelta(days=45),
    )
    assert overdue.amount == Decimal(interest["amount"])
