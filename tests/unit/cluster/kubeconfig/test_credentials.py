"""Credentials: static ones, token files, and exec plugins, which may be slow, noisy, broken or never end."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import stat
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from podtui.cluster.kubeconfig import exec_plugin
from podtui.cluster.kubeconfig.contexts import Kubeconfig
from podtui.cluster.kubeconfig.credentials import Credentials
from podtui.cluster.kubeconfig.settings import ConnectionSettings, ExecSpec, UserSpec
from podtui.errors import CredentialError
from tests.support.waiting import until

V1 = "client.authentication.k8s.io/v1"
Plugin = Callable[..., ConnectionSettings]


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def settings(user: UserSpec, **more: Any) -> ConnectionSettings:
    return ConnectionSettings(context="dev", cluster="c", user="u", server="https://h:6443", credentials=user, kubeconfig="config", **more)


@pytest.fixture
def plugin(tmp_path: Path) -> Plugin:
    """`plugin(source, ...)` writes a plugin in Python that may call `give(token=...)`, and gives settings that use it.

    Each run leaves a line in the file `runs`.
    """
    program = tmp_path / "plugin"

    def make(source: str, *, api_version: str = V1, cluster: dict[str, Any] | None = None, **spec: Any) -> ConnectionSettings:
        program.write_text(
            f"#!{sys.executable}\n"
            "import json, os, sys, time\n"
            f"open({str(tmp_path / 'runs')!r}, 'a').write(f'{{os.getpid()}}\\n')\n"
            "def give(expires=None, **status):\n"
            "    if expires: status['expirationTimestamp'] = expires\n"
            f"    print(json.dumps({{'kind': 'ExecCredential', 'apiVersion': {api_version!r}, 'status': status}}), flush=True)\n"
            f"{source}\n"
        )
        program.chmod(0o755)
        return settings(UserSpec(exec=ExecSpec(str(program), spec.pop("says", api_version), **spec)), **(cluster or {}))

    return make


def runs(tmp_path: Path) -> list[int]:
    path = tmp_path / "runs"
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def is_alive(pid: int) -> bool:
    """Whether a process of that id runs, not counting one that is dead and only waits to be seen."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


# --- what does not change


@pytest.mark.parametrize(
    ("user", "header"),
    [
        (UserSpec(), ""),
        (UserSpec(token="t"), "Bearer t"),
        (UserSpec(username="n", password="p:ä"), "Basic " + base64.b64encode("n:p:ä".encode()).decode()),
    ],
)
async def test_a_credential_from_nowhere_is_kept_and_cannot_be_renewed(user: UserSpec, header: str) -> None:
    credentials = Credentials(settings(user))
    given = await credentials.get()
    assert given.authorization == header
    assert not await credentials.renew(given)
    assert await credentials.get() == given


async def test_a_token_with_a_line_break_is_an_error_and_not_a_second_header() -> None:
    with pytest.raises(CredentialError, match="line break"):
        await Credentials(settings(UserSpec(token="a\nX: y"))).get()


# --- token files


async def test_a_token_file_is_stripped_and_read_again_each_minute(tmp_path: Path) -> None:
    path, clock = tmp_path / "token", Clock()
    path.write_text(" one\n")
    credentials = Credentials(settings(UserSpec(token_file=str(path))), clock)
    assert (await credentials.get()).authorization == "Bearer one"
    path.write_text("two\n")
    clock.now += 59
    assert (await credentials.get()).authorization == "Bearer one"
    clock.now += 1
    assert (await credentials.get()).authorization == "Bearer two"


