"""What podtui says about a key that does nothing where it was pressed: podtui's key for what it does in k9s, or where its command works.

k9s's keys are in its internal/view and internal/ui.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping

from textual.binding import Binding

from podtui.ui.commands import COMMANDS

_NO_METRICS = "podtui shows no metrics (k9s: sort by usage)"
K9S_KEYS = {
    "ctrl+e": "{main.full} gives the pane the whole screen (k9s: hide the header)",
    "ctrl+g": "the line of panes shows only where one pane fills the screen (k9s: hide the crumbs)",
    "ctrl+u": "{main.back} clears the filter, then the selector",
    "ctrl+q": "{main.back} clears the filter, then the selector; {app.leave} goes back, {app.interrupt} quits",
    "ctrl+s": "`podtui snapshot -o FILE` saves a list; {main.copy} copies (k9s: save)",
    "b": "podtui measures no throughput (k9s: benchmark)",
    "h": "{table.scroll-left} scrolls to the left",
    "i": "{main.edit} edits the YAML, with its images (k9s: set the image)",
    "t": "kubectl cp copies files; {main.shell} opens a shell (k9s: transfer)",
    "C": _NO_METRICS,
    "I": "{list.wide} shows the addresses, and a click on IP sorts by them (k9s: sort by IP)",
    "X": _NO_METRICS,
}
"""What podtui says, by Textual's name of the key. A command's id in braces stands for its key."""


_PLACES = {"list": "the lists", "table": "the lists", "text": "the details", "details": "the details", "logs": "the logs"}
"""The panes by what owns their commands."""


def words(key: str, key_of: Callable[[str], str], keymap: Mapping[str, str], active: Collection[str] = ()) -> str:
    """What podtui says about a key, "" if nothing.

    `key_of` returns the key of the command with an id, `keymap` has the user's own; `active` are the keys bound where it was pressed.
    """
    if key in active:
        return ""
    if key in K9S_KEYS:
        return re.sub(r"\{([\w.-]+)\}", lambda match: key_of(match[1]), K9S_KEYS[key])
    here = (command for command in COMMANDS if command.where in _PLACES and key in _keys(keymap.get(command.id) or command.key))
    return "; ".join(dict.fromkeys(f"{command.title}: only in {_PLACES[command.where]}" for command in here))


def _keys(keys: str) -> set[str]:
    """Textual's names of them: `&` is `ampersand`."""
    return {binding.key for binding in Binding.make_bindings([Binding(keys, "")])} if keys else set()
