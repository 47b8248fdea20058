"""The user's own editor: $KUBE_EDITOR, $EDITOR or $VISUAL as for kubectl, else vi, on a private file that is deleted afterwards."""

from __future__ import annotations

import logging
import os
import re
import shlex
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from podtui.errors import ConfigError, EditorFailed, EditorMissing
from podtui.folders import in_state_folder, keep_text
from podtui.kube.manifests.secret_values import masked_text
from podtui.text import harmless
from podtui.ui.terminal.app import TerminalApp

BUILT_IN = "built-in"
"""The word for podtui's own editor, in the configuration and in the environment variables."""
_VARIABLES = ("KUBE_EDITOR", "EDITOR", "VISUAL")
_LARGEST = 16 << 20  # bytes to read back


def editor_command(configured: str = "", environ: Mapping[str, str] = os.environ) -> list[str]:
    """The arguments of the editor's command; empty for podtui's own editor.

    `configured` is `editor` of config.yaml: a command, or "built-in". Otherwise the first environment variable that is
    set counts, then vi, then (where there is no vi) podtui's own. Raises EditorMissing for an unclosed quotation.
    """
    named = [(value, name) for name in _VARIABLES if (value := environ.get(name, "").strip())]
    text, origin = (configured.strip(), "editor in config.yaml") if configured.strip() else named[0] if named else ("", "")
    if not text:
        return ["vi"] if shutil.which("vi", path=environ.get("PATH")) else []
    if text == BUILT_IN:
        return []
    try:
        return shlex.split(text)
    except ValueError as error:
        raise EditorMissing(f"cannot read the editor's command {harmless(text)!r} ({origin}): {str(error).lower()}") from None


async def edit_outside(app: TerminalApp, text: str, name: str, command: list[str]) -> str:
    """`text` as the editor left it. `name` is the name of the file; its extension gives the type (`pod-web.yaml`).

    The file has mode 0600 in a folder with mode 0700 in the state folder, or where that takes nothing in the one for temporary files, as
    kubectl's; both are deleted afterwards. Editors end the last line of a file; if `text` had no line end there, it is removed again.
    Raises EditorMissing when the editor cannot be started or there is no place for the file, EditorFailed when it ends with an error
    (the message says where the text is kept).
    """
    try:
        file, problem = in_state_folder(lambda state: _private_file(text, name, state))
    except ConfigError as error:
        raise EditorMissing(error.what) from None
    if problem:
        app.notify(f"{problem}. The editor's file is in {harmless(str(file.parent))}", severity="warning", markup=False)
    try:
        code = await app.terminal.run([*command, str(file)])
        edited = _read(file)
        if code:
            how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
            what = f"{harmless(command[0])} {how}; nothing was changed"
            raise EditorFailed(what, kept_words(app, edited, name) if edited not in (text, f"{text}\n") else "")
    finally:
        shutil.rmtree(file.parent, onerror=_not_removed)
    return edited.removesuffix("\n") if edited.endswith("\n") and not text.endswith("\n") else edited


def kept_words(app: TerminalApp, text: str, name: str) -> str:
    """Keep an unused text in a file; returns a message that says where, which podtui also prints after it exits.

    Where no file can be written, podtui prints the text itself. Neither has the values of Secrets.
    """
    masked = masked_text(text)
    less = " without the values of its Secrets" if masked != text else ""
    try:
        path, problem = keep_text(masked, name)
    except ConfigError as error:
        lines = "\n".join(harmless(line, tab=8) for line in masked.split("\n"))
        app.farewell.append(f"What you typed could not be kept in a file ({error.what}):\n{lines}")
        return f"What you typed could not be kept in a file: {error.what}. podtui prints it when it exits"
    words = f"What you typed is kept{less} in {harmless(str(path))}" + (f" ({problem})" if problem else "")
    app.farewell.append(words)
    return words


def _private_file(text: str, name: str, state: Path | None) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="edit-" if state else "podtui-edit-", dir=state))  # 0700
    try:
        file = folder / (re.sub(r"[^A-Za-z0-9._-]+", "-", name)[-100:].lstrip("-.") or "text")
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            opened.write(text.encode("utf-8", "surrogatepass"))
    except OSError:
        shutil.rmtree(folder, onerror=_not_removed)
        raise
    return file


def _read(file: Path) -> str:
    try:
        with open(file, "rb") as opened:
            content = opened.read(_LARGEST + 1)
    except OSError as error:
        raise EditorFailed(f"the editor's file is gone: {(error.strerror or '').lower()}", "nothing was changed") from None
    if len(content) > _LARGEST:
        raise EditorFailed(f"the text that the editor left is larger than {_LARGEST >> 20} MiB", "nothing was changed")
    try:
        return content.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise EditorFailed(f"line {line} is not UTF-8 text", "nothing was changed") from None


def _not_removed(function: object, path: str, error: object) -> None:
    logging.getLogger(__name__).warning("cannot remove %s: %s", path, error)
