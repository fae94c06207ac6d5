"""What the API itself refuses, before any room is asked."""

from apps.core.errors import Refusal


class NoKey(Refusal):
    code = "no-key"
    status = 401
    title = "No API key"

    def __init__(self) -> None:
        super().__init__("The request has no API key. Send it in the header Authorization: Bearer mb_...")


class UnknownKey(Refusal):
    code = "unknown-key"
    status = 401
    title = "API key not recognized"

    def __init__(self) -> None:
        super().__init__("The API key is unknown or revoked. Use a live one; finance staff can make it.")


class KeyInAddress(Refusal):
    code = "key-in-address"
    status = 401
    title = "API key in the address"

    def __init__(self) -> None:
        super().__init__(
            "The address holds an API key, and addresses are written to logs. Revoke that key, make a new one, and send "
            "it in the header Authorization: Bearer mb_..."
        )


class ScopeMissing(Refusal):
    code = "scope-missing"
    status = 403
    title = "The key may not do this"

    def __init__(self, scope: str) -> None:
        super().__init__(f"This call needs a key with the scope {scope}. Have finance staff make one.")


class ConfinedKey(Refusal):
    code = "confined-key"
    status = 403
    title = "The key is confined to one customer"

    def __init__(self, action: str = "create others") -> None:
        super().__init__(
            f"This key is confined to one customer and cannot {action}. Use a key of your own backends."
        )


class NotFound(Refusal):
    code = "not-found"
    status = 404
    title = "Not found"

    def __init__(self, what: str = "There is nothing at this address.") -> None:
        super().__init__(f"{what} The calls that there are stand at /api/docs/.")


class MethodRefused(Refusal):
    code = "method-not-allowed"
    status = 405
    title = "Method not allowed"

    def __init__(self, method: str, allowed: str) -> None:
        super().__init__(f"{method[:20]} is not possible here; {allowed} is.")
        self.allowed = allowed


class EmptyBody(Refusal):
    code = "empty-body"
    status = 400
    title = "No body"

    def __init__(self) -> None:
        super().__init__("The request has no body. Send JSON, with its Content-Length.")


class LengthRequired(Refusal):
    code = "length-required"
    status = 411
    title = "Content-Length required"

    def __init__(self) -> None:
        super().__init__("The body came in chunks of unknown number. Send it whole, with its Content-Length.")


class BodyTooLarge(Refusal):
    code = "body-too-large"
    status = 413
    title = "Body too large"

    def __init__(self, most: int) -> None:
        super().__init__(
            f"The body is larger than {most // 2**20} MiB. Nothing was done. Send it in smaller parts."
        )


class BodyNotJson(Refusal):
    code = "not-json"
    status = 415
    title = "Not JSON"

    def __init__(self, given: str) -> None:
        super().__init__(
            f"The body is said to be {given[:100] or 'of no type'!r}. Send JSON, and the header Content-Type: application/json."
        )


class EncodingRefused(Refusal):
    code = "unsupported-encoding"
    status = 415
    title = "Content encoding not supported"

    def __init__(self, given: str) -> None:
        super().__init__(
            f"The body is encoded as {given[:40]!r}. Send it with Content-Encoding: gzip or zstd, or plain without that header."
        )


class BadGzip(Refusal):
    code = "bad-gzip"
    status = 400
    title = "The body is not whole gzip"

    def __init__(self) -> None:
        super().__init__(
            "The body is said to be gzip and cannot be unpacked. Send all of it, in one gzip stream."
        )


class BadZstd(Refusal):
    code = "bad-zstd"
    status = 400
    title = "The body is not whole zstd"

    def __init__(self) -> None:
        super().__init__(
            "The body is said to be zstd and cannot be unpacked. Send all of it, in one frame with a window of at most 8 MiB."
        )


class NotEvents(Refusal):
    code = "not-events"
    status = 422
    title = "Neither an event nor a list of events"

    def __init__(self) -> None:
        super().__init__(
            'Send one event as an object, a list of events, or {"events": [...]} with nothing beside it.'
        )


class InvalidFields(Refusal):
    code = "invalid-fields"
    status = 422
    title = "Fields to correct"

    def __init__(self, mistakes: list[dict[str, str]]) -> None:
        super().__init__("Nothing was done. Correct the fields under errors, and send again.")
        self.mistakes = mistakes


class NoRunningContract(Refusal):
    code = "no-running-contract"
    status = 404
    title = "No running contract"

    def __init__(self, key: str) -> None:
        super().__init__(
            f"Customer {key} has no contract that runs today, so nothing is being spent. Sign one first."
        )


class TooMuchToPrice(Refusal):
    code = "too-much-to-price"
    status = 413
    title = "Too much to price"

    def __init__(self, most: int) -> None:
        super().__init__(
            f"Charges times what is taken off or counted over them, and usage times patterns of matrix cells, come to "
            f"more than {most:,}. Send fewer of them at once, or price the document by the command line."
        )


class NotRendered(Refusal):
    code = "not-rendered"
    status = 404
    title = "Not rendered yet"

    def __init__(self, number: str) -> None:
        super().__init__(f"The PDF of {number} is being rendered. Ask again in a few seconds.")


class Unavailable(Refusal):
    code = "unavailable"
    status = 503
    title = "Not available now"

    def __init__(self) -> None:
        super().__init__(
            "The database cannot take this now: it is starting, away, out of room, or busy with this customer's usage. "
            "Nothing is acknowledged; send the same again, with the same ids, once the seconds of Retry-After are over."
        )


class Broken(Refusal):
    code = "server-error"
    status = 500
    title = "A mistake of ours"

    def __init__(self) -> None:
        super().__init__(
            "Something went wrong here. Events may be sent again with the same ids: none counts twice."
        )


class NoIdempotencyKey(Refusal):
    code = "no-idempotency-key"
    status = 400
    title = "No Idempotency-Key"

    def __init__(self) -> None:
        super().__init__(
            "Send the header Idempotency-Key with a value of your own for each new request, of at most 200 characters, "
            "so that a request sent twice is done once."
        )
