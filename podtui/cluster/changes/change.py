"""The interface between a change and the dialog that shows and sends it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from podtui.cluster.changes.many import STOPS, Result, each
from podtui.cluster.changes.objects import Objects
from podtui.cluster.impact.effects import Effect
from podtui.cluster.impact.related import Surroundings
from podtui.errors import ConnectionFailed, PodtuiError, Replaced
from podtui.kube.kubectl import Commands, distinct
from podtui.kube.resources import ObjectRef

Foretold = Callable[[Surroundings], list[Effect]]
"""The effects of a change on the surroundings of pods; may be called in another thread."""

Note = Callable[[str], None]
"""Called with the progress, in a few words."""


def silent(_: str) -> None:
    """Discard the note."""


class Change(ABC):
    """A change of one or several objects, as a user sees it before it is made: a dialog shows and sends it, and computes nothing.

    A subclass holds the user's choices and what is known of the objects in plain attributes; where it has to look at
    the objects first, it has a method `read`. Every entry that `send` writes to the journal keeps `commands` byte for byte.
    All methods raise podtui.errors only.
    """

    @property
    @abstractmethod
    def commands(self) -> list[str]:
        """The exact kubectl commands of what remains to be done."""

    @property
    @abstractmethod
    def refusal(self) -> str:
        """Why the change cannot be sent in its present form, in a few words; "" when it can."""

    @property
    def foretold(self) -> Foretold | None:
        """The effects of the change, given the surroundings of its pods; None when it has none."""
        return None

    @abstractmethod
    async def send(self, objects: Objects, note: Note = silent) -> None:
        """Make the change, or what remains of it; afterwards, the change holds the result for each object.

        Raises errors that stop the whole change: no connection, no credential, read-only.
        """


@dataclass(eq=False)
class ChangedObject:
    """One of the objects of a change, and its result: None until it is known."""

    ref: ObjectRef
    result: Result | None = None

    @property
    def done(self) -> bool:
        return self.result is not None and self.result.well

    @property
    def lost(self) -> bool:
        """Whether a retry is pointless."""
        return self.result is not None and self.result.state == "lost"

    @property
    def fault(self) -> str:
        """Why the object was not changed; "" when no error is known."""
        return "" if self.result is None or self.done else self.result.words


C = TypeVar("C", bound=ChangedObject)


class ChangeOfMany(Change, Generic[C]):
    """The same change of several objects, one request each and a few at a time; what fails can be sent again."""

    def __init__(self, objects: Sequence[C], options: Sequence[str]) -> None:
        """`options` are those of `ConnectionSettings.kubectl_options`."""
        self.objects = list(objects)
        self.options = options

    @property
    def past(self) -> str:
        """What the change does to an object, as a participle."""
        return "changed"

    @property
    def left(self) -> list[C]:
        """The objects still to be changed, or to be retried."""
        return [one for one in self.objects if not one.done and not one.lost]

    @property
    def failed(self) -> list[C]:
        return [one for one in self.objects if not one.done]

    @property
    def commands(self) -> list[str]:
        return distinct(self.kubectl([one.ref for one in self.left]))

    @abstractmethod
    def kubectl(self, refs: Sequence[ObjectRef]) -> Commands:
        """The kubectl commands that change these objects."""

    @abstractmethod
    async def change(self, objects: Objects, one: C, command: str) -> Result:
        """Change one object; `command` goes to the journal."""

    def failure(self, one: C, error: PodtuiError) -> Result | None:
        """The result for one object after an error; None when the error is not about it (a missing credential)."""
        if error.may_be_done:
            what = "no answer" if isinstance(error, ConnectionFailed) else error.what
            return Result("failed", f"{what}: it may or may not have been {self.past}")
        return None if isinstance(error, STOPS) else Result("lost" if isinstance(error, Replaced) else "failed", error.what)

    async def look(self, read: Callable[[C], Awaitable[None]]) -> None:
        """Read every object before it is changed; an object that cannot be read is lost."""
        results = await each(self.objects, read)
        for one in self.objects:
            if (error := results.error(one)) is not None:
                one.result = Result("lost", error.what)

    async def send(self, objects: Objects, note: Note = silent) -> None:
        left = self.left
        commands = self.kubectl([one.ref for one in left])
        command_of = {one: commands[one.ref] for one in left}

        async def change(one: C) -> None:
            try:
                one.result = await self.change(objects, one, command_of[one])
            except PodtuiError as error:
                one.result = self.failure(one, error)
                raise

        results = await each(left, change, note=note)
        if results.stopped is not None:
            raise results.stopped
