"""The connection through TLS and through proxies: whom it trusts, whose certificate it shows, which way it goes."""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from podtui.cluster.connection.connection import Connection
from podtui.cluster.connection.connection_errors import failure
from podtui.cluster.connection.transport import tls
from podtui.cluster.kubeconfig.settings import ConnectionSettings, ExecSpec, UserSpec
from podtui.errors import ConnectionFailed, KubeconfigError
from tests.support.api_server import raw_server, serving, settings
from tests.support.socks import SocksProxy
from tests.support.tls import Authority, Proxy

V1 = "client.authentication.k8s.io/v1"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module")
def server(authority: Authority) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and api.example."""
    return authority.issue("server", "IP:127.0.0.1,DNS:api.example")


async def who(request: web.Request) -> web.StreamResponse:
    """Tells whose certificate came, and which name was asked for; or opens a WebSocket that says so."""
    assert request.transport is not None
    peer = request.transport.get_extra_info("peercert") or {}
    names = [value for part in peer.get("subject", ()) for key, value in part if key == "commonName"]
    told = {"client": names[0] if names else "", "authorization": request.headers.get("Authorization", "")}
    if "Upgrade" in request.headers:
        upgraded = web.WebSocketResponse(protocols=["p"])
        await upgraded.prepare(request)
        await upgraded.send_str(json.dumps(told))
        await upgraded.receive()
        return upgraded
    return web.json_response(told)


async def ask(given: ConnectionSettings) -> dict[str, Any]:
    connection = await Connection.open(given)
    try:
        told: dict[str, Any] = await connection.json("GET", "/")
        async with connection.websocket("/", protocols=["p"]) as upgraded:
            assert json.loads(await upgraded.receive() or b"") == told
        return told
    finally:
        await connection.close()


# --- whom it trusts


async def test_an_authority_is_taken_from_a_file_or_from_data(authority: Authority, server: tuple[Path, Path]) -> None:
    async with serving(who, authority.server_context(server)) as url:
        await ask(settings(url, certificate_authority=str(authority.certificate)))
        await ask(settings(url, certificate_authority_data=authority.certificate.read_bytes()))


async def test_the_servers_own_certificate_may_be_the_authority(authority: Authority, server: tuple[Path, Path]) -> None:
    async with serving(who, authority.server_context(server)) as url:
        await ask(settings(url, certificate_authority=str(server[0])))


@pytest.fixture
def old_authority(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate that signs itself, for 127.0.0.1, without key identifiers and key usage."""
    config = tmp_path / "openssl.cnf"
    config.write_text(
        "[req]\ndistinguished_name=dn\nx509_extensions=old\n[dn]\n[old]\nbasicConstraints=CA:TRUE\nsubjectAltName=IP:127.0.0.1\n"
    )
    pair = (tmp_path / "old.crt", tmp_path / "old.key")
    arguments = ["req", "-x509", "-config", str(config), "-newkey", "rsa:2048", "-nodes", "-keyout", str(pair[1]), "-out", str(pair[0])]
    subprocess.run(["openssl", *arguments, "-subj", "/CN=old", "-days", "2"], check=True, capture_output=True)
    return pair


async def test_an_authority_without_the_newer_extensions_is_accepted(old_authority: tuple[Path, Path]) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*old_authority)
    given = settings("https://h", certificate_authority=str(old_authority[0]))
    assert not tls.context_for(given).verify_flags & ssl.VERIFY_X509_STRICT
    async with serving(who, context) as url:
        await ask(replace(given, server=url))


async def test_a_server_that_is_not_trusted_is_reported_with_what_to_do(
    authority: Authority, server: tuple[Path, Path], tmp_path: Path
) -> None:
    async with serving(who, authority.server_context(server)) as url:
        with pytest.raises(ConnectionFailed, match="is not trusted") as caught:
            await ask(settings(url, certificate_authority=str(Authority(tmp_path).certificate)))
        assert "certificate-authority" in caught.value.hint and "cluster 'c'" in caught.value.hint
        with pytest.raises(ConnectionFailed, match="is not trusted"):
            await ask(settings(url))
        await ask(settings(url, insecure_skip_tls_verify=True))