async def test_a_401_reads_the_token_file_at_once_and_retries_only_with_another_token(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("one")
    credentials = Credentials(settings(UserSpec(token_file=str(path))))
    refused = await credentials.get()
    assert not await credentials.renew(refused)
    path.write_text("two")
    assert await credentials.renew(refused)
    assert (await credentials.get()).authorization == "Bearer two"


async def test_a_token_file_wins_over_a_token_which_helps_out(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("file")
    assert (await Credentials(settings(UserSpec(token="t", token_file=str(path)))).get()).authorization == "Bearer file"
    path.unlink()
    assert (await Credentials(settings(UserSpec(token="t", token_file=str(path)))).get()).authorization == "Bearer t"


async def test_a_token_file_that_goes_away_leaves_the_last_token(tmp_path: Path) -> None:
    path, clock = tmp_path / "token", Clock()
    path.write_text("one")
    credentials = Credentials(settings(UserSpec(token_file=str(path))), clock)
    await credentials.get()
    path.unlink()
    clock.now += 100
    assert (await credentials.get()).authorization == "Bearer one"


@pytest.mark.parametrize(("content", "words"), [(None, "No such file"), (b"\n", "it is empty"), (b"\xff", "not text")])
async def test_a_token_file_without_a_token_is_an_error(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CredentialError, match=words):
        await Credentials(settings(UserSpec(token_file=str(path)))).get()


# --- exec plugins: what they are given


async def test_a_plugin_gets_its_arguments_environment_and_exec_info(plugin: Plugin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INHERITED", "yes")
    source = "give(token='/'.join([*sys.argv[1:], os.environ['INHERITED'], os.environ['K'], os.environ['KUBERNETES_EXEC_INFO']]))"
    given = await exec_plugin.run(plugin(source, args=("a b", "c"), env=(("K", "v"),)))
    *arguments, info = given.token.split("/", 4)
    assert arguments == ["a b", "c", "yes", "v"]
    assert json.loads(info) == {"kind": "ExecCredential", "apiVersion": V1, "spec": {"interactive": False}}


async def test_a_plugin_that_asks_for_it_gets_the_cluster(plugin: Plugin, tmp_path: Path) -> None:
    authority = tmp_path / "ca.crt"
    authority.write_bytes(b"PEM")
    given = await exec_plugin.run(
        plugin(
            "give(token=os.environ['KUBERNETES_EXEC_INFO'])",
            provide_cluster_info=True,
            cluster_config={"audience": "x"},
            cluster={
                "certificate_authority": str(authority),
                "tls_server_name": "n",
                "proxy_url": "http://p:1",
                "disable_compression": True,
            },
        )
    )
    assert json.loads(given.token)["spec"]["cluster"] == {
        "server": "https://h:6443",
        "tls-server-name": "n",
        "certificate-authority-data": base64.b64encode(b"PEM").decode(),
        "proxy-url": "http://p:1",
        "disable-compression": True,
        "config": {"audience": "x"},
    }


async def test_a_plugin_has_an_empty_standard_input_and_no_terminal(plugin: Plugin) -> None:
    source = """
read = sys.stdin.read()
try:
    os.open('/dev/tty', os.O_RDWR)
    tty = 'a terminal'
except OSError:
    tty = 'no terminal'
give(token=f'{read!r} {tty} {os.getsid(0) == os.getpid()}')
"""
    assert (await exec_plugin.run(plugin(source))).token == "'' no terminal True"


async def test_a_plugin_without_a_slash_is_found_on_the_path(plugin: Plugin, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plugin("give(token='t')")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert (await exec_plugin.run(settings(UserSpec(exec=ExecSpec("plugin", V1))))).token == "t"


# --- exec plugins: what they give


async def test_v1beta1_is_understood_and_a_certificate_may_be_given(plugin: Plugin) -> None:
    version = "client.authentication.k8s.io/v1beta1"
    source = "give(clientCertificateData='CERT', clientKeyData='KEY', expires='2030-01-01T00:00:00Z')"
    given = await exec_plugin.run(plugin(source, api_version=version))
    assert given.certificate == (b"CERT", b"KEY")
    assert given.expires == datetime(2030, 1, 1, tzinfo=UTC).timestamp()


async def test_two_megabytes_on_stderr_do_not_block_a_plugin(plugin: Plugin) -> None:
    given = await exec_plugin.run(plugin("sys.stderr.write('noise\\n' * 400_000); give(token='t')"))
    assert given.token == "t"


async def test_what_a_plugin_tells_is_there_while_it_runs_and_gone_with_it(plugin: Plugin, tmp_path: Path) -> None:
    go_on = tmp_path / "go-on"
    words = "sys.stderr.write('open \\x1b[1mhttps://x\\nand enter ABC\\n'); sys.stderr.flush()\n"
    wait = f"import time\nwhile not os.path.exists({str(go_on)!r}): time.sleep(0.01)\ngive(token='t')"
    credentials = Credentials(plugin(words + wait))
    getting = asyncio.create_task(credentials.get())
    try:
        async with asyncio.timeout(20):
            while len(credentials.waits_for) < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert credentials.waits_for[0].startswith("the exec plugin ")
        assert credentials.waits_for[1:] == ("open ␛[1mhttps://x", "and enter ABC")
        go_on.touch()
        assert (await getting).authorization == "Bearer t" and credentials.waits_for == ()
    finally:
        await credentials.close()


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (
            "sys.stderr.write('first\\n\\nno \\x1b[31msession\\nlog in\\n'); sys.exit(3)",
            "failed with exit code 3: first / no ␛[31msession / log in",
        ),
        ("os.kill(os.getpid(), 15)", "was ended by signal 15"),
        ("pass", "printed nothing"),
        ("print('{hello')", "is neither JSON nor YAML"),
        ("print('hello')", "is not an ExecCredential"),
        ("print('[' * 100_000)", "is neither JSON nor YAML"),
        ("print('a: &a [*a]')", "is neither JSON nor YAML"),
        ("print('[]')", "is not an ExecCredential"),
        ("print(json.dumps({'kind': 'Pod'}))", "is not an ExecCredential"),
        ("give()", "returned neither a token nor a client certificate"),
        ("give(token=7)", "returned a token that is not text"),
        ("give(clientCertificateData='C')", "a client certificate without its key"),
        ("give(clientKeyData='K')", "a client key without its certificate"),
        ("give(token='t', expires='soon')", "is not a time: soon"),
        ("print(json.dumps({'kind': 'ExecCredential', 'apiVersion': 'x'}))", "answered with apiVersion x"),
        (f"print(json.dumps({{'kind': 'ExecCredential', 'apiVersion': '{V1}'}}))", "returned no status"),
        ("sys.stdout.write('x' * 5_000_000)", "printed more than 4 MiB"),
    ],
)
async def test_a_plugin_that_fails_is_reported_in_its_own_words(plugin: Plugin, source: str, words: str) -> None:
    with pytest.raises(CredentialError) as caught:
        await exec_plugin.run(plugin(source, install_hint="Get it\nfrom the team."))
    assert words in caught.value.what
    assert caught.value.hint == "Get it from the team."


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"says": "client.authentication.k8s.io/v1alpha1"}, "has the apiVersion client.authentication.k8s.io/v1alpha1"),
        ({"interactive_mode": "Always"}, "needs the terminal for prompts"),
        ({"interactive_mode": "Sometimes"}, "unknown interactiveMode Sometimes"),
    ],
)
async def test_a_plugin_that_cannot_work_is_not_run(plugin: Plugin, tmp_path: Path, spec: dict[str, Any], words: str) -> None:
    with pytest.raises(CredentialError, match=words):
        await exec_plugin.run(plugin("give(token='t')", **spec))
    assert runs(tmp_path) == []


