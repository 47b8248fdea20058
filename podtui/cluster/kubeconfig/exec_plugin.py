"""Exec credential plugins: a program that prints an ExecCredential (client.authentication.k8s.io/v1 or v1beta1).

The plugin runs without a terminal: its standard input is empty and its session is new, so it can neither read the keys
meant for the screen nor write over it. Both outputs are read at once, up to a limit. A plugin that
is stopped ends with its process group.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from podtui.cluster.kubeconfig.settings import ConnectionSettings, ExecSpec
from podtui.errors import CredentialError
from podtui.tasks import comes
from podtui.text import harmless
from podtui.yamltree import YamlFault, tree, value_of

API_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
TIMEOUT = 60.0
"""Seconds for which a plugin may run."""
_MOST_OUTPUT = 4 << 20
_KEPT_STDERR = 4 << 10
_TOLD_LINES = 5
_GRACE = 1.0
"""Seconds to wait for the end of its output once the plugin has exited: a child left behind may hold the pipe open."""


@dataclass(frozen=True)
class ExecCredential:
    """The plugin's answer: a token, a client certificate with its key (PEM), or both; `expires` in epoch seconds."""

    token: str = field(default="", repr=False)
    certificate: tuple[bytes, bytes] | None = field(default=None, repr=False)
    expires: float | None = None


