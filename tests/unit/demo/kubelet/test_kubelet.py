"""How pods live on their nodes in the built-in cluster: started, ended, started again, deleted."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from podtui.demo.kubelet.kubelet import Kubelet
from podtui.demo.kubelet.nodes import node
from podtui.demo.storage.clock import Clock
from podtui.demo.storage.errors import ApiError
from podtui.demo.storage.kinds import CONFIGMAPS, EVENTS, NAMESPACES, NODES, PODS
from podtui.demo.storage.recorder import Recorder
from podtui.demo.storage.state import Change, State
from podtui.demo.writes.writes import Writes

Object = dict[str, Any]
START = 1_800_000_000.0


class Cluster:
    """A node, its kubelet, and time that goes on only when a test says so."""

    def __init__(self) -> None:
        self.clock = Clock(speed=0, start=START)
        self.state = State(self.clock)
        self.writes = Writes(self.state)
        self.kubelet = Kubelet(self.state, self.clock, Recorder(self.state, self.clock))
        self.state.create(NAMESPACES, {"metadata": {"name": "default"}})
        self.state.create(NODES, node("node-1", 0, self.clock.timestamp()))
        self.kubelet.start()
        self.changes: list[Change] = []
        self.state.subscribe(self.changes.append)

    def run(self, *containers: Object, name: str = "web", **spec: Any) -> None:
        """Creates a pod that is bound to the node."""
        obj = {"metadata": {"name": name}, "spec": {"nodeName": "node-1", "containers": list(containers), **spec}}
        self.writes.create(PODS, "default", obj)

    def pod(self, name: str = "web") -> Object:
        found = self.state.get(PODS, "default", name)
        assert found is not None
        return found

    def status(self, name: str = "web") -> Object:
        found: Object = self.pod(name)["status"]
        return found

    def container(self, index: int = 0, key: str = "containerStatuses") -> Object:
        found: Object = self.status()[key][index]
        return found

    def conditions(self, name: str = "web") -> dict[str, str]:
        return {one["type"]: one["status"] for one in self.status(name)["conditions"]}

    def events(self) -> list[tuple[str, str]]:
        return [
            (one["reason"], one["message"])
            for one in sorted(self.state.list(EVENTS), key=lambda one: int(one["metadata"]["resourceVersion"]))
        ]

    def states(self, name: str = "web") -> list[str]:
        """What the pod's first container went through, without repetitions."""
        seen: list[str] = []
        for change in self.changes:
            if change.kind is PODS and change.new["metadata"]["name"] == name and "containerStatuses" in change.new["status"]:
                (state, told), *_ = change.new["status"]["containerStatuses"][0]["state"].items()
                word = told.get("reason") or state
                if not seen or seen[-1] != word:
                    seen.append(word)
        return seen

    async def log(self, name: str = "web", **query: str) -> str:
        return b"".join([chunk async for chunk in self.kubelet.log("default", name, query)]).decode()

    def refusal(self, name: str = "web", **query: str) -> str:
        with pytest.raises(ApiError) as caught:
            self.kubelet.log("default", name, query)
        return caught.value.message

    def delete(self, name: str = "web", **options: Any) -> None:
        self.writes.delete(PODS, "default", name, options)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    made = Cluster()
    yield made
    made.kubelet.close()


KUBIA = {"name": "kubia", "image": "luksa/kubia"}


def sh(script: str, name: str = "main", **more: Any) -> Object:
    return {"name": name, "image": "busybox", "command": ["sh", "-c", script], **more}


def test_a_bound_pod_waits_for_its_container_and_then_runs_with_an_address(cluster: Cluster) -> None:
    cluster.run(KUBIA)
    assert cluster.container()["state"] == {"waiting": {"reason": "ContainerCreating"}}
    assert cluster.status()["phase"] == "Pending"
    assert "podIP" not in cluster.status()
    cluster.clock.advance(10)
    status = cluster.status()
    assert (status["phase"], status["podIP"], status["hostIP"]) == ("Running", "10.64.0.2", "192.168.10.2")
    assert set(cluster.conditions().values()) == {"True"}
    found = cluster.container()
    assert found["image"] == "docker.io/luksa/kubia:latest"
    assert (found["ready"], found["started"], found["restartCount"]) == (True, True, 0)
    assert "running" in found["state"]
    assert [reason for reason, _ in cluster.events()] == ["Pulling", "Pulled", "Created", "Started"]


