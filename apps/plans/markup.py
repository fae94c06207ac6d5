"""A price list with a margin on top as cells of a matrix: what is chosen of it, and what that makes of each cell."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fnmatch import fnmatchcase

from apps.core.digits import AMOUNT
from apps.core.money import EXACT, rounded_to
from apps.plans.models import PriceListVersion

_DECIMALS = AMOUNT["decimal_places"]
_HUNDRED = Decimal(100)

Match = tuple[tuple[str, str], ...]
# The days from which prices are in force, None for the beginning, each with its amount; None for another price model.
Dates = tuple[tuple[date | None, Decimal | None], ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """What is taken of a list, and how.

    `patterns` are names of models with `*` for anything; none takes all. `names` are other names that events give, each to
    the list's own. `kinds` are the list's kinds of tokens, each with the value that it has in `kind_dimension`; without such
    a dimension there is one kind. `margin_percent` goes on top. With `is_dated` every change since `from_day` keeps its day,
    so that usage is priced at the price of its own day; what was in force then is so from the beginning. Without it the
    latest version's prices stand alone. A price of more than 18 decimals is left out, unless `rounds_finer`.
    """

    patterns: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    model_dimension: str = "model"
    kind_dimension: str = ""
    kinds: Mapping[str, str] = field(default_factory=dict)
    margin_percent: Decimal = Decimal(0)
    is_dated: bool = False
    from_day: date | None = None
    rounds_finer: bool = False


class Way(StrEnum):
    """What taking the list does to a cell of the matrix."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"
    NOT_LISTED = "not listed any more"


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of the matrix before and after; empty where it has no price."""

    match: Match
    was: Dates
    becomes: Dates

    @property
    def way(self) -> Way:
        """Return what happens to it."""
        if not self.was:
            return Way.NEW
        if not self.becomes:
            return Way.NOT_LISTED
        return Way.SAME if self.was == self.becomes else Way.CHANGED


@dataclass(frozen=True, slots=True)
class Taken:
    """What taking a list comes to: its cells, other prices of the charge that stay, and what is not taken, by name.

    A cell that the list has no price for any more keeps the price that it has. `stamp` stands for all that was looked at.
    """

    version: PriceListVersion
    cells: tuple[Cell, ...]
    kept: int
    too_fine: tuple[tuple[str, str, Decimal], ...]
    rounded: tuple[tuple[str, str, Decimal], ...]
    stamp: str

    def cells_that(self, way: Way) -> list[Cell]:
        """Return the cells that something happens to."""
        return [cell for cell in self.cells if cell.way == way]

    @property
    def counted(self) -> dict[str, int]:
        """Return to how many cells each happens."""
        return {way.value: len(self.cells_that(way)) for way in Way}


def with_margin(amount: Decimal, percent: Decimal) -> Decimal:
    """Return an amount with a margin in percent on top, exactly."""
    return EXACT.multiply(amount, EXACT.divide(EXACT.add(_HUNDRED, percent), _HUNDRED))


def from_the_beginning(
    dates: Sequence[tuple[date, Decimal]], from_day: date | None
) -> list[tuple[date | None, Decimal]]:
    """Let the price that was in force on `from_day`, else the first that is known, stand for all the time before."""
    past = [amount for day, amount in dates if from_day is not None and day <= from_day]
    later = dates[len(past) :]
    first, rest = (past[-1], later) if past else (later[0][1], later[1:])
    return [(None, first), *rest]


class Priced:
    """The cells that a choice makes of listed prices, and what it does not take."""

    def __init__(self, choice: Choice) -> None:
        self.choice = choice
        self.cells: dict[Match, Dates] = {}
        self.too_fine: list[tuple[str, str, Decimal]] = []
        self.rounded: list[tuple[str, str, Decimal]] = []
        self.other_names: dict[str, list[str]] = {}
        for other, model in choice.names.items():
            self.other_names.setdefault(model, []).append(other)

    def wants(self, model: str) -> bool:
        """Tell whether the choice names a model, or a pattern does that it matches; models with other names it takes."""
        patterns = self.choice.patterns
        return (
            not patterns
            or model in self.other_names
            or any(fnmatchcase(model, pattern) for pattern in patterns)
        )

    def add(self, model: str, kind: str, dates: Iterable[tuple[date | None, Decimal]]) -> None:
        """Add a price, with the margin, under every name of its model."""
        priced = []
        for day, amount in dates:
            exact = with_margin(amount, self.choice.margin_percent)
            kept = rounded_to(exact, _DECIMALS)
            if kept != exact:
                found = (model, kind, exact)
                if not self.choice.rounds_finer:
                    self.too_fine.append(found)
                    return
                self.rounded.append(found)
            priced.append((day, kept))
        # A name that was given to another model is no longer the model's own.
        own = () if model in self.choice.names else (model,)
        for name in (*own, *self.other_names.get(model, ())):
            self.cells[self.match(name, kind)] = _merged(priced)

    def match(self, model: str, kind: str) -> Match:
        """Return the cell of a model and kind."""
        choice = self.choice
        of_kind = ((choice.kind_dimension, choice.kinds[kind]),) if choice.kind_dimension else ()
        return tuple(sorted(((choice.model_dimension, model), *of_kind)))

    def is_ours(self, match: Match) -> bool:
        """Tell whether a cell is one that this choice would make: of a model, and of a kind that it takes."""
        named = dict(match)
        model = named.pop(self.choice.model_dimension, None)
        if model is None or not (model in self.choice.names or self.wants(model)):
            return False
        if not self.choice.kind_dimension:
            return not named
        return (
            named.keys() == {self.choice.kind_dimension}
            and named[self.choice.kind_dimension] in self.choice.kinds.values()
        )


def _merged(dates: Sequence[tuple[date | None, Decimal]]) -> Dates:
    """Leave out a day on which rounding left nothing of the change."""
    kept: list[tuple[date | None, Decimal]] = []
    for day, amount in dates:
        if not kept or kept[-1][1] != amount:
            kept.append((day, amount))
    return tuple(kept)
