"""The forms by which staff import price lists and take a charge's prices from one."""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms

from apps.core.admin import FileInput
from apps.customers.models import KEY
from apps.plans import price_list_file, queries
from apps.plans.markup import Choice
from apps.plans.models import Charge

# What the page carries from the look to the yes, below what a form may send.
MOST_CARRIED = 6 * 1024 * 1024
_DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
_AREA = {"rows": 4, "spellcheck": "false", "autocapitalize": "none"}
# What most charges tell apart; the others can be filled in as well.
MAIN_KINDS = ("input", "output", "cached_input", "cache_write")
_LONGEST = 100_000


class ListForm(forms.Form):
    """A new price list."""

    name = forms.CharField(label="Name", max_length=200)
    key = forms.CharField(label="Key, such as: model-prices", max_length=63, validators=[KEY])
    currency = forms.CharField(label="Currency of its prices", max_length=3, initial="USD")
    source = forms.CharField(
        label="Where it is published, under which license",
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def clean_currency(self) -> str:
        """Write it as ISO 4217 does."""
        return str(self.cleaned_data["currency"]).upper()


class FileForm(forms.Form):
    """A file, and the day that its prices are in force from."""

    file = forms.FileField(
        label="File in LiteLLM's format: JSON, plain or gzipped", required=False, widget=FileInput
    )
    packed = forms.CharField(required=False, widget=forms.HiddenInput, strip=False)
    day = forms.DateField(label="In force from", widget=_DAY)

    def clean_packed(self) -> bytes:
        """Return what an earlier look at the file has kept in the page; nothing if the page was tampered with."""
        try:
            return b64decode(self.cleaned_data["packed"], validate=True)
        except ValueError:
            return b""

    def clean(self) -> dict[str, Any]:
        """Take the file that is chosen, else the one that was looked at."""
        fields = super().clean() or self.cleaned_data
        chosen = fields.get("file")
        if chosen and chosen.size > price_list_file.MOST_BYTES:
            self.add_error("file", f"It is larger than {price_list_file.MOST_BYTES // 1024**2} MB.")
        elif not chosen and not fields.get("packed"):
            self.add_error("file", "Choose a file.")
        return fields

    def content(self) -> bytes:
        """Return the file."""
        chosen = self.cleaned_data["file"]
        return bytes(chosen.read()) if chosen else self.cleaned_data["packed"]


def carried(content: bytes) -> str:
    """Return a file as the page keeps it until the yes; empty if it is too large for that."""
    packed = price_list_file.packed(content)
    return b64encode(packed).decode() if len(packed) <= MOST_CARRIED else ""


class ChoiceForm(forms.Form):
    """What of a list a charge takes, and with which margin."""

    margin_percent = forms.DecimalField(
        label="Margin on top, in percent", initial=Decimal(0), max_digits=14, decimal_places=8
    )
    patterns = forms.CharField(
        label="Which models, one a line; * stands for anything, empty takes all",
        required=False,
        max_length=_LONGEST,
        widget=forms.Textarea(attrs={**_AREA, "placeholder": "gpt-4o*\nclaude-*"}),
    )
    model_dimension = forms.ChoiceField(label="Dimension that holds the model")
    kind_dimension = forms.ChoiceField(label="Dimension that holds the kind of tokens", required=False)
    is_dated = forms.ChoiceField(
        label="Which prices",
        choices=[
            ("", "The latest version's"),
            ("dated", "Those of each day"),
        ],
        required=False,
    )
    from_day = forms.DateField(
        label="With those of each day: the first day; empty begins with the first version",
        required=False,
        widget=_DAY,
    )
    names = forms.CharField(
        label="Other names that events give, one a line: openai/gpt-4o = gpt-4o",
        required=False,
        max_length=_LONGEST,
        widget=forms.Textarea(attrs=_AREA),
    )
    rounds_finer = forms.BooleanField(
        label="Round prices of more than 18 decimals, half up; else they are left out", required=False
    )

    def __init__(self, *args: Any, charge: Charge, kinds: Sequence[tuple[str, int]], **more: Any) -> None:
        super().__init__(*args, **more)
        dimensions = queries.dimension_names(charge.meter) if charge.meter else ()
        self.fields["model_dimension"].choices = [(name, name) for name in dimensions]  # type: ignore[attr-defined]
        self.fields["kind_dimension"].choices = [  # type: ignore[attr-defined]
            ("", "None: the charge is for one kind"),
            *((name, name) for name in dimensions),
        ]
        self.kinds = [kind for kind, _ in kinds]
        for kind, many in kinds:
            self.fields[f"kind-{kind}"] = forms.CharField(
                label=f"{kind.replace('_', ' ').capitalize()}: {many:,} models",
                required=False,
                max_length=100,
            )

    @classmethod
    def initial_of(cls, choice: Choice | None, charge: Charge) -> dict[str, Any]:
        """Return the form's first values: what was chosen last, else what fits the charge's meter."""
        if choice is None:
            dimensions = queries.dimension_names(charge.meter) if charge.meter else ()
            kind = next((name for name in dimensions if name != "model"), "")
            names = ("input", "output") if kind else ()
            return {"kind_dimension": kind, **{f"kind-{name}": name for name in names}}
        return {
            "margin_percent": f"{choice.margin_percent.normalize():f}",
            "patterns": "\n".join(choice.patterns),
            "names": "\n".join(f"{other} = {name}" for other, name in choice.names.items()),
            "model_dimension": choice.model_dimension,
            "kind_dimension": choice.kind_dimension,
            "is_dated": "dated" if choice.is_dated else "",
            "from_day": choice.from_day,
            "rounds_finer": choice.rounds_finer,
            **{f"kind-{kind}": value or kind for kind, value in choice.kinds.items()},
        }

    def clean_patterns(self) -> tuple[str, ...]:
        """Read the lines."""
        return tuple(filter(None, map(str.strip, self.cleaned_data["patterns"].splitlines())))

    def clean_names(self) -> dict[str, str]:
        """Read names and what the list calls them."""
        found = {}
        for line in filter(None, map(str.strip, self.cleaned_data["names"].splitlines())):
            other, equals, name = (part.strip() for part in line.rpartition("="))
            if not (other and equals and name):
                raise forms.ValidationError(f"{line!r}: write it like 'openai/gpt-4o = gpt-4o'.")
            found[other] = name
        return found

    def choice(self) -> Choice:
        """Return what was chosen."""
        fields = self.cleaned_data
        kinds = {kind: fields[f"kind-{kind}"] for kind in self.kinds if fields[f"kind-{kind}"]}
        return Choice(
            patterns=fields["patterns"],
            names=fields["names"],
            model_dimension=fields["model_dimension"],
            kind_dimension=fields["kind_dimension"],
            kinds=kinds,
            margin_percent=fields["margin_percent"],
            is_dated=bool(fields["is_dated"]),
            from_day=fields["from_day"] if fields["is_dated"] else None,
            rounds_finer=fields["rounds_finer"],
        )

    @property
    def main_kinds(self) -> list[forms.BoundField]:
        """Return the fields of the kinds that most charges tell apart."""
        return [self[f"kind-{kind}"] for kind in MAIN_KINDS if kind in self.kinds]

    @property
    def other_kinds(self) -> list[forms.BoundField]:
        """Return the fields of the rarer kinds."""
        return [self[f"kind-{kind}"] for kind in self.kinds if kind not in MAIN_KINDS]

    @property
    def has_other_kinds(self) -> bool:
        """Tell whether one of the rarer kinds is chosen, so that it is not hidden."""
        return any(field.value() for field in self.other_kinds)
