"""Whose lines are shown: one container, several, all of them; hidden and shown in a list."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from podtui.cluster.logs.group import LogGroup, LogTarget
from podtui.kube.resources import ObjectRef
from podtui.ui.logs import titles
from podtui.ui.logs.export import LogTaking
from podtui.ui.logs.sources_screen import LogSourcesScreen, SourceRow
from podtui.ui.logs.view.source_names import SourceNames
from podtui.ui.logs.view.view import LogView


class LogChoosing(LogTaking):
    """The part of the logs pane that chooses sources: `target` is what is wanted, `group` what is read now."""

    def __init__(self, view: LogView, *, id: str | None = None) -> None:
        super().__init__(view, id=id)
        self.target: LogTarget | None = None
        self.group: LogGroup | None = None
        self._hidden: set[tuple[str, str]] = set()  # pods' UIDs and containers whose lines are not shown
        self._names: list[str] = []

    def _restart(self) -> None:
        """Read anew what the target says."""
        raise NotImplementedError

    def _sources_changed(self) -> None:
        """Other sources, or other ones of them, are to be shown."""
        raise NotImplementedError

    def _show_names(self) -> None:
        """Names stand before the lines where those of more than one source may be."""
        assert self.group is not None
        sources = self.group.sources
        hidden = self._hidden_numbers
        if self.view.hidden != hidden:
            self.view.hide(hidden)
        names = titles.names_of(sources) if len(sources) - len(hidden) > 1 else []
        if names != self._names:
            self._names = names
            self.view.set_names(SourceNames(names))

    @property
    def _hidden_numbers(self) -> frozenset[int]:
        sources = [] if self.group is None else self.group.sources
        return frozenset(source.number for source in sources if (source.ref.uid, source.container) in self._hidden)

    # -- which containers -------------------------------------------------------------------------------------------

    def action_all_containers(self) -> None:
        target, group = self.target, self.group
        if target is None:
            return
        if not target.every and group is not None and len(group.containers) == 1:
            self._say(f"{target.pods[0]} has one container: {group.containers[0]}")
            return
        self.target = msgspec.structs.replace(target, every=not target.every, containers=())
        self._hidden.clear()
        self.view.follow(True)
        self._restart()

    def action_container(self) -> None:
        target, group = self.target, self.group
        if target is None or group is None or not group.sources:
            return
        if len(group.sources) == len(group.containers) == 1:
            self._say(f"{target.pods[0]} has one container: {group.containers[0]}")
            return
        shown = [row.key for row in self._source_rows() if row.shown]
        title, current = "Containers whose lines are shown", shown[0] if shown else ""
        screen = LogSourcesScreen(title, self._source_rows, self._show_sources, current, self._left_out)
        self.app.push_screen(screen, self._only_source)

    def _left_out(self) -> list[str]:
        return [] if self.group is None else self.group.left_out

    def _source_rows(self) -> list[SourceRow]:
        """Every source, and the containers of the only pod that are not read."""
        group = self.group
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
        if (ref := self._one_pod) is not None:
            others = [name for name in group.containers if name not in read]
            rows += [SourceRow(f"{ref.uid} {name}", ref.name, name, None, "not read", "dim", False) for name in others]
        return rows

    @property
    def _one_pod(self) -> ObjectRef | None:
        target = self.target
        return target.pods[0] if target is not None and not target.live and len(target.pods) == 1 else None

    def _show_sources(self, keys: Sequence[str], shown: bool) -> None:
        """Show or hide the lines of these sources; one that is not read yet is read from now on."""
        group, target = self.group, self.target
        if group is None or target is None:
            return
        read = {(source.ref.uid, source.container) for source in group.sources}
        for uid, _, container in (key.partition(" ") for key in keys):
            if not shown:
                self._hidden.add((uid, container))
                continue
            self._hidden.discard((uid, container))
            if (uid, container) not in read and self._one_pod is not None:
                names = [source.container for source in group.sources]
                self.target = msgspec.structs.replace(target, containers=(*names, container))
                group.add_container(self._one_pod, container)
        self._sources_changed()

    def _only_source(self, key: str | None) -> None:
        """The lines of this one alone."""
        group, target = self.group, self.target
        if key is None or group is None or target is None:
            return
        uid, _, container = key.partition(" ")
        read = [(source.ref.uid, source.container) for source in group.sources]
        if (uid, container) in read:
            self._hidden = {each for each in read if each != (uid, container)}
            self._sources_changed()
        elif self._one_pod is not None:
            self.target = msgspec.structs.replace(target, containers=(container,), every=False)
            self._hidden.clear()
            self.view.follow(True)
            self._restart()
