"""What is there already: the difference that applying would make, who owns what is in the way, and only the object that was shown."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from podtui.cluster.changes import creation
from podtui.cluster.changes.creation import Outcome
from podtui.cluster.changes.objects import Objects
from podtui.cluster.connection.connection import Connection
from podtui.cluster.kubeconfig.contexts import Kubeconfig
from podtui.errors import Changed, Forbidden, Replaced
from podtui.kube.manifests import documents
from podtui.kube.resources import ObjectRef, Resource

NAMESPACE_PREFIX = "apply-"
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
MERGE = "application/merge-patch+json"


def settings(**data: str) -> str:
    return "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\ndata:\n" + "".join(
        f"  {key}: '{value}'\n" for key, value in data.items()
    )


class Applied:
    """A ConfigMap `x` in one namespace, and what is asked about it."""

    def __init__(self, connection: Connection, namespace: str) -> None:
        self.connection, self.namespace = connection, namespace
        self.objects = Objects(connection)
        self.ref = ObjectRef(CONFIG_MAPS, "x", namespace)

    async def create(self, text: str) -> None:
        assert [one.state for one in await creation.create(self.objects, documents.parse(text), self.namespace)] == ["created"]

    async def check(self, text: str) -> Outcome:
        (outcome,) = await creation.check(self.objects, documents.parse(text), self.namespace)
        return outcome

    async def apply(self, checked: Outcome, *, force: bool = False) -> Outcome:
        (outcome,) = await creation.create(self.objects, [checked.document], self.namespace, checked=[checked], apply=True, force=force)
        return outcome

    async def update(self, data: dict[str, Any], manager: str = "someone") -> None:
        await self.connection.json("PATCH", self.ref.path, body={"data": data}, content_type=MERGE, query=[("fieldManager", manager)])

    async def data(self) -> dict[str, str]:
        found: dict[str, str] = (await self.objects.get(self.ref))["data"]
        return found


@pytest.fixture
def x(connection: Connection, namespace: str) -> Applied:
    return Applied(connection, namespace)


async def test_what_exists_is_shown_as_a_difference_and_left_unless_it_is_to_be_applied(x: Applied) -> None:
    await x.create(settings(a="1", b="1"))
    checked = await x.check(settings(a="2"))
    assert checked.state == "exists" and checked.preview is not None
    assert [line for line in checked.preview.lines if line[0] in "+-"] == ['-  a: "1"', '+  a: "2"']
    assert checked.preview.conflicts == () and checked.preview.own  # podtui created it: its own fields are no conflict
    (left,) = await creation.create(x.objects, [checked.document], x.namespace, checked=[checked])
    assert left.state == "left" and await x.data() == {"a": "1", "b": "1"}
    assert str(await x.apply(checked)) == "configmap/x serverside-applied"
    assert await x.data() == {"a": "2", "b": "1"}
    again = await x.check(settings(a="2"))
    assert again.preview is not None and again.preview.unchanged and (await x.apply(again)).state == "unchanged"


async def test_fields_of_others_are_named_and_taken_over_only_by_force(x: Applied) -> None:
    await x.create(settings(a="1", b="1"))
    await x.update({"b": "theirs"}, "kubectl-edit")
    checked = await x.check(settings(a="2", b="2"))
    assert checked.preview is not None
    assert [(one.field, one.owner) for one in checked.preview.conflicts] == [(".data.b", '"kubectl-edit" using v1')]
    refused = await x.apply(checked)
    assert refused.state == "refused" and '"kubectl-edit" using v1' in str(refused)
    assert await x.data() == {"a": "1", "b": "theirs"}
    assert (await x.apply(checked, force=True)).state == "applied"
    assert await x.data() == {"a": "2", "b": "2"}


async def test_a_concurrent_change_to_another_field_does_not_prevent_an_apply(x: Applied) -> None:
    await x.create(settings(a="1"))
    checked = await x.check(settings(a="2"))
    await x.update({"other": "1"})
    assert (await x.apply(checked)).state == "applied"
    assert await x.data() == {"a": "2", "other": "1"}


async def test_a_change_to_the_same_field_is_shown_anew_and_not_overwritten(x: Applied) -> None:
    await x.create(settings(a="1"))
    checked = await x.check(settings(a="2"))
    await x.update({"a": "theirs"})
    refused = await x.apply(checked)
    assert refused.state == "refused" and isinstance(refused.error, Changed) and refused.preview is not None
    assert "-  a: theirs" in refused.preview.lines and [one.field for one in refused.preview.conflicts] == [".data.a"]
    assert await x.data() == {"a": "theirs"}


async def test_an_apply_does_not_touch_a_recreated_object_of_the_same_name(x: Applied) -> None:
    await x.create(settings(a="1"))
    checked = await x.check(settings(a="2"))
    await x.objects.delete(x.ref)
    gone = await x.apply(checked)
    assert gone.state == "refused"
    await x.create(settings(a="new"))
    refused = await x.apply(checked)
    assert isinstance(refused.error, Replaced) and await x.data() == {"a": "new"}


async def test_a_change_to_an_immutable_field_is_refused_before_it_is_applied(x: Applied) -> None:
    pod = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\nspec:\n  schedulerName: nobody\n  containers:\n  - name: a\n    image: i\n"
    await x.create(pod)
    checked = await x.check(pod.replace("  schedulerName", "  hostNetwork: true\n  schedulerName"))
    assert checked.state == "refused" and checked.existing and checked.faults[0].line == 5
    assert checked.faults[0].words.startswith("spec: Forbidden: pod updates may not change fields other than")
    assert "@@" not in checked.faults[0].words


async def test_a_refused_document_has_the_lines_of_its_faults(x: Applied) -> None:
    text = (
        settings(a="1")
        + "---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: p\nspec:\n  containers:\n  - name: a\n    imagee: i\n    image: x\n"
    )
    ok, refused = await creation.check(x.objects, documents.parse(text), x.namespace)
    assert (ok.state, refused.state) == ("checked", "refused")
    assert [(fault.line, fault.words) for fault in refused.faults] == [(15, 'unknown field "spec.containers[0].imagee"')]


async def test_a_user_who_may_patch_but_not_create_sees_the_difference(x: Applied, kubeconfig: str) -> None:
    await x.create(settings(a="1"))
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "patch"]}]
    group = "/apis/rbac.authorization.k8s.io/v1"
    await x.connection.json("POST", f"{group}/namespaces/{x.namespace}/roles", body={"metadata": {"name": "r"}, "rules": rules})
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "changer"}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}
    body = {"metadata": {"name": "r"}, "subjects": [subject], "roleRef": role}
    await x.connection.json("POST", f"{group}/namespaces/{x.namespace}/rolebindings", body=body)
    connection = await Connection.open(Kubeconfig.load(kubeconfig).settings(impersonate="changer"))
    try:
        changer = Applied(connection, x.namespace)
        for _ in range(300):  # until the authorizer has heard of the role
            checked = await changer.check(settings(a="2"))
            if checked.state == "exists":
                break
            await asyncio.sleep(0.1)
        assert checked.state == "exists" and (await changer.apply(checked)).state == "applied"
        new = await changer.check(settings(a="2").replace("name: x", "name: new"))
        assert new.state == "refused" and isinstance(new.error, Forbidden)
    finally:
        await connection.close()
    assert await x.data() == {"a": "2"}


async def test_an_object_that_changes_during_the_dry_run_is_read_again(x: Applied, monkeypatch: pytest.MonkeyPatch) -> None:
    await x.create(settings(a="1"))
    ask, count = x.connection.json, 0

    async def changed_meanwhile(method: str, path: str, **more: Any) -> Any:
        nonlocal count
        if method == "PATCH" and more.get("query", [("", "")])[0] == ("dryRun", "All") and count < 3:
            count += 1
            await ask("PATCH", x.ref.path, body={"data": {"n": str(count)}}, content_type=MERGE, query=[("fieldManager", "someone")])
        return await ask(method, path, **more)

    monkeypatch.setattr(x.connection, "json", changed_meanwhile)
    checked = await x.check(settings(a="2"))
    assert (checked.state, count) == ("exists", 3)
    assert checked.preview is not None and checked.preview.before["data"]["n"] == "3"
