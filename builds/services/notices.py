"""What people hear of decisions, in the product itself."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from builds.models import Notice, Submission
from core.errors import NotFound

SENTENCES: dict[str, Any] = {
    "approved": _("%(reference)s was approved by %(user)s and is in the image library as “%(entry)s”."),
    "rejected": _("%(reference)s was rejected by %(user)s: %(reason)s"),
    "withdrawn": _("%(user)s withdrew your submission of %(reference)s."),
    "checks_failed": _("The checks of %(reference)s found something that is in the way of an approval."),
    "check_failed": _("The checks of %(reference)s could not be made. Look why, and ask for them again."),
}


def notify(*, to: Any, code: str, submission: Submission, **values: Any) -> None:
    """A notice for `to`, or for nobody when the account is gone."""
    assert code in SENTENCES, code
    if to is not None:
        Notice.objects.create(user=to, code=code, submission=submission, values=values)


def visible_notices(user: Any) -> QuerySet[Notice]:
    """Everybody has only the own ones, operators too."""
    return Notice.objects.filter(user=user)


def read_notice(*, user: Any, notice: int) -> Notice:
    """Mark it as read; a second time changes nothing."""
    visible_notices(user).filter(pk=notice, read_at=None).update(read_at=timezone.now())
    row = visible_notices(user).filter(pk=notice).first()
    if row is None:
        raise NotFound(_("There is no notice with id %(id)s, or it is not yours.") % {"id": notice})
    return row


def read_all_notices(*, user: Any) -> int:
    """Returns how many were unread."""
    return visible_notices(user).filter(read_at=None).update(read_at=timezone.now())


def notice_text(notice: Notice) -> str:
    """In the reader's language."""
    return str(SENTENCES[notice.code]) % notice.values
