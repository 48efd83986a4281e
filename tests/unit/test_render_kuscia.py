"""What Kuscia's own renderer does, statement by statement; ours differs where the name of a test says "ours"."""

from __future__ import annotations

import json

import pytest

from appimages.render import SECRET_NAMES, TemplateError, render

PORTS = {"ports": [{"name": "test", "port": 26409, "scope": "Domain", "protocol": "HTTP"}]}
CLUSTER = {
    "parties": [
        {"name": "alice", "role": "", "services": [{"portName": "test", "endpoints": ["alice.svc:80"]}]},
        {"name": "bob", "role": "", "services": [{"portName": "test", "endpoints": ["bob.svc:80"]}]},
    ],
    "selfPartyIdx": 1,
    "selfEndpointIdx": 0,
}
VARIABLES = {
    "TASK_ID": "task-1",
    "ALLOCATED_PORTS": json.dumps(PORTS),
    "TASK_CLUSTER_DEFINE": json.dumps(CLUSTER),
}


def text_of(template: str, **variables: object) -> str:
    given = {name: value if isinstance(value, str) else json.dumps(value) for name, value in variables.items()}
    return render(template, VARIABLES | given).text


def error_of(template: str) -> TemplateError:
    with pytest.raises(TemplateError) as raised:
        render(template, VARIABLES)
    return raised.value


def test_p59_a_variable_becomes_its_value_and_a_missing_one_nothing() -> None:
    assert text_of("[{{.TASK_ID}}]") == "[task-1]"
    assert render("[{{.SERVING_ID}}]", VARIABLES).text == "[]"
    assert render("[{{.SERVING_ID}}]", VARIABLES).unresolved == ("SERVING_ID",)


def test_p60_a_json_value_stands_between_quotes() -> None:
    text = text_of('{"task": "{{.TASK_ID}}", "ports": "{{.ALLOCATED_PORTS}}"}')
    assert json.loads(text)["ports"] == VARIABLES["ALLOCATED_PORTS"]
    assert json.loads(json.loads(text)["ports"]) == PORTS


def test_p61_a_path_finds_a_port_by_name_and_a_name_by_index() -> None:
    assert text_of("{{{.ALLOCATED_PORTS.ports[name=test].port}}}") == "26409"
    assert text_of("{{{.ALLOCATED_PORTS.ports[0].name}}}") == "test"


def test_a_filter_compares_what_is_true_or_false_as_words() -> None:
    ports = '[{"name": 5, "open": true}, {"name": "b", "open": false}]'
    assert text_of("{{{.P[open=false].name}}}|{{{.P[open=true].name}}}|{{{.P[name=5].open}}}", p=ports) == "b|5|true"


def test_p62_an_index_comes_from_another_field() -> None:
    path = "{{{.TASK_CLUSTER_DEFINE.parties[.TASK_CLUSTER_DEFINE.selfPartyIdx].services[0].endpoints[0]}}}"
    assert text_of(path) == "bob.svc:80"
    assert text_of("{{{.TASK_CLUSTER_DEFINE.selfEndpointIdx}}}") == "0"


def test_names_of_variables_are_taken_in_upper_case_and_templates_are_not() -> None:
    assert text_of("{{.KUSCIA_PORT_TEST_NUMBER}}|{{.task_id}}", kuscia_port_test_number="1") == "1|"


@pytest.mark.parametrize("template", ["{{.TASK_ID}}", "{{ .TASK_ID }}", "{{\t.TASK_ID\n}}"])
def test_blanks_inside_the_braces_do_not_matter(template: str) -> None:
    assert text_of(template) == "task-1"


@pytest.mark.parametrize(
    ("template", "result"),
    [
        ("a \n {{- .TASK_ID}} b", "atask-1 b"),
        ("a {{.TASK_ID -}} \n b", "a task-1b"),
        ("a {{- .TASK_ID -}} b", "atask-1b"),
        ("a {{- if .TASK_ID -}} b {{- end -}} c", "abc"),
        ("a\u00a0{{- .TASK_ID}}", "a\u00a0task-1"),  # Go trims no other blanks
        ("a {{- /* c */ -}} b", "ab"),
        ("a {{/* c */}}{{- .TASK_ID}}", "a task-1"),  # only what is right before the braces
    ],
)
def test_hyphens_trim_blanks(template: str, result: str) -> None:
    assert text_of(template) == result


