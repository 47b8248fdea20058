"""What a change is to the dialog that shows it and sends it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from podtui.cluster.changes.many import STOPS, Result, each
from podtui.cluster.changes.objects import Objects
from podtui.cluster.impact.effects import Effect
from podtui.cluster.impact.related import Surroundings
from podtui.errors import PodtuiError, Replaced
from podtui.kube.kubectl import Commands, distinct
from podtui.kube.resources import ObjectRef

Foretold = Callable[[Surroundings], list[Effect]]
"""What a change does to the surroundings of pods; may be called in another thread."""

Note = Callable[[str], None]
"""Called with what goes on, in a few words."""


def silent(_: str) -> None:
    """Tells nobody."""


class Change(ABC):
    """A change of one or several objects, as a person sees it before it is made: a dialog shows it and sends it, and computes nothing.

    A subclass has what the person may choose as plain attributes, and what is known of the objects as others; where it has to look at
    the objects first, it has a method `read`. Every entry that `send` writes to the journal keeps what `commands` was, byte for byte.
    All methods raise podtui.errors only.
    """

    @property
    @abstractmethod
    def commands(self) -> list[str]:
        """The exact kubectl commands of what is left to do."""

    @property
    @abstractmethod
    def refusal(self) -> str:
        """Why the change cannot be sent as it is, in a few words; "" when it can."""

    @property
    def foretold(self) -> Foretold | None:
        """What the change sets off, by the surroundings of its pods; None when that is nothing."""
        return None

    @abstractmethod
    async def send(self, objects: Objects, note: Note = silent) -> None:
        """Make the change, or what is left of it; what became of each object is in the change afterwards.

        Raises what keeps all of it from being made: no connection, no credential, read-only.
        """


@dataclass(eq=False)
class ChangedObject:
    """One of the objects of a change, and what became of it: None until that is known."""

    ref: ObjectRef
    result: Result | None = None

    @property
    def done(self) -> bool:
        return self.result is not None and self.result.well

    @property
    def lost(self) -> bool:
        """Whether there is nothing to try again."""
        return self.result is not None and self.result.state == "lost"

    @property
    def fault(self) -> str:
        """Why it was not changed, "" when nothing is known against it."""
        return "" if self.result is None or self.done else self.result.words


C = TypeVar("C", bound=ChangedObject)


class ChangeOfMany(Change, Generic[C]):
    """The same change of several objects, each by itself and a few at a time; what fails can be sent again."""

    def __init__(self, objects: Sequence[C], options: Sequence[str]) -> None:
        """`options` are those of `ConnectionSettings.kubectl_options`."""
        self.objects = list(objects)
        self.options = options

    @property
    def left(self) -> list[C]:
        """What is to be changed, or to be tried again."""
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
        """Change one object; `command` is what the journal keeps."""

    def failure(self, one: C, error: PodtuiError) -> Result | None:
        """What an error says of one object; None when it says nothing of it (a missing credential)."""
        return None if isinstance(error, STOPS) else Result("lost" if isinstance(error, Replaced) else "failed", error.what)

    async def look(self, read: Callable[[C], Awaitable[None]]) -> None:
        """Read every object before it is changed; one that cannot be read is lost."""
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
