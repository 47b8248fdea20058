"""The choice of the sources to show: one container, several or all, hidden and shown in a list."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from podtui.kube.resources import ObjectRef
from podtui.ui.logs import titles
from podtui.ui.logs.feed import LogFeed
from podtui.ui.logs.sources_screen import LogSourcesScreen, SourceRow
from podtui.ui.logs.view.browser import LogBrowser
from podtui.ui.logs.view.source_names import SourceNames


class SourceChoice:
    """Chooses which sources a feed reads, and which of those the view hides."""

    def __init__(self, feed: LogFeed, browser: LogBrowser, say: Callable[[str], None]) -> None:
        self._feed = feed
        self._browser = browser
        self._say = say
        self._hidden: set[tuple[str, str]] = set()  # UID of the pod and name of each hidden container
        self._names: list[str] = []

    @property
    def hidden(self) -> frozenset[int]:
        """The numbers of the hidden sources."""
        sources = [] if self._feed.group is None else self._feed.group.sources
        return frozenset(source.number for source in sources if (source.ref.uid, source.container) in self._hidden)

    def show_all(self) -> None:
        """Hide no source."""
        self._hidden.clear()

    def update_view(self) -> None:
        """Apply the hidden sources to the view. Lines have a name before them if more than one source is shown."""
        sources = [] if self._feed.group is None else self._feed.group.sources
        hidden = self.hidden
        if self._browser.choice.hidden != hidden:
            self._browser.hide(hidden)
        names = titles.names_of(sources) if len(sources) - len(hidden) > 1 else []
        if names != self._names:
            self._names = names
            self._browser.set_names(SourceNames(names))

    @property
    def only_pod(self) -> ObjectRef | None:
        """The pod whose containers are read, if the target is one pod and not a selector."""
        target = self._feed.target
        return target.pods[0] if target is not None and not target.live and len(target.pods) == 1 else None

    def toggle_all(self) -> None:
        """Read all containers, including init and ephemeral ones; again: one of each pod."""
        target = self._feed.target
        if target is None:
            return
        if not target.every and (message := self._only_container):
            self._say(message)
            return
        self._hidden.clear()
        self._feed.read_target(msgspec.structs.replace(target, every=not target.every, containers=()))

    @property
    def _only_container(self) -> str:
        """A message if the pod has just one container, otherwise ""."""
        group, pod = self._feed.group, self.only_pod
        one = group is not None and pod is not None and len(group.containers) == 1
        return f"{pod} has one container: {group.containers[0]}" if group is not None and one else ""

    def screen(self) -> LogSourcesScreen | None:
        """The list that hides and shows sources, whose result goes to `show_only`; None if there is no choice."""
        group = self._feed.group
        if group is None or not group.sources:
            return None
        if len(group.sources) == 1 and (message := self._only_container):
            self._say(message)
            return None
        shown = [row.key for row in self._rows() if row.shown]
        return LogSourcesScreen("Containers to show", self._rows, self._show, shown[0] if shown else "", self._left_out)

    def _left_out(self) -> list[str]:
        return [] if self._feed.group is None else self._feed.group.left_out

    def _rows(self) -> list[SourceRow]:
        """Every source, and the unread containers of a single pod."""
        group = self._feed.group
        if group is None:
            return []
        rows = []
        spaces = len({source.ref.namespace for source in group.sources}) > 1
        for source in sorted(group.sources, key=lambda source: (source.ref.namespace, source.ref.name)):
            status = source.status
            state = f"{status.state}: {status.why}" if status.why else status.state
            shown = (source.ref.uid, source.container) not in self._hidden
            key = f"{source.ref.uid} {source.container}"
            pod = f"{source.ref.namespace}/{source.ref.name}" if spaces else source.ref.name
            rows.append(SourceRow(key, pod, source.container, source.lines, state, titles.style(status), shown))
        read = {source.container for source in group.sources}
        if (ref := self.only_pod) is not None:
            others = [name for name in group.containers if name not in read]
            rows += [SourceRow(f"{ref.uid} {name}", ref.name, name, None, "not read", "dim", False) for name in others]
        return rows

    def _show(self, keys: Sequence[str], shown: bool) -> None:
        """Show or hide the lines of these sources; start reading those that are not read yet."""
        group, target = self._feed.group, self._feed.target
        if group is None or target is None:
            return
        read = {(source.ref.uid, source.container) for source in group.sources}
        for uid, _, container in (key.partition(" ") for key in keys):
            if not shown:
                self._hidden.add((uid, container))
                continue
            self._hidden.discard((uid, container))
            if (uid, container) not in read and self.only_pod is not None:
                names = [source.container for source in group.sources]
                self._feed.target = msgspec.structs.replace(target, containers=(*names, container))
                group.add_container(self.only_pod, container)
        self._feed.update_status()

    def show_only(self, key: str | None) -> None:
        """Show only the lines of this source, the result of the list; None changes nothing."""
        group, target = self._feed.group, self._feed.target
        if key is None or group is None or target is None:
            return
        uid, _, container = key.partition(" ")
        read = [(source.ref.uid, source.container) for source in group.sources]
        if (uid, container) in read:
            self._hidden = {each for each in read if each != (uid, container)}
            self._feed.update_status()
        elif self.only_pod is not None:
            self._hidden.clear()
            self._feed.read_target(msgspec.structs.replace(target, containers=(container,), every=False))
