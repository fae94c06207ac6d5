"""The printed invoice: what it says in two languages, the same bytes each time, and nothing loaded from outside."""

import hashlib
import io
import os
import pickle
import re
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from pypdf import PdfReader
from pytest_regressions.file_regression import FileRegressionFixture
from weasyprint import HTML
from weasyprint.html import UA_STYLESHEET

from apps.invoices import pdf, publish
from apps.invoices.document import document_of
from apps.invoices.errors import NotFinalized
from apps.invoices.models import Invoice
from apps.invoices.pdf import Attached
from apps.plans.compose import NewPrice
from tests.builders import (
    fee_charge,
    make_contract,
    make_customer,
    make_legal_entity,
    make_meter,
    make_plan_version,
    usage_charge,
)
from tests.invoices.months import ACTOR, IN_NOVEMBER, drafted, invoiced, use

pytestmark = pytest.mark.django_db

BUNDLED = {
    "Inter",
    "Inter-Semi-Bold",
    "Inter-More",
    "Inter-More-Semi-Bold",
    "Noto-Sans-JP",
    "Noto-Sans-JP-Semi-Bold",
    "Noto-Sans-SC",
    "Noto-Sans-SC-Semi-Bold",
    "Noto-Sans-KR",
    "Noto-Sans-KR-Semi-Bold",
}
_LOGO = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40"><rect width="40" height="40" rx="8" fill="#1d4ed8"/></svg>'
_SELLER = {
    "name": "Seller Inc.",
    "address": "1 Example Street",
    "city": "Springfield",
    "region": "IL",
    "postal_code": "62701",
    "country": "US",
    "tax_number": "US 00-0000000",
    "email": "billing@seller.example",
    "bank_details": "Example Bank\nAccount 0000 0000",
    "logo_svg": _LOGO,
}


@pytest.mark.parametrize("language", ["en", "de", "ja"])
def test_the_invoice_reads_as_it_should(language: str, file_regression: FileRegressionFixture) -> None:
    """2,234,567 tokens x 0.000005 = 11.172835; 12,500 calls less 10,000 included x 0.01 = 25; 499 for the month.

    11.17 + 25.00 + 499.00 = 535.17; 19% = 101.6823, so 101.68; 636.85.
    """
    invoice = _month(language=language)

    content = publish.render_pdf(invoice_id=invoice.pk, at=IN_NOVEMBER, actor=ACTOR).content

    assert invoice.total == Decimal("636.85")
    file_regression.check(_text(bytes(content)), encoding="utf-8", basename=f"invoice_{language}")


def test_the_document_names_itself_to_readers_and_machines() -> None:
    invoice = _month(language="de")

    reader = PdfReader(io.BytesIO(_rendered(invoice)))

    assert reader.metadata is not None
    assert reader.metadata.title == "Rechnung INV-2026-000001 \N{EN DASH} Seller Inc."
    assert reader.metadata.author == "Seller Inc."
    assert str(reader.root_object["/Lang"]) == "de"
    assert str(reader.root_object["/MarkInfo"]) == "{'/Marked': True}"
    assert _fonts(reader) <= BUNDLED


def test_tables_are_tagged_with_their_heads() -> None:
    """Each cell names the cells that head it, so that a screen reader can say them."""
    reader = PdfReader(io.BytesIO(_rendered(_month())))

    kinds = Counter(_tags(reader.root_object["/StructTreeRoot"]))
    assert kinds["/H1"] == 1
    assert kinds["/Figure"] == 5  # the logo, and each of two charts twice
    # facts, lines, totals, days of usage
    assert kinds["/Table"] == 4
    assert kinds["/TH"] > kinds["/TR"] > kinds["/Table"]
    cells = [one for one in _elements(reader.root_object["/StructTreeRoot"]) if one.get("/S") == "/TD"]
    assert all("/Headers" in cell["/A"] for cell in cells)


