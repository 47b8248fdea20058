"""podtui's own files: folders that only the user can enter, files written atomically."""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from podtui.errors import ConfigError
from podtui.text import harmless


def config_folder() -> Path:
    """The user's configuration folder (XDG_CONFIG_HOME/podtui); it may not exist."""
    import platformdirs  # 10 ms that `--help` need not pay

    return platformdirs.user_config_path("podtui")


def state_folder() -> Path:
    """The folder of state files (XDG_STATE_HOME/podtui): logs, history, journal; it may not exist."""
    import platformdirs

    return platformdirs.user_state_path("podtui")


def private_folder(path: Path) -> Path:
    """Create `path` and its parents, with mode 0700 for the new ones and for `path` itself. Raises ConfigError."""
    try:
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir(mode=0o700, exist_ok=True)
        if path.stat().st_mode & 0o077:
            path.chmod(0o700)
    except OSError as error:
        raise ConfigError(f"cannot create the folder {harmless(str(path))}: {error.strerror}") from None
    return path


def write_private(path: Path, content: bytes | str) -> None:
    """Write a file of mode 0600 in one step: a reader, or a crash, sees the old content or the new, never a part.

    Creates the folder (0700) if it is missing. Raises ConfigError.
    """
    data = content.encode() if isinstance(content, str) else content
    private_folder(path.parent)
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mkstemp makes it 0600
        with os.fdopen(handle, "wb") as opened:
            opened.write(data)
            opened.flush()
            os.fsync(opened.fileno())
        os.replace(temporary, path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise ConfigError(f"cannot write {harmless(str(path))}: {error.strerror}") from None


def keep_text(text: str, name: str) -> tuple[Path, str]:
    """Keep a text that the user typed and podtui could not use in a private file.

    `name` is what it is about, as the name of a file: `pod-web.yaml`. Returns its path and, as `in_state_folder` does, why it is in no
    usual place. Raises ConfigError.
    """
    stem, dot, end = re.sub(r"[^A-Za-z0-9._-]+", "-", name)[-100:].lstrip("-.").rpartition(".")
    moment = time.strftime("%Y%m%d-%H%M%S")

    def write(state: Path | None) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="podtui-kept-")) if state is None else state / "kept"
        path = folder / f"{stem or end or 'text'}-{moment}{dot}{end if dot else ''}"
        for number in range(2, 1000):
            if not path.exists():
                break
            path = folder / f"{stem or end or 'text'}-{moment}-{number}{dot}{end if dot else ''}"
        write_private(path, text.encode("utf-8", "surrogatepass"))
        return path

    return in_state_folder(write)


def in_state_folder(write: Callable[[Path | None], Path]) -> tuple[Path, str]:
    """What `write` makes in the state folder or, where that takes nothing (it is read-only, the disk is full), what it makes when called
    with None: in the folder for temporary files. The text says why, and is "" for the state folder.

    Raises ConfigError, which names both, where neither takes anything.
    """
    problems: list[str] = []
    for state in (state_folder(), None):
        try:
            return write(state if state is None else private_folder(state)), "".join(problems)
        except ConfigError as error:
            problems.append(error.what)
        except OSError as error:
            where = harmless(str(state)) if state is not None else "the folder for temporary files"
            problems.append(f"cannot write to {where}: {error.strerror}")
    raise ConfigError("; ".join(problems))
