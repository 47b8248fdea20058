"""What a node's page tells of its pods, and that it reads each pod but once."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from podtui.cluster.pods.nodes import NodeResource, PodRows, describe_node, pod_rows

NODE = {"metadata": {"name": "n"}, "status": {"capacity": {"cpu": "4", "memory": "8Gi", "pods": "110"}}}


def pod(name: str, cpu: str, *, limit: str = "1Gi", phase: str = "Running") -> dict[str, Any]:
    resources = {"requests": {"cpu": cpu}, "limits": {"memory": limit}}
    return {"metadata": {"name": name, "uid": name}, "spec": {"containers": [{"resources": resources}]}, "status": {"phase": phase}}


def test_the_sums_of_a_node_are_exact_and_without_finished_pods() -> None:
    pods = [pod("a", "100m"), pod("b", "1500m"), pod("c", "1"), pod("d", "0.000000001", limit="512Mi"), pod("over", "3", phase="Failed")]
    cpu, memory, count = describe_node(NODE, pod_rows(pods)).resources
    assert cpu == NodeResource("cpu", Fraction(4), Fraction(4), Fraction(2600000001, 10**9), Fraction(0))
    assert (memory.requested, memory.limited) == (Fraction(0), Fraction(7 * 512 << 20))
    assert (count.resource, count.requested, count.limited) == ("pods", Fraction(4), Fraction(0))
    assert {one.requested for one in describe_node(NODE).resources} == {None}


def test_a_pod_that_has_not_changed_is_not_read_again() -> None:
    rows = PodRows()
    kept, changed, gone = pod("kept", "1"), pod("changed", "1"), pod("gone", "1")
    before = rows.of([kept, changed, gone])
    after = rows.of([pod("changed", "2"), kept])
    assert [row.name for row in before] == ["changed", "gone", "kept"]
    assert [(row.name, row.requests["cpu"]) for row in after] == [("changed", Fraction(2)), ("kept", Fraction(1))]
    assert after[1] is before[2]
