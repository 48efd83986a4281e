"""Admin pages of terminal sessions: evidence, to be looked at."""

from __future__ import annotations

from django.contrib import admin
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from core.admin_tools import OperatorAdmin, age, bytes_text, label, two_lines
from instances.models import TerminalSession
from instances.services.terminals import LOST_AFTER

_FACTS = (
    "user_name", "instance_name", "node_name", "container_id", "shell", "address", "began_at", "ended_at", "outcome",
    "typed", "shown",
)  # fmt: skip


@admin.register(TerminalSession)
class TerminalSessionAdmin(OperatorAdmin):
    list_display = ("who", "where", "address", "began", "outcome", "typed", "shown")
    list_display_links = ("who",)
    list_filter = ("end", "shell")
    search_fields = ("user_name", "instance_name", "node_name", "container_id", "address")
    fields = readonly_fields = _FACTS
    by_hand = ()
    intro = gettext_lazy(
        "Who was in which container with a terminal, from when to when. What was typed and shown is recorded nowhere."
    )

    @display(description=gettext_lazy("user"), ordering="user_name")
    def who(self, session: TerminalSession) -> str:
        return session.user_name

    @display(description=gettext_lazy("instance"), ordering="instance_name")
    def where(self, session: TerminalSession) -> SafeString:
        return two_lines(session.instance_name, _("on %(node)s") % {"node": session.node_name})

    @display(description=gettext_lazy("began"), ordering="began_at")
    def began(self, session: TerminalSession) -> SafeString | str:
        return age(session.began_at)

    @display(description=gettext_lazy("how it ended"))
    def outcome(self, session: TerminalSession) -> SafeString:
        if session.ended_at is not None:
            return label(session.get_end_display(), title=session.ended_at.isoformat())
        if session.seen_at < timezone.now() - LOST_AFTER:
            return label(_("unknown: its server was lost"), "warning")
        return label(_("open"), "success")

    @display(description=gettext_lazy("typed"), ordering="bytes_in")
    def typed(self, session: TerminalSession) -> SafeString | str:
        return bytes_text(session.bytes_in)

    @display(description=gettext_lazy("shown"), ordering="bytes_out")
    def shown(self, session: TerminalSession) -> SafeString | str:
        return bytes_text(session.bytes_out)
