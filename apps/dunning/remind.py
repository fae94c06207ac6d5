"""Mailing a reminder in the customer's language."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template.loader import render_to_string

from apps.core.formats import format_day, format_money
from apps.core.money import Money
from apps.dunning.models import Case, PolicyStep, Reminder
from apps.invoices.models import Invoice
from apps.payments.queries import open_amounts

Tone = PolicyStep.Tone
PATIENCE = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Words:
    """What a reminder says in one language."""

    subjects: dict[str, str]
    texts: dict[str, str]
    pay_to: str
    reference: str
    crossed: str


WORDS = {
    "en": Words(
        {
            Tone.FRIENDLY: "Reminder: invoice {number}",
            Tone.FIRM: "Second reminder: invoice {number}",
            Tone.FINAL: "Final notice: invoice {number}",
        },
        {
            Tone.FRIENDLY: "Invoice {number} was due on {due}. {amount} is still open; it may have slipped through.",
            Tone.FIRM: "Invoice {number} was due on {due}, and {amount} is still open. Please pay it this week.",
            Tone.FINAL: "Invoice {number} was due on {due}, and {amount} is still open after two reminders. "
            "Please pay it now, or tell us what keeps you from it.",
        },
        "How to pay",
        "Please give {number} as the reference.",
        "If your payment crossed this mail, thank you: there is nothing to do.",
    ),
    "de": Words(
        {
            Tone.FRIENDLY: "Zahlungserinnerung: Rechnung {number}",
            Tone.FIRM: "Zweite Erinnerung: Rechnung {number}",
            Tone.FINAL: "Letzte Mahnung: Rechnung {number}",
        },
        {
            Tone.FRIENDLY: "die Rechnung {number} war am {due} fällig. {amount} sind noch offen; "
            "vielleicht ist sie übersehen worden.",
            Tone.FIRM: "die Rechnung {number} war am {due} fällig, und {amount} sind noch offen. "
            "Bitte zahlen Sie in dieser Woche.",
            Tone.FINAL: "die Rechnung {number} war am {due} fällig, und trotz zweier Erinnerungen sind {amount} offen. "
            "Bitte zahlen Sie jetzt, oder sagen Sie uns, was Sie daran hindert.",
        },
        "So zahlen Sie",
        "Bitte geben Sie {number} als Verwendungszweck an.",
        "Hat sich Ihre Zahlung mit dieser Mail gekreuzt, danken wir: Dann ist nichts zu tun.",
    ),
    "fr": Words(
        {
            Tone.FRIENDLY: "Rappel : facture {number}",
            Tone.FIRM: "Deuxième rappel : facture {number}",
            Tone.FINAL: "Dernier avis : facture {number}",
        },
        {
            Tone.FRIENDLY: "La facture {number} était due le {due}. {amount} restent à payer ; "
            "elle vous a peut-être échappé.",
            Tone.FIRM: "La facture {number} était due le {due} et {amount} restent à payer. "
            "Merci de la régler cette semaine.",
            Tone.FINAL: "La facture {number} était due le {due} et, après deux rappels, {amount} restent à payer. "
            "Merci de la régler maintenant, ou de nous dire ce qui vous en empêche.",
        },
        "Comment payer",
        "Merci d'indiquer {number} en référence.",
        "Si votre paiement a croisé ce message, merci : il n'y a rien à faire.",
    ),
    "es": Words(
        {
            Tone.FRIENDLY: "Recordatorio: factura {number}",
            Tone.FIRM: "Segundo recordatorio: factura {number}",
            Tone.FINAL: "Último aviso: factura {number}",
        },
        {
            Tone.FRIENDLY: "La factura {number} vencía el {due}. Quedan {amount} por pagar; "
            "quizá se haya pasado por alto.",
            Tone.FIRM: "La factura {number} vencía el {due} y quedan {amount} por pagar. "
            "Le rogamos que la pague esta semana.",
            Tone.FINAL: "La factura {number} vencía el {due} y, tras dos recordatorios, quedan {amount} por pagar. "
            "Le rogamos que la pague ahora o nos diga qué se lo impide.",
        },
        "Cómo pagar",
        "Indique {number} como referencia, por favor.",
        "Si su pago se ha cruzado con este mensaje, gracias: no hay nada que hacer.",
    ),
    "ja": Words(
        {
            Tone.FRIENDLY: "お支払いのご確認 請求書 {number}",
            Tone.FIRM: "2回目のお支払いのお願い 請求書 {number}",
            Tone.FINAL: "最終のご連絡 請求書 {number}",
        },
        {
            Tone.FRIENDLY: "請求書 {number} のお支払期限は{due}でしたが、{amount} のお支払いを確認できておりません。"
            "お手続きがお済みでない場合は、お支払いをお願いいたします。",
            Tone.FIRM: "請求書 {number} のお支払期限は{due}でしたが、{amount} が未払いとなっております。"
            "今週中のお支払いをお願いいたします。",
            Tone.FINAL: "請求書 {number} のお支払期限は{due}でしたが、二度のご連絡の後も {amount} が未払いとなっております。"
            "至急お支払いいただくか、ご事情をお知らせください。",
        },
        "お支払い方法",
        "お振込の際は {number} をご記入ください。",
        "本メールと行き違いでお支払い済みの場合は、何卒ご容赦ください。",
    ),
}


@transaction.atomic(durable=True)
def send(*, reminder_id: UUID, at: datetime) -> bool:
    """Mail a reminder, once, and tell whether it was sent.

    An invoice paid in the meantime gets none, nor does a customer without a billing e-mail. Of two senders at once one
    waits, and then finds it sent.
    """
    reminder = Reminder.objects.select_for_update().get(pk=reminder_id)
    invoice = Invoice.objects.select_related("customer", "legal_entity").get(pk=reminder.case.invoice_id)
    left = Money(open_amounts([invoice.pk])[invoice.pk], invoice.currency)
    is_open = reminder.case.status == Case.Status.OPEN
    if reminder.sent_at or not is_open or left.amount <= 0 or not invoice.customer.billing_email:
        return False
    _message(invoice, reminder, left).send()
    reminder.sent_at = at
    reminder.save(update_fields=["sent_at"])
    return True


def left_unsent(*, at: datetime) -> list[UUID]:
    """Return the reminders of open cases that should have been mailed minutes ago, as when the mail server was away."""
    return list(
        Reminder.objects.filter(sent_at=None, case__status=Case.Status.OPEN, taken_at__lt=at - PATIENCE)
        .exclude(case__invoice__customer__billing_email="")
        .order_by("taken_at")
        .values_list("pk", flat=True)[:500]
    )


def _message(invoice: Invoice, reminder: Reminder, left: Money) -> EmailMultiAlternatives:
    language = invoice.customer.language
    words = WORDS[language]
    assert invoice.due_on is not None, "a finalized invoice has a due day"
    facts = {
        "number": invoice.number,
        "due": format_day(invoice.due_on, language),
        "amount": format_money(left, language),
    }
    seller = invoice.legal_entity
    context = {
        "text": words.texts[reminder.tone].format(**facts),
        "pay_to": words.pay_to,
        "reference": words.reference.format(**facts),
        "crossed": words.crossed,
        "bank": [line.strip() for line in seller.bank_details.splitlines() if line.strip()],
        "seller": seller.name,
        "language": language,
    }
    message = EmailMultiAlternatives(
        subject=words.subjects[reminder.tone].format(**facts),
        body=render_to_string("emails/reminder.txt", context),
        to=[invoice.customer.billing_email],
        reply_to=[seller.email] if seller.email else None,
        headers={"Message-ID": f"<reminder-{reminder.pk}@meterbook>"},
    )
    message.attach_alternative(render_to_string("emails/reminder.html", context), "text/html")
    return message
