"""Delete or evict objects one by one, each by its UID.

Unlike a deletion of the collection, this leaves alone whatever was created, or recreated under the same name, since the list was shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from podtui.cluster.changes.change import ChangedObject, ChangeOfMany, Foretold
from podtui.cluster.changes.conflicts import is_gone
from podtui.cluster.changes.many import Result
from podtui.cluster.changes.objects import Objects
from podtui.cluster.impact import effects
from podtui.errors import NotFound, PodtuiError
from podtui.kube.kubectl import Commands, Selected, kubectl_delete, kubectl_evict
from podtui.kube.resources import ObjectRef, Propagation
from podtui.text import harmless

FORCE = (
    "Immediate deletion does not wait for confirmation that the running resource has been terminated. "
    "The resource may continue to run on the cluster indefinitely."
)
_PROPAGATION = {
    "Foreground": "It goes only after everything that it owns (--cascade=foreground).",
    "Orphan": "What it owns stays, without an owner (--cascade=orphan).",
}


class Deletion(ChangeOfMany[ChangedObject]):
    """The choices are kubectl's: `grace_seconds` None is the object's own period; an eviction has neither `force` nor `propagation`."""

    def __init__(self, refs: Sequence[ObjectRef], options: Sequence[str], selected: Selected | None = None) -> None:
        super().__init__([ChangedObject(ref) for ref in refs], options)
        self.selected = selected
        self.grace_seconds: int | None = None
        self.force = False
        self.evict = False
        self.propagation: Propagation = "Background"

    @property
    def past(self) -> str:
        return "evicted" if self.evict else "deleted"

    @property
    def tried(self) -> bool:
        return any(one.result is not None for one in self.objects)

    @property
    def gone(self) -> list[ChangedObject]:
        """The objects whose deletion the server accepted."""
        return [one for one in self.objects if one.result is not None and one.result.state == "done"]

    def kubectl(self, refs: Sequence[ObjectRef]) -> Commands:
        if self.evict:
            return kubectl_evict(refs, grace_seconds=self.grace_seconds, options=self.options)
        return kubectl_delete(
            refs,
            grace_seconds=self.grace_seconds,
            force=self.force,
            propagation=self.propagation,
            selected=None if self.tried else self.selected,
            options=self.options,
        )

    @property
    def refusal(self) -> str:
        if not self.left:
            return "nothing is left to delete"
        if self.force and self.grace_seconds:
            return "Force allows no grace period: leave that field empty"
        return ""

    @property
    def warnings(self) -> list[str]:
        """What the choices mean, where that is easily overlooked."""
        found = []
        if self.force:
            found.append(FORCE)
        elif self.grace_seconds == 0:
            found.append("Without force, kubectl and podtui use 1 instead of 0.")
        if not self.evict and self.propagation in _PROPAGATION:
            found.append(_PROPAGATION[self.propagation])
        if self.selected is not None and not self.evict:
            found.append("kubectl deletes what matches when it runs; podtui deletes only what this list shows.")
        return found

    @property
    def foretold(self) -> Foretold | None:
        return partial(effects.deletion, evict=self.evict)

    async def change(self, objects: Objects, one: ChangedObject, command: str) -> Result:
        if self.evict:
            await objects.evict(one.ref, self.grace_seconds, command=command)
            return Result("done", self.past)
        await objects.delete(one.ref, self.grace_seconds, self.force, self.propagation, command=command)
        return Result("done", self.past)

    def failure(self, one: ChangedObject, error: PodtuiError) -> Result | None:
        ref = one.ref
        if isinstance(error, NotFound) and is_gone(ref, error):
            alone = error.names(ref.resource.plural, ref.name)
            return Result("already", "already gone" if alone else f"already gone with namespace {harmless(ref.namespace)}")
        return super().failure(one, error)
