"""The root of every expected refusal: a rule said no, and says the way out."""

from typing import ClassVar


class Refusal(Exception):
    """A rule of Meterbook said no; the message names the thing, the figures and the way out."""

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 409
    title: ClassVar[str] = "Refused"
