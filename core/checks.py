"""System checks: settings that would fail later, found at start (`manage.py check`, also with `--deploy`)."""

from __future__ import annotations

from typing import Any

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import Error, Tags, Warning, register


@register(Tags.security)
def field_keys_are_usable(app_configs: Any, **_options: Any) -> list[Error]:
    """Every key must be a Fernet key, or the first secret that is stored fails."""
    if not settings.FIELD_KEYS:
        return [Error("IMAGELIB_FIELD_KEYS is empty.", hint=_HINT, id="imagelib.E001")]
    for number, key in enumerate(settings.FIELD_KEYS, start=1):
        try:
            Fernet(key)
        except ValueError:
            return [Error(f"Key {number} of IMAGELIB_FIELD_KEYS is not a Fernet key.", hint=_HINT, id="imagelib.E002")]
    return []


@register(Tags.security, deploy=True)
def production_is_not_embedded(app_configs: Any, **_options: Any) -> list[Warning]:
    """One process is fine for a laptop; a fleet wants its workers apart."""
    if settings.EMBEDDED:
        hint = "Set IMAGELIB_REDIS_URL and run web, worker and beat as in docker-compose.yml."
        return [Warning("Everything runs in one process.", hint=hint, id="imagelib.W001")]
    return []


@register(Tags.security)
def kuscia_token_cannot_be_guessed(app_configs: Any, **_options: Any) -> list[Error]:
    """It opens an API by itself, and wrong ones lock nobody out."""
    token = settings.KUSCIA_TOKEN
    if token and (len(token) < _SHORTEST_TOKEN or not token.isascii() or " " in token):
        text = f"IMAGELIB_KUSCIA_TOKEN must have at least {_SHORTEST_TOKEN} ASCII characters, none of them a blank."
        hint = "Make one with: python -c 'import secrets; print(secrets.token_urlsafe(24))'"
        return [Error(text, hint=hint, id="imagelib.E010")]
    return []


_SHORTEST_TOKEN = 16
_HINT = (
    "Make one with: python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'. "
    "Several keys are separated by commas; the first one encrypts."
)
