"""The dialog that cordons nodes or uncordons them: what it sets off is shown before."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from rich.text import Text
from textual.widget import Widget
from textual.widgets import Static

from podtui.cluster.changes.conflicts import require_same
from podtui.cluster.pods.nodes import describe_node, pod_rows
from podtui.cluster.pods.partial_objects import pods_on_node
from podtui.errors import Forbidden, PodtuiError
from podtui.kube.kubectl import kubectl_cordon
from podtui.kube.resources import ObjectRef
from podtui.text import harmless
from podtui.ui.dialogs.dialog import Dialog, confirmations, described, shown
from podtui.ui.themes import palette

_AT_ONCE = 6
_PODS = 500


class _Target:
    """One node: how it is now, and what became of it."""

    def __init__(self, ref: ObjectRef) -> None:
        self.ref = ref
        self.status = ""
        self.unschedulable = False
        self.pods = ""  # how many run there, in words
        self.done = False
        self.fault = ""


class CordonDialog(Dialog[int]):
    """Marks nodes unschedulable, or takes the mark off. Dismissed with how many were changed.

    `open_nodes` are the names of all nodes that the scheduler uses now: when none would be left, that is said.
    """

    def __init__(self, session: Any, refs: Sequence[ObjectRef], unschedulable: bool, open_nodes: Sequence[str] = ()) -> None:
        verb = "Cordon" if unschedulable else "Uncordon"
        super().__init__(f"{verb} {described(refs)}", confirm=verb, asked=confirmations(session, len(refs), "nodes"))
        self.session = session
        self.unschedulable = unschedulable
        self.targets = [_Target(ref) for ref in refs]
        self._open_nodes = set(open_nodes)
        self._reading = True

    def compose_body(self) -> Iterable[Widget]:
        yield Static(id="cordon-nodes")
        yield Static(id="cordon-effect")

    def on_mount(self) -> None:
        super().on_mount()
        self._show()
        self.run_worker(self._read(), group="read", exit_on_error=False)

    # -- reading ----------------------------------------------------------------------------------------------
    async def _read(self) -> None:
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(target: _Target) -> None:
            async with gate:
                try:
                    await self._read_one(target)
                except PodtuiError as error:
                    target.fault = error.what

        await asyncio.gather(*(one(target) for target in self.targets))
        self._reading = False
        self._show()

    async def _read_one(self, target: _Target) -> None:
        node = await self.session.objects.get(target.ref)
        require_same(target.ref, node.get("metadata") or {})
        target.status = describe_node(node).status
        target.unschedulable = (node.get("spec") or {}).get("unschedulable") is True
        try:
            there, more = await pods_on_node(self.session.opened, target.ref.name, _PODS)
        except Forbidden:
            target.pods = "what runs there may not be seen"
        else:
            count = len(pod_rows(there))
            target.pods = f"{'more than ' * more}{count} pod{'' if count == 1 else 's'} there"

    # -- what is shown ----------------------------------------------------------------------------------------
    def _todo(self) -> list[_Target]:
        return [one for one in self.targets if not one.done and not one.fault and one.unschedulable is not self.unschedulable]

    def _show(self) -> None:
        styles = palette(self.app)
        text = Text()
        for target in self.targets:
            text.append("\n" if text else "").append(harmless(target.ref.name), styles["label.key"])
            if target.done:
                text.append("  ✓ done", styles["ok"])
            elif target.fault:
                text.append(f"  ✗ {shown(target.fault)}", styles["error"])
            elif not target.status:
                text.append("  reading…", styles["dim"])
            elif target.unschedulable is self.unschedulable:
                text.append(f"  = {target.status} already", styles["dim"])
            else:
                text.append(f"  {target.status} → {self._after(target.status)}  ", styles["warn"]).append(target.pods, styles["dim"])
        self.query_one("#cordon-nodes", Static).update(text)
        self.query_one("#cordon-effect", Static).update(self._effect())
        todo = [target.ref for target in self._todo()] or [target.ref for target in self.targets if not target.done]
        self.show_commands([kubectl_cordon(todo, self.unschedulable, options=self.session.settings.kubectl_options)] if todo else [])
        self.refresh_dialog()

    def _after(self, status: str) -> str:
        word = status.split(",")[0]
        return f"{word},SchedulingDisabled" if self.unschedulable else word

    def _effect(self) -> Text:
        styles = palette(self.app)
        if not self.unschedulable:
            return Text("The scheduler may put pods there again, those first that wait for a node.", styles["dim"])
        text = Text("Pods that run there go on; no new ones are put there but those that tolerate it (of DaemonSets).", styles["dim"])
        left = self._open_nodes - {target.ref.name for target in self.targets}
        if self._open_nodes and not left:
            text.append("\n! No node is left then on which a new pod could be put.", styles["error"])
        elif self._open_nodes:
            text.append(f"\n{len(left)} node{'' if len(left) == 1 else 's'} left for new pods.", styles["dim"])
        return text

    def blocked(self) -> str:
        if self._reading:
            return "reading the nodes…"
        return "" if self._todo() else "nothing would change"

    # -- the work ---------------------------------------------------------------------------------------------
    async def submit(self) -> None:
        todo = self._todo()
        for target in todo:
            try:
                await self.session.objects.cordon(target.ref, self.unschedulable)
            except PodtuiError as error:
                if len(self.targets) == 1:
                    raise
                target.fault = error.what
            else:
                target.done = True
        failed = [target for target in self.targets if target.fault]
        if not failed:
            verb = "cordoned" if self.unschedulable else "uncordoned"
            self.app.notify(f"{', '.join(f'node/{harmless(target.ref.name)}' for target in todo[:4])} {verb}", markup=False)
            self.dismiss(len(todo))
            return
        self._show()
        self.show_error(f"{len(failed)} of {len(self.targets)} were not changed: see each one above")
