"""The sentences for the codes of `appimages.render` and `appimages.files`: the rule, then an example."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.utils.translation import gettext as translated
from django.utils.translation import gettext_lazy as _

from appimages.files import FilesCode, FilesError
from appimages.render import TemplateCode, TemplateError

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

_ERRORS: Mapping[TemplateCode, _StrPromise] = {
    "template_too_long": _("a template has at most %(limit)s characters."),
    "result_too_long": _(
        "the file would have more than %(limit)s characters. Use shorter values, or use them less often."
    ),
    "value_too_deep": _(
        "the JSON in %(name)s has too many arrays and objects within each other. Put it in as text: {{.%(name)s}}."
    ),
    "too_many_filters": _(
        "filters such as [name=alice] would look at more than %(limit)s elements of arrays. Ask for fewer different "
        "keys, or give %(name)s shorter arrays."
    ),
    "too_many_braces": _("there are at most three braces in a row. Put a blank in between, for example { {{{.X}}} }."),
    "action_not_closed": _("the braces are not closed. Example: {{.TASK_ID}}."),
    "comment_not_closed": _(
        "a comment starts right behind its braces and ends right before them: {{/* like this */}}."
    ),
    "text_not_closed": _('the quotation mark is not closed. Example: {{if eq .ROLE "server"}}.'),
    "bad_escape": _(r"“\%(sign)s” means nothing in quotation marks. There are \n, \t, \r, \", \\ and \u4e2d."),
    "nothing_inside": _("something is missing here: the name of a variable, for example {{.TASK_ID}}."),
    "unexpected_sign": _(
        "“%(sign)s” cannot stand here. Names of variables consist of letters, digits and “_”. Example: {{.TASK_ID}}."
    ),
    "unexpected_word": _(
        "“%(word)s” cannot stand here. There is one value in a pair of braces, for example {{.TASK_ID}}."
    ),
    "not_supported": _(
        '“%(word)s” is not supported. There are {{.X}}, {{{.X.a[0].b}}}, {{if .X}} or {{if eq .X "a"}} (also ne and '
        'not) with {{else}} and {{end}}, {{printf "%%s" .X}} and {{/* comments */}}.'
    ),
    "looks_inside": _(
        "%(name)s is a text, so nothing can be taken out of it like this. To look into JSON, use three braces, for "
        "example {{{.%(name)s.key}}}."
    ),
    "printf_format": _(
        'printf takes a text with one “%%s” for each value after it, for example {{printf "%%s:%%s" .HOST .PORT}}.'
    ),
    "no_if": _("{{%(word)s}} belongs to no {{if}}. Example: {{if .X}}a{{else}}b{{end}}."),
    "else_twice": _("nothing but {{end}} follows {{else}}. Example: {{if .X}}a{{else}}b{{end}}."),
    "if_not_closed": _("{{if}} has no {{end}}. Example: {{if .X}}a{{end}}."),
    "path_expected": _(
        "a dot and the name of a variable follow three braces, for example {{{.ALLOCATED_PORTS.ports[0].port}}}."
    ),
    "quote_in_path": _(
        "there are no quotation marks in a path; write the value as it is, for example "
        "{{{.ALLOCATED_PORTS.ports[name=test].port}}}."
    ),
    "path_too_nested": _("there are at most %(limit)s paths in each other's brackets."),
}


_FILES: Mapping[FilesCode, _StrPromise] = {
    "bad_mount_path": _(
        "A file needs a path without “..”, for example conf/app.json in the working directory, or /etc/app.json."
    ),
    "bad_sub_path": _(
        "It names a configuration template, so it neither starts with “/” nor has “..” in it. Example: "
        "task-config.conf."
    ),
    "too_much": _(
        "All configuration files of a role have at most %(limit)s characters together, and so have their templates and "
        "the JSON that these look into. Mount fewer or shorter ones, for example one file of 10000 characters in each "
        "container."
    ),
    "too_many_references": _(
        "There are more than %(limit)s references such as $(NAME), and $$, in the values, the command and its "
        "arguments. Use fewer."
    ),
    "too_much_expanded": _(
        "What references such as $(NAME) stand for is more than %(limit)s characters. Use fewer, or shorter values."
    ),
}


def files_error_text(error: FilesError) -> str:
    """In the active language."""
    if error.template is not None:
        return template_error_text(error.template)
    return str(_FILES[error.code]) % error.params


def template_error_text(error: TemplateError) -> str:
    """Where and what, in the active language."""
    place = translated("Line %(line)s, column %(column)s: ") % {"line": error.line, "column": error.column}
    return place + str(_ERRORS[error.code]) % error.params
