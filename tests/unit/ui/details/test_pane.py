"""The details pane over a session that answers from memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from types import SimpleNamespace
from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.worker import WorkerCancelled, WorkerFailed

from podtui.cluster.live.store import Batch
from podtui.errors import ConnectionFailed, CredentialError, Forbidden, PodtuiError, Unauthorized
from podtui.kube.resources import NAMESPACES, NODES, PODS, ObjectRef, Resource
from podtui.signals import Signal
from podtui.ui import background
from podtui.ui.details import loader
from podtui.ui.details.pane import DetailsPane
from podtui.ui.details.tabs import KindTabs, Tab, TabDescription, TabText
from tests.support.api_server import ApiServer, not_found, not_served, page
from tests.support.waiting import until, workers_end


class Store:
    def __init__(self, resource: Resource) -> None:
        self.resource = resource
        self.rows: dict[str, Any] = {}
        self.batches: Signal[Batch] = Signal()
        self.subscribe = self.batches.subscribe


class FakeSession:
    def __init__(self) -> None:
        self.server = ApiServer({"/api/v1/namespaces/shop/events": [], "/api/v1/namespaces/default/events": []})
        self.connection: ApiServer | None = self.server
        self.error: PodtuiError | None = None
        self.settings = SimpleNamespace(server="https://127.0.0.1:1")
        self.pods, self.namespaces = Store(PODS), Store(NAMESPACES)
        self.opened_signal: Signal[PodtuiError | None] = Signal()

    @property
    def opened(self) -> ApiServer:
        return self.server

    @property
    def fetched(self) -> list[str]:
        """The paths of the objects that the pane asked for; a tab follows the events by itself."""
        return [path for path in self.server.asked if "/events" not in path]

    def put(self, name: str = "web-1", version: str = "1", uid: str = "u1", **more: Any) -> ObjectRef:
        ref = ObjectRef(PODS, name, "shop", uid, version)
        meta = {"name": name, "namespace": "shop", "uid": uid, "resourceVersion": version, "managedFields": [{"manager": "m"}]}
        containers = [{"name": f"c{number}", "image": "busybox"} for number in range(20)]
        self.server.objects[ref.path] = {"kind": "Pod", "metadata": {**meta, **more}, "spec": {"containers": containers}, "status": {}}
        return ref


class Window(App[None]):
    def __init__(self, session: FakeSession) -> None:
        super().__init__()
        self.pane = DetailsPane(session)  # type: ignore[arg-type]

    def compose(self) -> ComposeResult:
        yield self.pane


class Shown:
    def __init__(self, session: FakeSession, pilot: Pilot[None], pane: DetailsPane) -> None:
        self.session, self.pilot, self.pane = session, pilot, pane

    async def settle(self) -> str:
        with suppress(WorkerCancelled):  # one that gave way to a newer one
            await workers_end(self.pilot.app)
        await self.pilot.pause()
        return self.text

    async def show(self, ref: ObjectRef | None, tab: str = "describe") -> str:
        self.pane.show(ref, tab)
        return await self.settle()

    async def after(self, seconds: float) -> str:
        await asyncio.sleep(seconds)
        return await self.settle()

    @property
    def text(self) -> str:
        view = self.pane.view
        return "\n".join(view.body.document.text(number) for number in range(len(view.lines)))

    @property
    def bar(self) -> str:
        return self.pane._bar.text

    @property
    def notice(self) -> str:
        return str(self.pane._notice.render()) if self.pane._notice.display else ""


@asynccontextmanager
async def window(width: int = 80, height: int = 24) -> AsyncIterator[Shown]:
    session = FakeSession()
    app = Window(session)
    async with app.run_test(size=(width, height)) as pilot:
        yield Shown(session, pilot, app.pane)


async def test_each_tab_shows_its_part_and_the_bar_says_which() -> None:
    async with window() as shown:
        ref = shown.session.put(labels={"app": "web"}, annotations={"a": "b"})
        assert "c0" in await shown.show(ref) and "▸d Describe" in shown.bar
        assert "app  web" in await shown.show(ref, "annotations") and "▸a Annotations" in shown.bar
        text = await shown.show(ref, "yaml")
        assert text.startswith("kind: Pod\nmetadata:\n") and "▸y YAML" in shown.bar and "web-1" in shown.bar
        assert shown.session.fetched == [ref.path], "other tabs fetch nothing"


async def test_the_key_m_shows_and_hides_managed_fields() -> None:
    async with window() as shown:
        assert "managedFields" not in await shown.show(shown.session.put(), "yaml")
        shown.pane.focus()
        await shown.pilot.press("m")
        assert "  managedFields:\n  - manager: m\n" in await shown.settle()
        await shown.pilot.press("m")
        assert "managedFields" not in await shown.settle()


async def test_a_large_object_is_worked_on_in_a_thread_with_the_same_result() -> None:
    async with window() as shown:
        value = "x" * 200_000
        ref = shown.session.put(annotations={"big": value})
        assert value in await shown.show(ref, "yaml")
        text = await shown.show(ref, "annotations")
        assert value in text and "195.3 KiB of 256 KiB" in text


async def test_loading_is_said_only_when_it_is_slow() -> None:
    async with window() as shown:
        ref, server = shown.session.put(), shown.session.server
        server.gate.clear()
        shown.pane.show(ref)
        await shown.pilot.pause()
        assert "loading" not in shown.text
        await asyncio.sleep(background.SLOW + 0.2)
        assert shown.text == "loading pod/web-1…"
        server.gate.set()
        assert "c0" in await shown.settle()


async def test_another_pod_takes_the_place_of_one_still_loading() -> None:
    async with window() as shown:
        first, second = shown.session.put("slow"), shown.session.put("quick", uid="u2")
        shown.session.server.gate.clear()
        shown.pane.show(first)
        await shown.pilot.pause()
        shown.session.server.gate = asyncio.Event()  # the first still waits at the old one
        shown.session.server.gate.set()
        await shown.show(second, "yaml")
        assert "name: quick" in await shown.settle() and "quick" in shown.bar


async def test_an_unexpected_failure_is_said() -> None:
    async with window() as shown:
        shown.session.server.objects[shown.session.put().path] = ZeroDivisionError("oh")
        shown.pane.show(ObjectRef(PODS, "web-1", "shop"))
        with suppress(WorkerFailed):
            await shown.settle()
        await shown.pilot.pause()
        assert "ZeroDivisionError" in shown.notice


async def test_a_pod_that_is_gone_keeps_its_last_content_dimmed() -> None:
    async with window() as shown:
        ref = shown.session.put()
        before = await shown.show(ref, "yaml")
        shown.session.server.objects.clear()
        shown.pane.loader.changed(ObjectRef(PODS, "web-1", "shop", "u1", "2"))
        assert await shown.after(loader.DEBOUNCE + 0.2) == before
        assert "pod/web-1 is gone" in shown.notice and shown.pane.view.dimmed


async def test_a_pod_that_never_was_there_is_gone_without_content() -> None:
    async with window() as shown:
        assert await shown.show(ObjectRef(PODS, "nobody", "shop")) == ""
        assert shown.notice == "pod/nobody is gone"


async def test_an_error_is_reported_in_words_and_goes_with_the_next_success() -> None:
    async with window() as shown:
        ref = shown.session.put()
        good = shown.session.server.objects[ref.path]
        shown.session.server.objects[ref.path] = ConnectionFailed("no route to 127.0.0.1", "is the VPN up?")
        await shown.show(ref)
        assert "no route to 127.0.0.1" in shown.notice and "VPN" in shown.notice
        shown.session.server.objects[ref.path] = good
        shown.pane.loader.changed(ref)
        assert "c0" in await shown.after(loader.DEBOUNCE + 0.2) and shown.notice == ""


async def test_a_page_with_404_in_place_of_the_api_server_does_not_say_that_the_pod_is_gone() -> None:
    async with window() as shown:
        ref = shown.session.put()
        await shown.show(ref)
        shown.session.server.objects[ref.path] = page()
        shown.pane.loader.changed(ObjectRef(PODS, "web-1", "shop", "u1", "2"))
        await until(lambda: shown.notice)
        assert shown.notice == page().what and not shown.pane.view.dimmed


@pytest.mark.parametrize(
    "fault",
    [
        Unauthorized(401, "", "no"),
        Forbidden(403, "", "no"),
        not_found("pods", "web-1"),
        page(),
        not_served(),
        CredentialError("no"),
    ],
)
async def test_whatever_refused_the_object_is_asked_again_and_its_words_go(fault: PodtuiError, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "RETRY", 0.05)
    monkeypatch.setattr(loader, "REFUSED", 0.05)
    async with window() as shown:
        ref = shown.session.put()
        shown.session.pods.rows["u1"] = SimpleNamespace(resource_version="1")
        assert "c0" in await shown.show(ref, "yaml")
        shown.session.server.faults = [fault, fault, fault]
        shown.pane.loader.changed(shown.session.put(version="2"))
        await until(lambda: shown.notice)
        assert "c0" in shown.text, "what is known stays"
        await until(lambda: not shown.notice)
        await shown.settle()
        assert 'resourceVersion: "2"' in shown.text and not shown.pane.view.dimmed
        asked = len(shown.session.fetched)
        assert asked == 5, "one at a time, and no more once it is there"


async def test_an_answer_that_is_not_json_is_an_error_in_words() -> None:
    async with window() as shown:
        ref = shown.session.put()
        shown.session.server.objects[ref.path] = b"<html>"
        await shown.show(ref)
        assert "not JSON" in shown.notice


@pytest.mark.parametrize("depth", [200, 400, 700, 100_000])
@pytest.mark.parametrize("tab", ["yaml", "containers", "annotations", "describe"])
async def test_a_deeply_nested_object_is_shown_or_an_error_in_words_and_the_next_one_is_shown(depth: int, tab: str) -> None:
    async with window() as shown:
        ref = shown.session.put()
        good = shown.session.server.objects[ref.path]
        deep = b'{"metadata":{"name":"web","uid":"u","annotations":{"a":' + b'{"a":' * depth + b"1" + b"}" * depth + b'}},"spec":'
        shown.session.server.objects[ref.path] = deep + b'{"x":' * depth + b"1" + b"}" * depth + b"}"
        await shown.show(ref, tab)
        assert "Traceback" not in shown.notice
        assert depth < 100_000 or "nested too deeply" in shown.notice
        shown.session.server.objects[ref.path] = good
        shown.pane.loader.changed(ref)
        await shown.after(loader.DEBOUNCE + 0.2)
        assert shown.notice == ""


async def test_a_newer_version_is_fetched_and_the_readers_place_stays() -> None:
    async with window() as shown:
        await shown.show(shown.session.put(), "yaml")
        shown.pane.view.scroll_to_line(10)
        top = shown.pane.view.body.document.text(10)
        newer = shown.session.put(version="2", labels={"a": "b"})
        shown.pane.loader.changed(newer)
        assert "a: b" in await shown.after(loader.DEBOUNCE + 0.2)
        assert shown.pane.view.body.document.text(shown.pane.view.shown[0] - 1) == top


async def test_many_changes_in_the_terminal_are_one_request() -> None:
    async with window() as shown:
        await shown.show(shown.session.put())
        for version in range(2, 30):
            shown.pane.loader.changed(shown.session.put(version=str(version)))
        await shown.after(loader.DEBOUNCE + 0.2)
        assert len(shown.session.fetched) == 2


async def test_the_live_list_tells_of_a_newer_version() -> None:
    async with window() as shown:
        await shown.show(shown.session.put(), "yaml")
        shown.session.put(version="7")
        shown.session.pods.rows["u1"] = SimpleNamespace(resource_version="7")
        shown.session.pods.batches.emit(Batch(changed={"u1"}))
        assert 'resourceVersion: "7"' in await shown.after(loader.DEBOUNCE + 0.2)


async def test_a_hidden_pane_fetches_nothing_until_it_is_shown_again() -> None:
    async with window() as shown:
        await shown.show(shown.session.put(), "yaml")
        shown.pane.display = False
        newer = shown.session.put(version="7")
        shown.session.pods.rows["u1"] = SimpleNamespace(resource_version="7")
        shown.session.pods.batches.emit(Batch(changed={"u1"}))
        await shown.after(loader.DEBOUNCE + 0.2)
        assert len(shown.session.fetched) == 1
        shown.pane.display = True
        await shown.show(newer, "yaml")
        assert 'resourceVersion: "7"' in await shown.after(loader.DEBOUNCE + 0.2)


async def test_a_row_that_leaves_the_list_is_looked_up_and_not_taken_for_gone() -> None:
    async with window() as shown:
        await shown.show(shown.session.put(), "yaml")
        shown.session.pods.batches.emit(Batch(removed={"u1"}))
        await shown.after(loader.DEBOUNCE + 0.2)
        assert len(shown.session.fetched) == 2 and shown.notice == "" and not shown.pane.view.dimmed


async def test_the_events_are_followed_anew_after_a_look_at_a_pod_that_never_came() -> None:
    async with window() as shown:
        first, second = shown.session.put(), shown.session.put("slow", uid="u2")
        assert "no events" in await shown.show(first, "events")
        shown.session.server.gate.clear()
        shown.pane.show(second, "events")
        await shown.pilot.pause()
        shown.session.server.gate.set()
        shown.pane.show(first, "events")
        await shown.after(0.3)  # until the text of before is gone
        await until(lambda: "no events" in shown.text)


async def test_a_recreated_pod_says_that_it_is_another_one() -> None:
    async with window() as shown:
        ref = shown.session.put()
        await shown.show(ref, "yaml")
        shown.session.put(uid="u2", version="9")
        shown.pane.loader.changed(ObjectRef(PODS, "web-1", "shop", "u2", "9"))
        assert "uid: u2" in await shown.after(loader.DEBOUNCE + 0.2)
        assert "another pod/web-1 of the same name" in shown.notice


async def test_the_pane_waits_for_the_connection() -> None:
    async with window() as shown:
        ref = shown.session.put()
        shown.session.connection, shown.session.error = None, PodtuiError("no credentials", "log in again")
        await shown.show(ref)
        assert shown.notice == "no credentials\nlog in again"
        shown.session.connection, shown.session.error = shown.session.server, None
        shown.session.opened_signal.emit(None)
        assert "c0" in await shown.settle() and shown.notice == ""


async def test_namespaces_and_nodes_have_tabs_of_their_own_beside_the_yaml() -> None:
    async with window() as shown:
        for resource, name, tab in ((NAMESPACES, "shop", "yaml"), (NODES, "n1", "yaml")):
            ref = ObjectRef(resource, name)
            shown.session.server.objects[ref.path] = {"kind": resource.kind, "metadata": {"name": name}}
            assert f"name: {name}" in await shown.show(ref, tab)
            assert shown.pane.tab == "yaml" and "Why" not in shown.bar and f"{resource.kind.lower()}/{name}" in shown.bar
        shown.pane.show(ref, "why")
        assert shown.pane.tab == "describe" and "▸d Describe" in shown.bar, "a tab that the kind does not have"


async def test_the_details_of_no_pod_say_that_nothing_is_chosen() -> None:
    async with window() as shown:
        assert shown.text == "nothing selected"
        await shown.show(shown.session.put())
        assert await shown.show(None) == "nothing selected"


async def test_the_prose_fits_80_columns_and_is_folded_anew_when_the_width_changes() -> None:
    async with window() as shown:
        ref = shown.session.put()
        shown.session.server.objects[ref.path]["status"] = {"phase": "Failed", "message": "word " * 100}
        text = await shown.show(ref)
        assert max(map(len, text.split("\n"))) <= 80
        await shown.pilot.resize_terminal(120, 24)
        await shown.pilot.pause()
        assert 80 < max(map(len, (await shown.settle()).split("\n"))) <= 120


class OneWord(Tab):
    """Says which object it shows."""

    def text(self, obj: Mapping[str, Any], width: int) -> TabText:
        return TabText([f"{obj['metadata']['name']} seen"])


async def test_a_kind_has_the_tabs_that_its_description_names() -> None:
    tabs = KindTabs([TabDescription("word", "Word", "main.describe", OneWord)], default="word")
    session = FakeSession()
    app = Window(session)
    app.pane = DetailsPane(session, tabs_of=lambda _: tabs)  # type: ignore[arg-type]
    async with app.run_test(size=(80, 24)) as pilot:
        shown = Shown(session, pilot, app.pane)
        assert await shown.show(session.put(), "yaml") == "web-1 seen"
        assert "▸d Word" in shown.bar and "YAML" not in shown.bar
