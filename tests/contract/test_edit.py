"""An object edited as YAML: what is sent, what is refused and where, and what happens when others change it meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from podtui.cluster.changes import creation
from podtui.cluster.changes.edit import Edit
from podtui.cluster.changes.objects import Objects
from podtui.cluster.connection.connection import Connection
from podtui.errors import Changed, Replaced
from podtui.kube.manifests import documents
from podtui.kube.resources import NAMESPACES, NODES, PODS, ObjectRef

NAMESPACE_PREFIX = "edit-"
MERGE = "application/merge-patch+json"
POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: web
  labels: {app: web}
spec:
  schedulerName: nobody
  containers:
  - name: main
    image: example:1
"""


class Edited:
    """A pod `web` that nothing schedules, and what is done to it."""

    def __init__(self, connection: Connection, namespace: str) -> None:
        self.connection, self.objects = connection, Objects(connection)
        self.namespace, self.ref = namespace, ObjectRef(PODS, "web", namespace)

    async def create(self) -> None:
        (made,) = await creation.create(self.objects, documents.parse(POD), self.namespace)
        assert made.ref is not None
        self.ref = made.ref

    async def get(self) -> dict[str, Any]:
        return await self.objects.get(self.ref)

    async def update(self, patch: dict[str, Any]) -> None:
        await self.connection.json("PATCH", self.ref.path, body=patch, content_type=MERGE)


@pytest.fixture
async def web(connection: Connection, namespace: str) -> Edited:
    made = Edited(connection, namespace)
    await made.create()
    return made


async def test_only_the_difference_is_sent_and_shown_before(web: Edited) -> None:
    edit = await Edit.begin(web.objects, web.ref)
    assert "managedFields" not in edit.text and edit.text.startswith("apiVersion: v1\nkind: Pod\n")
    assert await edit.check(edit.text.replace("app: web", "app: shop\n    tier: front")) == []
    assert edit.patch == {"metadata": {"labels": {"app": "shop", "tier": "front"}}}
    assert [line for line in edit.lines if line[0] in "+-"] == ["-    app: web", "+    app: shop", "+    tier: front"]
    assert edit.label_changes == {"app": "shop", "tier": "front"}
    assert (await web.get())["metadata"]["labels"] == {"app": "web"}
    await edit.send(web.objects)
    assert (await web.get())["metadata"]["labels"] == {"app": "shop", "tier": "front"}


async def test_an_image_is_edited_and_a_label_removed(web: Edited) -> None:
    edit = await Edit.begin(web.objects, web.ref)
    assert await edit.check(edit.text.replace("  labels:\n    app: web\n", "").replace("example:1", "example:2")) == []
    assert edit.label_changes == {"app": None}
    await edit.send(web.objects)
    now = await web.get()
    assert "labels" not in now["metadata"] and now["spec"]["containers"][0]["image"] == "example:2"


async def test_no_change_and_nothing_but_comments_are_no_patch(web: Edited) -> None:
    edit = await Edit.begin(web.objects, web.ref)
    for text in (edit.text, "", "# nothing\n\n", edit.text.replace("app: web", "app:   'web'  # the same")):
        assert await edit.check(text) == [] and edit.patch == {}


async def test_a_refused_edit_points_to_the_line_of_the_fault(web: Edited) -> None:
    edit = await Edit.begin(web.objects, web.ref)

    async def refused(old: str, new: str) -> tuple[str, str]:
        text = edit.text.replace(old, new, 1)
        (fault,) = await edit.check(text)
        return text.split("\n")[fault.line - 1].strip(), fault.words

    line, words = await refused("image: example:1", "imagee: x\n    image: example:1")
    assert (line, words) == ("- imagee: x", 'unknown field "spec.containers[0].imagee"')
    line, words = await refused("schedulerName: nobody", "schedulerName: nobody\n  nodeSelector: {a: b}")
    assert line == "spec:" and words.startswith("spec: Forbidden: pod updates may not change fields other than") and "@@" not in words
    line, words = await refused("app: web", "app: x-")
    assert line == "labels:" and "a valid label must be an empty string or consist of" in words
    line, words = await refused("name: web", "name: other")
    assert line == "name: other" and "metadata.name cannot be changed" in words
    line, words = await refused("app: web", "app: 1")
    assert "cannot unmarshal number" in words
    assert (await edit.check("a: [\n"))[0].words.startswith("not valid YAML")
    assert (await edit.check(edit.text + "---\n" + POD))[0].words == "only one object can be edited here; this is another one"
    (fault,) = await edit.check(edit.text.replace("phase: Pending", "phase: Failed"))
    assert fault.line == 0 and fault.words.startswith("the server would change nothing")
    assert (await web.get())["metadata"]["labels"] == {"app": "web"}


