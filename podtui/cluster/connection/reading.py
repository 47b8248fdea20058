"""Read one object whole, as the API server has it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from podtui.errors import PodtuiError
from podtui.kube.json_values import mapping
from podtui.kube.resources import ObjectRef

if TYPE_CHECKING:
    from podtui.cluster.connection.connection import Connection

LARGE = 64 * 1024  # bytes of JSON above which a thread works on an object


async def read_object(connection: Connection, ref: ObjectRef) -> tuple[Mapping[str, Any], int]:
    """The decoded object, and its size in bytes of JSON. Raises PodtuiError: NotFound when it is gone."""
    content = await connection.request("GET", ref.path)
    try:
        obj = await asyncio.to_thread(msgspec.json.decode, content) if len(content) > LARGE else msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PodtuiError(f"the API server's answer for {ref} is not JSON: {error}") from None
    return mapping(obj), len(content)
