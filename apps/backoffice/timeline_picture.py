"""Where the parts of a contract's timeline are drawn: across in percent, so that it fits every width, down in pixels."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from django.urls import reverse

from apps.contracts.models import Amendment, Contract
from apps.core.formats import format_day, format_month

LOCALE = "en"
_MOST_TICKS = 12
_STEPS = (1, 2, 3, 6, 12, 24, 60, 120)
_TITLE, _LABEL, _BAR, _THIN, _GAP, _DOT = 18, 16, 20, 13, 12, 20
_HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class Span:
    """Something that holds from a day up to, not with, another; without an end as far as the picture reaches.

    Where there is little room, `short` stands for its text.
    """

    text: str
    starts_on: date
    ends_on: date | None
    kind: str = ""
    link: str = ""
    short: str = ""

    @property
    def brief(self) -> str:
        """Return what always has room."""
        return self.short or self.text.partition(": ")[0]

    @property
    def rest(self) -> str:
        """Return what follows where there is room for all of it."""
        return self.text.removeprefix(self.brief)


@dataclass(frozen=True, slots=True)
class Lane:
    """Spans of one sort: in one row where they follow each other, else a row and a label each."""

    name: str
    spans: tuple[Span, ...]
    is_one_row: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """A day that matters by itself."""

    text: str
    on: date
    kind: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A span as it is drawn: where it begins and how wide it is, in percent, and how far down, in pixels."""

    span: Span
    x: str
    width: str
    y: int
    days: str
    label_x: str = ""
    anchor: str = ""
    label_y: int = 0


@dataclass(frozen=True, slots=True)
class DrawnLane:
    """A lane with the place of its name."""

    name: str
    y: int
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Point:
    """A mark, a tick or an amendment where it is drawn."""

    text: str
    x: str
    y: int
    kind: str
    anchor: str = "middle"
    link: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """All that is drawn, and how high it is."""

    height: int
    ticks: tuple[Point, ...]
    marks: tuple[Point, ...]
    lanes: tuple[DrawnLane, ...]
    amendments_y: int
    amendments: tuple[Point, ...]
    axis_y: int


@dataclass(slots=True)
class _Canvas:
    """Days as percent of the width."""

    first_on: date
    end_on: date
    y: int = 0
    lanes: list[DrawnLane] = field(default_factory=list)

    def x(self, day: date) -> Decimal:
        within = min(max(day, self.first_on), self.end_on)
        days = Decimal((within - self.first_on).days)
        return (days * _HUNDRED / (self.end_on - self.first_on).days).quantize(Decimal("0.001"))

    def anchored(self, left: Decimal, right: Decimal) -> tuple[str, str]:
        """Return where a label stands, so that it stays in the picture however narrow that is."""
        if left <= 35:
            return f"{left}%", "start"
        if right >= 65:
            return f"{right}%", "end"
        return f"{(left + right) / 2}%", "middle"

    def draw(self, lane: Lane) -> None:
        title_y = self.y + _TITLE - 5
        self.y += _TITLE
        bars = []
        for span in lane.spans:
            left, right = self.x(span.starts_on), self.x(span.ends_on or self.end_on)
            label_x, anchor = self.anchored(left, right)
            label_y = self.y + _LABEL - 4
            if not lane.is_one_row:
                self.y += _LABEL
            bars.append(
                Bar(
                    span,
                    f"{left}%",
                    f"{max(right - left, Decimal('0.4'))}%",
                    self.y,
                    said_days(span),
                    label_x,
                    anchor,
                    0 if lane.is_one_row else label_y,
                )
            )
            if not lane.is_one_row:
                self.y += _THIN
        if lane.is_one_row:
            self.y += _BAR
        self.y += _GAP
        self.lanes.append(DrawnLane(lane.name, title_y, tuple(bars)))


def drawn(
    contract: Contract,
    all_lanes: Iterable[Lane],
    all_marks: Sequence[Mark],
    amendments: Sequence[Amendment],
    end_on: date,
) -> Picture:
    """Place everything."""
    canvas = _Canvas(contract.starts_on, end_on)
    shown = [mark for mark in all_marks if canvas.first_on <= mark.on <= canvas.end_on]
    mark_points = []
    for mark in shown:
        left = canvas.x(mark.on)
        x, anchor = (f"{left}%", "start" if left < 50 else "end")
        canvas.y += _LABEL
        mark_points.append(
            Point(f"{mark.text} {format_day(mark.on, LOCALE)}", x, canvas.y - 4, mark.kind, anchor)
        )
    canvas.y += _TITLE
    axis_y = canvas.y
    ticks = tuple(_ticks(canvas, axis_y - 5))
    canvas.y += _GAP
    amendments_y = canvas.y + _TITLE - 5
    dots: tuple[Point, ...] = ()
    if amendments:
        canvas.y += _TITLE
        dots = tuple(_dots(canvas, contract, amendments))
        canvas.y += _GAP
    for lane in all_lanes:
        canvas.draw(lane)
    return Picture(canvas.y, ticks, tuple(mark_points), tuple(canvas.lanes), amendments_y, dots, axis_y)


def said_days(span: Span) -> str:
    """Return from when until when, in words."""
    first = format_day(span.starts_on, LOCALE)
    return f"{first} up to {format_day(span.ends_on, LOCALE)}" if span.ends_on else f"from {first} on"


def _ticks(canvas: _Canvas, y: int) -> Iterable[Point]:
    months = (canvas.end_on.year - canvas.first_on.year) * 12 + canvas.end_on.month - canvas.first_on.month
    step = next((step for step in _STEPS if months // step <= _MOST_TICKS), _STEPS[-1])
    number = canvas.first_on.year * 12 + canvas.first_on.month - 1
    number += -number % step
    nth = 0
    while (day := date(number // 12, number % 12 + 1, 1)) < canvas.end_on:
        if day >= canvas.first_on and (left := canvas.x(day)) <= 93:
            text = str(day.year) if step >= 12 else format_month(day, LOCALE).replace(str(day.year), "")[:3]
            text = text if step >= 12 else f"{text} {day.year}"
            yield Point(text, f"{left}%", y, "" if nth % 3 == 0 else "minor", "start")
            nth += 1
        number += step


def _dots(canvas: _Canvas, contract: Contract, amendments: Sequence[Amendment]) -> Iterable[Point]:
    """Place the amendments, one that would cover another a row further down."""
    placed: list[list[Decimal]] = []
    top = canvas.y
    page_of = reverse("backoffice:agreed", args=[contract.pk])
    for amendment in amendments:
        left = min(max(canvas.x(amendment.effective_on), Decimal(2)), Decimal(98))
        nth = next(
            (nth for nth, row in enumerate(placed) if all(abs(left - one) > 6 for one in row)), len(placed)
        )
        if nth == len(placed):
            placed.append([])
        placed[nth].append(left)
        title = f"Amendment {amendment.number}, from {format_day(amendment.effective_on, LOCALE)}: "
        yield Point(
            str(amendment.number),
            f"{left}%",
            top + nth * (_DOT + 2) + _DOT // 2,
            "amendment",
            link=f"{page_of}#amendment-{amendment.number}",
            title=title + " ".join(amendment.changes),
        )
    canvas.y += len(placed) * (_DOT + 2)
