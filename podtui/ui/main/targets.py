"""What a command applies to: the object of the pane that has the focus, never one that is out of view."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from podtui.kube.resources import NAMESPACES, PODS, ObjectRef, Resource
from podtui.ui.commands import Command
from podtui.ui.main.layout import Panes
from podtui.ui.main.lists import Lists

_MARKED = {f"main.{name}" for name in ("label", "annotate", "cordon", "copy", "delete", "kill", "delete-selected", "logs", "previous-logs")}
_TABS = {f"main.{tab}" for tab in ("describe", "annotations", "yaml", "events", "why")}
_OF_THE_LIST = {"main.selector", "main.close"}  # they need no object, and lead to the list at the right from everywhere


class Subject(Protocol):
    """A pane whose objects commands apply to."""

    @property
    def resource(self) -> Resource:
        """The kind of its objects."""

    @property
    def current(self) -> ObjectRef | None:
        """The one object that it is about: at the cursor, or shown; None if there is none, or it is gone."""

    @property
    def shown(self) -> ObjectRef | None:
        """The same, also when it is gone: its last known state can still be read."""

    @property
    def targets(self) -> list[ObjectRef]:
        """The marked objects; without marks, the current one."""

    @property
    def without(self) -> str:
        """Why there is no current object."""


class Targets:
    """Finds the objects of a command. The lower panes, details and logs, are about the object that they show."""

    def __init__(self, panes: Panes, lists: Lists, lower: Mapping[str, Subject]) -> None:
        """`lower` has the lower panes by name; one that is created later is added to it."""
        self._panes = panes
        self._lists = lists
        self._lower = lower

    @property
    def focused(self) -> Subject:
        return self._lower.get(self._panes.current) or self._lists.focused

    def of(self, command: Command) -> Subject | None:
        """The pane that the command applies to; None if it is for other kinds."""
        panes = (self.focused, self._lists.right) if command.id in _OF_THE_LIST else (self.focused,)
        return next((pane for pane in panes if command.is_for(pane.resource.plural)), None)

    def objects(self, command: Command) -> list[ObjectRef]:
        """The objects that the command applies to; for a command on the pods of a namespace, references without a name."""
        pane = self.of(command)
        if command.id == "main.create-namespace":
            return [ObjectRef(NAMESPACES, "")]
        if pane is None:
            return []
        if command.id == "main.all-logs" and pane.current is None:
            return [ObjectRef(PODS, "", name) for name in self._lists.pods.store.scope.namespaces or ("",)]
        if command.id == "main.delete-selected":
            return [ObjectRef(PODS, "", ref.name) if ref.resource == NAMESPACES else ref for ref in pane.targets]
        if command.id in _TABS:
            return [] if pane.shown is None else [pane.shown]
        if command.id not in _MARKED:
            return [] if pane.current is None else [pane.current]
        return pane.targets

    def refusal(self, command: Command) -> str:
        """Why the command has no object, or ""."""
        pane = self.of(command)
        if pane is None:
            there = self.focused is self._lists.namespaces and command.is_for(self._lists.right.resource.plural)
            return f"{command.title}: only for {' and '.join(command.kinds)}{'; Tab goes to them' if there else ''}"
        if command.permission is None or self.objects(command):
            return ""
        return f"{command.title}: {pane.without}"
