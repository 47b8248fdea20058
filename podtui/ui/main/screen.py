"""The main screen: composes the panes, lays them out for the size, and routes what a user asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.timer import Timer
from textual.widget import Widget

from podtui.cluster.live.name_filter import check_filter, complete_filter, parse_filter
from podtui.cluster.live.selector_completion import LabelCounts, complete
from podtui.cluster.logs.group import LogTarget
from podtui.cluster.session import Session
from podtui.errors import PodtuiError
from podtui.kube.resources import PODS, ObjectRef
from podtui.kube.selectors import parse
from podtui.ui.commands import BY_ID, bindings
from podtui.ui.logs.pane import LogsPane
from podtui.ui.main.layout import Shape
from podtui.ui.main.namespaces_pane import NamespacesPane
from podtui.ui.main.node_actions import NodeActions
from podtui.ui.main.pods_pane import PodsPane
from podtui.ui.main.status import status_parts
from podtui.ui.widgets.entry_bar import FilterBar, SelectorBar
from podtui.ui.widgets.key_hints import KeyHints
from podtui.ui.widgets.row_table import RowTable
from podtui.ui.widgets.text_line import TextLine

Tab = Literal["containers", "annotations", "yaml", "events", "why"]
FOLLOW_DELAY = 0.2  # seconds that the cursor rests on a pod before its details are fetched


class MainScreen(NodeActions):
    """One session on the screen."""

    BINDINGS: ClassVar[list[Binding]] = bindings("main")  # type: ignore[assignment]

    AUTO_FOCUS = "#pods"

    DEFAULT_CSS = """
    MainScreen { layout: vertical; background: $surface; }
    MainScreen #status { background: $panel; }
    MainScreen.protected #status { background: $error; color: $background; }
    MainScreen #panes { height: 1fr; }
    MainScreen #right { height: 1fr; width: 1fr; }
    MainScreen #crumbs { display: none; }
    MainScreen.narrow #crumbs { display: block; }
    MainScreen.narrow NamespacesPane { width: 1fr; border: none; }
    """

    def __init__(self, session: Session, label_columns: tuple[str, ...] = (), pod: str = "") -> None:
        super().__init__(session, label_columns)
        self._wanted = pod  # the POD of the command line, until the list has it or is known not to
        self._ends: list[Callable[[], None]] = []
        self._following: Timer | None = None
        config = session.config
        log = config.log
        self._logs = LogsPane(session, log_tail=log.tail, buffer_mb=log.buffer_mb, timestamps=log.timestamps, wrap=log.wrap)
        self._status = TextLine(id="status")
        self._crumbs = TextLine(id="crumbs")
        self._hints = KeyHints(self.refusal)
        self._labels = LabelCounts()  # of the rows on show when a bar was opened: what it completes with
        self._filter_bar = FilterBar(complete=lambda text, at: complete_filter(text, at, self._labels), check=check_filter)
        self._selector_bar = SelectorBar(complete=lambda text, at: complete(text, at, self._labels), check=parse)

    def compose(self) -> ComposeResult:
        yield self._status
        yield self._crumbs
        yield self._selector_bar
        yield self._filter_bar
        with Horizontal(id="panes"):
            yield self._namespaces
            with Vertical(id="right"):
                yield self._pods
                yield self._details
                yield self._logs
        yield self._hints

    def on_mount(self) -> None:
        session = self.session
        self._selector_bar.display = self._filter_bar.display = False
        self.set_class(session.config.is_protected(session.settings.context), "protected")
        self._ends = [
            session.pods.subscribe_health(lambda _: self._tell()),
            session.notices.subscribe(lambda text: self.app.notify(text, markup=False, severity="warning")),
            session.opened_signal.subscribe(self._opened),
            session.forwards.subscribe(lambda *_: self._tell()),
        ]
        self.set_interval(1.0, self._tell)
        self._pods.table.focus()
        self._arrange()
        self._tell()

    async def on_unmount(self) -> None:
        for end in self._ends:
            end()
        await self.rights.close()

    def _opened(self, error: PodtuiError | None) -> None:
        self._pods._tell()
        self._tell()

    # -- layout -------------------------------------------------------------------------------------------------
    def on_resize(self, event: events.Resize) -> None:
        self.panes.resize(event.size.width, event.size.height)
        self._arrange()

    def _arrange(self) -> None:
        """Show the panes that the size and the user's choice leave, and give each its room."""
        panes = self.panes
        shape: Shape = panes.shape(self.size.height)
        self.set_class(panes.narrow, "narrow")
        for name, widget in self._by_name.items():
            widget.display = name in shape.visible
        self._namespaces.styles.width = "1fr" if panes.narrow or shape.visible == {"namespaces"} else shape.namespaces_width
        self.query_one("#right").display = bool(shape.visible - {"namespaces"})
        for widget in (self._details, self._logs):
            widget.styles.height = shape.lower_height if "pods" in shape.visible else "1fr"
        self._crumbs.show([(" › ".join(panes.crumbs), "dim")])
        self._tell()

    @property
    def _by_name(self) -> dict[str, Widget]:
        return {"namespaces": self._namespaces, "pods": self._pods, "details": self._details, "logs": self._logs}

    def go(self, pane: str) -> None:
        self.panes.go(pane)
        self._arrange()
        targets: dict[str, Widget] = {"namespaces": self._namespaces.table, "pods": self._pods.table}
        widget = targets.get(pane, self._by_name[pane])
        if not widget.can_focus:
            widget = next((child for child in widget.query("*") if child.can_focus and child.display), widget)
        widget.focus()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        for name, widget in self._by_name.items():
            if widget in event.widget.ancestors_with_self and self.panes.current != name:
                self.panes.current = name
                self._arrange()

    def action_next_pane(self) -> None:
        self.go(self.panes.step(1))

    def action_previous_pane(self) -> None:
        self.go(self.panes.step(-1))

    def action_taller(self) -> None:
        self._resized(lower=0.1)

    def action_lower(self) -> None:
        self._resized(lower=-0.1)

    def action_wider(self) -> None:
        self._resized(side=4)

    def action_narrower(self) -> None:
        self._resized(side=-4)

    def _resized(self, lower: float = 0, side: int = 0) -> None:
        self.panes.grow(lower, side)
        self._arrange()

    def action_full(self) -> None:
        self.panes.full = not self.panes.full
        self._arrange()

    def action_back(self) -> None:
        """Esc: leave a bar, the full screen, a lower pane, a filter, the marks, a node's pods; in this order."""
        if self.panes.full:
            self.action_full()
        elif self.panes.current in ("details", "logs"):
            if self.panes.current == "logs":
                self._logs.follow(None)
                self.panes.lower = "details" if self.panes.follows else ""
            elif self.panes.narrow:
                self.panes.lower = ""
            self.go("pods")
        elif self.panes.current == "namespaces":
            self.go("pods")
        elif self._pods.filter.text:
            self._pods.set_filter(parse_filter(""))
        elif self._pods.table.marked:
            self._pods.table.action_clear_marks()
        elif self.session.pods.scope.node:
            self.leave_node()
        elif self.panes.lower and not self.panes.narrow:
            self.panes.lower = ""
            self._arrange()

    # -- the first line -----------------------------------------------------------------------------------------
    @on(PodsPane.Counted)
    def _counted(self) -> None:
        self._tell()
        if self._wanted:
            self._find_wanted()

    def _tell(self) -> None:
        left, right = status_parts(self.session, len(self._pods.view), self.size.width)
        self._status.show(left, right)
        self._hints.tell()

    def may_have_changed(self) -> None:
        self._tell()

    def _find_wanted(self) -> None:
        """The POD of the command line: open it when it is there, say so when it is not."""
        store = self.session.pods
        found = next((uid for uid, row in store.rows.items() if row.name == self._wanted), "")
        if found:
            name, self._wanted = self._wanted, ""
            if self._pods.table.select(found):
                self._open_details("containers")
            else:
                self.app.notify(f"pod {name} is hidden by the filter", markup=False)
        elif store.known:
            name, self._wanted = self._wanted, ""
            self.app.notify(f"there is no pod {name} here", severity="warning", markup=False)

    # -- namespaces and selectors ---------------------------------------------------------------------------------
    def show_scope(self, namespaces: tuple[str, ...] | None = None, selector: str | None = None) -> None:
        """Other namespaces (none: all) or another selector; what is not given stays."""
        self.session.show(namespaces=namespaces, selector=selector)
        self.rescoped()

    def rescoped(self) -> None:
        self._pods.rescoped()
        self._namespaces.rescoped()
        self._tell()

    @on(NamespacesPane.Chosen)
    def _chosen(self, event: NamespacesPane.Chosen) -> None:
        self.show_scope(namespaces=event.namespaces)
        self.go("pods")

    def action_all_namespaces(self) -> None:
        self.show_scope(namespaces=())

    def _favourite(self, number: int) -> None:
        favourites = self.session.config.favourites
        if number > len(favourites):
            self.app.notify(f"there is no favourite namespace {number}: add it to favourites in config.yaml", markup=False)
            return
        self.show_scope(namespaces=(favourites[number - 1],))

    def _open_bar(self, bar: SelectorBar | FilterBar, value: str) -> None:
        self._labels = LabelCounts(row.labels for row in self.session.pods.rows.values())
        bar.display = True
        bar.open(value)

    def action_selector(self) -> None:
        self._open_bar(self._selector_bar, self.session.pods.scope.selector)

    def action_filter(self) -> None:
        self._open_bar(self._filter_bar, self._pods.filter.text)

    @on(SelectorBar.Submitted)
    def _selected(self, event: SelectorBar.Submitted) -> None:
        self._selector_bar.display = False
        self.show_scope(selector=event.value.strip())
        self._pods.table.focus()

    @on(SelectorBar.Cancelled)
    def _selector_left(self) -> None:
        self._selector_bar.display = False
        self._pods.table.focus()

    @on(FilterBar.Changed)
    def _filter_changed(self, event: FilterBar.Changed) -> None:
        """Names are filtered as they are typed; a selector only when it is entered, as the server evaluates it."""
        filter = parse_filter(event.value)
        if filter.selector is None:
            self._pods.set_filter(filter)

    @on(FilterBar.Submitted)
    def _filtered(self, event: FilterBar.Submitted) -> None:
        self._filter_bar.display = False
        filter = parse_filter(event.value)
        if filter.selector is not None:
            self._pods.set_filter(parse_filter(""))
            self.show_scope(selector=filter.selector)
        self._pods.table.focus()

    @on(FilterBar.Cancelled)
    def _filter_left(self) -> None:
        self._filter_bar.display = False
        self._pods.set_filter(parse_filter(""))
        self._pods.table.focus()

    # -- details and logs ---------------------------------------------------------------------------------------
    @on(RowTable.CursorMoved, "#namespaces")
    def _namespace_moved(self) -> None:
        self._learn()
        self._tell()

    def _learn(self) -> None:
        """Ask what may be done with what is under the cursors."""
        namespace, pod = self._namespaces.current, self._pods.current
        for ref in (namespace, None if namespace is None else ObjectRef(PODS, "", namespace.name), pod):
            if ref is not None:
                self.rights.learn(ref)

    @on(RowTable.CursorMoved, "#pods")
    def _cursor_moved(self) -> None:
        self._learn()
        if self._following is not None:
            self._following.stop()
        if self.panes.lower == "details" and not self.panes.narrow:
            self._following = self.set_timer(FOLLOW_DELAY, self._follow_cursor)

    def _follow_cursor(self) -> None:
        current = self._pods.current
        if self.panes.lower == "details" and current is not None:
            self._details.show(current, self._details.tab)

    @on(RowTable.Opened, "#pods")
    def _row_opened(self) -> None:
        self._open_details(self._details.tab)
        self.go("details")

    def _open_details(self, tab: Tab | str, ref: ObjectRef | None = None) -> None:
        ref = ref or self._subject()
        if ref is not None:
            self._details.show(ref, tab)
            self.panes.lower = "details"
            if self.panes.narrow:
                self.go("details")
            else:
                self._arrange()

    def _subject(self) -> ObjectRef | None:
        """What YAML and labels are shown of: the namespace under the cursor in its pane, otherwise the pod."""
        if self.panes.current == "namespaces":
            return self._namespaces.current
        current = self._pods.current
        if current is None:
            self.app.notify("no pod is selected", markup=False)
        return current

    def action_yaml(self) -> None:
        self._open_details("yaml")

    def action_annotations(self) -> None:
        self._open_details("annotations")

    def action_containers(self) -> None:
        self._open_details("containers")

    def action_events(self) -> None:
        self._open_details("events")

    def action_why(self) -> None:
        """In the details that show it already: once more."""
        if self.panes.lower == "details" and self._details.tab == "why":
            self._details.ask_again()
        self._open_details("why", self._pods.current)  # it is about pods, whatever has the focus

    def action_logs(self) -> None:
        self.open_logs(previous=False)

    def action_previous_logs(self) -> None:
        self.open_logs(previous=True)

    def action_all_logs(self) -> None:
        """Of every pod that the list shows, and of those that will be in it."""
        filter = self._pods.filter
        current = self._pods.current
        if current is None or self._may("main.all-logs", current):
            passes = filter.matches if filter.text else None
            self._follow_logs(LogTarget(scope=self.session.pods.scope, every=True, passes=passes))

    def open_logs(self, previous: bool, ref: ObjectRef | None = None, container: str = "") -> None:
        """Of this pod; otherwise of the marked ones, or the one under the cursor."""
        refs = self._pods.targets if ref is None else [ref]
        one_of_each = {each.namespace: each for each in refs}.values()  # a right is the same for all pods of a namespace
        if refs and all(self._may("main.logs", each) for each in one_of_each):
            self._follow_logs(LogTarget(tuple(refs), containers=(container,) if container else ()), previous)

    def _follow_logs(self, target: LogTarget, previous: bool = False) -> None:
        self._logs.follow(target, previous=previous)
        self.panes.lower = "logs"
        self.go("logs")

    # -- the session and the terminal ----------------------------------------------------------------------------------
    async def run_command(self, command_id: str) -> None:
        """Run a command by its id, as its key would (the palette's way)."""
        command = BY_ID[command_id]
        owner = {"app": self.app, "main": self, "pods": self._pods}[command.where]
        await self.app.run_action(command.action, default_namespace=owner)

    def action_refresh(self) -> None:
        """Ask again now, for rights too, and paint the screen anew in case something else wrote over it."""
        self.app.repaint()
        self.session.pods.retry()
        self.session.namespaces.retry()
        self.rights.forget()
        self._learn()


def _favourite_action(number: int) -> Callable[[MainScreen], None]:
    return lambda screen: screen._favourite(number)


for _number in range(1, 10):
    setattr(MainScreen, f"action_favourite_{_number}", _favourite_action(_number))
