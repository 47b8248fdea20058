"""The delete dialog: what goes, how, the exact kubectl command; Cancel has the focus."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from rich.text import Text
from textual import on
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from podtui.cluster.kubectl_commands import kubectl_delete
from podtui.cluster.resources import ObjectRef
from podtui.errors import ConnectionFailed, CredentialError, NotFound, PodtuiError, ReadOnlyError, Replaced, Unauthorized
from podtui.text import harmless
from podtui.ui.screens.dialog import Dialog, confirmations, shown
from podtui.ui.screens.targets import described, plural
from podtui.ui.themes import palette
from podtui.ui.widgets.toggle import Toggle

_AT_ONCE = 8
_SHOWN = 300  # names in the list: nobody reads more, and laying them out takes time
_FORCE = (
    "Immediate deletion does not wait for confirmation that the running resource has been terminated. "
    "The resource may continue to run on the cluster indefinitely."
)


class DeleteDialog(Dialog[int]):
    """Deletes objects, each only if it is the one shown (its UID). Dismissed with how many the server took on."""

    DEFAULT_CSS = """
    DeleteDialog #delete-grace { width: 22; }
    DeleteDialog .delete-row { height: 1; }
    DeleteDialog .delete-row Label { width: auto; padding-right: 1; }
    """

    def __init__(self, session: Any, refs: Sequence[ObjectRef]) -> None:
        what = plural(refs)
        namespaces = [ref.name for ref in refs if ref.resource.plural == "namespaces"]
        title = f"Delete {described(refs)}?" + (" With everything that is in it." if namespaces else "")
        super().__init__(title, confirm="Delete", danger=True, asked=confirmations(session, len(refs), what, namespaces))
        self.session = session
        self.refs = list(refs)
        self.results: dict[ObjectRef, str] = {}
        self._deleted = 0

    def compose_body(self) -> Iterable[Widget]:
        yield Static(id="delete-list")
        with Horizontal(classes="delete-row"):
            yield Label("Grace period in seconds:")
            yield Input(id="delete-grace", compact=True, placeholder="the object's own", restrict=r"[0-9]*", max_length=9)
        yield Toggle("Force: remove it at once", id="delete-force")
        yield Static(id="delete-meaning")

    def on_mount(self) -> None:
        super().on_mount()
        self._update()

    @on(Input.Changed, "#delete-grace")
    @on(Toggle.Changed)
    def _update(self) -> None:
        self.query_one("#delete-list", Static).update(self._list())
        meaning = ""
        if self._force:
            meaning = _FORCE
        elif self._grace == 0:
            meaning = "Without force, kubectl and podtui take 0 for 1."
        self.query_one("#delete-meaning", Static).update(Text(f"! {meaning}" if meaning else "", palette(self.app)["warn"]))
        self.query_one("#delete-meaning").display = bool(meaning)
        self.show_commands(
            kubectl_delete(self.refs, grace_seconds=self._grace, force=self._force, options=self.session.settings.kubectl_options)
            if self.refs
            else []
        )
        self.refresh_dialog()

    @property
    def _force(self) -> bool:
        return self.query_one("#delete-force", Toggle).value

    @property
    def _grace(self) -> int | None:
        value = self.query_one("#delete-grace", Input).value
        return int(value) if value else None

    def blocked(self) -> str:
        if not self.refs:
            return "nothing is left to delete"
        if self._force and self._grace:
            return "--force and --grace-period greater than 0 cannot be specified together"
        return ""

    def _list(self) -> Text:
        styles = palette(self.app)
        text = Text()
        lines = list(self.results.items()) + [(ref, "") for ref in self.refs if ref not in self.results]
        for ref, result in lines[:_SHOWN]:
            style = styles["error"] if result.startswith("✗") else styles["dim"] if result else ""
            namespace = f"{ref.namespace}/" if ref.namespace else ""
            text.append(f"{harmless(f'{namespace}{ref.name}')}{f'  {result}' if result else ''}\n", style)
        if len(lines) > _SHOWN:
            text.append(f"… and {len(lines) - _SHOWN} more\n", styles["dim"])
        text.rstrip()
        return text

    async def submit(self) -> None:
        refs, grace, force = list(self.refs), self._grace, self._force
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
                    await self.session.objects.delete(ref, grace_seconds=grace, force=force)
                except NotFound as error:
                    gone = error.details.get("kind") != "namespaces" or ref.resource.plural == "namespaces"
                    self.results[ref] = "= already gone" if gone else f"✗ {shown(error.what)}"
                except Replaced as error:
                    self.results[ref] = f"✗ {shown(error.what)}"
                except (ConnectionFailed, CredentialError, Unauthorized, ReadOnlyError) as error:
                    failed.append(ref)
                    stop.append(error)
                    if isinstance(error, ConnectionFailed):
                        self.results[ref] = "✗ no answer: may or may not be deleted"
                except PodtuiError as error:
                    failed.append(ref)
                    self.results[ref] = f"✗ {shown(error.what)}"
                else:
                    self._deleted += 1
                    self.results[ref] = "deleted"
                done += 1
                if len(refs) > 1:
                    self.show_note(f"{done} of {len(refs)} answered")

        await asyncio.gather(*(one(ref) for ref in refs))
        self.show_note("")
        self.refs = [ref for ref in refs if ref in failed]
        troubled = [ref for ref in refs if self.results.get(ref, "✗").startswith("✗")]
        if not troubled:
            self._tell()
            self.dismiss(self._deleted)
            return
        self._update()
        if len(refs) > 1:
            self.set_title(f"{self._deleted} deleted, {len(troubled)} not")
        if self.refs:
            self.set_confirm("Retry")
        else:
            self.set_cancel("Close")
        if stop:
            raise stop[0]
        if len(refs) == 1:
            self.show_error(self.results[refs[0]].removeprefix("✗ "))

    def _tell(self) -> None:
        gone = [ref for ref, result in self.results.items() if result.startswith("=")]
        if self._deleted == 1:
            (ref,) = [ref for ref, result in self.results.items() if result == "deleted"]
            where = f" from {ref.namespace} namespace" if ref.namespace else ""
            force = " force" if self._force else ""
            told = f'{ref.resource.kind.lower()} "{harmless(ref.name)}"{force} deleted{where}'
        else:
            told = f"{self._deleted} {plural(list(self.results))} deleted" if self._deleted else ""
        if gone:
            names = harmless(gone[0].name) if len(gone) == 1 else str(len(gone))
            told += f"{', ' if told else ''}{names} already gone"
        self.notify(told, markup=False)

    def left(self) -> None:
        unanswered = len(self.refs) - sum(ref in self.results for ref in self.refs)
        self.notify(f"{self._deleted} deleted; no answer was awaited for {unanswered}", severity="warning", markup=False)
