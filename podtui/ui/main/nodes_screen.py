"""The nodes: their list, live while this screen is open, the details of one, and what is done to them."""

from __future__ import annotations

from typing import Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.screen import ModalScreen, Screen
from textual.timer import Timer

from podtui.cluster.live.name_filter import check_filter, complete_filter, parse_filter
from podtui.cluster.live.selector_completion import LabelCounts
from podtui.cluster.session import Session
from podtui.kube.resources import NODES
from podtui.ui.commands import BY_ID, bindings
from podtui.ui.details.pane import DetailsPane
from podtui.ui.main.nodes_pane import NodesPane
from podtui.ui.main.rights import Rights
from podtui.ui.main.status import STATES
from podtui.ui.terminal.app import TerminalApp
from podtui.ui.widgets.entry_bar import FilterBar
from podtui.ui.widgets.key_hints import KeyHints
from podtui.ui.widgets.row_table import RowTable
from podtui.ui.widgets.text_line import TextLine

TALL = 28  # lines from which the details stand below the list
FOLLOW_DELAY = 0.2  # seconds that the cursor rests on a node before its details are fetched


class NodesScreen(ModalScreen[str]):
    """Over the main screen. Dismissed with the name of the node whose pods are wanted, "" for none."""

    BINDINGS: ClassVar[list[Binding]] = bindings("nodes")  # type: ignore[assignment]
    AUTO_FOCUS = "#nodes"

    DEFAULT_CSS = """
    NodesScreen { background: $surface; layout: vertical; }
    NodesScreen DetailsPane { height: 2fr; }
    NodesScreen.small DetailsPane { height: 1fr; }
    """

    app: TerminalApp

    def __init__(self, session: Session, node: str = "") -> None:
        """`node` is the name of the one that the cursor goes to."""
        super().__init__()
        self.session = session
        self._store = session.open_list(NODES)
        self._list = NodesPane(session, self._store)
        self._details = DetailsPane(session, NODES, stores=[self._store])
        self._hints = KeyHints(self.refusal)
        self._rights = Rights(session, self._hints.tell)
        self._status = TextLine()
        self._labels = LabelCounts()  # of the nodes when the bar was opened: what it completes with
        self._filter_bar = FilterBar(complete=lambda text, at: complete_filter(text, at, self._labels), check=check_filter)
        self._at_details = False
        self._following: Timer | None = None
        self._first = node

    def compose(self) -> ComposeResult:
        yield self._status
        yield self._filter_bar
        yield self._list
        yield self._details
        yield self._hints

    def on_mount(self) -> None:
        self._filter_bar.display = False
        if self._first:
            self._list.go_to(self._first)
        self._end = self._store.subscribe_health(lambda _: self._tell())
        self.set_interval(1.0, self._tell)
        self._arrange()
        self._tell()

    async def on_unmount(self) -> None:
        self._end()
        self.session.close_list(self._store)
        await self._rights.close()

    def _tell(self) -> None:
        """The first line: which cluster, how things stand, read-only or not."""
        settings, health = self.session.settings, self._store.health
        word, style = STATES[health.state]
        left = [(" ", ""), (settings.context or settings.server, "title")]
        if self.session.config.is_protected(settings.context):
            left.append((" PROTECTED", "danger"))
        left += [("  ", ""), (f"● {word}" if health.state == "live" else f"○ {word}", style), ("  nodes", "label.key")]
        self._status.show(left, [("read-only ", "warn")] if self.session.read_only else [])

    # -- layout -------------------------------------------------------------------------------------------------
    def on_resize(self, _: events.Resize) -> None:
        self._arrange()

    @property
    def _is_tall(self) -> bool:
        return self.size.height >= TALL

    def _arrange(self) -> None:
        self.set_class(not self._is_tall, "small")
        self._list.display = self._is_tall or not self._at_details
        self._details.display = self._is_tall or self._at_details

    def _go(self, details: bool) -> None:
        self._at_details = details
        self._arrange()
        (self._details if details else self._list.table).focus()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        self._at_details = self._details in event.widget.ancestors_with_self

    def action_next_pane(self) -> None:
        self._go(not self._at_details)

    def action_close(self) -> None:
        """From the details back to the list; there it clears the filter, then it is back to the pods."""
        if self._at_details:
            self._go(False)
        elif self._list.filter.text:
            self._list.set_filter(parse_filter(""))
        else:
            self.dismiss("")

    # -- the details --------------------------------------------------------------------------------------------
    @on(RowTable.CursorMoved, "#nodes")
    def _cursor_moved(self) -> None:
        if (current := self._list.current) is not None:
            self._rights.learn(current)
        self._hints.tell()
        if self._following is not None:
            self._following.stop()
        self._following = self.set_timer(FOLLOW_DELAY, self._follow_cursor)

    def _follow_cursor(self) -> None:
        if self._is_tall and (current := self._list.current) is not None:
            self._details.show(current, self._details.tab)

    @on(RowTable.Opened, "#nodes")
    def _row_opened(self, event: RowTable.Opened) -> None:
        event.stop()
        self._open("node")

    def _open(self, tab: str) -> None:
        current = self._list.current
        if current is not None:
            self._details.show(current, tab)
            self._go(True)

    def action_details(self) -> None:
        self._open("node")

    def action_annotations(self) -> None:
        self._open("annotations")

    def action_yaml(self) -> None:
        self._open("yaml")

    def action_events(self) -> None:
        self._open("events")

    # -- the list -----------------------------------------------------------------------------------------------
    def action_wide(self) -> None:
        self._list.toggle_wide()

    def action_label_columns(self) -> None:
        self._list.toggle_labels()

    def action_sort_name(self) -> None:
        self._list.sort("name")

    def action_sort_status(self) -> None:
        self._list.sort("status")

    def action_sort_age(self) -> None:
        self._list.sort("age")

    def action_refresh(self) -> None:
        self.app.repaint()
        self._store.retry()

    def action_filter(self) -> None:
        self._labels = LabelCounts(row.labels for row in self._store.rows.values())
        self._filter_bar.display = True
        self._filter_bar.open(self._list.filter.text)

    @on(FilterBar.Changed)
    def _filter_changed(self, event: FilterBar.Changed) -> None:
        """Names are filtered as they are typed; a selector, which may be wrong until it is whole, when it is entered."""
        filter = parse_filter(event.value)
        if filter.selector is None:
            self._list.set_filter(filter)

    @on(FilterBar.Submitted)
    def _filtered(self, event: FilterBar.Submitted) -> None:
        self._filter_bar.display = False
        self._list.set_filter(parse_filter(event.value))
        self._list.table.focus()

    @on(FilterBar.Cancelled)
    def _filter_left(self) -> None:
        self._filter_bar.display = False
        self._list.set_filter(parse_filter(""))
        self._list.table.focus()

    # -- what is done -------------------------------------------------------------------------------------------
    def refusal(self, command_id: str) -> str:
        """Why the command cannot be carried out now, or ""."""
        command = BY_ID.get(command_id)
        if command is None or command.where != "nodes" or command.permission is None:
            return ""
        refs = self._list.targets
        if not refs:
            return f"{command.title}: nothing is selected"
        return self._rights.refusal(command_id, refs[0])  # a right on nodes is the same for all of them

    def _act(self, command: str, dialog: Screen[Any]) -> None:
        if refusal := self.refusal(command):
            self.app.notify(refusal, severity="warning", markup=False)
        else:
            self.app.push_screen(dialog)

    def action_label(self) -> None:
        from podtui.ui.dialogs.labels.dialog import LabelDialog

        self._act("nodes.label", LabelDialog(self.session, self._list.targets, "labels"))

    def action_annotate(self) -> None:
        from podtui.ui.dialogs.labels.dialog import LabelDialog

        self._act("nodes.annotate", LabelDialog(self.session, self._list.targets, "annotations"))

    def action_cordon(self) -> None:
        """Uncordon when all that are meant are cordoned, otherwise cordon."""
        from podtui.ui.dialogs.cordon import CordonDialog

        refs = self._list.targets
        uncordon = bool(refs) and all(self._list.is_cordoned(ref) for ref in refs)
        self._act("nodes.cordon", CordonDialog(self.session, refs, not uncordon, self._list.open_nodes))

    def action_edit(self) -> None:
        self._edit("nodes.edit", built_in=False)

    def action_edit_here(self) -> None:
        self._edit("nodes.edit-here", built_in=True)

    def _edit(self, command: str, *, built_in: bool) -> None:
        from podtui.ui.manifests.edit import start_editing

        if refusal := self.refusal(command):
            self.app.notify(refusal, severity="warning", markup=False)
        elif (current := self._list.current) is not None:
            start_editing(self.app, self.session, current, built_in=built_in)

    def action_undo(self) -> None:
        from podtui.ui.journal.undo_dialog import undo_last

        if refusal := self._rights.refusal("nodes.undo", None):
            self.app.notify(refusal, severity="warning", markup=False)
        else:
            self.run_worker(undo_last(self.app, self.session), group="undo", exclusive=True, exit_on_error=False)

    def action_journal(self) -> None:
        from podtui.ui.journal.screen import JournalScreen

        self.app.push_screen(JournalScreen(self.session))

    def action_pods(self) -> None:
        if (current := self._list.current) is not None:
            self.dismiss(current.name)
