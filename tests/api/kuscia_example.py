"""A body with every block that Kuscia's documentation shows; its values are ours."""

from __future__ import annotations

from typing import Any

CONFIG = '{\n  "id": "{{.TASK_ID}}",\n  "input": "{{.TASK_INPUT_CONFIG}}",\n  "ports": "{{.ALLOCATED_PORTS}}"\n}\n'
CONTAINER: dict[str, Any] = {
    "name": "app",
    "command": ["sh"],
    "args": ["-c", "./app --role=server --config=/etc/kuscia/task.conf"],
    "working_dir": "/work",
    "config_volume_mounts": [{"mount_path": "/etc/kuscia/task.conf", "sub_path": "task.conf"}],
    "env": [{"name": "APP_NAME", "value": "app"}],
    "env_from": [{"prefix": "P_", "config_map_ref": {"name": "settings"}, "secret_map_ref": {"name": "keys"}}],
    "image_pull_policy": "IfNotPresent",
    "ports": [{"name": "global", "protocol": "HTTP", "scope": "Cluster"}],
    "resources": {"limits": {"cpu": "100m", "memory": "100Mi"}, "requests": {"cpu": "100m", "memory": "100Mi"}},
    "liveness_probe": {
        "failure_threshold": 1,
        "http_get": {"path": "/healthz", "port": "global"},
        "period_seconds": 20,
    },
    "readiness_probe": {"exec": {"command": ["cat", "/tmp/ready"]}, "initial_delay_seconds": 5, "period_seconds": 5},
    "startup_probe": {
        "failure_threshold": 30,
        "http_get": {"path": "/healthz", "port": "global"},
        "period_seconds": 10,
    },
}
EXAMPLE: dict[str, Any] = {
    "name": "appimage-template",
    "image": {"id": "adlipoidu8yuahd6", "name": "app-image", "sign": "nkdy7pad09iuadjd", "tag": "v1.0.0"},
    "config_templates": {"task.conf": CONFIG},
    "deploy_templates": [
        {"name": "app", "replicas": 1, "role": "server", "restart_policy": "Never", "containers": [CONTAINER]}
    ],
}
