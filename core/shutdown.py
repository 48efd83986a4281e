"""One flag per process: set when workers must let go of what they do (warm shutdown)."""

from __future__ import annotations

import threading

stopping = threading.Event()
