"""What follows a finalized invoice: the document, the mail, and the sweep behind both."""

import smtplib
from datetime import timedelta

import pytest
from django.core import mail
from pytest_django import Settings

from apps.core.models import OutboxMessage
from apps.customers import enroll
from apps.invoices import publish, queries
from apps.invoices.models import Invoice, InvoiceMail, InvoicePdf
from tests.builders import make_contract, make_customer, make_legal_entity
from tests.invoices.months import ACTOR, IN_NOVEMBER, invoiced, use

pytestmark = pytest.mark.django_db


def test_an_invoice_is_mailed_with_its_document() -> None:
    make_legal_entity(
        name="Seller Inc.", email="billing@seller.example", bank_details="Example Bank\nIBAN 00"
    )
    invoice = _rendered(language="de")
    assert OutboxMessage.objects.filter(task="invoices.send").count() == 1

    publish.send(invoice_id=invoice.pk, at=IN_NOVEMBER, actor=ACTOR)

    (sent,) = mail.outbox
    assert (sent.to, sent.reply_to) == (["ap@acme.example"], ["billing@seller.example"])
    assert sent.subject == "Rechnung INV-2026-000001 von Seller Inc."
    assert "Bitte zahlen Sie 1,50 USD bis 2. Dezember 2026." in str(sent.body).replace(
        "\N{NO-BREAK SPACE}", " "
    )
    assert "Example Bank\nIBAN 00\n" in str(sent.body)
    ((name, content, kind),) = sent.attachments
    assert (name, kind) == ("INV-2026-000001.pdf", "application/pdf")
    assert content == bytes(InvoicePdf.objects.get().content)


@pytest.mark.parametrize(
    ("language", "link"),
    [
        ("en", "See and pay the invoice online"),
        ("de", "Rechnung online ansehen und bezahlen"),
        ("fr", "Voir et payer la facture en ligne"),
        ("es", "Ver y pagar la factura en línea"),
        ("ja", "請求書をオンラインで確認して支払う"),
    ],
)
def test_the_mail_leads_to_the_page_where_the_invoice_is_paid(
    language: str, link: str, settings: Settings
) -> None:
    settings.SITE_URL = "https://billing.example.com"
    invoice = _rendered(language=language)

    publish.send(invoice_id=invoice.pk, at=IN_NOVEMBER, actor=ACTOR)

    address = "https://billing.example.com/portal/invoices/INV-2026-000001/"
    (sent,) = mail.outbox
    assert f"{link}:\n{address}\n" in str(sent.body)
    assert isinstance(sent, mail.EmailMultiAlternatives)
    assert f'href="{address}"' in str(sent.alternatives[0][0])


def test_a_site_without_an_address_of_its_own_mails_no_link(settings: Settings) -> None:
    settings.SITE_URL = ""
    invoice = _rendered()

    publish.send(invoice_id=invoice.pk, at=IN_NOVEMBER, actor=ACTOR)

    assert "http" not in str(mail.outbox[0].body)


def test_an_invoice_is_mailed_once() -> None:
    invoice = _rendered()

    for _ in range(3):
        publish.send(invoice_id=invoice.pk, at=IN_NOVEMBER, actor=ACTOR)

    assert len(mail.outbox) == 1
    assert InvoiceMail.objects.get().recipient == "ap@acme.example"


def test_a_mail_that_could_not_be_handed_over_is_not_noted_and_goes_out_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    invoice = _rendered()
    with monkeypatch.context() as broken:
        broken.setattr(mail.EmailMessage, "send", _refuses)
        with pytest.raises(smtplib.SMTPServerDisconnected):
            publish.send(invoice_id=invoice.pk, at=IN_NOVEMBER, actor=ACTOR)
    assert not InvoiceMail.objects.exists()

    publish.send(invoice_id=invoice.pk, at=IN_NOVEMBER, actor=ACTOR)

    assert len(mail.outbox) == 1


def test_a_customer_without_an_address_gets_no_mail() -> None:
    invoice = _rendered(billing_email="")

    assert publish.send(invoice_id=invoice.pk, at=IN_NOVEMBER, actor=ACTOR) is None

    assert mail.outbox == []


def test_a_hostile_name_stays_in_the_subject_line() -> None:
    make_legal_entity(name="Seller\r\nBcc: everyone@example.com")
    invoice = _rendered()

    publish.send(invoice_id=invoice.pk, at=IN_NOVEMBER, actor=ACTOR)

    assert mail.outbox[0].subject == "Invoice INV-2026-000001 from Seller Bcc: everyone@example.com"
    assert mail.outbox[0].bcc == []


def test_the_sweep_finds_what_was_left_undone() -> None:
    contract = make_contract(make_customer(billing_email="ap@acme.example"))
    invoice = invoiced(contract)
    soon, later = IN_NOVEMBER + timedelta(minutes=1), IN_NOVEMBER + timedelta(minutes=3)

    assert queries.left_unrendered(at=soon) == []
    assert queries.left_unrendered(at=later) == [invoice.pk]
    publish.render_pdf(invoice_id=invoice.pk, at=later, actor=ACTOR)
    assert queries.left_unrendered(at=later) == []
    assert queries.left_unsent(at=later + timedelta(minutes=1)) == []
    assert queries.left_unsent(at=later + timedelta(minutes=3)) == [invoice.pk]
    publish.send(invoice_id=invoice.pk, at=later, actor=ACTOR)
    assert queries.left_unsent(at=later + timedelta(minutes=3)) == []


def test_old_invoices_are_not_mailed_because_an_address_is_added_later() -> None:
    invoice = _rendered(billing_email="")
    enroll.change(
        customer_id=invoice.customer_id,
        fields={"billing_email": "ap@acme.example"},
        at=IN_NOVEMBER + timedelta(days=30),
        actor=ACTOR,
    )

    assert queries.left_unsent(at=IN_NOVEMBER + timedelta(days=30)) == []


def _rendered(*, billing_email: str = "ap@acme.example", language: str = "en") -> Invoice:
    contract = make_contract(make_customer(billing_email=billing_email, language=language))
    use(contract, "calls", "150")
    invoice = invoiced(contract)
    publish.render_pdf(invoice_id=invoice.pk, at=IN_NOVEMBER, actor=ACTOR)
    return invoice


def _refuses(*_: object, **__: object) -> int:
    raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")