async def test_a_plugin_may_answer_in_yaml(plugin: Plugin) -> None:
    answer = f"kind: ExecCredential\napiVersion: {V1}\nstatus:\n  token: &t abc\n"
    assert (await exec_plugin.run(plugin(f"print({answer!r})"))).token == "abc"


async def test_a_plugin_that_is_missing_is_reported_with_its_install_hint() -> None:
    with pytest.raises(CredentialError, match="the exec plugin no-such-plugin is not installed") as caught:
        await exec_plugin.run(settings(UserSpec(exec=ExecSpec("no-such-plugin", V1, install_hint="pip install it"))))
    assert caught.value.hint == "pip install it"


async def test_a_plugin_that_may_not_be_executed_is_reported(plugin: Plugin, tmp_path: Path) -> None:
    given = plugin("")
    (tmp_path / "plugin").chmod(stat.S_IRUSR)
    with pytest.raises(CredentialError, match="is not executable"):
        await exec_plugin.run(given)


async def test_a_plugin_that_is_not_a_program_is_reported(plugin: Plugin, tmp_path: Path) -> None:
    given = plugin("")
    (tmp_path / "plugin").write_bytes(b"\x00not a program")
    with pytest.raises(CredentialError, match="cannot be started: Exec format error"):
        await exec_plugin.run(given)


