"""The body of an answer, read whole within the bounds.

podtui unpacks compressed bodies itself: aiohttp would unpack whatever encoding a server chooses, to any size.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from podtui.cluster.connection import bounds
from podtui.cluster.connection.connection_errors import NO_API_SERVER
from podtui.errors import ConnectionFailed
from podtui.text import harmless

if TYPE_CHECKING:
    import aiohttp

_GZIP = 16 + zlib.MAX_WBITS
_PIECE = 1 << 18  # bytes to unpack at once: less than a millisecond


class Room:
    """The bytes of all answers of one connection that are being read now."""

    def __init__(self) -> None:
        self.taken = 0


async def read_whole(response: aiohttp.ClientResponse, server: str, room: Room, *, compressed: bool, hurried: bool) -> bytes:
    """The body of a successful answer. `compressed` is whether gzip was asked for, `hurried` whether the request has a limit in time.

    Raises ConnectionFailed (`server` names it) for an encoding that was not asked for, a body that is too large, alone or with the
    others in the `room`, and one that trickles; aiohttp's errors as they are.
    """
    parts: list[bytes] = []
    try:
        await _read_into(parts, response, server, room, compressed, hurried)
        return parts[0] if len(parts) == 1 else b"".join(parts)
    finally:
        room.taken -= sum(map(len, parts))
        parts.clear()  # an error keeps the frames that it came through


async def _read_into(
    parts: list[bytes], response: aiohttp.ClientResponse, server: str, room: Room, compressed: bool, hurried: bool
) -> None:
    packed = check_encoding(response, server, compressed=compressed)
    now = asyncio.get_running_loop().time
    began, size = now(), 0
    async for piece in _unpacked(response, server) if packed else response.content.iter_any():
        parts.append(piece)
        size += len(piece)
        room.taken += len(piece)
        if size > bounds.LARGEST_ANSWER:
            words = f"the answer from {server} is larger than {bounds.LARGEST_ANSWER >> 20} MiB"
            raise ConnectionFailed(words, "podtui reads no answer of that size.")
        if room.taken > bounds.LARGEST_TOGETHER:
            words = f"the answers from {server} are larger than {bounds.LARGEST_TOGETHER >> 20} MiB together"
            raise ConnectionFailed(words, "podtui reads no more than that at once.")
        taken = now() - began
        if not hurried and taken > bounds.READ_TIMEOUT + size / bounds.SLOWEST:
            words = f"{server} sends its answer too slowly: {size:,} bytes in {taken:.0f} s"
            raise ConnectionFailed(words, "Check the network or the VPN.")


async def read_refusal(response: aiohttp.ClientResponse, *, compressed: bool) -> bytes:
    """The beginning of the body of a refusal, as far as it comes in time; nothing of a body that cannot be unpacked."""
    found = bytearray()
    try:
        async with asyncio.timeout(bounds.REFUSAL_TIMEOUT):
            while len(found) < bounds.LARGEST_REFUSAL and (chunk := await response.content.readany()):
                found += chunk
    except TimeoutError:
        pass
    try:
        if check_encoding(response, "", compressed=compressed):
            return zlib.decompressobj(_GZIP).decompress(found, bounds.LARGEST_REFUSAL)
    except (ConnectionFailed, zlib.error):
        return b""
    return bytes(found[: bounds.LARGEST_REFUSAL])


def check_encoding(response: aiohttp.ClientResponse, server: str, *, compressed: bool = False) -> bool:
    """Whether the body is packed with gzip. Raises ConnectionFailed for an encoding that was not asked for."""
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return False
    if encoding in ("gzip", "x-gzip") and compressed:
        return True
    asked = "gzip" if compressed else "none"
    raise ConnectionFailed(
        f"{server} encoded its answer as {harmless(encoding)[:40]}, but podtui asked for {asked}",
        "Something between podtui and the API server changes its answers.",
    )


def check_no_page(response: aiohttp.ClientResponse, server: str) -> None:
    """Raise ConnectionFailed for a web page, which is neither a log nor events: a load balancer or a sign-in page answers with 200, too."""
    if "html" in response.headers.get("Content-Type", "").lower():
        raise ConnectionFailed(f"{server} answered with a web page", NO_API_SERVER)


async def _unpacked(response: aiohttp.ClientResponse, server: str) -> AsyncIterator[bytes]:
    """The content of a body packed with gzip, in pieces that leave other tasks their turn: a kilobyte may hold a megabyte."""
    unpacker = zlib.decompressobj(_GZIP)
    begun = False
    try:
        async for rest in response.content.iter_any():
            begun = True
            while rest:
                if unpacker.eof:
                    raise zlib.error("more after the end")
                yield unpacker.decompress(rest, _PIECE)
                rest = unpacker.unconsumed_tail or unpacker.unused_data
                if rest:
                    await asyncio.sleep(0)
    except zlib.error:
        raise ConnectionFailed(f"the answer from {server} is not gzip, though it claims to be") from None
    if begun and not unpacker.eof:
        raise ConnectionFailed(f"the answer from {server} broke off")
