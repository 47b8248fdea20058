"""A tab of the details whose text comes from more than the object: events, a diagnosis, the pods of a node.

It asks the API server only while it is on show: `work` runs then, and is cancelled when another tab, another object or nothing is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from podtui.cluster.resources import ObjectRef
from podtui.ui.widgets.text_document import Line

if TYPE_CHECKING:
    from podtui.cluster.session import Session

Changed = Callable[[], None]


class LiveTab(Protocol):
    """`changed`, given when it is made, is called when `lines` would say something else."""

    at_end: bool
    """Whether the newest lines are the last ones, and so are those to look at first."""

    def __init__(self, session: Session, changed: Changed) -> None: ...

    def topic(self, ref: ObjectRef, obj: Mapping[str, Any]) -> Hashable:
        """What the work is about: when it is something else, the work begins anew."""

    async def work(self, ref: ObjectRef, obj: Mapping[str, Any]) -> None:
        """Keep what `lines` needs up to date until it is cancelled, or done."""

    def lines(self, obj: Mapping[str, Any], width: int) -> list[Line]:
        """The text now, prose folded at `width` columns."""

    def forget(self) -> None:
        """Another object is shown: what is known of the last one does not count any more."""
