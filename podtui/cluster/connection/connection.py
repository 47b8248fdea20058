"""The one way to the API server: requests, streams and WebSockets over one aiohttp session per context.

Built on kubernetes.aio's ApiClient, without its models: it makes the URLs and sends the requests. The session, the
credentials, the proxy and TLS are podtui's own, since the package's do not follow kubectl's rules. Every failure
comes out as an error of podtui.errors. aiohttp and kubernetes are imported by `Connection.open()`, in a thread.
"""

from __future__ import annotations

import asyncio
import ipaddress
import platform
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from podtui import __version__
from podtui.cluster.connection import client_import, server_warnings, tls
from podtui.cluster.connection import read_only as gate
from podtui.cluster.connection.connection_errors import failure, place, refusal, unreadable
from podtui.cluster.connection.session_pool import Pool, keepalive_socket
from podtui.cluster.connection.streams import ByteStream, WebSocket
from podtui.cluster.kubeconfig.credentials import Credential, Credentials
from podtui.cluster.kubeconfig.settings import ConnectionSettings
from podtui.errors import ConnectionFailed, Forbidden, PodtuiError, Unauthorized

if TYPE_CHECKING:
    import aiohttp
    from kubernetes.aio.client.api_client import ApiClient

__all__ = ["ByteStream", "Connection", "ConnectionSettings", "WebSocket"]

Query = Sequence[tuple[str, str]]
_T = TypeVar("_T")

CONNECT_TIMEOUT = 20.0
"""Seconds for a name's resolution, TCP and TLS together."""
READ_TIMEOUT = 65.0
"""Seconds without a byte of an answer: the API server itself gives up on a request after 60."""
USER_AGENT = f"podtui/{__version__} ({platform.system().lower()}/{platform.machine()})"
CLOSE_TIMEOUT = 2.0
"""Seconds to wait for the other side's farewell when a WebSocket is closed."""
_LARGEST_FRAME = 16 << 20
_LARGEST_REFUSAL = 1 << 20


