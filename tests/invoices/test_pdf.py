"""The printed invoice: what it says in two languages, the same bytes each time, and nothing loaded from outside."""

import io
import socket
import threading
from collections.abc import Iterator
from decimal import Decimal

import pytest
from pypdf import PdfReader
from pytest_regressions.file_regression import FileRegressionFixture

from apps.invoices import pdf, publish
from apps.invoices.document import document_of
from apps.invoices.errors import NotFinalized
from apps.invoices.models import Invoice
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


@pytest.mark.parametrize("language", ["en", "de"])
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
    assert {font.split("+")[1] for font in _fonts(reader)} <= {
        "Inter",
        "Inter-Semi-Bold",
        "Inter-Extended",
        "Inter-Extended-Semi-Bold",
    }


def test_the_same_invoice_is_the_same_file_byte_for_byte() -> None:
    invoice = _month()

    assert _rendered(invoice) == _rendered(Invoice.objects.get(pk=invoice.pk))


def test_a_document_is_rendered_once_and_kept() -> None:
    invoice = _month()

    first = publish.render_pdf(invoice_id=invoice.pk, at=IN_NOVEMBER, actor=ACTOR)
    again = publish.render_pdf(invoice_id=invoice.pk, at=IN_NOVEMBER, actor=ACTOR)

    assert bytes(first.content) == bytes(again.content)
    assert first.pages == 1


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

    pages = [page.extract_text() for page in reader.pages]
    assert len(pages) > 1
    assert all("Unit price" in page for page in pages[:-1])
    assert "Carried forward" in pages[0]
    assert "Brought forward" in pages[1]
    assert "Carried forward" not in pages[-1]
    assert f"Page 1 of {len(pages)}" in pages[0]


def test_no_name_address_or_logo_can_make_the_renderer_load_anything(canary: "Canary") -> None:
    address = f"http://127.0.0.1:{canary.port}"
    attack = (
        f'<img src="{address}/a"><link rel=stylesheet href="{address}/b">"}}</style><style>@import "{address}/c";'
        f'body{{background:url({address}/d)}}</style><iframe src="file:///etc/passwd"></iframe>'
    )
    logo = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 9 9">'
        f'<image xlink:href="{address}/e" width="9" height="9"/><style>@import "{address}/f";</style>'
        f'<rect width="9" height="9" fill="url({address}/g)" style="fill:url({address}/h)"/>'
        f'<use href="{address}/i#x"/><script>1</script></svg>'
    )
    make_legal_entity(
        **{
            **_SELLER,
            "name": attack[:200],
            "bank_details": attack,
            "website": f"{address}/j",
            "logo_svg": logo,
        }
    )
    customer = make_customer(name=attack[:200], address=attack, tax_number=attack[:40])
    contract = make_contract(customer, purchase_order="<img src=file:///etc/passwd>")
    use(contract, "calls", "5")

    text = _text(_rendered(invoiced(contract)))

    assert canary.visits == []
    assert "root:" not in text
    assert "<img src=file:///etc/passwd>" in text.replace("\n", "")


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
    return {font["/BaseFont"] for page in reader.pages for font in page["/Resources"]["/Font"].values()}  # type: ignore[index]


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
