"""Failures on the path to the API server and in its answers, as errors with messages for the user."""

from __future__ import annotations

import errno
import re
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from podtui.cluster.connection import bounds
from podtui.cluster.connection.decoding import UnreadableAnswer, decode
from podtui.cluster.kubeconfig.settings import ConnectionSettings
from podtui.errors import ApiError, CertificateRefused, ConnectionFailed, NotServed, PodtuiError, ServerAway, api_error
from podtui.kube.json_values import mapping, string
from podtui.text import harmless

NO_API_SERVER = "Something other than an API server answers there: check the server's URL, and whether a login page answers instead."


def place(settings: ConnectionSettings) -> str:
    """The server's host and port, for a message."""
    return harmless(urlsplit(settings.server).netloc.rpartition("@")[2] or settings.server)


def refusal(settings: ConnectionSettings, status: int, reason: str, headers: Mapping[str, str], body: bytes) -> ApiError:
    """The error of an unsuccessful answer: from its Status (meta/v1), or from whatever an intermediary sent."""
    retry_after = bounds.retry_after(headers.get("Retry-After", ""))
    parsed = _status_object(body)
    if parsed is not None:
        error = status_error(parsed, status, f"{place(settings)} answered {status} {harmless(reason)}".rstrip())
        error.retry_after = retry_after or error.retry_after
    else:
        phrase, words = harmless(reason), _not_a_status(settings, status, reason, headers, body)
        unknown_path = status == 404 and body.strip() == b"404 page not found"  # of Go's mux, and so of kube-apiserver
        error = NotServed(status, phrase, words) if unknown_path else api_error(status, phrase, words, None, retry_after)
    if error.status == 401:
        who = f"The credentials of user {harmless(settings.user)!r} in {settings.kubeconfig} were not accepted: log in again."
        error.hint = who if settings.user else f"Context {harmless(settings.context)!r} in {settings.kubeconfig} names no user."
    return error


def status_error(status: Mapping[str, Any], code: int = 500, message: str = "") -> ApiError:
    """The error of a Status object (meta/v1): an answer, a watch's ERROR event, the end of an exec.

    `code` and `message` are for one that does not say them.
    """
    told, details = status.get("code"), mapping(status.get("details"))
    return api_error(
        told if type(told) is int and 400 <= told <= 599 else code,
        _sentence(string(status.get("reason"))),
        _sentence(string(status.get("message"))) or message,
        details,
        bounds.wait(details.get("retryAfterSeconds")),
    )


def _status_object(body: bytes) -> Mapping[str, Any] | None:
    if not body.lstrip().startswith(b"{"):
        return None
    try:
        found = decode(body, dict[str, Any], "the refusal")
    except UnreadableAnswer:
        return None
    return found if found.get("kind") == "Status" else None


def _not_a_status(settings: ConnectionSettings, status: int, reason: str, headers: Mapping[str, str], body: bytes) -> str:
    text = body[:20_000].decode("utf-8", "replace")
    if "html" in headers.get("Content-Type", "").lower() or text.lstrip()[:9].lower() in ("<!doctype", "<html>"):
        title = re.search(r"<title[^>]*>(.*?)</title", text, re.IGNORECASE | re.DOTALL)
        text = f"a web page, '{title[1].strip()}'" if title and title[1].strip() else "a web page"
    words = _sentence(text)[:200]
    return f"{place(settings)} answered {status} {harmless(reason)}".rstrip() + (f": {words}" if words else "")


def _sentence(text: str) -> str:
    """A server's message on one line."""
    joined = harmless(" ".join(text.split()))
    return joined if len(joined) <= bounds.LONGEST_MESSAGE else joined[: bounds.LONGEST_MESSAGE] + "…"


def no_json(settings: ConnectionSettings, content_type: str) -> UnreadableAnswer:
    """The error of a successful answer whose body is not what an API server sends."""
    return UnreadableAnswer(
        f"{place(settings)} answered with something that is not JSON ({harmless(content_type) or 'no content type'})",
        NO_API_SERVER,
    )


