"""Rendering an invoice to PDF: from what it says, the bundled fonts and nothing else."""

import atexit
import gc
import logging
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time
from functools import cache
from pathlib import Path
from typing import Any, Literal

from django.conf import settings
from django.template.loader import render_to_string

from apps.invoices.chart import bars
from apps.invoices.document import Document
from apps.invoices.errors import UnsafeLogo
from apps.invoices.labels import words_for
from apps.invoices.logo import safe_svg

_SCHEME = "meterbook:"
_LOGO = f"{_SCHEME}logo"
_FONTS = Path(settings.BASE_DIR) / "static" / "fonts"
# In the order that they are asked in: a sign that the first does not have is set in the next.
_FACES = (
    ("Inter", 400, "inter/inter-latin-400-normal.woff2"),
    ("Inter", 600, "inter/inter-latin-600-normal.woff2"),
    ("Inter More", 400, "inter/inter-more-400-normal.woff2"),
    ("Inter More", 600, "inter/inter-more-600-normal.woff2"),
    ("Noto Sans JP", 400, "noto/noto-sans-jp-400.woff2"),
    ("Noto Sans JP", 600, "noto/noto-sans-jp-600.woff2"),
    ("Noto Sans SC", 400, "noto/noto-sans-sc-400.woff2"),
    ("Noto Sans KR", 400, "noto/noto-sans-kr-400.woff2"),
)
# Pango is not made for two renderings at once in one process.
_one_at_a_time = threading.Lock()

Variant = Literal["pdf/ua-1", "pdf/a-3b"]


@dataclass(frozen=True, slots=True)
class Attached:
    """A file inside the document, and how it stands to what is printed, as PDF names it."""

    name: str
    content: bytes
    description: str
    relationship: Literal["Alternative", "Data", "Source", "Supplement"] = "Alternative"


@dataclass(frozen=True, slots=True)
class Rendered:
    content: bytes
    pages: int


def render(
    document: Document,
    *,
    identifier: bytes,
    variant: Variant = "pdf/ua-1",
    attached: Sequence[Attached] = (),
    metadata: Sequence[bytes] = (),
) -> Rendered:
    """Return the document as a tagged PDF; the same document, files and identifier always give the same bytes.

    Nothing is loaded but the bundled fonts, the seller's logo and the charts: whatever a name or an address holds,
    no file and no network address is opened. `attached` needs the variant pdf/a-3b, which is tagged here too; `metadata`
    are descriptions in RDF for its XMP packet.
    """
    images = _images(document)
    context = {
        "document": document,
        "words": document.figures.words,
        "logo": next((address for address in images if address == _LOGO), ""),
    }
    html = render_to_string("invoices/invoice.html", context)
    options = {"pdf_variant": variant, "pdf_tags": True}
    with _one_at_a_time, _uncollected(), warnings.catch_warnings():
        style, fonts = _style(document.figures.paper, document.figures.language)
        laid_out = _page()(string=html, url_fetcher=_fetcher(images)).render(
            font_config=fonts, stylesheets=[style], **options
        )
        _describe(laid_out.metadata, metadata)
        # WeasyPrint leaves the file of its colour profile to be closed by Python.
        warnings.simplefilter("ignore", ResourceWarning)
        content: bytes = laid_out.write_pdf(
            pdf_identifier=identifier, attachments=[_attachment(one, document) for one in attached], **options
        )
    return Rendered(content, len(laid_out.pages))


def _describe(metadata: Any, descriptions: Sequence[bytes]) -> None:
    """Add descriptions to the one RDF that an XMP packet may have; WeasyPrint would add another."""
    written = metadata.generate_rdf_metadata

    def with_them(*facts: object) -> bytes:
        rdf: bytes = written(*facts)
        end = rdf.rindex(b"</rdf:RDF>")
        return rdf[:end] + b"".join(descriptions) + rdf[end:]

    if descriptions:
        metadata.generate_rdf_metadata = with_them


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep Python's garbage collector from looking again and again through a document that is still being laid out."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _images(document: Document) -> dict[str, bytes]:
    """Return charts and logo under their addresses; a logo that is not safe is left out, and the name stands in for it."""
    images = {
        f"{_SCHEME}chart-{chart.place}": bars(chart.quantities, color=document.color)
        for chart in document.charts
    }
    if document.logo_svg.strip():
        try:
            images[_LOGO] = safe_svg(document.logo_svg)
        except UnsafeLogo:
            return images
    return images


def _attachment(file: Attached, document: Document) -> Any:
    """Date a file as the document is, for it is not to depend on when it is made."""
    from weasyprint import Attachment  # noqa: PLC0415

    made_at = datetime.combine(document.made_on, time(), UTC)
    return Attachment(
        string=file.content,
        name=file.name,
        description=file.description,
        relationship=file.relationship,
        created=made_at,
        modified=made_at,
    )


@cache
def _page() -> Any:
    """Return WeasyPrint's HTML with no style sheet of a browser under ours but the few lines that an invoice needs.

    The one that it brings has rules for all of HTML, six of them for every element: a third of the time to render.
    """
    from weasyprint import CSS, HTML  # noqa: PLC0415  takes a second to import, and few processes render

    elements = CSS(string=render_to_string("invoices/elements.css"), url_fetcher=_fetcher({}))

    class Page(HTML):  # type: ignore[misc]
        def _ua_stylesheets(self, forms: bool = False) -> list[Any]:  # noqa: FBT001, FBT002
            return [elements]

    return Page


@cache
def _style(paper: str, language: str) -> tuple[Any, Any]:
    """Return the parsed style sheet and its fonts, kept for the life of the process."""
    from weasyprint import CSS  # noqa: PLC0415

    words = words_for(language)
    before, between = words.page.split("{page}")
    css = render_to_string(
        "invoices/invoice.css",
        {
            "paper": paper,
            "page": (before, *between.split("{pages}")),
            "fonts": [(family, weight, f"{_SCHEME}{file}") for family, weight, file in _FACES],
            "families": ", ".join(f'"{family}"' for family in dict.fromkeys(face[0] for face in _FACES)),
        },
    )
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
    return {f"{_SCHEME}{file}": _FONTS / file for _, _, file in _FACES}
