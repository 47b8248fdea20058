"""What is in the view equals what was written, whatever the server does meanwhile: it drops, repeats, rotates, delays and lies.

A machine of hypothesis plays containers, kubelet and API server; a group follows every pod. At the end the view must hold every line once,
in its container's order. A line may be missing only if the server had thrown it away before it could be read, and then a remark says so.
"""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from pytest import MonkeyPatch

from podtui.cluster.logs import batches
from podtui.cluster.logs.group import LogGroup, LogTarget
from podtui.errors import ServerError, api_error
from podtui.kube.resources import Scope
from tests.support.list_server import refusal
from tests.support.log_cluster import BASE, FakeContainer, LogCluster
from tests.support.taken_logs import TakenGroup
from tests.support.waiting import until

CONTAINERS = st.integers(0, 3)


class Integrity(RuleBasedStateMachine):
    """Four containers of two pods, and whatever may happen to them."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.patch = MonkeyPatch()
        self.patch.setattr(batches, "INTERVAL", 0.001)
        self.written: dict[int, list[str]] = {}  # of each container
        self.replaced: list[tuple[str, str, list[str]]] = []  # of pods that are gone: UID, container, lines
        self.gone: set[str] = set()  # lines that the server threw away before they were in the view
        self.count = 0
        self.lied = False

    def run(self, seconds: float = 0.002) -> None:
        self.loop.run_until_complete(asyncio.sleep(seconds))

    @initialize()
    def begin(self) -> None:
        self.cluster = cluster = LogCluster()
        self.pods = [cluster.pod("web-1", "app", "side"), cluster.pod("web-2", "app", "side")]
        self.containers: list[FakeContainer] = [each for pod in self.pods for each in pod.containers.values()]
        self.written = {number: [] for number in range(4)}
        self.taker = TakenGroup()
        self.group = LogGroup(cluster, LogTarget(scope=Scope(("shop",)), every=True), pace=0.002)  # type: ignore[arg-type]
        self.group._began = BASE / 1e9 - 60
        self.task = self.loop.create_task(self.group.run(self.taker))
        self.loop.run_until_complete(until(lambda: len(self.group.sources) == 4))

    # -- what happens

    @rule(number=CONTAINERS, count=st.integers(1, 6), step=st.sampled_from([0, 1, 1_000_000, 400_000_000, 2_000_000_000]))
    def write(self, number: int, count: int, step: int) -> None:
        texts = [f"{self.count + place} {'x' * (place * 7)}" for place in range(count)]
        self.count += count
        self.written[number] += texts
        self.cluster.write(self.containers[number], *texts, step=step)
        self.run()

    @rule(torn=st.integers(0, 60))
    def drop(self, torn: int) -> None:
        self.cluster.drop(torn)
        self.run()

    @rule()
    def end(self) -> None:
        self.cluster.end()
        self.run()

    @rule(ignores=st.booleans())
    def repeat_old_lines(self, ignores: bool) -> None:
        self.cluster.ignores_since = ignores

    @rule(stalled=st.booleans())
    def delay(self, stalled: bool) -> None:
        self.cluster.stalled = stalled
        self.cluster.changes()

    @rule(down=st.booleans())
    def outage(self, down: bool) -> None:
        self.cluster.down = down
        if down:
            self.cluster.drop()
        self.run()

    @rule(kinds=st.lists(st.sampled_from(["500", "429", "404", "400"]), max_size=4), pods=st.booleans())
    def refuse(self, kinds: list[str], pods: bool) -> None:
        errors: dict[str, Any] = {
            "500": ServerError(500, "InternalError", "etcd"),
            "429": refusal(429, "TooManyRequests", 0.001),
            "404": api_error(404, "NotFound", "the kubelet does not know it yet", {"name": "web-1", "kind": "pods/log"}),
            "400": api_error(400, "BadRequest", "container is not there yet"),
        }
        if pods:
            self.cluster.pod_faults += [errors[kind] for kind in kinds if kind in ("500", "429")]
        else:
            self.cluster.log_faults += [errors[kind] for kind in kinds]

    @rule(number=CONTAINERS)
    def rotate(self, number: int) -> None:
        """A new file: what was written before cannot be had any more."""
        self.cluster.now += 1_000_000_000
        run = self.containers[number].runs[-1]
        run.file = len(run.lines)
        self.throw_away(text for _, text in run.lines)

    @rule(number=CONTAINERS)
    def rotate_in_an_outage(self, number: int) -> None:
        """Lines that were read, lines that nobody can read, and lines after them."""
        self.write(number, 2, 1_000_000)
        self.settle()
        self.outage(True)
        self.write(number, 2, 1_000_000_000)
        self.rotate(number)
        self.write(number, 2, 1_000_000_000)
        self.outage(False)

    @rule(number=CONTAINERS, code=st.integers(0, 2))
    def restart(self, number: int, code: int) -> None:
        """Only the run before is kept; its file is the last one."""
        container = self.containers[number]
        self.cluster.now += 1_000_000_000
        self.cluster.exit(container, code)
        self.run()
        for run in container.runs[:-1]:
            self.throw_away(text for _, text in run.lines)
        self.cluster.start(container)
        self.run()

    @rule(place=st.integers(0, 1))
    def replace(self, place: int) -> None:
        """The pod is gone, and another one has its name. What its broken streams had not brought goes with it."""
        self.settle()
        before = self.pods[place]
        self.cluster.now += 1_000_000_000
        for number, container in enumerate(before.containers.values(), 2 * place):
            self.throw_away(text for run in container.runs for _, text in run.lines)
            self.replaced.append((before.uid, container.name, self.written[number]))
            self.written[number] = []
        self.cluster.told.pop(before.uid, None)
        self.cluster.remove(before)
        after = self.pods[place] = self.cluster.pod(before.name, "app", "side")
        self.containers[2 * place : 2 * place + 2] = after.containers.values()

    @precondition(lambda self: not self.cluster.told)
    @rule(place=st.integers(0, 1))
    def lie(self, place: int) -> None:
        """The pod's status stays behind its containers."""
        pod = self.pods[place]
        self.cluster.told[pod.uid] = pod.json()
        self.lied = True

    @rule()
    def tell_the_truth(self) -> None:
        self.cluster.told.clear()
        self.run()

    def throw_away(self, texts: Any) -> None:
        self.gone.update(set(texts) - set(self.taker.texts))

    # -- what must hold

    @rule()
    def settle(self) -> None:
        """Everything works again: the view comes to hold all that could be had."""
        cluster = self.cluster
        cluster.down = cluster.stalled = cluster.ignores_since = False
        cluster.log_faults.clear()
        cluster.pod_faults.clear()
        cluster.told.clear()
        cluster.changes()
        written = {text for texts in self.written.values() for text in texts}
        pods = {pod.uid for pod in self.pods}

        def holds() -> bool:
            self.give_up_refused_runs()
            return written - self.gone <= set(self.taker.texts) and pods <= {source.ref.uid for source in self.group.sources}

        self.loop.run_until_complete(until(holds))

    def give_up_refused_runs(self) -> None:
        """What a run held that the server refused again and again to give, which a remark says, cannot be had."""
        for source in self.group.sources:
            if any(number == source.number and "previous run is missing" in note for number, note in self.taker.notes):
                container = next((pod.containers[source.container] for pod in self.pods if pod.uid == source.ref.uid), None)
                for run in container.runs[:-1] if container is not None else ():
                    self.throw_away(text for _, text in run.lines)

    def teardown(self) -> None:
        try:
            if self.written:
                self.settle()
                for number in range(4):  # what is missing at the end shows at the next line only
                    self.write(number, 1, 1_000_000_000)
                self.settle()
                self.run(0.02)  # what came twice would have come by now
                self.check()
        finally:
            self.patch.undo()
            if self.written:
                self.task.cancel()
                self.loop.run_until_complete(asyncio.gather(self.task, return_exceptions=True))
            self.loop.close()

    def check(self) -> None:
        assert not self.task.done()
        numbers = {(source.ref.uid, source.container): source.number for source in self.group.sources}
        assert len(numbers) == len(self.group.sources), "a container is followed twice"
        for place, container in enumerate(self.containers):
            number = numbers[self.pods[place // 2].uid, container.name]
            self.check_source(number, self.written[place])
            self.check_remarks(number, container)
        for uid, name, written in self.replaced:
            if (uid, name) in numbers:  # else it went before the list told of it
                self.check_source(numbers[uid, name], written)

    def check_source(self, number: int, written: list[str]) -> None:
        texts = self.taker.of(number)
        assert len(set(texts)) == len(texts), "a line came twice"
        assert set(texts) <= set(written)
        if not self.lied:  # lines of a new run may come before the last ones of the old when its status is behind
            assert texts == [text for text in written if text in set(texts)], "lines are out of order"
        assert set(written) - set(texts) <= self.gone, "a line is lost"

    def check_remarks(self, number: int, container: FakeContainer) -> None:
        """A remark says that lines are missing.

        A run leaves no trace of what was thrown away before its first line was read; nor does a stream that ends in good order before
        its end, when the pod is gone afterwards.
        """
        if self.lied:
            return
        read = set(self.taker.of(number))
        runs = [[text in read for _, text in run.lines] for run in container.runs]
        if any(False in run[run.index(True) :] for run in runs if True in run):  # told once it is sure that no other run had begun
            self.loop.run_until_complete(until(lambda: any("missing" in note for source, note in self.taker.notes if source == number)))


TestIntegrity = Integrity.TestCase
# A line that is lost is waited for: to make a failing history shorter would take an hour.
TestIntegrity.settings = settings(max_examples=40, stateful_step_count=25, deadline=None, phases=(Phase.reuse, Phase.generate))
