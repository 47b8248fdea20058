"""The dialog that starts port-forwards to a pod."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from podtui.cluster.forward.forward import Forward
from podtui.cluster.forward.local_ports import is_free, next_free, owner_of, reachable_by_others
from podtui.cluster.pods.lineage import Lineage, lineage_of
from podtui.cluster.pods.running_pod import running_pod
from podtui.cluster.session import Session
from podtui.errors import PodtuiError
from podtui.kube.ports import LOCALHOST, ContainerPort, PortSpec, container_ports, kubectl_port_forward, parse_ports
from podtui.kube.resources import ObjectRef
from podtui.text import harmless
from podtui.ui.background import work
from podtui.ui.dialogs.dialog import Dialog
from podtui.ui.forwards.text import exposed

HELP = "LOCAL:POD, :POD (any free local port), POD; number or name"


class ForwardDialog(Dialog[list[Forward]]):
    """Asks for ports; dismissed with the started forwards. `session` is the podtui.cluster.session.Session.

    The dialog reads the pod when it opens, for the ports that its containers declare, and again when the forward starts.
    """

    FIRST: ClassVar[str] = "#forward-ports"
    CHANGES: ClassVar[bool] = False

    DEFAULT_CSS = """
    ForwardDialog #forward-declared { color: $text-muted; }
    ForwardDialog #forward-follows { color: $text-muted; }
    ForwardDialog #forward-help { color: $text-muted; }
    ForwardDialog .forward-field { height: 1; }
    ForwardDialog .forward-field Label { width: 10; }
    ForwardDialog .forward-field Input { width: 1fr; }
    ForwardDialog #forward-problem { color: $text-error; }
    ForwardDialog #forward-warning { color: $text-warning; }
    """

    def __init__(self, session: Session, ref: ObjectRef) -> None:
        super().__init__(f"Forward local ports to {ref} in namespace {ref.namespace}", confirm="Forward")
        self.session = session
        self.ref = ref
        self._ports: Sequence[ContainerPort] | None = None  # None until the pod is read
        self._specs: tuple[PortSpec, ...] = ()
        self._problem, self._wrong = "", ""
        self._owners: dict[int, str] = {}  # of the typed local ports that are in use; "" while unknown

    # -- display ------------------------------------------------------------------------------------------------
    def compose_body(self) -> Iterable[Widget]:
        yield Static(Text("Reading the pod's ports…"), id="forward-declared")
        yield Horizontal(Label(Text("Ports")), Input(placeholder="8888:8080", compact=True, id="forward-ports"), classes="forward-field")
        yield Horizontal(Label(Text("Listen on")), Input(LOCALHOST, compact=True, id="forward-address"), classes="forward-field")
        yield Static(Text(HELP), id="forward-help")
        yield Static(id="forward-follows")
        yield Static(id="forward-problem")
        yield Static(id="forward-warning")

    async def read(self) -> None:
        try:
            pod = await running_pod(self.session.opened, self.ref)
            lineage = await lineage_of(self.session.opened, pod)
        except PodtuiError as error:
            self._declared("podtui cannot read the pod's ports")
            self.show_error(error)
            return
        self.query_one("#forward-follows", Static).update(Text(_follows(lineage)))
        self._ports = ports = container_ports(pod)
        shown = [f"{port} of {harmless(port.container)}" for port in ports]
        self._declared(f"The containers declare: {', '.join(shown)}" if shown else "The containers declare no ports; any can be forwarded")
        ports_input = self._ports_input
        tcp = [port.number for port in ports if port.protocol == "TCP"]
        if tcp and not ports_input.value:
            ports_input.value = f"{suggested(tcp[0])}:{tcp[0]}"
            ports_input.cursor_position = len(ports_input.value)
        self.update()

    def _declared(self, text: str) -> None:
        self.query_one("#forward-declared", Static).update(Text(text))

    @property
    def _ports_input(self) -> Input:
        return self.query_one("#forward-ports", Input)

    @property
    def _address(self) -> str:
        return self.query_one("#forward-address", Input).value.strip() or LOCALHOST

    # -- input --------------------------------------------------------------------------------------------------
    @on(Input.Changed, "#forward-ports, #forward-address")
    def _edited(self) -> None:
        self.show_note("")
        self.update()

    def update(self) -> None:
        """Check the input; show the kubectl command if it is valid."""
        self._specs, self._problem, wrong = (), "", "#forward-ports"
        try:
            if self._ports_input.value.strip():
                self._specs = parse_ports(self._ports_input.value)
                if self._ports is not None:
                    resolved = [spec.resolve(self._ports, str(self.ref)) for spec in self._specs]
                    self._problem = self._taken(resolved)
            else:
                self._problem = "no port is given"
            if self._address != LOCALHOST and not self._problem:
                wrong = "#forward-address"
                _check_address(self._address)
        except PodtuiError as error:
            self._problem = "\n  ".join(filter(None, (error.what, error.hint)))
        self._wrong = wrong
        typed = bool(self._ports_input.value.strip())  # before that nothing is wrong, only missing
        self.put("#forward-problem", Text(f"✗ {self._problem}" if self._problem and typed else ""))
        self.put("#forward-warning", Text(f"! {exposed(self._address)}" if reachable_by_others(self._address) else ""))
        self.show_commands([] if self._problem else [self._command()])
        self.refresh_dialog()

    def _taken(self, specs: Sequence[PortSpec]) -> str:
        for spec in specs:
            if spec.local and (error := self._busy(spec.local)):
                return error
        return ""

    def _busy(self, port: int) -> str:
        try:
            if port < 1024 or is_free(self._address, port):
                return ""  # the system decides about ports below 1024 on the attempt to use them
            free = next_free(self._address, port)
        except PodtuiError:
            return ""  # reported as a fault of the address
        other = next((f for f in self.session.forwards.forwards if f.running and f.local_port == port), None)
        if other is None and port not in self._owners:
            self._owners[port] = ""
            work(self, "forward-owner", self._find_owner, port)
        owner = f"the forward to {other.route.target}" if other else self._owners[port]
        return f"local port {port} is already in use{' by ' if owner else ''}{owner}" + (f"; {free} is free" if free else "")

    async def _find_owner(self, port: int) -> None:
        self._owners[port] = await asyncio.to_thread(owner_of, port)
        self.update()

    def _command(self) -> str:
        return kubectl_port_forward(self.ref, self._specs, options=self.session.settings.kubectl_options, address=self._address)

    # -- the work ----------------------------------------------------------------------------------------------
    def blocked(self) -> str:
        if not self._problem:
            return ""
        return "the ports are not valid yet" if self._ports_input.value.strip() else "type the ports"

    def missing(self) -> Widget | None:
        return self.query_one(self._wrong, Input) if self._problem else super().missing()

    async def submit(self) -> None:
        self.show_note("Connecting to the pod…")
        started = await self.session.forwards.start_all(self.ref, self._specs, self._address)
        self.app.notify("\n".join(f"Forwarding {forward}" for forward in started), markup=False)
        self.dismiss(started)


def suggested(remote: int) -> int:
    """A free local port for a port of the pod: the same from 1024 on, 8080 for 80, 8443 for 443; if in use, the next free one."""
    wanted = remote if remote >= 1024 else 8000 + remote
    return wanted if is_free(LOCALHOST, wanted) else next_free(LOCALHOST, wanted)


def _follows(lineage: Lineage) -> str:
    """What happens when the pod is replaced."""
    if not lineage.follows:
        return "No controller replaces this pod: the forward ends with it"
    return "\n".join(filter(None, (f"When it is replaced, podtui forwards to {lineage}", harmless(lineage.note))))


def _check_address(address: str) -> None:
    try:
        ip_address(address)
    except ValueError:
        raise PodtuiError(f"'{harmless(address)}' is neither localhost nor an IP address of this machine") from None
