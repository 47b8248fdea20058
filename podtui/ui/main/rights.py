"""Which commands to offer: depends on read-only, on the rights, and on whether the object still exists. A refusal is text for a person."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from podtui.cluster.connection.access import Right
from podtui.cluster.session import Session
from podtui.kube.resources import ObjectRef
from podtui.tasks import end_tasks
from podtui.ui.commands import BY_ID, Permission


class Rights:
    """Answers at once from what the API server has said, and asks for unknown rights in the background.

    A command with an unknown right is offered: the server decides, and the user sees its refusal.
    """

    def __init__(self, session: Session, learned: Callable[[], None] = lambda: None) -> None:
        """`learned` is called when an answer arrives."""
        self._session = session
        self._learned = learned
        self._asking: dict[Right, asyncio.Task[None]] = {}

    def refusal(self, command_id: str, ref: ObjectRef | None) -> str:
        """Why the command is not offered for the object, or ""."""
        command = BY_ID[command_id]
        if command.changes and (refusal := self._session.read_only_refusal):
            return f"{command.title}: {refusal}"
        permission = command.permission
        if permission is None or ref is None or self._session.connection is None:
            return ""
        resource = ref.resource.plural if permission.resource == "pods" else permission.resource
        for verb in permission.verbs:
            right = Right(verb, resource, _place(ref, permission), permission.subresource, ref.resource.group)
            if self._session.access.known(right) is False:
                where = f" in namespace {ref.namespace}" if ref.namespace and resource == ref.resource.plural else ""
                subresource = f"/{permission.subresource}" if permission.subresource else ""
                return f"{command.title}: you lack permission to {verb} {resource}{subresource}{where}"
        return ""

    def learn(self, ref: ObjectRef) -> None:
        """Ask for all rights that the commands need on an object of this kind, once per namespace until the answers expire."""
        if self._session.connection is None:
            return
        for command in BY_ID.values():
            permission, plural = command.permission, ref.resource.plural
            if permission is None or permission.resource not in ("pods", plural) or not command.is_for(plural):
                continue
            for verb in permission.verbs:
                right = Right(verb, ref.resource.plural, _place(ref, permission), permission.subresource, ref.resource.group)
                if right not in self._asking and not self._session.access.is_fresh(right):
                    self._asking[right] = asyncio.create_task(self._ask(right))

    def forget(self) -> None:
        """Rights may have changed: ask again, and offer commands until the answers arrive."""
        if self._session.connection is not None:
            self._session.access.forget()

    async def _ask(self, right: Right) -> None:
        try:
            await self._session.access.review(*right)
        finally:
            self._asking.pop(right, None)
        self._learned()

    async def close(self) -> None:
        await end_tasks(*self._asking.values())


def _place(ref: ObjectRef, permission: Permission) -> str:
    """The namespace in which the server checks the right: for a namespace its own name, for a new one none."""
    if permission.resource == "namespaces" and permission.verb == "create":
        return ""
    return ref.name if ref.resource.plural == "namespaces" else ref.namespace
