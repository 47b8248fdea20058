"""Either side of SPDY/3.1, as far as port-forwards speak it: bytes in, events and bytes out.

It is tunnelled through a WebSocket of the protocol `SPDY/3.1+portforward.k8s.io` (KEP-4006). For each connection the client
opens two streams, whose headers say `streamtype` (error or data), `port` and `requestid`. Frames are those of the SPDY
draft 3.1, sections 2.2 and 2.6; flow control is not used by Kubernetes' implementation and not here.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import NamedTuple

MAX_DATA = 1 << 18
"""Bytes of one data frame at most that are sent: a chunk of a forward is one frame. The format allows 2**24 - 1."""
_SYN_STREAM, _SYN_REPLY, _RST_STREAM, _PING, _GOAWAY = 1, 2, 3, 6, 7
_FIN = 1
_MAX_FRAME = 1 << 20  # of what the other side may send: kubectl's and the kubelet's are of 32 KiB at most
_MAX_HEADERS = 1 << 16

_NAMES = """options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow
authorization cache-control connection content-base content-encoding content-language content-length content-location content-md5
content-range content-type date etag expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since
last-modified location max-forwards pragma proxy-authenticate proxy-authorization range referer retry-after server te trailer
transfer-encoding upgrade user-agent vary via warning www-authenticate method get status 200+OK version HTTP/1.1 url public set-cookie
keep-alive origin""".split()
_CODES = "100 101 201 202 205 206 300 302 303 304 305 306 307 402 405 406 407 408 409 410 411 412 413 414 415 416 417 502 504 505 "
_REASONS = (
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found"
    "500 Internal Server Error501 Not Implemented503 Service Unavailable"
)
_VALUES = (
    "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
    "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,public"
    "privatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)
DICTIONARY = (
    b"".join(struct.pack(">I", len(name)) + name.replace("+", " ").encode() for name in _NAMES)
    + (_CODES.replace(" ", "") + _REASONS + _VALUES).encode()
)
"""What both sides' compression begins with (SPDY draft 3, section 2.6.10.1)."""


class SpdyError(Exception):
    """The other side does not speak SPDY/3.1: the connection is to be closed."""


class Opened(NamedTuple):
    """The other side opened a stream. Names of headers are in lower case."""

    stream: int
    headers: dict[str, str]


class Received(NamedTuple):
    """Data of a stream; `final` when the other side sends no more on it."""

    stream: int
    data: bytes
    final: bool


class Reset(NamedTuple):
    """The other side gave a stream up, or refused it."""

    stream: int


class Closing(NamedTuple):
    """The other side takes no more streams."""


Event = Opened | Received | Reset | Closing


class Session:
    """One connection. What is to be sent is given back as bytes; the caller sends it in that order."""

    def __init__(self) -> None:
        self._left = b""  # of a frame that has not come whole
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)
        self._deflate = zlib.compressobj(zdict=DICTIONARY)
        self.answers = bytearray()  # to pings: to be sent by the caller, who then clears it

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """The events that became complete with `chunk`: all of them are to be taken before the next one. Raises SpdyError."""
        held = self._left + chunk if self._left else bytes(chunk)
        at, end = 0, len(held)
        while end - at >= 8:
            first, rest = struct.unpack_from(">II", held, at)
            flags, length = rest >> 24, rest & 0xFFFFFF
            if length > _MAX_FRAME:
                raise SpdyError(f"a frame of {length} bytes")
            if end - at < 8 + length:
                break
            body = held[at + 8 : at + 8 + length]
            at += 8 + length
            if not first >> 31:
                yield Received(first, body, bool(flags & _FIN))
            elif (event := self._control(first & 0xFFFF, first >> 16 & 0x7FFF, body)) is not None:
                yield event
        self._left = held[at:]

    def _control(self, kind: int, version: int, body: bytes) -> Event | None:
        if version != 3:
            raise SpdyError(f"version {version} of SPDY")
        try:
            if kind == _SYN_STREAM:
                return Opened(struct.unpack_from(">I", body)[0] & 0x7FFFFFFF, self._headers(body[10:]))
            if kind == _RST_STREAM:
                return Reset(struct.unpack_from(">I", body)[0] & 0x7FFFFFFF)
            if kind == _PING:
                self.answers += _control_frame(_PING, body[:4])
        except (struct.error, zlib.error, UnicodeDecodeError) as error:
            raise SpdyError(str(error)) from error
        return Closing() if kind == _GOAWAY else None

    def _headers(self, block: bytes) -> dict[str, str]:
        plain = self._inflate.decompress(block, _MAX_HEADERS)
        if self._inflate.unconsumed_tail:
            raise SpdyError(f"more than {_MAX_HEADERS} bytes of headers")
        (count,) = struct.unpack_from(">I", plain)
        place, words = 4, []
        for _ in range(min(count, _MAX_HEADERS) * 2):
            (length,) = struct.unpack_from(">I", plain, place)
            words.append(plain[place + 4 : place + 4 + length].decode())
            place += 4 + length
        return {name.lower(): value for name, value in zip(words[::2], words[1::2], strict=True)}

    def open(self, stream: int, headers: Mapping[str, str]) -> bytes:
        """Open a stream; a client's have odd numbers, each higher than the one before. To be sent in the order of the calls."""
        words = [word.encode() for pair in headers.items() for word in pair]
        plain = struct.pack(">I", len(headers)) + b"".join(struct.pack(">I", len(word)) + word for word in words)
        block = self._deflate.compress(plain) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        return _control_frame(_SYN_STREAM, struct.pack(">IIBB", stream, 0, 0, 0) + block)

    def accept(self, stream: int) -> bytes:
        """The reply to a stream that was opened, without headers."""
        block = self._deflate.compress(struct.pack(">I", 0)) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        return _control_frame(_SYN_REPLY, struct.pack(">I", stream) + block)

    @staticmethod
    def data(stream: int, data: bytes, final: bool = False) -> bytes:
        """Data in as many frames as it takes; with `final` the last one ends this side of the stream."""
        if len(data) <= MAX_DATA:
            return struct.pack(">II", stream, (_FIN if final else 0) << 24 | len(data)) + data
        pieces = [data[at : at + MAX_DATA] for at in range(0, len(data), MAX_DATA)]
        last = len(pieces) - 1
        return b"".join(
            struct.pack(">II", stream, (_FIN if final and number == last else 0) << 24 | len(piece)) + piece
            for number, piece in enumerate(pieces)
        )

    @staticmethod
    def reset(stream: int) -> bytes:
        """Give a stream up (status CANCEL)."""
        return _control_frame(_RST_STREAM, struct.pack(">II", stream, 5))


def _control_frame(kind: int, body: bytes) -> bytes:
    return struct.pack(">II", 0x80030000 | kind, len(body)) + body
