"""The seller's logo, cut down to plain shapes before anything draws it."""

import re
from xml.etree import ElementTree as ET

from apps.invoices.errors import UnsafeLogo

_SVG = "http://www.w3.org/2000/svg"
_MOST = 200_000
_DEEPEST = 40
# fmt: off
_ELEMENTS = frozenset({
    "svg", "g", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "title", "desc",
    "defs", "linearGradient", "radialGradient", "stop", "clipPath", "text", "tspan",
})
_ATTRIBUTES = frozenset({
    "viewBox", "width", "height", "x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "rx", "ry", "fx",
    "fy", "d", "points", "transform", "fill", "fill-opacity", "fill-rule", "stroke", "stroke-width",
    "stroke-linecap", "stroke-linejoin", "stroke-miterlimit", "stroke-dasharray", "stroke-opacity",
    "opacity", "offset", "stop-color", "stop-opacity", "gradientUnits", "gradientTransform",
    "spreadMethod", "clip-path", "clip-rule", "id", "preserveAspectRatio", "font-family", "font-size",
    "font-weight", "text-anchor", "dx", "dy", "letter-spacing",
})
# fmt: on
_FUNCTIONS = re.compile(
    r"\A\s*(?:(?:matrix|translate|scale|rotate|skewX|skewY|rgb|rgba|hsl|hsla)\([\d\s,.eE+%-]*\)[\s,]*)+\Z"
)
# The only reference that a value may make is to an id of the same drawing.
_LOCAL = re.compile(r"\A\s*url\(#[\w-]+\)\s*\Z")


def safe_svg(text: str) -> bytes:
    """Return the drawing with nothing but shapes, gradients and text in it.

    Scripts, styles and links are left out, and so is what lies more than 40 levels deep. Refuses what is not SVG,
    is larger than 200 kB, or declares a document type (where entities hide).
    """
    if len(text) > _MOST:
        raise UnsafeLogo(f"it has {len(text):,} characters, more than {_MOST:,}")
    if "<!DOCTYPE" in text.upper() or "<!ENTITY" in text.upper():
        raise UnsafeLogo("it declares a document type")
    try:
        root = ET.fromstring(text)  # noqa: S314  without a document type there are no entities to expand
    except (ET.ParseError, ValueError) as broken:
        raise UnsafeLogo(f"it is not well-formed ({broken})") from broken
    if root.tag != f"{{{_SVG}}}svg":
        raise UnsafeLogo("its root is not an svg element")
    safe: bytes = ET.tostring(_cleaned(root, _DEEPEST), encoding="utf-8")
    return safe


def _cleaned(element: ET.Element, deeper: int) -> ET.Element:
    clean = ET.Element(element.tag)
    clean.text, clean.tail = element.text, element.tail
    for name, value in element.attrib.items():
        if name in _ATTRIBUTES and _is_plain(value):
            clean.set(name, value)
    for child in element if deeper else ():
        if child.tag.removeprefix(f"{{{_SVG}}}") in _ELEMENTS:
            clean.append(_cleaned(child, deeper - 1))
    return clean


def _is_plain(value: str) -> bool:
    if "(" in value:
        return bool(_LOCAL.match(value) or _FUNCTIONS.match(value))
    return "\\" not in value and ":" not in value
