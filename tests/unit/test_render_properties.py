"""What holds for every template and every value, whatever their size."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from django.utils.translation import override
from hypothesis import example, given
from hypothesis import strategies as st

from appimages.render import MAX_RESULT, MAX_TEMPLATE, TemplateCode, TemplateError, render, variables_in
from appimages.render.values import MAX_COMPARED
from appimages.template_texts import template_error_text

any_text = st.text(st.characters())  # half characters as well
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
fragments = st.lists(
    st.sampled_from(
        [
            "{{",
            "{{{",
            "}}",
            "}}}",
            "{",
            "}",
            ".X",
            ".X.a",
            "[0]",
            "[-1]",
            "[a=1]",
            "[.X.i]",
            "if",
            "else",
            "end",
            "-",
            "/*",
            "*/",
            '"',
            "`",
            "\\",
            "printf",
            "%s",
            "eq",
            "中",
        ]
    )
    | st.sampled_from(" \n\ud800"),
    max_size=24,
).map("".join)


@example("\ud800")
@given(any_text)
def test_any_value_between_quotes_parses_back(value: str) -> None:
    text = render('"{{.X}}"', {"X": value}).text
    assert json.loads(text) == value
    text.encode()


@given(json_values)
def test_a_json_value_between_quotes_parses_back(value: Any) -> None:
    document = json.loads(render('{"a": "{{.X}}"}', {"X": json.dumps(value)}).text)
    assert json.loads(document["a"]) == value


@given(json_values.filter(lambda value: value is not None and not isinstance(value, str)))
def test_a_json_value_in_three_braces_is_the_same_value(value: Any) -> None:
    assert json.loads(render("{{{.X}}}", {"X": json.dumps(value)}).text) == value


@given(
    st.lists(json_values.filter(lambda value: value is not None and not isinstance(value, str)), min_size=1), st.data()
)
def test_an_index_finds_what_is_there(values: list[Any], data: st.DataObject) -> None:
    index = data.draw(st.integers(1 - len(values), len(values) - 1))
    text = render(f"{{{{{{.X.a[{index}]}}}}}}", {"X": json.dumps({"a": values})}).text
    assert json.loads(text) == values[index]


@given(st.text().filter(lambda text: "{{" not in text))
def test_text_without_braces_is_unchanged(text: str) -> None:
    assert render(text, {"X": "x"}) == render(text, {})
    assert render(text, {}).text == text


@given(fragments | any_text, any_text | st.just('{"a": [{"a": 1}], "i": 0}'))
def test_nothing_but_template_errors(template: str, value: str) -> None:
    try:
        rendered = render(template, {"X": value})
    except TemplateError as error:
        assert 1 <= error.line <= template.count("\n") + 1
        assert error.column >= 1
        assert template_error_text(error)
    else:
        rendered.text.encode()


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("code", get_args(TemplateCode))
def test_every_error_has_a_sentence_with_its_place(code: TemplateCode, language: str) -> None:
    error = TemplateError(code, line=3, column=7, limit=5, sign="-", word="range", name="PORTS")
    with override(language):
        text = template_error_text(error)
    assert "3" in text and "7" in text and "%" not in text.replace("%s", "")
    assert ("：" in text) == (language == "zh-hans")


def code_of(template: str, **variables: str) -> str:
    with pytest.raises(TemplateError) as raised:
        render(template, variables)
    return raised.value.code


def test_sizes_are_limited() -> None:
    assert render("x" * MAX_TEMPLATE, {}).text
    assert code_of("x" * (MAX_TEMPLATE + 1)) == "template_too_long"
    assert code_of("{{.X}}" * 5, X="x" * (MAX_RESULT // 4)) == "result_too_long"
    assert code_of("{{{.X}}}" * 5, X=json.dumps("x" * (MAX_RESULT // 4))) == "result_too_long"


def test_what_filters_look_at_is_limited() -> None:
    array = [{"k": "x"}] * (MAX_COMPARED // 20)
    value = json.dumps({"a": array, "b": array})
    keys = [f"k{number}" for number in range(9)]
    asked = "".join(f"{{{{{{.X.{name}[{key}=x].c}}}}}}" for name in "ab" for key in keys)
    found = render(asked + "{{{.X.a[k=x].k}}}" * 3 + "{{{.X.b[k=x].k}}}", {"X": value})
    assert (found.text, found.looked_at) == ("xxxx", MAX_COMPARED + len(value)), "each array and key once"
    assert code_of(asked + "{{{.X.a[k=x].k}}}{{{.X.b[k=x].k}}}{{{.X.a[y=x]}}}", X=value) == "too_many_filters"


def test_depths_are_limited_and_need_no_stack() -> None:
    deep = "[" * 100_000 + "]" * 100_000
    assert code_of("{{{.X}}}", X=deep) == "value_too_deep"
    assert code_of("{{{.X}}}", X="[" * 500 + "]" * 500) == "value_too_deep"
    assert render("{{{.X}}}", {"X": "[" * 100 + "]" * 100}).text == "[" * 100 + "]" * 100
    assert json.loads(render('"{{.X}}"', {"X": deep}).text) == deep
    blocks = 50_000
    assert render("{{if .X}}" * blocks + "a" + "{{end}}" * blocks, {"X": "1"}).text == "a"
    assert code_of("{{if .X}}" * blocks) == "if_not_closed"
    assert code_of("{{{.X" + "[.X" * 1000 + "]" * 1000 + "}}}") == "path_too_nested"


@pytest.mark.parametrize(
    "template",
    [
        "{" * 2,
        '{{"' + 'a"' * 200_000,
        "{{/*" * 200_000,
        "{{`" * 200_000,
        "{{{.X" + "[a=" * 200_000,
        "{{{.X" + "['" * 200_000,
        "{{" + "\\" * 400_000,
        '{{printf "' + "%s" * 150_000 + '"' + " .A" * 150_000 + "}}",
        "a " * 200_000 + "{{- .X}}",
        "{{{.X[id=99999].v}}}" * 20_000,
        "{{{.X[99999].v}}}" * 20_000,
    ],
)
def test_large_inputs_do_not_cost_their_square(template: str) -> None:
    """What grows with the square of the size takes hours here, and the run would be ended from outside."""
    value = json.dumps([{"id": number, "v": ""} for number in range(100_000)])
    try:
        render(template, {"X": value})
    except TemplateError as error:
        assert error.code


def test_the_variables_of_a_template_are_all_that_it_asks_for() -> None:
    text = '{{.A}}{{if eq .B "x"}}{{printf "%s" .C}}{{else if not .D}}{{{.E.f[.G.h]}}}{{end}}{{.A}}{{"I"}}'
    assert variables_in(text) == ("A", "B", "C", "D", "E", "G")
    with pytest.raises(TemplateError):
        variables_in("{{.A")
