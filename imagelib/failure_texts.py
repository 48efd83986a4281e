"""Title, cause and advice for everything that can go wrong between an image address and its registry."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from core.failure_texts import COMMON_TEXTS, FailureText, render

STAND_INS = {
    "host": _("the registry"),
    "wanted": _("this node's platform"),
    "platforms": _("other platforms"),
}

_NETWORK: Mapping[str, FailureText] = {
    "registry_dns": FailureText(
        _("Registry name does not resolve"),
        _("DNS gave no address for %(host)s."),
        _(
            "Check the spelling of the host in the image address and in Registry endpoints. If it is right, repair "
            "the DNS settings of the machine that asked: the node for a pull, this server for a check."
        ),
    ),
    "docker_hub_unreachable": FailureText(
        _("Docker Hub cannot be reached"),
        _("The image is to come from Docker Hub, but %(host)s does not answer from here."),
        _(
            "Write the full address of a registry that the node can reach, choose a default registry in Registry "
            "endpoints, or set up a registry mirror for the engine (“registry-mirrors” in its daemon.json)."
        ),
    ),
    "registry_refused": FailureText(
        _("Registry refused the connection"),
        _("Nothing accepts connections at the address and port of %(host)s."),
        _(
            "Start the registry, or correct the port in the image address and in Registry endpoints; then check "
            "the firewalls on the way."
        ),
    ),
    "registry_timeout": FailureText(
        _("Registry did not answer in time"),
        _("No connection to %(host)s, or no answer from it, came within the time limit."),
        _(
            "Check that the registry's address and port can be reached from the node (firewall, routing, proxy). A "
            "pull tries again by itself; if it keeps failing, the registry may be overloaded."
        ),
    ),
    "registry_reset": FailureText(
        _("Connection to the registry broke"),
        _("The connection to %(host)s was cut before everything had arrived."),
        _(
            "A pull tries again by itself. If it happens repeatedly, look for a proxy, firewall or load balancer "
            "that cuts long transfers, and read the registry's log."
        ),
    ),
    "registry_unreachable": FailureText(
        _("No route to the registry"),
        _("The network knows no way to %(host)s."),
        _("Check routing, VPN and firewall of the machine that asked: the node for a pull, this server for a check."),
    ),
    "registry_proxy": FailureText(
        _("Proxy to the registry failed"),
        _("The HTTP proxy that is configured on the way to %(host)s did not let the request through."),
        _(
            "Check HTTP_PROXY, HTTPS_PROXY and NO_PROXY of the engine on the node (service file or daemon.json). "
            "Add a registry of your own network to NO_PROXY and restart the engine."
        ),
    ),
    "registry_rate_limited": FailureText(
        _("Registry limits the requests"),
        _("Too many requests went to %(host)s in a short time, and it refuses more for now."),
        _(
            "A pull goes on by itself after the pause that the registry asks for, or after some minutes. To raise "
            "the limit, store an account in Registry endpoints, or use a mirror or a registry of your own."
        ),
    ),
    "registry_server_error": FailureText(
        _("Registry has an internal error"),
        _("The request reached %(host)s, which answered with an error of its own (HTTP 5xx)."),
        _(
            "A pull tries again by itself. If it keeps failing, look at the registry's log, at its storage and at "
            "the proxy in front of it."
        ),
    ),
    "registry_bad_answer": FailureText(
        _("Answer is not a registry's"),
        _("Something answers at %(host)s, but not in the way a registry does."),
        _(
            "Check host, port and path: the address may lead to a web page, a login portal or a proxy. Opened in a "
            "browser, https://HOST/v2/ must show {} or ask for a login."
        ),
    ),
}

_TLS: Mapping[str, FailureText] = {
    "registry_tls_unknown_ca": FailureText(
        _("Registry certificate not trusted"),
        _("The certificate of %(host)s was signed by an authority that is not trusted here."),
        _(
            "For pulls, store the authority's certificate on the node as /etc/docker/certs.d/HOST:PORT/ca.crt. For "
            "checks from this server, enter it as “CA certificate” in Registry endpoints."
        ),
    ),
    "registry_tls_host_mismatch": FailureText(
        _("Registry certificate names another host"),
        _("The certificate of %(host)s was issued for other names than the one that was asked for."),
        _(
            "Use a host name that the certificate contains, in the image address and in Registry endpoints, or "
            "have a certificate issued that lists this name or IP address as subject alternative name."
        ),
    ),
    "registry_tls_expired": FailureText(
        _("Registry certificate not valid now"),
        _("The certificate of %(host)s has expired or is not valid yet."),
        _(
            "Renew the registry's certificate. If it is current, correct the clock of the machine that asked: the "
            "node for a pull, this server for a check."
        ),
    ),
    "registry_tls_failed": FailureText(
        _("TLS with the registry failed"),
        _("No encrypted connection to %(host)s could be agreed on."),
        _(
            "Read the evidence: the registry may demand a client certificate, or offer only TLS versions that are "
            "refused here. Correct the TLS settings of the registry or of the proxy in front of it."
        ),
    ),
    "registry_plain_http": FailureText(
        _("Registry speaks plain HTTP"),
        _("HTTPS was expected from %(host)s, but it answers in unencrypted HTTP."),
        _(
            "It is best to give the registry a certificate. Otherwise add its host and port to "
            "“insecure-registries” in /etc/docker/daemon.json on the node and reload the engine, and tick "
            "“insecure” in Registry endpoints."
        ),
    ),
    "registry_ca_invalid": FailureText(
        _("CA certificate is not readable"),
        _("The CA certificate stored for this registry is not a valid PEM text."),
        _(
            "Enter it again as “CA certificate” in Registry endpoints: the whole text from -----BEGIN "
            "CERTIFICATE----- to -----END CERTIFICATE-----."
        ),
    ),
}

_RIGHTS: Mapping[str, FailureText] = {
    "registry_unauthorized": FailureText(
        _("Wrong registry credentials"),
        _("User name or password were not accepted by %(host)s."),
        _(
            "Correct user name and password in Registry endpoints, and make sure that the endpoint is meant for "
            "this host and path. An access token may have expired."
        ),
    ),
    "registry_credentials_missing": FailureText(
        _("Registry demands a login"),
        _("This image cannot be read without a login at %(host)s, and no suitable credentials were sent."),
        _(
            "Store user name and password in Registry endpoints; the endpoint's host and path must be the beginning "
            "of the image address. A “docker login” on the node does not help: credentials go with every pull."
        ),
    ),
    "registry_denied": FailureText(
        _("No right to read the image"),
        _("The account that was used has no right to read this image at %(host)s, or the image does not exist."),
        _(
            "Check the spelling of project and image. Ask the registry's administrator for read access, or enter "
            "another account in Registry endpoints."
        ),
    ),
    "registry_auth_expired": FailureText(
        _("Access was lost during the pull"),
        _(
            "The manifest could be read, but then a layer was refused at %(host)s: the token had expired, or the "
            "account may read only a part."
        ),
        _(
            "Try again: every attempt gets a new token. If it fails at the same layer, check the account's rights in "
            "the registry, and the clocks of registry and node."
        ),
    ),
    "registry_token_insecure": FailureText(
        _("Login would not be encrypted"),
        _("The registry sends logins to a token service over plain HTTP, where others could read the password."),
        _(
            "Give the token service an https:// address in the registry's configuration. In a network that you "
            "trust, tick “insecure” in Registry endpoints instead."
        ),
    ),
    "registry_policy_blocked": FailureText(
        _("Blocked by a registry policy"),
        _(
            "A policy forbids pulling this image from %(host)s, for example because of known vulnerabilities, a "
            "missing scan or a missing signature."
        ),
        _(
            "Look at the image in the registry (in Harbor: scan result and policy of the project), then repair or "
            "rescan the image, or have an exception granted."
        ),
    ),
    "image_access_denied": FailureText(
        _("Image not found or private"),
        _(
            "The image does not exist at %(host)s, or it is private and the credentials are missing or not "
            "sufficient: the answer is the same in all these cases."
        ),
        _(
            "First check the spelling of the address in Image library. If it is right, enter an account with read "
            "access in Registry endpoints; host and path must match the address."
        ),
    ),
}

_CONTENT: Mapping[str, FailureText] = {
    "image_not_found": FailureText(
        _("Image or tag not found"),
        _("There is no image with this name and tag at %(host)s."),
        _(
            "Check name and tag in Image library, and look up in the registry which tags exist. For an image from "
            "Docker Hub, the node or its mirror must be able to reach Docker Hub."
        ),
    ),
    "repository_not_found": FailureText(
        _("Repository not found"),
        _("There is no repository of this name at %(host)s."),
        _(
            "Check project and image name in Image library, and whether the image was pushed to this registry. With "
            "a default registry, look at the effective address shown with the entry."
        ),
    ),
    "digest_not_found": FailureText(
        _("No image with this digest"),
        _("No image with the digest of the address is at %(host)s; it was deleted, or never pushed there."),
        _("Take the current digest from the registry and correct the address in Image library, or use a tag."),
    ),
    "platform_missing": FailureText(
        _("No image for this platform"),
        _("The image is not built for %(wanted)s; it is offered for %(platforms)s."),
        _(
            "Pull it onto a node whose platform is offered, or build and push the image for this platform too, for "
            "example with “docker buildx build --platform”."
        ),
    ),
    "image_incomplete": FailureText(
        _("Image incomplete in the registry"),
        _("The image names a manifest or a configuration that is no longer at %(host)s."),
        _(
            "Push the image again with all its platforms; a clean-up of the registry or an interrupted copy may have "
            "removed a part."
        ),
    ),
    "not_an_image": FailureText(
        _("Not a container image"),
        _("The address leads to something else at %(host)s, such as a Helm chart, a plugin or a model file."),
        _("Correct name and tag in Image library so that they lead to a container image."),
    ),
    "schema1_unsupported": FailureText(
        _("Image format is too old"),
        _("The image exists only in the manifest format of 2015 (schema 1), which engines no longer read."),
        _("Build the image anew with a current Docker, push it, and use the new one."),
    ),
    "manifest_unsupported": FailureText(
        _("Image format not supported"),
        _("The image's manifest has a format that is not supported here."),
        _(
            "Build and push the image in the OCI or Docker v2 format, or update Docker on the node if the format is "
            "a newer one."
        ),
    ),
    "registry_digest_mismatch": FailureText(
        _("Registry content is damaged"),
        _("The data from %(host)s does not match the digest it is stored under."),
        _(
            "Try again. If it stays so, push the image again, and look for a caching proxy on the way that delivers "
            "altered data."
        ),
    ),
    "invalid_reference": FailureText(
        _("Image address is not valid"),
        _("The image's name, tag or digest is not written in a way that engines accept."),
        _(
            "Correct the address in Image library: lower-case name and a tag, for example "
            "registry.example.com/team/app:v1."
        ),
    ),
}

REGISTRY_TEXTS: Mapping[str, FailureText] = {**_NETWORK, **_TLS, **_RIGHTS, **_CONTENT}
_KNOWN: Mapping[str, FailureText] = {**COMMON_TEXTS, **REGISTRY_TEXTS}


def registry_failure_text(code: str, params: Mapping[str, object] | None = None) -> FailureText:
    """Title, cause and advice for the code of a `RegistryError`, as plain strings in the active language."""
    return render(_KNOWN, code, params, stand_ins=STAND_INS)