class Connection:
    """A context in use. `read_only` may be set at any time, and counts from the next request on."""

    def __init__(self, settings: ConnectionSettings, api: ApiClient, context: ssl.SSLContext | None, request_timeout: float | None) -> None:
        """Not to be called: `Connection.open()` makes the parts."""
        self.settings = settings
        self.read_only = False
        self._api = api
        self._request_timeout = request_timeout
        self._credentials = Credentials(settings)
        self._certificate: tuple[bytes, bytes] | None = None
        self._changing_certificate = asyncio.Lock()
        self._retired: list[Pool] = []
        self._pool = self._new_pool(context)
        self._closed = False
        self._compression = not settings.disable_compression and not _is_loopback(settings.server)

    @classmethod
    async def open(cls, settings: ConnectionSettings, *, request_timeout: float | None = None, read_only: bool = False) -> Connection:
        """Makes ready to talk to `settings.server`; sends nothing. `request_timeout` in seconds is --request-timeout.

        Raises KubeconfigError for an authority, a client certificate or a key that cannot be used.
        """
        api, context = await asyncio.to_thread(_prepare, settings)
        opened = cls(settings, api, context, request_timeout)
        opened.read_only = read_only
        return opened

    @property
    def waits_for(self) -> tuple[str, ...]:
        """What requests wait for before they can be sent, in lines: an exec plugin, and what it tells a person. () for nothing."""
        return self._credentials.waits_for

    async def close(self) -> None:
        """Closes every connection; requests that are under way fail with ConnectionFailed. May be called again."""
        self._closed = True
        await self._credentials.close()
        for pool in (*self._retired, self._pool):
            await pool.close()

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        body: object = None,
        accept: str = "application/json",
        content_type: str = "application/json",
        timeout: float | None = None,  # noqa: ASYNC109 - the whole request's, as callers know it
    ) -> bytes:
        """The body of the answer to one request; `path` begins with `/` and is below the server's URL.

        `body` is an object for JSON (text or bytes for another `content_type`); `timeout` in seconds is for the whole
        request. Raises ApiError and its kin, ConnectionFailed, CredentialError and ReadOnlyError.
        """
        content, _ = await self._request(method, path, query, body, accept, content_type, timeout)
        return content

    async def json(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        body: object = None,
        accept: str = "application/json",
        content_type: str = "application/json",
        timeout: float | None = None,  # noqa: ASYNC109 - the whole request's, as callers know it
    ) -> Any:
        """As `request`, with the answer decoded from JSON."""
        content, answered_type = await self._request(method, path, query, body, accept, content_type, timeout)
        try:
            return msgspec.json.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise unreadable(self.settings, answered_type) from None

    async def _request(
        self, method: str, path: str, query: Query, body: object, accept: str, content_type: str, limit: float | None
    ) -> tuple[bytes, str]:
        import aiohttp

        total = limit or self._request_timeout
        limits = aiohttp.ClientTimeout(total=total, connect=CONNECT_TIMEOUT, sock_read=None if total else READ_TIMEOUT)
        headers = {"Accept": accept, "Content-Type": content_type, "Accept-Encoding": "gzip" if self._compression else "identity"}

        async def send(credential: Credential) -> tuple[bytes, str]:
            response, pool = await self._send(method, path, query, body, headers, limits, credential)
            with pool.reading(response):
                content = await response.read()
                server_warnings.hear(response.headers.getall("Warning", ()))
                if response.status >= 300:
                    raise refusal(self.settings, response.status, response.reason or "", response.headers, content)
                return content, response.headers.get("Content-Type", "")

        return await self._with_credentials(method, path, query, send, total or READ_TIMEOUT)

    async def _send(
        self,
        method: str,
        path: str,
        query: Query,
        body: object,
        headers: Mapping[str, str],
        limits: aiohttp.ClientTimeout,
        credential: Credential,
    ) -> tuple[aiohttp.ClientResponse, Pool]:
        """One request through the ApiClient; its answer, of whatever status, with the body still to be read."""
        sent = {**headers, "Authorization": credential.authorization} if credential.authorization else dict(headers)
        made = await self._api.param_serialize(method, path, query_params=list(query), header_params=sent, body=body)
        pool = self._pool  # whose session is the ApiClient's
        with pool.sending():
            answer = await self._api.call_api(*made, _request_timeout=limits)
        response: aiohttp.ClientResponse = answer.response
        return response, pool

    async def _with_credentials(
        self, method: str, path: str, query: Query, send: Callable[[Credential], Awaitable[_T]], limit: float | None
    ) -> _T:
        """Sends with a valid credential, and once more with a new one after a 401; all errors as podtui's own."""
        import aiohttp

        try:
            credential = await self._credential(method, path, query)
            try:
                return await send(credential)
            except Unauthorized:
                if not await self._credentials.renew(credential):
                    raise
                return await send(await self._credential(method, path, query))
        except (aiohttp.ClientError, TimeoutError, OSError, UnicodeError) as error:
            raise self._explained(error, limit) from error
        except RuntimeError as error:
            if self._closed:  # aiohttp says so with a RuntimeError
                raise self._is_closed() from error
            raise

    def _explained(self, error: BaseException, limit: float | None) -> PodtuiError:
        return self._is_closed() if self._closed else failure(self.settings, error, limit)

    def _is_closed(self) -> ConnectionFailed:
        return ConnectionFailed(f"the connection to {place(self.settings)} was closed")

    async def _credential(self, method: str, path: str, query: Query) -> Credential:
        """The credential to send with, once it is sure that the request may be sent."""
        self.check(method, path, query)  # before a plugin is run for nothing
        if self._closed:
            raise self._is_closed()
        credential = await self._credentials.get()
        async with self._changing_certificate:
            if credential.certificate != self._certificate:
                await self._show(credential.certificate)
        self.check(method, path, query)  # read_only may have been set meanwhile
        return credential

    def check(self, method: str, path: str, query: Query = ()) -> None:
        """Raises ReadOnlyError for what must not be sent now. Every request is asked for anyway; this is to know it before."""
        if self.read_only:
            gate.check(method, path, query)

    @asynccontextmanager
    async def _opened(self, path: str, query: Query, accept: str, idle_timeout: float | None) -> AsyncIterator[ByteStream]:
        import aiohttp

        # No limit for the whole, nor for the first byte: the logs of a quiet container have not even a header.
        limits = aiohttp.ClientTimeout(total=None, connect=CONNECT_TIMEOUT, sock_read=idle_timeout)
        headers = {"Accept": accept, "Accept-Encoding": "identity"}

        async def send(credential: Credential) -> tuple[aiohttp.ClientResponse, Pool]:
            response, pool = await self._send("GET", path, query, None, headers, limits, credential)
            if response.status >= 300:
                with pool.reading(response):
                    content = await response.content.read(_LARGEST_REFUSAL)
                raise refusal(self.settings, response.status, response.reason or "", response.headers, content)
            return response, pool

        response, pool = await self._with_credentials("GET", path, query, send, idle_timeout)
        with pool.reading(response):
            yield ByteStream(response, idle_timeout, self._explained)

    def stream(
        self, path: str, *, query: Query = (), accept: str = "application/json", idle_timeout: float | None = None
    ) -> AbstractAsyncContextManager[ByteStream]:
        """A GET whose answer is read as it comes. `idle_timeout` seconds without a byte raise ConnectionFailed."""
        return self._opened(path, query, accept, idle_timeout)

    def websocket(
        self, path: str, *, query: Query = (), protocols: Sequence[str], headers: Sequence[tuple[str, str]] = ()
    ) -> AbstractAsyncContextManager[WebSocket]:
        """A WebSocket that speaks one of `protocols`. A refused one raises the server's own error."""
        return self._upgraded(path, query, protocols, headers)

    @asynccontextmanager
    async def _upgraded(
        self, path: str, query: Query, protocols: Sequence[str], headers: Sequence[tuple[str, str]]
    ) -> AsyncIterator[WebSocket]:
        import aiohttp

        async def send(credential: Credential) -> tuple[aiohttp.ClientWebSocketResponse, Pool]:
            sent = [*headers, ("Authorization", credential.authorization)] if credential.authorization else list(headers)
            _, url, *_ = await self._api.param_serialize("GET", path, query_params=list(query), header_params={})
            pool = self._pool
            with pool.sending():
                async with asyncio.timeout(self._request_timeout or READ_TIMEOUT):
                    upgraded = await pool.session.ws_connect(
                        url,
                        protocols=protocols,
                        headers=sent,
                        proxy=self.settings.proxy or None,
                        server_hostname=self.settings.tls_server_name or None,
                        max_msg_size=_LARGEST_FRAME,
                        timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_TIMEOUT),
                    )
            return upgraded, pool

        try:
            upgraded, pool = await self._with_credentials("GET", path, query, send, self._request_timeout or READ_TIMEOUT)
        except Forbidden as error:  # the words of the API server end before the reason when only `create` is missing
            subresource = "/".join(path.split("/")[-3::2])  # of …/pods/NAME/exec: pods/exec
            error.hint = error.hint or f"A WebSocket needs the rights to get and to create {subresource}"
            raise
        with pool.speaking(upgraded):
            websocket = WebSocket(upgraded, self._explained)
            try:
                if upgraded.protocol is None and protocols:
                    raise ConnectionFailed(f"{place(self.settings)} speaks none of the protocols {', '.join(protocols)}")
                yield websocket
            finally:
                await websocket.close()

    def _new_pool(self, context: ssl.SSLContext | None) -> Pool:
        """A pool with this `context`, its session made the ApiClient's own."""
        import aiohttp

        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=context if context is not None else True, limit=0, keepalive_timeout=60.0, socket_factory=keepalive_socket
            ),
            # Not in a request's own headers, which have one of each name: there may be several groups to impersonate.
            headers=[("User-Agent", USER_AGENT), *self.settings.impersonation.headers()],
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            read_bufsize=1 << 18,
            raise_for_status=self._refused_upgrade,
        )
        self._api.rest_client.pool_manager = session
        return Pool(session)

    async def _refused_upgrade(self, response: aiohttp.ClientResponse) -> None:
        """Raises the server's own error for a WebSocket that it refuses: aiohttp would throw its words away."""
        if response.status >= 400 and "Upgrade" in response.request_info.headers:
            try:
                async with asyncio.timeout(5):
                    content = await response.content.read(_LARGEST_REFUSAL)
            except TimeoutError:
                content = b""
            raise refusal(self.settings, response.status, response.reason or "", response.headers, content)

    async def _show(self, certificate: tuple[bytes, bytes] | None) -> None:
        """From now on shows another client certificate, of an exec plugin, on new connections.

        The pool before is left to what is under way on it, and closed at a later change.
        """
        context = await asyncio.to_thread(tls.context_for, self.settings, certificate)
        if self._closed:
            raise self._is_closed()
        self._certificate = certificate
        self._retired.append(self._pool)
        self._pool = self._new_pool(context)
        unused = [pool for pool in self._retired if pool.idle]
        self._retired = [pool for pool in self._retired if not pool.idle]
        for pool in unused:
            await pool.close()


def _prepare(settings: ConnectionSettings) -> tuple[ApiClient, ssl.SSLContext | None]:
    """What takes long: the imports and the certificates. Runs in a thread."""
    api_client, configuration_type = client_import.load()
    configuration = configuration_type(host=settings.server)
    configuration.proxy = settings.proxy or None
    configuration.tls_server_name = settings.tls_server_name or None
    context = tls.context_for(settings) if settings.secure or settings.proxy.startswith("https://") else None
    # The ApiClient makes a TLS context too, which is not used: with an authority named it does not load the system's.
    configuration.ca_cert_data = tls.authority(settings).decode("ascii") or None
    api = api_client(configuration)
    api.user_agent = USER_AGENT
    return api, context


def _is_loopback(server: str) -> bool:
    """Whether the server is on this machine, where to compress an answer costs more than to send it."""
    host = urlsplit(server).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
