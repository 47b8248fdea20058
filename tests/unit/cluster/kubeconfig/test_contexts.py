"""Kubeconfig files are found, merged and judged as kubectl does."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from podtui.cluster.kubeconfig import contexts as module
from podtui.cluster.kubeconfig.contexts import Kubeconfig
from podtui.errors import KubeconfigError, UsageError

CLUSTER = {"server": "https://one.example:6443", "insecure-skip-tls-verify": True}


def entry(name: str, kind: str, **body: Any) -> dict[str, Any]:
    return {"name": name, kind: {key.replace("_", "-"): value for key, value in body.items()}}


def config(
    cluster: dict[str, Any] | None = None,
    user: dict[str, Any] | None = None,
    context: dict[str, Any] | None = None,
    current: str = "dev",
    **top: Any,
) -> dict[str, Any]:
    """A kubeconfig with one context `dev` of cluster `c` and user `u`."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": current,
        "clusters": [{"name": "c", "cluster": CLUSTER if cluster is None else cluster}],
        "users": [{"name": "u", "user": user or {}}],
        "contexts": [{"name": "dev", "context": {"cluster": "c", "user": "u", **(context or {})}}],
        **top,
    }


@pytest.fixture
def written(tmp_path: Path) -> Any:
    def write(document: object, name: str = "config") -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(document if isinstance(document, str) else yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
        return str(path)

    return write


def load(path: str, environ: dict[str, str] | None = None) -> Kubeconfig:
    return Kubeconfig.load(path, environ or {})


def test_the_context_of_a_file_becomes_settings(written: Any) -> None:
    found = load(written(config(context={"namespace": "shop"}))).settings()
    assert (found.context, found.cluster, found.user, found.namespace) == ("dev", "c", "u", "shop")
    assert found.server == "https://one.example:6443"


def test_a_context_without_a_namespace_means_default(written: Any) -> None:
    assert load(written(config())).settings().namespace == "default"


def test_a_kubeconfig_may_be_json(written: Any) -> None:
    assert load(written(json.dumps(config()))).current_context == "dev"


def test_the_first_current_context_and_the_first_entry_of_a_name_win(written: Any) -> None:
    first = written({"contexts": [entry("a", "context", cluster="c")], "clusters": [entry("c", "cluster", server="https://first")]}, "1")
    second = written({"current-context": "b", "contexts": [entry("b", "context", cluster="c")]}, "2")
    third = written(
        {
            "current-context": "a",
            "contexts": [entry("a", "context", cluster="other"), entry("b", "context", cluster="other")],
            "clusters": [entry("c", "cluster", server="https://third"), entry("other", "cluster", server="https://other")],
        },
        "3",
    )
    found = Kubeconfig.load(None, {"KUBECONFIG": os.pathsep.join([first, second, third])})
    assert found.current_context == "b"
    assert found.files == (first, second, third)
    assert found.contexts["a"].cluster == found.contexts["b"].cluster == "c"
    assert found.settings().server == "https://first"
    assert set(found.clusters) == {"c", "other"}


def test_an_empty_current_context_does_not_count_as_the_first(written: Any) -> None:
    first, second = written({"current-context": ""}, "1"), written(config(), "2")
    assert Kubeconfig.load(None, {"KUBECONFIG": f"{first}:{second}"}).current_context == "dev"


def test_missing_files_and_empty_names_in_kubeconfig_are_skipped(written: Any, tmp_path: Path) -> None:
    there = written(config())
    found = Kubeconfig.load(None, {"KUBECONFIG": f"{tmp_path}/none::{there}:{there}"})
    assert found.files == (there,)


def test_home_is_looked_into_without_kubeconfig(written: Any, tmp_path: Path) -> None:
    there = written(config(), ".kube/config")
    assert Kubeconfig.load(None, {"HOME": str(tmp_path), "KUBECONFIG": ""}).files == (there,)


def test_an_explicit_file_is_the_only_one(written: Any) -> None:
    other, explicit = written(config(current="other"), "other"), written(config(), "explicit")
    assert Kubeconfig.load(explicit, {"KUBECONFIG": other}).files == (explicit,)


def test_a_missing_explicit_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(KubeconfigError, match="there is no kubeconfig") as caught:
        load(f"{tmp_path}/none")
    assert "--kubeconfig" in caught.value.hint


@pytest.mark.parametrize("environ", [{}, {"KUBECONFIG": "/nowhere/config"}])
def test_no_kubeconfig_at_all_is_reported_with_what_to_do(environ: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(KubeconfigError) as caught:
        Kubeconfig.load(None, {"HOME": str(tmp_path), **environ})
    assert "--kubeconfig" in caught.value.hint and "KUBECONFIG" in caught.value.hint
    assert environ.get("KUBECONFIG", str(tmp_path)) in caught.value.what


def test_contexts_are_listed_without_a_current_context(written: Any) -> None:
    found = load(written(config(current="")))
    assert list(found.contexts) == ["dev"]
    with pytest.raises(KubeconfigError, match="no current-context") as caught:
        found.settings()
    assert "dev" in caught.value.hint
    assert found.settings("dev").context == "dev"


def test_an_empty_file_has_no_contexts(written: Any) -> None:
    with pytest.raises(KubeconfigError, match="no current-context"):
        load(written("")).settings()


def test_an_unknown_context_names_the_near_ones(written: Any) -> None:
    contexts = [entry(name, "context", cluster="c", user="u") for name in ("production-eu", "production-us", "staging")]
    with pytest.raises(KubeconfigError, match="there is no context 'prodction-eu'") as caught:
        load(written(config(contexts=contexts))).settings("prodction-eu")
    assert "production-eu" in caught.value.hint and "staging" not in caught.value.hint
    with pytest.raises(KubeconfigError) as caught:
        load(written(config(contexts=contexts))).settings("zzz")
    assert "production-eu, production-us, staging" in caught.value.hint


def test_a_current_context_that_is_missing_says_that_it_is_the_current_one(written: Any) -> None:
    with pytest.raises(KubeconfigError, match="it is the current-context"):
        load(written(config(current="gone"))).settings()


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: b\n\tc: d\n", 2, "not valid YAML"),
        ("clusters: [\n", 2, "not valid YAML"),
        ("- a\n- b\n", 1, "a list, not a mapping"),
        ("clusters:\n  a: b\n", 2, "clusters must be a list, not a mapping"),
        ("users:\n- name: a\n  user:\n    token: 123\n", 4, r"users\[0\].user.token must be text, not a number"),
        ("users:\n- name: a\n  user: x\n", 3, r"users\[0\].user must be a mapping, not text"),
        ("users:\n- x\n", 2, "must be a mapping, not text"),
        ("contexts:\n- name: true\n", 2, "must be text, not true or false"),
        ("clusters:\n- name: a\n  cluster:\n    insecure-skip-tls-verify: 'yes'\n", 4, "must be true or false, not text"),
        ("clusters:\n- name: a\n  cluster:\n    certificate-authority-data: '!'\n", 4, "is not valid base64"),
        ("users:\n- name: a\n  user:\n    as-groups: [a, 1]\n", 4, r"as-groups\[1\] must be text"),
        ("users:\n- name: a\n  user:\n    exec:\n      apiVersion: x\n", 5, "names no command"),
        ("users:\n- name: a\n  user:\n    exec: {command: x}\n", 4, "has no apiVersion"),
        ("users:\n- name: a\n- name: b\n- name: a\n", 4, "another of the users has that name"),
        ("kind: Pod\n", 1, "is a Pod, not a kubeconfig"),
    ],
)
def test_a_broken_file_is_reported_with_its_line(written: Any, text: str, line: int, words: str) -> None:
    path = written(text)
    with pytest.raises(KubeconfigError, match=words) as caught:
        load(path)
    assert caught.value.what.startswith(f"{path}:{line}: ")
    assert "\n" not in caught.value.what


