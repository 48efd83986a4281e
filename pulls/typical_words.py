"""What an engine, a registry or the network typically says when something of `pulls.failures.CATALOGUE` happens.

For docs/errors.md: somebody who has only these words in front of him finds the code by them. The codes that are missing
here are decided by this product itself, without anybody's words.
"""

from __future__ import annotations

from collections.abc import Mapping

TYPICAL: Mapping[str, str] = {
    "registry_dns": (
        'Get "https://nosuch.example.com:5000/v2/": dial tcp: lookup nosuch.example.com on 10.0.0.53:53: no such host'
    ),
    "docker_hub_unreachable": (
        'Get "https://registry-1.docker.io/v2/": net/http: request canceled while waiting for connection '
        "(Client.Timeout exceeded while awaiting headers)"
    ),
    "registry_refused": 'Get "http://10.0.0.250:5000/v2/": dial tcp 10.0.0.250:5000: connect: connection refused',
    "registry_timeout": 'Get "http://10.0.0.251:5000/v2/": dial tcp 10.0.0.251:5000: i/o timeout',
    "registry_reset": "http2: server sent GOAWAY and closed the connection; LastStream=401",
    "registry_unreachable": 'Get "https://10.0.0.7:5000/v2/": dial tcp 10.0.0.7:5000: connect: no route to host',
    "registry_proxy": (
        'Get "https://registry.example.com/v2/": proxyconnect tcp: dial tcp 10.0.0.3:3128: connect: connection refused'
    ),
    "registry_rate_limited": "toomanyrequests: You have reached your pull rate limit.",
    "registry_server_error": "received unexpected HTTP status: 502 Bad Gateway",
    "registry_bad_answer": "error unmarshalling content: invalid character '<' looking for beginning of value",
    "registry_tls_unknown_ca": (
        'Get "https://registry.example.com/v2/": tls: failed to verify certificate: x509: certificate signed '
        "by unknown authority"
    ),
    "registry_tls_host_mismatch": (
        'Get "https://denied.example.com/v2/": tls: failed to verify certificate: x509: certificate is valid '
        "for registry.example.com, *.example.org, not denied.example.com"
    ),
    "registry_tls_expired": (
        'Get "https://registry.example.com/v2/": x509: certificate has expired or is not yet valid: current '
        "time 2026-01-02T03:04:05Z is after 2025-12-31T00:00:00Z"
    ),
    "registry_tls_failed": 'Get "https://registry.example.com/v2/": remote error: tls: handshake failure',
    "registry_plain_http": 'Get "https://plain.example.com:5842/v2/": http: server gave HTTP response to HTTPS client',
    "registry_ca_invalid": "no start line",
    "registry_unauthorized": "unauthorized: authentication required",
    "registry_credentials_missing": (
        'Head "http://basic.example.com:5000/v2/team/tiny/manifests/1": no basic auth credentials'
    ),
    "registry_denied": 'Head "https://ghcr.io/v2/team/app/manifests/1": denied: denied',
    "registry_auth_expired": (
        "error pulling image configuration: download failed after attempts=1: unauthorized: authentication required"
    ),
    "registry_token_insecure": "token service at http://token.example.com",
    "registry_policy_blocked": (
        "unknown: current image with 3 vulnerabilities cannot be pulled due to configured policy in 'Prevent "
        'images with vulnerability severity of "High" or higher from running.\''
    ),
    "image_access_denied": (
        "pull access denied for registry.example.com:5000/team/mid, repository does not exist or may require "
        "'docker login': denied: requested access to the resource is denied"
    ),
    "image_not_found": (
        "manifest for registry.example.com:5000/team/tiny:nosuch not found: manifest unknown: manifest unknown"
    ),
    "repository_not_found": "name unknown: repository name not known to registry",
    "digest_not_found": (
        "manifest for "
        "registry.example.com:5000/team/tiny@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa "
        "not found: manifest unknown: manifest unknown"
    ),
    "platform_missing": "no matching manifest for linux/arm64/v8 in the manifest list entries",
    "platform_mismatch": (
        "image with reference app:1 was found but its platform (linux/arm64/v8) does not match the specified "
        "platform (linux/amd64)"
    ),
    "platform_invalid": '"foo/bar/baz/qux": cannot parse platform specifier: invalid argument',
    "image_incomplete": "HTTP 404: MANIFEST_UNKNOWN: manifest unknown",
    "layer_missing": "error pulling image configuration: download failed after attempts=1: unknown blob",
    "layer_corrupt": (
        "filesystem layer verification failed for digest "
        "sha256:20712577de5b58935992305dab2b2df4299e3c4762630187ab3c6962ab92c57a"
    ),
    "registry_digest_mismatch": "expected sha256:aa, got sha256:bb",
    "not_an_image": 'Encountered remote "application/vnd.cncf.helm.config.v1+json"(unknown) when fetching',
    "schema1_unsupported": "application/vnd.docker.distribution.manifest.v1+prettyjws not supported",
    "manifest_unsupported": (
        "unsupported manifest media type and no default available: application/vnd.example.manifest.v9+json"
    ),
    "invalid_reference": "invalid reference format: repository name must be lowercase",
    "no_space_left": "write /var/lib/docker/tmp/GetImageBlob3159875368: no space left on device",
    "layer_unpack_failed": (
        "failed to register layer: ApplyLayer exit status 1 stdout:  stderr: lchown "
        "/opt/app/node_modules/denied: invalid argument"
    ),
    "too_many_layers": "failed to register layer: max depth exceeded",
    "node_storage_failed": "failed to register layer: mkdir /var/lib/docker/overlay2/x: structure needs cleaning",
    "node_out_of_resources": "failed to register layer: fork/exec /proc/self/exe: cannot allocate memory",
    "digest_mismatch": "sha256:20712577de5b58935992305dab2b2df4299e3c4762630187ab3c6962ab92c57a",
    "source_lost": "Connection broken: IncompleteRead(0 bytes read)",
    "source_refused": "open /var/lib/docker/overlay2/x/layer.tar: no such file or directory",
    "source_image_gone": "No such image: registry.example.com/team/app:1",
    "source_disk_full": "write /var/lib/docker/tmp/docker-export-1/layer.tar: no space left on device",
    "archive_missing": "[Errno 2] No such file or directory: '/srv/app.tar'",
    "archive_invalid": "ReadError: unexpected end of data",
    "archive_damaged": "Error processing tar file(exit status 1): unexpected EOF",
    "transfer_mismatch": (
        "sha256:20712577de5b58935992305dab2b2df4299e3c4762630187ab3c6962ab92c57a != "
        "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"
    ),
    "engine_refused": "[Errno 111] Connection refused",
    "engine_timeout": "Connection to 10.0.0.5 timed out. (connect timeout=4)",
    "engine_host_unknown": "[Errno -2] Name or service not known",
    "engine_unreachable": "[Errno 113] No route to host",
    "engine_gone": "Connection broken: IncompleteRead(0 bytes read)",
    "engine_restarted": "rpc error: code = Unavailable desc = transport is closing",
    "engine_server_error": "503 Service Unavailable: No server is available to handle this request.",
    "engine_rejected": "authorization denied by plugin casbin-authz-plugin: Access denied by casbin plugin",
    "engine_not_docker": "404 page not found",
    "engine_bad_address": "Invalid bind address format: port is required",
    "engine_api_too_old": "client version 1.99 is too new. Maximum supported API version is 1.41",
    "engine_api_too_new": (
        "client version 1.41 is too old. Minimum supported API version is 1.44, please upgrade your client "
        "to a newer version"
    ),
    "engine_tls_client_certificate": "SSLV3_ALERT_BAD_CERTIFICATE",
    "engine_tls_wrong_ca": "unable to get local issuer certificate",
    "engine_tls_wrong_host": "IP address mismatch, certificate is not valid for '10.0.0.5'",
    "engine_tls_expected": "Client sent an HTTP request to an HTTPS server.",
    "engine_tls_unexpected": "WRONG_VERSION_NUMBER",
    "engine_tls_failed": "certificate has expired",
    "engine_tls_key_invalid": "[SSL] PEM lib",
    "engine_socket_missing": "[Errno 2] No such file or directory",
    "engine_socket_permission": "('Connection aborted.', PermissionError(13, 'Permission denied'))",
    "engine_ssh_host_key": "Server '[10.0.0.5]:2222' not found in known_hosts",
    "engine_ssh_auth": "Authentication failed.",
    "engine_ssh_failed": "bash: docker: command not found",
    "database_away": "OperationalError",
    "internal_error": "4f1c20ab99d0",
    "unknown": "something that nobody has seen before",
}
