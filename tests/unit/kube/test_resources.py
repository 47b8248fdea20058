"""The URL paths of collections and objects, as the API server lays them out."""

from __future__ import annotations

import pytest

from podtui.kube.resources import NODES, PODS, Resource

JOBS = Resource("batch", "v1", "jobs", "Job")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (PODS.path(), "/api/v1/pods"),
        (PODS.path("web"), "/api/v1/namespaces/web/pods"),
        (PODS.path("web", "a", "log"), "/api/v1/namespaces/web/pods/a/log"),
        (NODES.path("web", "node-1"), "/api/v1/nodes/node-1"),
        (JOBS.path("web", "a/b"), "/apis/batch/v1/namespaces/web/jobs/a%2Fb"),
        (JOBS.path(name="a"), "/apis/batch/v1/jobs/a"),
    ],
)
def test_a_path_names_the_group_the_namespace_and_the_object(path: str, expected: str) -> None:
    assert path == expected
