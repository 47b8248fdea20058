"""Exec credential plugins: a program that prints an ExecCredential (client.authentication.k8s.io/v1 or v1beta1).

Run without a terminal of its own: its standard input is empty and its session is new, so it can neither read the keys
that are meant for the screen nor write over it. Both outputs are read at once and held within bounds; whatever it
leaves behind is ended with it.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import shutil
import signal
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from podtui.cluster.settings import ConnectionSettings, ExecSpec
from podtui.errors import CredentialError
from podtui.text import harmless

API_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
TIMEOUT = 60.0
"""Seconds that a plugin may take."""
_MOST_OUTPUT = 4 << 20
_MOST_STDERR = 64 << 10
_GRACE = 1.0
"""Seconds to wait for the end of its output once the plugin is gone: a child that it left behind may hold the pipe open."""


@dataclass(frozen=True)
class ExecCredential:
    """What a plugin gave: a token, a client certificate with its key (PEM), or both; `expires` in epoch seconds."""

    token: str = field(default="", repr=False)
    certificate: tuple[bytes, bytes] | None = field(default=None, repr=False)
    expires: float | None = None


async def run(settings: ConnectionSettings, *, limit: float = TIMEOUT, environ: Mapping[str, str] | None = None) -> ExecCredential:
    """Runs the plugin of the settings' user once. Raises CredentialError with the plugin's own words."""
    spec = settings.credentials.exec
    assert spec is not None
    name = harmless(spec.command)
    _check(spec, name, settings)
    inherited = dict(os.environ if environ is None else environ)
    program = _program(spec, name, inherited)
    info = await asyncio.to_thread(_exec_info, settings, spec)
    env = {**inherited, **dict(spec.env), "KUBERNETES_EXEC_INFO": info}
    try:
        process = await asyncio.create_subprocess_exec(
            program,
            *spec.args,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=env,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        words = error.strerror if isinstance(error, OSError) else str(error)
        raise CredentialError(f"the exec plugin {name} cannot be started: {words}", _hint(spec)) from None
    output, errors = _Kept(_MOST_OUTPUT), _Kept(_MOST_STDERR)
    assert process.stdout is not None and process.stderr is not None
    readers = [asyncio.create_task(output.drain(process.stdout)), asyncio.create_task(errors.drain(process.stderr))]
    try:
        async with asyncio.timeout(limit):
            code = await process.wait()
        await asyncio.wait(readers, timeout=_GRACE)
    except TimeoutError:
        raise CredentialError(f"the exec plugin {name} did not end within {limit:g} s{errors.last_lines()}", _hint(spec)) from None
    finally:
        await _end(process, readers)
    if code != 0:
        how = f"failed with exit code {code}" if code > 0 else f"was ended by signal {-code}"
        raise CredentialError(f"the exec plugin {name} {how}{errors.last_lines()}", _hint(spec))
    return _parsed(bytes(output.first), output.overflowed, spec, name, errors)


def _check(spec: ExecSpec, name: str, settings: ConnectionSettings) -> None:
    if spec.api_version not in API_VERSIONS:
        raise CredentialError(
            f"the exec plugin {name} of user {harmless(settings.user)!r} has the apiVersion {harmless(spec.api_version)}",
            f"podtui and kubectl know {' and '.join(API_VERSIONS)}.",
        )
    if spec.interactive_mode == "Always":
        raise CredentialError(
            f"the exec plugin {name} of user {harmless(settings.user)!r} wants to ask on the terminal (interactiveMode: Always)",
            "The screen needs the terminal. Choose a way to log in that does not ask, or log in with kubectl if the plugin remembers it.",
        )
    if spec.interactive_mode not in ("", "Never", "IfAvailable"):
        raise CredentialError(f"the exec plugin {name} has the unknown interactiveMode {harmless(spec.interactive_mode)}")


def _program(spec: ExecSpec, name: str, environ: Mapping[str, str]) -> str:
    """The path of the plugin; the PATH is podtui's own, not one from the plugin's `env`, as with kubectl."""
    found = shutil.which(spec.command, path=environ.get("PATH", os.defpath))
    if found is None:
        what = "is not executable" if os.sep in spec.command and os.path.exists(spec.command) else "is not installed"
        raise CredentialError(f"the exec plugin {name} {what}", _hint(spec))
    return found


def _hint(spec: ExecSpec) -> str:
    return " ".join(harmless(line.strip()) for line in spec.install_hint.splitlines() if line.strip())[:1000]


def _exec_info(settings: ConnectionSettings, spec: ExecSpec) -> str:
    """The value of KUBERNETES_EXEC_INFO: an ExecCredential with its `spec`, as client-go fills it."""
    told: dict[str, Any] = {"interactive": False}
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
        told["cluster"] = cluster
    return json.dumps({"kind": "ExecCredential", "apiVersion": spec.api_version, "spec": told}, default=str)


class _Kept:
    """One output of a process, drained to its end; the first `most` bytes are kept, and the last 4 KiB."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.first = bytearray()
        self.last: deque[int] = deque(maxlen=4096)
        self.overflowed = False

    async def drain(self, stream: asyncio.StreamReader) -> None:
        while chunk := await stream.read(1 << 16):
            room = self.most - len(self.first)
            self.overflowed = self.overflowed or len(chunk) > room
            self.first += chunk[:room]
            self.last.extend(chunk[-4096:])

    def last_lines(self, most: int = 3) -> str:
        """The last lines that are not empty, made harmless, to follow a message: `: ...`, or nothing."""
        text = bytes(self.last).decode("utf-8", "replace")
        lines = [harmless(line.strip()) for line in text.splitlines() if line.strip()][-most:]
        return f": {' / '.join(lines)[-800:]}" if lines else ""


