"""Logos are cut down to shapes."""

import pytest

from apps.invoices.errors import UnsafeLogo
from apps.invoices.logo import safe_svg

_SVG = 'xmlns="http://www.w3.org/2000/svg"'


def test_shapes_gradients_and_text_stay() -> None:
    drawing = (
        f'<svg {_SVG} viewBox="0 0 9 9"><defs><linearGradient id="g"><stop offset="0" stop-color="#fff"/>'
        '</linearGradient></defs><g transform="translate(1 2) rotate(45)"><path d="M0 0L9 9" fill="url(#g)"/></g></svg>'
    )

    safe = safe_svg(drawing).decode()

    for kept in ('offset="0"', 'fill="url(#g)"', 'transform="translate(1 2) rotate(45)"', 'd="M0 0L9 9"'):
        assert kept in safe


@pytest.mark.parametrize(
    "inside",
    [
        "<script>fetch('http://x.example')</script>",
        "<style>@import 'http://x.example'</style>",
        '<image href="http://x.example/a.png"/>',
        '<use href="http://x.example/a.svg#b"/>',
        '<foreignObject><p xmlns="http://www.w3.org/1999/xhtml">x.example</p></foreignObject>',
        '<rect fill="url(http://x.example/a)"/>',
        '<rect style="fill:url(http://x.example/a)"/>',
        '<rect onload="x.example()"/>',
        '<rect fill="u\\72l(x.example)"/>',
        "<g>" * 60 + '<path d="x.example"/>' + "</g>" * 60,
    ],
)
def test_whatever_runs_or_loads_is_left_out(inside: str) -> None:
    assert "x.example" not in safe_svg(f"<svg {_SVG}>{inside}</svg>").decode()


@pytest.mark.parametrize(
    ("drawing", "problem"),
    [
        ("<svg", "not well-formed"),
        ("<html/>", "root is not an svg"),
        ('<!DOCTYPE svg [<!ENTITY a "b">]><svg/>', "document type"),
        ("x" * 200_001, "characters"),
    ],
)
def test_what_is_not_plain_svg_is_refused(drawing: str, problem: str) -> None:
    with pytest.raises(UnsafeLogo, match=problem):
        safe_svg(drawing)
