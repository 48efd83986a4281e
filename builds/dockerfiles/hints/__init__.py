"""Hints about the files of an application: what would fail, what makes an image larger, later builds different, or
secrets public. Rules that others have for Dockerfiles, too, and those that the usual applications need."""

from builds.dockerfiles.hints.finding import find_hints
from builds.dockerfiles.hints.kinds import Hint, HintCode, Severity

__all__ = ["Hint", "HintCode", "Severity", "find_hints"]
