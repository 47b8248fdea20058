"""The main screen: composes the panes, lays them out for the size, and routes the user's requests."""

from __future__ import annotations

from collections.abc import Callable
from inspect import isawaitable
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.actions import parse as parse_action
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget

from podtui.cluster.live.name_filter import parse_filter
from podtui.cluster.session import Session
from podtui.errors import PodtuiError
from podtui.ui.background import import_in_thread
from podtui.ui.commands import BY_ID, Command, bindings
from podtui.ui.details.pane import DetailsPane
from podtui.ui.main.actions import Actions
from podtui.ui.main.kinds import EVERY, IN_PLACE, NODE_LIST, Kind
from podtui.ui.main.layout import WIDE, Panes
from podtui.ui.main.list_pane import ListPane
from podtui.ui.main.lists import Lists
from podtui.ui.main.lower_panes import LowerPanes
from podtui.ui.main.rights import Rights
from podtui.ui.main.status import StateNews, status_parts
from podtui.ui.main.targets import Targets
from podtui.ui.main.views import View, Views
from podtui.ui.widgets.key_hints import KeyHints
from podtui.ui.widgets.row_table import RowTable
from podtui.ui.widgets.text_line import TextLine

if TYPE_CHECKING:
    from podtui.cluster.diagnose.findings import Action
    from podtui.ui.main.bars import BarName, Bars
    from podtui.ui.terminal.app import TerminalApp

BARS = ("podtui.ui.main.bars",)


