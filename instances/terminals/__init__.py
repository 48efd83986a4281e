"""Terminals in the browser: a WebSocket on one side, a shell in a container on the other."""

from instances.terminals.consumer import FrontEndTerminal, NativeTerminal

__all__ = ["FrontEndTerminal", "NativeTerminal"]