@pytest.mark.parametrize(
    ("name", "font"),
    [
        ("株式会社髙﨑アクメ", "Noto-Sans-JP-Semi-Bold"),
        ("北京长城门业有限公司", "Noto-Sans-SC"),
        ("한국예시 주식회사", "Noto-Sans-KR"),
        ("Пример Παράδειγμα Việt", "Inter-More-Semi-Bold"),
    ],
)
def test_a_name_in_any_of_these_scripts_is_set_in_a_bundled_font(name: str, font: str) -> None:
    draft = drafted(make_contract(make_customer(name=name)))

    reader = PdfReader(io.BytesIO(publish.preview_pdf(invoice_id=draft.pk)))

    assert font in _fonts(reader)
    assert _fonts(reader) <= BUNDLED
    assert name in reader.pages[0].extract_text()


def test_a_file_goes_along_in_a_document_for_archives() -> None:
    """PDF/A-3 allows it; it is tagged all the same, and the same bytes each time."""
    invoice = _month()
    document = document_of(invoice, list(invoice.lines.all()))
    xml = Attached("factur-x.xml", b"<invoice/>", "The invoice for machines")

    first, second = (
        pdf.render(
            document,
            identifier=b"0" * 16,
            variant="pdf/a-3b",
            attached=[xml],
            metadata=[b"<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'/>"],
        ).content
        for _ in range(2)
    )

    reader = PdfReader(io.BytesIO(first))
    root: Any = reader.root_object
    assert first == second
    assert {name: files[0] for name, files in reader.attachments.items()} == {"factur-x.xml": b"<invoice/>"}
    assert {file.get_object()["/AFRelationship"] for file in root["/AF"]} == {"/Alternative"}
    assert "/StructTreeRoot" in root
    assert reader.xmp_metadata is not None
    assert b'pdfaid:part="3"' in root["/Metadata"].get_data()


