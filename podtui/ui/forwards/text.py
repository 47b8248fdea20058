"""The texts of the list of port-forwards: the cells of each, and the details of the selected one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from podtui.cluster.forward.forward import Forward, State
from podtui.cluster.forward.saved import Profile
from podtui.kube.ports import PortSpec, kubectl_port_forward
from podtui.text import counted, harmless
from podtui.ui.widgets.row_table import Cell, TableColumn
from podtui.ui.widgets.text_document import Part

# The sign shows the state without colours.
STATES: dict[State, tuple[str, str]] = {
    "starting": ("… starting", "status.wait"),
    "active": ("● active", "status.ok"),
    "waiting": ("… waiting", "status.wait"),
    "failed": ("✗ failed", "status.error"),
    "lost": ("✗ lost", "status.error"),
    "stopped": ("- stopped", "status.done"),
}
_NAME = TableColumn("name", "NAME", 20, flexible=True)
# Columns that change often are at the right, so that little is painted again.
_COLUMNS = (
    TableColumn("local", "LOCAL", 47),
    TableColumn("port", "PORT", 15, right=True),
    TableColumn("pod", "POD", 50, flexible=True, least=14),
    TableColumn("namespace", "NAMESPACE", 24, flexible=True, least=7),
    TableColumn("connections", "CONN", 5, right=True),
    TableColumn("in", "IN", 10, right=True),
    TableColumn("out", "OUT", 10, right=True),
    TableColumn("in-rate", "IN/s", 10, right=True),
    TableColumn("out-rate", "OUT/s", 10, right=True),
)


def columns(*, named: bool) -> tuple[TableColumn, ...]:
    """`named` adds the column for the names of saved forwards."""
    return (TableColumn("state", "STATE", 10), *([_NAME] if named else []), *_COLUMNS)


def title(forwards: Sequence[Forward]) -> list[Part]:
    running = sum(forward.running for forward in forwards)
    waiting = sum(forward.state == "waiting" for forward in forwards)
    return [(" Port-forwards ", "title"), (f" {running} running" + (f", {waiting} waiting for a pod" if waiting else ""), "")]


def cells(forward: Forward, *, named: bool) -> list[Cell]:
    word, style = STATES[forward.state]
    if forward.state == "active" and forward.error:
        word, style = "! active", "status.warn"
    return [
        Cell(word, style),
        *([Cell(forward.name)] if named else []),
        Cell(forward.local_address, "warn" if forward.open_to_others else ""),
        Cell(str(forward.remote_port or forward.spec.remote)),
        Cell(forward.ref.name or str(forward.route.lineage)),
        Cell(forward.ref.namespace),
        Cell(str(forward.connections)),
        Cell(amount(forward.bytes_in)),
        Cell(amount(forward.bytes_out)),
        Cell(_rate(forward.received.rate)),
        Cell(_rate(forward.sent.rate)),
    ]


def saved_cells(profile: Profile) -> list[Cell]:
    """The cells of a saved forward that has not been started."""
    style = "dim" if profile.elsewhere else ""
    ports = ",".join(str(spec) for spec in profile.specs)
    shown = ["○ saved", profile.name, ports, "", profile.lineage.name or str(profile.lineage), profile.lineage.namespace]
    return [*(Cell(text, style) for text in shown), *[Cell("")] * 5]


def words(forward: Forward, options: Sequence[str]) -> str:
    """The kubectl command, the traffic, and notes about the pod and errors. `options` are kubectl's."""
    route = forward.route
    lines = []
    if forward.ref.name:
        spec = PortSpec(forward.local_port, forward.remote_port or forward.spec.remote)
        lines.append(f"$ {kubectl_port_forward(forward.ref, [spec], options=options, address=forward.address)}")
    passed = [f"{word} {amount(meter.total)}, {amount(meter.rate)}/s" for word, meter in (("in", forward.received), ("out", forward.sent))]
    lines.append(f"{counted(forward.served, 'connection')} so far; {'; '.join(passed)}")
    if forward.open_to_others:
        lines.append(f"! {exposed(forward.address)}")
    if forward.state == "waiting":
        lines.append(f"waiting for {route.lineage}: {harmless(route.why)}")
    elif forward.running and route.why:
        lines.append(harmless(route.why))
    if route.previous is not None and forward.state == "active":
        lines.append(f"{forward.ref} replaced {route.previous} at {_clock(route.moved_at)}")
    if forward.error:
        label = f"last error, {_clock(forward.error_at)}" if forward.running else forward.state
        lines.append(f"{label}: {harmless(forward.error)}")
    if forward.free and not forward.running:
        lines.append(f"port {forward.free} is free")
    return "\n".join(lines)


def saved_words(profile: Profile) -> str:
    begins = "it starts with podtui" if profile.start else "Enter starts it"
    where = f"{profile.lineage} in namespace {profile.lineage.namespace}"
    lines = [f"forwards.{harmless(profile.name)} of config.yaml: to {where}; {begins}"]
    if profile.elsewhere:
        lines.append(f"It {profile.elsewhere}: switch to it with :ctx")
    return "\n".join(lines)


def exposed(address: str) -> str:
    """The warning for an address that is not loopback."""
    return f"Anyone who can reach {harmless(address)} over the network can reach the pod"


def amount(count: float) -> str:
    """Bytes as a person reads them: B, KiB, MiB, GiB."""
    if count < 1024:
        return f"{count:.0f} B"
    size = float(count)
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        size /= 1024
        if size < 1000 or unit == "TiB":
            break
    return f"{size:.1f} {unit}"


def _rate(bytes_a_second: float) -> str:
    return amount(bytes_a_second) if bytes_a_second else ""


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%H:%M:%S")
