"""Reading and changing single objects: what is sent, and what the answers mean. The server is a small local one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from podtui.cluster.changes import creation
from podtui.cluster.changes.objects import Objects
from podtui.cluster.connection.connection import Connection
from podtui.cluster.connection.server_warnings import hear, heard
from podtui.errors import Changed, Conflict, ConnectionFailed, NotFound, ReadOnlyError, Replaced, UsageError
from podtui.kube.manifests.documents import parse
from podtui.kube.resources import PODS, ObjectRef
from tests.support.api_server import ApiServer, connected, not_found, status

REF = ObjectRef(PODS, "kubia", "default", "uid-1", "7")
CORE = {
    "kind": "APIGroupDiscoveryList",
    "items": [
        {
            "metadata": {},
            "versions": [
                {
                    "version": "v1",
                    "resources": [
                        {"resource": "pods", "responseKind": {"kind": "Pod"}, "scope": "Namespaced", "verbs": ["get"]},
                        {"resource": "namespaces", "responseKind": {"kind": "Namespace"}, "scope": "Cluster", "verbs": ["get"]},
                    ],
                }
            ],
        }
    ],
}


def witness() -> ApiServer:
    """Knows pods and namespaces; answers with what is sent to it."""
    server = ApiServer({"/api": CORE, "/apis": {"kind": "APIGroupDiscoveryList"}})
    server.answer = lambda request, body: body or {}
    return server


@asynccontextmanager
async def objects() -> AsyncIterator[tuple[ApiServer, Objects, Connection]]:
    server = witness()
    async with connected(server) as connection:
        yield server, Objects(connection), connection


def metadata(uid: str, version: str) -> web.Response:
    return web.json_response({"metadata": {"uid": uid, "resourceVersion": version}})


async def test_a_patch_carries_the_uid_and_the_resource_version() -> None:
    async with objects() as (server, found, _):
        await found.patch_metadata(REF, labels={"env": "prod", "app": None}, annotations={"note": "x"})
        assert server.sent == [
            (
                "PATCH",
                "/api/v1/namespaces/default/pods/kubia?fieldManager=podtui",
                {
                    "metadata": {
                        "labels": {"env": "prod", "app": None},
                        "annotations": {"note": "x"},
                        "uid": "uid-1",
                        "resourceVersion": "7",
                    }
                },
            )
        ]


@pytest.mark.parametrize(("uid", "version", "kind"), [("uid-1", "8", Changed), ("uid-2", "9", Replaced), ("uid-1", "7", Conflict)])
async def test_a_conflict_names_its_cause_by_what_is_there_now(uid: str, version: str, kind: type[Conflict]) -> None:
    async with objects() as (server, found, _):
        server.answer = lambda request, body: metadata(uid, version) if request.method == "GET" else status(409, "Conflict", "modified")
        with pytest.raises(Conflict) as caught:
            await found.patch_metadata(REF, labels={"a": "b"})
        assert type(caught.value) is kind
        assert "PartialObjectMetadata" in server.requests[1].accept


async def test_a_conflict_on_an_object_that_is_gone_is_not_found() -> None:
    async with objects() as (server, found, _):
        server.answer = lambda request, body: not_found("pods", "kubia") if request.method == "GET" else status(409, "Conflict", "x")
        with pytest.raises(NotFound):
            await found.patch_metadata(REF, labels={"a": "b"})


async def test_an_immutable_uid_means_another_object() -> None:
    async with objects() as (server, found, _):
        details = {"causes": [{"reason": "FieldValueInvalid", "field": "metadata.uid"}]}
        server.answer = lambda request, body: status(422, "Invalid", "field is immutable", details=details)
        with pytest.raises(Replaced, match="a different object has its name now"):
            await found.patch_metadata(REF, labels={"a": "b"})


async def test_delete_sends_its_options() -> None:
    async with objects() as (server, found, _):
        await found.delete(REF)
        await found.delete(REF, grace_seconds=5)
        await found.delete(REF, grace_seconds=0)
        await found.delete(REF, force=True, propagation="Foreground")
        bodies = [body for _, _, body in server.sent]
        assert bodies[0] == {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
            "preconditions": {"uid": "uid-1"},
        }
        assert [body.get("gracePeriodSeconds") for body in bodies] == [None, 5, 1, 0]
        assert bodies[3]["propagationPolicy"] == "Foreground"
        with pytest.raises(UsageError, match="--force and --grace-period greater than 0 cannot be specified together"):
            await found.delete(REF, grace_seconds=5, force=True)


async def test_nothing_is_sent_while_the_connection_is_read_only() -> None:
    async with objects() as (server, found, connection):
        connection.read_only = True
        with pytest.raises(ReadOnlyError):
            await found.delete(REF)
        with pytest.raises(ReadOnlyError):
            await found.patch_metadata(REF, labels={"a": "b"})
        assert server.sent == []


PODS_YAML = "\n---\n".join(f"apiVersion: v1\nkind: Pod\nmetadata:\n  name: {name}" for name in "abc")


async def test_a_check_is_a_strict_dry_run() -> None:
    async with objects() as (server, found, _):
        outcomes = await creation.check(found, parse(PODS_YAML), "default")
        assert [str(outcome) for outcome in outcomes] == [f"pod/{name} created (server dry run)" for name in "abc"]
        assert {(method, path) for method, path, _ in server.sent} == {
            ("POST", "/api/v1/namespaces/default/pods?dryRun=All&fieldManager=podtui&fieldValidation=Strict")
        }


@pytest.mark.parametrize(("code", "reason", "hint"), [(422, "Invalid", "it already exists, and cannot be changed this way"), (500, "", "")])
async def test_only_a_refused_change_of_an_object_that_exists_is_said_to_be_impossible(code: int, reason: str, hint: str) -> None:
    async with objects() as (server, found, _):
        exists = 409, "AlreadyExists", 'pods "a" already exists'
        server.answer = lambda request, body: status(*(exists if request.method == "POST" else (code, reason, "no")))
        (outcome, *_) = await creation.check(found, parse(PODS_YAML), "default")
        assert (outcome.state, outcome.existing) == ("refused", True)
        assert outcome.error is not None and (outcome.error.what, outcome.error.hint) == ("no", hint)


async def test_when_the_server_is_lost_half_way_it_is_told_what_was_made() -> None:
    async with objects() as (server, found, _):
        server.answer = lambda request, body: ConnectionFailed("cut") if body["metadata"]["name"] == "b" else body
        outcomes = await creation.create(found, parse(PODS_YAML, "f.yaml"), "default")
        assert [outcome.state for outcome in outcomes] == ["created", "unknown", "untried"]
        assert isinstance(outcomes[1].error, ConnectionFailed)
        assert str(outcomes[0]) == "pod/a created"
        assert str(outcomes[1]).startswith("pod/b may or may not have been created: f.yaml:6: ")
        assert str(outcomes[2]) == "pod/c was not tried"


async def test_a_webhook_without_dry_run_is_no_refusal() -> None:
    async with objects() as (server, found, _):
        words = 'admission webhook "w" does not support dry run'
        server.answer = lambda request, body: status(400, "BadRequest", words)
        (outcome, *_) = await creation.check(found, parse(PODS_YAML), "default")
        assert (outcome.state, words in str(outcome)) == ("unchecked", True)


async def test_an_object_that_stands_in_the_file_twice_is_refused_before() -> None:
    async with objects() as (_, found, _connection):
        first, second = await creation.check(
            found, parse("\n---\n".join(["apiVersion: v1\nkind: Pod\nmetadata: {name: a}"] * 2), "f.yaml"), "default"
        )
        assert (first.state, second.state) == ("checked", "refused")
        assert str(second) == "f.yaml:5: pod/a is in the file already, at line 1"


async def test_warnings_of_the_server_are_heard() -> None:
    async with objects() as (server, found, _):
        header = '299 - "say \\"no\\" to it", 299 - "and \x1b[31mthis"'.replace("\x1b", "")
        server.answer = lambda request, body: web.json_response(body, headers={"Warning": header})
        (outcome, *_) = await creation.check(found, parse(PODS_YAML), "default")
        assert outcome.warnings == ('say "no" to it', "and [31mthis")


def test_a_warning_is_made_harmless_and_heard_once() -> None:
    with heard() as found:
        hear(['299 - "a\x1b[31m"', '299 - "a\x1b[31m"', '199 - "not for us"', "nonsense"])
    hear(['299 - "nobody listens"'])
    assert found == ["a␛[31m"]
