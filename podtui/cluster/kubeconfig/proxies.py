"""The proxy for a request: the rules of kubectl, that is of Go's net/http and golang.org/x/net/http/httpproxy.

A cluster's `proxy-url` always wins. Otherwise HTTPS_PROXY or HTTP_PROXY by the server's scheme (the upper-case name
first), unless NO_PROXY names the server; a loopback server is never proxied through the environment.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from podtui.errors import KubeconfigError
from podtui.text import conceal, harmless

SOCKS = ("socks5", "socks5h")
"""The schemes of SOCKS proxies, which mean the same: the proxy resolves the names."""
_KNOWN = "Name an http://, https:// or socks5:// proxy."
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def proxy_for(server: str, proxy_url: str, environ: Mapping[str, str], where: str = "") -> str:
    """The URL of the proxy for `server`; "" for none.

    `proxy_url` is the kubeconfig's; `where` names the cluster. Raises KubeconfigError for an invalid URL, or one of an
    unsupported kind.
    """
    if proxy_url:
        return _checked(proxy_url, f"proxy-url of {where}" if where else "proxy-url")
    target = split_url(server)
    if target is None or target.hostname is None:
        return ""
    name, found = _from_environment(target.scheme, environ)
    if not found:
        return ""
    port = target.port or (443 if target.scheme == "https" else 80)
    no_proxy = environ.get("NO_PROXY") or environ.get("no_proxy") or ""
    if not uses_proxy(target.hostname, port, no_proxy):
        return ""
    parsed = split_url(found)
    if parsed is None or not parsed.netloc or "://" not in found:
        found = f"http://{found}"  # HTTPS_PROXY=proxy:3128 is fine with Go
    return _checked(found, name)


def _from_environment(scheme: str, environ: Mapping[str, str]) -> tuple[str, str]:
    for name in ("HTTPS_PROXY", "https_proxy") if scheme == "https" else ("HTTP_PROXY", "http_proxy"):
        if environ.get(name):
            return name, environ[name]
    return "", ""


def split_url(url: str) -> SplitResult | None:
    """The parts of a URL; None for an invalid one (a port that is not a number, a bracket that is not closed)."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reading it validates it
    except ValueError:
        return None
    return parts


def _checked(url: str, name: str) -> str:
    parts = split_url(url)
    conceal(url)
    shown = harmless(url)  # an error shows no secret of a URL
    if parts is None or not parts.hostname:
        raise KubeconfigError(f"{name} is not a URL: {shown}", "It is written as http://HOST:PORT or socks5://HOST:PORT.")
    if parts.scheme not in ("http", "https", *SOCKS):
        raise KubeconfigError(f"{name} has the unknown scheme {harmless(parts.scheme)}: {shown}", _KNOWN)
    return url


def uses_proxy(host: str, port: int, no_proxy: str) -> bool:
    """Whether a request to `host`:`port` takes the environment's proxy, given the value of NO_PROXY."""
    host = host.strip().lower().strip("[]")
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return False
    return not any(_matches(entry.strip().lower(), host, address, port) for entry in no_proxy.split(","))


def _matches(entry: str, host: str, address: Address | None, port: int) -> bool:
    """Whether one entry of NO_PROXY (`*`, a CIDR, an address or a domain, the last two with an optional port) matches the host."""
    if not entry:
        return False
    if entry == "*":
        return True
    if "/" in entry:
        try:
            network = ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
        return address is not None and address.version == network.version and address in network
    name, wanted = _host_and_port(entry)
    if not name or wanted not in ("", str(port)):
        return False
    listed = _address(name)
    if listed is not None:
        return listed == address
    name = name.removeprefix("*")  # *.example.com is .example.com
    if name.startswith("."):
        return host.endswith(name)  # subdomains only
    return host == name or host.endswith(f".{name}")


def _host_and_port(entry: str) -> tuple[str, str]:
    if entry.startswith("["):
        name, _, rest = entry[1:].partition("]")
        return name, rest.removeprefix(":")
    if entry.count(":") == 1:
        name, _, port = entry.partition(":")
        return name, port
    return entry, ""  # no port, or a bare IPv6 address


def _address(text: str) -> Address | None:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    # Go compares ::ffff:10.0.0.1 and 10.0.0.1 as equal.
    return found.ipv4_mapped or found if isinstance(found, ipaddress.IPv6Address) else found
