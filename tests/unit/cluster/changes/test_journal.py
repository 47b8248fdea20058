"""The journal: what is written of each change, and what becomes of it when the disk, the program or the file fails."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from podtui.cluster.changes import creation, journal_file
from podtui.cluster.changes.deletion import Deletion
from podtui.cluster.changes.journal import LARGEST, Entry, Journal, Mutation, ending_of, new_action, one_action, taken_back, undoing
from podtui.cluster.changes.label_edit import LabelEdit
from podtui.cluster.changes.manifest import ManifestCreation
from podtui.cluster.changes.objects import Objects
from podtui.cluster.connection.connection import Connection
from podtui.errors import ApiError, ConfigError, ConnectionFailed, Forbidden, NotFound, ReadOnlyError, api_error
from podtui.kube import merge_patch as fields
from podtui.kube.label_changes import LabelChanges
from podtui.kube.manifests.documents import parse
from podtui.kube.resources import NAMESPACES, PODS, ObjectRef, Resource
from tests.support.api_server import ApiServer, Request, connected, not_found, not_served, page, settings, status
from tests.unit.cluster.changes.test_objects import witness

REF = ObjectRef(PODS, "kubia", "default", "uid-1")
SECRETS = Resource("", "v1", "secrets", "Secret")


@asynccontextmanager
async def journaled(path: Path) -> AsyncIterator[tuple[ApiServer, Objects, Journal, Connection]]:
    server = witness()
    async with connected(server) as connection:
        journal = Journal(connection.settings, path)
        yield server, Objects(connection, journal), journal, connection


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.jsonl"


def holding(*values: dict[str, Any]) -> Any:
    """An answer: a GET gives the first of `values`, anything else the last one."""
    return lambda request, body: web.json_response(values[0] if request.method == "GET" else values[-1])


def pod(labels: dict[str, str] | None = None, **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": "kubia", "uid": "uid-1", "resourceVersion": "7", "labels": labels or {}, **metadata}}


def content(path: Path) -> str:
    return path.read_text()


async def only(journal: Journal) -> Entry:
    ((entry,), broken) = await journal.entries()
    assert broken == 0
    return entry


async def test_a_change_of_labels_is_kept_with_what_it_was_about(path: Path) -> None:
    async with journaled(path) as (server, objects, journal, _):
        server.answer = holding(pod({"env": "debug", "app": "x", "tier": "web"}), pod({"env": "prod", "tier": "web"}))
        change = LabelEdit([REF], "labels", journal.settings.kubectl_options)
        change.changes, change.overwrite = LabelChanges({"env": "prod"}, ("app",)), True
        await change.read(objects)
        await change.send(objects)
        entry = await only(journal)
        assert (entry.verb, entry.form, entry.ending, str(entry.object), entry.object.uid) == (
            "label",
            "changes",
            "done",
            "pod/kubia",
            "uid-1",
        )
        assert entry.before == {"metadata": {"labels": {"env": "debug", "app": "x"}}}
        assert entry.after == {"metadata": {"labels": {"env": "prod", "app": None}}}
        assert entry.command == "kubectl --context dev label pod -n default kubia env=prod app- --overwrite"
        assert (entry.context, entry.user, entry.object.ref) == ("dev", "u", REF)
        assert [stat.S_IMODE(os.stat(one).st_mode) for one in (path, path.parent)] == [0o600, 0o700]


async def test_a_label_write_reads_the_object_once_and_patches_it_once(path: Path) -> None:
    async with journaled(path) as (server, objects, journal, _):
        server.answer = holding(pod({"env": "debug"}), pod({"env": "debug", "tier": "web"}))
        change = LabelEdit([REF], "labels", ())
        change.changes = LabelChanges({"tier": "web"})
        await change.read(objects)
        await change.send(objects)
        assert [method for method, *_ in server.sent] == ["GET", "PATCH"]
        assert (await only(journal)).before == {"metadata": {"labels": {"tier": None}}}


async def test_a_change_is_written_to_the_journal_before_it_is_sent(path: Path) -> None:
    async with journaled(path) as (server, objects, journal, _):
        seen: list[str] = []

        def answer(request: Request, body: Any) -> web.Response:
            if request.method == "PATCH":
                seen.extend(content(path).splitlines())
            return web.json_response(pod())

        server.answer = answer
        await objects.patch_metadata(REF, labels={"env": "prod"})
        (line,) = [json.loads(text) for text in seen]
        assert line["ending"] == "pending"
        assert line["after"] == {"metadata": {"labels": {"env": "prod"}}}
        assert (await only(journal)).ending == "done"


async def test_a_refusal_is_kept_with_the_servers_words(path: Path) -> None:
    async with journaled(path) as (server, objects, journal, _):
        words = 'pods "kubia" is forbidden: User "u" cannot patch'
        server.answer = lambda request, body: web.json_response(pod()) if request.method == "GET" else status(403, "Forbidden", words)
        with pytest.raises(Forbidden):
            await objects.patch_metadata(REF, labels={"env": "prod"})
        entry = await only(journal)
        assert (entry.ending, entry.words) == ("refused", words)


@pytest.mark.parametrize("how", ["cut", "timeout", "cancelled"])
async def test_what_nobody_answered_is_unknown(path: Path, how: str) -> None:
    async with journaled(path) as (server, objects, journal, _):
        arrived, forever = asyncio.Event(), asyncio.Event()

        async def serve(request: web.Request) -> web.StreamResponse:
            if request.method == "GET":
                return web.json_response(pod())
            arrived.set()
            if how == "cut":
                assert request.transport is not None
                request.transport.close()
            elif how == "cancelled":
                await forever.wait()
            return status(504, "Timeout", "request did not complete within the allotted timeout")

        server.handlers[REF.path] = serve
        work = asyncio.create_task(objects.delete(REF))
        await arrived.wait()
        if how == "cancelled":
            work.cancel()
        with pytest.raises((ConnectionFailed, ApiError, asyncio.CancelledError)):
            await work
        forever.set()
        entry = await only(journal)
        assert entry.ending == "unknown" and entry.words
        assert journal.under_way == set()


async def test_a_deletion_keeps_the_manifest_without_what_only_that_object_had(path: Path) -> None:
    async with journaled(path) as (server, objects, journal, _):
        whole = {"kind": "Pod", "apiVersion": "v1", **pod({"app": "x"}, managedFields=[{}]), "spec": {"a": 1}, "status": {"b": 2}}
        server.answer = holding(whole)
        change = Deletion([ObjectRef(PODS, "kubia", "default")], journal.settings.kubectl_options)
        change.grace_seconds = 3
        await change.send(objects)
        entry = await only(journal)
        assert (entry.form, entry.object.uid) == ("deletes", "uid-1")
        assert entry.before == {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "kubia", "labels": {"app": "x"}}, "spec": {"a": 1}}
        assert entry.command == "kubectl --context dev delete pod -n default kubia --grace-period=3"


async def test_a_namespace_is_kept_with_its_bare_pods(path: Path) -> None:
    async with journaled(path) as (server, objects, journal, _):
        owned = pod(ownerReferences=[{"kind": "ReplicaSet", "controller": True}])
        bare = pod(name="bare")
        namespace = {"metadata": {"name": "shop", "uid": "n"}}
        server.answer = lambda request, body: web.json_response({"items": [owned, bare]} if request.path.endswith("/pods") else namespace)
        await objects.delete(ObjectRef(NAMESPACES, "shop", "", "n"))
        entry = await only(journal)
        assert entry.pods == [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bare", "labels": {}}}]


async def test_a_creation_is_kept_with_the_name_and_the_uid_that_the_server_gave(path: Path) -> None:
    async with journaled(path) as (server, objects, journal, _):
        server.answer = lambda request, body: web.json_response({**body, "metadata": {"name": "kubia-x7", "uid": "new"}})
        text = "{apiVersion: v1, kind: Pod, metadata: {generateName: kubia-}, spec: {a: 1}}"
        change = ManifestCreation(journal.settings, "pod.yaml", "default")
        await change.check(objects, parse(text, "pod.yaml", "pod.yaml"))
        await change.send(objects)
        entry = await only(journal)
        assert (entry.verb, entry.form, entry.object.name, entry.object.uid) == ("create", "creates", "kubia-x7", "new")
        assert entry.after == {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "kubia-x7"}, "spec": {"a": 1}}
        assert entry.command == "kubectl --context dev create -n default -f pod.yaml"


async def test_a_dry_run_is_no_change(path: Path) -> None:
    async with journaled(path) as (_, objects, journal, _connection):
        await creation.check(objects, parse("{apiVersion: v1, kind: Pod, metadata: {name: a}}"), "default")
        assert await journal.entries() == ([], 0)


async def test_the_values_of_a_secret_are_never_written(path: Path) -> None:
    async with journaled(path) as (server, objects, journal, _):
        applied = {"kubectl.kubernetes.io/last-applied-configuration": '{"data":{"k":"aHVzaA=="}}', "note": "x"}
        secret = {"metadata": {"name": "s", "uid": "s1", "annotations": applied}, "data": {"k": "aHVzaA=="}, "type": "Opaque"}
        server.answer = holding(secret)
        ref = ObjectRef(SECRETS, "s", "default", "s1")
        await objects.delete(ref)
        await objects.patch(ref, {"stringData": {"k": "hush"}, "data": {"j": "aHVzaA=="}})
        await objects.mutate(Mutation("apply", "changes", ref, before={**secret, "data": {"k": "bG91ZA=="}}), "PATCH", ref.path, body={})
        await objects.mutate(Mutation("create", "creates", ref), "POST", SECRETS.path("default"), body=secret)
        entries, _ = await journal.entries()
        assert [entry.withheld for entry in entries] == ["the values of a Secret are not kept"] * 4
        assert entries[0].before == {"metadata": {"name": "s", "annotations": {"note": "x"}}, "type": "Opaque"}
        assert not any(value in content(path) for value in ("aHVzaA", "hush", "bG91ZA"))


async def test_without_the_fields_all_that_differs_is_kept_except_what_the_server_sets(path: Path) -> None:
    async with journaled(path) as (server, objects, journal, _):
        before = {**pod({"a": "1", "b": "2"}), "spec": {"image": "x", "list": [1]}, "status": {"n": 1}}
        after = {**pod({"a": "1", "c": "3"}, resourceVersion="9", generation=2), "spec": {"image": "y", "list": [1, 2]}, "status": {"n": 2}}
        server.answer = holding(after)
        await objects.mutate(Mutation("edit", "changes", REF, before=before), "PATCH", REF.path, body={})
        entry = await only(journal)
        assert entry.before == {"metadata": {"labels": {"b": "2", "c": None}}, "spec": {"image": "x", "list": [1]}}
        assert entry.after == {"metadata": {"labels": {"b": None, "c": "3"}}, "spec": {"image": "y", "list": [1, 2]}}


async def test_read_only_asks_nothing_and_writes_nothing(path: Path) -> None:
    async with journaled(path) as (server, objects, journal, connection):
        connection.read_only = True
        for work in (objects.delete(REF), objects.patch_metadata(REF, labels={"a": "b"})):
            with pytest.raises(ReadOnlyError):
                await work
        assert server.sent == [] and await journal.entries() == ([], 0)


async def test_what_cannot_be_read_before_is_changed_all_the_same(path: Path) -> None:
    async with journaled(path) as (server, objects, journal, _):
        server.answer = lambda request, body: status(403, "Forbidden", "no") if request.method == "GET" else web.json_response(pod())
        await objects.patch_metadata(REF, labels={"a": "b"})
        entry = await only(journal)
        assert (entry.ending, entry.before, entry.after) == ("done", None, {"metadata": {"labels": {"a": None}}})


async def test_a_journal_that_cannot_be_written_stops_no_change_and_is_told_once(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    async with journaled(blocked / "journal.jsonl") as (server, objects, journal, _):
        server.answer = holding(pod())
        told: list[ConfigError] = []
        journal.troubles.subscribe(told.append)
        for value in "123":
            await objects.patch_metadata(REF, labels={"a": value})
        assert [method for method, *_ in server.sent].count("PATCH") == 3
        with pytest.raises(ConfigError, match="cannot read"):
            await journal.entries()  # after all that was to be written
        await asyncio.sleep(0)
        assert len(told) == 1 and "label pod/kubia is not in the journal: cannot" in told[0].what
        blocked.unlink()
        await objects.patch_metadata(REF, labels={"a": "4"})
        assert (await only(journal)).ending == "done"


async def test_what_could_be_written_only_at_the_end_is_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with journaled(path) as (server, objects, journal, _):
        server.answer = holding(pod({"a": "0"}), pod({"a": "1"}))
        append, fails = journal_file.append, [True]

        def once(*arguments: Any, **more: Any) -> None:
            if fails and fails.pop():
                raise ConfigError("cannot write it: No space left on device")
            append(*arguments, **more)

        monkeypatch.setattr(journal_file, "append", once)
        await objects.patch_metadata(REF, labels={"a": "1"})
        entry = await only(journal)
        assert (entry.ending, entry.verb, entry.before) == ("done", "label", {"metadata": {"labels": {"a": "0"}}})


def test_a_disk_that_is_full_leaves_no_half_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal_file.append(path, {"id": "1"})
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[: len(data) // 2]))
    with pytest.raises(ConfigError, match="No space left on device"):
        journal_file.append(path, {"id": "2", "text": "x" * 100})
    monkeypatch.undo()
    journal_file.append(path, {"id": "3"})
    assert journal_file.read(path) == ([{"id": "1"}, {"id": "3"}], 0)


def test_broken_lines_are_passed_over_and_counted(path: Path) -> None:
    journal_file.append(path, {"id": "1"})
    with path.open("ab") as file:
        file.write(b'not json\n[1]\n\xff\n{"id": "2", "cut off')
    journal_file.append(path, {"id": "3"})
    lines, broken = journal_file.read(path)
    assert ([line["id"] for line in lines], broken) == (["1", "3"], 4)


async def test_entries_of_an_unknown_form_are_counted_not_fatal(path: Path) -> None:
    journal = Journal(settings("http://x"), path)
    journal_file.append(path, {"id": "1", "verb": "label"})
    journal_file.append(path, {"verb": "label"})
    entry = journal.new("label", "changes", REF)
    await journal.begin(entry)
    journal.end(entry, "done")
    entries, broken = await journal.entries()
    assert ([one.id for one in entries], broken) == ([entry.id], 2)


def test_a_full_file_is_put_aside_and_the_oldest_dropped(path: Path) -> None:
    for number in range(60):
        journal_file.append(path, {"id": f"{number:04}"}, full=50, kept=2)
    lines, _ = journal_file.read(path, kept=2)
    assert [line["id"] for line in lines] == [f"{number:04}" for number in range(60 - len(lines), 60)]
    assert sorted(file.name for file in path.parent.iterdir()) == ["journal.1.jsonl", "journal.2.jsonl", "journal.jsonl"]
    assert len(lines) < 15


def test_two_programs_at_once_mix_no_lines(path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom podtui.cluster.changes import journal_file\n"
        "for n in range(200): journal_file.append(Path(sys.argv[1]), {'id': sys.argv[2] + str(n), 'x': 'y' * 500}, full=20000, kept=50)"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, str(path), who]) for who in "ab"]
    assert [one.wait(timeout=120) for one in running] == [0, 0]
    lines, broken = journal_file.read(path, kept=50)
    assert broken == 0
    for who in "ab":
        assert [line["id"] for line in lines if line["id"][0] == who] == [f"{who}{n}" for n in range(200)]


def test_a_program_that_dies_in_the_middle_leaves_a_trace(path: Path) -> None:
    code = (
        "import asyncio, os, sys\nfrom pathlib import Path\nfrom podtui.cluster.changes.journal import Journal\n"
        "from podtui.kube.resources import PODS, ObjectRef\nfrom tests.support.api_server import settings\n"
        "async def main():\n"
        "    journal = Journal(settings('http://x'), Path(sys.argv[1]))\n"
        "    await journal.begin(journal.new('delete', 'deletes', ObjectRef(PODS, 'kubia', 'default', 'u')))\n"
        "    os._exit(9)\n"
        "asyncio.run(main())"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)], timeout=60, check=False).returncode == 9
    (entry,) = asyncio.run(Journal(settings("http://x"), path).entries())[0]
    assert (entry.verb, entry.ending, entry.object.uid) == ("delete", "pending", "u")


async def test_an_entry_that_is_too_large_says_so(path: Path) -> None:
    async with journaled(path) as (server, objects, journal, _):
        server.answer = holding(pod(annotations={"a": "x" * LARGEST}))
        await objects.delete(REF)
        entry = await only(journal)
        assert (entry.before, entry.withheld) == (None, "before and after are larger than 1 MiB")
        assert len(content(path)) < 4096


async def test_pods_of_a_namespace_that_do_not_fit_are_left_out_and_counted(path: Path) -> None:
    async with journaled(path) as (server, objects, journal, _):
        pods = [pod(name=f"p{n}", annotations={"a": "x" * (LARGEST // 3)}) for n in range(4)]
        server.answer = lambda request, body: web.json_response({"items": pods} if request.path.endswith("/pods") else {})
        await objects.delete(ObjectRef(NAMESPACES, "shop"))
        entry = await only(journal)
        assert len(entry.pods) == 2
        assert entry.withheld == "2 of 4 pods left out: they take more than 1 MiB"


async def test_what_is_done_at_once_is_one_action_and_an_undo_names_what_it_takes_back(path: Path) -> None:
    async with journaled(path) as (server, objects, journal, _):
        server.answer = holding(pod())
        with one_action(new_action()):
            await asyncio.gather(*(objects.patch_metadata(REF, labels={"a": value}) for value in "12"))
        (first, second), _ = await journal.entries()
        with undoing(first):
            await objects.patch_metadata(REF, labels={"a": None})
        (*_, third), _ = await journal.entries()
        assert first.action == second.action != third.action
        assert (third.undoes, second.undoes) == (first.id, "")


def test_an_undo_that_was_taken_back_itself_does_not_count() -> None:
    def entry(id: str, undoes: str = "", ending: Any = "done") -> Entry:
        target = Journal(settings("http://x"), Path("x")).new("label", "changes", REF).object
        return Entry(id, id, "", "", "", "", "label", "changes", target, ending, undoes=undoes)

    assert taken_back([entry("a"), entry("b", "a")]) == {"a"}
    assert taken_back([entry("a"), entry("b", "a"), entry("c", "b")]) == {"b"}
    assert taken_back([entry("a"), entry("b", "a"), entry("c", "b"), entry("d", "c")]) == {"a", "c"}
    assert taken_back([entry("a"), entry("b", "a", "refused")]) == set()


VALUES = st.recursive(
    st.integers(0, 3) | st.sampled_from("xy") | st.lists(st.integers(0, 2), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, min_size=1, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)


def applied(value: Any, patch: Any) -> Any:
    """RFC 7386, section 2."""
    if not isinstance(patch, dict):
        return patch
    made = dict(value) if isinstance(value, dict) else {}
    for key, part in patch.items():
        if part is None:
            made.pop(key, None)
        else:
            made[key] = applied(made.get(key), part)
    return made


def bare(value: Any) -> Any:
    """Without empty maps, which a field that is taken out of a map may leave behind."""
    if not isinstance(value, dict):
        return value
    return {key: made for key, part in value.items() if (made := bare(part)) != {}}


@given(OBJECTS, OBJECTS)
def test_a_difference_leads_to_the_one_state_and_back(before: dict[str, Any], after: dict[str, Any]) -> None:
    backward, forward = fields.difference(before, after)
    assert applied(before, fields.merge_patch(before, after)) == after
    assert bare(applied(after, backward)) == bare(before)
    assert fields.project(before, forward) == backward
    assert (not forward) == (before == after)


@given(OBJECTS, OBJECTS, OBJECTS)
def test_taking_back_a_patch_leaves_what_others_changed(before: dict[str, Any], patch: dict[str, Any], other: dict[str, Any]) -> None:
    after = applied(before, patch)
    theirs = {f"other-{key}": value for key, value in other.items()}
    assert bare(applied(applied(after, theirs), fields.project(before, patch))) == bare(applied(before, theirs))


def mutating_calls() -> list[str]:
    """Where podtui sends what may change a cluster without `Objects.mutate`; questions and dry runs change nothing."""
    found = []
    for file in sorted((Path(__file__).resolve().parents[4] / "podtui" / "cluster").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("json", "request")):
                continue
            method = node.args[0] if node.args else None
            if isinstance(method, ast.Constant) and method.value in ("GET", "HEAD"):
                continue
            found.append(f"{file.name}: {ast.unparse(node)}")
    return found


def test_every_change_passes_the_one_place_that_keeps_the_journal() -> None:
    calls = mutating_calls()
    changes = [call for call in calls if "'dryRun', 'All'" not in call and not call.startswith(("access.py", "connection.py: self._rest"))]
    assert changes and all(call.startswith("objects.py: self.connection.json(method, path") for call in changes), changes


@pytest.mark.parametrize(
    ("error", "ending"),
    [
        (not_found("pods", "kubia"), "refused"),
        (not_served(), "refused"),
        (api_error(500, "InternalError", 'failed calling webhook "x": timed out'), "refused"),
        (api_error(404, "", 'admission webhook "x" denied the request: no such team'), "refused"),
        (api_error(500, "InternalError", "etcd is away"), "unknown"),
        (page(), "unknown"),
    ],
)
def test_an_answer_of_which_it_is_unknown_who_gave_it_leaves_the_ending_unknown(error: ApiError, ending: str) -> None:
    assert ending_of(error) == (ending, error.what)


async def test_a_deletion_of_what_is_gone_is_refused_in_the_journal(path: Path) -> None:
    async with journaled(path) as (server, objects, journal, _):
        server.answer = lambda request, body: not_found("pods", "kubia")
        with pytest.raises(NotFound):
            await objects.delete(REF)
        assert (await only(journal)).words == 'pods "kubia" not found'
