"""Which objects a label selector chooses, on the server's word."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from podtui.cluster.connection.connection import Connection
from podtui.errors import PodtuiError
from podtui.kube.resources import ObjectRef, Resource

_ACCEPT = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
_PAGE = "500"  # objects in one answer


class _Metadata(msgspec.Struct, rename="camel"):
    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""


class _Item(msgspec.Struct):
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)


class _ListMeta(msgspec.Struct):
    continue_: str = msgspec.field(default="", name="continue")


class _List(msgspec.Struct):
    metadata: _ListMeta = msgspec.field(default_factory=_ListMeta)
    items: list[_Item] | None = None


async def select(connection: Connection, resource: Resource, namespaces: Sequence[str], selector: str) -> list[ObjectRef]:
    """Every object in these namespaces (none: all of them) that matches the selector ("": each), by namespace and name."""
    refs: list[ObjectRef] = []
    for namespace in namespaces or ("",):
        token = ""
        while True:
            query = [("limit", _PAGE), *([("labelSelector", selector)] if selector else []), *([("continue", token)] if token else [])]
            body = await connection.request("GET", resource.path(namespace), query=query, accept=_ACCEPT)
            try:
                page = msgspec.json.decode(body, type=_List)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise PodtuiError(f"the list of {resource.plural} cannot be read: {error}") from error
            found = [item.metadata for item in page.items or ()]
            refs += [ObjectRef(resource, one.name, one.namespace, one.uid, one.resource_version) for one in found]
            token = page.metadata.continue_
            if not token:
                break
    return sorted(refs, key=lambda ref: (ref.namespace, ref.name))
