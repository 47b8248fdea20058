"""The built-in cluster over HTTP: paths, forms, watches, refusals, and clients that mean no good."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import stat
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from podtui.demo.api import api, encoding, watching
from podtui.demo.scenarios import loading
from podtui.demo.server import DemoServer
from podtui.demo.storage.kinds import CONFIGMAPS
from podtui.demo.storage.state import State

AS_TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
MAPS = "/api/v1/namespaces/default/configmaps"


class Client:
    """Requests to one server; `server` is the inside of it."""

    def __init__(self, server: DemoServer, session: aiohttp.ClientSession) -> None:
        self.server, self.session = server, session

    @property
    def state(self) -> State:
        return self.server.state

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        data = body if isinstance(body, bytes) or body is None else json.dumps(body)
        headers = {key.replace("_", "-"): value for key, value in headers.items()}
        if data is not None:
            headers.setdefault("Content-Type", "application/json")
        async with self.session.request(method, self.server.url + path, data=data, headers=headers) as response:
            text = await response.text()
            is_json = "json" in response.headers.get("Content-Type", "")
            return response.status, json.loads(text) if is_json else text

    async def get(self, path: str, **headers: str) -> Any:
        return (await self.ask("GET", path, **headers))[1]

    def make(self, name: str, **labels: str) -> dict[str, Any]:
        obj = {"metadata": {"name": name, "namespace": "default", "labels": labels}, "data": {"a": "b"}}
        return self.state.create(CONFIGMAPS, obj)

    def relabel(self, name: str, **labels: str) -> None:
        old = self.state.get(CONFIGMAPS, "default", name)
        assert old is not None
        self.state.update(CONFIGMAPS, {**old, "metadata": {**old["metadata"], "labels": labels}})

    async def watch(self, query: str = "", **headers: str) -> Events:
        response = await self.session.get(f"{self.server.url}{MAPS}?watch=1&{query}", headers=headers)
        assert response.status == 200, await response.text()
        return Events(response)


class Events:
    """The events of a watch as (type, name, version)."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response

    async def next(self) -> dict[str, Any]:
        line = await asyncio.wait_for(self.response.content.readline(), 10)
        assert line, "the watch has ended"
        found: dict[str, Any] = json.loads(line)
        return found

    async def some(self, count: int) -> list[tuple[str, str]]:
        events = [await self.next() for _ in range(count)]
        return [(event["type"], event["object"]["metadata"].get("name", "")) for event in events]

    async def end(self) -> bytes:
        return await asyncio.wait_for(self.response.content.read(), 10)


@pytest_asyncio.fixture
async def client() -> AsyncIterator[Client]:
    server = DemoServer(behaviour=False, speed=0, start=1_700_000_000)
    await server.open()
    server.writes.namespaces.close()
    server.state.remove(CONFIGMAPS, "default", "kube-root-ca.crt")  # every namespace has it
    async with aiohttp.ClientSession() as session:
        yield Client(server, session)
    await server.close()


# -- the server as a whole


def test_the_kubeconfig_is_its_owners_alone_and_gone_at_the_end() -> None:
    with DemoServer(behaviour=False) as server:
        path = server.kubeconfig
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        assert stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o700
        with open(path, encoding="utf-8") as file:
            config = json.load(file)
        assert config["current-context"] == "podtui-demo"
        assert config["contexts"][0]["context"]["namespace"] == "default"
        assert config["clusters"][0]["cluster"]["server"].startswith("http://127.0.0.1:")
    assert not os.path.exists(os.path.dirname(path))
    server.stop()


def test_what_a_killed_cluster_left_is_taken_away_by_the_next_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    left, begun, other = (tmp_path / f"podtui-demo-{name}" for name in ("left", "begun", "other"))
    for folder in (left, begun, other):
        folder.mkdir()
    (left / "kubeconfig").write_text("{}")
    (begun / "kubeconfig").touch()
    (other / "config").write_text("{}")
    with DemoServer(behaviour=False) as living, DemoServer(behaviour=False) as second:
        assert not left.exists(), "nobody holds it"
        assert os.path.exists(living.kubeconfig) and os.path.exists(second.kubeconfig), "these are held"
        assert begun.exists() and other.exists(), "one that is just being made, and one that is something else"


