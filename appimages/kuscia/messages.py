"""The messages of Kuscia's AppImage API, as its protobuf files define them."""

from __future__ import annotations

from appimages.kuscia.fields import Message, int32, int64, many, mapping, one, text, texts

IMAGE = Message("AppImageInfo", text("name"), text("tag"), text("id"), text("sign"))
CONFIG_VOLUME_MOUNT = Message("ConfigVolumeMount", text("mount_path"), text("sub_path"))
PORT = Message("ContainerPort", text("name"), text("protocol"), text("scope"))
CONFIG_MAP_REF = Message("ConfigMapEnvSource", text("name"))
SECRET_REF = Message("SecretEnvSource", text("name"))
ENV_FROM = Message(
    "EnvFromSource",
    text("prefix"),
    one("config_map_ref", CONFIG_MAP_REF),
    one("secret_ref", SECRET_REF),
    asked=(one("secret_map_ref", SECRET_REF),),  # how Kuscia's own example writes it
)
ENV = Message("EnvVar", text("name"), text("value"))
RESOURCE_CONFIG = Message("ResourceConfig", text("cpu"), text("memory"))
RESOURCES = Message("ResourceRequirements", one("limits", RESOURCE_CONFIG), one("requests", RESOURCE_CONFIG))
EXEC = Message("ExecAction", texts("command"))
HTTP_HEADER = Message("HTTPHeader", text("name"), text("value"))
HTTP_GET = Message(
    "HTTPGetAction", text("path"), text("port"), text("host"), text("scheme"), many("http_headers", HTTP_HEADER)
)
TCP_SOCKET = Message("TCPSocketAction", text("port"), text("host"))
GRPC = Message("GRPCAction", int32("port"), text("service"))
PROBE = Message(
    "Probe",
    one("exec", EXEC),
    one("http_get", HTTP_GET),
    one("tcp_socket", TCP_SOCKET),
    one("grpc", GRPC),
    int32("initial_delay_seconds"),
    int32("timeout_seconds"),
    int32("period_seconds"),
    int32("success_threshold"),
    int32("failure_threshold"),
    int64("termination_grace_period_seconds"),
)
CONTAINER = Message(
    "Container",
    text("name"),
    texts("command"),
    texts("args"),
    text("working_dir"),
    many("config_volume_mounts", CONFIG_VOLUME_MOUNT),
    many("ports", PORT),
    many("env_from", ENV_FROM),
    many("env", ENV),
    one("resources", RESOURCES),
    one("liveness_probe", PROBE),
    one("readiness_probe", PROBE),
    one("startup_probe", PROBE),
    text("image_pull_policy"),
)
DEPLOY_TEMPLATE = Message(
    "DeployTemplate",
    text("name"),
    text("role"),
    int32("replicas"),
    text("restart_policy"),
    many("containers", CONTAINER),
)
APP_IMAGE = Message(
    "QueryAppImageResponseData",
    text("name"),
    one("image", IMAGE),
    mapping("config_templates"),
    many("deploy_templates", DEPLOY_TEMPLATE),
)
PAGE = Message("ListAppImageResponseData", many("appimage_list", APP_IMAGE), text("next_page_token"))

_HEADER = one("header", Message("RequestHeader", mapping("custom_headers")))
CREATE = Message("CreateAppImageRequest", _HEADER, *APP_IMAGE.fields)
UPDATE = Message("UpdateAppImageRequest", _HEADER, *APP_IMAGE.fields)
DELETE = Message("DeleteAppImageRequest", _HEADER, text("name"))
QUERY = Message("QueryAppImageRequest", _HEADER, text("name"))
BATCH_QUERY = Message("BatchQueryAppImageRequest", _HEADER, texts("names"))
LIST = Message("ListAppImageRequest", _HEADER, int64("page_size"), text("page_token"))
