"""Undoing: nothing is offered before the present state has been read, and what takes long says what it waits for."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from podtui.cluster.changes import undo
from podtui.cluster.changes.journal import Journal, Kept
from podtui.cluster.changes.objects import Objects
from podtui.cluster.changes.undo import Step, Undo, carry_out
from podtui.errors import ApiError, ServerError
from podtui.kube.resources import PODS, ObjectRef
from tests.support.api_server import not_found, page, settings

KUBIA = ObjectRef(PODS, "kubia", "default", "u1")
MANIFEST = {"metadata": {"name": "kubia"}, "spec": {"containers": []}}


class Server:
    """The old pod is there for `lasts` more questions."""

    def __init__(self, lasts: int = 0, refusal: ApiError | None = None) -> None:
        self.lasts = lasts
        self.refusal = refusal or not_found("pods", "kubia")
        self.made: list[str] = []

    async def metadata(self, ref: ObjectRef) -> dict[str, Any]:
        if self.lasts <= 0:
            raise self.refusal
        self.lasts -= 1
        return {"uid": "u1", "deletionTimestamp": "2026-01-01T00:00:00Z"}

    async def delete(self, ref: ObjectRef, command: str) -> None:
        raise self.refusal

    async def make(self, ref: ObjectRef, value: Any, command: str) -> dict[str, Any]:
        self.made.append(ref.name)
        return {}


def deleted(path: Path) -> Any:
    journal = Journal(settings("http://x"), path / "journal.jsonl")
    return journal.new("delete", "deletes", KUBIA, command="kubectl delete pod kubia", kept=Kept(before=MANIFEST))


async def test_an_undo_is_refused_until_the_present_state_has_been_read(tmp_path: Path) -> None:
    change = Undo([deleted(tmp_path)], settings("http://x"))
    assert change.refusal == "reading the current state…" and change.commands == []
    await change.read(cast(Objects, Server()))
    assert change.refusal == "" and len(change.commands) == 1


async def test_an_object_that_is_still_terminating_is_waited_for_and_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(undo, "_AGAIN", 0.001)
    server, notes, found = Server(lasts=3), cast("list[str]", []), settings("http://x")
    objects = cast(Objects, server)
    step: Step = await undo.plan(objects, found, deleted(tmp_path))
    assert step.waits
    await carry_out(objects, found, step, notes.append)
    assert server.made == ["kubia"] and set(notes) == {"waiting until the old pod/kubia is gone"}


async def test_a_page_with_404_in_place_of_the_api_server_undoes_nothing(tmp_path: Path) -> None:
    journal, found = Journal(settings("http://x"), tmp_path / "journal.jsonl"), settings("http://x")
    created = journal.new("create", "creates", KUBIA, command="kubectl create -f pod.yaml", kept=Kept())
    changed = journal.new("label", "changes", KUBIA, command="kubectl label pod kubia a=b", kept=Kept(before={"metadata": {}}))
    away = cast(Objects, Server(refusal=page()))
    for entry in (created, changed, deleted(tmp_path)):
        with pytest.raises(ServerError, match="answered 404"):
            await undo.plan(away, found, entry)
    step = Step(created, KUBIA, commands=("kubectl delete pod kubia",))
    with pytest.raises(ServerError, match="answered 404"):
        await carry_out(away, found, step)
    await carry_out(cast(Objects, Server()), found, step)


async def test_what_is_still_terminating_is_not_made_again_behind_a_page_with_404(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(undo, "_AGAIN", 0.001)
    server, found = Server(lasts=2, refusal=page()), settings("http://x")
    step = await undo.plan(cast(Objects, server), found, deleted(tmp_path))
    with pytest.raises(ServerError, match="answered 404"):
        await carry_out(cast(Objects, server), found, step)
    assert server.lasts == 0 and server.made == []