# --- exec plugins: their life

CHILD = "import subprocess; child = subprocess.Popen(['sleep', '600']); open({path!r}, 'w').write(str(child.pid)); "


async def test_a_plugin_that_never_ends_is_killed_with_its_children(plugin: Plugin, tmp_path: Path) -> None:
    child = tmp_path / "child"
    given = plugin(CHILD.format(path=str(child)) + "print('waiting', file=sys.stderr, flush=True); time.sleep(600)")
    with pytest.raises(CredentialError, match=r"did not end within 1.5 s: waiting"):
        await exec_plugin.run(given, limit=1.5)
    pids = [*runs(tmp_path), int(child.read_text())]
    await until(lambda: not any(is_alive(pid) for pid in pids))


async def test_a_plugin_is_killed_when_nobody_wants_it_any_more(plugin: Plugin, tmp_path: Path) -> None:
    child = tmp_path / "child"
    credentials = Credentials(plugin(CHILD.format(path=str(child)) + "time.sleep(600)"))
    waiting = asyncio.create_task(credentials.get())
    await until(lambda: child.exists() and bool(child.read_text()))
    await credentials.close()
    with pytest.raises(CredentialError, match="closed"):
        await waiting
    pids = [*runs(tmp_path), int(child.read_text())]
    await until(lambda: not any(is_alive(pid) for pid in pids))


async def test_a_child_that_holds_the_output_open_does_not_hold_up_the_credential(plugin: Plugin, tmp_path: Path) -> None:
    child = tmp_path / "child"
    given = await exec_plugin.run(plugin(CHILD.format(path=str(child)) + "give(token='t')"))
    pid = int(child.read_text())
    assert given.token == "t"
    assert is_alive(pid)  # an agent that the plugin leaves behind is its own affair
    os.kill(pid, 9)


async def test_many_who_ask_at_once_run_the_plugin_once(plugin: Plugin, tmp_path: Path) -> None:
    credentials = Credentials(plugin("time.sleep(0.2); give(token='t')"))
    given = await asyncio.gather(*(credentials.get() for _ in range(20)))
    assert {one.authorization for one in given} == {"Bearer t"}
    assert len(runs(tmp_path)) == 1


async def test_one_who_goes_away_does_not_end_the_plugin_for_the_others(plugin: Plugin, tmp_path: Path) -> None:
    credentials = Credentials(plugin("time.sleep(0.3); give(token='t')"))
    impatient, patient = asyncio.create_task(credentials.get()), asyncio.create_task(credentials.get())
    await until(lambda: bool(runs(tmp_path)))
    impatient.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await impatient
    assert impatient.cancelled()
    assert (await patient).authorization == "Bearer t"
    assert len(runs(tmp_path)) == 1


async def test_a_credential_is_kept_until_shortly_before_it_expires(plugin: Plugin, tmp_path: Path) -> None:
    clock = Clock()
    expires = datetime.fromtimestamp(clock.now + 3600, UTC).isoformat()
    credentials = Credentials(plugin(f"give(token=str(os.getpid()), expires={expires!r})"), clock)
    first = await credentials.get()
    clock.now += 3500
    assert await credentials.get() is first
    clock.now += 71
    assert (await credentials.get()).authorization != first.authorization
    assert len(runs(tmp_path)) == 2


async def test_a_credential_of_a_short_life_is_used_for_most_of_it(plugin: Plugin, tmp_path: Path) -> None:
    clock = Clock()
    expires = datetime.fromtimestamp(clock.now + 20, UTC).isoformat()
    credentials = Credentials(plugin(f"give(token='t', expires={expires!r})"), clock)
    await credentials.get()
    clock.now += 17
    await credentials.get()
    assert len(runs(tmp_path)) == 1
    clock.now += 2
    await credentials.get()
    assert len(runs(tmp_path)) == 2


