"""The form of a meter: its rules as lines that people write, never as JSON."""

from typing import Any, ClassVar

from django import forms

from apps.core.admin import TextArea
from apps.plans import meter_rules
from apps.plans.models import Meter

# Also nothing can be chosen, and it has a meaning.
_CHOICES = {
    "level": ("Every period begins at nothing", Meter.Level.choices),
    "per": ("Choose hour or day", Meter.Per.choices),
    "rounding": ("Not rounded", Meter.Rounding.choices),
}


class MeterForm(forms.ModelForm):  # type: ignore[type-arg]
    """What is counted, how, and what tells events apart; a line each."""

    filter_lines = forms.CharField(
        label="Only events whose",
        required=False,
        widget=TextArea(attrs={"rows": 3}),
        help_text="One test a line, and all must pass: 'region is eu', 'region is not test', 'model in large, small', "
        "'user present', 'status absent', 'status from 200 to 299' (both included).",
    )
    state_lines = forms.CharField(
        label="Billed outcomes",
        required=False,
        widget=TextArea(attrs={"rows": 2}),
        help_text="For outcomes, one state a line and what it counts for: 'succeeded: 1'. 'partial' alone counts for the "
        "weight that the event gives, from 0 to 1.",
    )
    range_lines = forms.CharField(
        label="Ranges",
        required=False,
        widget=TextArea(attrs={"rows": 3}),
        help_text="A dimension made of a number: 'context = input_tokens + cached_tokens: standard to 200000, long'. "
        "Each range reaches up to its end, and with it; the last has none.",
    )

    class Meta:
        model = Meter
        fields = (
            "name",
            "key",
            "unit",
            "event_type",
            "aggregation",
            "value_property",
            "value_expression",
            "level",
            "per",
            "dimensions",
            "rounding",
            "rounding_step",
            "late_days",
            "early_hours",
        )
        help_texts: ClassVar = {
            "key": "What the API, plans and exports call it. It cannot be changed later.",
            "unit": "What customers read: tokens, documents, seats. Not the name of an internal measure.",
        }

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        meter = self.instance
        for name, written in (
            ("filter_lines", meter_rules.written_filters(meter.filters)),
            ("state_lines", meter_rules.written_states(meter.outcome_states)),
            ("range_lines", meter_rules.written_ranges(meter.ranges)),
        ):
            self.initial.setdefault(name, written)

        for name, (nothing, choices) in _CHOICES.items():
            self.fields[name].choices = [("", nothing), *choices]  # type: ignore[attr-defined]

    def clean_filter_lines(self) -> Any:
        """Read the filters."""
        return self._read(meter_rules.read_filters, "filter_lines")

    def clean_state_lines(self) -> Any:
        """Read the billed states."""
        return self._read(meter_rules.read_states, "state_lines")

    def clean_range_lines(self) -> Any:
        """Read the ranges."""
        return self._read(meter_rules.read_ranges, "range_lines")

    def clean(self) -> dict[str, Any]:
        """Refuse what does not go together, each mistake at its field."""
        fields = super().clean() or self.cleaned_data
        fields["filters"] = fields.pop("filter_lines", [])
        fields["outcome_states"] = fields.pop("state_lines", {})
        fields["ranges"] = fields.pop("range_lines", {})
        shown = {"filters": "filter_lines", "outcome_states": "state_lines", "ranges": "range_lines"}
        for field, mistake in meter_rules.mistakes(fields).items():
            place = shown.get(field, field)
            self.add_error(place if place in self.fields else None, mistake)
        for field in ("filters", "outcome_states", "ranges"):
            setattr(self.instance, field, fields[field])
        return fields

    def _read(self, reader: Any, field: str) -> Any:
        try:
            return reader(self.cleaned_data[field])
        except ValueError as mistake:
            raise forms.ValidationError(str(mistake)) from mistake