@pytest.mark.parametrize(
    ("template", "result"),
    [
        ("{{if .TASK_ID}}a{{end}}", "a"),
        ("{{if .NO}}a{{end}}", ""),
        ("{{if .NO}}a{{else}}b{{end}}", "b"),
        ("{{if .NO}}a{{else if .TASK_ID}}b{{else}}c{{end}}", "b"),
        ("{{if .TASK_ID}}a{{else if .TASK_ID}}b{{else}}c{{end}}", "a"),
        ("{{if .NO}}{{if .TASK_ID}}a{{else}}b{{end}}{{else}}c{{end}}", "c"),
        ("{{if .TASK_ID}}{{if .NO}}a{{else}}b{{end}}{{else}}c{{end}}", "b"),
        ("{{if not .NO}}a{{end}}", "a"),
        ('{{if eq .TASK_ID "task-1"}}a{{end}}{{if ne .TASK_ID `task-1`}}b{{end}}', "a"),
        ('{{if eq .NO ""}}a{{end}}', "a"),
        ("{{/* nothing {{.X}} */}}a", "a"),
        ('{{"{{"}}', "{{"),
        (r'{{"\"\\\u4e2d\n"}}', '"\\中\n'),
        ('{{printf "%s:%v 100%%" .TASK_ID "x"}}', "task-1:x 100%"),
    ],
)
def test_conditions_comments_texts_and_printf(template: str, result: str) -> None:
    assert text_of(template) == result


@pytest.mark.parametrize(
    ("template", "code"),
    [
        ("{{.A-B}}", "unexpected_sign"),
        ("{{.A.b}}", "looks_inside"),
        ("{{.A", "action_not_closed"),
        ("{{", "action_not_closed"),
        ("{{{.A", "action_not_closed"),
        ("{{.A}", "unexpected_sign"),
        ("{{}}", "nothing_inside"),
        ("{{if}}{{end}}", "nothing_inside"),
        ("{{if eq .A}}{{end}}", "nothing_inside"),
        ("{{upper .A}}", "not_supported"),
        ("{{if upper}}{{end}}", "not_supported"),
        ("{{if eq upper .A}}{{end}}", "not_supported"),
        ("{{range .A}}{{end}}", "not_supported"),
        ("{{.A .B}}", "unexpected_word"),
        ("{{.A | printf}}", "unexpected_sign"),
        ("{{$x}}", "unexpected_sign"),
        ("{{.}}", "unexpected_sign"),
        ('{{"a}}', "text_not_closed"),
        (r'{{"\q"}}', "bad_escape"),
        ("{{/* a", "comment_not_closed"),
        ("{{/* a */ .X}}", "comment_not_closed"),
        ('{{printf .A "x"}}', "printf_format"),
        ('{{printf "%d" .A}}', "printf_format"),
        ('{{printf "%s"}}', "printf_format"),
        ('{{printf "a" .A}}', "printf_format"),
        ("{{end}}", "no_if"),
        ("{{else}}", "no_if"),
        ("{{if .A}}{{else}}{{else}}{{end}}", "else_twice"),
        ("{{if .A}}a", "if_not_closed"),
        ("{{{{.A}}}}", "too_many_braces"),
        ("{{{ if .A}}}", "path_expected"),
        ('{{{.A["b"]}}}', "quote_in_path"),
        ('{{{.A.b[name="alice"].c}}}', "quote_in_path"),
        ("{{{.A'}}}", "quote_in_path"),
        ("{{{.A.b c}}}", "unexpected_sign"),
        ("{{{.A[]}}}", "unexpected_sign"),
        ("{{{.A[.B}}}", "unexpected_sign"),
        ("{{{.}}}", "unexpected_sign"),
    ],
)
def test_anything_else_is_an_error(template: str, code: str) -> None:
    assert error_of(template).code == code


def test_what_is_not_reached_is_read_all_the_same() -> None:
    assert error_of("{{if .NO}}{{range .X}}{{end}}").code == "not_supported"


def test_an_error_has_a_line_and_a_column() -> None:
    error = error_of("first: {{.TASK_ID}}\n中文 {{.A-B}}")
    assert (error.line, error.column, error.params) == (2, 8, {"sign": "-"})


def test_lone_closing_braces_are_text() -> None:
    assert text_of('{"a": {"b": {{{.TASK_CLUSTER_DEFINE.selfPartyIdx}}}}} }}') == '{"a": {"b": 1}} }}'


