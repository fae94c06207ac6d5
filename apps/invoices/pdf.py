"""Rendering an invoice to PDF: from what it says, the bundled fonts and nothing else."""

import atexit
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string

from apps.invoices.chart import bars
from apps.invoices.document import Document
from apps.invoices.errors import UnsafeLogo
from apps.invoices.labels import words_for
from apps.invoices.logo import safe_svg

_SCHEME = "meterbook:"
_FONTS = Path(settings.BASE_DIR) / "static" / "fonts" / "inter"
_OPTIONS = {"pdf_variant": "pdf/ua-1"}
# Pango is not made for two renderings at once in one process.
_one_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True)
class Rendered:
    content: bytes
    pages: int


def render(document: Document, *, identifier: bytes) -> Rendered:
    """Return the document as a tagged PDF; the same document and identifier always give the same bytes.

    Nothing is loaded but the bundled fonts, the seller's logo and the charts: whatever a name or an address holds,
    no file and no network address is opened.
    """
    from weasyprint import HTML  # noqa: PLC0415  takes a second to import, and few processes render

    logo, charts = _logo(document), _charts(document)
    context = {
        "document": document,
        "words": document.figures.words,
        "logo": next(iter(logo), ""),
        "charts": list(zip(document.charts, charts, strict=True)),
    }
    html = render_to_string("invoices/invoice.html", context)
    with _one_at_a_time:
        style, fonts = _style(document.figures.paper, document.figures.language)
        laid_out = HTML(string=html, url_fetcher=_fetcher(logo | charts)).render(
            font_config=fonts, stylesheets=[style], **_OPTIONS
        )
        content: bytes = laid_out.write_pdf(pdf_identifier=identifier, **_OPTIONS)
    return Rendered(content, len(laid_out.pages))


def _logo(document: Document) -> dict[str, bytes]:
    """Return the logo under its address; a drawing that is not safe is left out, and the name stands in for it."""
    if not document.logo_svg.strip():
        return {}
    try:
        return {f"{_SCHEME}logo": safe_svg(document.logo_svg)}
    except UnsafeLogo:
        return {}


def _charts(document: Document) -> dict[str, bytes]:
    return {
        f"{_SCHEME}chart-{place}": bars(chart.quantities, color=document.color)
        for place, chart in enumerate(document.charts)
    }


@cache
def _style(paper: str, language: str) -> tuple[Any, Any]:
    """Return the parsed style sheet and its fonts, kept for the life of the process."""
    from weasyprint import CSS  # noqa: PLC0415

    words = words_for(language)
    before, between = words.page.split("{page}")
    page = (before, *between.split("{pages}"))
    css = render_to_string("invoices/invoice.css", {"paper": paper, "page": page})
    return CSS(string=css, font_config=_fonts(), url_fetcher=_fetcher({})), _fonts()


@cache
def _fonts() -> Any:
    from weasyprint.text.fonts import FontConfiguration  # noqa: PLC0415

    for chatty in ("weasyprint.progress", "fontTools"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # It needs the modules that it was made with when it goes.
    atexit.register(_style.cache_clear)
    atexit.register(_fonts.cache_clear)
    return FontConfiguration()


def _fetcher(images: Mapping[str, bytes]) -> Any:
    """Return the only way out of a document: to these images and the bundled fonts."""
    from weasyprint.urls import URLFetcher, URLFetcherResponse  # noqa: PLC0415

    class Bundled(URLFetcher):  # type: ignore[misc]
        def fetch(self, url: str, headers: Mapping[str, str] | None = None) -> Any:
            if url in images:
                return URLFetcherResponse(url, images[url], {"Content-Type": "image/svg+xml"})
            if url in _font_files():
                return URLFetcherResponse(
                    url, _font_files()[url].read_bytes(), {"Content-Type": "font/woff2"}
                )
            raise ValueError("An invoice loads nothing from outside.")

    return Bundled()


@cache
def _font_files() -> Mapping[str, Path]:
    return {f"{_SCHEME}{path.name}": path for path in sorted(_FONTS.glob("*.woff2"))}