def test_bytes_that_are_not_text_are_reported(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_bytes(b"a: \xff\xfe\n")
    with pytest.raises(KubeconfigError, match="config:1: is not UTF-8 text"):
        load(str(path))


def test_a_file_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    with pytest.raises(KubeconfigError, match=r"cannot read the kubeconfig .*: Is a directory"):
        load(str(tmp_path))


def test_unknown_fields_and_nulls_are_ignored(written: Any) -> None:
    text = "x: 1\npreferences: {}\nclusters: null\nusers:\n- name: a\n  user: null\n- name: b\n  user: {colour: blue}\n"
    assert set(load(written(text)).users) == {"a", "b"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"contexts": [entry("dev", "context", user="u")]}, "names no cluster"),
        ({"contexts": [entry("dev", "context", cluster="cc", user="u")]}, "names the cluster 'cc', which is missing"),
        ({"contexts": [entry("dev", "context", cluster="c", user="v")]}, "names the user 'v', which is missing"),
        ({"cluster": {}}, "has no server"),
        ({"cluster": {"server": "https://h:port"}}, "is not a URL"),
        ({"cluster": {"server": "ftp://h"}}, "is not a URL"),
        ({"cluster": {"server": "https://[::1"}}, "is not a URL"),
        ({"cluster": {**CLUSTER, "certificate-authority": "ca.crt"}}, "both insecure-skip-tls-verify and a certificate-authority"),
        ({"cluster": {"server": "https://h", "certificate-authority": "gone.crt"}}, "cannot read .*gone.crt.*: No such file"),
        ({"user": {"client-certificate-data": "YQ=="}}, "has a client-certificate but no client-key"),
        ({"user": {"client-key-data": "YQ=="}}, "has a client-key but no client-certificate"),
        ({"user": {"client-certificate": "gone", "client-key-data": "YQ=="}}, "cannot read .*gone, the client-certificate of user 'u'"),
        ({"user": {"client-certificate-data": "YQ==", "client-key": "gone"}}, "cannot read .*gone, the client-key of user 'u'"),
        ({"user": {"tokenFile": "gone"}}, "cannot read .*gone, the tokenFile of user 'u'"),
        ({"user": {"token": "t", "username": "name"}}, "both a token and a username"),
        ({"user": {"auth-provider": {"name": "gcp"}}}, "auth-provider 'gcp'"),
        ({"user": {"as-groups": ["g"]}}, "without as"),
        ({"cluster": {**CLUSTER, "proxy-url": "socks4://h:1"}}, "unknown scheme socks4"),
        ({"cluster": {**CLUSTER, "proxy-url": "gopher://h"}}, "unknown scheme"),
    ],
)
def test_a_context_that_cannot_be_used_is_reported(written: Any, change: dict[str, Any], words: str) -> None:
    found = load(written(config(**change)))
    with pytest.raises(KubeconfigError, match=words):
        found.settings()


