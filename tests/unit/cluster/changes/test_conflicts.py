"""A change that meets a newer version of its object: tried again while it means the same there."""

from __future__ import annotations

import pytest

from podtui.cluster.changes.conflicts import on_newest_version, require_same
from podtui.errors import Changed, PodtuiError, Replaced
from podtui.kube.resources import PODS, ObjectRef

REF = ObjectRef(PODS, "kubia", "default", "u1", "7")


class Busy:
    """An object that changes a number of times before it takes the change."""

    def __init__(self, changes: int) -> None:
        self.changes = changes
        self.looks = 0

    async def send(self) -> str:
        if self.looks < self.changes:
            raise Changed(409, "Conflict", "modified")
        return "sent"

    async def look_again(self) -> None:
        self.looks += 1


async def test_a_change_is_sent_again_after_each_look_at_a_newer_version() -> None:
    busy = Busy(4)
    assert await on_newest_version(REF, busy.send, busy.look_again) == "sent"
    assert busy.looks == 4


async def test_an_object_that_changes_each_time_is_given_up_in_words() -> None:
    busy = Busy(1000)
    with pytest.raises(Changed, match="pod/kubia keeps changing"):
        await on_newest_version(REF, busy.send, busy.look_again)


async def test_nothing_is_sent_again_when_the_change_means_something_else_now() -> None:
    sent = 0

    async def send() -> None:
        nonlocal sent
        sent += 1
        raise Changed(409, "Conflict", "modified")

    async def look_again() -> None:
        raise PodtuiError("review the difference again")

    with pytest.raises(PodtuiError, match="review the difference again"):
        await on_newest_version(REF, send, look_again)
    assert sent == 1


def test_another_object_of_the_name_is_reported_by_its_uid() -> None:
    require_same(REF, {"uid": "u1"})
    require_same(ObjectRef(PODS, "kubia", "default"), {"uid": "u2"})
    with pytest.raises(Replaced, match="deleted and recreated since: a different object has its name now") as caught:
        require_same(REF, {"uid": "u2"})
    assert caught.value.hint == "it was not touched"
