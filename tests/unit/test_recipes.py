"""From a deploy template to what one container of it gets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from instances.accelerator import Refused
from instances.recipes.files import directory_of
from instances.recipes.filling import Filled, fill
from instances.recipes.ports import PROBED, Port, choose, numbered, ports_of, told
from instances.recipes.probes import probed_ports, probes_of
from instances.recipes.recipe import Recipe
from instances.recipes.sizes import amount
from instances.recipes.template import Template

IMAGE_ID = "sha256:" + "a" * 64


def recipe(container: dict[str, Any] | None = None, **more: Any) -> Recipe:
    spec = more.pop("spec", {})
    return Recipe({"name": "c", **(container or {})}, {"name": "t", "spec": spec}, **more)


def code_of(call: Any) -> tuple[str, dict[str, Any]]:
    with pytest.raises(Refused) as refused:
        call()
    return refused.value.code, refused.value.params


# --- ports ------------------------------------------------------------------------------------------------------------


def test_ports_get_their_numbers() -> None:
    container = {"ports": [
        {"name": "free", "scope": "Cluster", "protocol": "GRPC"},
        {"name": "fixed", "port": 8080, "scope": "Domain"},
        {"name": "inner"},
        {"name": "probed", "port": 9090},
    ]}  # fmt: skip
    ports = ports_of(container, probed={"probed", 7070, "nowhere", 9090})
    assert [port.name for port in ports] == ["free", "fixed", "inner", "probed", ""]
    assert ports[-1] == Port("", 7070, scope=PROBED)
    done = numbered(ports, [1001, 1002, 1003, 1004, 1005], probed={"probed", 7070})
    assert [(port.number, port.host_port) for port in done] == [
        (1001, 1001), (8080, 1002), (1003, 0), (9090, 1004), (7070, 1005),
    ]  # fmt: skip
    variables = told(done)
    assert json.loads(variables.pop("ALLOCATED_PORTS"))["ports"][:2] == [
        {"name": "free", "port": 1001, "scope": "Cluster", "protocol": "GRPC"},
        {"name": "fixed", "port": 8080, "scope": "Domain", "protocol": "HTTP"},
    ]
    assert variables == {
        "KUSCIA_PORT_FREE_NUMBER": "1001", "KUSCIA_PORT_FIXED_NUMBER": "8080", "KUSCIA_PORT_INNER_NUMBER": "1003",
        "KUSCIA_PORT_PROBED_NUMBER": "9090",
    }  # fmt: skip
    assert told([]) == {} and told([Port("", 1, scope=PROBED)]) == {}


@pytest.mark.parametrize(
    ("ports", "code"),
    [
        ([{"name": "a"}, {"name": "a"}], "duplicate_port"),
        ([{"name": "a", "port": 1}, {"name": "b", "port": 1}], "duplicate_port"),
        ([{"name": "a", "port": 65536}], "bad_port"),
        ([{"name": "a", "port": -1}], "bad_port"),
        ([{"name": "a-b"}, {"name": "c"}, {"name": "a_b"}], "ports_alike"),
        ([{"name": "a"}, {"name": "A"}], "ports_alike"),
    ],
)
def test_ports_that_cannot_be(ports: list[dict[str, Any]], code: str) -> None:
    assert code_of(lambda: ports_of({"ports": ports}))[0] == code


def test_a_port_without_a_name_has_no_variable() -> None:
    ports = ports_of({"ports": [{"name": "", "port": 80}, {"port": 81}, {"name": "-", "port": 82}]})
    variables = told(numbered(ports, [1, 2, 3]))
    assert [one["port"] for one in json.loads(variables.pop("ALLOCATED_PORTS"))["ports"]] == [80, 81, 82]
    assert variables == {"KUSCIA_PORT___NUMBER": "82"}


def test_ports_are_looked_for_from_anywhere_and_round() -> None:
    assert choose({12, 14}, 3, first=10, last=15, start=11) == [11, 13, 15]
    assert choose({12, 14}, 4, first=10, last=15, start=13) == [13, 15, 10, 11]
    assert choose(set(), 0, first=10, last=10, start=10) == []
    assert choose({10}, 1, first=10, last=10, start=10) is None


# --- probes -----------------------------------------------------------------------------------------------------------

PORTS = (Port("http", 8080, 20001, "Domain"), Port("inner", 8081, 0))


def test_probes_with_their_defaults() -> None:
    container = {
        "startupProbe": {"exec": {"command": ["test", "-e", "$(FILE)"]}, "successThreshold": 5},
        "readinessProbe": {
            "httpGet": {"path": "healthz", "port": "http", "host": "app.example.com", "scheme": "https",
                        "httpHeaders": [{"name": "X-Probe", "value": "1"}]},
            "initialDelaySeconds": 3, "periodSeconds": 0, "timeoutSeconds": 7, "successThreshold": 2,
        },
        "livenessProbe": {"grpc": {"port": 8080, "service": "psi"}, "failureThreshold": 9,
                          "terminationGracePeriodSeconds": 45},
    }  # fmt: skip
    found = probes_of(container, PORTS, {"FILE": "/ready"})
    usual = {"delay": 0, "period": 10, "timeout": 1, "successes": 1, "failures": 3}
    assert found["startup"] == {**usual, "via": "exec", "command": ["test", "-e", "/ready"]}
    assert found["readiness"] == {
        **usual, "via": "http", "delay": 3, "timeout": 7, "successes": 2, "host_port": 20001, "path": "/healthz",
        "scheme": "HTTPS", "headers": [["Host", "app.example.com"], ["X-Probe", "1"]],
    }  # fmt: skip
    assert found["liveness"] == {**usual, "via": "grpc", "failures": 9, "host_port": 20001, "service": "psi",
                                 "grace": 45}  # fmt: skip
    assert probed_ports(container) == {"http", 8080}
    assert probes_of({"livenessProbe": {"tcpSocket": {"port": "8080"}}}, PORTS, {})["liveness"]["host_port"] == 20001
    assert probes_of({"livenessProbe": {}}, PORTS, {}) == {} == probes_of({}, PORTS, {})


@pytest.mark.parametrize(
    ("seconds", "grace"), [(None, None), (0, None), (1, 1), (600, 600), (601, 600), (2**62, 600), (-5, 1)]
)
def test_the_time_that_a_program_has_when_its_probe_has_failed(seconds: int | None, grace: int | None) -> None:
    one = {"exec": {"command": ["x"]}, "terminationGracePeriodSeconds": seconds}
    found = probes_of({f"{kind}Probe": one for kind in ("startup", "readiness", "liveness")}, PORTS, {})
    assert [found[kind].get("grace") for kind in ("startup", "readiness", "liveness")] == [grace, None, grace]


@pytest.mark.parametrize(
    ("probe", "code"),
    [
        ({"periodSeconds": 1}, "bad_probe"),
        ({"exec": {"command": []}, "periodSeconds": 1}, "bad_probe_command"),
        ({"exec": {"command": ["a\0"]}}, "bad_probe_command"),
        ({"tcpSocket": {"port": "absent"}}, "no_such_probe_port"),
        ({"tcpSocket": {"port": "inner"}}, "no_such_probe_port"),  # these ports were numbered without it
        ({"tcpSocket": {"port": ""}, "periodSeconds": 1}, "no_such_probe_port"),
        ({"httpGet": {"port": 8080, "path": "/a\r\nHost: b"}}, "bad_probe_path"),
        ({"httpGet": {"port": 8080, "httpHeaders": [{"name": "a", "value": "b\nc: d"}]}}, "bad_probe_header"),
        ({"httpGet": {"port": 8080, "httpHeaders": [{"name": "", "value": "b"}]}}, "bad_probe_header"),
        ({"httpGet": {"port": 8080, "httpHeaders": [{"name": "A B:", "value": "b"}]}}, "bad_probe_header"),
        ({"httpGet": {"port": 8080, "host": "b\r\nc: d"}}, "bad_probe_header"),
        ({"httpGet": {"port": 8080, "scheme": "FTP"}}, "bad_probe_scheme"),
    ],
)
def test_probes_that_cannot_be(probe: dict[str, Any], code: str) -> None:
    found, params = code_of(lambda: probes_of({"livenessProbe": probe}, PORTS, {}))
    assert (found, params["kind"]) == (code, "liveness")
    if code == "bad_probe":
        assert code_of(lambda: probed_ports({"startupProbe": probe})) == (code, {"kind": "startup"})


@pytest.mark.parametrize(
    ("path", "asked"),
    [("", "/"), ("a b", "/a%20b"), ("/a%20b?x=1&y=é#z", "/a%20b?x=1&y=%C3%A9%23z"), ("/v1/@a:b,c;d", "/v1/@a:b,c;d")],
)
def test_paths_of_probes_are_asked_for_as_urls_have_them(path: str, asked: str) -> None:
    probe = {"httpGet": {"port": 8080, "path": path}}
    assert probes_of({"livenessProbe": probe}, PORTS, {})["liveness"]["path"] == asked


# --- the whole of it --------------------------------------------------------------------------------------------------


def test_a_container_as_its_template_says() -> None:
    whole = recipe(
        {
            "command": ["sh"],
            "args": ["-c", "$(Epochs)"],
            "workingDir": "srv",
            "imagePullPolicy": "Always",
            "configVolumeMounts": [
                {"mountPath": "./a/app.conf", "subPath": "app.conf"},
                {"mountPath": "/srv/empty", "subPath": "no-such-template"},
            ],
            "env": [{"name": "Epochs", "value": "3"}],
            "ports": [{"name": "web", "scope": "Domain"}],
            "resources": {"limits": {"cpu": "500m", "memory": "1Gi"}, "requests": {"cpu": "0.25", "memory": "512Mi"}},
        },
        spec={"restartPolicy": "Always"},
        config_templates={"app.conf": "{{.EPOCHS}} {{.TASK_ID}} {{.SITE}} {{.ALLOCATED_PORTS}} {{.GONE}}"},
        image_id=IMAGE_ID,
        variables={"TASK_ID": "t-1", "ALLOCATED_PORTS": "a lie", "EPOCHS": "4"},
        defaults={"SITE": "lab", "EPOCHS": "1"},
    )
    assert whole.requests() == (0.25, 512 * 1024**2)
    made = whole.complete([20000])
    assert (made.container, made.deploy_template, made.entrypoint, made.args) == (
        "c",
        "t",
        ("sh",),
        ("-c", "$(Epochs)"),
    )
    assert (made.working_dir, whole.restart_policy, made.pull_policy) == ("/srv", "unless-stopped", "Always")
    assert (made.cpu_cores, made.memory_bytes, made.image_id) == (0.5, 1024**3, IMAGE_ID)
    filled = fill(made, {})
    environment = filled.environment.values
    assert (filled.entrypoint, filled.args) == (("sh",), ("-c", "3"))
    ports = environment["ALLOCATED_PORTS"].replace('"', '\\"')
    assert made.files == {"/srv/a/app.conf": f"4 t-1 lab {ports} "}, "what is given counts more than what is set"
    assert made.directories == ("/srv/empty",) and made.unresolved == {"/srv/a/app.conf": ["GONE"]}
    assert Template.of(json.loads(json.dumps(made.as_json()))) == made
    assert environment["Epochs"] == "3"


def test_what_is_left_out_is_the_images_own() -> None:
    whole = recipe({"command": [], "args": []}, image_id="abc")
    made = whole.complete([])
    assert (made.entrypoint, made.args, made.working_dir, made.image_id) == (None, None, "", "")
    assert (whole.restart_policy, made.pull_policy, made.cpu_cores, made.memory_bytes) == ("no", "IfNotPresent", 0, 0)
    assert (fill(made, {}), made.ports, made.probes) == (Filled(), (), {})
    assert directory_of("/") == "/" and directory_of(None) == ""


def test_secrets_are_no_variables_of_templates() -> None:
    container = {
        "env": [
            {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "token"}}},
            {"name": "URL", "value": "http://$(TOKEN)@host"},
        ],
        "readinessProbe": {"exec": {"command": ["test", "$(TOKEN)", "$(NAME)"]}},
        "configVolumeMounts": [{"mountPath": "/a", "subPath": "a"}],
    }
    sets = {"keys": {"token": "******"}}
    made = recipe(container, config_templates={"a": "x{{.TOKEN}}{{.URL}}y"}, secret_sets=sets).complete([])
    assert made.files == {"/a": "xy"} and made.unresolved == {"/a": ["TOKEN", "URL"]}
    assert made.probes["readiness"]["command"] == ["test", "$(TOKEN)", "$(NAME)"]


GROWING = [{"name": "V0", "value": "x" * 100}, *({"name": f"V{n}", "value": f"$(V{n - 1})" * 2} for n in range(1, 40))]


@pytest.mark.parametrize(
    ("container", "spec", "code"),
    [
        ({"securityContext": {"privileged": True}}, {}, "privileged"),
        ({"imagePullPolicy": "sometimes"}, {}, "pull_policy_unknown"),
        ({"command": ["a\0b"]}, {}, "bad_command"),
        ({"env": [{"name": "A=B", "value": ""}]}, {}, "bad_variable_name"),
        ({"env": [{"name": "", "value": ""}]}, {}, "bad_variable_name"),
        ({"env": [{"name": "A", "value": "a\0"}]}, {}, "bad_variable_value"),
        ({"env": GROWING[:12]}, {}, "bad_variable_value"),
        ({"env": GROWING}, {}, "too_much_expanded"),
        ({"args": ["$()" * 5_000] * 2 + ["$()"]}, {}, "too_many_references"),
        ({"env": GROWING[:9], "args": ["$(V8)"] * 300}, {}, "too_much_expanded"),
        ({"env": GROWING[:9], "livenessProbe": {"exec": {"command": ["$(V8)"] * 300}}}, {}, "too_much_expanded"),
        ({"resources": {"limits": {"cpu": "much"}}}, {}, "bad_quantity"),
        ({"configVolumeMounts": [{"mountPath": "../x", "subPath": "ok"}]}, {}, "bad_mount_path"),
        ({"workingDir": "a/../b"}, {}, "bad_mount_path"),
        ({"configVolumeMounts": [{"mountPath": "/", "subPath": "ok"}]}, {}, "bad_mount_path"),
        ({"configVolumeMounts": [{"mountPath": "/x", "subPath": "/ok"}]}, {}, "bad_sub_path"),
        ({"configVolumeMounts": [{"mountPath": "/x", "subPath": "a/../ok"}]}, {}, "bad_sub_path"),
        ({"configVolumeMounts": [{"mountPath": "/x", "subPath": "broken"}]}, {}, "bad_config_template"),
        ({"configVolumeMounts": [{"mountPath": f"/{n}", "subPath": "large"} for n in range(3)]}, {}, "files_too_large"),
    ],
)
def test_containers_that_cannot_be(container: dict[str, Any], spec: dict[str, Any], code: str) -> None:
    templates = {"ok": "", "broken": "{{.X", "large": "{{.BIG}}{{.BIG}}"}
    whole = recipe(container, spec=spec, config_templates=templates, variables={"BIG": "x" * 1_000_000})
    assert code_of(lambda: whole.complete([]))[0] == code


def test_nothing_is_rendered_beyond_what_files_may_have() -> None:
    mounts = [{"mountPath": f"/{n}", "subPath": "large"} for n in range(6)]
    whole = recipe(
        {"configVolumeMounts": [*mounts, {"mountPath": "/x", "subPath": "broken"}]},
        config_templates={"large": "{{.BIG}}", "broken": "{{.X"},
        variables={"BIG": "x" * 1_000_000},
    )
    assert code_of(lambda: whole.complete([])) == ("files_too_large", {"most": 5_000_000})


def test_files_without_ports_are_filled_in_once() -> None:
    """They are completed under the lock of a node for each replica."""
    texts = {
        "same": "plain {{.X}}",
        "if": "{{if .ALLOCATED_PORTS}}{{.X}}{{end}}",
        "port": "{{.KUSCIA_PORT_WEB_NUMBER}}",
        "in": "{{{.LIST[.KUSCIA_PORT_WEB_NUMBER]}}}",
    }
    container = {
        "ports": [{"name": "web", "scope": "Domain"}],
        "configVolumeMounts": [{"mountPath": f"/{key}", "subPath": key} for key in texts],
    }
    whole = recipe(container, config_templates=texts, variables={"X": "x" * 100, "LIST": '["none", "one", "two"]'})
    first, second = whole.complete([1]).files, whole.complete([2]).files
    assert first["/same"] is second["/same"] and first["/same"].startswith("plain xxx")
    assert [(files["/port"], files["/in"]) for files in (first, second)] == [("1", "one"), ("2", "two")]
    assert first["/if"] == second["/if"] and first["/if"] is not second["/if"]


def test_files_have_the_ports_that_stand_in_the_values_of_variables() -> None:
    container = {
        "ports": [{"name": "spu"}],
        "env": [
            {"name": "SELF", "value": "me:$(KUSCIA_PORT_SPU_NUMBER)"},
            {"name": "all", "value": "$(SELF),you:1"},
        ],
        "configVolumeMounts": [{"mountPath": f"/{key}", "subPath": key} for key in ("self", "all")],
    }
    whole = recipe(container, config_templates={"self": "self {{.SELF}}", "all": "{{if .ALL}}{{.ALL}}{{end}}"})
    assert whole.complete([1]).files == {"/self": "self me:1", "/all": "me:1,you:1"}
    assert whole.complete([28655]).files == {"/self": "self me:28655", "/all": "me:28655,you:1"}


def test_what_is_given_counts_most_however_it_is_written() -> None:
    container = {
        "env": [{"name": "TASK_ID", "value": "set"}],
        "configVolumeMounts": [{"mountPath": "/a", "subPath": "a"}],
    }
    given, default = {"task_id": "given"}, {"task_id": "default"}
    made = recipe(container, config_templates={"a": "{{.TASK_ID}}"}, variables=given, defaults=default).complete([])
    assert made.files == {"/a": "given"}


def test_names_that_no_column_or_environment_takes() -> None:
    made = recipe({"name": "a\0" + "b" * 300}).complete([])
    assert made.container == "a\N{REPLACEMENT CHARACTER}" + "b" * 253
    whole = recipe({"ports": [{"name": "a=b"}]})
    assert code_of(lambda: whole.complete([1]))[0] == "bad_variable_name"


def test_a_restart_policy_that_is_none() -> None:
    assert code_of(lambda: recipe(spec={"restartPolicy": "Sometimes"}).restart_policy)[0] == "restart_policy_unknown"


@pytest.mark.parametrize(
    ("resources", "needs"),
    [
        (None, (0, 0)),
        ({"requests": {"cpu": "500m", "memory": "1Ki"}, "limits": {"cpu": "4", "memory": "1Mi"}}, (0.5, 1024)),
        ({"limits": {"cpu": "4", "memory": "1Ki"}}, (4, 1024)),
        ({"limits": {"cpu": "4"}, "requests": {"memory": "1Ki"}}, (4, 1024)),
        ({"limits": {"cpu": "4"}, "requests": {"cpu": ""}}, (4, 0)),
        ({"limits": {"cpu": "4"}, "requests": {"cpu": "0"}}, (0, 0)),
    ],
)
def test_what_is_not_requested_is_needed_as_far_as_it_is_limited(resources: Any, needs: tuple[float, int]) -> None:
    assert recipe({"resources": resources}).requests() == needs
    assert recipe({"resources": resources}).devices() == {}


def test_devices_that_are_asked_for() -> None:
    resources = {"limits": {"cpu": "1", "a.io/x": "2", "a.io/y": 3}, "requests": {"a.io/x": "1", "a.io/z": "1"}}
    assert recipe({"resources": resources}).devices() == {"a.io/x": 2, "a.io/y": 3, "a.io/z": 1}
    assert code_of(lambda: recipe({"resources": {"limits": {"a.io/x": "many"}}}).devices())[0] == "bad_quantity"


def test_amounts() -> None:
    assert [amount(text) for text in ("", "2", "1500m", "1Ki")] == [0, 2, 1.5, 1024]
    for text in ("-1", "1e999", "9" * 30, "x"):
        assert code_of(lambda text=text: amount(text))[0] == "bad_quantity"
