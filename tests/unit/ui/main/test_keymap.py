"""Keys that a user has bound to commands, also by ids that the commands had once."""

from __future__ import annotations

from podtui.config import Config
from podtui.ui.commands import BY_ID, FORMER, current_keymap
from tests.support.waiting import shows
from tests.unit.ui.main.test_screen import Cluster, cluster, options, running

__all__ = ["cluster"]


def test_every_former_id_is_that_of_a_command_of_today() -> None:
    assert set(FORMER.values()) <= BY_ID.keys() and not FORMER.keys() & BY_ID.keys()


def test_a_key_by_a_former_id_is_bound_to_the_command_of_today() -> None:
    assert current_keymap({"nodes.label": "f5"}) == {"main.label": "f5"}


def test_keys_by_several_former_ids_of_a_command_are_all_bound() -> None:
    assert current_keymap({"pods.wide": "f5", "nodes.wide": "f6"}) == {"list.wide": "f5,f6"}


def test_an_id_of_today_counts_more_than_a_former_one() -> None:
    assert current_keymap({"nodes.label": "f5", "main.label": "f6"}) == {"main.label": "f6"}


def test_a_command_keeps_its_key_when_one_that_shares_it_gets_another() -> None:
    assert current_keymap({"main.previous-logs": "f5"}) == {"main.previous-logs": "f5", "main.node-pods": "p"}


async def test_a_key_of_the_keymap_by_a_former_id_works(cluster: Cluster) -> None:
    async with running(options("web", config=Config(keymap={"pods.wide": "f5"}))) as (app, pilot):
        text = await shows(app, lambda text: "web-1" in text)
        assert "NODE" not in text
        await pilot.press("f5")
        await shows(app, lambda text: "NODE" in text)
