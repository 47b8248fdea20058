"""Lists of the API (meta/v1): their pages, and the forms in which the server sends them.

A list request has a `limit`. While the ListMeta has a `continue` token, a request with that token returns more objects.
A token expires with the version of its list, some minutes later (410 Expired).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Generic, Protocol, TypedDict, TypeVar, Unpack

import msgspec

from podtui.cluster.connection import bounds
from podtui.cluster.connection.decoding import UnreadableAnswer, decode
from podtui.errors import Gone
from podtui.kube.resources import ObjectRef, Resource
from podtui.tasks import end_tasks

JSON = "application/json"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io, application/json"
METADATA = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io, application/json"
"""For one object, or the objects of a watch."""
METADATA_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io, application/json"
"""For the objects of a list. A server that cannot reduce them sends them whole."""

PAGE = 500  # objects in one answer: decoding them takes a few milliseconds
_LONGER = 10  # page size factor of the second attempt at a list whose token expired

Query = Sequence[tuple[str, str]]
T = TypeVar("T")


class ReadOptions(TypedDict, total=False):
    """Options of a request that changes nothing. `timeout`, in seconds, is the whole request's."""

    query: Query
    accept: str
    timeout: float | None


class Server(Protocol):
    """What lists and watches use of a Connection."""

    async def request(self, method: str, path: str, **options: Unpack[ReadOptions]) -> bytes: ...

    def stream(
        self, path: str, *, query: Query = (), accept: str = ..., idle_timeout: float | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]: ...


class ListMeta(msgspec.Struct, gc=False):
    """`continue_token` is "" on the last page; `remaining` is how many objects follow this page, None when the server does not say."""

    resource_version: str = msgspec.field(default="", name="resourceVersion")
    continue_token: str = msgspec.field(default="", name="continue")
    remaining: int | None = msgspec.field(default=None, name="remainingItemCount")


class Page(msgspec.Struct, Generic[T]):
    """One answer to a list request; the server writes null for no items. What has no such field is not a list: a load balancer's JSON."""

    items: list[T] | None
    metadata: ListMeta = msgspec.field(default_factory=ListMeta)


class AnyPage(Protocol):
    """A Page, or a Table."""

    @property
    def metadata(self) -> ListMeta: ...


P = TypeVar("P", bound=AnyPage)


def selecting(selector: str = "", fields: str = "") -> list[tuple[str, str]]:
    """The query of a list or a watch for a label selector and a field selector; "" for none."""
    return [(key, value) for key, value in (("labelSelector", selector), ("fieldSelector", fields)) if value]


def decode_page(content: bytes, form: type[T], path: str) -> Page[T]:
    """As `decode`, for one answer to a list request for such objects."""
    return decode(content, Page[form], path)  # type: ignore[valid-type]


async def read_as(server: Server, path: str, form: type[T], *, query: Query = ()) -> T:
    """The answer at `path`, decoded as `form`. Raises the errors of the request and UnreadableAnswer."""
    return decode(await server.request("GET", path, query=query), form, path)


async def pages(
    server: Server,
    path: str,
    decode: Callable[[bytes], P],
    *,
    query: Query = (),
    accept: str = JSON,
    limit: int = PAGE,
    timeout: float | None = None,  # noqa: ASYNC109 - of one page
) -> AsyncGenerator[P, None]:
    """The pages of the collection at `path`, decoded by `decode`. The next page is on its way while the caller works on one.

    Close it (`aclosing`) if you may leave it before its end. Raises the errors of the requests; Gone when the token has expired.
    """

    def ask(token: str) -> asyncio.Task[bytes]:
        asked = [*query, ("limit", str(limit)), *([("continue", token)] if token else [])]
        return asyncio.create_task(server.request("GET", path, query=asked, accept=accept, timeout=timeout))

    coming: asyncio.Task[bytes] | None = ask("")
    token = ""
    try:
        while coming is not None:
            content = await coming
            coming = None
            page, before = decode(content), token
            if token := page.metadata.continue_token:
                if token == before:
                    raise UnreadableAnswer(f"the API server's list at {path} does not go on: each page names itself as the next one")
                coming = ask(token)
            yield page
    finally:
        await end_tasks(coming)


async def lines_of(stream: AsyncIterator[bytes], what: str) -> AsyncGenerator[list[bytes], None]:
    """The lines of a watch, one event each, that each chunk completes: none or several, without empty ones.

    An unfinished last line is not yielded. Raises UnreadableAnswer for a line without an end.
    """
    parts: list[bytes] = []
    held = 0
    async for chunk in stream:
        held += len(chunk)
        if held > bounds.LARGEST_EVENT:
            raise UnreadableAnswer(f"the watch of {what} sent a line without an end")
        parts.append(chunk)
        if b"\n" not in chunk:
            yield []
            continue
        lines = b"".join(parts).split(b"\n")
        parts = [lines.pop()]
        held = len(parts[0])
        yield [line for line in lines if line.strip()]


async def list_objects(server: Server, path: str, form: type[T], *, query: Query = (), accept: str = JSON, limit: int = PAGE) -> list[T]:
    """All objects of the collection at `path`, each decoded as `form`.

    When the continue token has expired, lists anew in larger pages. Raises the errors of the requests and UnreadableAnswer.
    """

    async def collect(limit: int) -> list[T]:
        found: list[T] = []
        listed = pages(server, path, lambda content: decode_page(content, form, path), query=query, accept=accept, limit=limit)
        async with aclosing(listed):
            async for page in listed:
                found += page.items or ()
        return found

    try:
        return await collect(limit)
    except Gone:
        return await collect(limit * _LONGER)


async def count_objects(server: Server, path: str) -> int:
    """The number of objects of the collection at `path`: requests one object, and adds `remainingItemCount`."""
    content = await server.request("GET", path, query=[("limit", "1")], accept=METADATA_LIST)
    page = decode_page(content, msgspec.Raw, path)
    return len(page.items or ()) + (page.metadata.remaining or 0)


class _Metadata(msgspec.Struct, rename="camel"):
    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""


class _Item(msgspec.Struct):
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)


async def select(server: Server, resource: Resource, namespaces: Sequence[str], selector: str) -> list[ObjectRef]:
    """Every object in these namespaces (none: all of them) that matches the selector ("": all), by namespace and name."""
    refs: list[ObjectRef] = []
    for namespace in namespaces or ("",):
        listed = await list_objects(server, resource.path(namespace), _Item, query=selecting(selector), accept=METADATA_LIST)
        found = (item.metadata for item in listed)
        refs += [ObjectRef(resource, one.name, one.namespace, one.uid, one.resource_version) for one in found]
    return sorted(refs, key=lambda ref: (ref.namespace, ref.name))
