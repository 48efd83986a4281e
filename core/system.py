"""The system itself as the one who asks: commands run by somebody who has a shell on the server."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SystemUser:
    """Has an operator's rights and no row."""

    pk: None = None
    is_staff: bool = True
    is_active: bool = True

    def get_username(self) -> str:
        return "system"


SYSTEM = SystemUser()
