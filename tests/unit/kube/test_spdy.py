"""SPDY/3.1 as a port-forward of kubectl uses it."""

from __future__ import annotations

import hashlib
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podtui.kube.spdy import DICTIONARY, MAX_DATA, Closing, Event, Opened, Received, Reset, Session, SpdyError


class Client:
    """The other side, written from the draft."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(zdict=DICTIONARY)

    def open(self, stream: int, **headers: str) -> bytes:
        words = [word.encode() for pair in headers.items() for word in pair]
        plain = struct.pack(">I", len(headers)) + b"".join(struct.pack(">I", len(word)) + word for word in words)
        block = self._deflate.compress(plain) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        body = struct.pack(">IIBB", stream, 0, 0, 0) + block
        return self.control(1, body)

    @staticmethod
    def control(kind: int, body: bytes, version: int = 3) -> bytes:
        return struct.pack(">HHI", 0x8000 | version, kind, len(body)) + body


def test_the_dictionary_is_that_of_the_spdy_draft() -> None:
    assert len(DICTIONARY) == 1423
    assert DICTIONARY[:11] == b"\0\0\0\7options" and DICTIONARY.endswith(b"charset=iso-8859-1,utf-,*,enq=0.")
    assert hashlib.sha256(DICTIONARY).hexdigest() == "51d27341373f923f3cd88e1eb7162aeaa3723d7585ff2399201dc06498407f02"


@given(st.lists(st.integers(1, 40), min_size=1))
def test_however_the_bytes_are_cut_the_events_are_the_same(sizes: list[int]) -> None:
    client, session = Client(), Session()
    sent = client.open(1, streamtype="error", port="8080", requestid="0") + client.open(3, streamtype="data", port="8080", requestid="0")
    sent += Session.data(3, b"GET / HTTP/1.1\r\n\r\n") + Session.data(3, b"", final=True) + client.control(7, bytes(8))
    events: list[Event] = []
    turn = 0
    while sent:
        size = sizes[turn % len(sizes)]
        events += session.feed(sent[:size])
        sent, turn = sent[size:], turn + 1
    assert events == [
        Opened(1, {"streamtype": "error", "port": "8080", "requestid": "0"}),
        Opened(3, {"streamtype": "data", "port": "8080", "requestid": "0"}),
        Received(3, b"GET / HTTP/1.1\r\n\r\n", False),
        Received(3, b"", True),
        Closing(),
    ]


def test_data_of_any_length_arrives_whole_and_ends_once() -> None:
    data = bytes(range(256)) * (MAX_DATA // 100)
    received = list(Session().feed(Session.data(5, data, final=True)))
    assert b"".join(event.data for event in received if isinstance(event, Received)) == data
    assert [event.final for event in received if isinstance(event, Received)] == [False] * (len(received) - 1) + [True]


def test_a_ping_is_answered_and_a_reset_is_an_event() -> None:
    session = Session()
    assert list(session.feed(Client.control(6, b"\0\0\0\1") + Client.control(3, struct.pack(">II", 7, 5)))) == [Reset(7)]
    assert bytes(session.answers) == Client.control(6, b"\0\0\0\1")


def test_a_stream_is_accepted_with_a_reply_that_the_client_can_read() -> None:
    reply = Session().accept(9)
    assert reply[:4] == b"\x80\x03\0\2" and struct.unpack(">I", reply[8:12]) == (9,)
    assert zlib.decompressobj(zdict=DICTIONARY).decompress(reply[12:]) == bytes(4)


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        Client.control(1, bytes(12), version=2),
        Client.control(1, bytes(10) + b"no zlib"),
        Client.control(1, b""),
        struct.pack(">II", 1, 0xFFFFFF),
    ],
)
def test_what_is_not_spdy_is_an_error(sent: bytes) -> None:
    with pytest.raises(SpdyError):
        list(Session().feed(sent))
