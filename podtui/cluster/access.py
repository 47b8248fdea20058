"""What this user may do, asked of the API server once (SelfSubjectAccessReview) and remembered for a while."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from podtui.cluster.connection import Connection
from podtui.errors import PodtuiError

EXPIRES = 300.0
"""Seconds for which an answer is believed."""

_PATH = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_Key = tuple[str, str, str, str, str]


class Access:
    """Answers of one connection. Equal questions at the same time are asked once; only answers are remembered, never failures."""

    def __init__(self, connection: Connection, clock: Callable[[], float] = time.monotonic) -> None:
        self._connection = connection
        self._clock = clock
        self._answers: dict[_Key, tuple[float, bool]] = {}
        self._asked: dict[_Key, asyncio.Task[bool | None]] = {}

    async def can(self, verb: str, resource: str, namespace: str, subresource: str = "", group: str = "") -> bool:
        """Whether to offer it: False only when the server said no. What could not be asked may be tried."""
        return await self.review(verb, resource, namespace, subresource, group) is not False

    async def review(self, verb: str, resource: str, namespace: str, subresource: str = "", group: str = "") -> bool | None:
        """What the server says of `verb` on `resource` (the plural) in `namespace` ("" for all, or cluster-scoped).

        None when it could not be asked or could not tell.
        """
        key = (verb, resource, namespace, subresource, group)
        found = self._answers.get(key)
        if found is not None and self._clock() < found[0]:
            return found[1]
        task = self._asked.get(key)
        if task is None:
            task = asyncio.create_task(self._ask(key))
            self._asked[key] = task
            task.add_done_callback(lambda _: self._asked.pop(key, None))
        return await asyncio.shield(task)  # who stops waiting does not stop it for the others

    def forget(self) -> None:
        """Ask anew from now on: rights may have changed."""
        self._answers.clear()

    async def _ask(self, key: _Key) -> bool | None:
        verb, resource, namespace, subresource, group = key
        attributes = {"verb": verb, "resource": resource, "namespace": namespace, "subresource": subresource, "group": group}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {name: value for name, value in attributes.items() if value}},
        }
        try:
            answer = await self._connection.json("POST", _PATH, body=review)
        except PodtuiError:
            return None  # unknown, and not remembered: the request itself will tell the reason
        status = answer.get("status") or {}
        allowed = bool(status.get("allowed"))
        if not allowed and not status.get("denied") and status.get("evaluationError"):
            return None  # the authorizer could not look at everything
        self._answers[key] = (self._clock() + EXPIRES, allowed)
        return allowed
