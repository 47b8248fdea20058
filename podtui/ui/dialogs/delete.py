"""The delete dialog: what goes, what that sets off, how, the exact kubectl command; Cancel has the focus.

Several objects are deleted one by one, each by its UID: what has come since they were shown, or has been made anew under the same
name, is not touched, as it would be by a deletion of the collection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.text import Text
from textual import on
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from podtui.cluster.impact.effects import deletion
from podtui.errors import ConnectionFailed, CredentialError, NotFound, PodtuiError, ReadOnlyError, Replaced, Unauthorized
from podtui.kube.kubectl import kubectl_delete, kubectl_delete_selected, kubectl_evict
from podtui.kube.resources import ObjectRef, Propagation
from podtui.text import harmless
from podtui.ui.dialogs.dialog import Dialog, confirmations, described, plural, shown
from podtui.ui.dialogs.impact_note import ImpactNote
from podtui.ui.themes import palette
from podtui.ui.widgets.choice import Choice
from podtui.ui.widgets.toggle import Toggle

_AT_ONCE = 8
_SHOWN = 300  # names in the list: nobody reads more, and laying them out takes time
_FEW = 6  # so many stand above what can be chosen, more of them below
_FORCE = (
    "Immediate deletion does not wait for confirmation that the running resource has been terminated. "
    "The resource may continue to run on the cluster indefinitely."
)
_CASCADES: dict[str, tuple[Propagation, str]] = {
    "goes after it": ("Background", ""),
    "goes first": ("Foreground", "It goes only when all that it owns has gone (--cascade=foreground)."),
    "stays": ("Orphan", "What it owns stays, without an owner (--cascade=orphan)."),
}


@dataclass(frozen=True)
class Selected:
    """How the objects were chosen, when it was not one by one: in these namespaces (none: all), by this selector ("": all of them)."""

    namespaces: tuple[str, ...]
    selector: str


class DeleteDialog(Dialog[int]):
    """Deletes or evicts objects, each only if it is the one shown (its UID). Dismissed with how many the server took on."""

    DEFAULT_CSS = """
    DeleteDialog #delete-grace { width: 22; }
    DeleteDialog .delete-row { height: 1; }
    DeleteDialog .delete-row Label { width: auto; padding-right: 1; }
    """

    def __init__(self, session: Any, refs: Sequence[ObjectRef], selected: Selected | None = None) -> None:
        what = plural(refs)
        namespaces = [ref.name for ref in refs if ref.resource.plural == "namespaces"]
        super().__init__("", confirm="Delete", danger=True, asked=confirmations(session, len(refs), what, namespaces))
        self.session = session
        self.refs = list(refs)
        self.selected = selected
        self.results: dict[ObjectRef, str] = {}
        self._described = described(refs)
        if selected is not None:
            self._described = f"all {self._described}" + (f" with labels {selected.selector}" if selected.selector else "")
        self._namespaces = bool(namespaces)
        self._pods = all(ref.resource.plural == "pods" for ref in refs)
        self._many = len(refs) > _FEW
        self._gone = 0
        self._impact = ImpactNote(session, refs, adopters=False, id="delete-impact")
        self.dialog_title = self._question("Delete")

    def _question(self, verb: str) -> str:
        return f"{verb} {self._described}?" + (" With everything that is in it." if self._namespaces else "")

    def compose_body(self) -> Iterable[Widget]:
        if not self._many:
            yield Static(id="delete-list")
        yield self._impact
        with Horizontal(classes="delete-row"):
            yield Label("Grace period in seconds:")
            yield Input(id="delete-grace", compact=True, placeholder="the object's own", restrict=r"[0-9]*", max_length=9)
        if not self._namespaces:
            with Horizontal(classes="delete-row"):
                yield Label("What it owns:")
                yield Choice(tuple(_CASCADES), id="delete-cascade")
        if self._pods:
            yield Toggle("Evict: only as far as the disruption budgets allow", id="delete-evict")
        yield Toggle("Force: remove it at once", id="delete-force")
        yield Static(id="delete-meaning")

    def compose_reference(self) -> Iterable[Widget]:
        if self._many:
            yield Static(id="delete-list")

    def on_mount(self) -> None:
        super().on_mount()
        self._update()
        if self._pods:
            self.run_worker(self._ask(), group="ask", exit_on_error=False)

    async def _ask(self) -> None:
        """Whether the pods may be evicted: what may not be done is dimmed with its reason."""
        for namespace in sorted({ref.namespace for ref in self.refs}):
            try:
                allowed = await self.session.access.can("create", "pods", namespace, "eviction")
            except PodtuiError:
                return  # not connected: whatever is tried now says so
            if not allowed:
                toggle = self.query_one("#delete-evict", Toggle)
                toggle.label = f"Evict: you lack the right to create pods/eviction in namespace {harmless(namespace)}"
                toggle.disabled = True
                return

    # -- what is chosen ---------------------------------------------------------------------------------------

    @on(Input.Changed, "#delete-grace")
    @on(Toggle.Changed)
    @on(Choice.Changed)
    def _update(self) -> None:
        evict, force = self._evict, self.query_one("#delete-force", Toggle)
        if evict:
            force.value = False  # an eviction knows no force, and leaves what the pod owns to its deletion
        force.disabled = evict
        for choice in self.query(Choice):
            choice.disabled = evict
        self.query_one("#delete-list", Static).update(self._list())
        meaning = self._meaning()
        self.query_one("#delete-meaning", Static).update(Text("\n".join(f"! {words}" for words in meaning), palette(self.app)["warn"]))
        self.query_one("#delete-meaning").display = bool(meaning)
        self._impact.foretell(lambda around: deletion(around, evict=evict))
        self.show_commands(self._commands() if self.refs else [])
        if not self.results:
            self.set_title(self._question("Evict" if evict else "Delete"))
            self.set_confirm("Evict" if evict else "Delete")
        self.refresh_dialog()

    def _meaning(self) -> list[str]:
        found = []
        if self._force:
            found.append(_FORCE)
        elif self._grace == 0:
            found.append("Without force, kubectl and podtui take 0 for 1.")
        if not self._evict and self._cascade[1]:
            found.append(self._cascade[1])
        if self.selected is not None and not self._evict:
            found.append("kubectl deletes what matches when it runs; podtui deletes what is listed here, and nothing that came since.")
        return found

    def _commands(self) -> list[str]:
        options = self.session.settings.kubectl_options
        if self._evict:
            return kubectl_evict(self.refs, grace_seconds=self._grace, options=options)
        how: dict[str, Any] = {"grace_seconds": self._grace, "force": self._force, "propagation": self._cascade[0], "options": options}
        if self.selected is not None and not self.results:
            return kubectl_delete_selected(self.refs[0].resource, self.selected.namespaces, self.selected.selector, **how)
        return kubectl_delete(self.refs, **how)

    @property
    def _evict(self) -> bool:
        return any(toggle.value for toggle in self.query("#delete-evict").results(Toggle))

    @property
    def _force(self) -> bool:
        return self.query_one("#delete-force", Toggle).value

    @property
    def _grace(self) -> int | None:
        value = self.query_one("#delete-grace", Input).value
        return int(value) if value else None

    @property
    def _cascade(self) -> tuple[Propagation, str]:
        """What becomes of what the objects own, and what that means; a namespace always takes all of it along."""
        return next((_CASCADES[choice.value] for choice in self.query(Choice)), ("Background", ""))

    def blocked(self) -> str:
        if not self.refs:
            return "nothing is left to delete"
        if self._force and self._grace:
            return "--force and --grace-period greater than 0 cannot be specified together"
        return ""

    def _list(self) -> Text:
        """The objects; those that something was told of first, the troubled ones before all."""
        styles = palette(self.app)
        text = Text()
        told = sorted(self.results.items(), key=lambda item: not item[1].startswith("✗"))
        lines = told + [(ref, "") for ref in self.refs if ref not in self.results]
        for ref, result in lines[:_SHOWN]:
            style = styles["error"] if result.startswith("✗") else styles["dim"] if result else ""
            namespace = f"{ref.namespace}/" if ref.namespace else ""
            text.append(f"{harmless(f'{namespace}{ref.name}')}{f'  {result}' if result else ''}\n", style)
        if len(lines) > _SHOWN:
            text.append(f"… and {len(lines) - _SHOWN} more\n", styles["dim"])
        text.rstrip()
        return text

    # -- the work ---------------------------------------------------------------------------------------------

    async def submit(self) -> None:
        refs, grace, force, evict, propagation = list(self.refs), self._grace, self._force, self._evict, self._cascade[0]
        gate = asyncio.Semaphore(_AT_ONCE)
        failed: list[ObjectRef] = []
        stop: list[PodtuiError] = []
        done = 0

        async def one(ref: ObjectRef) -> None:
            nonlocal done
            async with gate:
                if stop:
                    failed.append(ref)
                    return
                try:
                    if evict:
                        await self.session.objects.evict(ref, grace_seconds=grace)
                    else:
                        await self.session.objects.delete(ref, grace_seconds=grace, force=force, propagation=propagation)
                except NotFound as error:
                    gone = error.details.get("kind") != "namespaces" or ref.resource.plural == "namespaces"
                    self.results[ref] = "= already gone" if gone else f"✗ {shown(error.what)}"
                except Replaced as error:
                    self.results[ref] = f"✗ {shown(error.what)}"
                except (ConnectionFailed, CredentialError, Unauthorized, ReadOnlyError) as error:
                    failed.append(ref)
                    stop.append(error)
                    if isinstance(error, ConnectionFailed):
                        self.results[ref] = f"✗ no answer: may or may not be {'evicted' if evict else 'deleted'}"
                except PodtuiError as error:
                    failed.append(ref)
                    self.results[ref] = f"✗ {shown(error.what)}"
                else:
                    self._gone += 1
                    self.results[ref] = "evicted" if evict else "deleted"
                done += 1
                if len(refs) > 1:
                    self.show_note(f"{done} of {len(refs)} answered")

        await asyncio.gather(*(one(ref) for ref in refs))
        self.show_note("")
        self.refs = [ref for ref in refs if ref in failed]
        troubled = [ref for ref in refs if self.results.get(ref, "✗").startswith("✗")]
        if not troubled:
            self._tell()
            self.dismiss(self._gone)
            return
        self._update()
        if len(refs) > 1:
            self.set_title(f"{self._gone} {'evicted' if evict else 'deleted'}, {len(troubled)} not")
        if self.refs:
            self.set_confirm("Retry")
        else:
            self.set_cancel("Close")
        if stop:
            raise stop[0]
        if len(refs) == 1:
            self.show_error(self.results[refs[0]].removeprefix("✗ "))
        else:
            self.show_error(f"{len(troubled)} of {len(refs)} failed: each one says why")

    def _tell(self) -> None:
        gone = [ref for ref, result in self.results.items() if result.startswith("=")]
        verbs = sorted({result for result in self.results.values() if result in ("deleted", "evicted")})
        verb = " or ".join(verbs)
        if self._gone == 1:
            (ref,) = [ref for ref, result in self.results.items() if result in verbs]
            where = f" from {ref.namespace} namespace" if ref.namespace else ""
            force = " force" if self._force else ""
            told = f'{ref.resource.kind.lower()} "{harmless(ref.name)}"{force} {verb}{where}'
        else:
            told = f"{self._gone} {plural(list(self.results))} {verb}" if self._gone else ""
        if gone:
            names = harmless(gone[0].name) if len(gone) == 1 else str(len(gone))
            told += f"{', ' if told else ''}{names} already gone"
        self.notify(told, markup=False)

    def left(self) -> None:
        unanswered = len(self.refs) - sum(ref in self.results for ref in self.refs)
        done = "evicted" if self._evict else "deleted"
        self.notify(f"{self._gone} {done}; no answer was awaited for {unanswered}", severity="warning", markup=False)
