"""What is wrong in a configuration that only the screen knows: commands, keys, favourite views, the theme."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from podtui.config import Config, Fault
from podtui.errors import PodtuiError, UsageError
from podtui.keys import as_sent, key_fault
from podtui.text import harmless
from podtui.ui.commands import BY_ID, COMMANDS, FORMER, Command, current_keymap
from podtui.ui.palette.prompt import error_words, read_prompt
from podtui.yamlcheck import near

_TOGETHER = (
    {"app", "main", "list", "table"},
    {"text", "details"},
    {"forwards", "table"},
    {"journal", "table"},
    *({"dialog", where} for where in ("annotate", "create", "edit")),
)
"""Owners of commands whose keys are heard at the same time. Others lie one over the other: a key of the logs means the logs."""


def screen_faults(config: Config, *, theme: bool = True) -> Iterator[Fault]:
    """Every mistake, for `config.load`; `theme` is whether the theme counts, which --theme replaces."""
    yield from keymap_faults(config.keymap)
    for place, favourite in enumerate(config.favourites):
        if favourite.startswith(":") and (why := _view_fault(favourite)):
            yield f"`favourites`: {harmless(favourite)!r}: {why}", ("favourites", place)
    if theme and config.theme:
        from podtui.ui.themes import find_theme

        try:
            find_theme(config.theme)
        except UsageError as error:
            yield f"`theme`: {error.what}", ("theme",)
        except PodtuiError as error:
            yield f"`theme`: {error}", ("theme",)


def keymap_faults(keymap: Mapping[str, str]) -> Iterator[Fault]:
    """Commands and keys that there are not, and keys that two commands would have."""
    wrong: set[str] = set()
    for command, keys in keymap.items():
        if command not in BY_ID and command not in FORMER:
            yield f"`keymap`: unknown command `{harmless(command)}`{near(command, BY_ID)}", ("keymap", command)
            wrong.add(command)
        for key in (key.strip() for key in keys.split(",")):
            if key and (fault := key_fault(key)):
                yield f"`keymap.{harmless(command)}`: {fault}", ("keymap", command)
    yield from _clashes({command: keys for command, keys in keymap.items() if command not in wrong})


def _clashes(keymap: Mapping[str, str]) -> Iterator[Fault]:
    effective = current_keymap(keymap)
    told: set[str] = set()
    for written in keymap:
        command = BY_ID[FORMER.get(written, written)]
        for key in dict.fromkeys(key.strip() for key in keymap[written].split(",") if key.strip()):
            sent = as_sent(key)
            other = next((other for other in COMMANDS if other.id not in told and _clash(command, other, sent, effective)), None)
            if other is not None:
                told.add(command.id)
                words = f"{harmless(key)} is also the key of `{other.id}` ({other.title}): give one of them another key"
                yield f"`keymap.{harmless(written)}`: {words}", ("keymap", written)


def _clash(command: Command, other: Command, key: str, effective: Mapping[str, str]) -> bool:
    """Whether both would have the key where only one can be heard, and had not from the start."""
    if other is command or key not in _keys(effective.get(other.id, other.key)):
        return False
    together = command.where == other.where or any({command.where, other.where} <= group for group in _TOGETHER)
    everywhere = "app" in (command.where, other.where) and (command.priority or other.priority)
    if not together and not everywhere:
        return False
    kinds = not command.kinds or not other.kinds or bool({*command.kinds} & {*other.kinds})
    return kinds and not (key in _keys(command.key) and key in _keys(other.key))


def _keys(keys: str) -> list[str]:
    return [as_sent(key.strip()) for key in keys.split(",") if key.strip()]


def _view_fault(favourite: str) -> str:
    if why := error_words(favourite):
        return why
    request = read_prompt(favourite)
    if request is None or request.verb == "quit":
        return "not a view (as in the palette: `:po -n web -l app=x`, `:no`)"
    return ""