async def run(
    settings: ConnectionSettings,
    *,
    limit: float = TIMEOUT,
    environ: Mapping[str, str] | None = None,
    told: Callable[[list[str]], None] = lambda lines: None,
) -> ExecCredential:
    """Run the plugin of the settings' user once. Raises CredentialError with the plugin's own output.

    `told` gets the last lines of its stderr, made harmless, while it runs: for example, how to log in.
    """
    spec = settings.credentials.exec
    assert spec is not None
    name = harmless(spec.command)
    _check(spec, name, settings)
    inherited = dict(os.environ if environ is None else environ)
    program = _program(spec, name, inherited)
    info = await asyncio.to_thread(_exec_info, settings, spec)
    env = {**inherited, **dict(spec.env), "KUBERNETES_EXEC_INFO": info}
    loop = asyncio.get_running_loop()
    try:
        transport, outputs = await loop.subprocess_exec(
            lambda: _Outputs(told),
            program,
            *spec.args,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        words = error.strerror if isinstance(error, OSError) else str(error)
        raise CredentialError(f"the exec plugin {name} cannot be started: {words}", _hint(spec)) from None
    try:
        if not await comes(outputs.exited, limit):
            raise CredentialError(f"the exec plugin {name} did not end within {limit:g} s{outputs.last_lines()}", _hint(spec))
        await comes(outputs.ended, _GRACE)  # a child left behind may hold its pipes open
    finally:
        await asyncio.shield(_end(transport, outputs))
    code = transport.get_returncode()
    if code:
        how = f"failed with exit code {code}" if code > 0 else f"was ended by signal {-code}"
        raise CredentialError(f"the exec plugin {name} {how}{outputs.last_lines()}", _hint(spec))
    return _parsed(bytes(outputs.stdout), outputs.overflowed, spec, name, outputs)


def _check(spec: ExecSpec, name: str, settings: ConnectionSettings) -> None:
    if spec.api_version not in API_VERSIONS:
        raise CredentialError(
            f"the exec plugin {name} of user {harmless(settings.user)!r} has the apiVersion {harmless(spec.api_version)}",
            f"podtui and kubectl support {' and '.join(API_VERSIONS)}.",
        )
    if spec.interactive_mode == "Always":
        raise CredentialError(
            f"the exec plugin {name} of user {harmless(settings.user)!r} needs the terminal for prompts (interactiveMode: Always)",
            "The screen needs the terminal. Choose a way to log in that does not ask, or log in with kubectl if the plugin remembers it.",
        )
    if spec.interactive_mode not in ("", "Never", "IfAvailable"):
        raise CredentialError(f"the exec plugin {name} has the unknown interactiveMode {harmless(spec.interactive_mode)}")


def _program(spec: ExecSpec, name: str, environ: Mapping[str, str]) -> str:
    """The path of the plugin; the PATH is podtui's own, not that of the plugin's `env`, as with kubectl."""
    found = shutil.which(spec.command, path=environ.get("PATH", os.defpath))
    if found is None:
        what = "is not executable" if os.sep in spec.command and os.path.exists(spec.command) else "is not installed"
        raise CredentialError(f"the exec plugin {name} {what}", _hint(spec))
    return found


def _hint(spec: ExecSpec) -> str:
    return " ".join(harmless(line.strip()) for line in spec.install_hint.splitlines() if line.strip())[:1000]


def _exec_info(settings: ConnectionSettings, spec: ExecSpec) -> str:
    """The value of KUBERNETES_EXEC_INFO: an ExecCredential with its `spec`, as client-go fills it."""
    info: dict[str, Any] = {"interactive": False}
    if spec.provide_cluster_info:
        cluster: dict[str, Any] = {"server": settings.server}
        if settings.tls_server_name:
            cluster["tls-server-name"] = settings.tls_server_name
        if settings.insecure_skip_tls_verify:
            cluster["insecure-skip-tls-verify"] = True
        authority = settings.certificate_authority_data
        if not authority and settings.certificate_authority:
            try:
                with open(settings.certificate_authority, "rb") as opened:
                    authority = opened.read()
            except OSError as error:
                raise CredentialError(f"cannot read {harmless(settings.certificate_authority)}: {error.strerror}") from None
        if authority:
            cluster["certificate-authority-data"] = base64.b64encode(authority).decode()
        if settings.proxy_url:
            cluster["proxy-url"] = settings.proxy_url
        if settings.disable_compression:
            cluster["disable-compression"] = True
        if spec.cluster_config is not None:
            cluster["config"] = spec.cluster_config
        info["cluster"] = cluster
    return json.dumps({"kind": "ExecCredential", "apiVersion": spec.api_version, "spec": info}, default=str)


class _Outputs(asyncio.SubprocessProtocol):
    """Takes both outputs of a plugin as they arrive, so that neither can block it, and keeps a bounded part of each."""

    def __init__(self, on_lines: Callable[[list[str]], None]) -> None:
        self._on_lines = on_lines
        self.stdout = bytearray()
        self.stderr = bytearray()
        self.overflowed = False
        self.exited = asyncio.Event()
        self.ended = asyncio.Event()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == 1:
            room = _MOST_OUTPUT - len(self.stdout)
            self.overflowed = self.overflowed or len(data) > room
            self.stdout += data[:room]
        else:
            self.stderr += data
            del self.stderr[:-_KEPT_STDERR]
            self._on_lines(self._lines())

    def process_exited(self) -> None:
        self.exited.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.exited.set()
        self.ended.set()

    def last_lines(self, most: int = 3) -> str:
        """The last non-empty lines of stderr, made harmless, to append to a message: `: ...`, or nothing."""
        lines = self._lines()[-most:]
        return f": {' / '.join(lines)[-800:]}" if lines else ""

    def _lines(self) -> list[str]:
        text = self.stderr.decode("utf-8", "replace")
        return [harmless(line.strip()) for line in text.splitlines() if line.strip()][-_TOLD_LINES:]


async def _end(transport: asyncio.SubprocessTransport, outputs: _Outputs) -> None:
    """End the plugin with its process group if it still runs, close the pipes and wait until it is gone.

    A process that a finished plugin left running on purpose, such as an agent that keeps a login, stays.
    """
    if not outputs.exited.is_set():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(transport.get_pid(), signal.SIGKILL)
    transport.close()
    await comes(outputs.ended, _GRACE)  # it may not be killed: a hanging file system


def _decoded(output: bytes) -> Any:
    """client-go takes JSON and YAML. Raises YamlFault."""
    try:
        return json.loads(output)
    except (ValueError, RecursionError):
        return value_of(tree(output), duplicates=True)


def _parsed(output: bytes, overflowed: bool, spec: ExecSpec, name: str, outputs: _Outputs) -> ExecCredential:
    """The credential from the plugin's output, checked as client-go does."""

    def wrong(words: str) -> CredentialError:
        return CredentialError(f"the exec plugin {name} {words}{outputs.last_lines()}", _hint(spec))

    if overflowed:
        raise wrong(f"printed more than {_MOST_OUTPUT >> 20} MiB")
    try:
        answer = _decoded(output)
    except YamlFault:
        raise wrong("printed something that is neither JSON nor YAML") from None
    if answer is None:
        raise wrong("printed nothing")
    if not isinstance(answer, dict) or answer.get("kind") != "ExecCredential":
        raise wrong("printed something that is not an ExecCredential")
    if answer.get("apiVersion") != spec.api_version:
        raise wrong(f"answered with apiVersion {harmless(str(answer.get('apiVersion')))}, but the kubeconfig says {spec.api_version}")
    status = answer.get("status")
    if not isinstance(status, dict):
        raise wrong("returned no status")
    fields = {key: status.get(key) or "" for key in ("token", "clientCertificateData", "clientKeyData", "expirationTimestamp")}
    for key, value in fields.items():
        if not isinstance(value, str):
            raise wrong(f"returned a {key} that is not text")
    certificate, key_data = fields["clientCertificateData"], fields["clientKeyData"]
    if bool(certificate) != bool(key_data):
        raise wrong("returned a client certificate without its key" if certificate else "returned a client key without its certificate")
    if not fields["token"] and not certificate:
        raise wrong("returned neither a token nor a client certificate")
    expires = None
    if fields["expirationTimestamp"]:
        try:
            expires = datetime.fromisoformat(fields["expirationTimestamp"]).timestamp()
        except ValueError:
            raise wrong(f"returned an expirationTimestamp that is not a time: {harmless(fields['expirationTimestamp'])}") from None
    pair = (certificate.encode(), key_data.encode()) if certificate else None
    return ExecCredential(fields["token"].strip(), pair, expires)