async def test_a_certificate_of_another_name_is_reported(authority: Authority) -> None:
    async with serving(who, authority.server_context(authority.issue("other", "DNS:other.example"))) as url:
        with pytest.raises(ConnectionFailed, match=r"is not trusted: .*127\.0\.0\.1") as caught:
            await ask(settings(url, certificate_authority=str(authority.certificate)))
        assert "tls-server-name" in caught.value.hint
        await ask(settings(url, certificate_authority=str(authority.certificate), tls_server_name="other.example"))
        with pytest.raises(ConnectionFailed, match="is not trusted"):
            await ask(settings(url, certificate_authority=str(authority.certificate), tls_server_name="wrong.example"))


async def test_a_certificate_that_has_expired_is_reported(authority: Authority) -> None:
    async with serving(who, authority.server_context(authority.issue("expired", "IP:127.0.0.1", days=-1))) as url:
        with pytest.raises(ConnectionFailed, match=r"is not trusted: .*expired") as caught:
            await ask(settings(url, certificate_authority=str(authority.certificate)))
        assert "clock" in caught.value.hint


async def test_a_server_without_tls_is_reported() -> None:
    async with serving(who) as url:
        with pytest.raises(ConnectionFailed, match="does not speak TLS") as caught:
            await ask(settings(url.replace("http:", "https:"), insecure_skip_tls_verify=True))
        assert "http://" in caught.value.hint


@pytest.mark.parametrize("data", [b"not a certificate", b"\xff", b"-----BEGIN CERTIFICATE-----\nxx\n-----END CERTIFICATE-----\n"])
async def test_a_broken_authority_is_reported_when_the_connection_is_opened(data: bytes) -> None:
    with pytest.raises(KubeconfigError, match="certificate-authority-data of cluster 'c' holds no certificate"):
        await Connection.open(settings("https://h", certificate_authority_data=data))


async def test_a_missing_authority_is_reported() -> None:
    with pytest.raises(KubeconfigError, match="cannot read /nowhere/ca: No such file"):
        await Connection.open(settings("https://h", certificate_authority="/nowhere/ca"))


# --- whose certificate it shows


@pytest.fixture(scope="module")
def alice(authority: Authority) -> tuple[Path, Path]:
    return authority.issue("alice")


async def test_a_client_certificate_is_taken_from_files_or_from_data(
    authority: Authority, server: tuple[Path, Path], alice: tuple[Path, Path]
) -> None:
    certificate, key = alice
    ways = [
        UserSpec(client_certificate=str(certificate), client_key=str(key)),
        UserSpec(client_certificate_data=certificate.read_bytes(), client_key_data=key.read_bytes()),
        UserSpec(client_certificate_data=certificate.read_bytes().strip(), client_key=str(key)),
    ]
    async with serving(who, authority.server_context(server, client_certificates=True)) as url:
        for way in ways:
            assert (await ask(settings(url, certificate_authority=str(authority.certificate), credentials=way)))["client"] == "alice"


async def test_a_server_that_wants_a_certificate_fails_the_request(authority: Authority, server: tuple[Path, Path]) -> None:
    async with serving(who, authority.server_context(server, client_certificates=True)) as url:
        # Whether the server's alert is seen before its end of the connection is a matter of luck.
        with pytest.raises(ConnectionFailed, match=r"did not accept the client certificate|closed the connection|reset the connection"):
            await ask(settings(url, certificate_authority=str(authority.certificate)))


@pytest.mark.parametrize(
    ("reason", "words", "hint"),
    [
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "h:1 did not accept the client certificate: tlsv13 alert certificate required", "user 'u'"),
        ("SSLV3_ALERT_BAD_CERTIFICATE", "h:1 did not accept the client certificate: sslv3 alert bad certificate", "user 'u'"),
        ("WRONG_VERSION_NUMBER", "h:1 does not speak TLS", "http://"),
        ("TLSV1_ALERT_PROTOCOL_VERSION", "TLS with h:1 failed: tlsv1 alert protocol version", ""),
    ],
)
def test_an_alert_of_tls_is_reported_in_words(reason: str, words: str, hint: str) -> None:
    error = ssl.SSLError(1, f"[SSL: {reason}]")
    error.reason = reason
    wrapped = aiohttp.ClientOSError(1, "it failed")
    wrapped.__cause__ = error
    told = failure(settings("https://h:1"), wrapped)
    assert told.what == words and hint in told.hint


