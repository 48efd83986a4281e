"""Evidence: the words of an engine or a registry, short enough to store and free of secrets. Pure."""

from __future__ import annotations

import re

LIMIT = 2000
_MASK = "******"
_GAP = " … "
_HEAD = 600  # what happened stands at the beginning, why at the end; a long middle is the part to lose
# Query values that sign or authorise a request: tokens, passwords, signed addresses of object stores.
_TELLING_NAME = r"[\w.-]*(?:token|passw|pwd|secret|signature|credential|policy|sig|jwt|auth|key)[\w.-]*"
_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN [^-]*PRIVATE KEY-----.*?(?:-----END [^-]*-----|\Z)", re.DOTALL), _MASK),
    (re.compile(r"(?<=://)[^\s/@\"'<>]+@"), f"{_MASK}@"),
    # user:password@host without a scheme; but name:tag@sha256:… is a reference
    (re.compile(r"(?<![^\s\"'(=\[])[^\s/:@\"'(=\[]+:[^\s/@\"']+@(?!sha\d+:)(?=[\w\[])"), f"{_MASK}@"),
    (re.compile(r"\b((?:proxy-)?authorization|x-registry-(?:auth|config))(\"?\s*[:=]\s*).+", re.I), rf"\1\2{_MASK}"),
    (re.compile(r"\b(bearer|basic) +[\w.~+/=-]{8,}", re.I), rf"\1 {_MASK}"),
    (re.compile(rf"([?&;]{_TELLING_NAME}=)[^&\s\"'<>]+", re.I), rf"\1{_MASK}"),
    (re.compile(rf"(\\?[\"']{_TELLING_NAME}\\?[\"']\s*:\s*\\?[\"'])[^\"'\\]+", re.I), rf"\1{_MASK}"),
    (re.compile(r"\beyJ[\w-]{6,}\.[\w-]+(?:\.[\w-]*)*"), _MASK),
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]+")


def tidy(text: str) -> str:
    """`text` with secrets masked and at most `LIMIT` characters: its beginning and its end."""
    text = text[: 50 * LIMIT].encode("utf-8", "replace").decode()  # no database stores half a surrogate pair
    text = _CONTROL.sub(" ", text).strip()
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    if len(text) <= LIMIT:
        return text
    return text[:_HEAD] + _GAP + text[_HEAD + len(_GAP) - LIMIT :]
