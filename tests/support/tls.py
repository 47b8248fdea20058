"""TLS for the tests of the connection: certificates of its own, and a proxy."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from pathlib import Path


class Proxy:
    """An HTTP proxy that tunnels (CONNECT) to `target` whatever host is asked for, and remembers what was asked."""

    def __init__(self, target: str, refuse: str = "") -> None:
        self.target = target
        self.refuse = refuse
        self.asked: list[str] = []
        self.headers: list[str] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        self.asked.append(head[0])
        self.headers += head[1:]
        if self.refuse:
            writer.write(f"HTTP/1.1 {self.refuse}\r\nContent-Length: 0\r\n\r\n".encode())
            await writer.drain()
            return
        host, _, port = self.target.rpartition(":")
        onward, back = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(pump(reader, back), pump(onward, writer))


async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while chunk := await source.read(65536):
            target.write(chunk)
            await target.drain()
    finally:
        target.close()


class Authority:
    """A certificate authority in a folder: `issue(name, san)` gives the paths of a certificate and its key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.certificate = folder / "ca.crt"
        self._openssl("req", "-x509", *self._key("ca"), "-out", str(self.certificate), "-subj", "/CN=authority", "-days", "2")

    def issue(self, name: str, san: str = "", days: int = 2, subject: str = "") -> tuple[Path, Path]:
        request, certificate, extensions = (self.folder / f"{name}.{end}" for end in ("csr", "crt", "ext"))
        self._openssl("req", "-new", *self._key(name), "-out", str(request), "-subj", subject or f"/CN={name}")
        extensions.write_text(f"subjectAltName={san}\n" if san else "basicConstraints=CA:FALSE\n")
        self._openssl(
            *("x509", "-req", "-in", str(request), "-CA", str(self.certificate), "-CAkey", str(self.folder / "ca.key")),
            *("-CAcreateserial", "-days", str(days), "-extfile", str(extensions), "-out", str(certificate)),
        )
        return certificate, self.folder / f"{name}.key"

    def server_context(self, pair: tuple[Path, Path], *, client_certificates: bool = False) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(self.certificate))
        context.load_cert_chain(*pair)
        if client_certificates:
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def _key(self, name: str) -> list[str]:
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(self.folder / f"{name}.key")]

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)
