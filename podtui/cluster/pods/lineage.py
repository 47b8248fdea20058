"""Which pods succeed another: the conditions that a pod's controller, or a selector, sets.

Read while the pod exists, since its ReplicaSet may disappear together with it. A pod is identified by its UID; two pods belong together
when the same object, by UID, is their controller (`metadata.ownerReferences` with `controller: true`), or controls their ReplicaSets: a
rollout creates another ReplicaSet of the same Deployment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from podtui.cluster.connection.decoding import readable
from podtui.errors import Forbidden, NotFound
from podtui.kube.resources import (
    DAEMONSETS,
    DEPLOYMENTS,
    JOBS,
    NODES,
    REPLICASETS,
    REPLICATIONCONTROLLERS,
    STATEFULSETS,
    ObjectRef,
    Resource,
)
from podtui.kube.scheduling import label_selector_text
from podtui.text import harmless

if TYPE_CHECKING:
    from podtui.cluster.connection.connection import Connection

_CONTROLLERS = {
    (resource.group, resource.kind): resource
    for resource in (
        REPLICASETS,
        DEPLOYMENTS,
        STATEFULSETS,
        DAEMONSETS,
        JOBS,
        REPLICATIONCONTROLLERS,
        NODES,
    )
}
_INDEX = "batch.kubernetes.io/job-completion-index"
_TEMPLATE_HASH = "pod-template-hash"  # what distinguishes the ReplicaSets of one Deployment (and, with a prefix, of an Argo Rollout)


class OwnerReference(msgspec.Struct, frozen=True, rename="camel"):
    """An entry of `metadata.ownerReferences`."""

    api_version: str = ""
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool | None = None

    @property
    def resource(self) -> Resource | None:
        """The kind with its path, for built-in kinds; None for others."""
        return _CONTROLLERS.get((self.api_version.rpartition("/")[0], self.kind))

    def path(self, namespace: str) -> str:
        """The URL path of the object; "" for a kind of which only the name is known."""
        return self.resource.path(namespace, self.name) if self.resource else ""

    def __str__(self) -> str:
        return f"{self.kind.lower()}/{self.name}"


class ObjectMeta(msgspec.Struct, frozen=True, rename="camel"):
    """The metadata that matters here. Times are as the server writes them, in UTC, so that they compare as text."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    labels: dict[str, str] | None = None
    owner_references: list[OwnerReference] | None = None

    @property
    def controller(self) -> OwnerReference | None:
        """The owner that manages the object (metav1.GetControllerOf)."""
        return next((owner for owner in self.owner_references or () if owner.controller), None)


class AnnotatedMeta(ObjectMeta, frozen=True, rename="camel"):
    """With the annotations, which are most of an object's bytes."""

    generate_name: str = ""
    annotations: dict[str, str] | None = None


class Lineage(msgspec.Struct, frozen=True):
    """The conditions for a pod to succeed another. Every non-empty field must match.

    `owner` is its controller, `parent` the controller of its ReplicaSet (then `owner` may be another ReplicaSet). `selector` has the
    labels with which to list such pods; alone, without an owner, it says which pods are meant (a saved forward's).
    `note` says what could not be read, and so is not followed.
    """

    namespace: str = ""
    owner: OwnerReference | None = None
    parent: OwnerReference | None = None
    name: str = ""
    node: str = ""
    index: str = ""
    selector: str = ""
    note: str = ""

    @property
    def follows(self) -> bool:
        """Whether there can be a successor at all: a pod without a controller has none."""
        return bool(self.owner or self.name or self.selector)

    def __str__(self) -> str:
        """`a pod of deployment/web`, `pod/db-0 of statefulset/db`, `a pod with app=web`, for a message."""
        owner = self.parent or self.owner
        pod = f"pod/{self.name}" if self.name else "a pod"
        of = f" of {owner}" if owner else f" with {self.selector}" if self.selector and not self.name else ""
        on = f" on {self.node}" if self.node else f" with the completion index {self.index}" if self.index else ""
        return harmless(pod + of + on)


async def lineage_of(connection: Connection, pod: dict[str, Any]) -> Lineage:
    """The lineage of a pod (a v1 Pod as JSON). Raises the errors of the requests, except Forbidden and NotFound: they become a `note`.

    A pod of a StatefulSet, and any whose controller sets its name instead of the server, is followed by its name; one of a
    DaemonSet on its node; one of an indexed Job by its index.
    """
    with readable("a pod and its controller"):
        return await _lineage_of(connection, pod)


async def _lineage_of(connection: Connection, pod: dict[str, Any]) -> Lineage:
    metadata = msgspec.convert(pod.get("metadata") or {}, AnnotatedMeta)
    owner = metadata.controller
    if owner is None:
        return Lineage(metadata.namespace)
    lineage = Lineage(metadata.namespace, owner)
    if owner.kind == "StatefulSet" or not metadata.generate_name:
        return msgspec.structs.replace(lineage, name=metadata.name)
    if owner.kind == "Job":
        lineage = msgspec.structs.replace(lineage, index=(metadata.annotations or {}).get(_INDEX, ""))
    if owner.kind == "DaemonSet":
        lineage = msgspec.structs.replace(lineage, node=(pod.get("spec") or {}).get("nodeName", ""))
    path = owner.path(metadata.namespace)
    if not path:
        return lineage
    try:
        controller = await connection.json("GET", path)
    except (Forbidden, NotFound) as error:
        return msgspec.structs.replace(lineage, note=f"{owner} could not be read ({error.what}): only its own pods are followed")
    parent = msgspec.convert(controller.get("metadata") or {}, ObjectMeta).controller if owner.resource is REPLICASETS else None
    selector = selector_text((controller.get("spec") or {}).get("selector") or {}, without=_TEMPLATE_HASH if parent else "")
    return msgspec.structs.replace(lineage, parent=parent, selector=selector)


def selector_text(selector: dict[str, Any], *, without: str = "") -> str:
    """A LabelSelector (or the plain map of a ReplicationController) as the text of `labelSelector`, without the key with that suffix."""
    plain = "matchLabels" not in selector and "matchExpressions" not in selector
    return label_selector_text({"matchLabels": selector} if plain else selector, without=without)


def bare(ref: ObjectRef) -> Lineage:
    """The lineage of a pod that was not read yet: it has no successor."""
    return Lineage(ref.namespace)
