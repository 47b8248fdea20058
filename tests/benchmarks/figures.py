"""What benchmarks measure, as tables of figures: one form for Markdown and JSON."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from podtui import __version__

PODTUI = "podtui"


class Figure(msgspec.Struct, frozen=True):
    """One number: `digits` after the point, and its unit (s, ms, %, MB, B/s, …)."""

    value: float
    unit: str = ""
    digits: int = 1

    @property
    def text(self) -> str:
        return f"{self.value:,.{self.digits}f}{' ' if self.unit else ''}{self.unit}"


class Row(msgspec.Struct):
    """What was measured, with the figures of each program, or words where a program has none."""

    title: str
    cells: dict[str, list[Figure] | str] = msgspec.field(default_factory=dict)


class Table(msgspec.Struct):
    """The rows that were measured in one sitting: only these may be compared."""

    title: str
    programs: list[str]
    rows: list[Row] = msgspec.field(default_factory=list)

    def add(self, title: str, /, **cells: Figure | Sequence[Figure] | str | None) -> None:
        """A row; a cell of None is left empty."""
        row = Row(title)
        for program, cell in cells.items():
            if program not in self.programs:
                raise ValueError(f"the table {self.title!r} has no column {program!r}")
            if cell is not None:
                row.cells[program] = cell if isinstance(cell, str) else [cell] if isinstance(cell, Figure) else list(cell)
        self.rows.append(row)

    def markdown(self) -> str:
        shown = [name for name in self.programs if any(name in row.cells for row in self.rows)]
        lines = [f"| {' | '.join([self.title, *shown])} |", "|---" * (len(shown) + 1) + "|"]
        for row in self.rows:
            cells = [row.cells.get(name, "") for name in shown]
            lines.append(f"| {' | '.join([row.title, *(_text(cell) for cell in cells)])} |")
        return "\n".join(lines) + "\n"


class Report(msgspec.Struct):
    """The tables of one run, and where and when it ran."""

    machine: dict[str, str]
    tables: list[Table] = msgspec.field(default_factory=list)

    def markdown(self) -> str:
        named = "; ".join(f"{name}: {value}" for name, value in self.machine.items())
        return "\n".join([f"{named}.\n", *(table.markdown() for table in self.tables)])

    def save(self, folder: Path) -> None:
        """Write `benchmarks.md` and `benchmarks.json`."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "benchmarks.md").write_text(self.markdown(), encoding="utf-8")
        encoded = msgspec.json.format(msgspec.json.encode(self), indent=1)
        (folder / "benchmarks.json").write_bytes(encoded + b"\n")


def _text(cell: list[Figure] | str) -> str:
    return cell if isinstance(cell, str) else ", ".join(figure.text for figure in cell)


def median(values: Iterable[float], unit: str = "", digits: int = 1) -> Figure:
    return Figure(statistics.median(values), unit, digits)


def machine() -> dict[str, str]:
    """What a reader must know of the machine; no name or path of it."""
    with open("/proc/meminfo", encoding="ascii") as lines:
        memory = int(next(line for line in lines if line.startswith("MemTotal")).split()[1])
    return {
        "podtui": __version__,
        "Python": platform.python_version(),
        "processor": f"{len(os.sched_getaffinity(0))} cores, {_processor()}",
        "memory": f"{memory / 2**20:.0f} GiB",
        "day": datetime.now(UTC).date().isoformat(),
    }


def _processor() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def percentile(ordered: Sequence[float], share: float) -> float:
    """Of values in ascending order, the one that `share` (0 to 1) of them do not exceed."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def environment(**more: str) -> dict[str, str]:
    """The environment for a measured program: nothing of whoever runs the benchmark changes what it does.

    PYTHONDONTWRITEBYTECODE would have podtui compile its modules at every start, which no installed program does.
    """
    foreign = ("KUBE", "XDG_", "TEXTUAL", "NO_COLOR", "PODTUI", "TMUX", "PYTHON")
    clean = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
    return {**clean, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8", **more}
