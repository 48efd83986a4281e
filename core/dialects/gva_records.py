"""The seven routes that gin-vue-admin gives to every kind of record, once for all of ours.

A subclass of `RecordViews` is a record's configuration: its columns, its form, its filters and the three services.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, ClassVar

from django.db.models import Func, IntegerField, Model, QuerySet
from django.http import QueryDict
from django.urls import URLPattern, path, re_path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSetMixin

from core.api import OperatorsWrite
from core.dialects.gva import GvaView, not_found, success
from core.dialects.gva_query import as_time, id_in_body, id_in_query, read_with, whole_number
from core.dialects.gva_schema import RecordSchema
from core.errors import InvalidInput, NotFound
from core.examples import example_for

PAGE_SIZE, LARGEST_PAGE = 10, 100
MOST_NAMES = 1000
_FAILURES = {
    "create": gettext_lazy("Creation failed: "),
    "update": gettext_lazy("Update failed: "),
    "delete": gettext_lazy("Deletion failed: "),
    "delete_many": gettext_lazy("Batch deletion failed: "),
    "find": gettext_lazy("Query failed: "),
    "page": gettext_lazy("Fetching failed: "),
    "public": gettext_lazy("Fetching failed: "),
}


class RecordViews(ViewSetMixin, GvaView):
    """Newest first, then by ID. Other people's columns (`ID`, `CreatedAt`, …) in a body are ignored, never written.

    The two queries of a page are made once for each kind of record, without conditions: `_records` and `_number`.
    Naming columns and order anew for each request took as long as the database's answer.
    """

    permission_classes = [OperatorsWrite]
    schema = RecordSchema()
    model: ClassVar[Any]
    columns: ClassVar[Mapping[str, str]]  # key of this dialect → column, in the order of the answer
    form: ClassVar[type[serializers.Serializer]]  # its fields have this dialect's names and the columns as `source`
    own: ClassVar[Mapping[str, Callable[[], serializers.Field]]] = {}  # keys that no form has, for the document
    filters: ClassVar[Mapping[str, tuple[str, Callable[[str], Any]]]]  # parameter → lookup, reader of the text

    def visible(self, among: Any = None) -> Any:
        """Rows that the user may see, of all or `among` these."""
        raise NotImplementedError

    def save(self, values: Mapping[str, Any], record: Any = None) -> Model:
        """Create, or change `record`."""
        raise NotImplementedError

    def remove(self, ids: Iterable[int]) -> int:
        """Delete all of them, or raise and delete none."""
        raise NotImplementedError

    def create(self, request: Request) -> Response:
        """Create a record; the answer has its number."""
        form = self.form(data=request.data)
        form.is_valid(raise_exception=True)
        return success(_("Created successfully"), {"ID": self.save(form.validated_data).pk})

    def update(self, request: Request) -> Response:
        """Change a record: the whole object as it was found, edited, or its number and what changes."""
        form = self.form(data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        pk = id_in_body("ID", form.initial_data.get("ID"))
        record = self.visible().filter(pk=pk).first()
        if record is None:
            raise _unknown(pk)
        self.save(form.validated_data, record)
        return success(_("Updated successfully"))

    def delete(self, request: Request) -> Response:
        """Delete a record that nothing uses."""
        self.remove([id_in_query("ID", request.query_params.get("ID", ""))])
        return success(_("Deleted successfully"))

    def delete_many(self, request: Request) -> Response:
        """Delete records, all or none."""
        texts = request.query_params.getlist("IDs[]")
        if not texts:
            raise InvalidInput({"IDs[]": _("Name at least one record, for example IDs[]=5.")})
        self.remove({id_in_query("IDs[]", text) for text in texts})
        return success(_("Deleted in batch successfully"))

    def find(self, request: Request) -> Response:
        """One record."""
        pk = id_in_query("ID", request.query_params.get("ID", ""))
        rows = self.represent(self.records().filter(pk=pk))
        if not rows:
            raise _unknown(pk)
        return success(_("Queried successfully"), rows[0])

    def page(self, request: Request) -> Response:
        """Records, newest first. Text filters look for a part of the text, all must hold; an empty one is none."""
        asked = request.query_params
        conditions = self.conditions(asked)
        [(total,)] = self.visible(among=self._number()).filter(**conditions)
        size = min(whole_number(asked, "pageSize", PAGE_SIZE), LARGEST_PAGE)
        last = max(-(-total // size), 1)
        # The front end asks for pages that no longer exist when its page size changes; an empty answer would win.
        number = min(whole_number(asked, "page", 1), last)
        start = (number - 1) * size
        rows = self.records().filter(**conditions)
        found = self.represent(rows[start : start + size]) if total else []
        return success(_("Fetched successfully"), {"list": found, "total": total, "page": number, "pageSize": size})

    def public(self, request: Request) -> Response:
        """Names of the listed records, the first thousand."""
        names = self.visible().filter(is_listed=True).order_by("name", "pk").values_list("name", flat=True)
        return success(_("Fetched successfully"), {"info": list(names[:MOST_NAMES])})

    def conditions(self, asked: QueryDict) -> dict[str, Any]:
        """The filters of the query; an empty parameter is no filter."""
        conditions: dict[str, Any] = {}
        for name, (lookup, read) in self.filters.items():
            if text := asked.get(name, "").strip():
                conditions[lookup] = read_with(read, name, text)
        between = [text.strip() for text in asked.getlist("createdAtRange[]")]
        if len(between) == 2 and all(between):
            start, end = (read_with(as_time, "createdAtRange[]", text) for text in between)
            conditions |= {"created_at__gte": start, "created_at__lt": end}
        return conditions

    def records(self) -> Any:
        """The visible rows as `represent` takes them, newest first."""
        return self.visible(among=self._records())

    @classmethod
    @cache
    def _records(cls) -> QuerySet[Any, Any]:
        """All records as tuples, without making model instances: half of a list's cost otherwise."""
        return cls.model._default_manager.order_by("-created_at", "-pk").values_list(*cls.columns.values())

    @classmethod
    @cache
    def _number(cls) -> QuerySet[Any, Any]:
        """How many there are. As a plain function, which may be filtered afterwards; an aggregate would group."""
        return cls.model._default_manager.order_by().values_list(Func(template="COUNT(*)", output_field=IntegerField()))

    def represent(self, rows: Iterable[Any]) -> list[dict[str, Any]]:
        """Some of `records()` as JSON objects."""
        keys = list(self.columns)
        return [dict(zip(keys, row, strict=True)) for row in rows]

    def failure(self) -> Any:
        return _FAILURES.get(self.action or "", "")

    def key_of(self, field: str) -> str:
        return next((key for key, column in self.columns.items() if column == field), field)

    def name_of(self, key: str) -> str:
        """After what people call it: no form of the front end shows `memoryCapacity`."""
        column = self.columns.get(key)
        title = str(self.model._meta.get_field(column).verbose_name) if column else ""
        same = title.replace(" ", "").casefold() == key.casefold()
        return key if same or not title else f"{title} {key}"

    def example_of(self, key: str) -> str:
        field = self.form().fields.get(key)
        return example_for(self.columns.get(key, key), field)


def routes(name: str, views: type[RecordViews]) -> Sequence[URLPattern]:
    """`routes("ImageRegistry", …)`: `imageRegistry/createImageRegistry` and so on; the rest below answers 404."""
    prefix = name[0].lower() + name[1:]
    verbs: dict[str, dict[str, Any]] = {
        f"create{name}": {"post": "create"},
        f"update{name}": {"put": "update"},
        f"delete{name}": {"delete": "delete"},
        f"delete{name}ByIds": {"delete": "delete_many"},
        f"find{name}": {"get": "find"},
        f"get{name}List": {"get": "page"},
        f"get{name}Public": {"get": "public"},
    }
    known = [path(f"{prefix}/{verb}", views.as_view(methods)) for verb, methods in verbs.items()]
    # Without a slash too: a path that is known needs no redirect to one with a slash.
    return [*known, re_path(rf"^{prefix}(?:/.*)?$", not_found)]


def _unknown(pk: int) -> NotFound:
    return NotFound(_("There is no such record: %(ids)s") % {"ids": pk})
