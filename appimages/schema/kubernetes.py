"""Parts that Kuscia takes over from Kubernetes as they are: probes, affinity, what a container may do."""

from __future__ import annotations

from appimages.schema.part import Part
from appimages.schema.values import Integer, Integer64, Port, Text, TextMap, Texts, Truth

# --- probes ----------------------------------------------------------------------------------------------------------


class ExecAction(Part):
    command: Texts | None = None


class HttpHeader(Part):
    present = ("name", "value")
    name: Text
    value: Text


class HttpGetAction(Part):
    present = ("port",)
    path: Text | None = None
    port: Port
    host: Text | None = None
    scheme: Text | None = None
    httpHeaders: list[HttpHeader] | None = None


class TcpSocketAction(Part):
    present = ("port",)
    port: Port
    host: Text | None = None


class GrpcAction(Part):
    port: Integer | None = None
    service: Text | None = None


class Probe(Part):
    exec: ExecAction | None = None
    httpGet: HttpGetAction | None = None
    tcpSocket: TcpSocketAction | None = None
    grpc: GrpcAction | None = None
    initialDelaySeconds: Integer | None = None
    timeoutSeconds: Integer | None = None
    periodSeconds: Integer | None = None
    successThreshold: Integer | None = None
    failureThreshold: Integer | None = None
    terminationGracePeriodSeconds: Integer64 | None = None


# --- affinity --------------------------------------------------------------------------------------------------------


class Requirement(Part):
    present = ("key", "operator")
    key: Text
    operator: Text
    values: Texts | None = None


class NodeSelectorTerm(Part):
    matchExpressions: list[Requirement] | None = None
    matchFields: list[Requirement] | None = None


class NodeSelector(Part):
    nodeSelectorTerms: list[NodeSelectorTerm]


class PreferredSchedulingTerm(Part):
    weight: Integer
    preference: NodeSelectorTerm


class NodeAffinity(Part):
    requiredDuringSchedulingIgnoredDuringExecution: NodeSelector | None = None
    preferredDuringSchedulingIgnoredDuringExecution: list[PreferredSchedulingTerm] | None = None


class LabelSelector(Part):
    matchLabels: TextMap | None = None
    matchExpressions: list[Requirement] | None = None


class PodAffinityTerm(Part):
    present = ("topologyKey",)
    labelSelector: LabelSelector | None = None
    namespaces: Texts | None = None
    topologyKey: Text
    namespaceSelector: LabelSelector | None = None
    matchLabelKeys: Texts | None = None
    mismatchLabelKeys: Texts | None = None


class WeightedPodAffinityTerm(Part):
    weight: Integer
    podAffinityTerm: PodAffinityTerm


class PodAffinity(Part):
    requiredDuringSchedulingIgnoredDuringExecution: list[PodAffinityTerm] | None = None
    preferredDuringSchedulingIgnoredDuringExecution: list[WeightedPodAffinityTerm] | None = None


class Affinity(Part):
    nodeAffinity: NodeAffinity | None = None
    podAffinity: PodAffinity | None = None
    podAntiAffinity: PodAffinity | None = None


# --- what a container may do ------------------------------------------------------------------------------------------


class Capabilities(Part):
    add: Texts | None = None
    drop: Texts | None = None


class SeLinuxOptions(Part):
    level: Text | None = None
    role: Text | None = None
    type: Text | None = None
    user: Text | None = None


class SeccompProfile(Part):
    present = ("type",)
    type: Text
    localhostProfile: Text | None = None


class AppArmorProfile(Part):
    present = ("type",)
    type: Text
    localhostProfile: Text | None = None


class WindowsOptions(Part):
    gmsaCredentialSpec: Text | None = None
    gmsaCredentialSpecName: Text | None = None
    hostProcess: Truth | None = None
    runAsUserName: Text | None = None


class SecurityContext(Part):
    privileged: Truth | None = None
    allowPrivilegeEscalation: Truth | None = None
    capabilities: Capabilities | None = None
    procMount: Text | None = None
    readOnlyRootFilesystem: Truth | None = None
    runAsGroup: Integer64 | None = None
    runAsNonRoot: Truth | None = None
    runAsUser: Integer64 | None = None
    seLinuxOptions: SeLinuxOptions | None = None
    seccompProfile: SeccompProfile | None = None
    appArmorProfile: AppArmorProfile | None = None
    windowsOptions: WindowsOptions | None = None
