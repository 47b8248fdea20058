"""A SOCKS5 proxy for the tests of the connection (RFC 1928, RFC 1929)."""

from __future__ import annotations

import asyncio
import ipaddress

from tests.support.tls import pump

ANONYMOUS, PASSWORD, NONE_FITS = 0, 2, 255


class SocksProxy:
    """Connects to `target` whatever host is asked for, and remembers what was asked: a name that the proxy resolves, or an address.

    `user` is NAME:PASSWORD that it wants, `refuse` the reply (X'01' to X'08') that it gives instead of a connection.
    """

    def __init__(self, target: str, user: str = "", refuse: int = 0) -> None:
        self.target = target
        self.user = user
        self.refuse = refuse
        self.asked: list[str] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        version, count = await reader.readexactly(2)
        assert version == 5
        offered = await reader.readexactly(count)
        method = PASSWORD if self.user else ANONYMOUS
        if method not in offered:
            writer.write(bytes((5, NONE_FITS)))
            return await writer.drain()
        writer.write(bytes((5, method)))
        if self.user:
            assert await reader.readexactly(1) == b"\x01"
            given = [await reader.readexactly((await reader.readexactly(1))[0]) for _ in ("name", "password")]
            known = b":".join(given).decode() == self.user
            writer.write(bytes((1, 0 if known else 1)))
            if not known:
                return await writer.drain()
        _, command, _, kind = await reader.readexactly(4)
        assert command == 1  # CONNECT
        if kind == 3:
            host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        else:
            host = str(ipaddress.ip_address(await reader.readexactly(4 if kind == 1 else 16)))
        port = int.from_bytes(await reader.readexactly(2), "big")
        self.asked.append(f"{host}:{port}")
        writer.write(bytes((5, self.refuse, 0, 1, 0, 0, 0, 0, 0, 0)))
        await writer.drain()
        if self.refuse:
            return None
        target, _, number = self.target.rpartition(":")
        onward, back = await asyncio.open_connection(target, int(number))
        await asyncio.gather(pump(reader, back), pump(onward, writer))
        return None
