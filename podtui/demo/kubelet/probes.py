"""Readiness, liveness and startup probes of a container, as the kubelet's prober asks them (`pkg/kubelet/prober`)."""

from __future__ import annotations

from typing import Any

from podtui.demo.kubelet.owners import ProbeOwner
from podtui.demo.shell.processes import run_at_once
from podtui.demo.storage.clock import Handle

Object = dict[str, Any]


class Probes:
    """The probes of one container. One without any costs nothing."""

    __slots__ = ("_container", "_counts", "_handles")

    def __init__(self, container: ProbeOwner) -> None:
        self._container = container
        self._handles: dict[str, Handle] = {}
        self._counts: dict[str, int] = {}
        """How often in a row each one succeeded (above 0) or failed (below)."""

    def begin(self) -> None:
        """The run has begun."""
        self.end()
        spec = self._container.spec
        if "startupProbe" in spec and not self._container.started:
            self._arm("startupProbe", spec["startupProbe"])
        else:
            self._begin_others()

    def end(self) -> None:
        for handle in self._handles.values():
            handle.cancel()
        self._handles.clear()
        self._counts.clear()

    def _begin_others(self) -> None:
        for key in ("readinessProbe", "livenessProbe"):
            if key in self._container.spec:
                self._arm(key, self._container.spec[key])

    def _arm(self, key: str, probe: Object) -> None:
        wait = max(probe.get("initialDelaySeconds") or 0, 1)
        self._handles[key] = self._container.clock.call_later(float(wait), lambda: self._ask(key, probe))

    def _ask(self, key: str, probe: Object) -> None:
        container = self._container
        period = float(probe.get("periodSeconds") or 10)
        self._handles[key] = container.clock.call_later(period, lambda: self._ask(key, probe))
        if not container.worker.node_is_up:
            return
        failure = self._failure(probe)
        count = self._counts.get(key, 0)
        count = self._counts[key] = min(count, 0) - 1 if failure else max(count, 0) + 1
        if failure:
            name = {"readinessProbe": "Readiness", "livenessProbe": "Liveness", "startupProbe": "Startup"}[key]
            container.event("Warning", "Unhealthy", f"{name} probe failed: {failure}")
        if failure and -count >= (probe.get("failureThreshold") or 3):
            self._failed(key)
        elif not failure and count >= (probe.get("successThreshold") or 1):
            self._succeeded(key)

    def _failed(self, key: str) -> None:
        container = self._container
        if key == "readinessProbe":
            if container.ready:
                container.ready = False
                container.worker.report()
            return
        name = "liveness" if key == "livenessProbe" else "startup"
        words = f"Container {container.name} failed {name} probe, will be restarted"
        container.stop(float(container.worker.pod["spec"].get("terminationGracePeriodSeconds", 30)), words)

    def _succeeded(self, key: str) -> None:
        container = self._container
        if key == "startupProbe":
            self._handles.pop(key).cancel()
            container.started = True
            container.ready = "readinessProbe" not in container.spec
            self._begin_others()
            container.worker.report()
            container.worker.sync()
        elif key == "readinessProbe" and not container.ready:
            container.ready = True
            container.worker.report()

    def _failure(self, probe: Object) -> str:
        """What the prober says when it fails, "" when it succeeds."""
        run = self._container.run
        program = run.program if run is not None else None
        if program is None:
            return ""
        if (http := probe.get("httpGet")) is not None:
            port = self._port(http.get("port", 80))
            path = http.get("path") or "/"
            try:
                answer = program.probe(path, port)
            except ConnectionRefusedError:
                address = f"{self._container.worker.ip}:{port}"
                return f'Get "http://{address}{path}": dial tcp {address}: connect: connection refused'
            return "" if 200 <= answer.status < 400 else f"HTTP probe failed with statuscode: {answer.status}"
        if (tcp := probe.get("tcpSocket")) is not None:
            port = self._port(tcp.get("port", 80))
            address = f"{self._container.worker.ip}:{port}"
            return "" if program.listens(port) else f"dial tcp {address}: connect: connection refused"
        if (command := probe.get("exec")) is not None:
            code, output = run_at_once(program.context, command.get("command") or [])
            return "" if code == 0 else output.decode("utf-8", "replace") or f"command exited with status {code}"
        return ""

    def _port(self, port: int | str) -> int:
        if isinstance(port, int) or port.isdigit():
            return int(port)
        named = [one["containerPort"] for one in self._container.spec.get("ports") or () if one.get("name") == port]
        return named[0] if named else 0
