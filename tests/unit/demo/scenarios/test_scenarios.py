"""Scenarios: what podtui ships, what a file may say, and how its mistakes are told."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from podtui.demo.scenarios import loading
from podtui.demo.scenarios.scale import node_count
from podtui.demo.storage.kinds import NAMESPACES, PODS
from podtui.errors import ConfigError, UsageError

GOOD = """\
title: one pod
nodes:
  - {name: node-1, taints: ["a=b:NoSchedule"]}
objects:
  - apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec: {containers: [{name: web, image: example/web}]}
script:
  - at: 1m
    patch: {kind: Pod, name: web, merge: {metadata: {labels: {a: b}}}}
  - at: 20s
    every: 5s
    delete: {kind: Pod, selector: "a in (b,c)"}
"""


@pytest.fixture
def mistake(tmp_path: Path) -> Any:
    """What is told of the good file with one text replaced by another, without the path."""

    def told(before: str, after: str) -> str:
        assert before in GOOD
        path = tmp_path / "mine.yaml"
        path.write_text(GOOD.replace(before, after, 1))
        with pytest.raises(ConfigError) as caught:
            loading.load(str(path))
        assert caught.value.what.startswith(f"{path}:")
        return caught.value.what.removeprefix(f"{path}:")

    return told


# -- shipped ----------------------------------------------------------------------------------------------------------
def test_the_shipped_scenarios_are_those_of_the_readme() -> None:
    readme = (Path(__file__).parents[4] / "README.md").read_text()
    assert {"default", "incident", "textbook"} <= set(loading.shipped())
    assert [name for name in loading.shipped() if f"| `{name}` |" not in readme] == []


@pytest.mark.parametrize("name", loading.shipped())
def test_each_shipped_scenario_is_without_mistakes_and_has_a_title(name: str) -> None:
    found = loading.load(name)
    assert found.title and list(found.nodes("2026-01-01T00:00:00Z"))


def test_the_textbook_has_nodes_and_nothing_else() -> None:
    found = loading.load("textbook")
    assert found.objects == [] and found.script == ()
    assert [node["metadata"]["name"] for node in found.nodes("")] == ["node-1", "node-2", "node-3"]


def test_the_default_shop_has_namespaces_kinds_and_the_labels_to_select_by() -> None:
    found = loading.load("default")
    kinds = Counter(manifest.kind.kind for manifest in found.manifests)
    assert kinds.keys() >= {"Namespace", "Pod", "Deployment", "ReplicaSet", "Service", "Job", "ConfigMap", "PodDisruptionBudget"}
    templates = [obj["spec"]["template"] if "template" in obj["spec"] else obj for obj in found.objects if "spec" in obj]
    keys = {key for template in templates for key in template["metadata"].get("labels", {})}
    assert keys >= {"app", "tier", "env", "release"}


# -- a file -----------------------------------------------------------------------------------------------------------
def test_a_file_is_read_with_its_script_in_the_order_of_time(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD)
    found = loading.load(str(path))
    assert (found.name, found.title) == ("mine", "one pod")
    assert [(step.at, step.every) for step in found.script] == [(20.0, 5.0), (60.0, 0.0)]
    assert found.manifests[0].kind is PODS and found.manifests[0].line == 5
    (node,) = found.nodes("2026-01-01T00:00:00Z")
    assert node["spec"]["taints"] == [{"key": "a", "value": "b", "effect": "NoSchedule"}]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("script:", "scrpt:", "9: unknown key `scrpt`, did you mean `script`?"),
        ("kind: Pod\n", "kind: Podd\n", "6: there is no kind `Podd`, did you mean `Pod`?"),
        ("apiVersion: v1", "apiVersion: apps/v1", "5: there is no kind Pod in apiVersion `apps/v1`"),
        ("    spec:", "    spek:", "8: there is no field `spek`, did you mean `spec`?"),
        ("{name: web}", "{}", "7: the object has no `metadata.name`"),
        ("at: 1m", "at: soon", "10: `at`: 'soon' is not a duration: write 20s, 5m or 1h"),
        ("patch: {kind: Pod", "patch: {kind: Prod", "11: there is no kind `Prod`, did you mean `Pod`?"),
        ("a in (b,c)", "a in", "14: `selector`: "),
        (":NoSchedule", ":NoSchedul", "3: there is no effect `NoSchedul`, did you mean `NoSchedule`?"),
        ("delete: {kind: Pod,", "delete: {kind: Pod, name: x,", "14: it needs a `name` or a `selector`, one of both"),
        ('    delete: {kind: Pod, selector: "a in (b,c)"}\n', "", "12: the step does nothing"),
    ],
)
def test_a_mistake_in_a_scenario_is_reported_with_its_line_and_the_nearest_word(mistake: Any, before: str, after: str, told: str) -> None:
    assert mistake(before, after).startswith(told)


def test_an_unknown_scenario_names_the_nearest_one() -> None:
    with pytest.raises(UsageError, match="there is no scenario 'defualt', did you mean `default`"):
        loading.load("defualt")


def test_a_missing_scenario_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        loading.load(f"{tmp_path}/none.yaml")


# -- scale ------------------------------------------------------------------------------------------------------------
def test_scale_gives_that_many_running_pods_over_50_namespaces_and_nodes_enough() -> None:
    found = loading.load("scale:1000,churn=2.5")
    objects = list(found.ready(time.time()))
    pods = [obj for kind, obj in objects if kind is PODS]
    assert len(pods) == 1000 and found.churn == 2.5
    assert len({pod["metadata"]["namespace"] for pod in pods}) == 50
    assert {obj["status"]["phase"] for kind, obj in objects if kind is NAMESPACES} == {"Active"}
    assert len({(pod["metadata"]["namespace"], pod["metadata"]["name"]) for pod in pods}) == 1000
    assert len({pod["status"]["podIP"] for pod in pods}) == 1000
    assert {pod["status"]["phase"] for pod in pods} == {"Running"}
    on_node = Counter(pod["spec"]["nodeName"] for pod in pods)
    nodes = list(found.nodes("2026-01-01T00:00:00Z"))
    assert on_node.keys() <= {node["metadata"]["name"] for node in nodes} and len(nodes) == node_count(1000)
    assert max(on_node.values()) <= int(nodes[0]["status"]["capacity"]["pods"])


def test_pods_of_a_scale_share_what_is_alike() -> None:
    first, *rest = (obj for kind, obj in loading.load("scale:2000").ready(time.time()) if kind is PODS)
    alike = [pod for pod in rest if pod["metadata"]["name"].partition("-")[0] == first["metadata"]["name"].partition("-")[0]]
    assert alike and all(pod["spec"]["containers"] is first["spec"]["containers"] for pod in alike)


@pytest.mark.parametrize("name", ["scale", "scale:", "scale:0", "scale:x", "scale:10,chrun=1", "scale:10,churn=x", "scale:10,churn=2000"])
def test_an_invalid_scale_is_wrong_usage(name: str) -> None:
    with pytest.raises(UsageError):
        loading.load(name)
