"""The Authorization header and the client certificate of a connection, from the source in the user's entry, kept fresh.

A token file is read again each minute. An exec plugin's credential is kept until shortly before it expires. When the server does not
accept a credential, all are fetched again, once for all the requests that met it: the user's entry of the kubeconfig too, with its
certificate and its token, since someone may have logged in again.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from podtui.cluster.kubeconfig.settings import ConnectionSettings
from podtui.errors import CredentialError, KubeconfigError
from podtui.tasks import SharedCalls
from podtui.text import harmless

if TYPE_CHECKING:
    from podtui.cluster.kubeconfig.exec_plugin import ExecCredential

TOKEN_FILE_PERIOD = 60.0
"""Seconds after which a token file is read again, as client-go does."""
_MARGIN = 30.0
"""Seconds before its expiry at which a credential is renewed; less for a short-lived one."""


@dataclass(frozen=True)
class Credential:
    """What one request shows. `certificate` is None for the one with which the connection was opened. `generation` distinguishes it from
    earlier ones: see `Credentials.renew`.
    """

    authorization: str = field(repr=False)
    certificate: tuple[bytes, bytes] | None = field(default=None, repr=False)
    generation: int = 0


class Credentials:
    """The credentials of one connection. `get()` before each request; `renew()` when one was not accepted."""

    def __init__(
        self,
        settings: ConnectionSettings,
        clock: Callable[[], float] = time.time,
        own_certificate: Callable[[ConnectionSettings], tuple[bytes, bytes] | None] = lambda _: None,
    ) -> None:
        """`own_certificate` reads the certificate and the key of the user's entry, PEM, or raises KubeconfigError."""
        self._settings = settings
        self._own_certificate = own_certificate
        self._certificate: tuple[bytes, bytes] | None = None  # the user's own, once it was read again
        self._refused = False  # whether the next one is fetched since the last one was not accepted
        self._clock = clock
        self._current: Credential | None = None
        self._fresh_until: float | None = None
        self._fetching: SharedCalls[None, Credential] = SharedCalls()
        self._closed = False
        self.waits_for: tuple[str, ...] = ()  # a running plugin: its name, and the last lines of its output

    @property
    def are_a_certificate(self) -> bool:
        """Whether the user's entry has a client certificate."""
        return bool(self._settings.credentials.client_certificate or self._settings.credentials.client_certificate_data)

    async def get(self) -> Credential:
        """The credential to use now. Raises CredentialError when there is none."""
        if self._current is not None and (self._fresh_until is None or self._clock() < self._fresh_until):
            return self._current
        return await self._fetched()

    async def renew(self, refused: Credential) -> bool:
        """After a 401 for `refused`, or an alert of TLS: whether there is another credential now, worth a retry."""
        if self._current is None or self._current.generation == refused.generation:
            self._refused = True
            await self._fetched()
        return self._current is not None and self._current.generation != refused.generation

    async def close(self) -> None:
        """End a plugin that is still running."""
        self._closed = True
        await self._fetching.close()

    async def _fetched(self) -> Credential:
        """Fetch a new credential; concurrent callers get the same one.

        A cancelled caller (a closed pane) does not end a plugin that others wait for, or that would have to start again at the next key.
        """
        try:
            return await self._fetching.call(None, self._fetch)
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if self._closed and caller is not None and not caller.cancelling():
                raise CredentialError("the connection was closed while credentials were fetched") from None
            raise

    async def _fetch(self) -> Credential:
        if self._refused:
            self._refused = False
            await asyncio.to_thread(self._read_again)
        user, certificate, expires, asked_plugin = self._settings.credentials, self._certificate, None, False
        if user.token_file:
            authorization = await asyncio.to_thread(self._from_token_file)
            expires = self._clock() + TOKEN_FILE_PERIOD
        elif user.token:
            authorization = f"Bearer {user.token}"
        elif user.username:
            pair = f"{user.username}:{user.password}".encode()
            authorization = f"Basic {base64.b64encode(pair).decode()}"
        elif user.exec is not None:
            asked = self._clock()
            given = await self._from_plugin(user.exec.command)
            asked_plugin = True
            authorization, certificate = f"Bearer {given.token}" if given.token else "", given.certificate or certificate
            if given.expires is not None:
                expires = given.expires - min(_MARGIN, max(0.0, given.expires - asked) / 10)
        else:
            authorization = ""
        if any(character in authorization for character in "\r\n\0"):
            raise CredentialError(f"the token of user {harmless(self._settings.user)!r} has a line break in it", "Store it on one line.")
        before, generation = self._current, 0
        if before is not None:
            # A plugin may return the same credential, which may be accepted now; an unchanged file will not be.
            same = not asked_plugin and (before.authorization, before.certificate) == (authorization, certificate)
            generation = before.generation if same else before.generation + 1
        self._current = Credential(authorization, certificate, generation)
        self._fresh_until = expires
        return self._current

    async def _from_plugin(self, command: str) -> ExecCredential:
        from podtui.cluster.kubeconfig import exec_plugin  # only for a user who has one

        def show_lines(lines: list[str]) -> None:
            self.waits_for = (f"the exec plugin {harmless(command)}", *lines)

        show_lines([])
        try:
            return await exec_plugin.run(self._settings, told=show_lines)
        finally:
            self.waits_for = ()

    def _read_again(self) -> None:
        """Take what the kubeconfig now says of the user, unless it is of another server or person: only this server is to see it.

        What cannot be read stays as it was: a file may be half written, and is read again when the next request is refused.
        """
        before = self._settings
        with contextlib.suppress(KubeconfigError):
            now = before.reread() if before.reread is not None else before
            if replace(now, credentials=before.credentials) == before:
                self._certificate, self._settings = self._own_certificate(now), now

    def _from_token_file(self) -> str:
        """The header from the token file; while the file is unreadable, the previous token, or the entry's."""
        user = self._settings.credentials
        path = user.token_file
        try:
            with open(path, encoding="utf-8") as opened:
                token = opened.read().strip()
        except (OSError, UnicodeDecodeError) as error:
            token, words = "", getattr(error, "strerror", None) or "not text"
        else:
            words = "it is empty"
        if token:
            return f"Bearer {token}"
        if self._current is not None:
            return self._current.authorization
        if user.token:
            return f"Bearer {user.token}"
        whose = f"the tokenFile of user {harmless(self._settings.user)!r}"
        raise CredentialError(f"cannot read a token from {harmless(path)}, {whose}: {words}")