def test_the_renderer_asks_for_our_rules_of_elements_in_place_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By a name that WeasyPrint does not promise: where it asks by another, its own rules would come back, and a third more time."""
    invoice = _month()
    page = pdf._page()
    assert page._ua_stylesheets is not HTML._ua_stylesheets
    ours = mock.Mock(return_value=page._ua_stylesheets(page))
    monkeypatch.setattr(page, "_ua_stylesheets", ours)
    _rendered(invoice)

    ours.assert_called_once()
    assert UA_STYLESHEET not in ours.return_value


def test_the_same_invoice_is_the_same_file_byte_for_byte() -> None:
    invoice = _month()

    assert _rendered(invoice) == _rendered(Invoice.objects.get(pk=invoice.pk))


def test_another_process_renders_the_same_bytes(tmp_path: Path) -> None:
    """Whatever order its sets have, and whatever the clock says."""
    invoice = _month(language="ja")
    document = document_of(invoice, list(invoice.lines.all()))
    kept = tmp_path / "document"
    kept.write_bytes(pickle.dumps(document))
    script = (
        "import hashlib, pathlib, pickle, sys, django; django.setup(); from apps.invoices import pdf; "
        "document = pickle.loads(pathlib.Path(sys.argv[1]).read_bytes()); "
        "print(hashlib.sha256(pdf.render(document, identifier=b'0' * 16).content).hexdigest())"
    )

    told = subprocess.check_output(
        [sys.executable, "-c", script, str(kept)],
        env=os.environ | {"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"},
        text=True,
    )

    here = pdf.render(document, identifier=b"0" * 16).content
    assert told.split()[-1] == hashlib.sha256(here).hexdigest()


def test_a_document_is_rendered_once_and_kept() -> None:
    invoice = _month()

    first = publish.render_pdf(invoice_id=invoice.pk, at=IN_NOVEMBER, actor=ACTOR)
    again = publish.render_pdf(invoice_id=invoice.pk, at=IN_NOVEMBER, actor=ACTOR)

    assert bytes(first.content) == bytes(again.content)
    assert first.pages == 2


def test_a_draft_is_shown_as_one_and_never_kept() -> None:
    draft = drafted(make_contract())

    text = _text(publish.preview_pdf(invoice_id=draft.pk))

    assert "Draft invoice" in text
    assert "How to pay" not in text
    with pytest.raises(NotFinalized, match="Finalize it first"):
        publish.render_pdf(invoice_id=draft.pk, at=IN_NOVEMBER, actor=ACTOR)


def test_sixty_lines_repeat_their_head_and_carry_their_sum() -> None:
    """Each of 60 models has 1,000,000 tokens at 0.000001: 60 lines of 1.00."""
    make_meter("tokens", aggregation="sum", unit="tokens", event_type="llm", dimensions=["model"])
    models = [f"model-{n:02d}" for n in range(60)]
    prices = [
        NewPrice(model="per_unit", unit_amount=Decimal("0.000001"), match={"model": model})
        for model in models
    ]
    contract = make_contract(
        None, make_plan_version([usage_charge("tokens", dimensions=["model"], prices=prices)])
    )
    for model in models:
        use(contract, "tokens", "1000000", dimensions={"model": model})

    reader = PdfReader(io.BytesIO(_rendered(invoiced(contract))))

    texts = [page.extract_text().replace("\N{NO-BREAK SPACE}", " ") for page in reader.pages]
    pages = [text for text in texts if "per 1M" in text]
    assert len(pages) > 1
    assert all("Unit price" in page for page in pages)
    for page, after in pairwise(pages):
        (carried,) = re.findall("Carried forward: ([0-9.]+) USD", page)
        assert f"Brought forward: {carried} USD" in after
        assert int(carried[:-3]) == sum(text.count("1.00 per 1M") for text in pages[: pages.index(after)])
    assert not any("Carried forward" in text for text in texts[len(pages) - 1 :])
    assert "Brought forward" not in texts[-1]
    assert f"Page 1 of {len(texts)}" in texts[0]


def test_a_month_of_six_meters_that_are_not_added_up_is_one_page_with_its_charts_and_its_note() -> None:
    """In Japanese, whose days are set in the tallest of the fonts."""
    invoice = _month()
    first = invoice.period_start_on
    days = {(first + timedelta(days=day)).isoformat(): "31000" for day in range(31)}
    invoice.snapshot["days"] = [
        {"meter": f"m{n}", "name": f"Level {n}", "unit": "pages of text read", "quantities": days}
        for n in range(6)
    ]
    document = document_of(invoice, list(invoice.lines.all()), language="ja")

    reader = PdfReader(io.BytesIO(pdf.render(document, identifier=invoice.pk.bytes).content))

    last = reader.pages[-1].extract_text()
    assert last.count(" ".join(["31,000"] * 6)) == 31
    assert "日ごとの値を合計しません" in last


def test_no_field_can_make_the_renderer_load_anything(canary: "Canary", tmp_path: Path) -> None:
    """Every text that people type is hostile, in the snapshot and on the lines; the logo too."""
    secret = tmp_path / "secret"
    secret.write_text("SECRET-OF-THIS-MACHINE")
    address = f"http://127.0.0.1:{canary.port}"
    attacks = [
        f'<img src="{address}/a"><img src="{secret.as_uri()}"><iframe src="{secret.as_uri()}"></iframe>',
        f"</style><style>@import '{address}/b'; body {{ background: url({address}/c) }}</style>",
        f'"><link rel="attachment" href="{secret.as_uri()}"><link rel="stylesheet" href="{address}/d">',
        f'<a rel="attachment" href="{address}/e">x</a><object data="{secret.as_uri()}"></object>',
        f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{address}/f"/></svg>',
        f"<img src=\"data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'><image href='{address}/g'/></svg>\">",
        "{{ settings.SECRET_KEY }}{% include '/etc/passwd' %}",
    ]
    logo = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 9 9">'
        f'<image xlink:href="{address}/h" width="9" height="9"/><style>@import "{address}/i";</style>'
        f'<rect width="9" height="9" fill="url({address}/j)" style="fill:url({address}/k)"/>'
        f'<use href="{secret.as_uri()}#x"/><script>1</script></svg>'
    )
    invoice = _month()
    lines = list(invoice.lines.all())

    for attack in attacks:
        for party in ("seller", "customer", "contract"):
            of_party = invoice.snapshot[party]
            of_party |= {name: attack for name, value in of_party.items() if isinstance(value, str)}
        invoice.snapshot["customer"] |= {"language": "en", "tax_note": attack}
        invoice.snapshot["seller"]["logo_svg"] = logo
        invoice.snapshot["credits"] = [
            {"name": attack, "unit": attack, "used": "1", "left": "1", "expires_on": None}
        ]
        for days in invoice.snapshot["days"]:
            days |= {"name": attack, "unit": attack}
        for line in lines:
            line.name = line.product_name = line.account_name = line.unit = attack
            line.dimensions = {"model": attack}
            line.steps = [{"by_hand": attack}]
        rendered = pdf.render(document_of(invoice, lines), identifier=b"0" * 16).content
        reader = PdfReader(io.BytesIO(rendered))
        assert reader.attachments == {}
        assert "SECRET-OF-THIS-MACHINE" not in _text(rendered)
        assert "root:" not in _text(rendered)
        assert attack[:20] in _text(rendered)

    assert canary.visits == []


def test_the_renderer_itself_opens_no_file_and_no_address(canary: "Canary") -> None:
    """Even a template that asked for them would get nothing."""
    fetcher = pdf._fetcher({})

    for url in (
        f"http://127.0.0.1:{canary.port}/",
        "file:///etc/passwd",
        "data:text/css,a",
        "meterbook:../../x",
    ):
        with pytest.raises(ValueError, match="nothing from outside"):
            fetcher(url)

    assert canary.visits == []


def _month(*, language: str = "en") -> Invoice:
    make_legal_entity(**_SELLER)
    make_meter(aggregation="sum")
    make_meter(
        "tokens", aggregation="sum", name="Tokens", unit="tokens", event_type="llm", dimensions=["model"]
    )
    per_token = NewPrice(model="per_unit", unit_amount=Decimal("0.000005"), match={"model": "large"})
    charges = [
        usage_charge("tokens", dimensions=["model"], prices=[per_token]),
        usage_charge(included=Decimal(10_000)),
        fee_charge("499"),
    ]
    customer = make_customer(
        name="Acme GmbH",
        address="Beispielweg 5",
        postal_code="10115",
        city="Berlin",
        country="DE",
        language=language,
        tax_rate=Decimal(19),
        billing_email="ap@acme.example",
    )
    contract = make_contract(
        customer, make_plan_version(charges, plan="all-in"), number="C-1", purchase_order="PO 4711"
    )
    use(contract, "tokens", "2234567", dimensions={"model": "large"})
    use(contract, "calls", "12500")
    return invoiced(contract)


def _rendered(invoice: Invoice) -> bytes:
    stored = Invoice.objects.get(pk=invoice.pk)
    return pdf.render(document_of(stored, list(stored.lines.all())), identifier=b"0" * 16).content


def _text(content: bytes) -> str:
    pages = PdfReader(io.BytesIO(bytes(content))).pages
    return "\n".join(page.extract_text().replace("\N{NO-BREAK SPACE}", " ") for page in pages) + "\n"


def _fonts(reader: PdfReader) -> set[str]:
    """Return the names of the fonts, without the mark of their subset."""
    return {
        str(font["/BaseFont"]).split("+")[1]
        for page in reader.pages
        for font in page["/Resources"]["/Font"].values()  # type: ignore[index]
    }


def _elements(element: Any) -> Iterator[Any]:
    """Return all elements of the tree of tags, parents before children."""
    element = element.get_object()
    if isinstance(element, Mapping):
        yield element
        kids = element.get("/K", [])
        for kid in kids if isinstance(kids, list) else [kids]:
            yield from _elements(kid)


def _tags(root: Any) -> Iterator[str]:
    return (str(one["/S"]) for one in _elements(root) if "/S" in one)


class Canary:
    """Listens on loopback and notes whoever comes by."""

    def __init__(self) -> None:
        self.visits: list[object] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        while True:
            try:
                visitor, address = self._socket.accept()
            except OSError:
                return
            visitor.close()
            self.visits.append(address)

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@pytest.fixture
def canary() -> Iterator[Canary]:
    listening = Canary()
    yield listening
    listening.close()
