"""What is sold and how it is measured: meters, credit units, plans with numbered versions, charges and prices."""

from apps.plans.models.measured import CreditUnit, EventTypeAlias, Meter, Product
from apps.plans.models.offered import Allowance, Charge, Plan, PlanVersion
from apps.plans.models.price_lists import ListedPrice, Markup, PriceList, PriceListVersion
from apps.plans.models.prices import Price, Tier

__all__ = [
    "Allowance",
    "Charge",
    "CreditUnit",
    "EventTypeAlias",
    "ListedPrice",
    "Markup",
    "Meter",
    "Plan",
    "PlanVersion",
    "Price",
    "PriceList",
    "PriceListVersion",
    "Product",
    "Tier",
]
