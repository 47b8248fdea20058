"""The API over HTTP: each request is read, its user's rights are checked, and what serves it is called."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from podtui.demo.api import discovery, openapi, scaling
from podtui.demo.api.encoding import AT_ONCE, list_chunks, object_bytes
from podtui.demo.api.list_options import ListOptions, flag, form_of, list_options
from podtui.demo.api.list_pages import page
from podtui.demo.api.metrics import node_metrics, pod_metrics
from podtui.demo.api.rbac import Attributes, Authorizer, User, impersonated, refusal
from podtui.demo.api.requests import Target, decoded, delete_options, read_body, target_of, verb_of, write_options
from podtui.demo.api.reviews import allows_path, review
from podtui.demo.api.watching import Turn, Watch
from podtui.demo.rules.selecting import label_selector
from podtui.demo.storage.errors import ApiError, forbidden, internal_error, not_found, path_not_found, unauthorized
from podtui.demo.storage.kinds import NAMESPACES, PODS, Kind, kind_at
from podtui.demo.storage.state import Entry, State
from podtui.demo.writes.writes import Writes

if TYPE_CHECKING:
    from podtui.demo.kubelet.kubelet import Kubelet

Object = dict[str, Any]

PATIENCE = 30.0
"""Seconds that a client may leave a part of an answer unread before the connection is dropped."""
_HEALTH = ("readyz", "livez", "healthz")
_STREAMS = ("log", "portforward", "exec")
_HEADERS = {"Cache-Control": "no-cache, private"}
_log = logging.getLogger(__name__)


class VirtualResource:
    """A resource that is not a stored kind, as errors name it."""

    def __init__(self, group: str, plural: str) -> None:
        self.group, self.kind, self.plural = group, plural, plural


_CLIENT_WENT = 499


class Api:
    """Serves everything under `/SECRET`; any other path answers 404, so that only those who know the secret see anything."""

    def __init__(self, state: State, writes: Writes, kubelet: Kubelet | None, secret: str, address: str) -> None:
        self.state, self.writes, self.kubelet = state, writes, kubelet
        self.authorizer = Authorizer(state)
        self._secret = secret
        self._turn = Turn()
        self.address = address
        """HOST:PORT, as discovery shows it."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The only handler. A refusal is answered as a Status; anything unexpected is a 500, and the server goes on."""
        try:
            return await self._routed(request)
        except ApiError as error:
            return _refused(error)
        except ConnectionError:
            return web.Response(status=_CLIENT_WENT)  # to nobody
        except (asyncio.CancelledError, web.HTTPException):
            raise
        except Exception as error:
            _log.exception("%s %s", request.method, request.path)
            return _refused(internal_error(type(error).__name__))

    # -- where to

    async def _routed(self, request: web.Request) -> web.StreamResponse:
        segments = request.path.split("/")[1:]
        if not hmac.compare_digest(segments[0].encode(), self._secret.encode()):
            return _unknown_path([])
        # Some clients put the prefix before a path that discovery gave with the prefix already.
        while segments and segments[0] == self._secret:
            del segments[0]
        if segments and segments[-1] == "":
            segments.pop()
        if "Authorization" in request.headers:
            raise unauthorized()  # no token is valid here: the secret in the path is the only credential
        user = impersonated(request.headers.get("Impersonate-User", ""), request.headers.getall("Impersonate-Group", []))
        target = target_of(segments)
        if target is None:
            return self._plain(request, user, segments)
        if (target.group, target.version) not in discovery.groups():
            return _unknown_path(segments)
        if target.group in discovery.REVIEW_GROUPS:
            return await self._review(request, user, target)
        if target.group == discovery.METRICS:
            return self._metrics(request, user, target)
        return await self._resource(request, user, target)

    def _allow(self, user: User, kind: Kind | VirtualResource, verb: str, target: Target, *, told: bool = True) -> None:
        """ApiError 403 when the user lacks the right; `told` False leaves out which one."""
        # The namespace that one is looking at is also the one that the rights are in.
        namespace = target.name if kind is NAMESPACES else target.namespace
        asked = Attributes(verb, kind.group, kind.plural, target.subresource, namespace, target.name)
        if not self.authorizer.allows(user, asked):
            raise forbidden(kind, target.name, refusal(user, asked) if told else "")

    # -- paths that are not resources

    def _plain(self, request: web.Request, user: User, segments: Sequence[str]) -> web.Response:
        path = "/" + "/".join(segments)
        if not allows_path(self.authorizer, user, request.method.lower(), path):
            message = f'forbidden: User "{user.name}" cannot {request.method.lower()} path "{path}"'
            raise ApiError(403, "Forbidden", message)
        if request.method not in ("GET", "HEAD"):
            raise ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
        first = segments[0] if segments else ""
        if first in _HEALTH and len(segments) <= 2:
            return web.Response(text="ok", headers={**_HEADERS, "X-Content-Type-Options": "nosniff"})
        body = self._document(request, segments)
        if body is None:
            return _unknown_path(segments)
        aggregated = first in ("api", "apis") and len(segments) == 1 and discovery.accepts_aggregated(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={**_HEADERS, "Content-Type": discovery.AGGREGATED if aggregated else "application/json"})

    def _document(self, request: web.Request, segments: Sequence[str]) -> bytes | None:
        match tuple(segments):
            case ("version",):
                return msgspec.json.format(msgspec.json.encode(discovery.VERSION), indent=2)
            case ("api" | "apis" as which,):
                if discovery.accepts_aggregated(request.headers.get("Accept", "")):
                    return discovery.aggregated(which == "api")
                return discovery.versions(self.address) if which == "api" else discovery.group_list()
            case ("api", version):
                return discovery.resource_list("", version)
            case ("apis", group, version):
                return discovery.resource_list(group, version)
            case ("openapi", "v2"):
                return openapi.empty_v2()
            case ("openapi", "v3"):
                return openapi.index("/" + self._secret)
            case ("openapi", "v3", "api", version):
                return openapi.document("", version)
            case ("openapi", "v3", "apis", group, version):
                return openapi.document(group, version)
        return None

    # -- questions

    async def _review(self, request: web.Request, user: User, target: Target) -> web.Response:
        if request.method != "POST" or target.name:
            raise ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
        self._allow(user, VirtualResource(target.group, target.plural), "create", target)
        body = decoded(target.plural, request.content_type, await read_body(request))
        return _json(review(self.authorizer, user, target.plural, body, target.namespace, self.state.clock.timestamp()), 201)

    def _metrics(self, request: web.Request, user: User, target: Target) -> web.Response:
        if request.method != "GET":
            raise ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
        self._allow(user, VirtualResource(target.group, target.plural), "get" if target.name else "list", target)
        if target.plural == "pods":
            answer = pod_metrics(self.state, target.namespace, target.name)
        elif target.plural == "nodes" and not target.namespace:
            answer = node_metrics(self.state, target.name)
        else:
            raise path_not_found()
        selector = label_selector(request.query.get("labelSelector", ""))
        if selector is not None and "items" in answer:
            chosen = [one for one in answer["items"] if selector.matches(one["metadata"].get("labels") or {})]
            answer = {**answer, "items": chosen}
        return _json(answer)

    # -- resources

    async def _resource(self, request: web.Request, user: User, target: Target) -> web.StreamResponse:
        kind = kind_at(target.group, target.version, target.plural)
        watching = flag(request.query, "watch") or False
        if kind is not None and (target.subresource and target.subresource not in {name for name, *_ in kind.subresources}):
            kind = None
        if kind is not None and (bool(target.namespace) and not kind.namespaced):
            kind = None
        if kind is not None and kind.namespaced and target.name and not target.namespace:
            kind = None
        verb = verb_of(request.method, kind, target, watching)
        assert kind is not None  # verb_of refuses the others
        self._allow(user, kind, verb, target)
        if verb == "get" and target.subresource in ("portforward", "exec"):  # a WebSocket: it may do no less than a POST
            self._allow(user, kind, "create", target, told=False)
        if verb in ("list", "watch"):
            return await self._list(request, kind, target, watching)
        if target.subresource in _STREAMS:
            return await self._stream(request, target)
        form = form_of(request.headers.get("Accept", ""))
        if verb == "get":
            entry = self.state.entry(kind, target.namespace, target.name)
            if entry is None:
                raise not_found(kind, target.name)
            if target.subresource == "scale":
                return _json(scaling.scale_of(entry.obj))
            return self._object(request, kind, entry, form)
        if kind.namespaced and verb == "create" and not target.namespace:
            raise ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
        return await self._write(request, kind, target, verb, form)

    async def _write(self, request: web.Request, kind: Kind, target: Target, verb: str, form: str) -> web.Response:
        body = await read_body(request)
        namespace, name, content_type = target.namespace, target.name, request.content_type
        if "Content-Type" not in request.headers:
            content_type = ""
        options = write_options(verb, request.query)
        options["user_agent"] = request.headers.get("User-Agent", "")
        dry_run = options["dry_run"]
        if target.subresource == "scale":
            found = decoded("Scale", content_type, body) if verb == "update" else None
            return _json(scaling.change(self.writes, kind, namespace, name, content_type, found, body, options))
        warnings: Sequence[str] = ()
        code = 200
        if verb == "create" and target.subresource:
            answer, code = self._post_below(target, decoded(kind.kind, content_type, body), dry_run), 201
        elif verb == "create":
            answer, warnings = self.writes.create(kind, namespace, decoded(kind.kind, content_type, body), **options)
            code = 201
        elif verb == "update":
            found = decoded(kind.kind, content_type, body)
            answer, warnings = self.writes.replace(kind, namespace, name, found, target.subresource, **options)
        elif verb == "patch":
            answer, warnings, made = self.writes.patch(kind, namespace, name, content_type, body, target.subresource, **options)
            code = 201 if made else 200
        else:
            deletion = delete_options(request.query, content_type, body)
            if verb == "delete":
                answer = self.writes.delete(kind, namespace, name, deletion, dry_run=dry_run)
            else:
                chosen = list_options(kind, namespace, request.query)
                items = [entry.obj for entry in self.state.entries(kind, namespace) if chosen.selects(entry)]
                answer = self.writes.deletion.delete_collection(kind, items, deletion, dry_run=dry_run)
        if answer.get("kind") != kind.kind:  # a Status, a list
            return _json(answer, code, warnings)
        return self._object(request, kind, Entry(answer, 0), form, code, warnings)

    def _post_below(self, target: Target, body: Mapping[str, Any], dry_run: bool) -> Object:
        match target.subresource:
            case "binding":
                return self.writes.bind(target.namespace, target.name, body, dry_run=dry_run)
            case "eviction":
                return self.writes.evict(target.namespace, target.name, body, dry_run)
        raise ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")

    def _object(
        self, request: web.Request, kind: Kind, entry: Entry, form: str, code: int = 200, warnings: Sequence[str] = ()
    ) -> web.Response:
        include = request.query.get("includeObject", "") or "Metadata"
        body = object_bytes(kind, entry, form, include, self.state.clock.now())
        return _answer(body, code, warnings)

    # -- lists, watches and other streams

    async def _list(self, request: web.Request, kind: Kind, target: Target, watching: bool) -> web.StreamResponse:
        form = form_of(request.headers.get("Accept", ""))
        options = list_options(kind, target.namespace, request.query)
        if watching:
            return await self._watch(request, kind, options, form)
        found = page(self.state, kind, options)
        chunks = list_chunks(kind, found, form, options.include, self.state.clock.now())
        if len(found.entries) <= AT_ONCE:
            return _answer(b"".join(chunks).rstrip(b"\n"))
        response = web.StreamResponse(headers={**_HEADERS, "Content-Type": "application/json"})
        await response.prepare(request)
        while True:
            async with self._turn:
                chunk = next(chunks, None)
            if chunk is None or not await _written(request, response, chunk):
                return response

    async def _watch(self, request: web.Request, kind: Kind, options: ListOptions, form: str) -> web.StreamResponse:
        watch = Watch(self.state, kind, options, form, self._turn)
        try:
            response = web.StreamResponse(headers={**_HEADERS, "Content-Type": "application/json"})
            await response.prepare(request)
            async for batch in watch.batches():
                if not await _written(request, response, batch):
                    break
            return response
        finally:
            watch.close()

    async def _stream(self, request: web.Request, target: Target) -> web.StreamResponse:
        self.state.existing(PODS, target.namespace, target.name)
        kubelet = self.kubelet
        if kubelet is None:
            raise path_not_found()
        if target.subresource == "log":
            from podtui.demo.streams.logs import log

            return await log(request, kubelet, target.namespace, target.name)
        if target.subresource == "portforward":
            from podtui.demo.streams.port_forward import portforward

            return await portforward(request, kubelet, target.namespace, target.name)
        from podtui.demo.streams.exec import exec_

        return await exec_(request, kubelet, target.namespace, target.name)


