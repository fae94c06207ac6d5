"""The price models, listed."""

from collections.abc import Mapping

from apps.rating.price_models.base import PriceModel
from apps.rating.price_models.dynamic import Dynamic
from apps.rating.price_models.graduated import Graduated
from apps.rating.price_models.graduated_percentage import GraduatedPercentage
from apps.rating.price_models.package import Package
from apps.rating.price_models.per_seat import PerSeat
from apps.rating.price_models.per_unit import PerUnit
from apps.rating.price_models.percentage import Percentage
from apps.rating.price_models.stairstep import Stairstep
from apps.rating.price_models.volume import Volume

_MODELS: tuple[type[PriceModel], ...] = (
    PerUnit,
    Graduated,
    Volume,
    Package,
    Stairstep,
    Percentage,
    GraduatedPercentage,
    Dynamic,
    PerSeat,
)
PRICE_MODELS: Mapping[str, type[PriceModel]] = {model.kind: model for model in _MODELS}
