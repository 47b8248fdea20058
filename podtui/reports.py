"""podtui's log file, and unexpected errors: each is told in a line, with its traceback in the log file."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import TextIO

from podtui.errors import ConfigError, PodtuiError
from podtui.folders import open_own, private_folder, state_folder
from podtui.text import harmless, redacted

_LIMIT = 1 << 20  # bytes after which the log file begins anew
_log = logging.getLogger(__name__)


class _WithoutSecrets(logging.Formatter):
    """A record, its traceback included, without the secrets of URLs."""

    def format(self, record: logging.LogRecord) -> str:
        return redacted(super().format(record))


class _LogFile(logging.StreamHandler[TextIO]):
    """`trouble` is why the last record could not be written, "" when it was. logging would write a traceback of its own to the screen."""

    trouble = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.trouble = ""
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        self.trouble = (error.strerror if isinstance(error, OSError) else "") or type(error).__name__


def log_path() -> Path:
    """The log file in the state folder; it may not exist."""
    return state_folder() / "podtui.log"


def log_to_file() -> None:
    """Send the warnings of every library to a private file in the state folder; on standard error they would garble the screen."""
    handler: logging.Handler
    try:
        private_folder(log_path().parent)
        descriptor = open_own(log_path(), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        if os.fstat(descriptor).st_size > _LIMIT:
            os.ftruncate(descriptor, 0)
        handler = _LogFile(os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace"))
    except (OSError, ConfigError):
        handler = logging.NullHandler()  # a read-only home: podtui starts without a log file, too
    handler.setFormatter(_WithoutSecrets("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.captureWarnings(True)


def unforeseen(doing: str, error: BaseException) -> PodtuiError:
    """The error for an exception that no code expects, while `doing` something. Its traceback goes to the log file; the hint names it."""
    _log.error("%s failed unexpectedly", harmless(doing), exc_info=error)
    words = harmless(" ".join(str(error).split()))[:200]
    told = f"{doing} failed unexpectedly: {type(error).__name__}" + (f": {words}" if words else "")
    handlers = logging.getLogger().handlers
    written = any(isinstance(handler, logging.StreamHandler) for handler in handlers)
    where = f"its report is in {harmless(str(log_path()))}" if written else "podtui has no log file to write its report to"
    if trouble := next((handler.trouble for handler in handlers if isinstance(handler, _LogFile)), ""):
        where = f"its report cannot be written to {harmless(str(log_path()))}: {trouble}"
    return PodtuiError(told, f"This is a bug in podtui; {where}.")
