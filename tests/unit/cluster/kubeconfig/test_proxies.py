"""The proxy is chosen by the rules of Go's net/http."""

from __future__ import annotations

import pytest

from podtui.cluster.kubeconfig.proxies import proxy_for, uses_proxy
from podtui.errors import KubeconfigError


@pytest.mark.parametrize(
    ("host", "port", "no_proxy", "proxied"),
    [
        ("h.example.com", 443, "", True),
        ("h.example.com", 443, "*", False),
        ("h.example.com", 443, "other, *", False),
        ("h.example.com", 443, "example.com", False),
        ("example.com", 443, "example.com", False),
        ("badexample.com", 443, "example.com", True),
        ("h.example.com", 443, ".example.com", False),
        ("example.com", 443, ".example.com", True),
        ("h.example.com", 443, "*.example.com", False),
        ("example.com", 443, "*.example.com", True),
        ("H.Example.COM", 443, "EXAMPLE.com", False),
        ("h.example.com", 6443, "example.com:6443", False),
        ("h.example.com", 443, "example.com:6443", True),
        ("h.example.com", 443, "foo.com, ,h.example.com", False),
        ("h.example.com", 443, ":443", True),
        ("10.1.2.3", 443, "10.1.2.3", False),
        ("10.1.2.3", 443, "10.1.2.3:443", False),
        ("10.1.2.3", 6443, "10.1.2.3:443", True),
        ("10.1.2.3", 443, "10.0.0.0/8", False),
        ("10.1.2.3", 443, "10.1.2.200/24", False),
        ("11.1.2.3", 443, "10.0.0.0/8", True),
        ("10.1.2.3", 443, "10.0.0.0/88", True),
        ("h.example.com", 443, "0.0.0.0/0", True),
        ("fd00::5", 443, "fd00::/16", False),
        ("[fd00::5]", 443, "[fd00::5]:443", False),
        ("fd00::5", 443, "fd00:0:0::5", False),
        ("fd00::5", 443, "10.0.0.0/8", True),
        ("10.1.2.3", 443, "2.3", False),
        ("10.1.2.3", 443, "3", False),
        ("localhost", 443, "", False),
        ("127.0.0.1", 443, "", False),
        ("127.3.3.3", 443, "", False),
        ("::1", 443, "", False),
        ("localhost.example.com", 443, "", True),
    ],
)
def test_hosts_and_ports_in_no_proxy_are_reached_without_the_proxy(host: str, port: int, no_proxy: str, proxied: bool) -> None:
    assert uses_proxy(host, port, no_proxy) is proxied


@pytest.mark.parametrize(
    ("server", "environ", "expected"),
    [
        ("https://h", {}, ""),
        ("https://h", {"HTTPS_PROXY": "http://p:1"}, "http://p:1"),
        ("https://h", {"https_proxy": "http://p:1"}, "http://p:1"),
        ("https://h", {"HTTPS_PROXY": "http://p:1", "https_proxy": "http://q:1"}, "http://p:1"),
        ("https://h", {"HTTP_PROXY": "http://p:1"}, ""),
        ("http://h", {"HTTP_PROXY": "http://p:1"}, "http://p:1"),
        ("http://h", {"HTTPS_PROXY": "http://p:1"}, ""),
        ("https://h", {"HTTPS_PROXY": "p:1"}, "http://p:1"),
        ("https://h", {"HTTPS_PROXY": "p"}, "http://p"),
        ("https://h", {"HTTPS_PROXY": "https://p:1"}, "https://p:1"),
        ("https://h", {"HTTPS_PROXY": "http://p:1", "no_proxy": "h"}, ""),
        ("https://h:6443", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "h:6443"}, ""),
        ("https://h", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "h:443"}, ""),
        ("https://127.0.0.1:1", {"HTTPS_PROXY": "http://p:1"}, ""),
        ("https://[fd00::1]:1", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "fd00::/16"}, ""),
    ],
)
def test_the_environment_names_a_proxy(server: str, environ: dict[str, str], expected: str) -> None:
    assert proxy_for(server, "", environ) == expected


def test_the_clusters_own_proxy_wins_over_everything() -> None:
    environ = {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "*"}
    assert proxy_for("https://127.0.0.1:6443", "http://own:3128", environ) == "http://own:3128"


@pytest.mark.parametrize("url", ["socks4://h:1", "socks://h", "socks5://", "ftp://h", "http://", "http://h:x", "nothing"])
def test_a_proxy_that_cannot_be_used_is_an_error(url: str) -> None:
    with pytest.raises(KubeconfigError, match="proxy-url of cluster 'c'"):
        proxy_for("https://h", url, {}, "cluster 'c'")


def test_the_error_of_a_proxy_from_the_environment_names_the_variable_but_not_the_password() -> None:
    with pytest.raises(KubeconfigError) as caught:
        proxy_for("https://h", "", {"HTTPS_PROXY": "socks4://user:secret@p:1"})
    assert "HTTPS_PROXY" in caught.value.what and "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["socks5://h:1", "socks5h://u:p@h"])
def test_a_socks_proxy_comes_from_the_cluster_or_from_the_environment(url: str) -> None:
    assert proxy_for("https://h", url, {}) == url
    assert proxy_for("https://h", "", {"HTTPS_PROXY": url}) == url
    assert proxy_for("http://h", "", {"HTTP_PROXY": url}) == url