def test_a_token_that_looks_like_a_date_stays_text(written: Any) -> None:
    text = yaml.safe_dump(config(user={"token": "X"})).replace("token: X", "token: 2020-01-01")
    assert load(written(text)).settings().credentials.token == "2020-01-01"


def test_over_plain_http_a_missing_user_is_nobody(written: Any) -> None:
    found = load(written(config(cluster={"server": "http://h"}, users=[])))
    assert found.settings().server == "http://h"


def test_paths_are_relative_to_the_file_that_names_them(written: Any, tmp_path: Path) -> None:
    for name in ("ca.crt", "me.crt", "me.key", "token"):
        written("x", f"sub/{name}")
    path = written(
        config(
            cluster={"server": "https://h", "certificate-authority": "ca.crt"},
            user={"client-certificate": "./me.crt", "client-key": f"{tmp_path}/sub/me.key", "tokenFile": "token"},
        ),
        "sub/config",
    )
    found = load(path).settings()
    assert os.path.samefile(found.certificate_authority, tmp_path / "sub/ca.crt")
    assert os.path.samefile(found.credentials.client_certificate, tmp_path / "sub/me.crt")
    assert found.credentials.client_key == f"{tmp_path}/sub/me.key"
    assert found.credentials.token_file == f"{tmp_path}/sub/token"


