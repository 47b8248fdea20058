"""The options of every socket to the API server: a dead peer is noticed in about 20 s, not in hours."""

from __future__ import annotations

import socket
from typing import Any

_OPTIONS: tuple[tuple[int, str, int], ...] = (
    (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
    (socket.IPPROTO_TCP, "TCP_NODELAY", 1),
    (socket.IPPROTO_TCP, "TCP_KEEPIDLE", 10),  # Linux: seconds of silence before the first probe
    (socket.IPPROTO_TCP, "TCP_KEEPALIVE", 10),  # macOS has it under this name
    (socket.IPPROTO_TCP, "TCP_KEEPINTVL", 3),
    (socket.IPPROTO_TCP, "TCP_KEEPCNT", 3),
    (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT", 20_000),  # milliseconds that sent data may go unacknowledged
)


def make(info: tuple[Any, ...]) -> socket.socket:
    """A socket for an entry of getaddrinfo (family, type, protocol, name, address), with the options that this system has."""
    family, kind, protocol = info[:3]
    made = socket.socket(family, kind, protocol)
    made.setblocking(False)
    for level, name, value in _OPTIONS:
        option = getattr(socket, name, None)
        if option is not None:
            made.setsockopt(level, option, value)
    return made