def failure(settings: ConnectionSettings, error: BaseException, timeout: float | None = None) -> PodtuiError:
    """The error of a request without a complete answer. `error` is from aiohttp, ssl, asyncio or the system."""
    if isinstance(error, PodtuiError):
        return error
    import aiohttp

    made = _explained(settings, error, timeout)
    made.unsent |= isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError | aiohttp.ClientHttpProxyError)
    return made


def _explained(settings: ConnectionSettings, error: BaseException, timeout: float | None) -> ConnectionFailed:
    import aiohttp

    from podtui.cluster.connection.transport.socks import SocksRefused

    server, hint = place(settings), ""
    proxy = f"the proxy {harmless(settings.proxy)}" if settings.proxy else ""
    cause = _os_error(error)
    certificate = _of_type(error, ssl.SSLCertVerificationError)
    if certificate is not None:
        return _untrusted(settings, certificate)
    if isinstance(error, aiohttp.ClientHttpProxyError):
        words = f"{proxy or 'the proxy'} refused the connection to {server}: {error.status} {harmless(error.message)}".rstrip()
        return ConnectionFailed(words, "The proxy requires a user name and a password." if error.status == 407 else _proxy_hint(settings))
    refused = _of_type(error, SocksRefused)
    if refused is not None:
        return _socks_refusal(settings, str(refused))
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return ConnectionFailed(f"could not connect to {proxy or server} in time", "Check the network or the VPN.")
    if isinstance(error, TimeoutError) and not isinstance(cause, OSError):
        within = f"within {timeout:g} s" if timeout else "in time"
        failed = ConnectionFailed(f"{server} did not answer {within}", "Check the network or the VPN.")
        failed.silent = timeout
        return failed
    if isinstance(error, (aiohttp.ClientConnectorDNSError, UnicodeError)):
        host = proxy or f"the host {harmless(urlsplit(settings.server).hostname or server)}"
        return ConnectionFailed(f"the name of {host} cannot be resolved", "Check the name in the kubeconfig, the network and the VPN.")
    tls = _of_type(error, ssl.SSLError)
    if tls is not None:
        return _bad_tls(settings, tls)
    target = proxy if proxy and isinstance(error, (aiohttp.ClientProxyConnectionError, aiohttp.ClientConnectorError)) else server
    if isinstance(error, aiohttp.WSServerHandshakeError):
        return ConnectionFailed(
            f"{server} did not open a WebSocket: it answered {error.status}", "Check whether something in between blocks WebSockets."
        )
    if isinstance(error, aiohttp.TooManyRedirects):
        return ConnectionFailed(f"{server} redirects in a circle", NO_API_SERVER)
    if isinstance(error, aiohttp.ClientResponseError):  # of the parser, with the answer in several lines
        why = re.split(r"\n|: b['\"]|: bytearray|,? when reading", error.message)[0]
        return ConnectionFailed(f"the answer from {server} is not HTTP: {_sentence(why)[:120]}".rstrip(": "), NO_API_SERVER)
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return ConnectionFailed(f"{server} closed the connection")
    if isinstance(error, aiohttp.ClientPayloadError):
        return ConnectionFailed(f"the answer from {server} broke off")
    if cause is not None:
        words, hint = _system(cause, target)
        away = cause.errno == errno.ECONNREFUSED and target == server
        return (ServerAway if away else ConnectionFailed)(words, _proxy_hint(settings) if target == proxy else hint)
    if isinstance(error, aiohttp.ClientOSError) and not isinstance(error, aiohttp.ClientConnectorError):
        return ConnectionFailed(f"{target} closed the connection before it had read the request")
    if isinstance(error, ConnectionError):
        return ConnectionFailed(f"{target} closed the connection")
    if isinstance(error, (aiohttp.InvalidUrlRedirectClientError, aiohttp.NonHttpUrlRedirectClientError)):
        return ConnectionFailed(f"{server} redirects to something that is not an http:// or https:// URL", NO_API_SERVER)
    if isinstance(error, aiohttp.InvalidURL):
        return ConnectionFailed(f"the server's URL is not valid: {harmless(settings.server)}", "Correct it in the kubeconfig.")
    return ConnectionFailed(f"the connection to {target} failed: {_sentence(str(error)) or type(error).__name__}")