def test_no_collection_of_garbage_looks_through_a_large_cluster() -> None:
    gc.unfreeze()  # see tests/conftest.py: it is set apart again with the cluster
    gc.collect()
    before = gc.get_objects()
    with DemoServer(loading.load("scale:1500"), behaviour=False) as server:
        server.state.update(CONFIGMAPS, {**server.state.list(CONFIGMAPS)[0], "data": {"a": "1"}})
        gc.collect(1)
        assert len(gc.get_objects()) < len(before) / 2, "what was there is set apart, with the 1,500 pods and their history"
    assert not [one for one in gc.callbacks if getattr(one, "__module__", "") == "podtui.demo.server"]


def test_an_error_that_keeps_the_built_in_cluster_from_starting_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: DemoServer) -> None:
        raise OSError("no port is left")

    monkeypatch.setattr(DemoServer, "_furnish", broken)
    with pytest.raises(OSError, match="no port is left"):
        DemoServer(behaviour=False).start()


async def test_a_path_without_the_secret_is_not_found(client: Client) -> None:
    for path in ("/api", "/readyz", "/api/v1/namespaces", "/"):
        address = client.server.url.rsplit("/", 1)[0]
        async with client.session.get(address + path) as response:
            assert (response.status, await response.text()) == (404, "404 page not found\n")
    assert (await client.ask("GET", "/api/v1/namespaces", Authorization="Bearer x"))[0] == 401


async def test_the_server_answers_for_its_health_and_its_version(client: Client) -> None:
    for path in ("/readyz", "/livez", "/healthz", "/readyz/ping"):
        assert await client.get(path) == "ok"
    assert (await client.get("/version"))["gitVersion"] == (await client.get("/version/"))["gitVersion"]


async def test_a_new_cluster_has_what_every_cluster_has(client: Client) -> None:
    found = [item["metadata"]["name"] for item in (await client.get("/api/v1/namespaces"))["items"]]
    assert found == ["default", "kube-node-lease", "kube-public", "kube-system"]
    assert (await client.get("/api/v1/namespaces/default/services/kubernetes"))["spec"]["clusterIP"] == "10.96.0.1"


async def test_both_forms_of_discovery_list_the_same_resources(client: Client) -> None:
    accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
    told = [await client.get("/api", Accept=accept), await client.get("/apis", Accept=accept)]
    new = {}
    for item in told[0]["items"] + told[1]["items"]:
        for version in item["versions"]:
            group = item["metadata"].get("name", "")
            new[group, version["version"]] = {r["resource"]: (r["responseKind"]["kind"], tuple(r["verbs"])) for r in version["resources"]}
    old = {}
    for group in [{"name": "", "versions": [{"version": "v1"}]}, *(await client.get("/apis"))["groups"]]:
        for version in group["versions"]:
            path = f"/apis/{group['name']}/{version['version']}" if group["name"] else f"/api/{version['version']}"
            listed = (await client.get(path))["resources"]
            old[group["name"], version["version"]] = {r["name"]: (r["kind"], tuple(r["verbs"])) for r in listed if "/" not in r["name"]}
    assert new == old and new["", "v1"]["pods"][0] == "Pod"


async def test_openapi_says_how_the_containers_of_a_pod_are_merged(client: Client) -> None:
    paths = (await client.get("/openapi/v3"))["paths"]
    where = paths["api/v1"]["serverRelativeURL"]
    async with client.session.get(client.server.url.rsplit("/", 1)[0] + where) as response:
        told = await response.json()
    patch = told["paths"]["/api/v1/namespaces/{namespace}/pods/{name}"]["patch"]
    assert "fieldValidation" in [parameter["name"] for parameter in patch["parameters"]]
    containers = told["components"]["schemas"]["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"]
    assert containers["x-kubernetes-patch-merge-key"] == "name"