async def test_a_credential_without_an_end_is_kept(plugin: Plugin, tmp_path: Path) -> None:
    clock = Clock()
    credentials = Credentials(plugin("give(token='t')"), clock)
    await credentials.get()
    clock.now += 1e8
    await credentials.get()
    assert len(runs(tmp_path)) == 1


async def test_a_401_runs_the_plugin_again_once_for_all_who_met_it(plugin: Plugin, tmp_path: Path) -> None:
    credentials = Credentials(plugin("give(token=str(os.getpid()))"))
    refused = await credentials.get()
    assert all(await asyncio.gather(*(credentials.renew(refused) for _ in range(10))))
    assert await credentials.renew(refused)  # one who met it late
    assert len(runs(tmp_path)) == 2
    assert (await credentials.get()).authorization == f"Bearer {runs(tmp_path)[1]}"


async def test_a_failure_is_not_remembered(plugin: Plugin, tmp_path: Path) -> None:
    flag = tmp_path / "logged-in"
    credentials = Credentials(plugin(f"give(token='t') if os.path.exists({str(flag)!r}) else sys.exit('log in')"))
    with pytest.raises(CredentialError, match="log in"):
        await credentials.get()
    flag.touch()
    assert (await credentials.get()).authorization == "Bearer t"


async def test_a_token_of_the_user_is_used_instead_of_the_plugin(plugin: Plugin, tmp_path: Path) -> None:
    spec = plugin("give(token='t')").credentials.exec
    assert (await Credentials(settings(UserSpec(token="own", exec=spec))).get()).authorization == "Bearer own"
    assert runs(tmp_path) == []


# --- what is read again after a refusal


def written(path: Path, **user: Any) -> ConnectionSettings:
    """The settings from a kubeconfig with that user."""
    config = {
        "clusters": [{"name": "c", "cluster": {"server": user.pop("server", "https://h:6443")}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "dev", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "dev",
    }
    path.write_text(json.dumps(config))
    return Kubeconfig.load(str(path)).settings()


async def test_a_token_is_read_again_from_the_kubeconfig_after_a_401(tmp_path: Path) -> None:
    credentials = Credentials(written(tmp_path / "config", token="one"))
    refused = await credentials.get()
    assert not await credentials.renew(refused), "nobody has logged in again yet"
    written(tmp_path / "config", token="two")
    assert (await credentials.get()).authorization == "Bearer one", "only a refusal makes it read again"
    assert all(await asyncio.gather(*(credentials.renew(refused) for _ in range(5))))
    assert (await credentials.get()).authorization == "Bearer two"


@pytest.mark.parametrize("content", ["", "{", '{"current-context": "dev"}'])
async def test_a_kubeconfig_that_is_half_written_leaves_the_last_credential(tmp_path: Path, content: str) -> None:
    credentials = Credentials(written(tmp_path / "config", token="one"))
    refused = await credentials.get()
    (tmp_path / "config").write_text(content)
    assert not await credentials.renew(refused)
    written(tmp_path / "config", token="two")
    assert await credentials.renew(refused)


async def test_a_token_for_another_server_is_not_taken(tmp_path: Path) -> None:
    credentials = Credentials(written(tmp_path / "config", token="one"))
    refused = await credentials.get()
    written(tmp_path / "config", token="two", server="https://other:6443")
    assert not await credentials.renew(refused)
    assert (await credentials.get()).authorization == "Bearer one"


async def test_a_certificate_is_read_again_after_a_refusal_and_tried_once(tmp_path: Path) -> None:
    pairs = [(b"c1", b"k1"), (b"c1", b"k1"), (b"c2", b"k2")]
    credentials = Credentials(settings(UserSpec(client_certificate="c", client_key="k")), own_certificate=lambda _: pairs.pop(0))
    refused = await credentials.get()
    assert refused.certificate is None
    assert await credentials.renew(refused), "the connection may have been opened with another one"
    again = await credentials.get()
    assert again.certificate == (b"c1", b"k1")
    assert not await credentials.renew(again)
    assert await credentials.renew(again)
    assert (await credentials.get()).certificate == (b"c2", b"k2")
