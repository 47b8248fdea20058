"""The API server and `kube/selectors.py` agree: on what a selector is, and on what it matches.

ConfigMaps are used, as the server evaluates the selectors of all kinds by the same code and they are cheap. They are made once,
in a namespace of their own. Set PODTUI_SELECTOR_EXAMPLES for more generated examples than the suite's.
"""

from __future__ import annotations

import asyncio
import os
import random
import secrets
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from podtui.cluster.connection.connection import Connection
from podtui.cluster.kubeconfig.contexts import Kubeconfig
from podtui.errors import Invalid, SelectorError
from podtui.kube.selectors import Selector, parse
from tests.support.selector_strategies import KEYS, VALUES, selectors, spellings, texts

EXAMPLES = int(os.environ.get("PODTUI_SELECTOR_EXAMPLES", "200"))
generated = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])


class Server:
    """Lists ConfigMaps by selector, each call from outside of any event loop, over one connection."""

    def __init__(self, kubeconfig: str) -> None:
        self.runner = asyncio.Runner()
        self.connection = self.runner.run(Connection.open(Kubeconfig.load(kubeconfig).settings()))
        self.namespace = f"sel-{secrets.token_hex(4)}"
        self.objects: dict[str, dict[str, str]] = {}

    async def fill(self) -> None:
        """One object without labels, one for each value of a key, and some of random labels; always the same ones."""
        chance = random.Random(0)
        self.objects = {"none": {}}
        for value in VALUES:
            self.objects[f"o{len(self.objects)}"] = {"app": value}
        while len(self.objects) < 60:
            some = chance.sample(KEYS, chance.randint(1, len(KEYS)))
            self.objects[f"o{len(self.objects)}"] = {key: chance.choice(VALUES) for key in some}
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}}
        await self.connection.json("POST", "/api/v1/namespaces", body=body)
        for name, labels in self.objects.items():
            await self.connection.json("POST", self.path, body={"metadata": {"name": name, "labels": labels}})

    @property
    def path(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/configmaps"

    def names(self, selector: str) -> set[str]:
        """Which of the objects the server returns (it may have put its own among them); Invalid for a wrong selector."""
        found = self.runner.run(self.connection.json("GET", self.path, query=[("labelSelector", selector)]))
        return {item["metadata"]["name"] for item in found["items"]} & self.objects.keys()

    def matching(self, selector: Selector) -> set[str]:
        return {name for name, labels in self.objects.items() if selector.matches(labels)}

    async def end(self) -> None:
        await self.connection.request("DELETE", f"/api/v1/namespaces/{self.namespace}")
        await self.connection.close()


@pytest.fixture(scope="module")
def server(kubeconfig: str) -> Iterator[Server]:
    server = Server(kubeconfig)
    try:
        server.runner.run(server.fill())
        yield server
    finally:
        server.runner.run(server.end())
        server.runner.close()


@generated
@given(selector=selectors)
def test_the_server_returns_what_the_selector_matches(server: Server, selector: Selector) -> None:
    assert server.names(str(selector)) == server.matching(selector)


@generated
@given(text=spellings())
def test_the_server_reads_every_spelling_as_we_do(server: Server, text: str) -> None:
    assert server.names(text) == server.matching(parse(text))


def agree(server: Server, text: str) -> None:
    """Both refuse `text`, the server with a 400, or both take it and find the same."""
    try:
        ours = parse(text)
    except SelectorError:
        with pytest.raises(Invalid) as caught:
            server.names(text)
        assert caught.value.status == 400
    else:
        assert server.names(text) == server.matching(ours)


@generated
@given(text=st.one_of(texts(), texts(), spellings()))
def test_the_server_refuses_exactly_what_we_refuse(server: Server, text: str) -> None:
    agree(server, text)


CORNERS = (
    *("app in ()", "app notin ()", "app in (,)", "app in (web,,)", "app in (,,,db)", "app=,!tier", "rev>", "rev>1,rev<10"),
    *("!app in (web)", "in in (in)", "app\0=web", "app=web,\0tier", "app=web \0 what follows", "app=web\u00a0"),
)


@pytest.mark.parametrize("text", CORNERS)
def test_the_corners_of_the_grammar_are_the_servers(server: Server, text: str) -> None:
    agree(server, text)


@given(selector=selectors)
@settings(max_examples=5, deadline=None)
def test_kubectl_selects_what_the_selector_matches(server: Server, kubectl: Callable[..., str], selector: Selector) -> None:
    found = kubectl("-n", server.namespace, "get", "configmaps", "-o", "name", "-l", str(selector)).split()
    assert {name.removeprefix("configmap/") for name in found} & server.objects.keys() == server.matching(selector)