async def test_the_log_of_a_program_is_what_it_wrote(cluster: Cluster) -> None:
    cluster.run(KUBIA)
    assert cluster.refusal() == 'container "kubia" in pod "web" is waiting to start: ContainerCreating'
    cluster.clock.advance(10)
    assert await cluster.log() == "Kubia server starting...\n"
    assert cluster.refusal(previous="true") == 'previous terminated container "kubia" in pod "web" not found'
    assert cluster.refusal(container="none") == "container none is not valid for pod web"


def test_a_program_that_listens_to_sigterm_ends_before_its_grace_is_over(cluster: Cluster) -> None:
    cluster.run({"name": "web", "image": "example/unknown:1"})
    cluster.clock.advance(10)
    cluster.delete()
    assert "deletionTimestamp" in cluster.pod()["metadata"]
    cluster.clock.advance(2)
    assert cluster.state.get(PODS, "default", "web") is None
    last = [change for change in cluster.changes if change.kind is PODS][-1]
    assert last.type == "DELETED"
    assert last.new["status"]["phase"] == "Succeeded"
    assert last.new["metadata"]["deletionGracePeriodSeconds"] == 0
    assert ("Killing", "Stopping container web") in cluster.events()


def test_a_program_that_does_not_listen_to_sigterm_is_killed_when_the_grace_is_over(cluster: Cluster) -> None:
    cluster.run(KUBIA)
    cluster.clock.advance(10)
    cluster.delete()
    cluster.clock.advance(29)
    assert cluster.container()["state"].keys() == {"running"}
    cluster.clock.advance(2)
    assert cluster.state.get(PODS, "default", "web") is None
    last = [change for change in cluster.changes if change.kind is PODS][-1].new["status"]
    assert last["phase"] == "Failed"
    assert last["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 137


def test_no_grace_is_longer_than_the_longest_that_a_kubelet_gives(cluster: Cluster) -> None:
    cluster.kubelet.longest_grace = 2.0
    cluster.run({"name": "c", "image": "luksa/kubia"})
    cluster.clock.advance(30)
    cluster.delete()
    assert cluster.pod()["metadata"]["deletionGracePeriodSeconds"] == 30
    cluster.clock.advance(1)
    assert cluster.pod()
    cluster.clock.advance(2)
    assert cluster.state.get(PODS, "default", "web") is None


def test_the_grace_can_be_shortened_while_a_pod_ends(cluster: Cluster) -> None:
    cluster.run(KUBIA)
    cluster.clock.advance(10)
    cluster.delete()
    cluster.clock.advance(1)
    cluster.delete(gracePeriodSeconds=3)
    cluster.clock.advance(4)
    assert cluster.state.get(PODS, "default", "web") is None


def test_a_pod_without_grace_is_gone_at_once(cluster: Cluster) -> None:
    cluster.run(KUBIA)
    cluster.clock.advance(10)
    cluster.delete(gracePeriodSeconds=0)
    assert cluster.state.get(PODS, "default", "web") is None
    before = cluster.state.version
    cluster.clock.advance(100)
    assert cluster.state.version == before


# -- ends and restarts


async def test_a_container_that_fails_is_started_again_after_a_back_off_that_doubles(cluster: Cluster) -> None:
    cluster.run(sh("echo run; exit 3"), name="crash")
    starts: list[float] = []
    seen = 0
    for _ in range(1200):
        cluster.clock.advance(1)
        found = cluster.status("crash")["containerStatuses"][0]
        if found["restartCount"] > seen:
            seen = found["restartCount"]
            starts.append(cluster.clock.now())
    gaps = [round(after - before) for before, after in pairwise(starts)]
    assert all(abs(gap - wanted) <= 1 for gap, wanted in zip(gaps, (10, 20, 40, 80, 160, 300), strict=False)), gaps
    state = cluster.status("crash")["containerStatuses"][0]
    assert state["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    uid = cluster.pod("crash")["metadata"]["uid"]
    assert state["state"]["waiting"]["message"] == f"back-off 5m0s restarting failed container=main pod=crash_default({uid})"
    assert state["lastState"]["terminated"]["exitCode"] == 3
    assert cluster.status("crash")["phase"] == "Running"
    assert cluster.states("crash")[:6] == ["ContainerCreating", "running", "Error", "running", "Error", "CrashLoopBackOff"]
    assert await cluster.log("crash") == "run\n"
    assert await cluster.log("crash", previous="true") == "run\n"
    assert ("BackOff", f"Back-off restarting failed container main in pod crash_default({uid})") in cluster.events()


async def test_after_a_restart_the_log_is_new_and_the_old_one_is_the_previous(cluster: Cluster) -> None:
    cluster.run(sh("date +%s; sleep 4; exit 1"), name="crash")
    cluster.clock.advance(9.5)
    assert cluster.status("crash")["containerStatuses"][0]["restartCount"] == 1
    assert int(await cluster.log("crash")) > int(await cluster.log("crash", previous="true"))


@pytest.mark.parametrize(
    ("policy", "script", "phase", "reason"),
    [
        ("Never", "exit 0", "Succeeded", "Completed"),
        ("Never", "exit 2", "Failed", "Error"),
        ("OnFailure", "exit 0", "Succeeded", "Completed"),
    ],
)
def test_a_pod_that_is_not_restarted_ends_in_a_phase(cluster: Cluster, policy: str, script: str, phase: str, reason: str) -> None:
    cluster.run(sh(script), name="job", restartPolicy=policy)
    cluster.clock.advance(30)
    assert cluster.status("job")["phase"] == phase
    assert cluster.status("job")["containerStatuses"][0]["state"]["terminated"]["reason"] == reason
    conditions = {one["type"]: one for one in cluster.status("job")["conditions"]}
    assert conditions["Ready"]["reason"] == ("PodCompleted" if phase == "Succeeded" else "PodFailed")
    assert conditions["PodReadyToStartContainers"]["status"] == "False"
    before = cluster.state.version
    cluster.clock.advance(600)
    assert cluster.state.version == before


def test_on_failure_only_what_failed_is_started_again(cluster: Cluster) -> None:
    cluster.run(sh("exit 1"), name="job", restartPolicy="OnFailure")
    cluster.clock.advance(15)
    assert cluster.status("job")["containerStatuses"][0]["restartCount"] >= 1
    assert cluster.status("job")["phase"] == "Running"


def test_a_container_that_takes_too_much_memory_is_oom_killed(cluster: Cluster) -> None:
    cluster.run({"name": "cache", "image": "example/oom"}, restartPolicy="Never")
    cluster.clock.advance(30)
    state = cluster.container()["state"]["terminated"]
    assert (state["reason"], state["exitCode"]) == ("OOMKilled", 137)


def test_a_pod_that_runs_longer_than_its_deadline_fails(cluster: Cluster) -> None:
    cluster.run(sh("sleep 1000"), restartPolicy="Never", activeDeadlineSeconds=60, terminationGracePeriodSeconds=1)
    cluster.clock.advance(70)
    assert (cluster.status()["phase"], cluster.status()["reason"]) == ("Failed", "DeadlineExceeded")


def test_an_image_that_cannot_be_pulled_is_tried_again_and_again(cluster: Cluster) -> None:
    cluster.run({"name": "mailer", "image": "registry.invalid/shop/mailer:2.3"}, sh("sleep 1000", name="other"))
    cluster.clock.advance(3)
    assert cluster.container()["state"]["waiting"]["reason"] == "ErrImagePull"
    assert cluster.refusal(container="mailer") == 'container "mailer" in pod "web" is waiting to start: image can\'t be pulled'
    cluster.clock.advance(12)
    told = cluster.container()["state"]["waiting"]
    assert told["reason"] == "ImagePullBackOff"
    assert told["message"].startswith('Back-off pulling image "registry.invalid/shop/mailer:2.3": ErrImagePull: failed to pull')
    assert cluster.refusal(container="mailer") == 'container "mailer" in pod "web" is waiting to start: trying and failing to pull image'
    assert "running" in cluster.container(1)["state"]
    assert cluster.status()["phase"] == "Pending"
    assert cluster.states().count("ErrImagePull") == 1
    cluster.clock.advance(60)
    assert cluster.states().count("ErrImagePull") > 1


def test_a_command_that_is_not_in_the_image_is_a_start_error(cluster: Cluster) -> None:
    cluster.run({"name": "main", "image": "busybox", "command": ["nonsense"]}, restartPolicy="Never")
    cluster.clock.advance(10)
    state = cluster.container()["state"]["terminated"]
    assert (state["reason"], state["exitCode"], state["startedAt"]) == ("StartError", 128, "1970-01-01T00:00:00Z")


def test_a_container_waits_for_the_config_map_that_its_variables_come_from(cluster: Cluster) -> None:
    cluster.run(sh("sleep 1000", envFrom=[{"configMapRef": {"name": "settings"}}]))
    cluster.clock.advance(5)
    told = cluster.container()["state"]["waiting"]
    assert (told["reason"], told["message"]) == ("CreateContainerConfigError", 'configmap "settings" not found')
    cluster.state.create(CONFIGMAPS, {"metadata": {"name": "settings", "namespace": "default"}, "data": {"A": "1"}})
    cluster.clock.advance(15)
    assert "running" in cluster.container()["state"]


async def test_variables_may_come_from_the_pod_and_from_the_containers_resources(cluster: Cluster) -> None:
    sources = {
        "NAME": {"fieldRef": {"fieldPath": "metadata.name"}},
        "IP": {"fieldRef": {"fieldPath": "status.podIP"}},
        "NODE_IP": {"fieldRef": {"fieldPath": "status.hostIPs"}},
        "CPU": {"resourceFieldRef": {"resource": "requests.cpu"}},
        "MEMORY": {"resourceFieldRef": {"resource": "requests.memory", "divisor": "1Mi"}},
    }
    variables = [{"name": name, "valueFrom": source} for name, source in sources.items()]
    resources = {"requests": {"cpu": "1500m", "memory": "64Mi"}}
    cluster.run(sh("echo $NAME $IP $NODE_IP $CPU $MEMORY; sleep 1000", env=variables, resources=resources))
    cluster.clock.advance(10)
    assert await cluster.log() == "web 10.64.0.2 192.168.10.2 2 64\n"


# -- init containers, sidecars, probes


def test_init_containers_run_one_after_the_other_before_the_others(cluster: Cluster) -> None:
    inits = [sh("sleep 3", name="first"), sh("sleep 1000", name="side", restartPolicy="Always"), sh("sleep 3", name="last")]
    cluster.run(sh("sleep 1000"), initContainers=inits)
    assert cluster.container()["state"]["waiting"]["reason"] == "PodInitializing"
    cluster.clock.advance(5)
    states = [next(iter(one["state"])) for one in cluster.status()["initContainerStatuses"]]
    assert states[0] in ("running", "terminated")
    assert states[2] == "waiting"
    assert cluster.status()["phase"] == "Pending"
    assert cluster.conditions()["Initialized"] == "False"
    cluster.clock.advance(10)
    states = [next(iter(one["state"])) for one in cluster.status()["initContainerStatuses"]]
    assert states == ["terminated", "running", "terminated"]
    assert cluster.status()["phase"] == "Running"
    assert set(cluster.conditions().values()) == {"True"}


def test_an_init_container_that_fails_keeps_the_others_waiting(cluster: Cluster) -> None:
    cluster.run(sh("sleep 1000"), initContainers=[sh("exit 4", name="check")])
    cluster.clock.advance(8)
    assert cluster.container(key="initContainerStatuses")["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert cluster.status()["phase"] == "Pending"
    assert cluster.refusal(container="main") == 'container "main" in pod "web" is waiting to start: PodInitializing'


def test_a_sidecar_does_not_keep_a_job_from_ending(cluster: Cluster) -> None:
    side = sh("trap 'exit 0' TERM; sleep 1000", name="side", restartPolicy="Always")
    cluster.run(sh("sleep 3"), initContainers=[side], restartPolicy="Never", terminationGracePeriodSeconds=5)
    cluster.clock.advance(15)
    assert cluster.status()["phase"] == "Succeeded"
    assert "terminated" in cluster.container(key="initContainerStatuses")["state"]


def test_a_pod_is_ready_when_its_readiness_probe_succeeds(cluster: Cluster) -> None:
    probe = {"exec": {"command": ["cat", "/tmp/ready"]}, "periodSeconds": 2}
    cluster.run(sh("sleep 8; touch /tmp/ready; sleep 5; rm /tmp/ready; sleep 1000", readinessProbe=probe))
    cluster.clock.advance(6)
    assert cluster.conditions()["Ready"] == "False"
    assert ("Unhealthy", "Readiness probe failed: cat: can't open '/tmp/ready': No such file or directory\n") in cluster.events()
    cluster.clock.advance(7)
    assert cluster.conditions()["Ready"] == "True"
    cluster.clock.advance(15)
    assert cluster.conditions()["Ready"] == "False"


def test_a_container_that_fails_its_liveness_probe_is_restarted(cluster: Cluster) -> None:
    probe = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 2, "failureThreshold": 3}
    cluster.run({"name": "kubia", "image": "luksa/kubia-unhealthy", "livenessProbe": probe}, terminationGracePeriodSeconds=1)
    cluster.clock.advance(30)
    assert cluster.container()["restartCount"] == 1
    assert ("Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 500") in cluster.events()
    assert ("Killing", "Container kubia failed liveness probe, will be restarted") in cluster.events()


# -- pods that were there


async def test_pods_that_run_already_are_taken_over_without_a_restart(cluster: Cluster) -> None:
    from podtui.demo.scenarios.scale import PodMaker

    made = PodMaker("web").running(1, "node-1", (0, 0), int(START) - 3600)
    made["metadata"]["namespace"] = "default"
    cluster.state.create(PODS, made)
    before, name = cluster.state.version, made["metadata"]["name"]
    cluster.clock.advance(600)
    assert (await cluster.log(name)).startswith("example/web:1.4")
    assert cluster.state.version == before
    cluster.delete(name)
    cluster.clock.advance(5)
    assert cluster.state.get(PODS, "default", name) is None


def test_a_pod_that_idles_needs_no_timer(cluster: Cluster) -> None:
    cluster.run(KUBIA)
    cluster.clock.advance(60)
    before = cluster.pod()["metadata"]["resourceVersion"]
    cluster.clock.advance(7200)  # its events are gone
    assert cluster.clock._queue == []
    assert cluster.pod()["metadata"]["resourceVersion"] == before


def test_a_new_image_is_a_new_run(cluster: Cluster) -> None:
    cluster.run({"name": "web", "image": "example/unknown:1"})
    cluster.clock.advance(10)
    patch = b'[{"op": "replace", "path": "/spec/containers/0/image", "value": "example/unknown:2"}]'
    cluster.writes.patch(PODS, "default", "web", "application/json-patch+json", patch)
    cluster.clock.advance(10)
    assert cluster.container()["image"] == "docker.io/example/unknown:2"
    assert cluster.container()["restartCount"] == 1
    assert ("Killing", "Container web definition changed, will be restarted") in cluster.events()


# -- logs


async def test_logs_are_cut_as_a_request_asks(cluster: Cluster) -> None:
    cluster.run(sh("for i in 1 2 3 4; do echo line $i; sleep 10; done; sleep 1000"))
    cluster.clock.advance(60)
    everything = await cluster.log()
    assert everything == "line 1\nline 2\nline 3\nline 4\n"
    assert await cluster.log(tailLines="2") == "line 3\nline 4\n"
    assert await cluster.log(tailLines="0") == ""
    assert await cluster.log(limitBytes="9") == "line 1\nli"
    stamped = (await cluster.log(timestamps="true")).splitlines()
    assert [line.partition(" ")[2] for line in stamped] == everything.splitlines()
    moment = stamped[2].partition(" ")[0]
    assert len(moment) == len("2027-01-15T08:00:00.123456789Z")
    assert await cluster.log(sinceTime=moment) == "line 3\nline 4\n"
    assert await cluster.log(sinceSeconds="1") == ""
    assert await cluster.log(sinceSeconds="1000", tailLines="1") == "line 4\n"


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"tailLines": "x"}, 'strconv.ParseInt: parsing "x": invalid syntax'),
        ({"sinceTime": "abc"}, 'parsing time "abc" as "2006-01-02T15:04:05Z07:00": cannot parse "abc" as "2006"'),
    ],
)
def test_what_a_log_request_must_not_ask_is_refused_in_the_servers_words(cluster: Cluster, query: dict[str, str], words: str) -> None:
    cluster.run(KUBIA)
    cluster.clock.advance(10)
    assert cluster.refusal(**query) == words


