"""What recordings may take as given: people, tokens, and what other parts of the product do with records."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from core.jobs import JobState
from core.logins import LoginToken
from imagelib.models import ImageRegistry
from instances.models import Instance, Observed, Operation
from nodes.models import ComputeNode
from tests.api import make
from tests.services.certs import Authority

CONTAINER = "c0ffee" * 10 + "c0ff"  # the only one that the engine of the recordings knows
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


def parts_of_an_instance() -> dict[str, Any]:
    """An image and a spec, and a node that has room for them."""
    facts = {"cpu": 64, "memory": 512, "system_disk": 900, "data_disk": 4000, "gpu_count": 2, "gpu_name": "A10"}
    node = make.gpu_node(name="n1", region="north", public_ip="203.0.113.7", **facts)
    sizes = {"cpu_cores": 4, "memory_gb": 16, "data_disk_gb": 100, "price_per_hour": "2.5"}
    image, plan = make.image(name="pytorch", supports_vgpu=True), make.slice_spec(name="A10 slice", **sizes)
    return {"image": image.pk, "spec": plan.pk, "node": node.pk}


def pulling(*, instance: int, percent: float) -> dict[str, Any]:
    """What a worker has come to: the creation waits for its image."""
    row = Instance.objects.get(pk=instance)
    job = make.pull(by=row.user, on=row.node, state=JobState.RUNNING, progress={"percent": percent})
    Operation.objects.filter(instance=row).update(pull=job)
    Instance.objects.filter(pk=instance).update(observed=Observed.PULLING)
    return {}


def container(*, instance: int, engine: str) -> dict[str, Any]:
    """The creation has succeeded: the container runs on `engine`."""
    operations_ended()
    found = {"container_id": CONTAINER, "container_name": "i7-train", "observed": Observed.RUNNING}
    Instance.objects.filter(pk=instance).update(**found)
    ComputeNode.objects.filter(instances=instance).update(docker_address=engine)
    return {"id": CONTAINER, "name": "i7-train"}


def measured(*, instance: int, age: float) -> dict[str, Any]:
    """The container's load, so many seconds ago."""
    figures = {"load_cpu": 37.5, "load_memory": 12.3, "load_gpu_memory": 0.0}
    Instance.objects.filter(pk=instance).update(load_at=timezone.now() - timedelta(seconds=age), **figures)
    return {}


def failed(*, instance: int) -> dict[str, Any]:
    Instance.objects.filter(pk=instance).update(observed=Observed.FAILED, problem_code="container_name_taken")
    return {}


def operations_ended() -> dict[str, Any]:
    Operation.objects.update(state=JobState.SUCCEEDED)
    return {}


def instance() -> dict[str, Any]:
    """One of the ordinary user, with its parts."""
    of = {"image": make.image(name="pytorch"), "spec": make.spec(name="small"), "node": make.node(name="n1")}
    owner = User.objects.get(username=PEOPLE["user"])
    return {"ID": make.instance(by=owner, name="train", remark="r", container_name="i7-train", **of).pk}


GIVEN = {
    "pull": pull,
    "disabled user": disabled_user,
    "certificates": certificates,
    "image": image,
    "node": node,
    "spec": spec,
    "parts of an instance": parts_of_an_instance,
    "pulling": pulling,
    "container": container,
    "measured": measured,
    "failed": failed,
    "operations ended": operations_ended,
    "instance": instance,
}
