"""Fields of this dialect's forms: JSON types as they are, because the original converts nothing either."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from core.api import SecretField

LARGEST_NUMBER = 2**31 - 1  # of a database's integer column


class Text(serializers.CharField):
    """A JSON string; `null` in an optional one means empty."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        return super().run_validation("" if data is None and self.allow_null else data)


def optional_text(max_length: int, **options: Any) -> Text:
    return Text(max_length=max_length, required=False, allow_blank=True, allow_null=True, **options)


class Flag(serializers.BooleanField):
    """A JSON `true` or `false`."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class WholeNumber(serializers.IntegerField):
    """A JSON integer that is not negative; `null`, which an emptied number input sends, means `when_empty`."""

    def __init__(self, *, when_empty: int = 0, max_value: int = LARGEST_NUMBER, **options: Any) -> None:
        self.when_empty = when_empty
        super().__init__(min_value=0, max_value=max_value, required=False, allow_null=True, **options)

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            self.fail("invalid")
        return super().to_internal_value(data)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        return super().run_validation(self.when_empty if data is None else data)


class RecordNumber(serializers.IntegerField):
    """The number of another record, a JSON integer."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=1, max_value=2**63 - 1, **options)

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            self.fail("invalid")
        return super().to_internal_value(data)


class Number(serializers.DecimalField):
    """A JSON number that is not negative; `null` means 0."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=0, required=False, coerce_to_string=False, **options)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, bool) or not isinstance(data, (int, float)):
            self.fail("invalid")
        return super().to_internal_value(data)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        return super().run_validation(0 if data is None else data)


class Hidden(SecretField, Text):
    """A secret text: never answered. Left out, `null` or the mask keep the stored one, `""` clears it."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        if data is None:
            raise serializers.SkipField
        return super().run_validation(data)
