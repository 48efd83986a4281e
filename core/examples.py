"""An example for every field that people fill in, so that each refusal names the field, the rule and what would do.

Rules come worded by Django, REST framework and our services. Those without an example get one here, by the name of the
column, whatever a dialect or a form calls it; a column that is not in the table gets one by the kind of its field.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext

_CERTIFICATE = "-----BEGIN CERTIFICATE-----…"
_MOMENT = "2026-11-22T01:26:57Z"
_BY_COLUMN: Mapping[str, str] = {
    # of several kinds of records
    "name": "team-a-1",
    "username": "robot",
    "password": "s3cret-Words",
    "is_listed": "true",
    "remark": "for team A",
    # images and registries
    "address": "registry.example.com/team/app:v1",
    "tag": "v1",
    "description": "CUDA 12.4, Python 3.11",
    "source": "Docker Hub",
    "supports_vgpu": "true",
    "stall_after": "120",
    "endpoint": "registry.example.com:5000/team",
    "is_default": "true",
    "insecure": "false",
    "ca_certificate": _CERTIFICATE,
    "users_push_to": "users/{username}, team-a",
    # AppImages, deployments, config sets
    "replicas": "2",
    "values": '{"REGION": "north"}',
    "variables": '{"TASK_ID": "task-1"}',
    "role": "server",
    # compute nodes
    "region": "north",
    "labels": '{"rack": "a1"}',
    "cpu": "64",
    "memory": "512",
    "system_disk": "900",
    "data_disk": "4000",
    "public_ip": "203.0.113.7",
    "private_ip": "10.0.0.7",
    "ssh_port": "22",
    "gpu_name": "A100",
    "gpu_count": "8",
    "gpu_memory_gb": "80",
    "hami_core": "/root/HAMi-core/build",
    "docker_address": "tcp://10.0.0.5:2376",
    "use_tls": "true",
    "ca_cert": _CERTIFICATE,
    "client_cert": _CERTIFICATE,
    "client_key": "-----BEGIN PRIVATE KEY-----…",
    "status": "connected",
    # product specs
    "gpu_model": "A100",
    "supports_memory_split": "true",
    "sm_limit_percent": "50",
    "cpu_cores": "16",
    "memory_gb": "64",
    "system_disk_gb": "100",
    "data_disk_gb": "500",
    "price_per_hour": "2.5",
    # instances
    "spec": "5",
    "image_id": "5",
    "spec_id": "5",
    "node_id": "5",
    "container_id": "1f2e3d",
    "tail": "100",
    "command": '["python", "train.py"]',
    "environment": '{"EPOCHS": "3"}',
    "ports": "[8888, 6006]",
    "restart_policy": "unless-stopped",
    # pulls
    "image": "5",
    "reference": "nginx:1.27",
    "nodes": "[1, 2]",
    "node": "5",
    "source_node": "5",
    "archive": "0123456789abcdef0123456789abcdef",
    # builds
    "application": "5",
    "branch": "main",
    "commit": "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    "state": "running",
    "active": "true",
    # custom images
    "build": "12",
    "reason": "the image runs as root",
    "decision": "open",
    "mine": "true",
    "unread": "true",
    "url": "https://ci.example.com/hooks/images",
    "secret": "s3cret-Words",
    "is_active": "true",
    # applications and builds
    "base_registry": "quay.io",
    "base_namespace": "jupyter",
    "base_image": "scipy-notebook",
    "base_tag": "python-3.11",
    "target_registry": "1",
    "target_namespace": "team",
    "suffix": "qlora",
    "version": "3",
    "files": '{"Dockerfile": "FROM python:3.12"}',
    "git_url": "https://git.example.com/team/images.git",
    "git_branch": "main",
    "git_path": "src/jupyter-pytorch-x",
    "git_username": "robot",
    "git_password": "s3cret-Words",
    "webhook_secret": "s3cret-Words",
    "ecosystem": "apt",
    "packages": '["git", "vim"]',
    # lists and logins
    "created_after": _MOMENT,
    "created_before": _MOMENT,
    "ordering": "-id",
    "refresh": "eyJhbGciOiJIUzI1NiIs…",
}
# By the name of the class, which Django's forms and REST framework have in common.
_BY_KIND: Mapping[str, str] = {
    "BooleanField": "true",
    "IntegerField": "8",
    "DecimalField": "2.5",
    "FloatField": "2.5",
    "DateTimeField": _MOMENT,
    "ListField": '["a", "b"]',
    "DictField": '{"a": "b"}',
    "CharField": "team-a-1",
}
_HAS_ONE = re.compile(r"\bfor example\b|\bexamples?:|\bsuch as\b|例如|示例|形如|-----BEGIN", re.IGNORECASE)


def example_for(column: str, field: Any = None) -> str:
    """What may be entered; `field` is the form's or serializer's. Empty when nothing is known of either."""
    kinds = (_BY_KIND[kind.__name__] for kind in type(field).__mro__ if kind.__name__ in _BY_KIND)
    return _BY_COLUMN.get(column) or next(kinds, "")


def with_example(rule: Any, example: str) -> str:
    """The rule, and the example if the rule does not give one by itself."""
    text = str(rule)
    if not example or _HAS_ONE.search(text):
        return text
    return f"{text} {gettext('For example: {example}').format(example=example)}"
