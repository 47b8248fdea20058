"""Keys that k9s has and podtui has not bound: pressed, they say what podtui's is (k9s's are in its internal/view and internal/ui)."""

from __future__ import annotations

import re
from collections.abc import Callable

_NO_METRICS = "podtui shows no metrics (k9s: sort by usage)"
K9S_KEYS = {
    "ctrl+e": "{main.full} gives the pane the whole screen (k9s: hide the header)",
    "ctrl+g": "the line of panes shows only where one pane fills the screen (k9s: hide the crumbs)",
    "ctrl+u": "{main.back} clears the filter, then the selector",
    "ctrl+q": "{main.back} clears the filter, then the selector; {app.leave} goes back, {app.interrupt} quits",
    "ctrl+s": "`podtui snapshot -o FILE` saves a list; {main.copy} copies (k9s: save)",
    "b": "podtui measures no throughput (k9s: benchmark)",
    "h": "← scrolls to the left",
    "i": "{main.edit} edits the YAML, with its images (k9s: set the image)",
    "t": "kubectl cp copies files; {main.shell} opens a shell (k9s: transfer)",
    "C": _NO_METRICS,
    "I": "{list.wide} shows the addresses, and a click on IP sorts by them (k9s: sort by IP)",
    "X": _NO_METRICS,
}
"""What podtui says, by Textual's name of the key. A command's id in braces stands for its key."""


def words(key: str, key_of: Callable[[str], str]) -> str:
    """What podtui says of a key, "" for one that k9s has not; `key_of` returns the key of the command with an id."""
    return re.sub(r"\{([\w.-]+)\}", lambda match: key_of(match[1]), K9S_KEYS.get(key, ""))
