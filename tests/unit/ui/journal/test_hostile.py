"""A journal that someone wrote by hand, or that was spoilt: it is shown as far as it can be read, and nothing in it is obeyed."""

from __future__ import annotations

import asyncio
import json
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podtui.cluster.changes.journal import Entry, Journal, taken_back
from podtui.cluster.changes.undo import last_action, why_not
from podtui.errors import ConfigError
from podtui.text import harmless
from podtui.ui.dialogs.differences import field_lines
from podtui.ui.journal.screen import JournalScreen
from podtui.ui.journal.text import described, entry_lines, matches, row, searched
from podtui.ui.journal.undo_dialog import UndoDialog
from podtui.ui.terminal.picture import as_text
from tests.support.api_server import settings
from tests.support.mutated_json import mutated
from tests.support.screens import running
from tests.support.waiting import until
from tests.unit.ui.journal.test_screen import Objects, session

EVIL = "\x1b]52;c;eA==\x07\x1b[2J\x9b31m\u202e\xad\U000e0041[red]r[/]" + "e" + "\u0301" * 60
GOOD: dict[str, Any] = {
    "id": "1", "action": "1", "time": "2026-11-29T05:17:35.000+00:00", "context": "dev", "server": "http://x", "user": "jane",
    "verb": "label", "form": "changes", "object": {"apiVersion": "v1", "kind": "Pod", "resource": "pods", "name": "kubia", "uid": "u1"},
    "ending": "done", "command": "kubectl label pod kubia env=prod", "undoes": "0", "words": "no",
    "before": {"metadata": {"labels": {"env": None}}}, "after": {"metadata": {"labels": {"env": "prod"}}},
}  # fmt: skip
DELETED = {**GOOD, "id": "2", "form": "deletes", "before": {"kind": "Pod", "spec": {"a": [1]}}, "pods": [{"metadata": {"name": "p"}}]}


def read(*lines: bytes) -> list[Entry]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.jsonl"
        path.write_bytes(b"\n".join(lines))
        return asyncio.run(Journal(settings("http://x"), path).entries())[0]


@given(st.lists(mutated(json.dumps(GOOD).encode()) | mutated(json.dumps(DELETED).encode()), min_size=1, max_size=3))
def test_whatever_is_in_the_file_is_read_and_shown_as_far_as_it_goes(lines: list[bytes]) -> None:
    entries = read(*lines, json.dumps({**GOOD, "id": "last"}).encode())
    assert entries[-1].id == "last", "a spoilt line spoils no other"
    undone = taken_back(entries)
    last_action(entries, settings("http://x"))
    for entry in entries:
        assert len(row(entry, False, False)) == 7
        assert matches(searched(entry, True, False), "")
        why = why_not(entry, settings("http://x"), undone)
        assert entry_lines(entry, undone=False, under_way=False, why_not=why, now=datetime.now().astimezone(), undoes=entries[0])
        assert harmless(described(entry)) == described(entry)


@pytest.mark.parametrize("levels", [90, 300, 900, 5000])
def test_what_is_nested_deeply_is_shown_or_counted_as_unreadable(levels: int) -> None:
    value = b"[" * levels + b"]" * levels
    evil = json.dumps({**GOOD, "id": "deep", "before": {"a": "VALUE", "b": "[" * 50_000}}).encode().replace(b'"VALUE"', value)
    *found, last = read(evil, json.dumps({**GOOD, "id": "last"}).encode())
    assert (len(found) == 1) == (levels < 100) and last.id == "last"
    for entry in found:
        assert entry_lines(entry, undone=False, under_way=False, why_not="", now=datetime.now().astimezone())


@pytest.mark.parametrize("value", ["[" * 50_000, "[" * 400 + "]" * 400, "{" * 9])
def test_a_value_that_is_nested_deeply_is_compared_as_text(value: str) -> None:
    assert [line for line in field_lines("a", value, "b")]


TIMES = ["not a time", "2026-11-29T05:17:35", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]


@pytest.mark.parametrize("time", TIMES)
async def test_a_hostile_journal_is_shown_and_its_undo_is_explained(time: str, tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    texts = {name: f"{name}{EVIL}" for name in ("id", "action", "context", "user", "verb", "command", "words", "withheld")}
    target = {name: f"{name}{EVIL}" for name in ("apiVersion", "kind", "resource", "name", "namespace", "uid")}
    evil = {**GOOD, **texts, "time": time, "undoes": "", "object": target}
    evil["before"] = {"metadata": {"labels": {EVIL: EVIL}, EVIL: [EVIL, {EVIL: EVIL}]}}
    path.write_text(f"{json.dumps(evil)}\n", encoding="utf-8")
    path.chmod(0o600)
    used = session(Objects(**{target["name"]: {"uid": target["uid"], "labels": {EVIL: f"other{EVIL}"}}}), path)
    async with running(JournalScreen(used)) as pilot:
        await until(lambda: "1 change" in as_text(pilot.app))
        await pilot.press("enter")
        await until(lambda: "withheld␛" in as_text(pilot.app) or "!" in as_text(pilot.app))
        shown = as_text(pilot.app)
        await pilot.press("escape", "u")
        await until(lambda: isinstance(pilot.app.screen, UndoDialog) and not pilot.app.screen.change.reading)
        await pilot.pause()
        shown += as_text(pilot.app)
        assert not any(character in shown for character in "\x1b\x07\x9b\u202e\xad\U000e0041") and "\u0301" * 5 not in shown
        assert "␛[2J" in shown and "[red]r[/]" in shown
        assert pilot.app.screen.is_running


def test_a_journal_that_is_not_text_at_all_is_counted_as_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(bytes(range(256)) * 50)
    entries, broken = asyncio.run(Journal(settings("http://x"), path).entries())
    assert entries == [] and broken
    path.unlink()
    path.mkdir()
    with pytest.raises(ConfigError):
        asyncio.run(Journal(settings("http://x"), path).entries())