# -- objects


async def test_an_object_is_made_read_changed_and_deleted(client: Client) -> None:
    code, made = await client.ask("POST", MAPS, {"metadata": {"name": "a"}, "data": {"k": "v"}})
    assert code == 201 and made["kind"] == "ConfigMap" and made["metadata"]["uid"]
    assert await client.get(f"{MAPS}/a") == made
    code, changed = await client.ask("PATCH", f"{MAPS}/a", {"data": {"k": "w"}}, Content_Type="application/merge-patch+json")
    assert code == 200 and changed["data"] == {"k": "w"}
    code, conflict = await client.ask("PUT", f"{MAPS}/a", made)
    assert (code, conflict["reason"]) == (409, "Conflict")
    assert (await client.ask("PUT", f"{MAPS}/a", {**changed, "data": {}}))[0] == 200
    assert (await client.ask("DELETE", f"{MAPS}/a"))[1]["status"] == "Success"
    code, missing = await client.ask("GET", f"{MAPS}/a")
    assert (code, missing["message"], missing["details"]) == (404, 'configmaps "a" not found', {"name": "a", "kind": "configmaps"})


async def test_a_dry_run_stores_nothing(client: Client) -> None:
    code, made = await client.ask("POST", f"{MAPS}?dryRun=All", {"metadata": {"generateName": "a-"}})
    assert code == 201 and made["metadata"]["name"].startswith("a-")
    assert (await client.get(MAPS))["items"] == []


async def test_unknown_fields_are_warned_of_or_refused(client: Client) -> None:
    body = json.dumps({"metadata": {"name": "a"}, "dat": {}})
    headers = {"Content-Type": "application/json"}
    async with client.session.post(client.server.url + MAPS, data=body, headers=headers) as response:
        assert response.status == 201 and response.headers["Warning"] == '299 - "unknown field \\"dat\\""'
    code, refused = await client.ask("POST", f"{MAPS}?fieldValidation=Strict", body.encode())
    assert code == 400 and "strict decoding error: unknown field" in refused["message"]


async def test_a_collection_is_deleted_by_its_selector(client: Client) -> None:
    for name, app in (("a", "x"), ("b", "y"), ("c", "x")):
        client.make(name, app=app)
    code, gone = await client.ask("DELETE", f"{MAPS}?labelSelector=app=x")
    assert code == 200 and [item["metadata"]["name"] for item in gone["items"]] == ["a", "c"]
    assert [entry.name for entry in client.state.entries(CONFIGMAPS, "default")] == ["b"]


async def test_one_object_comes_as_a_table_or_as_metadata_too(client: Client) -> None:
    client.make("a")
    table = await client.get(f"{MAPS}/a", **AS_TABLE)
    assert table["rows"][0]["cells"] == ["a", 1, "0s"] and table["columnDefinitions"][0]["name"] == "Name"
    partial = await client.get(f"{MAPS}/a", Accept="application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io")
    assert partial["kind"] == "PartialObjectMetadata" and "data" not in partial


async def test_a_long_list_is_whole(client: Client) -> None:
    for number in range(700):
        client.make(f"m{number:03}")
    assert len((await client.get(MAPS, **AS_TABLE))["rows"]) == 700
    assert len((await client.get(MAPS))["items"]) == 700
    page = await client.get(f"{MAPS}?limit=500", **AS_TABLE)
    assert len(page["rows"]) == 500 and page["metadata"]["remainingItemCount"] == 200


async def test_a_request_without_the_right_is_refused_with_the_right_that_is_missing(client: Client) -> None:
    code, refused = await client.ask("GET", MAPS, Impersonate_User="bob")
    words = 'configmaps is forbidden: User "bob" cannot list resource "configmaps" in API group "" in the namespace "default"'
    assert (code, refused["message"]) == (403, words)
    review = {"spec": {"resourceAttributes": {"verb": "list", "resource": "configmaps", "namespace": "default"}}}
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    assert (await client.ask("POST", path, review))[1]["status"]["allowed"] is True
    code, answer = await client.ask("POST", path, review, Impersonate_User="bob")
    assert code == 201 and not answer["status"]["allowed"]


