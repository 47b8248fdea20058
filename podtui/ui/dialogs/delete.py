"""The delete dialog: the objects, the effects, the options, the exact kubectl command; Cancel has the focus."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.text import Text
from textual import on
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from podtui.cluster.changes.deletion import Deletion
from podtui.cluster.session import Session
from podtui.errors import PodtuiError
from podtui.kube.kubectl import Selected
from podtui.kube.resources import ObjectRef, Propagation
from podtui.text import harmless
from podtui.ui.dialogs.dialog import Dialog, confirmations, described, plural, shown
from podtui.ui.dialogs.impact_note import ImpactNote
from podtui.ui.themes import palette
from podtui.ui.widgets.choice import Choice
from podtui.ui.widgets.toggle import Toggle

_SHOWN = 300  # names in the list: more are not worth the time to lay them out
_FEW = 6  # up to this number the objects stand above the options, otherwise below
_CASCADES: dict[str, Propagation] = {"goes after it": "Background", "goes first": "Foreground", "stays": "Orphan"}
_SIGNS = {"already": "= ", "done": "", "failed": "✗ ", "lost": "✗ "}


class DeleteDialog(Dialog[int]):
    """Deletes or evicts objects, each only if its UID is the one shown. Dismissed with the number that the server accepted."""

    change: Deletion

    DEFAULT_CSS = """
    DeleteDialog #delete-grace { width: 22; }
    DeleteDialog .delete-row { height: 1; }
    DeleteDialog .delete-row Label { width: auto; padding-right: 1; }
    """

    def __init__(self, session: Session, refs: Sequence[ObjectRef], selected: Selected | None = None, *, grace: int | None = None) -> None:
        """`grace` is the grace period in seconds that the dialog offers first; None: the object's own."""
        what = plural(refs)
        namespaces = [ref.name for ref in refs if ref.resource.plural == "namespaces"]
        super().__init__("", confirm="Delete", danger=True, asked=confirmations(session, len(refs), what, namespaces))
        self.session = session
        self.refs = list(refs)
        self.change = Deletion(refs, session.settings.kubectl_options, selected)
        self._described = described(refs)
        if selected is not None:
            self._described = f"all {self._described}" + (f" with labels {selected.selector}" if selected.selector else "")
        self._namespaces = bool(namespaces)
        self._pods = all(ref.resource.plural == "pods" for ref in refs)
        self._grace = grace
        self._many = len(refs) > _FEW
        self._impact = ImpactNote(session, refs, adopters=False, id="delete-impact")
        self.dialog_title = self._question("Delete")

    def _question(self, verb: str) -> str:
        return f"{verb} {self._described}?" + (" This also deletes the contents." if self._namespaces else "")

    def compose_body(self) -> Iterable[Widget]:
        if not self._many:
            yield Static(id="delete-list")
        yield self._impact
        with Horizontal(classes="delete-row"):
            yield Label("Grace period in seconds:")
            value = "" if self._grace is None else str(self._grace)
            yield Input(value, id="delete-grace", compact=True, placeholder="the object's own", restrict=r"[0-9]*", max_length=9)
        if not self._namespaces:
            with Horizontal(classes="delete-row"):
                yield Label("What it owns:")
                yield Choice(tuple(_CASCADES), id="delete-cascade")
        if self._pods:
            yield Toggle("Evict: only if the disruption budgets allow it", id="delete-evict")
        yield Toggle("Force: remove it at once", id="delete-force")
        yield Static(id="delete-meaning")

    def compose_reference(self) -> Iterable[Widget]:
        if self._many:
            yield Static(id="delete-list")

    async def read(self) -> None:
        """Check the right to evict the pods; without it, dim the option and show the reason."""
        for namespace in sorted({ref.namespace for ref in self.refs}) if self._pods else ():
            try:
                allowed = await self.session.access.can("create", "pods", namespace, "eviction")
            except PodtuiError:
                return  # not connected: any attempt reports that
            if not allowed:
                toggle = self.query_one("#delete-evict", Toggle)
                toggle.label = f"Evict: you lack permission to create pods/eviction in namespace {harmless(namespace)}"
                toggle.disabled = True
                return

    # -- options ----------------------------------------------------------------------------------------------

    @on(Input.Changed, "#delete-grace")
    @on(Toggle.Changed)
    @on(Choice.Changed)
    def update(self) -> None:
        change, force = self.change, self.query_one("#delete-force", Toggle)
        change.evict = any(toggle.value for toggle in self.query("#delete-evict").results(Toggle))
        if change.evict:
            force.value = False  # an eviction has no force option, and does not choose how to delete what the pod owns
        force.disabled = change.evict
        for choice in self.query(Choice):
            choice.disabled = change.evict
            change.propagation = _CASCADES[choice.value]
        offered = self.query_one("#delete-grace", Input)
        if force.value and not change.force and self._grace is not None and offered.value == str(self._grace):
            offered.value = ""  # it was the dialog's, not the user's
        grace = offered.value
        change.grace_seconds, change.force = int(grace) if grace else None, force.value
        self.query_one("#delete-list", Static).update(self._list())
        warnings = Text("\n".join(f"! {warning}" for warning in change.warnings), palette(self.app)["warn"])
        self.put("#delete-meaning", warnings)
        self._impact.foretell(change.foretold)
        self.show_commands(change.commands)
        if not change.tried:
            self.set_title(self._question("Evict" if change.evict else "Delete"))
            self.set_confirm("Evict" if change.evict else "Delete")
        self.refresh_dialog()

    def _list(self) -> Text:
        """The objects: first the failed ones, then the others with a result."""
        styles, text = palette(self.app), Text()
        lines = sorted(self.change.objects, key=lambda one: (one.result is None, one.done))
        for one in lines[:_SHOWN]:
            style = styles["error"] if one.fault else styles["dim"] if one.done else ""
            namespace = f"{one.ref.namespace}/" if one.ref.namespace else ""
            words = f"  {_SIGNS[one.result.state]}{shown(one.result.words)}" if one.result is not None else ""
            text.append(f"{harmless(f'{namespace}{one.ref.name}')}{words}\n", style)
        if len(lines) > _SHOWN:
            text.append(f"… and {len(lines) - _SHOWN} more\n", styles["dim"])
        text.rstrip()
        return text

    # -- the work ---------------------------------------------------------------------------------------------

    async def submit(self) -> None:
        change, count = self.change, len(self.change.left)
        try:
            await change.send(self.session.objects, self.show_note)
        except Exception:
            self._show_what_is_left(count)
            raise
        if not change.failed:
            self._notify_gone()
            self.dismiss(len(change.gone))
            return
        self._show_what_is_left(count)
        if len(change.objects) == 1:
            self.show_error(change.failed[0].fault)
        else:
            self.show_error(f"{len(change.failed)} of {count} failed: see above")

    def _show_what_is_left(self, count: int) -> None:
        """Offer to retry failed objects; lost ones cannot be retried."""
        change = self.change
        self.show_note("")
        self.update()
        if count > 1:
            self.set_title(f"{len(change.gone)} {'evicted' if change.evict else 'deleted'}, {len(change.failed)} not")
        if change.left:
            self.set_confirm("Retry")
        else:
            self.set_cancel("Close")

    def _notify_gone(self) -> None:
        """In kubectl's words: `pod "kubia" deleted from default namespace`."""
        gone = {one.ref: one.result.words for one in self.change.objects if one.result is not None and one.result.state == "already"}
        done = {one.ref: one.result.words for one in self.change.gone if one.result is not None}
        verb = " or ".join(sorted(set(done.values())))
        if len(done) == 1:
            (ref,) = done
            where = f" from {ref.namespace} namespace" if ref.namespace else ""
            force = " force" if self.change.force else ""
            words = f'{ref.resource.kind.lower()} "{harmless(ref.name)}"{force} {verb}{where}'
        else:
            words = f"{len(done)} {plural(self.refs)} {verb}" if done else ""
        if gone:
            names = harmless(next(iter(gone)).name) if len(gone) == 1 else str(len(gone))
            words += f"{', ' if words else ''}{names} {' or '.join(sorted(set(gone.values())))}"
        self.notify(words, markup=False)

    def left(self) -> None:
        unanswered = sum(one.result is None for one in self.change.objects)
        done = "evicted" if self.change.evict else "deleted"
        self.notify(f"{len(self.change.gone)} {done}; podtui did not wait for {unanswered}", severity="warning", markup=False)
