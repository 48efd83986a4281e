"""The sentences for the codes of `appimages.schema` and `appimages.importing`: the rule, then an example.

Those that any file may get are the kernel's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

from core.document_texts import file_text

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

# Of single fields, by the last key of their path.
_FIELDS: dict[str, _StrPromise] = {
    "missing": _("This must be given, for example {example}."),
    "empty": _("This must not be empty. Give a text, for example {example}."),
    "text": _("A text is wanted here. Write it in quotes, for example {example}."),
    "number": _("A whole number without quotes is wanted here, for example {example}."),
    "number_range": _("The number is too large or too small; at most {limit}, for example {example}."),
    "negative": _("The number must not be negative, for example {example}."),
    "truth": _("Either true or false is wanted here, without quotes, for example {example}."),
    "list": _("A list is wanted here, for example {example}."),
    "object": _("Keys with values are wanted here, for example {example}."),
    "too_few": _("At least one entry is needed here, for example {example}."),
    "quantity": _(
        "An amount is a number, with a unit if needed (m, k, M, G, Ki, Mi, Gi …) and no space between, for example "
        "{example}."
    ),
    "choice": _("One of {choices} is wanted here, for example {example}."),
    "half_character": _(
        "This contains half of a surrogate pair, which is not a character. Write it anew, for example {example}."
    ),
}
_OTHERS: dict[str, _StrPromise] = {
    # warnings
    "unknown_key": _("AppImages have no such key here, so it is left out."),
    "protocol_tcp": _("Kuscia knows the protocols HTTP and GRPC only and would refuse TCP; it is kept as it is."),
    "null_text": _(
        "{text} without quotes is taken as that text here. If there is meant to be nothing, leave the value empty."
    ),
    "working_dir": _(
        "Kuscia wants a working directory, for example workingDir: /work; without one the image's own is used."
    ),
    "metadata_dropped": _("Only the name is kept of the metadata, so this is left out."),
    "value_unused": _(
        "A value was given for placeholders of this kind, but the file has none, so the value is not used."
    ),
    # the file
    "placeholder": _(
        'A placeholder that is not one of an installation must stand in quotes, for example "{{{{.METRIC_PORT}}}}". '
        "Filled in are SF_NAME, APP_IMAGE_NAME, SF_IMAGE_NAME, IMAGE_NAME, SF_IMAGE_TAG, IMAGE_TAG and SF_IMAGE_ID."
    ),
    "value_missing": _(
        "The file is a template with placeholders for an installation: {placeholders}. Give their values with the "
        "import: name and image, for example name=my-image and image=registry.example.com/team/app:v1."
    ),
    "nothing": _(
        "The file holds no AppImage, for example one that begins with apiVersion: kuscia.secretflow/v1alpha1 and "
        "kind: AppImage."
    ),
    "too_many_app_images": _(
        "The file holds too many AppImages; at most {limit} are allowed. Split it, for example in two."
    ),
    # the resource
    "no_object": _("A document must be an AppImage with keys and values, for example kind: AppImage."),
    "kind": _(
        "Only AppImages and lists of them are imported, and this is “{kind}”. Give kind, for example kind: AppImage, "
        "and delete other documents."
    ),
    "api_version": _(
        "An AppImage of Kuscia is wanted, and this is of “{version}”. For example apiVersion: "
        "kuscia.secretflow/v1alpha1."
    ),
    "name": _(
        "At most 63 small letters a-z, digits, “-” and “.”; each part between dots begins and ends with a letter or "
        "digit. For example secretflow-image"
    ),
    "name_missing": _("An AppImage needs a name, for example metadata: {{name: secretflow-image}}."),
    "name_twice": _(
        "The name {name} stands in document {first} already. Give each AppImage a name of its own, for example "
        "{name}-2."
    ),
}  # fmt: skip
_EXAMPLES = {
    "image": 'image: {name: app, tag: "1.10"}',
    "tag": 'tag: "1.10"',
    "id": 'id: "sha256:9f86d0…"',
    "sign": 'sign: "nkdy7pad"',
    "configTemplates": 'configTemplates: {app.conf: "…"}',
    "deployTemplates": "deployTemplates: [{name: app, spec: {…}}]",
    "name": "name: app",
    "role": 'role: "server,client"',
    "replicas": "replicas: 1",
    "spec": "spec: {containers: [{name: app}]}",
    "containers": "containers: [{name: app, workingDir: /work}]",
    "restartPolicy": "restartPolicy: Never",
    "command": 'command: ["sh", "-c", "./app"]',
    "args": 'args: ["--role", "server"]',
    "workingDir": "workingDir: /work",
    "configVolumeMounts": "configVolumeMounts: [{mountPath: /etc/app.conf, subPath: app.conf}]",
    "mountPath": "mountPath: /etc/app.conf",
    "subPath": "subPath: app.conf",
    "ports": "ports: [{name: web, port: 8080, protocol: HTTP, scope: Cluster}]",
    "port": "port: 8080",
    "protocol": "protocol: HTTP",
    "scope": "scope: Cluster",
    "env": 'env: [{name: MODE, value: "on"}]',
    "envFrom": "envFrom: [{configMapRef: {name: settings}}]",
    "value": 'value: "on"',
    "resources": "resources: {limits: {cpu: 100m, memory: 512Mi}}",
    "limits": "limits: {cpu: 100m, memory: 512Mi}",
    "requests": "requests: {cpu: 100m, memory: 512Mi}",
    "cpu": "cpu: 100m",
    "memory": "memory: 512Mi",
    "exec": "exec: {command: [cat, /tmp/ready]}",
    "httpGet": "httpGet: {path: /health, port: 8080}",
    "tcpSocket": "tcpSocket: {port: 8080}",
    "privileged": "privileged: false",
    "optional": "optional: true",
    "roles": "roles: [client]",
    "from": "from: {roles: [client]}",
    "networkPolicy": "networkPolicy: {ingresses: [{from: {roles: [client]}, ports: [{port: web}]}]}",
    "imagePullPolicy": "imagePullPolicy: IfNotPresent",
}
_BY_CODE = {
    "text": '"1.10"', "empty": '"app"', "missing": '"app"', "number": "1", "number_range": "1", "negative": "1",
    "truth": "true", "list": "[a, b]", "object": "{name: app}", "too_few": "[a]", "quantity": "512Mi",
    "choice": "HTTP", "half_character": '"app"',
}  # fmt: skip


def notice_text(code: str, *, path: str = "", params: Mapping[str, Any] | None = None) -> str:
    """The sentence in the reader's language, without the path."""
    params = params or {}
    if code in _OTHERS:
        return str(_OTHERS[code]).format(**params)
    if code not in _FIELDS:
        return file_text(code, params)
    key = path.rpartition(".")[2].partition("[")[0]
    fitting = "" if path.endswith("]") else _EXAMPLES.get(key, "")
    return str(_FIELDS[code]).format(**{**params, "example": fitting or _BY_CODE[code]})
