"""The TLS side of a connection: which authorities to trust, and which certificate to show.

It adapts Python's defaults to Go's, so that podtui accepts a cluster that kubectl accepts: any certificate that is
named as an authority is one, even an intermediate or the server's own, and the stricter form that Python 3.13
requires of authorities is not required here. Files are read as Go's encoding/pem and crypto/x509 do: there may be any text around the
blocks, in any encoding, and of the authorities each block counts that is a certificate.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import ssl
import tempfile
from asyncio.sslproto import SSLProtocol
from collections.abc import Iterator
from contextlib import contextmanager

from podtui.cluster.kubeconfig.settings import ConnectionSettings
from podtui.errors import KubeconfigError
from podtui.text import harmless

# asyncio holds a buffer of this size for each TLS connection, and asks for as much at each read: a quarter of its 256 KiB is as fast.
SSLProtocol.max_size = 1 << 16

_CERTIFICATE = re.compile(
    rb"^(?:\xef\xbb\xbf)?-----BEGIN CERTIFICATE-----[ \t]*\r?\n([A-Za-z0-9+/=\s]*?)-----END CERTIFICATE-----", re.MULTILINE
)
_KEY = re.compile(
    rb"^(?:\xef\xbb\xbf)?(-----BEGIN ([A-Z0-9 ]+ )?PRIVATE KEY-----[ \t]*\r?\n.*?-----END (?(2)\2)PRIVATE KEY-----)", re.M | re.S
)


def context_for(settings: ConnectionSettings, certificate: tuple[bytes, bytes] | None = None) -> ssl.SSLContext:
    """The context for `settings`, with the client `certificate` and its key (PEM) of an exec plugin, or the user's own.

    Reads files. Raises KubeconfigError when an authority, a certificate or a key is missing or broken.
    """
    context = _trusting(settings)
    if certificate is not None:
        _show(context, *certificate, what="the client certificate of the exec plugin")
    else:
        own_certificate(settings, context)
    return context


def own_certificate(settings: ConnectionSettings, context: ssl.SSLContext | None = None) -> tuple[bytes, bytes] | None:
    """The certificate and the key of the user's entry, PEM, once they are loaded into the context; None without.

    Raises KubeconfigError where they are missing, broken, or do not belong together.
    """
    user = settings.credentials
    if not (user.client_certificate_data or user.client_certificate):
        return None
    pair = user.client_certificate_data or _read(user.client_certificate), user.client_key_data or _read(user.client_key)
    what = f"client-certificate or client-key of user {harmless(settings.user)!r} in {settings.kubeconfig}"
    _show(context or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), *pair, what=what)
    return pair


def authorities(settings: ConnectionSettings) -> list[bytes]:
    """The authorities that the kubeconfig names, each in DER form; none for the system's.

    Raises KubeconfigError where a file is missing, or names no certificate at all.
    """
    if settings.insecure_skip_tls_verify or not (settings.certificate_authority_data or settings.certificate_authority):
        return []
    found = [der for der in _certificates(settings.certificate_authority_data or _read(settings.certificate_authority)) if _is_sound(der)]
    if not found:
        where = harmless(settings.certificate_authority) or f"certificate-authority-data of cluster {harmless(settings.cluster)!r}"
        raise KubeconfigError(f"{where} holds no certificate in PEM form")
    return found


def _certificates(content: bytes) -> list[bytes]:
    """The certificates of a PEM file, in DER form. Other blocks, and broken ones, are skipped."""
    found = []
    for block in _CERTIFICATE.findall(content):
        try:
            found.append(base64.b64decode(b"".join(block.split()), validate=True))
        except binascii.Error:
            continue
    return found


def _is_sound(der: bytes) -> bool:
    """Whether OpenSSL can read the certificate."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=der)
    except (ssl.SSLError, ValueError):
        return False
    return True


def _trusting(settings: ConnectionSettings) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["http/1.1"])  # a WebSocket cannot be opened over HTTP/2
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if settings.insecure_skip_tls_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif named := authorities(settings):
        context.load_verify_locations(cadata=b"".join(named))
    else:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    return context


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as opened:
            return opened.read()
    except OSError as error:
        raise KubeconfigError(f"cannot read {harmless(path)}: {error.strerror}") from None


def _show(context: ssl.SSLContext, certificate: bytes, key: bytes, *, what: str) -> None:
    """Load a client certificate (with the chain up to its authority, if there is one) and its key, both PEM, into the context."""
    chain, first_key = _certificates(certificate), _KEY.search(key)
    if not chain or first_key is None:
        raise KubeconfigError(f"{what}: not a certificate and a key in PEM form")
    content = b"".join(ssl.DER_cert_to_PEM_cert(der).encode() for der in chain) + first_key[1] + b"\n"
    with _private_file(content) as path:
        try:
            # A key with a pass phrase would make OpenSSL ask for it on the terminal.
            context.load_cert_chain(path, password=_no_pass_phrase)
        except _PassPhrase:
            hint = "kubectl cannot use it either: store the key without a pass phrase."
            raise KubeconfigError(f"{what}: the key is encrypted", hint) from None
        except (ssl.SSLError, ValueError) as error:
            mismatch = "MISMATCH" in str(error).upper()
            words = "the key does not belong to the certificate" if mismatch else "not a certificate and a key in PEM form"
            raise KubeconfigError(f"{what}: {words}") from None


class _PassPhrase(Exception):
    """OpenSSL asked for a pass phrase."""


def _no_pass_phrase() -> str:
    raise _PassPhrase


@contextmanager
def _private_file(content: bytes) -> Iterator[str]:
    """The path of a file with `content` while OpenSSL reads it: Python can load a key only from a path.

    On Linux, it is anonymous memory and never on a disk; elsewhere, a file of mode 0600 that is removed at once.
    """
    if hasattr(os, "memfd_create") and os.path.isdir("/proc/self/fd"):
        handle = os.memfd_create("podtui", os.MFD_CLOEXEC)
        try:
            with open(handle, "wb", closefd=False) as opened:
                opened.write(content)
            yield f"/proc/self/fd/{handle}"
        finally:
            os.close(handle)
        return
    with tempfile.NamedTemporaryFile(prefix="podtui-") as opened:  # mkstemp: 0600
        opened.write(content)
        opened.flush()
        yield opened.name
