"""Local listening sockets for port-forwards, and what Linux says about the owner of a port.

It reads /proc where that exists; elsewhere, the answers are "not known", never an error.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from ipaddress import ip_address

from podtui.errors import PodtuiError, PortBusy
from podtui.kube.ports import HIGHEST_PORT, LOCALHOST
from podtui.text import harmless

BACKLOG = 256  # connections that may wait to be accepted
Endpoint = tuple[str, int]
"""An IP address and a port."""
_TRIES = 20  # free ports of 127.0.0.1 tried until ::1 has the same port free
_LISTEN = "0A"  # TCP states of /proc/net/tcp


def listen(address: str, port: int) -> list[socket.socket]:
    """Listening sockets, all on one port: on `address`, or for `localhost` on 127.0.0.1 and, where it exists, on ::1.

    `port` 0 takes a free one. Raises PortBusy when the port is taken on either of the two: a client of `localhost` would reach the
    other program. PodtuiError for an address that is not this machine's and for a port that needs root.
    """
    if address != LOCALHOST:
        return [_bind(_family(address), address, port)]
    for _ in range(_TRIES if port == 0 else 1):
        first = _bind(socket.AF_INET, "127.0.0.1", port)
        try:
            return [first, _bind(socket.AF_INET6, "::1", first.getsockname()[1])]
        except PortBusy:
            first.close()
            if port:
                raise
        except _NoSuchAddress:
            return [first]
        except BaseException:
            first.close()
            raise
    raise PortBusy("no free local port was found", 0)


def next_free(address: str, port: int) -> int:
    """The first port above `port` that is free to listen on now; 0 when the next 50 are all taken."""
    for candidate in range(max(port + 1, 1024), min(max(port, 1023) + 50, HIGHEST_PORT) + 1):
        if is_free(address, candidate):
            return candidate
    return 0


def is_free(address: str, port: int) -> bool:
    """Whether `port` is free to listen on at this moment."""
    hosts = [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")] if address == LOCALHOST else [(_family(address), address)]
    for family, host in hosts:
        with contextlib.suppress(_NoSuchAddress):
            try:
                _open(family, host, port).close()
            except OSError:
                return False
    return True


def reachable_by_others(address: str) -> bool:
    """Whether other machines may reach what listens on `address`; False for text that is not an IP address."""
    try:
        return address != LOCALHOST and not ip_address(address).is_loopback
    except ValueError:
        return False


class _NoSuchAddress(PodtuiError):
    """This machine does not have the address (no IPv6, for instance)."""


def _family(address: str) -> socket.AddressFamily:
    """The family of an IP address, as kubectl's --address takes it; names other than localhost would need a lookup."""
    try:
        return socket.AF_INET if ip_address(address).version == 4 else socket.AF_INET6
    except ValueError:
        raise PodtuiError(f"the local address '{harmless(address)}' is not an IP address", "Give an IP address of this machine") from None


