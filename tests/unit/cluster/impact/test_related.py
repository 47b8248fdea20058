"""What is related to pods: a kind that is not served has no objects, and what could not be read is said."""

from __future__ import annotations

from typing import cast

from podtui.cluster.connection.access import Access
from podtui.cluster.connection.connection import Connection
from podtui.cluster.impact.related import Surroundings, read
from podtui.errors import PodtuiError
from podtui.kube.resources import PODS, ObjectRef
from tests.support.api_server import ApiServer, not_found, not_served, page
from tests.unit.cluster.impact.test_namespace_contents import Rights

REF = ObjectRef(PODS, "web", "shop")
SHOP, POLICIES = "/api/v1/namespaces/shop", "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies"
BUDGETS, SLICES = "/apis/policy/v1/namespaces/shop/poddisruptionbudgets", "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices"


async def around(pods: int = 1, **answers: PodtuiError) -> Surroundings:
    """What is read around so many pods; `answers` are for `pod`, `services` and `budgets`."""
    paths = {"pod": REF.path, "services": f"{SHOP}/services", "budgets": BUDGETS}
    server = ApiServer(
        {REF.path: {"metadata": {"name": "web"}}, **{path: [] for path in (f"{SHOP}/services", SLICES, BUDGETS, POLICIES)}}
        | {paths[name]: answer for name, answer in answers.items()}
    )
    (found,) = await read(cast(Connection, server), cast(Access, Rights()), [REF] * pods, adopters=False)
    return found


async def test_a_pod_that_is_gone_and_a_kind_that_is_not_served_leave_nothing_unread() -> None:
    found = await around(pod=not_found("pods", "web"), budgets=not_served())
    assert (found.pods, found.budgets, found.unread) == ([], [], [])
    assert "PodDisruptionBudget" not in found.looked_at and "NetworkPolicy" in found.looked_at


async def test_what_answers_404_in_place_of_the_api_server_is_told() -> None:
    found = await around(pod=page(), budgets=page(), services=not_served())
    assert {what for what, _ in found.unread} == {"pod/web", "poddisruptionbudgets", "services"}


async def test_many_pods_that_no_server_lists_are_told_as_unread() -> None:
    found = await around(pods=9)  # the server knows no such list
    assert [what for what, _ in found.unread] == ["pods"]
