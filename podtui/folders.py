"""podtui's own files: folders that only the user can enter, files written atomically.

What podtui writes and reads there is the user's alone. So a pipe, a device, a symbolic link and what belongs to another user are refused:
someone else could have put them there, to make podtui wait, or read or write another file.
"""

from __future__ import annotations

import errno
import os
import re
import stat
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
    """Create `path` and its parents, with mode 0700 for the new ones and for `path` itself.

    Raises ConfigError, also where `path` is a symbolic link or belongs to another user.
    """
    try:
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
        if why := _foreign(found, stat.S_IFDIR, (os.geteuid(),)):
            raise ConfigError(f"cannot use the folder {harmless(str(path))}: {why}")
        if found.st_mode & 0o077:
            path.chmod(0o700)
    except OSError as error:
        raise ConfigError(f"cannot create the folder {harmless(str(path))}: {error.strerror}") from None
    return path


def open_own(path: Path, flags: int = os.O_RDONLY) -> int:
    """A descriptor of a file in the state folder, made with mode 0600 if `flags` say so.

    Raises ConfigError for what is not a plain file of the user's own, and OSError.
    """
    return _opened(path, flags | os.O_NOFOLLOW, (os.geteuid(),))


def read_own(path: Path) -> bytes:
    """The content of a file in the configuration folder. It may also be root's, or a link of the user's or of root to such a file, as
    programs that manage configurations make them. Raises ConfigError for anything else, and where it cannot be read."""
    users = (os.geteuid(), 0)
    try:
        link = path.lstat()
        if stat.S_ISLNK(link.st_mode) and (why := _foreign(link, stat.S_IFLNK, users)):
            raise ConfigError(f"cannot use {harmless(str(path))}: {why}")
        with os.fdopen(_opened(path, os.O_RDONLY, users), "rb") as opened:
            return opened.read()
    except OSError as error:
        raise ConfigError(f"cannot read {harmless(str(path))}: {error.strerror}") from None


def _opened(path: Path, flags: int, users: tuple[int, ...]) -> int:
    try:
        descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)  # a pipe would wait for its other end
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
            raise
        why = _foreign(path.lstat(), stat.S_IFREG, users)
        raise ConfigError(f"cannot use {harmless(str(path))}: {why or error.strerror}") from None
    if why := _foreign(os.fstat(descriptor), stat.S_IFREG, users):
        os.close(descriptor)
        raise ConfigError(f"cannot use {harmless(str(path))}: {why}")
    return descriptor


_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFDIR: "a folder",
    stat.S_IFREG: "a file",
    stat.S_IFSOCK: "a socket",
}


def _foreign(found: os.stat_result, kind: int, users: tuple[int, ...]) -> str:
    """Why a file or a folder is not to be trusted, if it is not of this `kind` (S_IFREG, ...) or is none of these users'; "" if it is."""
    actual = stat.S_IFMT(found.st_mode)
    if actual != kind:
        return f"it is {_KINDS.get(actual, 'a device or a socket')}"
    return "" if found.st_uid in users else f"it belongs to {_user(found.st_uid)}"


def _user(number: int) -> str:
    import pwd

    try:
        return f"the user {harmless(pwd.getpwuid(number).pw_name)}"
    except KeyError:
        return f"the user with the ID {number}"


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