@pytest.mark.parametrize(
    ("method", "path", "code", "words"),
    [
        ("GET", "/api/v1/nope", 404, "the server could not find the requested resource"),
        ("GET", f"{MAPS}/a/log", 404, "the server could not find the requested resource"),
        ("PUT", MAPS, 405, "the server does not allow this method on the requested resource"),
        ("POST", f"{MAPS}/a", 405, "the server does not allow this method on the requested resource"),
        ("DELETE", "/api/v1/namespaces", 405, "the server does not allow this method on the requested resource"),
        ("GET", "/api/v1/namespaces/default/pods/a/log", 404, 'pods "a" not found'),
    ],
)
async def test_what_is_not_served_is_refused_in_the_servers_words(client: Client, method: str, path: str, code: int, words: str) -> None:
    answered, status = await client.ask(method, path)
    assert (answered, status["message"], status["kind"]) == (code, words, "Status")


async def test_an_unknown_group_is_no_page(client: Client) -> None:
    assert await client.ask("GET", "/apis/nope/v1/x") == (404, "404 page not found\n")


# -- watches


async def test_a_watch_begins_with_what_is_there_and_goes_on(client: Client) -> None:
    client.make("a")
    watch = await client.watch()
    assert await watch.some(1) == [("ADDED", "a")]
    client.make("b")
    client.relabel("a", x="y")
    client.state.remove(CONFIGMAPS, "default", "b")
    assert await watch.some(3) == [("ADDED", "b"), ("MODIFIED", "a"), ("DELETED", "b")]


async def test_a_watch_goes_on_from_a_version_with_nothing_left_out(client: Client) -> None:
    client.make("a")
    version = client.state.version
    client.make("b")
    client.relabel("a", x="y")
    watch = await client.watch(f"resourceVersion={version}")
    client.make("c")
    assert await watch.some(3) == [("ADDED", "b"), ("MODIFIED", "a"), ("ADDED", "c")]


async def test_what_enters_or_leaves_a_selector_is_added_or_deleted(client: Client) -> None:
    client.make("a", app="x")
    watch = await client.watch("labelSelector=app%3Dx")
    client.make("b", app="y")
    client.relabel("b", app="x")
    client.relabel("a", app="y")
    client.state.remove(CONFIGMAPS, "default", "a")
    assert await watch.some(2) == [("ADDED", "a"), ("ADDED", "b")]
    left = await watch.next()
    assert left["type"] == "DELETED" and left["object"]["metadata"]["labels"] == {"app": "x"}, "it comes as it was when it was selected"
    assert left["object"]["metadata"]["resourceVersion"] == str(client.state.version - 1)
    client.make("c", app="x")
    assert await watch.some(1) == [("ADDED", "c")]


async def test_a_version_too_old_is_an_error_event(client: Client) -> None:
    client.state.forget()
    watch = await client.watch("resourceVersion=1")
    event = await watch.next()
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")
    assert await watch.end() == b""


async def test_only_the_first_event_of_a_table_has_the_columns(client: Client) -> None:
    client.make("a")
    client.make("b")
    watch = await client.watch(**AS_TABLE)
    first, second = await watch.next(), await watch.next()
    assert [column["name"] for column in first["object"]["columnDefinitions"]] == ["Name", "Data", "Age"]
    assert second["object"]["columnDefinitions"] is None and second["object"]["rows"][0]["cells"][0] == "b"


async def test_the_end_of_the_initial_events_is_marked(client: Client) -> None:
    client.make("a")
    watch = await client.watch("sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true")
    assert await watch.some(1) == [("ADDED", "a")]
    mark = await watch.next()
    assert mark["type"] == "BOOKMARK"
    assert mark["object"]["metadata"] == {
        "resourceVersion": str(client.state.version),
        "annotations": {"k8s.io/initial-events-end": "true"},
    }
    client.make("b")
    assert await watch.some(1) == [("ADDED", "b")]


