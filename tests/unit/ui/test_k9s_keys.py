"""What podtui says of the keys that only k9s has."""

from __future__ import annotations

import re

from podtui.ui.commands import BY_ID
from podtui.ui.k9s_keys import K9S_KEYS, words


def test_every_command_that_is_named_exists_and_has_a_key() -> None:
    named = re.findall(r"\{([\w.-]+)\}", " ".join(K9S_KEYS.values()))
    assert len(named) > 5 and all(BY_ID[command].key for command in named)


def test_no_key_is_one_that_podtui_binds_everywhere_on_the_main_screen() -> None:
    bound = {key for command in BY_ID.values() if command.where in ("app", "main", "table", "list") for key in command.key.split(",")}
    nodes_only = {"C"}
    assert K9S_KEYS.keys() & bound == nodes_only


def test_a_key_that_k9s_has_not_says_nothing() -> None:
    assert words("f12", str) == ""
