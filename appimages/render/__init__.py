"""Configuration templates: `{{.X}}`, `{{{.X.a[0].b}}}`, `{{if .X}}` and comments, filled with variables.

Pure: text in, text out. What a template may hold is the part of Go's `text/template` that Kuscia's templates use, and
Kuscia's own braces for looking into JSON. Anything else is a `TemplateError` with line and column;
`appimages.template_texts` has the sentences.
"""

from appimages.render.errors import TemplateCode, TemplateError
from appimages.render.parsing import MAX_TEMPLATE
from appimages.render.running import MAX_RESULT, SECRET_NAMES, Rendered, render, variables_in

__all__ = [
    "MAX_RESULT",
    "MAX_TEMPLATE",
    "SECRET_NAMES",
    "Rendered",
    "TemplateCode",
    "TemplateError",
    "render",
    "variables_in",
]
