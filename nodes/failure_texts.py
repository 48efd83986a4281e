"""Title, cause and advice for everything that can go wrong on the way to a node's engine."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from core.failure_texts import COMMON_TEXTS, FailureText, render

_CONNECTION: Mapping[str, FailureText] = {
    "engine_refused": FailureText(
        _("Engine refused the connection"),
        _("Nothing accepts connections at the node's Docker address."),
        _(
            "Start Docker on the node (systemctl start docker) and check that it listens on this address and port; "
            "otherwise correct “Docker address” in Compute nodes."
        ),
    ),
    "engine_timeout": FailureText(
        _("Engine does not answer"),
        _("The node's engine gave no answer in time: packets are lost on the way, or the engine hangs."),
        _(
            "Check that the node is up and that no firewall drops the port. If the node is well otherwise, look at "
            "Docker there (systemctl status docker, journalctl -u docker) and restart it if it hangs."
        ),
    ),
    "engine_host_unknown": FailureText(
        _("Node name does not resolve"),
        _("DNS gave no address for the host in the node's Docker address."),
        _("Correct the host of “Docker address” in Compute nodes, write an IP address, or repair DNS on this server."),
    ),
    "engine_unreachable": FailureText(
        _("No route to the node"),
        _("The network knows no way from this server to the node."),
        _("Check that the node is switched on, and routing, VPN and firewall between this server and the node."),
    ),
    "engine_gone": FailureText(
        _("Connection to the engine broke"),
        _("The connection to the node's engine was cut in the middle of the work: engine, node or network failed."),
        _(
            "A pull tries again by itself once the engine is back. If it stays away, check power, network and Docker "
            "on the node (journalctl -u docker)."
        ),
    ),
    "engine_server_error": FailureText(
        _("Engine has an internal error"),
        _("The engine, or a proxy in front of it, answers with an error whatever it is asked."),
        _(
            "Look at Docker's log on the node (journalctl -u docker), and at the proxy if there is one; restart "
            "Docker if needed."
        ),
    ),
    "engine_rejected": FailureText(
        _("Engine refused the request"),
        _("The engine understood the request and refused it; the evidence holds its reason."),
        _(
            "Read the evidence and correct what it names. If an authorization plugin of the engine refused, let it "
            "allow this server to pull and inspect images."
        ),
    ),
    "engine_not_docker": FailureText(
        _("No Docker behind this address"),
        _("Something answers at the node's Docker address, but it is not a Docker engine."),
        _(
            "Check host and port of “Docker address” in Compute nodes; another service or a proxy may be listening "
            "there."
        ),
    ),
    "engine_bad_address": FailureText(
        _("Docker address is not valid"),
        _("The node's Docker address cannot be understood."),
        _(
            "Correct “Docker address” in Compute nodes; it is written like unix:///var/run/docker.sock, "
            "tcp://10.0.0.5:2376 or ssh://user@10.0.0.5."
        ),
    ),
    "engine_api_too_old": FailureText(
        _("Engine is too old"),
        _("The Docker version of the node is older than this product supports."),
        _("Update Docker on the node; version 20.10 or newer is recommended."),
    ),
    "engine_api_too_new": FailureText(
        _("Engine is too new"),
        _("The Docker version of the node no longer speaks the API versions that this product knows."),
        _(
            "Update this product, or allow older API versions on the node (environment variable "
            "DOCKER_MIN_API_VERSION of the engine)."
        ),
    ),
}

_TLS: Mapping[str, FailureText] = {
    "engine_tls_client_certificate": FailureText(
        _("Engine wants another client certificate"),
        _(
            "The engine accepts only clients with a certificate of its own authority; ours is missing, or signed by "
            "another one."
        ),
        _(
            "Enter “client certificate” and “client key” in Compute nodes, signed by the authority that the engine "
            "trusts (its option --tlscacert)."
        ),
    ),
    "engine_tls_wrong_ca": FailureText(
        _("Engine certificate not trusted"),
        _("The engine's certificate was not signed by the CA certificate that is stored for the node."),
        _("Enter the authority that signed the engine's certificate as “CA certificate” in Compute nodes."),
    ),
    "engine_tls_wrong_host": FailureText(
        _("Engine certificate names another host"),
        _("The engine's certificate is not valid for the host in the node's Docker address."),
        _(
            "Write a name or IP address that the certificate contains into “Docker address” in Compute nodes, or "
            "issue a certificate that lists this one as subject alternative name."
        ),
    ),
    "engine_tls_expected": FailureText(
        _("Engine expects TLS"),
        _("The engine's port is encrypted, but the node is set to connect without TLS."),
        _("Tick “use TLS” in Compute nodes and enter CA certificate, client certificate and client key."),
    ),
    "engine_tls_unexpected": FailureText(
        _("Engine does not speak TLS"),
        _("The node is set to connect with TLS, but its Docker address answers unencrypted."),
        _(
            "Check the port: usually 2376 with TLS and 2375 without. It is best to set up TLS on the engine; only in "
            "a closed network clear “use TLS” in Compute nodes."
        ),
    ),
    "engine_tls_failed": FailureText(
        _("TLS with the engine failed"),
        _("No encrypted connection to the engine could be agreed on; its certificate may have expired."),
        _(
            "Read the evidence. Check the validity of the engine's certificate, the clocks of node and server, and "
            "that Docker on the node is not outdated."
        ),
    ),
    "engine_tls_key_invalid": FailureText(
        _("Client certificate or key unusable"),
        _("A certificate or the key stored for the node is no valid PEM text, or key and certificate do not match."),
        _(
            "Enter CA certificate, client certificate and client key again in Compute nodes, each as a whole PEM "
            "text, the key without a passphrase."
        ),
    ),
}

_SOCKET_AND_SSH: Mapping[str, FailureText] = {
    "engine_socket_missing": FailureText(
        _("Docker socket does not exist"),
        _("The socket file of the node's Docker address is not there."),
        _(
            "Start Docker on that machine and check the path, usually unix:///var/run/docker.sock. If this server "
            "runs in a container, the socket must be mounted into it."
        ),
    ),
    "engine_socket_permission": FailureText(
        _("No permission for Docker socket"),
        _("The account that connects may not open the Docker socket."),
        _(
            "Add the account to the group “docker” and let it log in again: with unix:// it is the account of this "
            "service, with ssh:// the SSH user on the node."
        ),
    ),
    "engine_ssh_host_key": FailureText(
        _("SSH host key not known"),
        _("The node presented an SSH key that is not on record for it here."),
        _(
            "Compare the key with the node's, then add it to the file of setting IMAGELIB_SSH_KNOWN_HOSTS, for "
            "example with ssh-keyscan. If a known key has changed without a reason, suspect an attack."
        ),
    ),
    "engine_ssh_auth": FailureText(
        _("SSH login refused"),
        _("The node did not accept the SSH user with the password or key that this server has."),
        _(
            "Correct user name and password in Compute nodes, or add this server's public key to authorized_keys of "
            "that user on the node."
        ),
    ),
    "engine_ssh_failed": FailureText(
        _("Docker over SSH failed"),
        _("The SSH connection failed, or Docker could not be used through it."),
        _(
            "Install the docker command on the node and check that the SSH user can run “docker system dial-stdio”; "
            "the evidence holds the reason."
        ),
    ),
}

ENGINE_TEXTS: Mapping[str, FailureText] = {**_CONNECTION, **_TLS, **_SOCKET_AND_SSH}
_KNOWN: Mapping[str, FailureText] = {**COMMON_TEXTS, **ENGINE_TEXTS}


def engine_failure_text(code: str, params: Mapping[str, object] | None = None) -> FailureText:
    """Title, cause and advice for the code of an `EngineError`, as plain strings in the active language."""
    return render(_KNOWN, code, params, stand_ins={})