@pytest.mark.parametrize(
    ("command", "resolved"), [("login", "login"), ("./bin/login", "{}/./bin/login"), ("/usr/bin/login", "/usr/bin/login")]
)
def test_only_an_exec_command_with_a_slash_is_relative_to_the_file(written: Any, tmp_path: Path, command: str, resolved: str) -> None:
    spec = {"apiVersion": "client.authentication.k8s.io/v1", "command": command, "args": ["a"], "env": [{"name": "K", "value": "V"}]}
    found = load(written(config(user={"exec": spec}))).settings().credentials.exec
    assert found is not None
    assert (found.command, found.args, found.env) == (resolved.format(tmp_path), ("a",), (("K", "V"),))


def test_data_wins_over_a_file_and_is_decoded(written: Any) -> None:
    data = base64.b64encode(b"PEM").decode()
    cluster = {"server": "https://h", "certificate-authority-data": data, "certificate-authority": "/nowhere"}
    user = {"client-certificate-data": data, "client-certificate": "/nowhere", "client-key-data": data[:3] + "\n" + data[3:]}
    found = load(written(config(cluster=cluster, user=user))).settings()
    assert (found.certificate_authority, found.certificate_authority_data) == ("", b"PEM")
    assert (found.credentials.client_certificate_data, found.credentials.client_key_data) == (b"PEM", b"PEM")


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        ("https://h/", "https://h"),
        ("https://h:6443/k8s/clusters/c-1/", "https://h:6443/k8s/clusters/c-1"),
        ("https://h/p?a=b#c", "https://h/p"),
        ("h:6443", "https://h:6443"),
        ("HTTPS://h", "https://h"),
        ("https://[::1]:6443", "https://[::1]:6443"),
    ],
)
def test_the_server_is_a_base_url(written: Any, server: str, expected: str) -> None:
    assert load(written(config(cluster={**CLUSTER, "server": server}))).settings().server == expected


def test_a_server_without_a_scheme_and_without_tls_is_plain_http(written: Any) -> None:
    assert load(written(config(cluster={"server": "h:8080"}))).settings().server == "http://h:8080"


def test_no_credentials_go_over_plain_http(written: Any) -> None:
    found = load(written(config(cluster={"server": "http://h"}, user={"token": "secret", "as": "alice"}))).settings()
    assert found.credentials.token == ""
    assert found.impersonation.user == "alice"


def test_flags_override_the_impersonation_of_the_file(written: Any) -> None:
    user = {"as": "alice", "as-groups": ["dev"], "as-uid": "7", "as-user-extra": {"scope": ["a", "b"]}}
    found = load(written(config(user=user)))
    assert found.settings().impersonation.headers() == [
        ("Impersonate-User", "alice"),
        ("Impersonate-Uid", "7"),
        ("Impersonate-Group", "dev"),
        ("Impersonate-Extra-scope", "a"),
        ("Impersonate-Extra-scope", "b"),
    ]
    flagged = found.settings(impersonate="bob", impersonate_groups=["x", "y"]).impersonation
    assert (flagged.user, flagged.groups) == ("bob", ("x", "y"))


def test_a_key_of_an_extra_is_escaped_for_a_header(written: Any) -> None:
    user = {"as": "a", "as-user-extra": {"example.com/a%b": ["v"]}}
    assert load(written(config(user=user))).settings().impersonation.headers()[1][0] == "Impersonate-Extra-example.com%2Fa%25b"


def test_a_group_without_a_user_is_wrong_usage(written: Any) -> None:
    with pytest.raises(UsageError, match="--as-group needs --as"):
        load(written(config())).settings(impersonate_groups=["g"])


def test_secrets_are_in_no_repr(written: Any) -> None:
    user = {"client-certificate-data": "aHVzaA==", "client-key-data": "aHVzaA==", "token": "hush"}
    found = load(written(config(user=user, cluster={**CLUSTER, "proxy-url": "http://u:hush@h"})))
    assert "hush" not in repr(found) and "hush" not in repr(found.settings())


