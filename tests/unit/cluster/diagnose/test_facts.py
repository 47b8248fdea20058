"""What a diagnosis reads: what is not there is told from what could not be read."""

from __future__ import annotations

from typing import Any, cast

import pytest

from podtui.cluster.connection.connection import Connection
from podtui.cluster.diagnose.facts import gather
from podtui.cluster.diagnose.findings import Facts
from podtui.errors import PodtuiError
from podtui.kube.resources import PODS, ObjectRef
from tests.support.api_server import ApiServer, not_found, not_served, page
from tests.unit.cluster.diagnose.test_diagnose import NOW, ended, running, waiting

SHOP = "/api/v1/namespaces/shop"
REF = ObjectRef(PODS, "web", "shop", "u1")
UNREADABLE = ("Node/n", "ConfigMap/c"), ("node n", "ConfigMap c", "logs of app")


async def facts(answer: PodtuiError) -> Facts:
    """Of a pod whose node, ConfigMap and log are answered so."""
    source = {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "a"}}}
    container = {"name": "app", "image": "x", "env": [source]}
    pod = running(waiting("CreateContainerConfigError"), last=ended(1), containers=[container])
    pod["metadata"] |= {"name": REF.name, "namespace": REF.namespace, "uid": REF.uid}
    found: dict[str, Any] = {REF.path: pod, f"{SHOP}/events": []}
    asked = ("/api/v1/nodes/n", f"{SHOP}/configmaps/c", f"{REF.path}/log")
    return await gather(cast(Connection, ApiServer(found | dict.fromkeys(asked, answer))), REF, NOW)


async def test_what_the_api_server_says_is_not_there_is_missing() -> None:
    found = await facts(not_found("pods/log", "web"))
    assert found.objects == dict.fromkeys(UNREADABLE[0])
    assert (found.logs, found.unread) == ({}, [])


@pytest.mark.parametrize("answer", [page(), not_served()], ids=["page", "not served"])
async def test_what_answers_404_in_place_of_the_api_server_makes_nothing_missing(answer: PodtuiError) -> None:
    found = await facts(answer)
    assert (found.objects, found.logs) == ({}, {})
    assert sorted(found.unread) == sorted(f"{what}: {answer.what}" for what in UNREADABLE[1])
