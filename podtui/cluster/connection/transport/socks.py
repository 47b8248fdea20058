"""Connections through a SOCKS proxy, by python-socks, which is optional.

The proxy resolves the server's name, for socks5:// as for socks5h://, as with Go's net/http.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from podtui.cluster.connection.transport.session_pool import keep_alive

if TYPE_CHECKING:
    import aiohttp
    from aiohttp.abc import ResolveResult

_PORT = 1080  # RFC 1928


class SocksRefused(OSError):
    """The proxy does not connect to the server; the text is its reason (RFC 1928)."""


def is_available() -> bool:
    """Whether python-socks is installed."""
    try:
        import python_socks  # noqa: F401
    except ImportError:
        return False
    return True


def connector(url: str, **options: Any) -> aiohttp.TCPConnector:
    """A connector that opens every connection through the proxy at `url`; `options` are TCPConnector's.

    Its requests raise SocksRefused, and aiohttp's own errors where the proxy cannot be reached.
    """
    import aiohttp
    from aiohttp.abc import AbstractResolver
    from python_socks import ProxyConnectionError, ProxyError, ProxyTimeoutError, ProxyType
    from python_socks.async_.asyncio import Proxy

    parts = urlsplit(url)
    user, password = (None if part is None else unquote(part) for part in (parts.username, parts.password))

    class Unresolved(AbstractResolver):
        """Leaves the name of the server to the proxy."""

        async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
            return [{"hostname": host, "host": host, "port": port, "family": family, "proto": 0, "flags": 0}]

        async def close(self) -> None:
            """Nothing is open."""

    class Connector(aiohttp.TCPConnector):
        async def _wrap_create_connection(self, *args: Any, addr_infos: Any, req: Any, **options: Any) -> Any:
            """Where TCPConnector opens a socket and speaks TLS on it. Its own time limit holds."""
            host, port = addr_infos[0][4][:2]
            proxy = Proxy(ProxyType.SOCKS5, parts.hostname or "", parts.port or _PORT, user, password, rdns=True)
            try:
                sock = await proxy.connect(host, port)
            except ProxyConnectionError as error:
                raise aiohttp.ClientProxyConnectionError(req.connection_key, error) from error
            except ProxyTimeoutError as error:
                raise aiohttp.ConnectionTimeoutError("the SOCKS proxy does not answer") from error
            except ProxyError as error:
                raise SocksRefused(str(error)) from error
            try:
                keep_alive(sock)
                secure = {name: options[name] for name in ("ssl", "server_hostname") if options.get(name) is not None}
                return await asyncio.get_running_loop().create_connection(*args, **secure, sock=sock)
            except BaseException:
                sock.close()
                raise

    return Connector(resolver=Unresolved(), **options)