async def test_a_watch_ends_with_its_time_and_a_bookmark_of_the_version_it_reached(client: Client) -> None:
    client.state.create(CONFIGMAPS, {"metadata": {"name": "elsewhere", "namespace": "kube-system"}})
    version = client.state.version
    watch = await client.watch(f"resourceVersion={version - 1}&timeoutSeconds=1&allowWatchBookmarks=true")
    event = await watch.next()
    assert (event["type"], event["object"]["metadata"]["resourceVersion"]) == ("BOOKMARK", str(version))
    assert await watch.end() == b""


async def test_a_watch_whose_client_went_is_forgotten(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = asyncio.Event()
    close = watching.Watch.close

    def noticed(watch: watching.Watch) -> None:
        close(watch)
        closed.set()

    monkeypatch.setattr(watching.Watch, "close", noticed)
    watch = await client.watch("resourceVersion=1")
    watch.response.close()
    await asyncio.wait_for(closed.wait(), 10)


async def test_the_connection_of_a_client_that_does_not_read_is_cut(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = asyncio.Event()
    monkeypatch.setattr(api, "PATIENCE", 0.1)
    monkeypatch.setattr(watching.Watch, "close", lambda watch: closed.set())
    for number in range(40):  # more than the buffers of both ends take
        obj = {"metadata": {"name": f"m{number}", "namespace": "default"}, "data": {"a": "x" * 500_000}}
        client.state.create(CONFIGMAPS, obj)
    host, _, port = client.server.url.split("/")[2].partition(":")
    _, writer = await asyncio.open_connection(host, int(port), limit=1)
    secret = client.server.url.rsplit("/", 1)[1]
    writer.write(f"GET /{secret}{MAPS}?watch=1 HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    await asyncio.wait_for(closed.wait(), 20)
    writer.close()


async def test_who_asks_for_little_is_served_while_others_list_everything() -> None:
    """Nobody reads what they list: what is not waited for is made in one go unless it is made in turns."""
    server = DemoServer(loading.load("scale:1500"), behaviour=False, speed=0)
    await server.open()
    made = 0

    def counted(encode: Callable[[Any], bytes], obj: Any) -> bytes:
        nonlocal made
        made += isinstance(obj, dict) and (obj.get("kind") == "Pod" or "status" in obj)
        return encode(obj)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoding, "encode", partial(counted, encoding.encode))
        encoding._object_json.cache_clear()
        host, port = server.url.split("/")[2].split(":")
        path = server.url.split(port, 1)[1]
        writers = []
        for query in ("", "?watch=1") * 10:
            _, writer = await asyncio.open_connection(host, int(port))
            writer.write(f"GET {path}/api/v1/pods{query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            writers.append(writer)
        async with aiohttp.ClientSession() as session, session.get(f"{server.url}/api/v1/namespaces/default") as response:
            assert response.status == 200
        assert made < 10 * 1500
        for writer in writers:
            writer.transport.abort()
        await server.close()


async def test_thousands_of_connections_are_taken(client: Client) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert soft >= min(hard, 16_384) or soft == resource.RLIM_INFINITY
    host, port = client.server.url.split("/")[2].split(":")
    idle = [await asyncio.open_connection(host, int(port)) for _ in range(min(soft // 4, 1500))]
    assert (await client.ask("GET", "/readyz"))[0] == 200
    for _, writer in idle:
        writer.transport.abort()


async def test_a_watch_that_falls_behind_is_dropped(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "BUFFER", 50)
    watch = await client.watch("resourceVersion=1")
    for number in range(60):  # in one go: the watch has no turn to write meanwhile
        client.make(f"m{number}")
    told = await watch.end()
    assert told.count(b"\n") <= 50


# -- clients that mean no good


async def test_a_huge_body_is_refused_before_it_is_read(client: Client) -> None:
    code, refused = await client.ask("POST", MAPS, b" " * (3 * 1024 * 1024 + 1))
    assert (code, refused["message"]) == (413, "Request entity too large: limit is 3145728")
    assert await client.get("/readyz") == "ok"


async def test_a_huge_body_of_unknown_length_is_refused_too(client: Client) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b" " * 65536

    try:
        async with client.session.post(client.server.url + MAPS, data=endless()) as response:
            assert response.status == 413
    except aiohttp.ClientConnectionError:
        pass  # the server hung up while the rest was on its way
    assert await client.get("/readyz") == "ok"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "json parse error: "),
        (b"", "json parse error: "),
        (b"[]", "json: cannot unmarshal array into Go value of type struct"),
        (b"x", "json parse error: "),
        (b"[" * 100_000, "json parse error: "),
        (b"\xff\xfe", "json parse error: "),
    ],
)
async def test_a_broken_body_is_refused(client: Client, body: bytes, words: str) -> None:
    code, refused = await client.ask("POST", MAPS, body)
    assert code == 400 and refused["reason"] == "BadRequest" and words in refused["message"]
    assert "the object provided is unrecognized (must be of type ConfigMap)" in refused["message"]


@pytest.mark.parametrize(
    "body", [b"k8s", b"k8s\0\xff\xff\xff", b"k8s\0\x12\x7f", b"k8s\0" + b"\x0a\x0f\x0a\x02v1\x12\x09ConfigMap\x12\x02\x0a\x7f"]
)
async def test_a_broken_protobuf_body_is_refused(client: Client, body: bytes) -> None:
    code, refused = await client.ask("POST", MAPS, body, Content_Type="application/vnd.kubernetes.protobuf")
    assert (code, refused["reason"]) == (400, "BadRequest")


async def test_a_protobuf_body_is_read(client: Client) -> None:
    # kubectl create namespace foo
    body = bytes.fromhex("6b3873000a0f0a02763112094e616d657370616365121b0a130a03666f6f12001a0022002a0032003800420012001a020a001a002200")
    code, made = await client.ask("POST", "/api/v1/namespaces", body, Content_Type="application/vnd.kubernetes.protobuf")
    assert code == 201 and made["metadata"]["name"] == "foo" and made["metadata"]["creationTimestamp"]


async def test_an_unknown_kind_of_body_is_refused(client: Client) -> None:
    assert (await client.ask("POST", MAPS, b"{}", Content_Type="application/xml"))[0] == 415
    code, made = await client.ask("POST", MAPS, b"metadata: {name: yy}\ndata: {a: b}\n", Content_Type="application/yaml")
    assert code == 201 and made["data"] == {"a": "b"}


async def test_an_unexpected_error_is_a_500_and_the_server_goes_on(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("unforeseen")

    monkeypatch.setattr(client.server.writes, "create", broken)
    code, told = await client.ask("POST", MAPS, {"metadata": {"name": "a"}})
    assert (code, told["reason"], "unforeseen" in json.dumps(told)) == (500, "InternalError", False)
    assert await client.get("/readyz") == "ok"


async def test_a_client_that_went_before_its_answer_is_no_error(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def gone(*_: Any) -> None:
        raise ConnectionResetError

    monkeypatch.setattr(client.server._api, "_routed", gone)
    await client.ask("GET", "/readyz")
    assert not caplog.records


async def test_garbage_on_the_wire_does_not_bring_the_server_down(client: Client) -> None:
    address = client.server.url.split("/")[2].split(":")
    for garbage in (b"\0" * 100, b"GET / HTTP/9.9\r\n\r\n", b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n", b"PO"):
        reader, writer = await asyncio.open_connection(address[0], int(address[1]))
        writer.write(garbage)
        if garbage != b"PO":
            await asyncio.wait_for(reader.read(), 10)
        writer.close()
    assert await client.get("/readyz") == "ok"
