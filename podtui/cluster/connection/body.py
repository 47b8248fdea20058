"""The body of an answer, read whole within the bounds.

podtui unpacks compressed bodies itself: aiohttp would unpack whatever encoding a server chooses, to any size.
"""

from __future__ import annotations

import asyncio
import zlib
from typing import TYPE_CHECKING

from podtui.cluster.connection import bounds
from podtui.errors import ConnectionFailed
from podtui.text import harmless

if TYPE_CHECKING:
    import aiohttp

_GZIP = 16 + zlib.MAX_WBITS
_LARGE = 64 * 1024  # packed bytes above which a thread unpacks them


async def read_whole(response: aiohttp.ClientResponse, server: str, *, compressed: bool, hurried: bool) -> bytes:
    """The body of a successful answer. `compressed` is whether gzip was asked for, `hurried` whether the request has a limit in time.

    Raises ConnectionFailed (`server` names it) for an encoding that was not asked for, a body that is too large, and one that
    trickles; aiohttp's errors as they are.
    """
    packed = check_encoding(response, server, compressed=compressed)
    now = asyncio.get_running_loop().time
    began, received = now(), 0
    unpacker = zlib.decompressobj(_GZIP) if packed else None
    parts: list[bytes] = []
    size = 0
    while chunk := await response.content.readany():
        received += len(chunk)
        if unpacker is not None:
            chunk = await _unpacked(unpacker, chunk, bounds.LARGEST_ANSWER - size, server)
        size += len(chunk)
        if max(size, received) > bounds.LARGEST_ANSWER:
            raise ConnectionFailed(
                f"the answer of {server} is larger than {bounds.LARGEST_ANSWER >> 20} MiB", "podtui reads no answer of that size."
            )
        parts.append(chunk)
        taken = now() - began
        if not hurried and taken > bounds.READ_TIMEOUT + received / bounds.SLOWEST:
            raise ConnectionFailed(
                f"{server} sends its answer too slowly: {received:,} bytes in {taken:.0f} s", "Check the network or the VPN."
            )
    if unpacker is not None and not unpacker.eof and received:
        raise ConnectionFailed(f"the answer of {server} broke off")
    return parts[0] if len(parts) == 1 else b"".join(parts)


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
        raise ConnectionFailed(
            f"{server} answered with a web page",
            "Something other than an API server answers there: check the server's URL, and whether a login page answers instead.",
        )


async def _unpacked(unpacker: zlib._Decompress, chunk: bytes, room: int, server: str) -> bytes:
    """The unpacked content of `chunk`, at most one byte more than `room`."""
    try:
        if len(chunk) > _LARGE:
            return await asyncio.to_thread(unpacker.decompress, chunk, room + 1)
        return unpacker.decompress(chunk, room + 1)
    except zlib.error:
        raise ConnectionFailed(f"the answer of {server} is not gzip, though it says so") from None
