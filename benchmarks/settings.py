"""The product's settings with one more route, for `benchmarks.list_pages`."""

from imagelib.settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks.urls"
