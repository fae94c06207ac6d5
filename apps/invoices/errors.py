"""What the invoices room refuses."""

from datetime import date, timedelta
from decimal import Decimal

from apps.core.errors import Refusal
from apps.core.formats import say_money
from apps.core.money import Money
from apps.rating.steps import written


class AlreadyFinalized(Refusal):
    code = "invoice-already-finalized"
    title = "The invoice is finalized already"

    def __init__(self, number: str) -> None:
        super().__init__(f"Invoice {number} is finalized and never changes. Correct it by a credit note.")


class Voided(Refusal):
    code = "invoice-void"
    title = "The draft was voided"

    def __init__(self, contract: str) -> None:
        super().__init__(f"The draft for contract {contract} was voided and never changes. Draft a new one.")


class NotFinalized(Refusal):
    code = "invoice-not-finalized"
    title = "The invoice is a draft"

    def __init__(self, customer: str) -> None:
        super().__init__(
            f"The invoice for {customer} is a draft, so there is no document yet. Finalize it first."
        )


class AdvanceNotFinalized(Refusal):
    code = "advance-not-finalized"
    title = "The invoice in advance is a draft"

    def __init__(self, contract: str) -> None:
        super().__init__(
            f"What was billed in advance for contract {contract} is to be taken off, but that invoice is still a draft. "
            "Finalize its drafts oldest first."
        )


class PeriodNotOver(Refusal):
    code = "period-not-over"
    title = "The period is not over"

    def __init__(self, contract: str, ends_on: date, timezone: str) -> None:
        super().__init__(
            f"The period of contract {contract} runs until {ends_on} 00:00 in {timezone}. Close it after that."
        )


class ApprovalMissing(Refusal):
    code = "approval-missing"
    title = "The draft waits for approval"

    def __init__(self, customer: str, total: str, above: str, missing: int) -> None:
        people = "one more person" if missing == 1 else f"{missing} people"
        super().__init__(
            f"The draft for {customer} comes to {total}, above {above}: "
            f"{people} must approve this total before it is finalized."
        )


class RunUnderWay(Refusal):
    code = "close-run-under-way"
    title = "Such a run is under way"

    def __init__(self, step: str) -> None:
        super().__init__(
            f"Another run is under way: {step.lower()}. Wait until it has finished, then start this one."
        )


class PrefixTaken(Refusal):
    code = "invoice-prefix-taken"
    title = "Another legal entity uses the prefix"

    def __init__(self, legal_entity: str, prefix: str, year: int) -> None:
        super().__init__(
            f"The invoice prefix {prefix} of {legal_entity} is used by another legal entity in {year}. "
            f"Give {legal_entity} a prefix of its own."
        )


class UnsafeLogo(Refusal):
    code = "logo-unsafe"
    status = 422
    title = "The logo cannot be printed"

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"The logo is not plain SVG: {problem}. Export it as a simple SVG with shapes and paths only."
        )


class NotCreditable(Refusal):
    code = "invoice-not-creditable"
    title = "Not to be credited"

    def __init__(self, invoice: str) -> None:
        super().__init__(
            f"{invoice} cannot be credited: only a finalized invoice can. A draft is changed, or voided."
        )


class NothingLeftToCredit(Refusal):
    code = "nothing-left-to-credit"
    title = "Credited already"

    def __init__(self, number: str) -> None:
        super().__init__(f"Invoice {number} is credited as a whole already: nothing is left of it.")


class CreditedTooMuch(Refusal):
    code = "credited-too-much"
    status = 422
    title = "More than is left"

    def __init__(self, what: str, asked: Money, left: Money) -> None:
        super().__init__(
            f"{say_money(asked.rounded())} would be credited of {what}, of which {say_money(left.rounded())} is left. Credit at most that."
        )


class CreditsUsed(Refusal):
    code = "credits-sold-are-used"
    status = 422
    title = "The credits that were sold are used"

    def __init__(self, invoice: str, free: Decimal, sold: Decimal, most: Money) -> None:
        super().__init__(
            f"{written(free)} of the {written(sold)} credits that {invoice} sold are neither used nor counted on by a draft. Correct at "
            f"most {say_money(most.rounded())} of their price; what is given back beyond that is goodwill."
        )


class NotToCredit(Refusal):
    code = "not-an-amount-to-credit"
    status = 422
    title = "Not an amount to credit"

    def __init__(self, invoice: str, amount: Money) -> None:
        super().__init__(
            f"{say_money(amount)} cannot be credited of {invoice}: name lines that it has, with amounts above 0 in whole minor units."
        )


