"""Cordon or uncordon nodes: the current state of each, the number of pods on it, and the change of `spec.unschedulable`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from podtui.cluster.changes.change import ChangedObject, ChangeOfMany
from podtui.cluster.changes.conflicts import require_same
from podtui.cluster.changes.many import Result
from podtui.cluster.changes.objects import Objects
from podtui.cluster.pods.nodes import describe_node, pod_rows
from podtui.cluster.pods.partial_objects import pods_on_node
from podtui.errors import Forbidden
from podtui.kube.kubectl import Commands, kubectl_cordon
from podtui.kube.resources import ObjectRef

_PODS = 500  # the most pods to count on a node


@dataclass(eq=False)
class CordonedNode(ChangedObject):
    """One node: its status as `kubectl get nodes` prints it ("" until it is read), and how many pods run there."""

    status: str = ""
    pods: int | None = None  # None: the user may not list them
    more: bool = False  # than `pods`


class Cordon(ChangeOfMany[CordonedNode]):
    """`unschedulable` True cordons the nodes, False uncordons them.

    `schedulable` are the names of all nodes that the scheduler uses now, as far as podtui knows them.
    """

    def __init__(self, refs: Sequence[ObjectRef], unschedulable: bool, options: Sequence[str], schedulable: Sequence[str] = ()) -> None:
        super().__init__([CordonedNode(ref) for ref in refs], options)
        self.unschedulable = unschedulable
        self.schedulable = frozenset(schedulable)
        self.reading = True

    @property
    def still_schedulable(self) -> frozenset[str]:
        """The known nodes on which the scheduler can put new pods after the change."""
        names = {node.ref.name for node in self.objects}
        return self.schedulable - names if self.unschedulable else self.schedulable | names

    def status_after(self, node: CordonedNode) -> str:
        word = node.status.split(",")[0]
        return f"{word},SchedulingDisabled" if self.unschedulable else word

    def kubectl(self, refs: Sequence[ObjectRef]) -> Commands:
        return kubectl_cordon(refs, self.unschedulable, options=self.options)

    @property
    def refusal(self) -> str:
        if self.reading:
            return "reading the nodes…"
        return "" if self.left else "nothing would change"

    async def read(self, objects: Objects) -> None:
        await self.look(lambda node: self._read(objects, node))
        self.reading = False

    async def _read(self, objects: Objects, node: CordonedNode) -> None:
        value = await objects.get(node.ref)
        require_same(node.ref, value.get("metadata") or {})
        node.status = describe_node(value).status
        if ((value.get("spec") or {}).get("unschedulable") is True) is self.unschedulable:
            node.result = Result("already", f"{node.status} already")
            return
        try:
            there, node.more = await pods_on_node(objects.connection, node.ref.name, _PODS)
        except Forbidden:
            return  # without the right to list pods, cordon without their number
        node.pods = len(pod_rows(there))

    async def change(self, objects: Objects, one: CordonedNode, command: str) -> Result:
        await objects.cordon(one.ref, self.unschedulable, command)
        return Result("done")
