"""How an engine of the tests is set up: its files, its namespace, its command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote

from tests.services.certs import Authority, Pair

PEM_NAMES = ("ca", "client_cert", "client_key", "rogue_ca", "rogue_client_cert", "rogue_client_key")


@dataclass(frozen=True)
class EngineCertificates:
    """What all engines of a session share: their authority, a client it knows, and a client it does not."""

    authority: Authority
    client: Pair
    rogue_authority: Authority
    rogue_client: Pair

    @classmethod
    def make(cls) -> EngineCertificates:
        authority, rogue = Authority("test engines CA"), Authority("rogue CA")
        client = authority.issue("test client", client=True)
        return cls(authority, client, rogue, rogue.issue("rogue client", client=True))

    def pem(self, name: str) -> str:
        """PEM text by name, see PEM_NAMES."""
        texts = {
            "ca": self.authority.cert,
            "client_cert": self.client.cert,
            "client_key": self.client.key,
            "rogue_ca": self.rogue_authority.cert,
            "rogue_client_cert": self.rogue_client.cert,
            "rogue_client_key": self.rogue_client.key,
        }
        return texts[name]


@dataclass(frozen=True)
class EngineOptions:
    """What may differ between engines. `disk_mb`: the data root is a tmpfs of that size."""

    disk_mb: int | None = None
    mirror: str | None = None  # URL of the registry that stands in for Docker Hub
    max_downloads: int = 3
    server_names: Sequence[str] = ("127.0.0.1",)  # what the TLS certificate is good for
    insecure: Sequence[str] = ()  # further registries, besides 127.0.0.0/8, that may speak plain HTTP
    hosts: Mapping[str, str] = field(default_factory=dict)  # names that the engine resolves, to addresses; no others
    extra_flags: Sequence[str] = field(default=())  # for dockerd
    programs: Path | None = None  # a folder that comes first on dockerd's PATH


class EngineFiles:
    """Where an engine keeps its things, below one directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.data = directory / "data"
        self.etc_docker = directory / "etc-docker"
        self.hosts = directory / "hosts"
        self.resolv_conf = directory / "resolv.conf"
        self.tls = directory / "tls"
        self.socket = directory / "docker.sock"

    def write(self, certificates: EngineCertificates, server: Pair, hosts: Mapping[str, str], name_server: str) -> None:
        """Make the directories and the files that dockerd reads."""
        for path in (self.data, self.etc_docker / "certs.d", self.tls):
            path.mkdir(parents=True, exist_ok=True)
        known = {"localhost": "127.0.0.1", **hosts}
        self.hosts.write_text("".join(f"{address} {name}\n" for name, address in known.items()))
        self.resolv_conf.write_text(f"nameserver {name_server}\noptions timeout:1 attempts:1\n")
        texts = {name: certificates.pem(name) for name in PEM_NAMES}
        texts |= {"server_cert": server.cert, "server_key": server.key}
        for name, text in texts.items():
            path = self.tls / f"{name}.pem"
            path.write_text(text)
            path.chmod(0o600)


def namespace_setup(files: EngineFiles, disk_mb: int | None) -> str:
    """Shell text that gives the engine its own /etc/docker, name resolution and, if asked for, data disk.

    /etc/resolv.conf may be a link into /run, which is empty in the namespace: hence the detour over its target.
    """
    lines = [
        "mkdir -p /etc/docker",
        f"mount --bind {quote(str(files.etc_docker))} /etc/docker",
        f"mount --bind {quote(str(files.hosts))} /etc/hosts",
        "resolv=$(readlink -f /etc/resolv.conf)",
        'mkdir -p "${resolv%/*}"; [ -e "$resolv" ] || touch "$resolv"',
        f'mount --bind {quote(str(files.resolv_conf))} "$resolv"',
    ]
    if disk_mb:
        lines.append(f"mount -t tmpfs -o size={disk_mb}m tmpfs {quote(str(files.data))}")
    return "\n".join(lines)


def dockerd_command(files: EngineFiles, options: EngineOptions, tls_port: int, cgroup: str) -> list[str]:
    """dockerd on its unix socket and, with mutual TLS, on one port. Without network rules or a bridge of its own."""
    command = ["dockerd", "--data-root", str(files.data), "--cgroup-parent", cgroup, "--log-level=warn"]
    command += ["--host", f"unix://{files.socket}", "--host", f"tcp://127.0.0.1:{tls_port}"]
    command += ["--tlsverify", "--tlscacert", str(files.tls / "ca.pem")]
    command += ["--tlscert", str(files.tls / "server_cert.pem"), "--tlskey", str(files.tls / "server_key.pem")]
    command += ["--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false"]
    command += ["--userland-proxy=false", "--max-concurrent-downloads", str(options.max_downloads)]
    for registry in ("127.0.0.0/8", *options.insecure):
        command += ["--insecure-registry", registry]
    if options.mirror:
        command += ["--registry-mirror", options.mirror]
    return [*command, *options.extra_flags]
