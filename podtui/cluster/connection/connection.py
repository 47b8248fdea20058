"""The only path to the API server: requests, streams and WebSockets over one aiohttp session per context.

It builds on kubernetes.aio's REST client, which encodes bodies and sends the requests. The session, the credentials, the
proxy and TLS are podtui's own, since the package's do not follow kubectl's rules. Every failure
is raised as an error of podtui.errors. `Connection.open()` imports aiohttp and kubernetes, in a thread.
"""

from __future__ import annotations

import asyncio
import ipaddress
import platform
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar, Unpack
from urllib.parse import quote, urlsplit

import msgspec

from podtui import __version__
from podtui.cluster.connection import bounds
from podtui.cluster.connection.body import Room, check_encoding, check_no_page, read_refusal, read_whole
from podtui.cluster.connection.connection_errors import failure, no_json, place, refusal
from podtui.cluster.connection.decoding import unreadable
from podtui.cluster.connection.listing import JSON, Query, ReadOptions
from podtui.cluster.connection.streams import ByteStream, WebSocket
from podtui.cluster.connection.transport import client_import, tls
from podtui.cluster.connection.transport.session_pool import Pool, bounded, keepalive_socket, patient
from podtui.cluster.kubeconfig.credentials import Credential, Credentials
from podtui.cluster.kubeconfig.proxies import SOCKS
from podtui.cluster.kubeconfig.settings import ConnectionSettings
from podtui.errors import ApiError, CertificateRefused, ConnectionFailed, Forbidden, KubeconfigError, PodtuiError, Unauthorized
from podtui.reports import unforeseen
from podtui.tasks import end_tasks
from podtui.text import harmless

if TYPE_CHECKING:
    import aiohttp
    from kubernetes.aio.client.rest import RESTClientObject

_T = TypeVar("_T")

USER_AGENT = f"podtui/{__version__} ({platform.system().lower()}/{platform.machine()})"
_object = msgspec.json.Decoder(dict[str, Any])


class RequestOptions(ReadOptions, total=False):
    """Options of any request. `body` is an object for JSON, text or bytes for another `content_type`."""

    body: object
    content_type: str