async def _end(process: asyncio.subprocess.Process, readers: list[asyncio.Task[None]]) -> None:
    """Ends whatever is left of the plugin's process group, and the readers. Shielded from being cancelled half way."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # the group is gone
        os.killpg(process.pid, signal.SIGKILL)
    await asyncio.shield(_reap(process, readers))


async def _reap(process: asyncio.subprocess.Process, readers: list[asyncio.Task[None]]) -> None:
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    await process.wait()
    process._transport.close()  # type: ignore[attr-defined]  # a pipe that another holds open would stay open with us


def _parsed(output: bytes, overflowed: bool, spec: ExecSpec, name: str, errors: _Kept) -> ExecCredential:
    """The credential in what the plugin printed, checked as client-go does."""

    def wrong(words: str) -> CredentialError:
        return CredentialError(f"the exec plugin {name} {words}{errors.last_lines()}", _hint(spec))

    if overflowed:
        raise wrong(f"printed more than {_MOST_OUTPUT >> 20} MiB")
    try:
        told = json.loads(output)
    except ValueError:
        raise wrong("printed something that is not JSON" if output.strip() else "printed nothing") from None
    if not isinstance(told, dict) or told.get("kind") != "ExecCredential":
        raise wrong("printed something that is not an ExecCredential")
    if told.get("apiVersion") != spec.api_version:
        raise wrong(f"answered with apiVersion {harmless(str(told.get('apiVersion')))}, but the kubeconfig says {spec.api_version}")
    status = told.get("status")
    if not isinstance(status, dict):
        raise wrong("gave no status")
    fields = {key: status.get(key) or "" for key in ("token", "clientCertificateData", "clientKeyData", "expirationTimestamp")}
    for key, value in fields.items():
        if not isinstance(value, str):
            raise wrong(f"gave a {key} that is not text")
    certificate, key_data = fields["clientCertificateData"], fields["clientKeyData"]
    if bool(certificate) != bool(key_data):
        raise wrong("gave a client certificate without its key" if certificate else "gave a client key without its certificate")
    if not fields["token"] and not certificate:
        raise wrong("gave neither a token nor a client certificate")
    expires = None
    if fields["expirationTimestamp"]:
        try:
            expires = datetime.fromisoformat(fields["expirationTimestamp"]).timestamp()
        except ValueError:
            raise wrong(f"gave an expirationTimestamp that is no time: {harmless(fields['expirationTimestamp'])}") from None
    pair = (certificate.encode(), key_data.encode()) if certificate else None
    return ExecCredential(fields["token"].strip(), pair, expires)