async def test_an_edit_of_what_the_server_ignores_is_no_change(web: Edited) -> None:
    edit = await Edit.begin(web.objects, web.ref)
    assert await edit.check(edit.text.replace("phase: Pending", "phase: Failed").replace("app: web", "app: shop")) == []
    assert edit.patch == {"metadata": {"labels": {"app": "shop"}}}


async def test_a_change_meanwhile_to_something_else_is_kept(web: Edited) -> None:
    edit = await Edit.begin(web.objects, web.ref)
    text = edit.text.replace("app: web", "app: shop")
    await web.update({"metadata": {"labels": {"other": "1"}}})
    assert await edit.check(text) == []
    await web.update({"metadata": {"labels": {"other": "2"}}})
    await edit.send(web.objects)
    assert (await web.get())["metadata"]["labels"] == {"app": "shop", "other": "2"}


async def test_a_change_meanwhile_to_the_same_field_shows_both_and_is_overwritten_only_when_asked_again(web: Edited) -> None:
    edit = await Edit.begin(web.objects, web.ref)
    assert await edit.check(edit.text.replace("app: web", "app: shop")) == []
    await web.update({"metadata": {"labels": {"app": "theirs"}}})
    with pytest.raises(Changed, match=r"metadata\.labels\.app was changed meanwhile"):
        await edit.send(web.objects)
    assert [(clash.path, clash.before, clash.now) for clash in edit.clashes] == [("metadata.labels.app", "web", "theirs")]
    assert [line for line in edit.lines if line[0] in "+-"] == ["-    app: theirs", "+    app: shop"]
    assert (await web.get())["metadata"]["labels"] == {"app": "theirs"}
    await edit.send(web.objects)
    assert (await web.get())["metadata"]["labels"] == {"app": "shop"}


async def test_an_edit_does_not_touch_a_recreated_pod_of_the_same_name(web: Edited) -> None:
    edit = await Edit.begin(web.objects, web.ref)
    await web.objects.delete(web.ref, force=True)
    await web.create()
    with pytest.raises(Replaced):
        await edit.check(edit.text.replace("app: web", "app: shop"))
    with pytest.raises(Replaced):
        await Edit.begin(web.objects, edit.ref)
    assert (await web.get())["metadata"]["labels"] == {"app": "web"}


async def test_namespaces_and_nodes_are_edited_too(web: Edited) -> None:
    edit = await Edit.begin(web.objects, ObjectRef(NAMESPACES, web.namespace))
    assert await edit.check(edit.text.replace("  labels:\n", "  labels:\n    podtui.test/edited: 'yes'\n")) == []
    await edit.send(web.objects)
    assert (await web.objects.get(edit.ref))["metadata"]["labels"]["podtui.test/edited"] == "yes"
    nodes = [node["metadata"] for node in (await web.connection.json("GET", NODES.path()))["items"]]
    name = next(node["name"] for node in nodes if node.get("labels"))  # those that other tests make have none
    edit = await Edit.begin(web.objects, ObjectRef(NODES, name))
    assert await edit.check(edit.text.replace("  labels:\n", f"  labels:\n    podtui.test/{web.namespace}: x\n", 1)) == []
    assert edit.patch == {"metadata": {"labels": {f"podtui.test/{web.namespace}": "x"}}}


async def test_what_others_changed_in_the_same_list_stays(web: Edited) -> None:
    pod = POD.replace("name: web", "name: two") + "  - name: side\n    image: example:1\n"
    await creation.create(web.objects, documents.parse(pod), web.namespace)
    ref = ObjectRef(PODS, "two", web.namespace)
    edit = await Edit.begin(web.objects, ref)
    assert await edit.check(edit.text.replace("image: example:1", "image: example:2", 1)) == []
    theirs = {"spec": {"containers": [{"name": "side", "image": "example:theirs"}]}}
    kind = "application/strategic-merge-patch+json"
    await web.connection.json("PATCH", ref.path, body=theirs, content_type=kind)
    await edit.send(web.objects)
    images = [one["image"] for one in (await web.objects.get(ref))["spec"]["containers"]]
    assert images == ["example:2", "example:theirs"]