def test_quotes_newlines_and_backslashes_are_escaped_and_chinese_is_not() -> None:
    assert text_of("{{.X}}", X='"a"\n\t\\中') == r"\"a\"\n\t\\中"


def test_ours_quotes_at_the_ends_and_control_characters_are_json() -> None:
    assert text_of("{{.X}}", X='say "x"') == r"say \"x\""
    assert text_of("{{.X}}", X="\x01\a\v") == r"\u0001\u0007\u000b"


DATA = {
    "a": ["x", "y", "z"],
    "n": None,
    "t": True,
    "o": {"b": [1], "a": "<>&"},
    "d": [["p"]],
    "m": [{"k": "m.x"}, {"k": 7, "v": 2}],
}


@pytest.mark.parametrize(
    ("path", "result"),
    [
        ("a[0]", "x"),
        ("a[-1]", "z"),
        ("a[-2]", "y"),
        ("t", "true"),
        ("o", r'{"a":"\u003c\u003e\u0026","b":[1]}'),
        ("o.a", "<>&"),  # strings are put in as they are
        ("a", '["x","y","z"]'),
        ("m[k=7].v", "2"),  # numbers are compared as their text
    ],
)
def test_what_a_path_finds(path: str, result: str) -> None:
    assert text_of("{{{.X." + path + "}}}", X=DATA) == result
    assert text_of("{{{ .X." + path + " }}}", X=DATA) == result


@pytest.mark.parametrize(
    "path",
    [
        "no",
        "n",
        "a[3]",
        "a[-3]",
        "a[99999999999999999999]",
        "o[0]",
        "t.x",
        "a.x",
        "a[k=v]",
        "m[k=8]",
        "m[.X.no].k",
        "m[.X.t].k",
        "d[0][0]",
        "m[k=m.x]",
        "m[0][k=m]",
    ],
)
def test_a_path_that_leads_nowhere_is_empty_and_listed(path: str) -> None:
    rendered = render("[{{{.X." + path + "}}}]", {"X": json.dumps(DATA)})
    assert (rendered.text, rendered.unresolved) == ("[]", ("X." + path,))


def test_of_what_a_missing_variable_leads_to_the_variable_is_listed_once() -> None:
    rendered = render("{{{.NO.a}}}{{{.NO.b}}}{{.NO}}{{.OTHER}}", {})
    assert (rendered.text, rendered.unresolved) == ("", ("NO", "OTHER"))


def test_a_variable_that_only_a_condition_asks_for_is_not_listed() -> None:
    assert render("{{if .DEBUG}}{{.LEVEL}}{{end}}{{.NO}}", {}).unresolved == ("NO",)


def test_strings_that_a_path_finds_are_not_escaped() -> None:
    assert text_of("{{{.X.a}}}", X={"a": 'say "x"\n'}) == 'say "x"\n'


def test_a_whole_value_is_written_anew_and_what_is_no_json_stays() -> None:
    assert text_of("{{{.X}}}", X='{ "b": 1,\n "a": [ ] }') == '{"a":[],"b":1}'
    assert text_of("{{{.TASK_ID}}}") == "task-1"
    assert text_of("{{{.X}}}", X="NaN") == "NaN"


def test_two_braces_close_a_path_as_well() -> None:
    assert text_of("{{{.ALLOCATED_PORTS.ports[0].name}}|") == "test|"


def test_ours_numbers_keep_their_digits() -> None:
    assert text_of("{{{.X.a}}} {{{.X}}}", X='{"a": 12345678901234567890, "b": 1.50}') == (
        '12345678901234567890 {"a":12345678901234567890,"b":1.50}'
    )
    assert (
        text_of(
            "{{{.X[id=9007199254740993].v}}}", X='[{"id": 9007199254740992, "v": 1}, {"id": 9007199254740993, "v": 2}]'
        )
        == "2"
    )


@pytest.mark.parametrize("name", sorted(SECRET_NAMES))
def test_ours_secrets_are_never_filled_in(name: str) -> None:
    template = "{{.NAME}}{{{.NAME}}}{{if .NAME}}x{{end}}".replace("NAME", name)
    rendered = render(template, {name: "secret", name.lower(): "secret"})
    assert (rendered.text, rendered.unresolved) == ("", (name,))


def test_shell_variables_are_text() -> None:
    assert text_of("java ${JAVA_OPTS} $X {a}") == "java ${JAVA_OPTS} $X {a}"
