"""Read one object whole, as the API server has it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from podtui.cluster.connection.decoding import decode
from podtui.kube.resources import ObjectRef

if TYPE_CHECKING:
    from podtui.cluster.connection.connection import Connection

LARGE = 64 * 1024  # bytes of JSON above which a thread works on an object


async def read_object(connection: Connection, ref: ObjectRef) -> tuple[Mapping[str, Any], int]:
    """The decoded object, and its size in bytes of JSON. Raises PodtuiError: NotFound when it is gone."""
    content = await connection.request("GET", ref.path)
    what = str(ref)
    obj = await asyncio.to_thread(decode, content, dict[str, Any], what) if len(content) > LARGE else decode(content, dict[str, Any], what)
    return obj, len(content)
