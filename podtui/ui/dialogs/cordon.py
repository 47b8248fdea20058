"""The dialog that cordons or uncordons nodes: it shows the effects first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.text import Text
from textual.widget import Widget
from textual.widgets import Static

from podtui.cluster.changes.cordon import Cordon, CordonedNode
from podtui.cluster.session import Session
from podtui.kube.resources import ObjectRef
from podtui.text import counted, harmless
from podtui.ui.dialogs.dialog import Dialog, confirmations, described, shown
from podtui.ui.themes import palette


class CordonDialog(Dialog[int]):
    """Marks nodes unschedulable or schedulable. Dismissed with the number of changed nodes."""

    change: Cordon

    def __init__(self, session: Session, refs: Sequence[ObjectRef], unschedulable: bool, open_nodes: Sequence[str] = ()) -> None:
        """`open_nodes` are the names of all nodes that the scheduler uses now: the dialog warns when none would be left."""
        verb = "Cordon" if unschedulable else "Uncordon"
        super().__init__(f"{verb} {described(refs)}", confirm=verb, asked=confirmations(session, len(refs), "nodes"))
        self.session = session
        self.change = Cordon(refs, unschedulable, session.settings.kubectl_options, open_nodes)

    def compose_body(self) -> Iterable[Widget]:
        yield Static(id="cordon-nodes")
        yield Static(id="cordon-effect")

    async def read(self) -> None:
        await self.change.read(self.session.objects)
        self.update()

    # -- display ----------------------------------------------------------------------------------------------
    def update(self) -> None:
        text = Text()
        for node in self.change.objects:
            text.append("\n" if text else "").append_text(self._line(node))
        self.query_one("#cordon-nodes", Static).update(text)
        self.query_one("#cordon-effect", Static).update(self._effect())
        self.show_commands(self.change.commands)
        self.refresh_dialog()

    def _line(self, node: CordonedNode) -> Text:
        styles, change = palette(self.app), self.change
        line = Text().append(harmless(node.ref.name), styles["label.key"])
        if node.fault:
            return line.append(f"  ✗ {shown(node.fault)}", styles["error"])
        if node.result is not None:
            already = node.result.state == "already"
            return line.append(f"  = {node.result.words}" if already else "  ✓ done", styles["dim" if already else "ok"])
        if not node.status:
            return line.append("  reading…", styles["dim"])
        pods = "you may not list its pods"
        if node.pods is not None:
            pods = f"{'more than ' if node.more else ''}{counted(node.pods, 'pod')} there"
        return line.append(f"  {node.status} → {change.status_after(node)}  ", styles["warn"]).append(pods, styles["dim"])

    def _effect(self) -> Text:
        styles = palette(self.app)
        if not self.change.unschedulable:
            return Text("The scheduler can place pods there again, first those that wait for a node.", styles["dim"])
        text = Text("Pods that run there keep running. The scheduler places no new pods there.", styles["dim"])
        left = self.change.still_schedulable
        if self.change.schedulable and not left:
            text.append("\n! No node is left for new pods.", styles["error"])
        elif self.change.schedulable:
            text.append(f"\n{counted(len(left), 'node')} left for new pods.", styles["dim"])
        return text

    # -- the work ---------------------------------------------------------------------------------------------
    async def submit(self) -> None:
        change = self.change
        try:
            await change.send(self.session.objects)
        except Exception:
            self.update()
            raise
        if not change.failed:
            verb = "cordoned" if change.unschedulable else "uncordoned"
            done = [node for node in change.objects if node.result is not None and node.result.state == "done"]
            self.app.notify(f"{', '.join(f'node/{harmless(node.ref.name)}' for node in done[:4])} {verb}", markup=False)
            self.dismiss(len(done))
            return
        self.update()
        self.set_confirm("Retry")
        if len(change.objects) == 1:
            self.show_error(change.failed[0].fault)
        else:
            self.show_error(f"{len(change.failed)} of {len(change.objects)} were not changed: see above")
