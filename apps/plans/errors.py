"""What the plans room refuses."""

from apps.core.errors import Refusal


class DraftExists(Refusal):
    code = "draft-version-exists"
    title = "There is a draft already"

    def __init__(self, plan: str) -> None:
        super().__init__(f"Plan {plan} has a draft version already. Change that one, or publish it first.")


class NotADraft(Refusal):
    code = "plan-version-not-a-draft"
    title = "Not a draft"

    def __init__(self, version: str, status: str) -> None:
        super().__init__(f"{version} is {status}; only a draft can be published. Make a new version.")


class NotPublished(Refusal):
    code = "plan-version-not-published"
    title = "Not published"

    def __init__(self, version: str, status: str) -> None:
        super().__init__(f"{version} is {status}; only a published version can be retired.")


class NotPublishable(Refusal):
    code = "plan-version-not-publishable"
    status = 422
    title = "The version has mistakes"

    def __init__(self, version: str, mistakes: list[str]) -> None:
        super().__init__(f"{version} cannot be published: {' '.join(mistakes)}")
        self.mistakes = mistakes


class MeterInUse(Refusal):
    code = "meter-in-use"
    title = "The meter is in use"

    def __init__(self, meter: str, changed: list[str]) -> None:
        names = ", ".join(name.replace("_", " ") for name in changed)
        super().__init__(
            f"Published prices stand on meter {meter}, so its {names} cannot change. Make a new meter and a new plan version."
        )


class NoSuchEventType(Refusal):
    code = "no-such-event-type"
    status = 422
    title = "No meter counts it"

    def __init__(self, event_type: str) -> None:
        super().__init__(
            f"No meter counts events of type {event_type!r}. Name a type that one counts, or make a meter."
        )


class TypeAliasTaken(Refusal):
    code = "type-alias-taken"
    status = 409
    title = "Type has an alias"

    def __init__(self, sent_type: str) -> None:
        super().__init__(
            f"Events of type {sent_type!r} cannot be counted as that: they count as another type already, or it is the same."
        )


class TypeHasMeters(Refusal):
    code = "type-has-meters"
    status = 409
    title = "Type is counted already"

    def __init__(self, sent_type: str, meter: str) -> None:
        super().__init__(
            f"Meter {meter} counts events of type {sent_type!r}, so that they cannot count as another type: those of the past "
            "were never counted so. Send new events under the other type, or price this meter."
        )


class TypeAliasChain(Refusal):
    code = "type-alias-chain"
    status = 409
    title = "An alias of an alias"

    def __init__(self, sent_type: str, event_type: str) -> None:
        super().__init__(
            f"Events of type {sent_type!r} count as {event_type!r} already, and an alias does not lead to another. "
            "Name the type that meters count."
        )


class BadMeter(Refusal):
    code = "bad-meter"
    status = 422
    title = "The meter cannot be"

    def __init__(self, mistakes: dict[str, str]) -> None:
        super().__init__(" ".join(f"{field}: {mistake}" for field, mistake in mistakes.items()))


class VersionFixed(Refusal):
    code = "plan-version-fixed"
    title = "The version cannot change"

    def __init__(self, version: str, status: str) -> None:
        super().__init__(f"{version} is {status}, so its prices never change. Make a new version from it.")


class KeyTaken(Refusal):
    code = "plan-key-taken"
    title = "The key is taken"

    def __init__(self, key: str) -> None:
        super().__init__(f"Something in this version has the key {key} already. Give it another.")


class AllowanceInUse(Refusal):
    code = "allowance-in-use"
    title = "Charges share the allowance"

    def __init__(self, allowance: str, charges: list[str]) -> None:
        super().__init__(
            f"{' and '.join(charges)} take{'s' if len(charges) == 1 else ''} of {allowance}. Choose none or another there first."
        )


class PlanKeyTaken(Refusal):
    code = "plan-exists"
    title = "There is such a plan"

    def __init__(self, key: str) -> None:
        super().__init__(f"There is a plan with the key {key} already. Give the new one another.")


class UnreadablePriceList(Refusal):
    code = "price-list-unreadable"
    status = 422
    title = "The file is no price list"

    def __init__(self, why: str) -> None:
        super().__init__(f"The file cannot be read as a list of model prices: {why}")


class BadPriceList(Refusal):
    code = "bad-price-list"
    status = 422
    title = "The price list cannot be"


class NoSuchPriceList(Refusal):
    code = "no-such-price-list"
    status = 404
    title = "No such price list"

    def __init__(self, key: str) -> None:
        super().__init__(f"There is no price list {key!r}. Make it first, with a name.")


class PriceListDayTaken(Refusal):
    code = "price-list-day-taken"
    title = "The list has that day already"

    def __init__(self, version: str) -> None:
        super().__init__(
            f"{version} was imported from another file, and what was imported never changes. "
            "Import this one for another day, or into another list."
        )


class BadMarkup(Refusal):
    code = "bad-markup"
    status = 422
    title = "The list cannot be taken so"

    def __init__(self, mistakes: dict[str, str]) -> None:
        super().__init__(" ".join(mistakes.values()))
        self.mistakes = mistakes


class PricesChanged(Refusal):
    code = "prices-changed-meanwhile"
    title = "The prices changed meanwhile"

    def __init__(self, charge: str) -> None:
        super().__init__(
            f"The list or the prices of {charge} changed since you looked. Nothing was written: look again."
        )
