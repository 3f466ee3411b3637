"""Key-value log lines of drivers (cores do not log), one a fact, secrets redacted, on stderr.

Plain lines in a container, coloured on a terminal. Each has service, and where it applies seq and cause.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, MutableMapping
from typing import Any

import structlog

Redact = Callable[[Any], Any]


def configure(redact: Redact | None = None) -> None:
    """redact: applied to every value before it is rendered."""

    def hide(_logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return line if redact is None else {key: redact(value) for key, value in line.items()}

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            hide,
            structlog.dev.ConsoleRenderer()
            if sys.stderr.isatty()
            else structlog.processors.LogfmtRenderer(key_order=("timestamp", "level", "service", "event")),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def logger(service: str) -> Any:  # structlog's bound logger is typed by its configuration
    return structlog.get_logger().bind(service=service)
