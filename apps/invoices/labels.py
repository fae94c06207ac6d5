"""The words printed on an invoice, in each language that a customer may choose."""

# ruff: noqa: RUF001  the multiplication sign is meant

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """Every word of an invoice in one language; `{...}` are filled in by apps.invoices.document."""

    invoice: str
    draft: str
    draft_note: str
    number: str
    issued: str
    due: str
    period: str
    period_text: str
    contract: str
    purchase_order: str
    plan: str
    customer_number: str
    tax_number: str
    bill_to: str
    from_seller: str
    amount_due: str
    amount_due_by: str
    nothing_due: str
    description: str
    quantity: str
    unit_price: str
    amount: str
    amount_in: str
    per_million: str
    per_unit: str
    see_below: str
    subtotal_of: str
    included: str
    at_price: str
    flat: str
    tier: str
    tier_last: str
    tier_flat: str
    packages: str
    package: str
    package_price: str
    free_units: str
    days: str
    credits_cost: str
    credits_covered: str
    overage: str
    adjusted: str
    adjusted_in_credits: str
    credits_title: str
    credits_grant: str
    credits_used: str
    credits_left: str
    credits_expire: str
    never: str
    usage_title: str
    usage_most: str
    subtotal: str
    tax: str
    total: str
    payment_title: str
    payment_terms: str
    payment_terms_now: str
    bank: str
    reference: str
    reference_text: str
    questions: str
    page: str
    carried: str
    brought: str
    mail_subject: str
    mail_greeting: str
    mail_text: str
    mail_nothing_due: str
    mail_attached: str
    mail_closing: str


_ENGLISH = Words(
    invoice="Invoice",
    draft="Draft invoice",
    draft_note="This is a draft for review. It has no number and asks for no payment.",
    number="Invoice number",
    issued="Issued",
    due="Due",
    period="Service period",
    period_text="{first} to {last}",
    contract="Contract",
    purchase_order="Purchase order",
    plan="Plan",
    customer_number="Customer",
    tax_number="VAT or tax number",
    bill_to="Bill to",
    from_seller="From",
    amount_due="Amount due",
    amount_due_by="{amount} by {day}",
    nothing_due="Nothing to pay",
    description="Description",
    quantity="Quantity",
    unit_price="Unit price",
    amount="Amount",
    amount_in="Amount, {currency}",
    per_million="{price} per 1M",
    per_unit="{price} each",
    see_below="see below",
    subtotal_of="Subtotal {product}",
    included="Included in the plan: {quantity}, free of charge",
    at_price="{quantity} × {price} = {amount}",
    flat="Flat amount: {amount}",
    tier="From {from_} to {to}: {priced}",
    tier_last="Above {from_}: {priced}",
    tier_flat="flat amount {flat} included",
    packages="{count} packages of {size} × {price} = {amount}",
    package="1 package of {size} × {price} = {amount}",
    package_price="{price} per {size}",
    free_units="First {quantity} free",
    days="{days} of {of_days} days: {full} × {days}/{of_days} = {amount}",
    credits_cost="Paid in {unit}: {credits}",
    credits_covered="of which {covered} {unit} were drawn from your credits",
    overage="Beyond your credits: {quantity} {unit}",
    adjusted="Adjustment of {period}, invoice {number}: usage that came or was corrected later makes it {rated}; {billed} was billed",
    adjusted_in_credits="Adjustment of {period}, invoice {number}: usage that came or was corrected later, priced in credits with this period",
    credits_title="Credits used",
    credits_grant="Credit grant",
    credits_used="Used",
    credits_left="Left",
    credits_expire="Valid until",
    never="no end",
    usage_title="Daily usage",
    usage_most="busiest day {quantity}",
    subtotal="Subtotal",
    tax="Tax {rate} on {base}",
    total="Total",
    payment_title="How to pay",
    payment_terms="Payable within {days} days of the invoice date, by {day}.",
    payment_terms_now="Payable at once, on {day}.",
    bank="Bank transfer",
    reference="Payment reference",
    reference_text="Please give {number} as the reference.",
    questions="Questions about this invoice?",
    page="Page {page} of {pages}",
    carried="Carried forward",
    brought="Brought forward",
    mail_subject="Invoice {number} from {seller}",
    mail_greeting="Hello,",
    mail_text="Here is invoice {number} for {period}. Please pay {amount} by {day}.",
    mail_nothing_due="Here is invoice {number} for {period}. There is nothing to pay.",
    mail_attached="The invoice is attached as a PDF.",
    mail_closing="Kind regards,",
)

