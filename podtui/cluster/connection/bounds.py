"""Every bound on what a server may do to podtui: how long it may take, how much it may send, how long it may ask podtui to wait.

Each bound is far beyond what an API server does, and small enough that podtui survives what is not one: a proxy, a sign-in page,
an attacker.
"""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime

# -- time, in seconds
CONNECT_TIMEOUT = 20.0
"""For name resolution, TCP and TLS together."""
READ_TIMEOUT = 65.0
"""Without a byte of an answer: the API server itself gives up on a request after 60."""
SLOWEST = 4096
"""Bytes per second: a whole answer that is slower than this after READ_TIMEOUT trickles, and is given up."""
REFUSAL_TIMEOUT = 5.0
"""For the body of a refusal: its status alone is known already."""
CLOSE_TIMEOUT = 2.0
"""For the other side's close message when a WebSocket is closed."""
LONGEST_WAIT = 300.0
"""The longest Retry-After that is honoured."""
PING_INTERVAL = 5.0
"""Between the pings of a WebSocket, as kubectl's."""
PONG_TIMEOUT = 15.0
"""For the answer to a ping. With PING_INTERVAL, a dead WebSocket is found out as fast as the keepalive of TCP finds out a dead server."""
BUSY_PONG_TIMEOUT = 60.0
"""For the answer to a ping that was sent after data. The ping waits with the data while what runs in the pod does not read: nothing tells
such a program from a dead connection. kubectl exec waits for as long."""

# -- size, in bytes
LARGEST_ANSWER = 128 << 20
"""Of a whole answer, unpacked. etcd's limit for an object is 1.5 MiB, and podtui lists 500 at once."""
LARGEST_TOGETHER = 192 << 20
"""Of all whole answers that are read at the same time: podtui lists the pods of many namespaces at once."""
LARGEST_EVENT = 32 << 20
"""Of one event of a watch."""
LARGEST_REFUSAL = 1 << 20
"""Of the body of a refusal that is read; the rest is dropped."""
LARGEST_FRAME = 16 << 20
"""Of one message of a WebSocket."""

# -- text, in characters
LONGEST_MESSAGE = 600
"""Of a server's message that is shown."""


def wait(seconds: object) -> float | None:
    """`retryAfterSeconds` of a Status (meta/v1) as it is honoured: at most LONGEST_WAIT; None when it asks for no wait."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds > 0:
        return None
    return float(min(seconds, LONGEST_WAIT))  # before the conversion: a float has no room for some integers


def retry_after(header: str) -> float | None:
    """The wait that a Retry-After header asks for (RFC 9110, seconds or a date), as it is honoured; None when it asks for none."""
    text = header.strip()
    if text.isascii() and text.isdigit():
        return wait(int(text[:20]))  # longer than any wait: int() refuses more than 4,300 digits
    try:
        return wait(parsedate_to_datetime(text).timestamp() - time.time()) if text else None
    except (ValueError, OverflowError):  # no date, or one in the year 1
        return None
