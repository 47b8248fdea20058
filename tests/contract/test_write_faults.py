"""What networks, proxies and servers do to a change. Podtui sends it once; where nobody can tell whether it was made, the user and the
journal are told so, and nowhere else.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from podtui.cluster.changes.change import Change, ChangeOfMany
from podtui.cluster.changes.deletion import Deletion
from podtui.cluster.changes.edit import Edit
from podtui.cluster.changes.journal import Journal
from podtui.cluster.changes.label_edit import LabelEdit
from podtui.cluster.changes.manifest import ManifestCreation
from podtui.cluster.changes.many import Result
from podtui.cluster.changes.objects import Objects
from podtui.cluster.connection.connection import Connection
from podtui.cluster.kubeconfig.contexts import Kubeconfig
from podtui.errors import NotFound, PodtuiError
from podtui.kube.label_changes import LabelChanges
from podtui.kube.manifests.documents import parse
from podtui.kube.names import Kind
from podtui.kube.resources import PODS, ObjectRef
from tests.contract.test_live_list import Pods
from tests.support.fault_proxy import Exchange, Fault, FaultProxy, fault_proxy
from tests.support.faults import (
    BOMB,
    PAGE,
    UNKNOWN_PATH,
    UNTRUSTED,
    afterwards,
    answers,
    not_found,
    of_changes,
    refuses,
    reset,
    silence,
    streams,
    trickle,
    truncated,
    wrong_type,
)
from tests.support.tls import Authority
from tests.support.waiting import until_answer

NAMESPACE_PREFIX = "writes-"
# The fault, and what podtui can know of the change.
FAULTS: dict[str, tuple[Fault, str]] = {
    "reset before the server heard it": (reset, "unknown"),
    "reset after it was made": (afterwards(reset), "unknown"),
    "no answer": (silence, "unknown"),
    "no answer after it was made": (afterwards(silence), "unknown"),
    "a trickle after it was made": (afterwards(trickle), "unknown"),
    "half an answer": (truncated, "unknown"),
    "an answer that is not UTF-8, after it was made": (afterwards(streams(b'{"kind":"\xff\xfe"}')), "unknown"),
    "a gzip bomb after it was made": (afterwards(answers(200, BOMB, Content_Encoding="gzip")), "unknown"),
    "a page with 200": (answers(200, PAGE, "text/html"), "unknown"),
    "a page with 502": (answers(502, PAGE, "text/html"), "unknown"),
    "a page with 502 after it was made": (afterwards(answers(502, PAGE, "text/html")), "unknown"),
    "500 after it was made": (afterwards(refuses(500, "InternalError")), "unknown"),
    "503": (refuses(503, "ServiceUnavailable", Retry_After="1"), "unknown"),
    "503 after it was made": (afterwards(refuses(503, "ServiceUnavailable")), "unknown"),
    "a page with 404": (answers(404, PAGE, "text/html"), "unknown"),
    "a page with 404 after it was made": (afterwards(answers(404, PAGE, "text/html")), "unknown"),
    "a path that is not served": (answers(404, UNKNOWN_PATH, "text/plain"), "refused"),
    "404 of what a webhook looks for": (not_found("teams", "web"), "refused"),
    "410": (refuses(410, "Expired"), "refused"),
    "429": (refuses(429, "TooManyRequests", Retry_After="1"), "refused"),
    "429, in 30 years": (refuses(429, "TooManyRequests", Retry_After="999999999"), "refused"),
    "429, nonsense": (refuses(429, "TooManyRequests", Retry_After="soon"), "refused"),
    "403": (refuses(403, "Forbidden"), "refused"),
    "401": (refuses(401, "Unauthorized"), "refused"),
}


class Case:
    """One change of a pod of its own, as its dialog sends it."""

    def __init__(self, pods: Pods, change: Change, name: str, wanted: Callable[[dict[str, Any] | None], bool]) -> None:
        self.pods, self.change, self.name, self._wanted = pods, change, name, wanted

    async def made(self) -> bool:
        """Whether the server has carried it out."""
        try:
            return self._wanted(await self.pods.connection.json("GET", PODS.path(self.pods.namespace, self.name)))
        except NotFound:
            return self._wanted(None)

    async def send(self, objects: Objects) -> str:
        """What the user is told, "" when all is well."""
        try:
            await self.change.send(objects)
        except PodtuiError as error:
            return str(error)
        if isinstance(self.change, ChangeOfMany):
            return "; ".join(one.fault for one in self.change.objects if one.fault)
        return "; ".join(map(str, self.change.outcomes)) if isinstance(self.change, ManifestCreation) else ""


async def labelling(pods: Pods, objects: Objects, kind: Kind) -> Case:
    ref = await one(pods, f"is-{kind}")
    change = LabelEdit([ref], kind, ())
    change.changes = LabelChanges({"env": "prod"}, kind=kind)
    await change.read(objects)
    return Case(pods, change, ref.name, lambda pod: pod is not None and (pod["metadata"].get(kind) or {}).get("env") == "prod")


async def deleting(pods: Pods, objects: Objects) -> Case:
    ref = await one(pods, "is-deleted")
    return Case(pods, Deletion([ref], ()), ref.name, lambda pod: pod is None)


async def editing(pods: Pods, objects: Objects) -> Case:
    ref = await one(pods, "is-edited")
    change = await Edit.begin(objects, ref)
    assert await change.check(change.text.replace("image: none", "image: other")) == []
    return Case(pods, change, ref.name, lambda pod: pod is not None and pod["spec"]["containers"][0]["image"] == "other")


async def creating(pods: Pods, objects: Objects) -> Case:
    spec = "{schedulerName: nobody, containers: [{name: main, image: none}]}"
    text = f"apiVersion: v1\nkind: Pod\nmetadata: {{name: is-created}}\nspec: {spec}\n"
    change = ManifestCreation(objects.connection.settings, "-", pods.namespace)
    await change.check(objects, parse(text, "pod.yaml"))
    return Case(pods, change, "is-created", lambda pod: pod is not None)


async def one(pods: Pods, name: str) -> ObjectRef:
    return ObjectRef(PODS, name, pods.namespace, await pods.create(name))


Changing = Callable[..., AbstractAsyncContextManager[tuple[FaultProxy, Objects, list[Case]]]]


@pytest.fixture
def changing(kubeconfig: str, authority: Authority, connection: Connection, namespace: str, tmp_path: Path) -> Changing:
    """Opens a proxy, the objects behind it, and the changes, ready to be sent; the words, such as `host`, are for its kubeconfig."""

    @asynccontextmanager
    async def opened(
        limit: float | None = None, within: str = namespace, **front: Any
    ) -> AsyncIterator[tuple[FaultProxy, Objects, list[Case]]]:
        pods = Pods(connection, within)
        async with fault_proxy(kubeconfig, authority) as proxy:
            through = await Connection.open(Kubeconfig.load(proxy.kubeconfig(tmp_path, **front)).settings(), request_timeout=limit)
            objects = Objects(through, Journal(through.settings, tmp_path / "journal.jsonl"))
            try:
                yield (
                    proxy,
                    objects,
                    [
                        await labelling(pods, objects, "labels"),
                        await labelling(pods, objects, "annotations"),
                        await editing(pods, objects),
                        await deleting(pods, objects),
                        await creating(pods, objects),
                    ],
                )
            finally:
                await through.close()

    return opened


@pytest.mark.parametrize("name", FAULTS)
async def test_a_change_is_sent_once_and_is_unknown_where_nobody_can_tell(changing: Changing, name: str, pace: int) -> None:
    fault, known = FAULTS[name]
    patience = 6.0 if pace == 1 else 2.0  # of every request: a real API server takes its time on a busy machine
    limit = patience if name.startswith(("no answer", "a trickle")) else None
    async with changing(limit) as (proxy, objects, cases):
        proxy.fault = of_changes(fault)
        told = await asyncio.gather(*(case.send(objects) for case in cases))
        assert proxy.changes == len(cases)
        assert await endings(objects) == {case.name: [known] for case in cases}
        made = [await case.made() for case in cases]
        assert set(made) == {"after" in name or name == "half an answer"}
        assert [("may or may not" in words) for words in told] == [known == "unknown"] * len(cases), told

        proxy.fault, proxy.changes = None, 0
        for case in cases:  # a user who sees what has become of it sends it again
            for _ in range(2):
                if await case.send(objects) == "":
                    break
            assert await case.made()
        assert proxy.changes <= 2 * len(cases)


@pytest.mark.parametrize(("certificate", "why"), [("", "refuses the connection"), *UNTRUSTED.items()])
async def test_a_change_that_could_not_be_sent_is_no_riddle(changing: Changing, certificate: str, why: str) -> None:
    async with changing() as (proxy, objects, cases):
        await proxy.stop()
        if certificate:
            await proxy.start(certificate)
        told = await asyncio.gather(*(case.send(objects) for case in cases))
        assert all(re.search(why, words) and "may or may not" not in words for words in told), told
        assert all(ended == ["refused"] for ended in (await endings(objects)).values())
        await proxy.stop()
        await proxy.start()
        assert not any([await case.made() for case in cases])


async def test_a_change_that_meets_an_expired_token_is_made_with_the_next_one(changing: Changing, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("first")
    user = {"tokenFile": str(token)}

    async def expires(exchange: Exchange) -> None:
        known = exchange.headers["authorization"] == "Bearer second"
        await (exchange.pass_on() if known else refuses(401, "Unauthorized")(exchange))

    async with changing(user=user) as (proxy, objects, cases):
        token.write_text("second")
        proxy.fault = of_changes(expires)  # a read that met it would get the next one for all
        assert await asyncio.gather(*(case.send(objects) for case in cases)) == [""] * len(cases)
        assert all([await case.made() for case in cases])
        assert await endings(objects) == {case.name: ["done"] for case in cases}
        assert len(cases) < proxy.changes <= 2 * len(cases), "one or all were refused, and were sent again"


async def test_a_change_is_made_whatever_type_its_answer_says_it_has(changing: Changing) -> None:
    async with changing() as (proxy, objects, cases):
        proxy.fault = wrong_type
        assert await asyncio.gather(*(case.send(objects) for case in cases)) == [""] * len(cases)
        assert await endings(objects) == {case.name: ["done"] for case in cases}
        assert all([await case.made() for case in cases]) and proxy.changes == len(cases)


async def test_a_change_is_made_once_where_one_of_two_addresses_of_a_server_is_dead(changing: Changing, half_dead_host: str) -> None:
    async with changing(host=half_dead_host) as (proxy, objects, cases):
        proxy.cut()
        assert await asyncio.gather(*(case.send(objects) for case in cases)) == [""] * len(cases)
        assert all([await case.made() for case in cases]) and proxy.changes == len(cases)
        assert await endings(objects) == {case.name: ["done"] for case in cases}


async def test_a_namespace_that_is_gone_is_said_to_be_and_nothing_that_was_asked_for_is_lost(
    changing: Changing, connection: Connection, namespace: str
) -> None:
    other = f"{namespace}-gone"
    path = f"/api/v1/namespaces/{other}"
    await connection.json("POST", "/api/v1/namespaces", body={"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": other}})
    await until_answer(lambda: exists(connection, f"{path}/serviceaccounts/default"))
    async with changing(within=other) as (proxy, objects, cases):
        await connection.request("DELETE", path)
        await until_gone(connection, path)
        proxy.requests.clear()
        told = dict(zip((case.name for case in cases), await asyncio.gather(*(case.send(objects) for case in cases)), strict=True))
        for name in ("is-labels", "is-annotations", "is-edited"):
            assert f"namespace {other} is gone, and pod/{name} with it" in told[name]
        assert f'namespaces "{other}" not found' in told["is-created"]
        deletion = next(case.change for case in cases if isinstance(case.change, Deletion))
        assert [one.result for one in deletion.objects] == [Result("already", f"already gone with namespace {other}")]
        assert await endings(objects) == {case.name: ["refused"] for case in cases}
        assert len(proxy.requests) <= 3 * len(cases), "the object before, the change, and the namespace"
        (label,) = (case.change for case in cases if case.name == "is-labels")
        (created,) = (case.change for case in cases if isinstance(case.change, ManifestCreation))
        assert isinstance(label, LabelEdit) and label.left and label.changes, "it can be sent again"
        assert created.documents, "it can be created again"


async def exists(connection: Connection, path: str) -> bool:
    try:
        await connection.json("GET", path)
    except NotFound:
        return False
    return True


async def until_gone(connection: Connection, path: str) -> None:
    async def gone() -> bool:
        return not await exists(connection, path)

    await until_answer(gone)


async def endings(objects: Objects) -> dict[str, list[str]]:
    """How each change ended in the journal, by the name of its object."""
    assert objects.journal is not None
    entries, broken = await objects.journal.entries()
    assert broken == 0
    found: dict[str, list[str]] = {}
    for entry in entries:
        found.setdefault(entry.object.name, []).append(entry.ending)
    return found