def test_a_pod_of_several_containers_needs_the_name_of_one(cluster: Cluster) -> None:
    cluster.run(sh("sleep 1", name="a"), sh("sleep 1", name="b"), initContainers=[sh("true", name="i")])
    words = "a container name must be specified for pod web, choose one of: [a b] or one of the init containers: [i]"
    assert cluster.refusal() == words
    assert cluster.refusal("none") == 'pods "none" not found'


async def test_a_followed_log_ends_with_the_container(cluster: Cluster) -> None:
    cluster.run(sh("echo one; sleep 5; echo two; printf three; exit 1"), restartPolicy="Never")
    cluster.clock.advance(4)
    chunks = cluster.kubelet.log("default", "web", {"follow": "true"})
    assert await anext(chunks) == b"one\n"
    cluster.clock.advance(10)
    assert await anext(chunks) == b"two\nthree"
    assert [chunk async for chunk in chunks] == []


async def test_connections_and_commands_end_with_their_container(cluster: Cluster) -> None:
    cluster.run(KUBIA)
    cluster.clock.advance(10)
    connection = cluster.kubelet.connect("default", "web", 8080)
    process = cluster.kubelet.shell("default", "web", "", ["sleep", "1000"])
    cluster.delete(gracePeriodSeconds=0)
    assert await connection.read() == b""
    assert await process.read() is None
    assert process.exit_code == 137
