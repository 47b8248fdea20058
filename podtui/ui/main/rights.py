"""What may be offered: read-only, the right, the object still there. A refusal is words for a person."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import NamedTuple

from podtui.cluster.connection.access import EXPIRES
from podtui.cluster.session import Session
from podtui.errors import PodtuiError
from podtui.kube.resources import ObjectRef
from podtui.ui.commands import BY_ID, Permission


class _Right(NamedTuple):
    verb: str
    resource: str
    subresource: str
    place: str


class Rights:
    """Answers at once from what the API server has said; asks for what is not known yet in the background.

    What is unknown is offered: the server has the last word, and its refusal is told.
    """

    def __init__(self, session: Session, learned: Callable[[], None] = lambda: None) -> None:
        """`learned` is called when an answer has come."""
        self._session = session
        self._learned = learned
        self._known: dict[_Right, bool] = {}
        self._asked: dict[_Right, float] = {}  # and when
        self._tasks: set[asyncio.Task[None]] = set()

    def refusal(self, command_id: str, ref: ObjectRef | None) -> str:
        """Why the command cannot be offered for the object, or ""."""
        command = BY_ID[command_id]
        if command.changes and self._session.read_only:
            return f"{command.title}: podtui is read-only ({self._session.read_only_reason or 'r turns it off'})"
        permission = command.permission
        if permission is None or ref is None:
            return ""
        resource = ref.resource.plural if permission.resource == "pods" else permission.resource
        for verb in permission.verbs:
            if self._known.get(_Right(verb, resource, permission.subresource, _place(ref, permission))) is False:
                where = f" in namespace {ref.namespace}" if ref.namespace and resource == ref.resource.plural else ""
                subresource = f"/{permission.subresource}" if permission.subresource else ""
                return f"{command.title}: you lack the right to {verb} {resource}{subresource}{where}"
        return ""

    def learn(self, ref: ObjectRef) -> None:
        """Ask, once per namespace and while an answer is believed, for all that the commands need on an object of this kind."""
        if self._session.connection is None:
            return
        for command in BY_ID.values():
            permission = command.permission
            if permission is None or not _concerns(permission, ref):
                continue
            for verb in permission.verbs:
                right = _Right(verb, ref.resource.plural, permission.subresource, _place(ref, permission))
                if time.monotonic() - self._asked.get(right, -EXPIRES) >= EXPIRES:
                    self._asked[right] = time.monotonic()
                    task = asyncio.create_task(self._ask(right, ref.resource.group))
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)

    def forget(self) -> None:
        """Rights may have changed: what is needed is asked anew, and offered until it is known."""
        if self._session.connection is not None:
            self._session.access.forget()
        self._known.clear()
        self._asked.clear()

    async def _ask(self, right: _Right, group: str) -> None:
        try:
            can = self._session.access.can(right.verb, right.resource, right.place, subresource=right.subresource, group=group)
            self._known[right] = await can
        except PodtuiError:
            self._asked.pop(right, None)  # unknown is offered; asked again at the next pod
        else:
            self._learned()

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _concerns(permission: Permission, ref: ObjectRef) -> bool:
    """Whether a command with this permission can be meant for the object: what is said of pods holds for any kind, but for subresources."""
    if permission.resource == "pods":
        return ref.resource.plural == "pods" or not permission.subresource
    return permission.resource == ref.resource.plural


def _place(ref: ObjectRef, permission: Permission) -> str:
    """The namespace in which the server looks for the right: that of a namespace itself is its own name, of one to be created none."""
    if permission.resource == "namespaces" and permission.verb == "create":
        return ""
    return ref.name if ref.resource.plural == "namespaces" else ref.namespace
