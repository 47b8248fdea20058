"""The bars at the top in which a filter, a selector or the keys of label columns are typed, for one of the lists."""

from __future__ import annotations

from typing import Literal

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical

from podtui.cluster.live.name_filter import check_filter, parse_filter
from podtui.cluster.live.selector_completion import LabelCounts, complete, complete_filter, complete_keys
from podtui.cluster.session import Session
from podtui.kube.names import label_keys
from podtui.kube.selectors import parse
from podtui.ui.main.list_pane import ListPane
from podtui.ui.main.views import Views
from podtui.ui.widgets.entry_bar import EntryBar

BarName = Literal["filter", "selector", "labels"]


class FilterBar(EntryBar):
    """The bar of `/`: the list is filtered while the user types, and Esc clears the filter."""

    CANCEL_RESTORES = False
    PROMPT = "/"
    PLACEHOLDER = "name, !others, -f fuzzy, -l selector"


class SelectorBar(EntryBar):
    """The bar of `=`: a label selector. Esc restores the selector that the bar was opened with."""

    PROMPT = "="
    PLACEHOLDER = "key=value, key in (a,b), !key"


class LabelsBar(EntryBar):
    """The bar of label columns: their keys, with commas. Esc shows none."""

    PROMPT = "Label columns:"
    PLACEHOLDER = "key,key"


class Bars(Vertical):
    """`open` shows a bar for a list; what is typed or entered there narrows this list, or chooses its columns."""

    DEFAULT_CSS = """
    Bars { height: auto; }
    """

    _pane: ListPane  # for which a bar was opened

    def __init__(self, session: Session, views: Views) -> None:
        super().__init__()
        self.session = session
        self._views = views
        self._counts: LabelCounts | None = None  # of the labels, once something is to be completed
        self._filter = FilterBar(complete=lambda text, at: complete_filter(text, at, self._labels()), check=check_filter)
        self._selector = SelectorBar(complete=lambda text, at: complete(text, at, self._labels()), check=parse)
        self._keys = LabelsBar(complete=lambda text, at: complete_keys(text, at, self._labels()), check=label_keys)
        self._all: tuple[EntryBar, ...] = (self._filter, self._selector, self._keys)

    def compose(self) -> ComposeResult:
        for bar in self._all:
            bar.display = False
            yield bar

    def open(self, name: BarName, pane: ListPane) -> None:
        """Show the bar with what the list has now."""
        self._pane = pane
        self._counts = None
        for bar in self._all:
            bar.display = False
        if name == "filter":
            self._filter.open(pane.filter.text)
        elif name == "selector":
            self._selector.open(pane.store.scope.selector)
        else:
            self._keys.open(",".join(pane.label_columns))

    def _labels(self) -> LabelCounts:
        if self._counts is None:
            self._counts = LabelCounts(row.labels for row in self._pane.source.rows.values())
        return self._counts

    def _close(self, bar: EntryBar) -> None:
        bar.display = False
        self._pane.table.focus()

    @on(EntryBar.Changed)
    def _typed(self, event: EntryBar.Changed) -> None:
        """A name filters while it is typed; a selector, which may be invalid until it is complete, on Enter."""
        if event.bar is self._filter and (filter := parse_filter(event.value)).selector is None:
            self._pane.set_filter(filter)

    @on(EntryBar.Submitted)
    def _entered(self, event: EntryBar.Submitted) -> None:
        if event.bar is self._keys:
            self._pane.set_label_columns(label_keys(event.value))
        else:
            self._narrow(event.value, typed=event.bar is self._filter)
        self._close(event.bar)

    def _narrow(self, value: str, *, typed: bool) -> None:
        """The server narrows the pods by a selector; other kinds are loaded in full and narrowed here. `typed`: as a filter."""
        pane = self._pane
        filter = parse_filter(value if typed else f"-l {value}")
        if filter.selector is not None and pane.store is self.session.pods:
            with self._views.changing():
                self.session.show(selector=filter.selector)
            filter = parse_filter("") if typed else pane.filter
        pane.set_filter(filter)

    @on(EntryBar.Cancelled)
    def _leave(self, event: EntryBar.Cancelled) -> None:
        if event.bar is self._filter:
            self._pane.set_filter(parse_filter(""))
        elif event.bar is self._keys:
            self._pane.set_label_columns(self._pane.label_columns, shown=False)
        self._close(event.bar)
