"""Title, cause and advice for what can go wrong with a call of a webhook."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from core.failure_texts import COMMON_TEXTS, FailureText, render

_TEXTS: Mapping[str, FailureText] = {
    **COMMON_TEXTS,
    "webhook_unreachable": FailureText(
        _("The other side does not answer"),
        _("No answer came within ten seconds, or no connection."),
        _("Check the URL and the firewalls on the way. The message is sent again for about a day."),
    ),
    "webhook_refused": FailureText(
        _("The other side refused the message"),
        _("It answered with HTTP %(status)s. Only 200 to 299 counts as taken, and redirects are not followed."),
        _("Look at the log of the other side: mostly the address or the secret differs. The message is sent again."),
    ),
    "webhook_gone": FailureText(
        _("The other side wants no messages"),
        _("It answered with HTTP 410: there is nothing at this address any more."),
        _("Correct the URL, or switch the webhook off."),
    ),
    "webhook_target_inactive": FailureText(
        _("The webhook was switched off"),
        _("The webhook was switched off or deleted before the message could be delivered."),
        _("Nothing has to be done. What happens while it is off is not sent later."),
    ),
    "worker_lost": FailureText(
        _("Worker lost"),
        _("The worker that was sending the message fell silent."),
        _("Another worker takes over. If it happens often, look at the workers' log."),
    ),
}


def webhook_failure_text(code: str, params: Mapping[str, object] | None = None) -> FailureText:
    """As plain strings in the active language."""
    return render(_TEXTS, code, params, stand_ins={"status": "?"})
