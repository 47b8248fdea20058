"""The details of one object: a pod's containers, a node's page, labels and annotations, YAML, events, why a pod is as it is.

The pane fetches the object itself when it is told to show it, and again when the live list has a newer version. What
was shown stays while that happens, and (paler) when the object is gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from rich.text import Text
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Static
from textual.worker import Worker, WorkerState

from podtui.cluster.diagnose.findings import Action
from podtui.cluster.pods.details import PodDetails, describe
from podtui.errors import ConnectionFailed, NotFound, PodtuiError, ServerError, TooManyRequests
from podtui.kube.json_values import mapping, string
from podtui.kube.resources import NODES, PODS, ObjectRef, Resource
from podtui.text import harmless
from podtui.ui.commands import BY_ID, bindings
from podtui.ui.details.events import EventsTab
from podtui.ui.details.node import NodeTab
from podtui.ui.details.tabs import LiveTabs
from podtui.ui.details.text import annotation_lines, container_lines, size
from podtui.ui.details.why import WhyTab
from podtui.ui.widgets.key_hints import key_name
from podtui.ui.widgets.text_line import TextLine
from podtui.ui.widgets.text_view import Highlight, Line, TextView
from podtui.ui.widgets.yaml_highlight import YamlHighlight

if TYPE_CHECKING:
    from podtui.cluster.live.store import Batch, RowStore
    from podtui.cluster.session import Session

Finished = tuple[Sequence[Line], Highlight | None]
TABS = {  # the command (of the main screen, or of that of the nodes) and the title
    "containers": ("containers", "Containers"),
    "node": ("details", "Node"),
    "annotations": ("annotations", "Annotations"),
    "yaml": ("yaml", "YAML"),
    "events": ("events", "Events"),
    "why": ("why", "Why"),
}
SHORT = {"containers": "Cont", "annotations": "Annot"}  # titles where there is little room
ROOMY = 100  # columns from which there is enough
_POD_TABS = ("containers", "annotations", "yaml", "events", "why")
_NODE_TABS = ("node", "annotations", "yaml", "events")
_OTHER_TABS = ("annotations", "yaml", "events")
LARGE = 64 * 1024  # bytes of JSON from which on the work on it is done in a thread
SLOW = 0.25  # seconds of loading after which the pane says so
RETRY = 5.0  # seconds after which an outage is tried again
DEBOUNCE = 0.3  # seconds between a change and the fetching of it


class DetailsPane(Vertical):
    """`show()` an object; `changed()` tells of a newer version. Bindings are the `details` commands."""

    class Offered(Message):
        """The user wants to choose one of the actions that the diagnosis offers."""

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

    def __init__(self, session: Session, resource: Resource = PODS, *, stores: Sequence[RowStore] = (), id: str | None = None) -> None:
        """`resource` is what it is mostly for; `stores` are lists that tell of newer versions besides the session's own."""
        super().__init__(id=id)
        self.session = session
        self.ref: ObjectRef | None = None
        self.tab = _tabs(resource)[0]
        self._resource = resource
        self._stores = [session.pods, session.namespaces, *stores]
        self._why = WhyTab(session, self._live_changed)
        events, node = EventsTab(session, self._live_changed), NodeTab(session, self._live_changed)
        self._live = LiveTabs(self, {"events": events, "node": node, "why": self._why})
        self.managed_fields = False
        self.view = TextView()
        self._bar = TextLine()
        self._notice = Static("", id="notice", markup=False)
        self._object: dict[str, Any] = {}  # what is shown; {} when there is nothing
        self._bytes = 0  # of its JSON
        self._pod: PodDetails | None = None
        self._texts: dict[str, Finished] = {}  # the finished text of each tab of this very version
        self._gone = False
        self._waiting = False  # for the connection
        self._timer: Timer | None = None
        self._fetching: object | None = None  # what tells the fetch under way from one that was given up
        self._ends: list[Callable[[], None]] = []

    def compose(self) -> ComposeResult:
        yield self._bar
        yield self._notice
        yield self.view

    def on_mount(self) -> None:
        session = self.session
        self._ends = [
            *(store.subscribe(partial(self._take, store=store)) for store in self._stores),
            session.opened_signal.subscribe(lambda _: self._load() if self._waiting else None),
        ]
        self.set_interval(1.0, self._tick)
        if self.ref is None:
            self.view.set_lines([[("nothing chosen", "dim")]])
        else:
            self._load()
        self._tell()

    def on_unmount(self) -> None:
        for end in self._ends:
            end()

    def focus(self, scroll_visible: bool = True) -> DetailsPane:
        self.view.focus(scroll_visible)
        return self

    # -- what is shown ------------------------------------------------------------------------------------------
    def show(self, ref: ObjectRef | None, tab: str = "containers") -> None:
        """Show an object (None: nothing) on a tab of TABS; one that the kind does not have is replaced by its first."""
        if ref is not None and tab not in _tabs(ref.resource):
            tab = "yaml" if ref.resource not in (PODS, NODES) else _tabs(ref.resource)[0]
        same = ref is not None and self.ref is not None and _key(ref) == _key(self.ref)
        switched, self.tab = tab != self.tab, tab
        before, self.ref = self.ref, ref
        if ref is None:
            self._forget()
            self.workers.cancel_node(self)
            self._fetching = None
            self._live.work("", None, {})
            self.view.set_lines([[("nothing chosen", "dim")]])
        elif not same:
            if before is None or _key(before)[:3] != _key(ref)[:3]:
                self._forget()
            self._load()
        elif not self._object and self._fetching is None:
            self._load()
        elif switched and self._object:
            self._show_anew()
        if same and ref is not None and self._object and ref.resource_version not in ("", self._version):
            self.changed(ref)
        self._tell()

    def changed(self, ref: ObjectRef) -> None:
        """There is a newer version of an object: if it is the one shown, it is fetched, at most every 0.3 s."""
        if self.ref is not None and _key(ref)[:3] == _key(self.ref)[:3] and ref.resource_version != self._version:
            self._load_soon()

    def _take(self, batch: Batch, store: RowStore) -> None:
        ref = self.ref
        if ref is None or ref.resource != store.resource or not self._object or not self.display:
            return  # what is not on show is fetched when it is shown again
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
        self._object, self._pod, self._texts, self._gone = {}, None, {}, False
        self._live.forget()
        self._say("")
        self.view.dimmed = False

    # -- fetching -----------------------------------------------------------------------------------------------
    def _load_soon(self) -> None:
        if self._timer is None:
            self._timer = self.set_timer(DEBOUNCE, self._load_now)

    def _load_now(self) -> None:
        self._timer = None
        if self._fetching is not None:
            self._load_soon()  # one at a time: what is under way may be older than this change
        elif self.ref is not None:
            self._load()

    def _load(self) -> None:
        if self.is_attached and self.ref is not None:
            self.run_worker(self._fetch(self.ref), exclusive=True, group="details", exit_on_error=False)

    async def _fetch(self, ref: ObjectRef) -> None:
        self._waiting = False
        connection = self.session.connection
        if connection is None:
            self._waiting = True
            if not self._object:
                self.view.set_lines([])
            self._say(str(self.session.error or f"connecting to {self.session.settings.server} ..."))
            return
        slow = None if self._object else self.set_timer(SLOW, lambda: self.view.set_lines([[(f"loading {ref} ...", "dim")]]))
        self._fetching = token = object()
        try:
            content = await connection.request("GET", ref.path)
            count = len(content)
            obj = await asyncio.to_thread(msgspec.json.decode, content) if count > LARGE else msgspec.json.decode(content)
        except NotFound:
            self._gone = True
            self._say(f"{ref} is gone: what follows is what it was last" if self._object else f"{ref} is gone")
            self.view.dimmed = True
            if not self._object:
                self.view.set_lines([])
        except PodtuiError as error:
            self._say(str(error))
            if not self._object:
                self.view.set_lines([])
            if isinstance(error, (ConnectionFailed, ServerError, TooManyRequests)):
                self.set_timer(RETRY, lambda: self._load() if ref is self.ref and self._fetching is None else None)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self._say(f"the API server's answer for {ref} is no JSON: {error}")
        else:
            await self._show_object(ref, mapping(obj), count)
        finally:
            if slow is not None:
                slow.stop()
            if self._fetching is token:
                self._fetching = None

    async def _show_object(self, ref: ObjectRef, obj: Any, count: int) -> None:
        again = bool(self._object)
        uid = string(mapping(obj.get("metadata")).get("uid"))
        self._object, self._bytes, self._texts, self._gone = obj, count, {}, False
        self._pod = describe(obj) if ref.resource == PODS else None
        self.view.dimmed = False
        replaced = bool(ref.uid) and uid != ref.uid
        self._say(f"another {ref} of the same name: the one that was chosen is gone, this one was created after it" if replaced else "")
        await self._show_tab(keep=again)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.state == WorkerState.ERROR:  # none that is foreseen: those have words of their own
            self._say(f"the details failed: {event.worker.error!r}")

    # -- the tabs -----------------------------------------------------------------------------------------------
    def _show_anew(self) -> None:
        """Show the tab anew, from its first line."""
        self.run_worker(self._show_tab(keep=False), exclusive=True, group="details-text", exit_on_error=False)

    async def _show_tab(self, keep: bool) -> None:
        obj, tab, managed = self._object, self.tab, self.managed_fields
        self._work_on_tab()
        if tab in self._live:
            self.view.set_lines(self._live[tab].lines(obj, self._width), keep=keep)
            if self._live[tab].at_end and not keep:
                self.view.action_last()
        elif tab == "containers" and self._pod is not None:
            self.view.set_lines(self._containers(), keep=keep)
        else:
            key = "annotations" if tab == "annotations" else f"yaml {managed}"
            found = self._texts.get(key)
            if found is None:
                found = await self._work(_yaml if tab == "yaml" else _annotations, obj, managed, keep)
            if obj is not self._object or (tab, managed) != (self.tab, self.managed_fields):
                return
            self._texts[key] = found
            self.view.set_lines(found[0], highlight=found[1], keep=keep)
        self._tell()

    async def _work(self, make: Callable[[dict[str, Any], bool], Finished], obj: dict[str, Any], managed: bool, keep: bool) -> Finished:
        """The text of a tab, made in a thread when there is much of it; the pane says so when that takes long."""
        if self._bytes <= LARGE:
            return make(obj, managed)
        words = f"{TABS[self.tab][1]}: working on {size(self._bytes)} ..."
        slow = None if keep else self.set_timer(SLOW, lambda: self.view.set_lines([[(words, "dim")]]))
        try:
            return await asyncio.to_thread(make, obj, managed)
        finally:
            if slow is not None:
                slow.stop()

    @property
    def _width(self) -> int:
        return max(40, self.view.body.size.width)

    def _containers(self) -> list[Line]:
        assert self._pod is not None
        return container_lines(self._pod, width=self._width, why=self._key("why"))

    def _tick(self) -> None:
        """Ages go on; only the lines in which one changed are painted."""
        if not self._object or not self.display or not self.view.body.size.height:
            return
        if self.tab in self._live:
            self._live_changed()
        elif self.tab == "containers" and self._pod is not None and not self._gone:
            self.view.set_lines(self._containers(), keep=True)

    # -- tabs that work while they are on show ------------------------------------------------------------------
    def _work_on_tab(self) -> None:
        self._live.work(self.tab if self.display else "", self.ref, self._object)

    def _live_changed(self) -> None:
        if self.tab in self._live and self._object and self.is_attached:
            at_end = self.view.at_end
            self.view.set_lines(self._live[self.tab].lines(self._object, self._width), keep=True)
            if at_end and self._live[self.tab].at_end:
                self.view.action_last()
            self._tell()

    def on_show(self) -> None:
        self._work_on_tab()

    def on_hide(self) -> None:
        self._work_on_tab()

    def ask_again(self) -> None:
        """The tab is chosen once more: a diagnosis is made anew."""
        if self.tab == "why":
            self._why.again()
            self._work_on_tab()

    def action_act(self) -> None:
        if self.tab != "why" or not self._why.actions:
            raise SkipAction
        self.post_message(self.Offered(self._why.actions))

    def on_resize(self) -> None:
        self.call_after_refresh(self._tick)

    def action_managed_fields(self) -> None:
        if self.tab != "yaml" or not self._object:
            raise SkipAction
        self.managed_fields = not self.managed_fields
        self.run_worker(self._show_tab(keep=True), exclusive=True, group="details-text", exit_on_error=False)

    # -- the first lines ----------------------------------------------------------------------------------------
    def on_text_view_scrolled(self, message: TextView.Scrolled) -> None:
        message.stop()
        self._tell()

    def _tell(self) -> None:
        """Which tab it is, of what, and where in it."""
        parts: list[tuple[str, str]] = []
        for tab in _tabs(self._resource if self.ref is None else self.ref.resource):
            here = tab == self.tab
            title = TABS[tab][1] if here or self._bar.size.width >= ROOMY else SHORT.get(tab, TABS[tab][1])
            parts += [(" ▸" if here else "  ", ""), (f"{self._key(tab)} ", ""), (title, "title" if here else "")]
        if self.ref is not None:
            parts += [("  ", ""), (self.ref.name if self.ref.resource == PODS else str(self.ref), "")]
        right: list[tuple[str, str]] = []
        if self._object:
            if self.tab == "yaml":
                right.append(("m hides managedFields  " if self.managed_fields else "m managedFields  ", ""))
            first, last, count = self.view.shown
            right.append((f"{first}-{last}/{count} ", ""))
        self._bar.show(parts, right)

    def _key(self, tab: str) -> str:
        """The key of a tab, the user's own where there is one."""
        resource = self._resource if self.ref is None else self.ref.resource
        command = BY_ID[f"{'nodes' if resource == NODES else 'main'}.{TABS[tab][0]}"]
        return key_name(dict(getattr(self.app, "_keymap", {})).get(command.id, command.key).split(",")[0].strip())

    def _say(self, words: str) -> None:
        self._notice.update(Text("\n".join(harmless(line) for line in words.split("\n"))))
        self._notice.display = bool(words)


def _tabs(resource: Resource) -> tuple[str, ...]:
    return _POD_TABS if resource == PODS else _NODE_TABS if resource == NODES else _OTHER_TABS


def _key(ref: ObjectRef) -> tuple[object, ...]:
    return ref.resource, ref.namespace, ref.name, ref.uid


def _annotations(obj: dict[str, Any], managed_fields: bool) -> Finished:
    return annotation_lines(obj), None


def _yaml(obj: dict[str, Any], managed_fields: bool) -> Finished:
    from podtui.kube.manifests.yaml_writer import to_yaml  # 20 ms, which the first paint need not wait for

    lines = to_yaml(obj, managed_fields=managed_fields).removesuffix("\n").split("\n")
    return lines, YamlHighlight(lines)
