"""Typed readers of the environment: the only place that looks at `os.environ`.

Every name carries the prefix `IMAGELIB_`. A spelling that a reader does not know raises `ImproperlyConfigured` with
the variable, the rule and an example, because a setting that is silently ignored is worse than a process that does
not start. `NAME_FILE` reads the value of `NAME` from a file (Docker and Kubernetes secrets).
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from django.core.exceptions import ImproperlyConfigured

PREFIX = "IMAGELIB_"
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}
T = TypeVar("T")


def text(name: str, default: str = "") -> str:
    """The variable as it stands, surrounding white space removed; an empty one counts as unset."""
    file = os.environ.get(f"{PREFIX}{name}_FILE", "").strip()
    if file:
        return _read_file(name, Path(file))
    return os.environ.get(PREFIX + name, "").strip() or default


def boolean(name: str, default: bool) -> bool:
    """`1 true yes on` or `0 false no off`; anything else raises."""
    value = text(name).lower()
    if not value:
        return default
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise _wrong(name, value, "one of 1, true, yes, on, 0, false, no, off")


def integer(name: str, default: int, *, minimum: int = 0) -> int:
    """A whole number, at least `minimum`."""
    return _number(name, default, minimum, int, "a whole number")


def decimal(name: str, default: float, *, minimum: float = 0.0) -> float:
    """A number such as 0.5, at least `minimum`; the unit is the setting's (seconds, mostly)."""
    return _number(name, default, minimum, float, "a number")


def ports(name: str, default: tuple[int, int]) -> tuple[int, int]:
    """The first and the last port of a range such as 20000-29999."""
    value = text(name)
    if not value:
        return default
    first, _, last = value.partition("-")
    if not (first.isdecimal() and last.isdecimal() and 0 < int(first) <= int(last) < 65536):
        raise _wrong(name, value, "the first and the last port, such as 20000-29999")
    return int(first), int(last)


def words(name: str, default: list[str]) -> list[str]:
    """A comma-separated list, blanks dropped."""
    value = text(name)
    return [part.strip() for part in value.split(",") if part.strip()] if value else default


def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
    """One of `allowed`."""
    value = text(name, default)
    if value not in allowed:
        raise _wrong(name, value, "one of " + ", ".join(allowed))
    return value


def directory(name: str, default: Path) -> Path:
    """A directory, made if it is missing."""
    path = Path(text(name, str(default)))
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(path, error) from error
    return path


def secret(name: str, *, data_dir: Path, generate: Callable[[], str] | None) -> str:
    """A secret from the environment, else one generated once into `data_dir/secrets/name` with mode 0600.

    `generate=None` means that production runs must set it: raises instead of inventing one.
    """
    value = text(name)
    if value:
        return value
    if generate is None:
        raise ImproperlyConfigured(f"{PREFIX}{name} (or {PREFIX}{name}_FILE) must be set when {PREFIX}DEBUG is off.")
    path = data_dir / "secrets" / name.lower()
    try:
        return path.read_text().strip() if path.exists() else _create_secret(path, generate())
    except OSError as error:
        raise _unwritable(path, error) from error


def _create_secret(path: Path, value: str) -> str:
    """Write once, whole and atomically: two processes that start together must agree on one value."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    draft.touch(mode=0o600)
    draft.write_text(value + "\n")
    try:
        os.link(draft, path)
    except FileExistsError:
        return path.read_text().strip()
    finally:
        draft.unlink()
    return value


def _read_file(name: str, file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(f"{PREFIX}{name}_FILE: cannot read {file}: {error.strerror}") from error


def _unwritable(path: Path, error: OSError) -> ImproperlyConfigured:
    return ImproperlyConfigured(
        f"{path} cannot be used: {error.strerror}. Give this user access, or set {PREFIX}DATA_DIR to another directory."
    )


def _number(name: str, default: T, minimum: float, kind: Callable[[str], T], noun: str) -> T:
    value = text(name)
    if not value:
        return default
    try:
        number = kind(value)
    except ValueError:
        raise _wrong(name, value, noun) from None
    if not number >= minimum:  # type: ignore[operator]
        raise _wrong(name, value, f"{noun} of at least {minimum}")
    return number


def _wrong(name: str, value: str, rule: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"{PREFIX}{name}={value!r} is not understood: give {rule}.")