def _open(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    try:
        made = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        if error.errno == errno.EAFNOSUPPORT:
            raise _NoSuchAddress(f"this machine has no address {harmless(host)}") from None
        raise
    try:
        made.setblocking(False)
        # Allows a port with connections in TIME_WAIT, but not one with a listener.
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind((host, port))
        made.listen(BACKLOG)
    except OSError as error:
        made.close()
        if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
            raise _NoSuchAddress(f"this machine has no address {harmless(host)}") from None
        raise
    except BaseException:
        made.close()
        raise
    return made


def _bind(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    try:
        return _open(family, host, port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortBusy(f"local port {port} is already in use", port) from None
        if error.errno == errno.EACCES:
            raise PodtuiError(
                f"this user may not use local port {port}", f"Use a port from 1024 on, for instance {next_free(host, port + 8000)}"
            ) from None
        raise PodtuiError(f"cannot listen on {harmless(host)} port {port}: {error.strerror or error}") from None


# -- /proc ------------------------------------------------------------------------------------------------------------
def owner_of(port: int) -> str:
    """The program that listens on `port`, as `python3 (process 4711)`; "" if unreadable. May take some ms."""
    inodes = {inode for local, _, state, inode in _tcp_table() if state == _LISTEN and local[1] == port and inode != "0"}
    if not inodes:
        return ""
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for pid in filter(str.isdigit, _listdir("/proc")):
        for descriptor in _listdir(f"/proc/{pid}/fd"):
            try:
                held = os.readlink(f"/proc/{pid}/fd/{descriptor}") in wanted
            except OSError:  # closed in the meantime, or not readable for us
                continue
            if held:
                return "this podtui" if int(pid) == os.getpid() else f"{_program(pid)} (process {pid})"
    return ""


class TcpTable:
    """The TCP sockets on this machine that a process holds. For any thread.

    The kernel is asked about one connection (`quick`, some 20 microseconds); where it cannot be, its whole table is read from /proc, at
    most every `lifetime` seconds.
    """

    def __init__(self, lifetime: float = 0.5) -> None:
        self._lifetime = lifetime
        self._held: frozenset[tuple[Endpoint, Endpoint]] = frozenset()
        self._read_at = float("-inf")
        self._lock = threading.Lock()
        self.quick = hasattr(socket, "AF_NETLINK")

    def client_closed(self, ours: Endpoint, client: Endpoint) -> bool | None:
        """Whether the client of an accepted connection has closed its whole socket, after its end of data arrived.

        A client that only shut down its sending half still holds a descriptor, so its socket has an inode; a closed one has none,
        or is no longer in the table. None where this is unknown: no table, or a client on another machine.
        """
        if ours[0] != client[0]:
            return None
        if self.quick:
            try:
                return not _is_held(client, ours) if _is_held(ours, client) else None
            except OSError:  # a kernel without inet_diag, or a sandbox that forbids it
                self.quick = False
        with self._lock:
            now = time.monotonic()
            if now - self._read_at >= self._lifetime:
                self._held = frozenset((local, remote) for local, remote, _, inode in _tcp_table() if inode != "0")
                self._read_at = now
            held = self._held
        if (ours, client) not in held:  # not even our own end: not this network namespace's table
            return None
        return (client, ours) not in held


_DIAGNOSE, _ERROR = 20, 2  # SOCK_DIAG_BY_FAMILY and NLMSG_ERROR, see sock_diag(7)
_HEADER, _REQUEST, _INODE = struct.Struct("=IHHII"), struct.Struct("=BBBBI"), struct.Struct("=I")
_AT_INODE = _HEADER.size + 68  # in an inet_diag_msg: four bytes, the addresses (48), four numbers


def _is_held(local: Endpoint, remote: Endpoint) -> bool:
    """Whether a process holds this end of a connection. Raises OSError when the kernel cannot tell."""
    family = socket.AF_INET6 if ":" in local[0] else socket.AF_INET
    places = b"".join(socket.inet_pton(family, host).ljust(16, b"\0") for host in (local[0], remote[0]))
    ends = struct.pack("!HH", local[1], remote[1]) + places + struct.pack("=III", 0, 0xFFFFFFFF, 0xFFFFFFFF)
    asked = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, 0, 0xFFFFFFFF) + ends
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 4) as kernel:  # NETLINK_SOCK_DIAG
        kernel.settimeout(1.0)
        kernel.send(_HEADER.pack(_HEADER.size + len(asked), _DIAGNOSE, 1, 0, 0) + asked)
        answer = kernel.recv(4096)
    kind = _HEADER.unpack_from(answer)[1]
    if kind == _ERROR:
        (number,) = struct.unpack_from("=i", answer, _HEADER.size)
        if number == -errno.ENOENT:
            return False
        raise OSError(-number, os.strerror(-number))
    listens = answer[_HEADER.size + 1] == int(_LISTEN, 16)  # the connection is gone: the kernel found who would accept a new one
    return not listens and bool(_INODE.unpack_from(answer, _AT_INODE)[0])


def _tcp_table() -> Iterator[tuple[Endpoint, Endpoint, str, str]]:
    """(local, remote, state, inode) of the TCP sockets of this network namespace; addresses as text."""
    for name in ("tcp", "tcp6"):
        try:
            with open(f"/proc/net/{name}", encoding="ascii", errors="replace") as table:
                next(table, "")
                for line in table:
                    fields = line.split()
                    if len(fields) > 9:
                        yield _endpoint(fields[1]), _endpoint(fields[2]), fields[3], fields[9]
        except OSError:
            continue


def _endpoint(text: str) -> Endpoint:
    """`0100007F:1F90` is 127.0.0.1 port 8080: 32-bit words in the byte order of the machine."""
    host, port = text.split(":")
    words = [int(host[i : i + 8], 16) for i in range(0, len(host), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    shown = socket.inet_ntop(socket.AF_INET if len(words) == 1 else socket.AF_INET6, packed)
    return shown.removeprefix("::ffff:") if "." in shown else shown, int(port, 16)


def _listdir(path: str) -> list[str]:
    try:
        return os.listdir(path)
    except OSError:
        return []


def _program(pid: str) -> str:
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            return harmless(file.read().rstrip("\n"))
    except OSError:
        return "a program"
