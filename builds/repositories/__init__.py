"""Git repositories: one commit of one branch, read over HTTP, for as long as somebody needs its files.

    with open_checkout(GitSource(url, branch), within=Limits(max_bytes=500_000_000)) as checkout:
        checkout.commit, checkout.entries("src/jupyter-pytorch-x")

Everything that goes wrong is a `GitError` with a code and evidence without secrets. Nothing of this machine takes
part: no git program, no configuration, no credential helper, no proxy of the environment.
"""

from builds.repositories.checkout import Checkout, GitSource, Limits, Notice, open_checkout
from builds.repositories.errors import CODES, TRANSIENT, GitError
from builds.repositories.urls import check_url, host_of, identity, is_allowed, origin_of
from builds.repositories.watching import Interrupted

__all__ = [
    "CODES",
    "TRANSIENT",
    "Checkout",
    "GitError",
    "GitSource",
    "Interrupted",
    "Limits",
    "Notice",
    "check_url",
    "host_of",
    "identity",
    "is_allowed",
    "open_checkout",
    "origin_of",
]