def _socks_refusal(settings: ConnectionSettings, words: str) -> ConnectionFailed:
    """The error of a SOCKS proxy that does not connect to the server, with its reason (RFC 1928)."""
    what = f"the proxy {harmless(settings.proxy)} did not connect to {place(settings)}" + (f": {_sentence(words)}" if words else "")
    wrong = "authenticat" in words.lower() or "auth method" in words.lower() or "credentials" in words.lower()
    return ConnectionFailed(what, "The proxy requires a user name and a password." if wrong else _proxy_hint(settings))


def _proxy_hint(settings: ConnectionSettings) -> str:
    return f"It is set by proxy-url of cluster {harmless(settings.cluster)!r}, or by HTTPS_PROXY and NO_PROXY."


def _system(error: OSError, target: str) -> tuple[str, str]:
    """The message and a hint for an error of the operating system."""
    network = "Check the network or the VPN."
    known = {
        errno.ECONNREFUSED: (f"{target} refuses the connection", "Is the API server running, and is its address right?"),
        errno.ECONNRESET: (f"{target} reset the connection", ""),
        errno.EPIPE: (f"{target} closed the connection", ""),
        errno.ETIMEDOUT: (f"{target} does not answer", network),
        errno.EHOSTUNREACH: (f"there is no route to {target}", network),
        errno.ENETUNREACH: (f"the network of {target} is unreachable", network),
        errno.EMFILE: (f"cannot connect to {target}: too many open files", "Raise the limit with ulimit -n."),
    }
    if error.errno in known:
        return known[error.errno]
    return f"the connection to {target} failed: {_sentence(error.strerror or str(error)) or type(error).__name__}", ""


def _untrusted(settings: ConnectionSettings, error: ssl.SSLCertVerificationError) -> ConnectionFailed:
    words = harmless(error.verify_message or str(error))
    cluster = f"cluster {harmless(settings.cluster)!r} in {settings.kubeconfig}"
    if error.verify_code in (62, 64):  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
        hint = f"If it is the right server, set tls-server-name of {cluster} to a name that its certificate has."
    elif error.verify_code in (9, 10):  # not yet valid, expired
        hint = "The server's certificate must be renewed, or the clock of this machine is wrong."
    else:
        hint = f"certificate-authority(-data) of {cluster} must be the authority that signed it."
    return ConnectionFailed(f"the certificate of {place(settings)} is not trusted: {words}", hint)


def _bad_tls(settings: ConnectionSettings, error: ssl.SSLError) -> ConnectionFailed:
    reason = (error.reason or str(error)).lower().replace("_", " ")
    server = place(settings)
    if "wrong version number" in reason or "record layer" in reason or "http request" in reason:
        return ConnectionFailed(f"{server} does not speak TLS", "Should the server's URL begin with http:// ?")
    if "certificate required" in reason or "bad certificate" in reason or "unknown ca" in reason or "certificate expired" in reason:
        return CertificateRefused(
            f"{server} did not accept the client certificate: {harmless(reason)}",
            f"The credentials of user {harmless(settings.user)!r} in {settings.kubeconfig} may have expired.",
        )
    return ConnectionFailed(f"TLS with {server} failed: {harmless(reason)}")


def _chain(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found and len(found) < 10:
        found.append(error)
        inner = getattr(error, "os_error", None) or getattr(error, "certificate_error", None)
        error = inner if isinstance(inner, BaseException) else error.__cause__ or error.__context__
    return found


def _of_type(error: BaseException, kind: type[Any]) -> Any:
    """The innermost error of a kind: aiohttp's own errors derive from ssl's too, but lack their details."""
    return next((one for one in reversed(_chain(error)) if isinstance(one, kind)), None)


def _os_error(error: BaseException) -> OSError | None:
    """The innermost system error with a number, if there is one."""
    return next((one for one in reversed(_chain(error)) if isinstance(one, OSError) and one.errno), None)