def test_a_key_is_never_left_on_a_disk(alice: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    certificate, key = alice
    user = UserSpec(client_certificate_data=certificate.read_bytes(), client_key_data=key.read_bytes())
    tls.context_for(settings("https://h", credentials=user))
    assert list(tmp_path.iterdir()) == []
    monkeypatch.delattr("os.memfd_create")  # as on a system that has none
    tls.context_for(settings("https://h", credentials=user))
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_cannot_be_used_is_reported(authority: Authority, alice: tuple[Path, Path], tmp_path: Path) -> None:
    certificate, key = (path.read_bytes() for path in alice)
    locked = tmp_path / "locked.key"
    arguments = ["ec", "-in", str(alice[1]), "-aes256", "-passout", "pass:secret", "-out", str(locked)]
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
    cases = [
        (certificate, locked.read_bytes(), "the key is encrypted"),
        (certificate, authority.issue("bob")[1].read_bytes(), "the key does not belong to the certificate"),
        (b"x", key, "not a certificate and a key in PEM form"),
        (certificate, b"", "not a certificate and a key in PEM form"),
    ]
    for pem, key_pem, words in cases:
        user = UserSpec(client_certificate_data=pem, client_key_data=key_pem or b"\n")
        with pytest.raises(KubeconfigError, match=f"user 'u' in config: {words}"):
            tls.context_for(settings("https://h", credentials=user))


async def test_a_plugins_certificate_is_shown_and_changed_after_a_401(
    authority: Authority, server: tuple[Path, Path], alice: tuple[Path, Path], tmp_path: Path
) -> None:
    bob = authority.issue("bob2", subject="/CN=bob")
    runs = tmp_path / "runs"
    program = f"""
import json
open({str(runs)!r}, "a").write("x")
certificate, key = {[[str(path) for path in pair] for pair in (alice, bob)]!r}[len(open({str(runs)!r}).read()) > 1]
status = {{"clientCertificateData": open(certificate).read(), "clientKeyData": open(key).read()}}
print(json.dumps({{"kind": "ExecCredential", "apiVersion": {V1!r}, "status": status}}))
"""
    user = UserSpec(exec=ExecSpec(sys.executable, V1, args=("-c", program)))
    more = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path == "/stream":
            answer = web.StreamResponse()
            await answer.prepare(request)
            await answer.write(b"one")
            await more.wait()
            await answer.write(b"two")
            return answer
        assert request.transport is not None
        name = request.transport.get_extra_info("peercert")["subject"][0][0][1]
        if request.path == "/bob" and name == "alice":
            return web.Response(status=401)
        return web.json_response({"name": name})

    async with serving(handler, authority.server_context(server, client_certificates=True)) as url:
        connection = await Connection.open(settings(url, certificate_authority=str(authority.certificate), credentials=user))
        assert await connection.json("GET", "/") == {"name": "alice"}
        async with connection.stream("/stream") as stream:
            chunks = [await anext(stream)]
            assert await asyncio.gather(*(connection.json("GET", "/bob") for _ in range(5))) == [{"name": "bob"}] * 5
            assert await connection.json("GET", "/") == {"name": "bob"}
            more.set()  # what was under way before goes on
            chunks += [chunk async for chunk in stream]
        assert chunks == [b"one", b"two"]
        await connection.close()
    assert len(runs.read_text()) == 2


# --- which way it goes


async def test_a_request_and_a_websocket_go_through_the_proxy(authority: Authority, server: tuple[Path, Path]) -> None:
    async with serving(who, authority.server_context(server)) as url:
        proxy = Proxy(url.removeprefix("https://"))
        async with raw_server(proxy) as address:
            given = settings(
                "https://api.example:6443",  # a name that only the proxy knows
                certificate_authority=str(authority.certificate),
                proxy=f"http://user:secret@{address}",
                credentials=UserSpec(token="t"),
            )
            assert (await ask(given))["authorization"] == "Bearer t"
    assert set(proxy.asked) == {"CONNECT api.example:6443 HTTP/1.1"}
    assert "Proxy-Authorization: Basic dXNlcjpzZWNyZXQ=" in proxy.headers
    assert not any("Bearer" in header for header in proxy.headers)


async def test_the_name_for_tls_holds_behind_a_proxy_too(authority: Authority, server: tuple[Path, Path]) -> None:
    async with serving(who, authority.server_context(server)) as url:
        async with raw_server(Proxy(url.removeprefix("https://"))) as address:
            given = settings("https://hidden:6443", certificate_authority=str(authority.certificate), proxy=f"http://{address}")
            await ask(replace(given, tls_server_name="api.example"))
            with pytest.raises(ConnectionFailed, match="the certificate of hidden:6443 is not trusted"):
                await ask(given)


async def test_a_proxy_that_speaks_tls_is_used(authority: Authority, server: tuple[Path, Path]) -> None:
    context = authority.server_context(server)
    async with serving(who, context) as url:
        proxy = Proxy(url.removeprefix("https://"))
        async with raw_server(proxy, tls=context) as address:
            given = settings("https://api.example", certificate_authority=str(authority.certificate), proxy=f"https://{address}")
            await ask(given)
    assert proxy.asked[0] == "CONNECT api.example:443 HTTP/1.1"


@pytest.mark.parametrize(
    ("refusal", "words", "hint"),
    [
        ("403 Forbidden", "the proxy http://127.* refused the connection to api.example: 403", "HTTPS_PROXY"),
        ("407 Proxy Authentication Required", "refused the connection to api.example: 407", "password"),
    ],
)
async def test_a_proxy_that_refuses_is_reported(refusal: str, words: str, hint: str) -> None:
    async with raw_server(Proxy("", refusal)) as address:
        with pytest.raises(ConnectionFailed, match=words) as caught:
            await ask(settings("https://api.example", proxy=f"http://user:secret@{address}"))
    assert hint in caught.value.hint
    assert "secret" not in str(caught.value)


async def test_a_proxy_that_is_not_there_is_reported() -> None:
    with pytest.raises(ConnectionFailed, match=r"the proxy http://127\.0\.0\.1:1 refuses the connection") as caught:
        await ask(settings("https://api.example", proxy="http://user:secret@127.0.0.1:1"))
    assert "proxy-url" in caught.value.hint and "secret" not in str(caught.value)


# --- files in PEM form, as kubectl (Go's encoding/pem and crypto/x509) reads them


def pem_variants(pem: bytes) -> dict[str, tuple[bytes, bool]]:
    """Files around one certificate, and whether kubectl takes them: each was compared with it. The byte order mark is podtui's alone."""
    lines = pem.split(b"\n")
    begin = lines[0] + b"\n"
    return {
        "a comment in Latin-1 before": (b"# Issuer: CN=Tot\xf6v\xe1ny\n" + pem, True),
        "bytes of no encoding after": (pem + b"\xff\xfe \x00 \xe9", True),
        "a NUL line before": (b"\0\0\n" + pem, True),
        "line ends of Windows": (pem.replace(b"\n", b"\r\n"), True),
        "a byte order mark": (b"\xef\xbb\xbf" + pem, True),
        "no line end at the end": (pem.rstrip(), True),
        "spaces after the begin line": (pem.replace(begin, begin.replace(b"\n", b"  \n")), True),
        "blank lines inside": (pem.replace(b"\n", b"\n\n"), True),
        "one long line": (begin + b"".join(lines[1:-2]) + b"\n" + lines[-2], True),
        "a block that is no certificate before": (begin + b"AAAA\n" + lines[-2] + b"\n" + pem, True),
        "a block that is not base64 before": (begin + b"!!\n" + lines[-2] + b"\n" + pem, True),
        "a block without an end before": (begin + b"AAAA\n" + pem, True),
        "twice": (pem + pem, True),
        "an indented begin line": (b"  " + pem, False),
        "words on the begin line": (b"x " + pem, False),
        "UTF-16": (pem.decode().encode("utf-16"), False),
        "a trusted certificate of OpenSSL": (pem.replace(b"CERTIFICATE", b"TRUSTED CERTIFICATE"), False),
        "headers": (pem.replace(begin, begin + b"A: b\n\n", 1), False),
        "line ends of old Macs": (pem.replace(b"\n", b"\r"), False),
    }


async def test_an_authority_has_any_text_around_it_as_for_kubectl(authority: Authority, server: tuple[Path, Path], tmp_path: Path) -> None:
    async with serving(who, authority.server_context(server)) as url:
        for name, (content, taken) in pem_variants(authority.certificate.read_bytes()).items():
            path = tmp_path / "ca"
            path.write_bytes(content)
            for given in (settings(url, certificate_authority_data=content), settings(url, certificate_authority=str(path))):
                if taken:
                    assert await ask(given), name
                else:
                    with pytest.raises(KubeconfigError, match="holds no certificate in PEM form"):
                        await ask(given)


async def test_an_authority_is_not_read_where_it_is_not_used() -> None:
    async with serving(who) as url:
        assert await ask(settings(url, certificate_authority_data=b"\xe9"))


async def test_a_client_certificate_has_any_text_around_it_and_its_own_key(
    authority: Authority, server: tuple[Path, Path], alice: tuple[Path, Path]
) -> None:
    certificate, key = (path.read_bytes() for path in alice)
    other = server[1].read_bytes()
    noise = b"Bag Attributes\n    friendlyName: \xe9\xff\n"
    user = UserSpec(client_certificate_data=noise + other + certificate + noise, client_key_data=noise + certificate + key + other)
    async with serving(who, authority.server_context(server, client_certificates=True)) as url:
        told = await ask(settings(url, certificate_authority=str(authority.certificate), credentials=user))
    assert told["client"] == "alice"


# --- SOCKS proxies


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
async def test_a_request_and_a_websocket_go_through_a_socks_proxy_which_resolves_the_name(
    authority: Authority, server: tuple[Path, Path], scheme: str
) -> None:
    async with serving(who, authority.server_context(server)) as url:
        proxy = SocksProxy(url.removeprefix("https://"))
        async with raw_server(proxy) as address:
            given = settings("https://api.example:6443", certificate_authority=str(authority.certificate), proxy=f"{scheme}://{address}")
            await ask(given)
            await ask(replace(given, server="https://10.9.8.7:6443", tls_server_name="api.example"))
    assert set(proxy.asked) == {"api.example:6443", "10.9.8.7:6443"}


async def test_a_socks_proxy_works_for_a_server_without_tls_and_gets_its_password() -> None:
    async with serving(who) as url:
        proxy = SocksProxy(url.removeprefix("http://"), user="me@x:se:cret")
        async with raw_server(proxy) as address:
            await ask(settings("http://api.example", proxy=f"socks5://me%40x:se%3Acret@{address}"))
            assert set(proxy.asked) == {"api.example:80"}
            for wrong in (f"socks5://me:hush@{address}", f"socks5://{address}"):
                with pytest.raises(ConnectionFailed, match=r"did not connect to api.example") as caught:
                    await ask(settings("http://api.example", proxy=wrong))
                assert "requires a user name and a password" in caught.value.hint and "hush" not in str(caught.value)


async def test_a_certificate_is_checked_through_a_socks_proxy(authority: Authority, server: tuple[Path, Path]) -> None:
    async with serving(who, authority.server_context(server)) as url, raw_server(SocksProxy(url.removeprefix("https://"))) as address:
        given = settings("https://other.example", certificate_authority=str(authority.certificate), proxy=f"socks5://{address}")
        with pytest.raises(ConnectionFailed, match=r"the certificate of other.example is not trusted"):
            await ask(given)


@pytest.mark.parametrize(("code", "words"), [(2, "not allowed"), (4, "Host unreachable"), (5, "refused")])
async def test_a_socks_proxy_that_refuses_is_reported_in_its_words(code: int, words: str) -> None:
    async with raw_server(SocksProxy("127.0.0.1:1", refuse=code)) as address:
        with pytest.raises(ConnectionFailed, match=f"(?i)the proxy socks5://{address} did not connect to api.example: .*{words}"):
            await ask(settings("http://api.example", proxy=f"socks5://{address}"))


async def test_a_socks_proxy_that_is_away_or_says_nothing_sensible_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("podtui.cluster.connection.bounds.CONNECT_TIMEOUT", 0.3)
    with pytest.raises(ConnectionFailed, match=r"the proxy socks5://127.0.0.1:1 refuses the connection") as caught:
        await ask(settings("http://api.example", proxy="socks5://127.0.0.1:1"))
    assert "proxy-url of cluster" in caught.value.hint

    async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    for answer in (garbage, silent):
        async with raw_server(answer) as address:
            with pytest.raises(ConnectionFailed, match="the proxy"):
                await ask(settings("http://api.example", proxy=f"socks5://{address}"))


async def test_without_its_package_a_socks_proxy_names_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "python_socks", None)
    with pytest.raises(KubeconfigError, match=r"the SOCKS proxy socks5://p:1080 needs the package python-socks") as caught:
        await Connection.open(settings("https://h", proxy="socks5://me:hush@p:1080"))
    assert "-m pip install 'podtui[socks]'" in caught.value.hint
