"""The settings of a connection, resolved from a kubeconfig, the command line and the environment.

Plain data: nothing here reads a file or opens a connection, but for `reread`. Every `repr` hides secrets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from podtui.text import redacted


@dataclass(frozen=True)
class ExecSpec:
    """An exec credential plugin (client.authentication.k8s.io): `command` is absolute or looked up on the PATH."""

    command: str
    api_version: str
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    install_hint: str = ""
    provide_cluster_info: bool = False
    interactive_mode: str = ""
    cluster_config: Any = None
    """The cluster's extension `client.authentication.k8s.io/exec`, passed to the plugin with the cluster's data."""


@dataclass(frozen=True)
class UserSpec:
    """How a user authenticates; every field may be empty, and all empty means anonymous."""

    client_certificate: str = ""
    client_certificate_data: bytes = field(default=b"", repr=False)
    client_key: str = ""
    client_key_data: bytes = field(default=b"", repr=False)
    token: str = field(default="", repr=False)
    token_file: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    exec: ExecSpec | None = None


@dataclass(frozen=True)
class Impersonation:
    """The user to impersonate: the Impersonate-* headers of a request."""

    user: str = ""
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def headers(self) -> list[tuple[str, str]]:
        """The request headers; each group and each extra value has a header of its own, as the API server expects."""
        found: list[tuple[str, str]] = []
        if self.user:
            found.append(("Impersonate-User", self.user))
        if self.uid:
            found.append(("Impersonate-Uid", self.uid))
        found += [("Impersonate-Group", group) for group in self.groups]
        for key, values in self.extra.items():
            found += [(f"Impersonate-Extra-{_header_key(key)}", value) for value in values]
        return found


_TOKEN_CHARACTERS = frozenset("!#$&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


def _header_key(key: str) -> str:
    """`key` with `%` and characters that are invalid in a header name percent-encoded: the server decodes it."""
    return "".join(chr(byte) if chr(byte) in _TOKEN_CHARACTERS else f"%{byte:02X}" for byte in key.encode())


@dataclass(frozen=True)
class ConnectionSettings:
    """One context, ready for use.

    `server` is the base URL without a slash at its end, possibly with a path; `namespace` is the context's, or
    `default`. `proxy` is the URL of the proxy to use, "" for none; `proxy_url` is the value in the kubeconfig.
    `kubeconfig` names the files, for messages. With `kubectl_options`, kubectl started in the same
    directory reaches the same cluster as the same user. `reread` gives the settings of the same context as the files say them now; it
    raises KubeconfigError, and is None where there is nothing to read.
    """

    context: str
    cluster: str
    user: str
    server: str = field(repr=False)
    namespace: str = "default"
    credentials: UserSpec = field(default_factory=UserSpec)
    impersonation: Impersonation = field(default_factory=Impersonation)
    certificate_authority: str = ""
    certificate_authority_data: bytes = field(default=b"", repr=False)
    insecure_skip_tls_verify: bool = False
    tls_server_name: str = ""
    proxy: str = field(default="", repr=False)
    proxy_url: str = field(default="", repr=False)
    disable_compression: bool = False
    kubeconfig: str = ""
    kubectl_options: tuple[str, ...] = ()
    reread: Callable[[], ConnectionSettings] | None = field(default=None, compare=False, repr=False)

    @property
    def shown_server(self) -> str:
        """The server's URL for a message: without a path that may be a secret."""
        return redacted(self.server)

    @property
    def secure(self) -> bool:
        """Whether the server uses TLS; without it, no credentials are sent, as in kubectl."""
        return self.server.startswith("https://")
