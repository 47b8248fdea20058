"""The effects of a change before it is made: the dialog reads once when it opens, and predicts again as the input changes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from rich.text import Text
from textual.widgets import Static

from podtui.cluster.changes.change import Foretold
from podtui.cluster.impact.effects import Effect
from podtui.cluster.impact.namespace_contents import Contents
from podtui.cluster.impact.related import Surroundings, unknown
from podtui.cluster.session import Session
from podtui.errors import PodtuiError
from podtui.kube.resources import ObjectRef
from podtui.text import harmless
from podtui.ui.background import work, work_instead
from podtui.ui.themes import palette

Line = tuple[str, str, str]  # a sign, a text and the name of a style ("" for none)

_SHOWN = 40  # lines
_SIGNS = {"warning": ("! ", "warn"), "change": ("· ", ""), "same": ("= ", "dim")}


class ImpactNote(Static):
    """Shows for pods the effects that `foretell` receives; for namespaces their contents; for other kinds nothing."""

    def __init__(self, session: Session, refs: Sequence[ObjectRef], *, adopters: bool, id: str | None = None) -> None:
        """`adopters` is whether controllers that would adopt the pods matter, as when labels change."""
        super().__init__(id=id)
        self._session = session
        self._pods = [ref for ref in refs if ref.resource.plural == "pods"]
        self._namespaces = [ref.name for ref in refs if ref.resource.plural == "namespaces"]
        self._adopters = adopters
        self._around: list[Surroundings] | None = None
        self._failure: Line | None = None
        self._foretold: Foretold | None = None
        self.display = False

    def on_mount(self) -> None:
        if self._pods:
            work(self, "around", self._read)
        elif self._namespaces:
            work(self, "around", self._count)

    def foretell(self, foretold: Foretold | None) -> None:
        """Show the effects of another change; None for a change without effects."""
        self._foretold = foretold
        if self._pods and self.is_mounted:
            # The function, not its coroutine: Python warns of a coroutine that is replaced before it is awaited.
            work_instead(self, "foretell", self._predict)

    async def _read(self) -> None:
        try:
            self._around = await self._session.around(self._pods, adopters=self._adopters)
        except Exception as error:  # the dialog works without the effects, and says so
            self._failure = _failed(error)
        self.foretell(self._foretold)

    async def _predict(self) -> None:
        around, foretold = self._around, self._foretold
        if foretold is None:
            self._show([])
        elif self._failure is not None:
            self._show([self._failure])
        elif around is None:
            self._show([("", "reading…", "dim")])
        else:
            try:
                effects = await asyncio.to_thread(lambda: [effect for one in around for effect in foretold(one)])
            except Exception as error:
                self._show([_failed(error)])
                return
            self._show(_lines(effects, len(around) > 1) + [("? ", f"unknown: {line}", "dim") for line in unknown(around)])

    async def _count(self) -> None:
        self._show([("", "counting its contents…", "dim")])
        lines: list[Line] = []
        for namespace in self._namespaces:
            try:
                lines += _contained(await self._session.contents(namespace), len(self._namespaces) > 1)
            except Exception as error:
                lines.append(_failed(error))
            self._show(lines)

    def _show(self, lines: Sequence[Line]) -> None:
        styles = palette(self.app)
        text = Text()
        if lines:
            text.append(f"── {'contents' if self._namespaces else 'effects'} ".ljust(24, "─"), styles["dim"])
        for sign, words, style in lines[:_SHOWN]:
            text.append(f"\n{sign}{words}", styles[style] if style else "")
        if len(lines) > _SHOWN:
            text.append(f"\n… and {len(lines) - _SHOWN} more", styles["dim"])
        self.update(text)
        self.display = bool(lines)


def _lines(effects: Sequence[Effect], several: bool) -> list[Line]:
    """A line for each effect; unchanged objects without details share one line."""
    lines, same = [], []
    for effect in effects:
        place = f"{harmless(effect.namespace)}: " if several else ""
        if effect.words:
            sign, style = _SIGNS[effect.weight]
            lines.append((sign, f"{place}{effect}", style))
        else:
            same.append(f"{place}{effect.about}")
    if same:
        lines.append(("= ", f"unchanged: {', '.join(same)}", "dim"))
    return lines


def _contained(found: Contents, several: bool) -> list[Line]:
    place = f"{harmless(found.namespace)}: " if several else ""
    counts = ", ".join(f"{kind}: {count}" for kind, count in found.counts.items())
    lines = [("· ", f"{place}{counts or 'nothing known'}", "")]
    if "persistentvolumeclaims" in found.counts:
        lines.append(("! ", f"{place}the data of its volumes is deleted too if their reclaim policy is Delete", "warn"))
    if found.deleting:
        waits = "it is being deleted already; deleting it again, or with force, does not change what it waits for"
        lines.append(("! ", place + waits, "warn"))
        lines += [("! ", place + words, "warn") for words in found.holding]
    return lines + [("? ", f"{place}unknown: {words}", "dim") for words in found.unread]


def _failed(error: Exception) -> Line:
    if isinstance(error, PodtuiError):
        return "? ", f"unknown: {harmless(error.what)}", "dim"
    return "? ", f"unknown, because podtui itself failed: {type(error).__name__}: {harmless(str(error))}", "warn"
