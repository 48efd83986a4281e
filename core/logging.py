"""Logs: one line per event with the request's or task's id; `plain` for people, `json` for machines."""

from __future__ import annotations

import logging
import logging.config
from typing import Any

import structlog

_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure(options: dict[str, str]) -> None:
    """`LOGGING_CONFIG` hook of Django. `options`: `{"format": "plain" | "json", "level": "INFO"}`."""
    render = (
        # Records of other libraries carry the exception itself, which is no JSON.
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if options["format"] == "json"
        else [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]
    )
    logging.captureWarnings(True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.processors.format_exc_info,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "main": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
                    "foreign_pre_chain": _SHARED,
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "main"}},
            "root": {"handlers": ["stderr"], "level": options["level"]},
            "loggers": {
                "django": {"handlers": [], "propagate": True},  # Django gave it a second voice
                # One line per HTTP request is django_structlog's; these say the same again, or are chatty.
                "uvicorn.access": {"level": "WARNING"},
                "django_structlog.middlewares": {"level": "WARNING"},
                "celery.worker.strategy": {"level": "WARNING"},
                "celery.app.trace": {"level": "WARNING"},
                "celery.beat": {"level": "WARNING"},
                "django_celery_beat": {"level": "WARNING"},
                "paramiko": {"level": "WARNING"},
                "axes": {"level": "WARNING"},
            },
        }
    )