_GERMAN = Words(
    invoice="Rechnung",
    draft="Rechnungsentwurf",
    draft_note="Dies ist ein Entwurf zur Prüfung. Er hat keine Nummer und fordert keine Zahlung.",
    number="Rechnungsnummer",
    issued="Rechnungsdatum",
    due="Fällig am",
    period="Leistungszeitraum",
    period_text="{first} bis {last}",
    contract="Vertrag",
    purchase_order="Bestellnummer",
    plan="Tarif",
    customer_number="Kunde",
    tax_number="USt-IdNr. / Steuernummer",
    bill_to="Rechnung an",
    from_seller="Von",
    amount_due="Zu zahlen",
    amount_due_by="{amount} bis {day}",
    nothing_due="Nichts zu zahlen",
    description="Beschreibung",
    quantity="Menge",
    unit_price="Einzelpreis",
    amount="Betrag",
    amount_in="Betrag in {currency}",
    per_million="{price} je 1 Mio.",
    per_unit="je {price}",
    see_below="siehe unten",
    subtotal_of="Zwischensumme {product}",
    included="Im Tarif enthalten: {quantity}, kostenfrei",
    at_price="{quantity} × {price} = {amount}",
    flat="Pauschale: {amount}",
    tier="Von {from_} bis {to}: {priced}",
    tier_last="Über {from_}: {priced}",
    tier_flat="darin Pauschale {flat}",
    packages="{count} Pakete zu {size} × {price} = {amount}",
    package="1 Paket zu {size} × {price} = {amount}",
    package_price="{price} je {size}",
    free_units="Die ersten {quantity} sind frei",
    days="{days} von {of_days} Tagen: {full} × {days}/{of_days} = {amount}",
    credits_cost="Bezahlt in {unit}: {credits}",
    credits_covered="davon {covered} {unit} aus Ihrem Guthaben",
    overage="Über Ihr Guthaben hinaus: {quantity} {unit}",
    adjusted="Anpassung für {period}, Rechnung {number}: mit später gemeldeter oder berichtigter Nutzung {rated}; berechnet waren {billed}",
    adjusted_in_credits="Anpassung für {period}, Rechnung {number}: später gemeldete oder berichtigte Nutzung, mit diesem Zeitraum aus dem Guthaben verrechnet",
    credits_title="Verbrauchtes Guthaben",
    credits_grant="Guthaben",
    credits_used="Verbraucht",
    credits_left="Rest",
    credits_expire="Gültig bis",
    never="ohne Ende",
    usage_title="Nutzung je Tag",
    usage_most="stärkster Tag {quantity}",
    subtotal="Zwischensumme",
    tax="Steuer {rate} auf {base}",
    total="Gesamtbetrag",
    payment_title="Zahlung",
    payment_terms="Zahlbar innerhalb von {days} Tagen ab Rechnungsdatum, bis {day}.",
    payment_terms_now="Sofort zahlbar, am {day}.",
    bank="Überweisung",
    reference="Verwendungszweck",
    reference_text="Bitte geben Sie {number} als Verwendungszweck an.",
    questions="Fragen zu dieser Rechnung?",
    page="Seite {page} von {pages}",
    carried="Übertrag",
    brought="Übertrag",
    mail_subject="Rechnung {number} von {seller}",
    mail_greeting="Guten Tag,",
    mail_text="anbei erhalten Sie Rechnung {number} für {period}. Bitte zahlen Sie {amount} bis {day}.",
    mail_nothing_due="anbei erhalten Sie Rechnung {number} für {period}. Es ist nichts zu zahlen.",
    mail_attached="Die Rechnung ist als PDF angehängt.",
    mail_closing="Mit freundlichen Grüßen",
)

_FRENCH = Words(
    invoice="Facture",
    draft="Projet de facture",
    draft_note="Ceci est un projet à vérifier. Il n'a pas de numéro et n'appelle aucun paiement.",
    number="Numéro de facture",
    issued="Date d'émission",
    due="Échéance",
    period="Période de service",
    period_text="{first} au {last}",
    contract="Contrat",
    purchase_order="Bon de commande",
    plan="Offre",
    customer_number="Client",
    tax_number="Numéro de TVA ou fiscal",
    bill_to="Facturé à",
    from_seller="De",
    amount_due="Montant à payer",
    amount_due_by="{amount} avant le {day} inclus",
    nothing_due="Rien à payer",
    description="Description",
    quantity="Quantité",
    unit_price="Prix unitaire",
    amount="Montant",
    amount_in="Montant, {currency}",
    per_million="{price} par million",
    per_unit="{price} l'unité",
    see_below="voir ci-dessous",
    subtotal_of="Sous-total {product}",
    included="Compris dans l'offre : {quantity}, sans frais",
    at_price="{quantity} × {price} = {amount}",
    flat="Forfait : {amount}",
    tier="De {from_} à {to} : {priced}",
    tier_last="Au-delà de {from_} : {priced}",
    tier_flat="dont forfait {flat}",
    packages="{count} lots de {size} × {price} = {amount}",
    package="1 lot de {size} × {price} = {amount}",
    package_price="{price} pour {size}",
    free_units="Les {quantity} premières unités sont gratuites",
    days="{days} jours sur {of_days} : {full} × {days}/{of_days} = {amount}",
    credits_cost="Payé en {unit} : {credits}",
    credits_covered="dont {covered} {unit} prélevés sur vos crédits",
    overage="Au-delà de vos crédits : {quantity} {unit}",
    adjusted="Ajustement de {period}, facture {number} : avec l’usage arrivé ou corrigé plus tard {rated} ; facturé {billed}",
    adjusted_in_credits="Ajustement de {period}, facture {number} : usage arrivé ou corrigé plus tard, compté en crédits avec cette période",
    credits_title="Crédits utilisés",
    credits_grant="Crédit accordé",
    credits_used="Utilisé",
    credits_left="Reste",
    credits_expire="Valable jusqu'au",
    never="sans fin",
    usage_title="Consommation par jour",
    usage_most="jour le plus chargé {quantity}",
    subtotal="Sous-total",
    tax="Taxe {rate} sur {base}",
    total="Total",
    payment_title="Comment payer",
    payment_terms="Payable sous {days} jours à compter de la date de facture, au plus tard le {day}.",
    payment_terms_now="Payable immédiatement, le {day}.",
    bank="Virement bancaire",
    reference="Référence de paiement",
    reference_text="Merci d'indiquer {number} en référence.",
    questions="Une question sur cette facture ?",
    page="Page {page} sur {pages}",
    carried="À reporter",
    brought="Report",
    mail_subject="Facture {number} de {seller}",
    mail_greeting="Bonjour,",
    mail_text="Voici la facture {number} pour la période {period}. Merci de payer {amount} avant le {day} inclus.",
    mail_nothing_due="Voici la facture {number} pour la période {period}. Il n'y a rien à payer.",
    mail_attached="La facture est jointe en PDF.",
    mail_closing="Cordialement,",
)