class ReasonMissing(Refusal):
    code = "reason-missing"
    status = 422
    title = "A reason is missing"

    def __init__(self, what: str) -> None:
        super().__init__(f"Say why you {what}: the reason is kept, in at most 500 characters.")


class RequestKeyUsed(Refusal):
    code = "request-key-used"
    title = "The key was used for something else"

    def __init__(self, number: str) -> None:
        super().__init__(
            f"Under this key credit note {number} was written, which is another one. Use a new key for a new request."
        )


class NotADraft(Refusal):
    code = "invoice-not-a-draft"
    title = "Not a draft"

    def __init__(self, number: str) -> None:
        super().__init__(f"{number} is no draft: only a draft is voided. Credit a finalized invoice instead.")


class NotReissuable(Refusal):
    code = "invoice-not-reissuable"
    title = "Not to be issued again"

    def __init__(self, number: str, why: str) -> None:
        super().__init__(f"Invoice {number} cannot be issued again: {why}")


class NoTaxRate(Refusal):
    code = "no-tax-rate"
    title = "No tax rate is known"

    def __init__(self, place: str, on: date) -> None:
        super().__init__(
            f"The seller is registered for tax in {place}, and no rate of it is known for {on}. Add the rate under Settings, Tax rates."
        )


class TaxProviderFailed(Refusal):
    code = "tax-provider-failed"
    title = "The tax service gave no answer"

    def __init__(self, provider: str, why: str) -> None:
        super().__init__(
            f"{provider} could not tell the tax: {why} Nothing was changed. Try again once it answers, or let the legal entity find tax by its own rates."
        )


class OwnEdit(Refusal):
    code = "own-edit"
    title = "You changed the draft yourself"

    def __init__(self, customer: str) -> None:
        super().__init__(
            f"You were the last to change the lines of the draft for {customer}, so two other people approve it."
        )


class TotalChanged(Refusal):
    code = "total-changed"
    title = "The draft comes to something else now"

    def __init__(self, customer: str, seen: str, now: str) -> None:
        super().__init__(
            f"The draft for {customer} was {seen} when you looked, and is {now} now. Look at it again, then approve it."
        )


class DraftChanged(Refusal):
    code = "draft-changed"
    title = "The draft changed since you looked"

    def __init__(self, customer: str) -> None:
        super().__init__(
            f"The draft for {customer} was changed, or held, since you looked. Look at it again, then approve it."
        )


class Held(Refusal):
    code = "draft-held"
    title = "The draft is held"

    def __init__(self, customer: str, reason: str) -> None:
        super().__init__(f"The draft for {customer} is held: {reason}. Release it, then finalize it.")


class LineIsNothing(Refusal):
    code = "manual-line-is-nothing"
    status = 422
    title = "The line comes to nothing"

    def __init__(self, currency: str) -> None:
        super().__init__(
            f"The line comes to nothing in whole cents of {currency}. Give an amount, or a percentage up to 100."
        )


class BelowZero(Refusal):
    code = "draft-below-zero"
    status = 422
    title = "The draft would come to less than nothing"

    def __init__(self, customer: str, most: str) -> None:
        super().__init__(
            f"The draft for {customer} has {most} to take off at most. Give less, or issue a credit note on an earlier invoice."
        )


class NoSuchManualLine(Refusal):
    code = "manual-line-gone"
    status = 404
    title = "The line is not on the draft"

    def __init__(self) -> None:
        super().__init__("The line is not on the draft any more. Reload the page to see what is on it.")


class NotSigned(Refusal):
    code = "contract-not-signed"
    title = "The contract is a draft"

    def __init__(self, contract: str) -> None:
        super().__init__(f"Contract {contract} is a draft, so nothing is billed under it. Sign it first.")


class BilledWithParent(Refusal):
    code = "billed-with-parent"
    title = "It is on the parent's invoice"

    def __init__(self, contract: str, parent: str) -> None:
        super().__init__(
            f"Contract {contract} has no invoice of its own: its lines are on that of {parent}. Look at that one."
        )


class NothingUpcoming(Refusal):
    code = "nothing-upcoming"
    title = "Nothing is to be invoiced"

    def __init__(self, contract: str, billed_until_on: date) -> None:
        last_on = billed_until_on - timedelta(days=1)
        super().__init__(
            f"Contract {contract} is invoiced up to {last_on}. Look at the invoices that it has."
        )


class NotALine(Refusal):
    code = "not-an-invoice-line"
    status = 422
    title = "Not a line"

    def __init__(self, field: str, problem: str, place: int | None = None) -> None:
        super().__init__(problem)
        self.field = field
        # Which of several lines it is, counted from 0; None: none of them alone.
        self.place = place
