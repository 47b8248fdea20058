"""What may be done: asked once, remembered for five minutes, and never guessed to be forbidden."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from podtui.cluster.access import EXPIRES, Access
from podtui.errors import ConnectionFailed


class Server:
    """A connection that answers reviews; `answers` may hold statuses or errors, the last one again and again."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []
        self.go = asyncio.Event()
        self.go.set()

    async def json(self, method: str, path: str, *, body: Any) -> Any:
        assert (method, path) == ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews")
        self.asked.append(body["spec"]["resourceAttributes"])
        await self.go.wait()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return {"status": answer}


def access(server: Server, time: list[float] | None = None) -> Access:
    moment = time or [0.0]
    return Access(server, lambda: moment[0])  # type: ignore[arg-type]


async def test_an_answer_is_remembered_per_question() -> None:
    server = Server({"allowed": True}, {"allowed": False})
    rights = access(server)
    assert await rights.can("get", "pods", "a", "log") is True
    assert await rights.can("get", "pods", "a", "log") is True
    assert await rights.can("get", "pods", "b", "log") is False
    assert server.asked == [
        {"verb": "get", "resource": "pods", "namespace": "a", "subresource": "log"},
        {"verb": "get", "resource": "pods", "namespace": "b", "subresource": "log"},
    ]


async def test_equal_questions_at_once_are_asked_once_and_a_leaver_does_not_spoil_it() -> None:
    server = Server({"allowed": False})
    rights = access(server)
    server.go.clear()
    first, second = (asyncio.create_task(rights.can("delete", "pods", "a")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    server.go.set()
    assert await second is False
    assert len(server.asked) == 1


async def test_an_answer_expires() -> None:
    server, time = Server({"allowed": False}, {"allowed": True}), [0.0]
    rights = access(server, time)
    assert await rights.can("delete", "pods", "a") is False
    time[0] = EXPIRES - 1
    assert await rights.can("delete", "pods", "a") is False
    time[0] = EXPIRES + 1
    assert await rights.can("delete", "pods", "a") is True


async def test_what_cannot_be_asked_is_unknown_and_may_be_tried() -> None:
    server = Server(ConnectionFailed("no route"), {"allowed": False})
    rights = access(server)
    assert await rights.can("delete", "pods", "a") is True
    assert await rights.can("delete", "pods", "a") is False  # the failure was not remembered


async def test_an_authorizer_that_could_not_look_at_everything_is_unknown_but_a_denial_counts() -> None:
    server = Server({"allowed": False, "evaluationError": "webhook down"}, {"allowed": False, "denied": True, "evaluationError": "x"})
    rights = access(server)
    assert await rights.review("delete", "pods", "a") is None
    assert await rights.review("delete", "pods", "a") is False


async def test_it_can_be_told_to_forget() -> None:
    server = Server({"allowed": False}, {"allowed": True})
    rights = access(server)
    assert await rights.can("delete", "pods", "a") is False
    rights.forget()
    assert await rights.can("delete", "pods", "a") is True