@pytest.mark.parametrize(
    "cluster",
    [
        {"server": "https://me:hush@h:99999/hush"},
        {"server": "ftp://me:hush@h/hush"},
        {"server": "https://me:hu/sh@h:x"},
        {"server": "https://h", "proxy-url": "ftp://me:hush@p/hush"},
        {"server": "https://h", "proxy-url": "http://me:hush@p:99999/hush"},
        {"server": "https://h", "proxy-url": "http://:x"},
    ],
)
def test_an_error_about_a_url_shows_none_of_its_secrets(written: Any, cluster: dict[str, Any]) -> None:
    with pytest.raises(KubeconfigError) as caught:
        load(written(config(cluster=cluster))).settings()
    assert "hush" not in str(caught.value) and "hu/sh" not in str(caught.value)


def test_a_password_in_the_servers_url_is_that_of_a_user_without_another(written: Any) -> None:
    cluster = {"server": "https://me:hu%40sh@h/path/hush"}
    settings = load(written(config(cluster=cluster, user={}))).settings()
    assert (settings.server, settings.shown_server) == ("https://h/path/hush", "https://h/…")
    assert (settings.credentials.username, settings.credentials.password) == ("me", "hu@sh")
    assert "hush" not in repr(settings)
    other = load(written(config(cluster=cluster, user={"token": "t"}))).settings()
    assert (other.server, other.credentials.username, other.credentials.token) == ("https://h/path/hush", "", "t")


def test_names_from_a_file_are_harmless_in_errors(written: Any) -> None:
    with pytest.raises(KubeconfigError) as caught:
        load(written(config(contexts=[entry("\x1b[31m", "context")], current="\x1b[31m"))).settings()
    assert "\x1b" not in str(caught.value)


def test_a_pod_uses_its_service_account(monkeypatch: pytest.MonkeyPatch, written: Any, tmp_path: Path) -> None:
    for name, text in (("token", "t"), ("ca.crt", "PEM"), ("namespace", "shop\n")):
        written(text, f"sa/{name}")
    monkeypatch.setattr(module, "SERVICE_ACCOUNT", f"{tmp_path}/sa")
    environ = {"HOME": str(tmp_path), "KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}
    found = Kubeconfig.load(None, environ).settings()
    assert (found.server, found.namespace) == ("https://[fd00::1]:443", "shop")
    assert found.credentials.token_file == f"{tmp_path}/sa/token"
    assert found.certificate_authority == f"{tmp_path}/sa/ca.crt"
    written(config(), ".kube/config")
    assert Kubeconfig.load(None, environ).current_context == "dev"


def test_the_proxy_is_chosen_with_the_settings(written: Any) -> None:
    environ = {"HTTPS_PROXY": "http://proxy:3128"}
    assert load(written(config()), environ).settings().proxy == "http://proxy:3128"
    assert load(written(config(cluster={**CLUSTER, "proxy-url": "http://own:1"})), environ).settings().proxy == "http://own:1"


def test_loading_imports_neither_kubernetes_nor_aiohttp(written: Any) -> None:
    import subprocess
    import sys

    program = (
        "import sys; from podtui.cluster.kubeconfig.contexts import Kubeconfig;"
        " from podtui.cluster.connection.connection import Connection;"
        f"Kubeconfig.load({written(config())!r}).settings();"
        "print([name for name in sys.modules if name.split('.')[0] in ('kubernetes', 'aiohttp', 'textual', 'rich')])"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_kubectl_is_told_what_the_command_line_told_podtui(written: Any) -> None:
    path = written(config())
    by_flags = load(path).settings(impersonate="bob", impersonate_groups=["x", "y"])
    assert by_flags.kubectl_options == ("--kubeconfig", path, "--context", "dev", "--as", "bob", "--as-group", "x", "--as-group", "y")
    assert Kubeconfig.load(None, {"KUBECONFIG": path}).settings().kubectl_options == ("--context", "dev")


def test_in_a_pod_kubectl_needs_no_options(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t")
    monkeypatch.setattr(module, "SERVICE_ACCOUNT", str(tmp_path))
    environ = {"HOME": str(tmp_path), "KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}
    assert Kubeconfig.load(None, environ).settings().kubectl_options == ()
