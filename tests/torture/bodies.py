"""Bodies that nobody should send, grown from good ones by dice."""

import gzip
import json
import random
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

GOOD_EVENT = {
    "id": "good",
    "customer": "acme",
    "type": "api.call",
    "time": "2026-10-20T11:00:00Z",
    "quantity": "2.5",
    "properties": {"model": "large", "input_tokens": 5, "nested": [1.5e3, "é", None, True]},
}
CLOUD_EVENT = {
    "specversion": "1.0",
    "id": "1",
    "source": "//fuzz",
    "type": "api.call",
    "subject": "acme",
    "time": "2026-10-20T11:00:00Z",
    "data": {"input_tokens": 5},
}
LAGO_EVENT = {
    "transaction_id": "lago",
    "external_subscription_id": "acme",
    "code": "api.call",
    "timestamp": 1792490400.5,
    "properties": {"input_tokens": 5},
}
STRIPE_EVENT = {
    "identifier": "stripe",
    "event_name": "api.call",
    "timestamp": "1792490400",
    "payload": {"stripe_customer_id": "acme", "value": "2.5", "model": "large"},
}
EVENTS: list[Mapping[str, object]] = [GOOD_EVENT, GOOD_EVENT, CLOUD_EVENT, LAGO_EVENT, STRIPE_EVENT]
GOOD_BODIES = [
    json.dumps(GOOD_EVENT).encode(),
    json.dumps([GOOD_EVENT, {**GOOD_EVENT, "id": "other", "type": "llm.request"}]).encode(),
    json.dumps({"events": [GOOD_EVENT]}).encode(),
    json.dumps(CLOUD_EVENT).encode(),
    json.dumps([CLOUD_EVENT]).encode(),
    json.dumps({"event": LAGO_EVENT}).encode(),
    json.dumps({"events": [LAGO_EVENT, STRIPE_EVENT]}).encode(),
    b"\n".join(json.dumps({**GOOD_EVENT, "id": str(line)}).encode() for line in range(3)),
]
# Written as they stand: most of them no JSON library would write.
RAW_VALUES = [
    *("null", "true", "[]", "{}", '""', "0", "-0", "-0.0", "1e1000000000", "-1e-1000000000", "1e400", "9" * 5_000),
    *("0." + "0" * 5_000 + "1", "NaN", "-Infinity", "sNaN", "1_0", '"1_0"', '"٣"', "٣", "01", "+1", ".5", "0x10"),
    *('"NaN"', '"Infinity"', '"1e999999999"', '"-0"', '"\\u0000"', '"\\ud800"', '"\\udc00\\ud800"', '"\\"'),
    *('"\ufeff"', '"\x00"', '"2026-02-30T00:00:00Z"', '"9999-12-31T23:59:59-14:00"', '"0001-01-01T00:00:00+14:00"'),
    *('"2026-10-20T11:00:60Z"', '"2026-10-20"', "1792494000", '"=1+1"', '"\u202e"', f'"{"x" * 3_000}"', "[" * 40),
    *('{"a":1,"a":2}', "9223372036854775808", "-9223372036854775809", "123456789012345.123456789012345678", "18446744073709551616"),
    # Short to write, and a million digits when somebody computes them.
    *("1e999900", "1e999999", '"1e999900"', '"1e999999"', '"-1e999999"', "1e-999999", "0e999999", "253402300800", '"sNaN"'),
    *('"a%00b"', '"AA=="', '"eyJhIjoiXHUwMDAwIn0="', f'"{b64encode(b"[" * 32 + b"]" * 32).decode()}"'),
]  # fmt: skip
TOKENS = [text.encode("utf-8", "surrogatepass") for text in RAW_VALUES] + [
    *(b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\n", b"\r\n", b"\x00", b"\xff", b"\xef\xbb\xbf"),
    *(
        b"\xed\xa0\x80",
        b"\xc0\x80",
        b"\xf4\x90\x80\x80",
        b"//",
        b"/* */",
        b"'",
        b'"id":',
        b'"events":',
        b'"":',
    ),
]
FIELDS = ["id", "customer", "type", "time", "quantity", "properties", "contract", "events", "specversion", "source", "data", "data_base64", "subject", "timestamp", "transaction_id", "external_subscription_id", "code", "event_name", "payload", "", "x" * 300, "__proto__", "id\x00"]  # fmt: skip
TYPES = [
    *("application/json", "application/json; charset=utf-16", "APPLICATION/JSON", "application/vnd.api+json"),
    *(
        "application/x-ndjson",
        "application/cloudevents+json",
        "application/cloudevents-batch+json",
        "text/plain",
    ),
    *(
        "multipart/form-data; boundary=x",
        "multipart/form-data",
        "application/x-www-form-urlencoded",
        "",
        "/",
        "*/*",
    ),
    *("application/json;" * 50, "application/\x7f", "image/png", "application/octet-stream"),
]
ENCODINGS = ["gzip", "GZIP", "x-gzip", "identity", "zstd", "br", "deflate", "gzip, gzip", "gzip;q=1", "", "ü"]
ODD_HEADERS = [
    *(("Accept", "text/html"), ("Accept", "\x00"), ("Expect", "100-continue")),
    *(("Content-Length", "-1"), ("Content-Length", "9" * 30), ("Content-Length", "x"), ("Transfer-Encoding", "chunked")),
    *(("Cookie", "sessionid=" + "x" * 500), ("Cookie", "csrftoken=;;;="), ("Accept-Language", "xx-" * 100)),
    *(("X-Forwarded-Proto", "ftp"), ("If-Match", "*"), ("Range", "bytes=0-"), ("X-Http-Method-Override", "DELETE")),
    *(("Ce-Id", "1"), ("Ce-Specversion", "1.0"), ("Ce-Time", "never"), ("Ce-Subject", "%ff"), ("Ce-Type", "api.call")),
    *(("Ce-Source", "\udcff"), ("Host", "localhost:99999"), ("Content-Type", "application/json\r\nx: y")),
]  # fmt: skip
# In headers and forms; percent signs are read out of both.
TEXTS = ["", "1", "acme", "a%00b", "%ED%A0%80", "\udcff", "\x00", '"\\"', "é", "%", "1e999900", "-1e999999", "1792490400", "never", "x" * 3_000, "|"]  # fmt: skip
FORM = "application/x-www-form-urlencoded"
QUERIES = ["", "", "", "", "?atomic=true", "?atomic=maybe", "?format=lago", "?format=stripe", "?x=" + quote("\x00\ud800", errors="surrogatepass")]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sent:
    """One request of the fuzz."""

    body: bytes
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    query: str = ""

    def shown(self) -> str:
        return f"{self.query} {self.content_type!r} {self.headers!r} {self.body[:1_000]!r} ({len(self.body):,} bytes)"


def giants() -> list[Sent]:
    """Return the bodies that are large: few are enough, since each takes its time to make."""
    large = [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"{" + b",".join(b'"k%d":1' % number for number in range(1_000_000)) + b"}",
        b'{"id":"' + b"x" * 5_000_000 + b'"}',
        b'[{"quantity":' + b"9" * 1_000_000 + b"}]",
        b'[{"quantity":1e' + b"9" * 1_000_000 + b"}]",
        b"[" + b"{}," * 9_999 + b"{}]",
        b"[" + b"0," * 500_000 + b"0]",
        b'"' + b"\\ud800" * 500_000 + b'"',
        b" " * 10 * 2**20,
        b" " * (10 * 2**20 + 1),
        b"\n" * 2_000_000,
    ]
    packed = [gzip.compress(body, 1) for body in (*large, bytes(200_000_000))]
    return [*map(Sent, large), *(Sent(body, headers={"Content-Encoding": "gzip"}) for body in packed)]


def thrown(dice: random.Random) -> Sent:
    """Return the next request that the dice make."""
    if dice.random() < 0.1:
        return dice.choice((_form, _binary_cloud_event))(dice)
    body = dice.choice([_grown, _mutated, _mutated, _spliced, _noise])(dice)
    content_type = "application/json" if dice.random() < 0.8 else dice.choice(TYPES)
    headers = dict([dice.choice(ODD_HEADERS)]) if dice.random() < 0.1 else {}
    if dice.random() < 0.1:
        headers["Content-Encoding"] = dice.choice(ENCODINGS)
        body = _packed(dice, body)
    return Sent(body, content_type, headers, dice.choice(QUERIES))


def _form(dice: random.Random) -> Sent:
    """Return a form as Stripe takes it, with odd values in some fields."""
    good = {
        "identifier": str(dice.random()),
        "event_name": "api.call",
        "timestamp": "1792490400",
        "payload[stripe_customer_id]": "acme",
        "payload[value]": "2.5",
        "payload[model]": "large",
    }
    odd = {name: dice.choice(TEXTS) for name in dice.sample([*good, "payload[", "", "x"], dice.randrange(4))}
    return Sent(urlencode({**good, **odd}, errors="surrogatepass").encode(), FORM)


def _binary_cloud_event(dice: random.Random) -> Sent:
    """Return a CloudEvent whose attributes stand in headers, some of them odd."""
    good = {name: str(value) for name, value in CLOUD_EVENT.items() if name != "data"}
    odd = {name: dice.choice(TEXTS) for name in dice.sample([*good, "x"], dice.randrange(4))}
    return Sent(
        _value(dice, depth=3).encode("utf-8", "surrogatepass"),
        headers={f"Ce-{name}": value for name, value in {**good, **odd}.items()},
    )


def _packed(dice: random.Random, body: bytes) -> bytes:
    packed = gzip.compress(body, 1)
    wrong: list[Callable[[], bytes]] = [
        lambda: packed,
        lambda: packed,
        lambda: body,
        lambda: packed[: dice.randrange(len(packed))],
        lambda: packed + dice.randbytes(8),
        lambda: packed + packed,
        lambda: gzip.compress(packed, 1),
        lambda: _changed(dice, packed),
        lambda: packed[:-4] + dice.randbytes(4),
    ]
    return dice.choice(wrong)()


def _grown(dice: random.Random) -> bytes:
    """Return JSON of good fields, of which some have odd values and some are odd themselves."""
    events = [_event_text(dice) for _ in range(dice.choice((1, 1, 1, 2, 5)))]
    whole = dice.choice(("{}", "[{}]", '{{"events":[{}]}}', '{{"events":[{}],"x":1}}'))
    return whole.format(",".join(events)).encode("utf-8", "surrogatepass")


def _event_text(dice: random.Random) -> str:
    good = dice.choice(EVENTS)
    fields = {name: json.dumps(value) for name, value in good.items() if dice.random() < 0.95}
    for _ in range(dice.choice((0, 1, 1, 2, 4))):
        fields[dice.choice(FIELDS)] = _value(dice, depth=3)
    return "{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in fields.items()) + "}"