class MainScreen(Screen[None]):
    """One session on the screen."""

    app: TerminalApp

    BINDINGS: ClassVar[list[Binding]] = bindings("main")  # type: ignore[assignment]

    AUTO_FOCUS = "#pods"

    DEFAULT_CSS = """
    MainScreen { layout: vertical; background: $surface; }
    MainScreen #status { background: $panel; }
    MainScreen.protected #status { background: $error; color: $background; }
    MainScreen #panes { height: 1fr; }
    MainScreen #left { width: 30; height: 1fr; border-right: solid $panel; }
    MainScreen #right { height: 1fr; width: 1fr; }
    MainScreen #crumbs { display: none; }
    MainScreen.narrow #crumbs { display: block; }
    MainScreen.narrow #left { width: 1fr; border: none; }
    """

    class Asked(Message):
        """Do what the text would do in the palette."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, session: Session, label_columns: tuple[str, ...] = (), pod: str = "") -> None:
        """`pod` is the POD of the command line, whose details are opened."""
        super().__init__()
        self.session = session
        self.panes = Panes()
        self.lists = Lists(session, self.panes, label_columns)
        self.rights = Rights(session, self.refresh_status)
        self.views = Views(self.lists.view)
        self._pod = pod
        self._state_news = StateNews()
        self._pods_left = ("list", "", "")  # the pane, the lower pane and the tab shown before another kind
        self._ends: list[Callable[[], None]] = []
        self.lower = LowerPanes(session, self.panes, self.lists, self.go, self._arrange)
        self.targets = Targets(self.panes, self.lists, self.lower.by_name)
        self.actions = Actions(self, session, self.lists, self.targets, self.rights)
        self._status = TextLine(id="status")
        self._crumbs = TextLine(id="crumbs")
        self._hints = KeyHints(self.refusal, lambda command_id: command_id in BY_ID and self.targets.of(BY_ID[command_id]) is None)
        self._bars: Bars | None = None  # created when the user first opens one

    def compose(self) -> ComposeResult:
        yield self._status
        yield self._crumbs
        with Horizontal(id="panes"):
            with Vertical(id="left"):
                yield self.lists.namespaces
            with Vertical(id="right"):
                yield self.lists.pods
                yield self.lower.details
        yield self._hints

    def on_mount(self) -> None:
        session = self.session
        self.set_class(session.config.is_protected(session.settings.context), "protected")
        self._ends = [
            session.notices.subscribe(lambda text: self.app.notify(text, markup=False, severity="warning")),
            session.opened_signal.subscribe(self._opened),
            session.forwards.subscribe(lambda _: self.refresh_status()),
        ]
        self.set_interval(1.0, self.refresh_status)
        self.lists.pods.table.focus()
        if self._pod:
            self.lists.pods.seek(self._pod, lambda: self.action_open("describe"))
        self._arrange()

    async def on_unmount(self) -> None:
        for end in self._ends:
            end()
        await self.rights.close()

    def _opened(self, _: PodtuiError | None) -> None:
        self.lists.right.refresh_title()

    # -- layout -------------------------------------------------------------------------------------------------
    def on_resize(self, event: events.Resize) -> None:
        self.panes.resize(event.size.width, event.size.height)
        self._arrange()
        self._follow_soon()  # rows that were there before the screen, and moves where there was no room, came without a message

    def _arrange(self) -> None:
        """Show the panes that the size and the user's choice allow, and give each its room."""
        panes, lists = self.panes, self.lists
        panes.titles["list"] = lists.right.kind.title
        shape = panes.shape(self.size.height)
        self.set_class(panes.narrow, "narrow")
        for name, widget in self._by_name.items():
            widget.display = name in shape.visible
        if lists.right is not lists.pods:
            lists.pods.display = False
        left = self.query_one("#left")
        left.display = "namespaces" in shape.visible
        left.styles.width = "1fr" if panes.narrow or shape.visible == {"namespaces"} else shape.namespaces_width
        self.query_one("#right").display = bool(shape.visible - {"namespaces"})
        for widget in self.lower.by_name.values():
            widget.styles.height = shape.lower_height if "list" in shape.visible else "1fr"
        self._crumbs.show([(" › ".join(panes.crumbs), "dim")])
        self.refresh_status()

    @property
    def _by_name(self) -> dict[str, Widget]:
        return {"namespaces": self.lists.namespaces, "list": self.lists.right, **self.lower.by_name}

    def go(self, pane: str) -> None:
        """Show a pane and give it the focus."""
        with self.views.changing():
            self.panes.go(pane)
        self._arrange()
        widget = self._by_name[pane]
        if isinstance(widget, ListPane):
            widget = widget.table
        elif not widget.can_focus:
            widget = next((child for child in widget.query("*") if child.can_focus and child.display), widget)
        widget.focus()
        self.refresh_bindings()
        if pane == "list":
            self._follow_soon()  # its cursor may have left a row that was deleted while the details were read

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        for name, widget in self._by_name.items():
            if widget in event.widget.ancestors_with_self and self.panes.current != name:
                self.panes.current = name
                self._arrange()
                if name == "list":
                    self._follow_soon()

    def action_step(self, by: int) -> None:
        self.lower.follow_cursor()  # out of view, the details have not followed it
        self.go(self.panes.step(by))

    def action_grow(self, lower: float, side: int) -> None:
        if not self._fills():
            self.panes.grow(lower, side)
            self._arrange()

    def action_full(self) -> None:
        if self.panes.full or not self._fills():
            self.panes.full = not self.panes.full
            self._arrange()

    def _fills(self) -> bool:
        """Whether one pane fills the screen, and so has no other size; tells the user why."""
        if self.panes.narrow:
            self.app.notify(
                f"one pane fills the screen below {WIDE} columns; {self.app.key_of('main.next-pane')} shows the next", markup=False
            )
        elif self.panes.full:
            self.app.notify(f"this pane fills the screen; {self.app.key_of('main.full')} shows all", markup=False)
        return self.panes.narrow or self.panes.full

    async def action_back(self) -> None:
        """Clear the filter or the marks, go back one, clear the selector, close the details: the first that there is to do."""
        focused, on_list = self.lists.focused, self.panes.current in ("namespaces", "list")
        selector = self.session.pods.scope.selector
        if on_list and not self.panes.full and focused.clear_filter():
            return
        if on_list and not self.panes.full and focused.table.marked:
            focused.table.action_clear_marks()
        elif await self.go_back() or self.lower.close():
            return
        elif selector:
            with self.views.changing():
                self.session.show(selector="")
            self.app.notify(f"cleared the selector {selector} ({self.app.key_of('main.last-view')} brings it back)", markup=False)
        elif self.panes.lower and not self.panes.narrow:
            self.panes.lower = ""
            self._arrange()

    async def go_back(self) -> bool:
        """Leave the full screen, a lower pane, the namespaces, another kind or a node's pods; False on the list of pods."""
        if self.panes.full:
            self.action_full()
        elif self.panes.current in ("details", "logs"):
            if self.panes.current == "logs":
                self.lower.close()
            elif self.panes.narrow:
                self.panes.lower = ""
            self.go("list")
        elif self.lists.focused is self.lists.namespaces:
            self.go("list")
        elif self.lists.right is not self.lists.pods:
            await self.show_pods()
        else:
            with self.views.changing():
                return self.lists.leave_node()
        return True

    # -- views --------------------------------------------------------------------------------------------------
    async def action_last_view(self) -> None:
        await self._show_view(self.views.last, "there is no last view yet")

    async def action_view(self, by: int) -> None:
        await self._show_view(self.views.step(by), f"there is no {'earlier' if by < 0 else 'later'} view")

    async def _show_view(self, view: View | None, none: str) -> None:
        if view is None:
            self.app.notify(none, markup=False)
            return
        with self.views.changing(again=True):
            if view.kind in IN_PLACE:
                await self.show_kind(IN_PLACE[view.kind])
            else:
                await self.show_pods()
            if view.scope is not None and view.scope != self.session.pods.scope:
                self.session.show(namespaces=view.scope.namespaces, selector=view.scope.selector, node=view.scope.node)
            pane = self.lists.namespaces if view.kind == self.lists.namespaces.kind.plural else self.lists.right
            pane.set_filter(parse_filter(view.filter))
            self.go("namespaces" if pane is self.lists.namespaces else "list")
        self.refresh_status()

    # -- the first line and the hints ---------------------------------------------------------------------------
    @on(ListPane.Changed)
    def refresh_status(self) -> None:
        """Refresh the first line and the key hints."""
        pane = self.lists.right
        self._status.show(*status_parts(self.session, pane.store, pane.kind, len(pane.view), self.size.width))
        if news := self._state_news.news(self.session, pane.store, pane.kind):
            self.app.messages.note(*news)
        self._hints.refresh_hints()

    def refusal(self, command_id: str) -> str:
        """Why the command cannot run now, or "". The palette and the key hints dim a refused command."""
        return self.actions.refusal(command_id)

    def offers(self, command: Command) -> bool:
        """Whether the command is for a kind that is shown, or for any kind."""
        return self.lists.of(command) is not None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hides a command for another kind than pods unless that kind is shown: a command for pods may have the same key."""
        command = BY_ID.get(str(parameters[0])) if action == "run" else None
        return command is None or command.is_for("pods") or self.offers(command)

    # -- scope: which pods, or another kind ---------------------------------------------------------------------
    async def show_scope(self, namespaces: tuple[str, ...] | None = None, selector: str | None = None) -> None:
        """Show the pods of other namespaces (none: all) or of another selector; an omitted argument stays as it is."""
        with self.views.changing():
            await self.show_pods()
            self.session.show(namespaces=namespaces, selector=selector)
            self.go("list")

    async def show_kind(self, kind: Kind, name: str = "") -> None:
        """Show another kind in place of the pods, with the cursor on the object of that name."""
        with self.views.changing():
            panes = self.panes
            if self.lists.right is self.lists.pods:
                self._pods_left = (panes.current, panes.lower, self.lower.details.tab)
                panes.lower = "details" if panes.follows or panes.lower == "details" else ""
            if self.lists.right.kind is not kind:
                self.lower.details.show(None, "")
                self.lower.details.loader.follow((await self.lists.open(kind)).store)
            self.lists.right.seek(name)
            self.go("list")
        self._follow_soon()  # rows that were there before the list was mounted came without a message

    async def show_pods(self) -> None:
        """Go from another kind back to the pods, as they were."""
        with self.views.changing():
            gone = self.lists.close()
            if gone is None:
                return
            # Everything is as it was before anything is awaited: the next key goes to what has the focus then, and may come meanwhile.
            current, self.panes.lower, tab = self._pods_left
            if self.panes.lower == "details":
                self.lower.details.show(self.lists.pods.current, tab)
            self.go(current)
        await gone.remove()

    async def action_nodes(self) -> None:
        """Show the nodes with the cursor on the pod's node; again: the pods."""
        pods = self.lists.pods
        if self.lists.right is not pods:
            await self.show_pods()
            return
        row = self.session.pods.rows.get(pods.table.cursor_key)
        node = "" if row is None else pods.value(row, "Node")
        await self.show_kind(NODE_LIST, "" if node == "<none>" else node)

    async def action_node_pods(self) -> None:
        node = self.targets.focused.current
        with self.views.changing():
            await self.show_pods()
            if node is not None:
                self.lists.show_node(node.name)
                self.go("list")

    async def action_favourite(self, number: int) -> None:
        """Show a favourite namespace or view; 0 is all namespaces."""
        favourite = self.session.config.favourites[number - 1 : number]
        if number and not favourite:
            self.app.notify(f"there is no favourite {number}: add it to favourites in config.yaml", markup=False)
        elif favourite and favourite[0].startswith(":"):
            self.post_message(self.Asked(favourite[0]))
        else:
            await self.show_scope(namespaces=tuple(favourite))

    # -- the bars -----------------------------------------------------------------------------------------------
    async def _open_bar(self, name: BarName, pane: ListPane) -> None:
        if self._bars is None:
            await import_in_thread(BARS)
            from podtui.ui.main.bars import Bars

            self._bars = Bars(self.session, self.views)
            await self.mount(self._bars, after=self._crumbs)
        self._bars.open(name, pane)

    async def action_selector(self) -> None:
        await self._open_bar("selector", self.lists.pods)

    async def action_filter(self) -> None:
        await self._open_bar("filter", self.lists.focused)

    @on(ListPane.LabelColumnsAsked)
    async def _ask_label_columns(self, event: ListPane.LabelColumnsAsked) -> None:
        await self._open_bar("labels", event.pane)

    # -- the selection ------------------------------------------------------------------------------------------
    @on(RowTable.CursorMoved)
    def _cursor_moved(self, event: RowTable.CursorMoved) -> None:
        if event.table is self.lists.right.table:
            self._follow_soon()
        else:
            self.actions.learn()
            self.refresh_status()

    def _follow_soon(self) -> None:
        """Ask what may be done with the object at the cursor, and show its details once the cursor rests."""
        self.actions.learn()
        self.refresh_status()
        self.lower.follow_cursor_soon()

    @on(RowTable.Opened)
    async def _row_opened(self, event: RowTable.Opened) -> None:
        if event.table is self.lists.namespaces.table:
            await self._choose_namespaces(event.key)
        else:
            self.lower.show_details(self.lists.right.current, "")  # the kind's default tab: a pod's containers
            self.go("details")

    async def _choose_namespaces(self, key: str) -> None:
        """Show the pods of the opened namespace, or of the marked ones, whose marks are then cleared."""
        table, rows = self.lists.namespaces.table, self.lists.namespaces.source.rows
        keys = table.marked or {key}
        await self.show_scope(() if EVERY in keys or keys >= rows.keys() else tuple(rows[key].name for key in table.keys if key in keys))
        table.action_clear_marks()

    def action_open(self, tab: str) -> None:
        self.lower.open_details(self.targets.focused.shown, tab)

    async def action_logs(self, previous: bool) -> None:
        """Show the logs of the marked pods, or of the selected one."""
        await self.lower.show_logs(self.targets.focused.targets, previous=previous)

    async def action_all_logs(self) -> None:
        await self.lower.show_logs(None)

    # -- actions of a diagnosis ---------------------------------------------------------------------------------
    @on(DetailsPane.Offered)
    def _offered(self, event: DetailsPane.Offered) -> None:
        from podtui.ui.dialogs.choose import Chooser

        async def chosen(title: str | None) -> None:
            action = next((action for action in event.actions if action.title == title), None)
            if action is not None:
                await self._carry_out(action)

        self.app.push_screen(Chooser("Suggested actions", [action.title for action in event.actions]), chosen)

    async def _carry_out(self, action: Action) -> None:
        """Open the dialog that does it, which checks rights and asks as usual."""
        if action.kind == "show-node":
            await self.show_kind(NODE_LIST, action.ref.name)
        elif action.kind in ("logs", "previous-logs"):
            if not self.actions.is_refused("main.logs", action.ref):
                await self.lower.show_logs([action.ref], action.text, previous=action.kind == "previous-logs")
        else:
            self.actions.change(action, lambda _: self.lower.details.ask_again())

    # -- commands -----------------------------------------------------------------------------------------------
    async def action_run(self, command_id: str) -> None:
        """Run a command of this screen, or say why it cannot run."""
        command = BY_ID[command_id]
        if refusal := self.refusal(command_id):
            self.app.notify(refusal, severity="warning", markup=False)
        else:
            _, name, arguments = parse_action(command.action)
            done = (getattr(self.actions, name, None) or getattr(self, f"action_{name}"))(*arguments)
            if isawaitable(done):
                await done
            if self.is_attached:  # or the command led to another context
                self.refresh_status()

    async def run_command(self, command_id: str) -> None:
        """Run any command by its id, as its key would; for the palette."""
        command = BY_ID[command_id]
        if command.where == "main":
            await self.action_run(command_id)
        else:
            await self.app.run_action(command.action, default_namespace=self.lists.of(command) if command.where == "list" else self.app)

    def action_refresh(self) -> None:
        """Ask the server again now, for rights too, and repaint the screen in case something wrote over it."""
        self.app.repaint()
        self.session.refresh()
        self.lower.retry()
        self.rights.forget()
        self.actions.learn()
