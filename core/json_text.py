"""A column for JSON that comes back exactly as it was stored, from every database."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:
    _TextColumn = models.TextField[Any, Any]
else:
    _TextColumn = models.TextField


class JsonTextField(_TextColumn):
    """JSON as text, for documents that are read as a whole and never searched.

    Django's `JSONField` cannot: PostgreSQL refuses NUL characters in it, and forgets the order of keys.
    """

    def from_db_value(self, value: str | None, *_args: Any) -> Any:
        return None if value is None else json.loads(value)

    def get_prep_value(self, value: Any) -> str | None:
        return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def value_to_string(self, obj: models.Model) -> str:
        return str(self.get_prep_value(self.value_from_object(obj)))

    def to_python(self, value: Any) -> Any:
        return json.loads(value) if isinstance(value, str) else value
