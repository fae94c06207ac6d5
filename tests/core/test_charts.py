"""Charts say the same in the picture and in the table beside it."""

from dataclasses import replace
from decimal import Decimal

from apps.core.charts import Chart, Series, Span, largest


def _series(name: str, *values: int) -> Series:
    return Series(name, tuple(Decimal(value) for value in values))


def _chart(*series: Series) -> Chart:
    return Chart(
        key="chart",
        question="How much?",
        labels=("Nov 1", "Nov 2"),
        series=series,
        locale="en",
        format="money",
        currency="USD",
    )


def test_the_table_adds_up_across_and_down() -> None:
    """Input 1 + 2 = 3, output 10 + 20 = 30; the days come to 11 and 22, all to 33."""
    chart = _chart(_series("Input", 1, 2), _series("Output", 10, 20))

    assert chart.columns == ("Input", "Output", "Total, USD")
    assert [row.cells for row in chart.rows] == [("1.00", "10.00", "11.00"), ("2.00", "20.00", "22.00")]
    assert chart.totals == ("3.00", "30.00", "33.00")


def test_one_series_needs_no_total_column() -> None:
    chart = _chart(_series("Input", 1, 2))

    assert chart.columns == ("Input, USD",)
    assert chart.rows[0].cells == ("1.00",)


def test_the_picture_gets_exact_figures_as_text() -> None:
    tiny = Series("Input", (Decimal("1E-18"), Decimal("12345678901234567890.5")))

    assert _chart(tiny).data["series"] == [
        {
            "name": "Input",
            "values": ["0.000000000000000001", "12345678901234567890.5"],
            "slot": None,
            "other": False,
            "estimate": False,
        }
    ]


def test_beyond_five_series_the_smallest_are_added_up() -> None:
    """Of 6, 5, 4, 3, 2 and 1 a day the first five stay; a seventh of 1 a day makes the rest 1 + 1 = 2."""
    kept = largest([_series(f"s{size}", size, size) for size in (1, 2, 3, 4, 5, 6)] + [_series("last", 1, 1)])

    assert [one.name for one in kept] == ["s2", "s3", "s4", "s5", "s6", "Other"]
    assert kept[-1].values == (Decimal(2), Decimal(2))


def test_a_chart_of_zeros_is_empty() -> None:
    assert _chart(_series("Input", 0, 0)).is_empty


def test_what_stands_beside_the_total_is_in_the_table_alone() -> None:
    """Opening 5, plus 1 and 10 makes 16; three customers are a count, and no money."""
    chart = replace(
        _chart(_series("New", 1, 2), _series("Expansion", 10, 20)),
        beside=(_series("Before", 5, 16), replace(_series("Customers", 3, 4), is_count=True)),
        total_name="Net",
    )

    assert chart.columns == ("New", "Expansion", "Net, USD", "Before", "Customers")
    assert [row.cells for row in chart.rows] == [
        ("1.00", "10.00", "11.00", "5.00", "3"),
        ("2.00", "20.00", "22.00", "16.00", "4"),
    ]
    assert chart.totals == ("3.00", "30.00", "33.00", "", "")
    assert len(chart.data["series"]) == 2  # type: ignore[arg-type]


def test_series_beside_each_other_have_no_sum() -> None:
    chart = replace(_chart(_series("Invoiced", 1, 2), _series("Collected", 10, 20)), sums_rows=False)

    assert chart.columns == ("Invoiced, USD", "Collected, USD")
    assert chart.rows[0].cells == ("1.00", "10.00")
    assert chart.totals == ("3.00", "30.00")


def test_an_estimate_is_told_with_its_span_and_rows_lead_on() -> None:
    expected = replace(_series("Expected", 0, 4), is_estimate=True)
    chart = replace(
        _chart(_series("Usage", 1, 2), expected),
        span=Span(1, Decimal("4.50"), Decimal("7.50")),
        links=("/one/", "/two/"),
    )

    assert chart.data["span"] == {"place": 1, "low": "4.50", "high": "7.50"}
    assert [row.link for row in chart.rows] == ["/one/", "/two/"]