def _value(dice: random.Random, *, depth: int) -> str:
    kind = dice.random()
    if depth == 0 or kind < 0.6:
        return dice.choice(RAW_VALUES)
    inner = [_value(dice, depth=depth - 1) for _ in range(dice.randrange(4))]
    if kind < 0.8:
        return "[" + ",".join(inner) + "]"
    return "{" + ",".join(f"{json.dumps(dice.choice(FIELDS))}:{one}" for one in inner) + "}"


def _mutated(dice: random.Random) -> bytes:
    body = dice.choice(GOOD_BODIES)
    for _ in range(dice.choice((1, 1, 2, 3, 8))):
        body = _changed(dice, body)
    return body


def _changed(dice: random.Random, body: bytes) -> bytes:
    start = dice.randrange(len(body) + 1)
    end = min(len(body), start + dice.choice((0, 1, 1, 2, 10)))
    put = dice.choice((b"", dice.choice(TOKENS), dice.randbytes(1), body[start:end] * 2))
    return body[:start] + put + body[end:]


def _spliced(dice: random.Random) -> bytes:
    first, second = dice.choice(GOOD_BODIES), dice.choice(GOOD_BODIES)
    return first[: dice.randrange(len(first))] + second[dice.randrange(len(second)) :]


def _noise(dice: random.Random) -> bytes:
    return dice.choice(
        (dice.randbytes(dice.randrange(200)), dice.choice(TOKENS), b"".join(dice.choices(TOKENS, k=5)))
    )
