"""What recordings may take as given: people, tokens, and what other parts of the product do with records."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User

from core.logins import LoginToken
from imagelib.models import ImageRegistry
from nodes.models import ComputeNode
from tests.api import make
from tests.services.certs import Authority

PEOPLE = {"operator": "olga", "user": "ulrich"}


def people() -> dict[str, Any]:
    """An operator and an ordinary user with a password each; tokens that have ended, or will soon."""
    operator = User.objects.create_user(PEOPLE["operator"], password=make.PASSWORD, is_staff=True)
    user = User.objects.create_user(PEOPLE["user"], password=make.PASSWORD)
    return {
        "password": make.PASSWORD,
        "operator": {"ID": operator.pk},
        "user": {"ID": user.pk},
        "expired": {"token": _token(operator, timedelta(seconds=-1))},
        "ending": {"token": _token(operator, timedelta(hours=12))},
    }


def _token(user: User, life: timedelta) -> str:
    token = LoginToken.for_user(user)
    token.set_exp(lifetime=life)
    return str(token)


def pull(*, image: int, node: int) -> dict[str, Any]:
    """A pull that waits, and so uses both."""
    job = make.pull(
        by=User.objects.get(username=PEOPLE["operator"]),
        on=ComputeNode.objects.get(pk=node),
        image=ImageRegistry.objects.get(pk=image),
    )
    return {"reference": job.reference, "node": job.node_name}


def disabled_user(*, name: str) -> dict[str, Any]:
    User.objects.create_user(name, password=make.PASSWORD, is_active=False)
    return {}


def certificates() -> dict[str, Any]:
    """A client's certificate with its key, and the key of another."""
    authority = Authority("contract")
    pair, other = authority.issue("client", client=True), authority.issue("other", client=True)
    return {"ca": authority.cert.strip(), "cert": pair.cert.strip(), "key": pair.key, "other": other.key}


def image() -> dict[str, Any]:
    return {"ID": make.image().pk}


def node() -> dict[str, Any]:
    return {"ID": make.node(docker_address="").pk}


def spec() -> dict[str, Any]:
    return {"ID": make.spec().pk}


GIVEN = {
    "pull": pull,
    "disabled user": disabled_user,
    "certificates": certificates,
    "image": image,
    "node": node,
    "spec": spec,
}