# -- answers


async def _written(request: web.Request, response: web.StreamResponse, chunk: bytes) -> bool:
    """Writes; False, with the connection dropped, when the client does not read or is gone."""
    try:
        async with asyncio.timeout(PATIENCE):
            await response.write(chunk)
    except ConnectionError:
        return False
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
        return False
    return True


def _answer(body: bytes, code: int = 200, warnings: Sequence[str] = ()) -> web.Response:
    response = web.Response(body=body + b"\n", status=code, headers={**_HEADERS, "Content-Type": "application/json"})
    for warning in dict.fromkeys(warnings):
        response.headers.add("Warning", f"299 - {json.dumps(warning)}")
    return response


def _json(body: Mapping[str, Any], code: int = 200, warnings: Sequence[str] = ()) -> web.Response:
    return _answer(msgspec.json.encode(body), code, warnings)


def _refused(error: ApiError) -> web.Response:
    response = _json(error.status(), error.code)
    after = error.details.get("retryAfterSeconds") if error.details else None
    if after and error.code in (429, 503, 504):
        response.headers["Retry-After"] = str(after)
    if error.code == 413:
        response.force_close()  # what is left of the body is not waited for
    return response


def _unknown_path(segments: Sequence[str]) -> web.Response:
    """A Status below a group of the server's own, in any version; elsewhere the text of Go's mux."""
    group = {"api": "", "apis": segments[1]}.get(segments[0]) if len(segments) > 1 else None
    if group != discovery.METRICS and any(group == served for served, _ in discovery.groups()):
        raise path_not_found()
    return web.Response(text="404 page not found\n", status=404, headers={"X-Content-Type-Options": "nosniff"})
