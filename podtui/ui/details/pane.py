"""The details of one object in tabs: a pod's containers, a node's page, labels and annotations, YAML, events, a diagnosis.

The text of the last version stays while a newer one is fetched, and stays (paler) when the object is gone. The kind of the object
decides which tabs there are (`kinds`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Static
from textual.worker import Worker, WorkerState

from podtui.cluster.connection.reading import LARGE
from podtui.errors import PodtuiError
from podtui.kube.resources import PODS, ObjectRef, Resource
from podtui.reports import unforeseen
from podtui.text import harmless
from podtui.ui.background import when_slow, work_instead
from podtui.ui.commands import bindings
from podtui.ui.details.kinds import tabs_of
from podtui.ui.details.loader import ObjectLoader, identity
from podtui.ui.details.tabs import KindTabs, Tab, TabDescription, TabText, TabWork
from podtui.ui.widgets.key_hints import first_key
from podtui.ui.widgets.text_line import TextLine
from podtui.ui.widgets.text_view import TextView

if TYPE_CHECKING:
    from podtui.cluster.diagnose.findings import Action
    from podtui.cluster.session import Session

ROOMY = 100  # columns from which full titles fit


class DetailsPane(Vertical):
    """`show()` an object; its `loader` keeps it up to date. Bindings are the `details` commands."""

    class Offered(Message):
        """The user asks for the actions that the diagnosis suggests."""

        def __init__(self, actions: Sequence[Action]) -> None:
            super().__init__()
            self.actions = actions

    BINDINGS: ClassVar[list[Binding]] = bindings("details")  # type: ignore[assignment]

    DEFAULT_CSS = """
    DetailsPane { height: 1fr; }
    DetailsPane > TextLine { background: $panel; }
    DetailsPane:focus-within > TextLine { background: $primary; color: $background; }
    DetailsPane > #notice { height: auto; max-height: 4; background: $panel; color: $warning; display: none; }
    """

    def __init__(self, session: Session, *, tabs_of: Callable[[Resource], KindTabs] = tabs_of) -> None:
        super().__init__()
        self.session = session
        self.tab = tabs_of(PODS).default
        self._tabs_of = tabs_of
        self._tabs: dict[TabDescription, Tab] = {}  # each is created when it is first shown
        self._work = TabWork(self)
        self.view = TextView()
        self._bar = TextLine()
        self._notice = Static("", id="notice", markup=False)
        self.loader = ObjectLoader(self, session, say=self._show_status, loaded=self._show_object)
        self._texts: dict[tuple[str, Hashable], TabText] = {}  # of heavy tabs, for this version

    def compose(self) -> ComposeResult:
        yield self._bar
        yield self._notice
        yield self.view

    def on_mount(self) -> None:
        self.loader.start()
        self.set_interval(1.0, self._tick)
        self._refresh_bar()

    def on_unmount(self) -> None:
        self.loader.stop()

    def focus(self, scroll_visible: bool = True) -> DetailsPane:
        self.view.focus(scroll_visible)
        return self

    # -- the object ---------------------------------------------------------------------------------------------
    def shows(self, ref: ObjectRef, tab: str) -> bool:
        """Whether `show` with these would change nothing."""
        return self.shown is not None and identity(ref) == identity(self.shown) and self.tab == self._tab_for(ref, tab)

    def _tab_for(self, ref: ObjectRef, tab: str) -> str:
        tabs = self._tabs_of(ref.resource)
        return tab if tabs.find(tab) is not None else tabs.default

    def show(self, ref: ObjectRef | None, tab: str = "describe") -> None:
        """Show an object (None: nothing) on the tab of that name, or on the default tab if the kind does not have it."""
        if ref is None:
            self.workers.cancel_node(self)
        else:
            tab = self._tab_for(ref, tab)
        switched, self.tab = tab != self.tab, tab
        self.loader.show(ref)
        if not self.loader.obj:
            self._texts = {}
            for known in self._tabs.values():
                known.forget()
            self._follow_tab()
        elif switched:
            self._show_tab_anew(keep=False)
        self._refresh_bar()

    @property
    def shown(self) -> ObjectRef | None:
        return self.loader.ref

    @property
    def resource(self) -> Resource:
        """The kind of the object; while nothing is shown, the title lists the tabs of pods."""
        return PODS if self.shown is None else self.shown.resource

    @property
    def current(self) -> ObjectRef | None:
        return self.loader.current

    @property
    def targets(self) -> list[ObjectRef]:
        return [] if self.current is None else [self.current]

    @property
    def without(self) -> str:
        return "nothing is shown here" if self.shown is None else f"{self.shown} is gone"

    async def _show_object(self, again: bool) -> None:
        self._texts = {}
        await self._show_tab(keep=again)

    def _show_status(self) -> None:
        """Show what there is to say about the object, and its text paler when it is gone."""
        self._show_notice(self.loader.notice)
        self.view.dimmed = self.loader.gone
        if self.loader.placeholder is not None:
            self.view.set_lines([[(self.loader.placeholder, "dim")]])

    def _show_notice(self, words: str) -> None:
        self._notice.update(Text("\n".join(harmless(line) for line in words.split("\n"))))
        self._notice.display = bool(words)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.state == WorkerState.ERROR:  # only unexpected ones: expected errors have their own messages
            self._show_notice(str(unforeseen(f"showing {self.shown}", event.worker.error or PodtuiError("unknown"))))

    # -- the tabs -----------------------------------------------------------------------------------------------
    def _current(self) -> Tab | None:
        """The chosen tab, created now if it was never shown; None when nothing is shown."""
        description = self._kind_tabs.find(self.tab) if self.shown is not None else None
        if description is None:
            return None
        if description not in self._tabs:
            self._tabs[description] = description.make(self)
        return self._tabs[description]

    def _show_tab_anew(self, *, keep: bool) -> None:
        work_instead(self, "details-text", self._show_tab, keep)

    async def _show_tab(self, keep: bool) -> None:
        """Show the text of the tab: from its first line, or with `keep` at the reader's place."""
        obj, tab = self.loader.obj, self._current()
        if tab is None:
            return
        self._follow_tab()
        if not tab.heavy:
            self.view.set_lines(tab.text(obj, self._width).lines, keep=keep)
            if tab.at_end and not keep:
                self.view.action_last()
        else:
            key = (self.tab, tab.variant)
            text = self._texts.get(key) or await self._heavy_text(tab, obj, keep)
            if obj is not self.loader.obj or tab is not self._current() or key != (self.tab, tab.variant):
                return
            self._texts[key] = text
            self.view.set_lines(text.lines, highlight=text.highlight, keep=keep)
        self._refresh_bar()

    async def _heavy_text(self, tab: Tab, obj: Mapping[str, Any], keep: bool) -> TabText:
        """The text of a tab, made in a thread when the object is large; the pane says so if that takes long."""
        if self.loader.bytes <= LARGE:
            return tab.text(obj, self._width)
        from podtui.ui.details.text import size

        words = f"{self._title}: working on {size(self.loader.bytes)}…"
        with nullcontext() if keep else when_slow(self, lambda: self.view.set_lines([[(words, "dim")]])):
            return await asyncio.to_thread(tab.text, obj, self._width)

    @property
    def _width(self) -> int:
        return max(40, self.view.body.size.width)

    @property
    def _title(self) -> str:
        description = self._kind_tabs.find(self.tab)
        return description.title if description is not None else ""

    @property
    def _kind_tabs(self) -> KindTabs:
        return self._tabs_of(self.resource)

    def refresh_tab(self) -> None:
        """The tab has new text; only the lines that differ are painted."""
        tab = self._current()
        if tab is None or tab.heavy or not self.loader.obj or not self.is_attached:
            return
        lines = tab.text(self.loader.obj, self._width).lines
        if lines != self.view.lines:
            at_end = self.view.at_end
            self.view.set_lines(lines, keep=True)
            if at_end and tab.at_end:
                self.view.action_last()
        self._refresh_bar()

    def _tick(self) -> None:
        """Refresh the ages, but not below a dialog: each paint there would paint the dialog again."""
        tab = self._current()
        if (
            tab is not None
            and self.app.screen is self.screen
            and self.display
            and self.view.body.size.height
            and (tab.ages_when_gone or not self.loader.gone)
        ):
            self.refresh_tab()

    def _follow_tab(self) -> None:
        """The tab works while it is shown."""
        self._work.follow(self._current() if self.display else None, self.shown, self.loader.obj)

    def on_show(self) -> None:
        self._follow_tab()

    def on_hide(self) -> None:
        self._follow_tab()

    def on_resize(self) -> None:
        self.call_after_refresh(self._tick)

    def ask_again(self) -> None:
        """Choosing the tab again repeats a diagnosis."""
        if (tab := self._current()) is not None:
            tab.ask_again()
            self._follow_tab()

    def action_act(self) -> None:
        tab = self._current()
        if tab is None or not tab.actions:
            raise SkipAction
        self.post_message(self.Offered(tab.actions))

    def action_managed_fields(self) -> None:
        tab = self._current()
        if tab is None or not self.loader.obj or not tab.toggle():
            self.app.notify(f"managedFields: only in the YAML ({self.key_of('yaml')})", markup=False)
        else:
            self._show_tab_anew(keep=True)

    # -- the first lines ----------------------------------------------------------------------------------------
    def on_text_view_scrolled(self, message: TextView.Scrolled) -> None:
        message.stop()
        self._refresh_bar()

    def _refresh_bar(self) -> None:
        """Show the tab, the object, and the position in the text."""
        parts: list[tuple[str, str]] = []
        for tab in self._kind_tabs.tabs:
            here = tab.name == self.tab
            title = tab.title if here or self._bar.size.width >= ROOMY else tab.short or tab.title
            parts += [(" ▸" if here else "  ", ""), (f"{self.key_of(tab.name)} ", ""), (title, "title" if here else "")]
        if self.shown is not None:
            parts += [("  ", ""), (self.shown.name if self.shown.resource == PODS else str(self.shown), "")]
        right: list[tuple[str, str]] = []
        if self.loader.obj:
            current = self._current()
            if current is not None and current.hint:
                right.append((f"{current.hint}  ", ""))
            first, last, count = self.view.shown
            right.append((f"{first}-{last}/{count} ", ""))
        self._bar.show(parts, right)

    def key_of(self, tab: str) -> str:
        """The key that shows a tab, from the user's keymap if set there; "" when the kind has no such tab."""
        description = self._kind_tabs.find(tab)
        return "" if description is None else first_key(self.app, description.command)

    def key_of_command(self, command_id: str) -> str:
        return first_key(self.app, command_id)