class Connection:
    """A context in use. `read_only` may be set at any time, and applies from the next request on; `read_only_reason` is why it stays."""

    def __init__(
        self, settings: ConnectionSettings, rest: RESTClientObject, context: ssl.SSLContext | None, request_timeout: float | None
    ) -> None:
        """Private: use `Connection.open()`, which makes the parts."""
        self.settings = settings
        self.read_only = False
        self.read_only_reason = ""
        self._rest = rest
        self._request_timeout = request_timeout
        self._credentials = Credentials(settings, own_certificate=tls.own_certificate)
        self._certificate: tuple[bytes, bytes] | None = None
        self._changing_certificate = asyncio.Lock()
        self._room = Room()
        self._retired: list[Pool] = []
        self._pool = self._new_pool(context)
        self._closed = False
        self._compression = not settings.disable_compression and not _is_loopback(settings.server)

    @classmethod
    async def open(cls, settings: ConnectionSettings, *, request_timeout: float | None = None, read_only: bool = False) -> Connection:
        """Prepare to talk to `settings.server`; sends nothing. `request_timeout` in seconds is --request-timeout.

        Raises KubeconfigError for an authority, a client certificate or a key that is unusable; PodtuiError for whatever else goes wrong.
        """
        try:
            rest, context = await asyncio.to_thread(_prepare, settings)
        except PodtuiError:
            raise
        except Exception as error:
            raise unforeseen(f"preparing the connection to {place(settings)}", error) from error
        opened = cls(settings, rest, context, request_timeout)
        opened.read_only = read_only
        return opened

    @property
    def waits_for(self) -> tuple[str, ...]:
        """What requests wait for before they are sent, in lines: an exec plugin, and its output. () for nothing."""
        return self._credentials.waits_for

    async def close(self) -> None:
        """Close every connection; requests in progress fail with ConnectionFailed. May be called again."""
        self._closed = True
        await self._credentials.close()
        for pool in (*self._retired, self._pool):
            await pool.close()

    async def request(self, method: str, path: str, **options: Unpack[RequestOptions]) -> bytes:
        """The body of the answer to one request; `path` begins with `/` and is relative to the server's URL.

        Raises ApiError and its kin, ConnectionFailed, CredentialError and ReadOnlyError.
        """
        content, _ = await self._request(method, path, **options)
        return content

    async def json(self, method: str, path: str, **options: Unpack[RequestOptions]) -> Any:
        """As `request`, with the answer decoded from JSON: always an object (a dict)."""
        content, answered_type = await self._request(method, path, **options)
        try:
            return _object.decode(content)
        except Exception as error:  # RecursionError among them
            if isinstance(error, msgspec.ValidationError | RecursionError):  # JSON, but not the API's
                raise unreadable(path, error) from None
            raise no_json(self.settings, answered_type) from None

    async def _request(self, method: str, path: str, **options: Unpack[RequestOptions]) -> tuple[bytes, str]:
        """The body of the answer, and its Content-Type."""
        import aiohttp

        query, body = options.get("query", ()), options.get("body")
        total = options.get("timeout") or self._request_timeout
        limits = aiohttp.ClientTimeout(total=total, connect=bounds.CONNECT_TIMEOUT, sock_read=None if total else bounds.READ_TIMEOUT)
        head = None if total else bounds.CONNECT_TIMEOUT + bounds.READ_TIMEOUT  # a byte now and then would go on forever
        headers = {
            "Accept": options.get("accept", JSON),
            "Content-Type": options.get("content_type", JSON),
            "Accept-Encoding": "gzip" if self._compression else "identity",
        }

        async def send(credential: Credential) -> tuple[bytes, str]:
            async with asyncio.timeout(head):
                response, pool = await self._send(method, path, query, body, headers, limits, credential)
            with pool.reading(response):
                if warnings := response.headers.getall("Warning", ()):
                    from podtui.cluster.connection import server_warnings  # few servers have any

                    server_warnings.hear(warnings)
                if response.status >= 300:
                    raise await self._refusal(response, self._compression)
                content = await read_whole(
                    response, place(self.settings), self._room, compressed=self._compression, hurried=total is not None
                )
                return content, response.headers.get("Content-Type", "")

        return await self._with_credentials(method, path, query, send, total or bounds.READ_TIMEOUT)

    async def _refusal(self, response: aiohttp.ClientResponse, compressed: bool = False) -> ApiError:
        content = await read_refusal(response, compressed=compressed)
        return refusal(self.settings, response.status, response.reason or "", response.headers, content)

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
        """Send one request through the REST client; returns the answer, whatever its status, before its body is read."""
        sent = {**headers, "Authorization": credential.authorization} if credential.authorization else dict(headers)
        pool = self._pool  # whose session is the REST client's
        with pool.sending():
            answer = await self._rest.request(  # type: ignore[no-untyped-call]
                method, self._url(path, query), headers=sent, body=body, _request_timeout=limits
            )
        response: aiohttp.ClientResponse = answer.response
        return response, pool

    def _url(self, path: str, query: Query) -> str:
        """The whole URL; the values of the query are quoted, `path` is so already."""
        asked = "&".join(f"{key}={quote(value)}" for key, value in query)
        return f"{self.settings.server}{path}?{asked}" if asked else f"{self.settings.server}{path}"

    async def _with_credentials(
        self, method: str, path: str, query: Query, send: Callable[[Credential], Awaitable[_T]], limit: float | None
    ) -> _T:
        """Send with a valid credential, and once more with a new one if it was not accepted; raises podtui's own errors."""
        import aiohttp

        try:
            credential = await self._credential(method, path, query)
            try:
                return await send(credential)
            except (Unauthorized, aiohttp.ClientError, OSError) as error:
                refused = isinstance(self._explained(error, limit), Unauthorized | CertificateRefused)
                # The alert that refuses a certificate may be lost with the connection: then the next request shows another one.
                dropped = isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError) and self._credentials.are_a_certificate
                if not ((refused or dropped) and await self._credentials.renew(credential) and refused):
                    raise
                return await send(await self._credential(method, path, query))
        except PodtuiError:
            raise
        except (aiohttp.ClientError, TimeoutError, OSError, UnicodeError) as error:
            raise self._explained(error, limit) from error
        except Exception as error:
            if self._closed:  # aiohttp raises a RuntimeError then
                raise self._is_closed() from error
            raise unforeseen(f"{method} {path} at {place(self.settings)}", error) from error

    def _explained(self, error: BaseException, limit: float | None) -> PodtuiError:
        return self._is_closed() if self._closed else failure(self.settings, error, limit)

    def _is_closed(self) -> ConnectionFailed:
        return ConnectionFailed(f"the connection to {place(self.settings)} was closed")

    async def _credential(self, method: str, path: str, query: Query) -> Credential:
        """The credential to send with, after a check that the request may be sent."""
        self.check(method, path, query)  # before a plugin runs in vain
        if self._closed:
            raise self._is_closed()
        credential = await self._credentials.get()
        async with self._changing_certificate:
            if credential.certificate != self._certificate:
                await self._show(credential.certificate)
        self.check(method, path, query)  # read_only may have been set in the meantime
        return credential

    def check(self, method: str, path: str, query: Query = ()) -> None:
        """Raise ReadOnlyError for a request that must not be sent now. Every request does so itself; callers use it to know beforehand."""
        if self.read_only:
            from podtui.cluster.connection import read_only as gate

            gate.check(method, path, query, reason=self.read_only_reason)

    @asynccontextmanager
    async def _opened(self, path: str, query: Query, accept: str, idle_timeout: float | None) -> AsyncIterator[ByteStream]:
        import aiohttp

        # No limit for the whole, nor for the first byte: the logs of a quiet container do not even send a header.
        limits = aiohttp.ClientTimeout(total=None, connect=bounds.CONNECT_TIMEOUT, sock_read=idle_timeout)
        head = idle_timeout and bounds.CONNECT_TIMEOUT + idle_timeout
        headers = {"Accept": accept, "Accept-Encoding": "identity"}

        async def send(credential: Credential) -> tuple[aiohttp.ClientResponse, Pool]:
            async with asyncio.timeout(head):
                response, pool = await self._send("GET", path, query, None, headers, limits, credential)
            if response.status >= 300:
                with pool.reading(response):
                    raise await self._refusal(response)
            return response, pool

        response, pool = await self._with_credentials("GET", path, query, send, idle_timeout)
        with pool.reading(response):
            check_encoding(response, place(self.settings))
            check_no_page(response, place(self.settings))
            yield ByteStream(response, idle_timeout, self._explained)

    def stream(
        self, path: str, *, query: Query = (), accept: str = "application/json", idle_timeout: float | None = None
    ) -> AbstractAsyncContextManager[ByteStream]:
        """A GET whose answer is read as it arrives. `idle_timeout` seconds without a byte raise ConnectionFailed."""
        return self._opened(path, query, accept, idle_timeout)

    def websocket(
        self, path: str, *, query: Query = (), protocols: Sequence[str], headers: Sequence[tuple[str, str]] = ()
    ) -> AbstractAsyncContextManager[WebSocket]:
        """A WebSocket with one of `protocols`. Raises the server's own error when it is refused."""
        return self._upgraded(path, query, protocols, headers)

    @asynccontextmanager
    async def _upgraded(
        self, path: str, query: Query, protocols: Sequence[str], headers: Sequence[tuple[str, str]]
    ) -> AsyncIterator[WebSocket]:
        import aiohttp

        async def send(credential: Credential) -> tuple[aiohttp.ClientWebSocketResponse, Pool]:
            sent = [*headers, ("Authorization", credential.authorization)] if credential.authorization else list(headers)
            pool = self._pool
            with pool.sending():
                async with asyncio.timeout(self._request_timeout or bounds.READ_TIMEOUT):
                    upgraded = await pool.session.ws_connect(
                        self._url(path, query),
                        protocols=protocols,
                        headers=sent,
                        proxy=_http_proxy(self.settings),
                        server_hostname=self.settings.tls_server_name or None,
                        max_msg_size=bounds.LARGEST_FRAME,
                        autoping=False,
                        timeout=aiohttp.ClientWSTimeout(ws_close=bounds.CLOSE_TIMEOUT),
                    )
            return upgraded, pool

        try:
            upgraded, pool = await self._with_credentials("GET", path, query, send, self._request_timeout or bounds.READ_TIMEOUT)
        except Forbidden as error:  # the API server's message omits the reason when only `create` is missing
            subresource = "/".join(path.split("/")[-3::2])  # of …/pods/NAME/exec: pods/exec
            error.hint = error.hint or f"A WebSocket needs permission to get and to create {subresource}"
            raise
        with pool.speaking(upgraded):
            patient(upgraded.get_extra_info("socket"), bounds.BUSY_PONG_TIMEOUT)
            websocket = WebSocket(upgraded, self._explained)
            watching = asyncio.create_task(websocket.watch(), name=f"watch of a WebSocket to {place(self.settings)}")
            try:
                if upgraded.protocol is None and protocols:
                    raise ConnectionFailed(f"{place(self.settings)} supports none of the protocols {', '.join(protocols)}")
                yield websocket
            finally:
                await end_tasks(watching)
                await websocket.close()

    def _new_pool(self, context: ssl.SSLContext | None) -> Pool:
        """A pool with this `context`; its session becomes the REST client's own."""
        import aiohttp

        options: dict[str, Any] = {"ssl": context if context is not None else True, "limit": 0, "keepalive_timeout": 60.0}
        if _is_socks(self.settings):
            from podtui.cluster.connection.transport import socks

            connector = socks.connector(self.settings.proxy, **options)
        else:
            connector = aiohttp.TCPConnector(socket_factory=keepalive_socket, **options)
        session = aiohttp.ClientSession(
            connector=connector,
            # Not in a request's own headers, which allow one of each name: there may be several groups to impersonate.
            headers=[("User-Agent", USER_AGENT), *self.settings.impersonation.headers()],
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,  # see `body`
            trace_configs=[bounded(place(self.settings))],
            read_bufsize=1 << 18,
            raise_for_status=self._refused_upgrade,
        )
        self._rest.pool_manager = session
        return Pool(session)

    async def _refused_upgrade(self, response: aiohttp.ClientResponse) -> None:
        """Raise the server's own error for a WebSocket that it refuses, since aiohttp would discard its message."""
        if response.status >= 400 and "Upgrade" in response.request_info.headers:
            raise await self._refusal(response)

    async def _show(self, certificate: tuple[bytes, bytes] | None) -> None:
        """Show another client certificate, of an exec plugin, on new connections from now on.

        The previous pool serves its requests in progress, and is closed at a later change.
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


def _prepare(settings: ConnectionSettings) -> tuple[RESTClientObject, ssl.SSLContext | None]:
    """The slow part: the imports and the certificates. Runs in a thread."""
    rest_client, configuration_type = client_import.load()
    configuration = configuration_type(host=settings.server)
    configuration.proxy = _http_proxy(settings)
    if _is_socks(settings):
        _check_socks(settings)
    configuration.tls_server_name = settings.tls_server_name or None
    context = tls.context_for(settings) if settings.secure or settings.proxy.startswith("https://") else None
    # The REST client also makes a TLS context, which is not used: with a named authority, it does not load the system's.
    configuration.ca_cert_data = next(iter(tls.authorities(settings)), None) if context is not None else None
    return rest_client(configuration), context


def _is_socks(settings: ConnectionSettings) -> bool:
    return settings.proxy.partition("://")[0] in SOCKS


def _http_proxy(settings: ConnectionSettings) -> str | None:
    """The proxy that aiohttp itself can use; None for none, and for a SOCKS proxy."""
    return None if _is_socks(settings) else settings.proxy or None


def _check_socks(settings: ConnectionSettings) -> None:
    """Raise KubeconfigError where the package for SOCKS proxies is missing."""
    from podtui.cluster.connection.transport import socks

    if not socks.is_available():
        install = f"Install it: {harmless(sys.executable)} -m pip install 'podtui[socks]'"
        raise KubeconfigError(f"the SOCKS proxy {harmless(settings.proxy)} needs the package python-socks", install)


def _is_loopback(server: str) -> bool:
    """Whether the server is on this machine, where compressing an answer costs more than sending it."""
    host = urlsplit(server).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
