"""What podtui says about a key that does nothing in the pane where it is pressed."""

from __future__ import annotations

import re

import pytest

from podtui.ui.commands import BY_ID
from podtui.ui.unbound_keys import K9S_KEYS, words


def test_every_command_that_is_named_exists_and_has_a_key() -> None:
    named = re.findall(r"\{([\w.-]+)\}", " ".join(K9S_KEYS.values()))
    assert len(named) > 5 and all(BY_ID[command].key for command in named)


def test_no_key_is_one_that_podtui_binds_everywhere_on_the_main_screen() -> None:
    bound = {key for command in BY_ID.values() if command.where in ("app", "main", "table", "list") for key in command.key.split(",")}
    nodes_only = {"C"}
    assert K9S_KEYS.keys() & bound == nodes_only


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("f12", ""),
        ("Z", "Faulty: only in the lists"),
        ("space", "Mark: only in the lists"),
        ("ampersand", "Only matches: only in the logs"),
        ("m", "managedFields: only in the details; Mark: only in the logs"),
        ("R", ""),
        ("f5", "Sort by restarts: only in the lists"),
        ("h", "KEY OF table.scroll-left scrolls to the left"),
    ],
)
def test_a_key_says_where_it_works_unless_it_works_here(key: str, said: str) -> None:
    told = words(key, lambda command: f"KEY OF {command}", {"list.sort-restarts": "f5"}, active={"R"})
    assert told == said
