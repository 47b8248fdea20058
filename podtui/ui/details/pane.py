"""The details of one object in tabs: a pod's containers, a node's page, labels and annotations, YAML, events, a diagnosis.

The pane fetches the object when `show()` names it, and again when the live list has a newer version. The old text
stays meanwhile, and stays (paler) when the object is gone. The kind of the object decides which tabs there are (`kinds`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec.structs import replace
from rich.text import Text
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Static
from textual.worker import Worker, WorkerState

from podtui.cluster.connection.reading import LARGE, read_object
from podtui.errors import ConnectionFailed, NotFound, PodtuiError, ServerError, TooManyRequests
from podtui.kube.json_values import mapping, string
from podtui.kube.resources import PODS, ObjectRef, Resource
from podtui.reports import unforeseen
from podtui.text import harmless
from podtui.ui.background import work_instead
from podtui.ui.commands import bindings
from podtui.ui.details.kinds import tabs_of
from podtui.ui.details.tabs import KindTabs, Tab, TabDescription, TabText, TabWork
from podtui.ui.details.text import size
from podtui.ui.widgets.key_hints import first_key
from podtui.ui.widgets.text_line import TextLine
from podtui.ui.widgets.text_view import TextView

if TYPE_CHECKING:
    from podtui.cluster.diagnose.findings import Action
    from podtui.cluster.live.store import Batch, RowStore
    from podtui.cluster.session import Session

ROOMY = 100  # columns from which full titles fit
SLOW = 0.25  # seconds of loading after which the pane says so
RETRY = 5.0  # seconds between attempts during an outage
REFUSED = 30.0  # and where someone else has to act first: to grant a right, to log in
DEBOUNCE = 0.3  # seconds between a change and its fetch


class DetailsPane(Vertical):
    """`show()` an object; `changed()` announces a newer version. Bindings are the `details` commands."""

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
        self.ref: ObjectRef | None = None
        self.tab = tabs_of(PODS).default
        self._resource = PODS  # while nothing is shown, the title lists the tabs of this kind
        self._tabs_of = tabs_of
        self._tabs: dict[TabDescription, Tab] = {}  # each is created when it is first shown
        self._work = TabWork(self)
        self.view = TextView()
        self._bar = TextLine()
        self._notice = Static("", id="notice", markup=False)
        self._object: Mapping[str, Any] = {}  # what is shown; {} when there is nothing
        self._bytes = 0  # of its JSON
        self._texts: dict[tuple[str, Hashable], TabText] = {}  # of heavy tabs, for this version
        self._gone = False
        self._waiting = False  # for the connection
        self._timer: Timer | None = None
        self._retry: Timer | None = None
        self._fetching: object | None = None  # identifies the current fetch, so that an abandoned one has no effect
        self._ends: list[Callable[[], None]] = []

    def compose(self) -> ComposeResult:
        yield self._bar
        yield self._notice
        yield self.view

    def on_mount(self) -> None:
        session = self.session
        self._ends = [
            *(self.follow(store) for store in (session.pods, session.namespaces)),
            session.opened_signal.subscribe(lambda _: self._load() if self._waiting else None),
        ]
        self.set_interval(1.0, self._tick)
        if self.ref is None:
            self.view.set_lines([[("nothing selected", "dim")]])
        else:
            self._load()
        self._refresh_bar()

    def on_unmount(self) -> None:
        for end in self._ends:
            end()

    def focus(self, scroll_visible: bool = True) -> DetailsPane:
        self.view.focus(scroll_visible)
        return self

    # -- display ------------------------------------------------------------------------------------------------
    def shows(self, ref: ObjectRef, tab: str) -> bool:
        """Whether `show` with these would change nothing."""
        return self.ref is not None and _identity(ref) == _identity(self.ref) and self.tab == self._tab_for(ref, tab)

    def _tab_for(self, ref: ObjectRef, tab: str) -> str:
        tabs = self._tabs_of(ref.resource)
        return tab if tabs.find(tab) is not None else tabs.default

    def show(self, ref: ObjectRef | None, tab: str = "describe") -> None:
        """Show an object (None: nothing) on the tab of that name, or on the default tab if the kind does not have it."""
        if ref is not None:
            tab = self._tab_for(ref, tab)
        same = ref is not None and self.ref is not None and _identity(ref) == _identity(self.ref)
        switched, self.tab = tab != self.tab, tab
        before, self.ref = self.ref, ref
        if ref is None:
            self._forget()
            self.workers.cancel_node(self)
            self._fetching = None
            self._work.follow(None, None, {})
            self.view.set_lines([[("nothing selected", "dim")]])
        elif not same:
            if before is None or _identity(before)[:3] != _identity(ref)[:3]:
                self._forget()
            self._load()
        elif not self._object and self._fetching is None:
            self._load()
        elif switched and self._object:
            self._show_tab_anew(keep=False)
        if same and ref is not None and self._object and ref.resource_version not in ("", self._version):
            self.changed(ref)
        self._refresh_bar()

    @property
    def resource(self) -> Resource:
        return self._resource if self.ref is None else self.ref.resource

    @property
    def current(self) -> ObjectRef | None:
        """The object shown, as it was read; None when it is gone."""
        if self.ref is None or self._gone:
            return None
        uid = string(mapping(self._object.get("metadata")).get("uid"))
        return replace(self.ref, uid=uid, resource_version=self._version) if uid else self.ref

    @property
    def shown(self) -> ObjectRef | None:
        return self.ref

    @property
    def targets(self) -> list[ObjectRef]:
        return [] if self.current is None else [self.current]

    @property
    def without(self) -> str:
        return "nothing is shown here" if self.ref is None else f"{self.ref} is gone"

    def changed(self, ref: ObjectRef) -> None:
        """An object has a newer version: if it is the one shown, fetch it, at most every 0.3 s."""
        if self.ref is not None and _identity(ref)[:3] == _identity(self.ref)[:3] and ref.resource_version != self._version:
            self._load_soon()

    def follow(self, store: RowStore) -> Callable[[], None]:
        """Follow newer versions and deletions in this list too, while it is open; returns a function that stops this."""
        return store.subscribe(partial(self._rows_changed, store=store))

    def _rows_changed(self, batch: Batch, store: RowStore) -> None:
        ref = self.ref
        if ref is None or ref.resource != store.resource or not self._object or not self.display:
            return  # a hidden pane fetches the object when it is shown again
        uid = string(mapping(self._object.get("metadata")).get("uid"))
        row = store.rows.get(uid)
        if row is not None and row.resource_version != self._version:
            self._load_soon()
        elif uid in batch.removed and not self._gone:
            self._load_soon()

    @property
    def _version(self) -> str:
        return string(mapping(self._object.get("metadata")).get("resourceVersion"))

    def _forget(self) -> None:
        self._object, self._texts, self._gone = {}, {}, False
        for tab in self._tabs.values():
            tab.forget()
        self._say("")
        self.view.dimmed = False

    # -- fetching -----------------------------------------------------------------------------------------------
    def _load_soon(self) -> None:
        if self._timer is None:
            self._timer = self.set_timer(DEBOUNCE, self._load_now)

    def _load_now(self) -> None:
        self._timer = None
        if self._fetching is not None:
            self._load_soon()  # one at a time: the current fetch may be older than this change
        elif self.ref is not None:
            self._load()

    def _load(self) -> None:
        if self.is_attached and self.ref is not None:
            work_instead(self, "details", self._fetch, self.ref)

    async def _fetch(self, ref: ObjectRef) -> None:
        self._waiting = False
        connection = self.session.connection
        if connection is None:
            self._waiting = True
            if not self._object:
                self.view.set_lines([])
            self._say(str(self.session.error or f"connecting to {self.session.settings.shown_server} ..."))
            return
        slow = None if self._object else self.set_timer(SLOW, lambda: self.view.set_lines([[(f"loading {ref} ...", "dim")]]))
        self._fetching = token = object()
        try:
            obj, count = await read_object(connection, ref)
        except NotFound:
            self._gone = True
            self._say(f"{ref} is gone: this is its last known state" if self._object else f"{ref} is gone")
            self.view.dimmed = True
            if not self._object:
                self.view.set_lines([])
            if self._is_listed(ref):  # one of the two is wrong, for a while
                self._load_again(ref, RETRY)
        except PodtuiError as error:
            self._say(str(error))
            if not self._object:
                self.view.set_lines([])
            self._load_again(ref, RETRY if isinstance(error, (ConnectionFailed, ServerError, TooManyRequests)) else REFUSED)
        else:
            await self._show_object(ref, obj, count)
        finally:
            if slow is not None:
                slow.stop()
            if self._fetching is token:
                self._fetching = None

    def _load_again(self, ref: ObjectRef, seconds: float) -> None:
        """Fetch it once more in that time, if it is still to be shown then; a hidden pane fetches it when it is shown again."""

        def load() -> None:
            if ref is self.ref and self._fetching is None:
                if self.display:
                    self._load()
                else:
                    self._load_again(ref, seconds)

        if self._retry is not None:
            self._retry.stop()
        self._retry = self.set_timer(seconds, load)

    def _is_listed(self, ref: ObjectRef) -> bool:
        return any(store.resource == ref.resource and ref.uid in store.rows for store in (self.session.pods, self.session.namespaces))

    async def _show_object(self, ref: ObjectRef, obj: Mapping[str, Any], count: int) -> None:
        again = bool(self._object)
        uid = string(mapping(obj.get("metadata")).get("uid"))
        self._object, self._bytes, self._texts, self._gone = obj, count, {}, False
        self.view.dimmed = False
        replaced = bool(ref.uid) and uid != ref.uid
        self._say(f"another {ref} of the same name: the selected one is gone, this one was created later" if replaced else "")
        await self._show_tab(keep=again)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.state == WorkerState.ERROR:  # only unforeseen ones: expected errors have their own messages
            self._say(str(unforeseen(f"showing {self.ref}", event.worker.error or PodtuiError("unknown"))))

    # -- the tabs -----------------------------------------------------------------------------------------------
    def _current(self) -> Tab | None:
        """The chosen tab, created now if it was never shown; None when nothing is shown."""
        description = self._tabs_of(self.ref.resource).find(self.tab) if self.ref is not None else None
        if description is None:
            return None
        if description not in self._tabs:
            self._tabs[description] = description.make(self)
        return self._tabs[description]

    def _show_tab_anew(self, *, keep: bool) -> None:
        work_instead(self, "details-text", self._show_tab, keep)

    async def _show_tab(self, keep: bool) -> None:
        """Show the text of the tab: from its first line, or with `keep` at the reader's place."""
        obj, tab = self._object, self._current()
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
            if obj is not self._object or tab is not self._current() or key != (self.tab, tab.variant):
                return
            self._texts[key] = text
            self.view.set_lines(text.lines, highlight=text.highlight, keep=keep)
        self._refresh_bar()

    async def _heavy_text(self, tab: Tab, obj: Mapping[str, Any], keep: bool) -> TabText:
        """The text of a tab, made in a thread when the object is large; the pane says so if that takes long."""
        if self._bytes <= LARGE:
            return tab.text(obj, self._width)
        words = f"{self._title}: working on {size(self._bytes)} ..."
        slow = None if keep else self.set_timer(SLOW, lambda: self.view.set_lines([[(words, "dim")]]))
        try:
            return await asyncio.to_thread(tab.text, obj, self._width)
        finally:
            if slow is not None:
                slow.stop()

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
        if tab is None or tab.heavy or not self._object or not self.is_attached:
            return
        lines = tab.text(self._object, self._width).lines
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
            and (tab.ages_when_gone or not self._gone)
        ):
            self.refresh_tab()

    def _follow_tab(self) -> None:
        """The tab works while it is shown."""
        self._work.follow(self._current() if self.display else None, self.ref, self._object)

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
        if tab is None or not self._object or not tab.toggle():
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
        if self.ref is not None:
            parts += [("  ", ""), (self.ref.name if self.ref.resource == PODS else str(self.ref), "")]
        right: list[tuple[str, str]] = []
        if self._object:
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

    def _say(self, words: str) -> None:
        self._notice.update(Text("\n".join(harmless(line) for line in words.split("\n"))))
        self._notice.display = bool(words)


def _identity(ref: ObjectRef) -> tuple[object, ...]:
    return ref.resource, ref.namespace, ref.name, ref.uid
