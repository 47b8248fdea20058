"""Read one object whole, as the API server has it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from podtui.cluster.connection.bounds import LONGEST_MESSAGE
from podtui.cluster.connection.decoding import UnreadableAnswer, decode
from podtui.kube.json_values import string
from podtui.kube.resources import ObjectRef
from podtui.text import harmless

if TYPE_CHECKING:
    from podtui.cluster.connection.connection import Connection

LARGE = 64 * 1024  # bytes of JSON above which a thread works on an object


async def read_object(connection: Connection, ref: ObjectRef) -> tuple[Mapping[str, Any], int]:
    """The decoded object, and its size in bytes of JSON. Raises PodtuiError: NotFound when it is gone, UnreadableAnswer when the answer
    is not an object of that kind (a proxy may answer 200 with an error of its own)."""
    content = await connection.request("GET", ref.path)
    what = str(ref)
    obj = await asyncio.to_thread(decode, content, dict[str, Any], what) if len(content) > LARGE else decode(content, dict[str, Any], what)
    if obj.get("kind") != ref.resource.kind:
        said = ": ".join(filter(None, (string(obj.get("kind")) or "no object", string(obj.get("message")))))
        raise UnreadableAnswer(
            f"the API server's answer for {harmless(what)} is not a {ref.resource.kind}: {harmless(said)[:LONGEST_MESSAGE]}"
        )
    return obj, len(content)
