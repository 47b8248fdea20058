"""What may be done: asked once, remembered for five minutes, and never guessed to be forbidden."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from podtui.cluster.connection.access import EXPIRES, Access, Right
from podtui.errors import ConnectionFailed
from tests.support.api_server import not_served, page

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubject"


class Server:
    """A connection that answers reviews; `answers` may hold statuses or errors, the last one again and again.

    `rules` is the status of a rules review, or the error that it ends with; without it the server knows no such review.
    """

    def __init__(self, *answers: Any, rules: Any = None) -> None:
        self.answers = list(answers)
        self.rules = rules or not_served()
        self.rules_asked: list[str] = []
        self.asked: list[dict[str, Any]] = []
        self.go = asyncio.Event()
        self.go.set()

    async def json(self, method: str, path: str, *, body: Any) -> Any:
        assert method == "POST"
        if path == f"{REVIEWS}rulesreviews":
            self.rules_asked.append(body["spec"]["namespace"])
            await self.go.wait()
            if isinstance(self.rules, Exception):
                raise self.rules
            return {"status": self.rules}
        assert path == f"{REVIEWS}accessreviews"
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


async def test_what_expired_long_ago_is_not_kept_for_ever() -> None:
    time = [0.0]
    rights = access(Server(rules=complete(rule("delete", "pods"))), time)
    for day in range(3):
        time[0] = day * 3 * EXPIRES
        assert await rights.can("delete", "pods", f"of-day-{day}") is True
    assert [rights.known(Right("delete", "pods", f"of-day-{day}")) for day in range(3)] == [None, None, True]


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


async def test_forgotten_rights_are_asked_for_again() -> None:
    server = Server({"allowed": False}, {"allowed": True})
    rights = access(server)
    assert await rights.can("delete", "pods", "a") is False
    rights.forget()
    assert await rights.can("delete", "pods", "a") is True


async def test_a_known_right_is_answered_without_asking_and_a_question_in_vain_is_not_repeated_at_once() -> None:
    server, time = Server(ConnectionFailed("no route"), {"allowed": False}), [0.0]
    rights, right = access(server, time), Right("delete", "pods", "a")
    assert rights.known(right) is None and not rights.is_fresh(right)
    assert await rights.review(*right) is None
    assert rights.known(right) is None and rights.is_fresh(right)
    assert await rights.review(*right) is False
    time[0] = EXPIRES + 1
    assert rights.known(right) is False and not rights.is_fresh(right)  # believed until it is asked anew
    rights.forget()
    assert rights.known(right) is None
    assert len(server.asked) == 2


async def test_what_is_known_comes_from_the_rules_of_the_namespace_too() -> None:
    allowed = {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}
    server = Server({"allowed": False}, rules={"incomplete": False, "resourceRules": [allowed]})
    rights = access(server)
    assert await rights.can("get", "pods", "a")
    assert rights.known(Right("get", "pods", "a")) is True and rights.known(Right("delete", "pods", "a")) is False
    assert rights.is_fresh(Right("delete", "pods", "a")) and not rights.is_fresh(Right("delete", "pods", "b"))
    assert not server.asked


# -- all rules of a namespace at once


def complete(*rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"resourceRules": list(rules), "nonResourceRules": [], "incomplete": False, **more}


def rule(verbs: str, resources: str, groups: str = ",", **more: Any) -> dict[str, Any]:
    """Words are separated by commas; the group "," is the core one alone."""
    parts = [""] if groups == "," else groups.split(",")
    return {"verbs": verbs.split(","), "apiGroups": parts, "resources": resources.split(","), **more}


async def test_one_rules_review_answers_every_question_in_its_namespace() -> None:
    server = Server(rules=complete(rule("get,list", "pods,pods/log"), rule("list", "*", "apps,policy")))
    rights = access(server)
    asked = [("get", "pods", "log", ""), ("delete", "pods", "", ""), ("list", "replicasets", "", "apps"), ("list", "jobs", "", "batch")]
    answers = await asyncio.gather(*(rights.can(verb, resource, "a", sub, group) for verb, resource, sub, group in asked))
    assert answers == [True, False, True, False]
    assert (server.rules_asked, server.asked) == (["a"], [])


@pytest.mark.parametrize(
    ("granted", "question", "allowed"),
    [
        (rule("*", "*", "*"), ("delete", "pods", "", ""), True),
        (rule("*", "*", "*"), ("create", "pods", "eviction", ""), True),
        (rule("get", "pods"), ("get", "pods", "log", ""), False),
        (rule("get", "*/log"), ("get", "pods", "log", ""), True),
        (rule("get", "*/log"), ("get", "pods", "", ""), False),
        (rule("get", "pods/log"), ("get", "pods", "", ""), False),
        (rule("get", "pods", "apps"), ("get", "pods", "", ""), False),
        (rule("get", "pods", resourceNames=["web-1"]), ("get", "pods", "", ""), False),
    ],
)
async def test_rules_are_read_as_rbac_reads_them(granted: dict[str, Any], question: tuple[str, str, str, str], allowed: bool) -> None:
    verb, resource, subresource, group = question
    assert await access(Server(rules=complete(granted))).can(verb, resource, "a", subresource, group) is allowed


@pytest.mark.parametrize("more", [{"incomplete": True}, {"evaluationError": "webhook"}, {"incomplete": None}])
async def test_rules_that_are_not_all_prove_nothing(more: dict[str, Any]) -> None:
    server = Server({"allowed": True}, rules={**complete(), **more})
    rights = access(server)
    assert await rights.can("delete", "pods", "a") is True
    assert await rights.can("get", "pods", "a") is True
    assert len(server.rules_asked) == 1 and len(server.asked) == 2


async def test_rules_that_cannot_be_had_now_are_asked_for_again_but_not_of_a_server_that_knows_none() -> None:
    broken, hidden = (Server({"allowed": True}, rules=error) for error in (ConnectionFailed("no route"), page()))
    for server, times in ((broken, 2), (hidden, 2), (Server({"allowed": True}), 1)):
        rights = access(server)
        await rights.can("get", "pods", "a")
        await rights.can("delete", "pods", "a")
        assert len(server.rules_asked) == times


async def test_the_whole_cluster_is_asked_about_one_by_one() -> None:
    server = Server({"allowed": True}, rules=complete())
    assert await access(server).can("list", "nodes", "") is True
    assert server.rules_asked == []


async def test_rules_expire_and_can_be_forgotten() -> None:
    server, time = Server(rules=complete(rule("delete", "pods"))), [0.0]
    rights = access(server, time)
    assert await rights.can("delete", "pods", "a") is True
    server.rules = complete()
    assert await rights.can("delete", "pods", "a") is True
    time[0] = EXPIRES + 1
    assert await rights.can("delete", "pods", "a") is False
    server.rules = complete(rule("delete", "pods"))
    rights.forget()
    assert await rights.can("delete", "pods", "a") is True
