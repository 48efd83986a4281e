"""The parts of an AppImage that are Kuscia's own, from the container up to the whole."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from appimages.schema.kubernetes import Affinity, Probe, SecurityContext
from appimages.schema.part import Part
from appimages.schema.values import Integer, Name, Protocol, Quantity, QuantityMap, Scope, Text, TextMap, Texts, Truth


class ConfigVolumeMount(Part):
    present = ("mountPath", "subPath")
    mountPath: Text
    subPath: Text


class ContainerPort(Part):
    present = ("name",)
    name: Text
    port: Integer | None = None
    protocol: Protocol | None = None
    scope: Scope | None = None


class SetReference(Part):
    """A config set or secret set by name."""

    name: Text | None = None
    optional: Truth | None = None


class EnvFromSource(Part):
    prefix: Text | None = None
    configMapRef: SetReference | None = None
    secretRef: SetReference | None = None


class FieldReference(Part):
    present = ("fieldPath",)
    apiVersion: Text | None = None
    fieldPath: Text


class ResourceFieldReference(Part):
    present = ("resource",)
    containerName: Text | None = None
    resource: Text
    divisor: Quantity | None = None


class KeyReference(Part):
    present = ("key",)
    name: Text | None = None
    key: Text
    optional: Truth | None = None


class EnvVarSource(Part):
    fieldRef: FieldReference | None = None
    resourceFieldRef: ResourceFieldReference | None = None
    configMapKeyRef: KeyReference | None = None
    secretKeyRef: KeyReference | None = None


class EnvVar(Part):
    present = ("name",)
    name: Text
    value: Text | None = None
    valueFrom: EnvVarSource | None = None


class ResourceClaim(Part):
    present = ("name",)
    name: Text
    request: Text | None = None


class ResourceRequirements(Part):
    limits: QuantityMap | None = None
    requests: QuantityMap | None = None
    claims: list[ResourceClaim] | None = None


class MetricProbe(Part):
    path: Text | None = None
    port: Text | None = None


class Container(Part):
    # The documents' own samples lack the working directory that the CRD asks for.
    present = forgivable = ("workingDir",)
    name: Name
    command: Texts | None = None
    args: Texts | None = None
    workingDir: Text
    configVolumeMounts: list[ConfigVolumeMount] | None = None
    ports: list[ContainerPort] | None = None
    envFrom: list[EnvFromSource] | None = None
    env: list[EnvVar] | None = None
    resources: ResourceRequirements | None = None
    livenessProbe: Probe | None = None
    readinessProbe: Probe | None = None
    startupProbe: Probe | None = None
    metricProbe: MetricProbe | None = None
    imagePullPolicy: Text | None = None
    securityContext: SecurityContext | None = None


class PodSpec(Part):
    restartPolicy: Text | None = None
    affinity: Affinity | None = None
    containers: Annotated[list[Container], Field(min_length=1)]


class IngressFrom(Part):
    roles: Texts


class IngressPort(Part):
    port: Text


class Ingress(Part):
    from_: Annotated[IngressFrom, Field(alias="from")]
    ports: list[IngressPort]


class NetworkPolicy(Part):
    ingresses: list[Ingress]


class DeployTemplate(Part):
    name: Name
    role: Text | None = None
    replicas: Annotated[Integer, Field(ge=0)] | None = None
    networkPolicy: NetworkPolicy | None = None
    spec: PodSpec


class AppImageInfo(Part):
    present = ("name", "tag")
    name: Name
    tag: Text
    id: Text | None = None
    sign: Text | None = None


class AppImageSpec(Part):
    image: AppImageInfo
    configTemplates: TextMap | None = None
    deployTemplates: Annotated[list[DeployTemplate], Field(min_length=1)]