_SPANISH = Words(
    invoice="Factura",
    draft="Borrador de factura",
    draft_note="Este es un borrador para revisión. No tiene número ni exige pago.",
    number="Número de factura",
    issued="Fecha de emisión",
    due="Vencimiento",
    period="Período de servicio",
    period_text="{first} al {last}",
    contract="Contrato",
    purchase_order="Orden de compra",
    plan="Plan",
    customer_number="Cliente",
    tax_number="NIF o número fiscal",
    bill_to="Facturar a",
    from_seller="De",
    amount_due="Importe a pagar",
    amount_due_by="{amount} hasta el {day}",
    nothing_due="Nada que pagar",
    description="Descripción",
    quantity="Cantidad",
    unit_price="Precio unitario",
    amount="Importe",
    amount_in="Importe, {currency}",
    per_million="{price} por millón",
    per_unit="{price} por unidad",
    see_below="ver abajo",
    subtotal_of="Subtotal {product}",
    included="Incluido en el plan: {quantity}, sin coste",
    at_price="{quantity} × {price} = {amount}",
    flat="Importe fijo: {amount}",
    tier="De {from_} a {to}: {priced}",
    tier_last="Por encima de {from_}: {priced}",
    tier_flat="incluye importe fijo {flat}",
    packages="{count} paquetes de {size} × {price} = {amount}",
    package="1 paquete de {size} × {price} = {amount}",
    package_price="{price} por {size}",
    free_units="Las primeras {quantity} son gratuitas",
    days="{days} de {of_days} días: {full} × {days}/{of_days} = {amount}",
    credits_cost="Pagado en {unit}: {credits}",
    credits_covered="de los cuales {covered} {unit} se tomaron de sus créditos",
    overage="Más allá de sus créditos: {quantity} {unit}",
    adjusted="Ajuste de {period}, factura {number}: con el uso recibido o corregido después {rated}; se facturó {billed}",
    adjusted_in_credits="Ajuste de {period}, factura {number}: uso recibido o corregido después, contado en créditos con este período",
    credits_title="Créditos usados",
    credits_grant="Crédito concedido",
    credits_used="Usado",
    credits_left="Queda",
    credits_expire="Válido hasta",
    never="sin fin",
    usage_title="Uso por día",
    usage_most="día de mayor uso {quantity}",
    subtotal="Subtotal",
    tax="Impuesto {rate} sobre {base}",
    total="Total",
    payment_title="Cómo pagar",
    payment_terms="A pagar en {days} días desde la fecha de la factura, hasta el {day}.",
    payment_terms_now="A pagar de inmediato, el {day}.",
    bank="Transferencia bancaria",
    reference="Referencia de pago",
    reference_text="Indique {number} como referencia.",
    questions="¿Preguntas sobre esta factura?",
    page="Página {page} de {pages}",
    carried="Suma y sigue",
    brought="Suma anterior",
    mail_subject="Factura {number} de {seller}",
    mail_greeting="Hola:",
    mail_text="Esta es la factura {number} del período {period}. Por favor, pague {amount} hasta el {day}.",
    mail_nothing_due="Esta es la factura {number} del período {period}. No hay nada que pagar.",
    mail_attached="La factura va adjunta en PDF.",
    mail_closing="Saludos cordiales,",
)

WORDS: Mapping[str, Words] = {"en": _ENGLISH, "de": _GERMAN, "fr": _FRENCH, "es": _SPANISH}


def words_for(language: str) -> Words:
    """Return the words of a language, or English for one that has none."""
    return WORDS.get(language, _ENGLISH)
