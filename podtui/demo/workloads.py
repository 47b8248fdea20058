"""ReplicaSets, Deployments and Jobs: what keeps as many pods as is asked for."""

from __future__ import annotations

import zlib
from typing import Any

import msgspec

from podtui.demo.clock import Clock
from podtui.demo.defaults import SUFFIX_LETTERS
from podtui.demo.errors import ApiError
from podtui.demo.events import Recorder
from podtui.demo.kinds import DEPLOYMENTS, JOBS, PODS, REPLICASETS, Kind
from podtui.demo.state import State
from podtui.demo.validation import selected
from podtui.demo.writes import Writes

Object = dict[str, Any]
REVISION = "deployment.kubernetes.io/revision"
HASH = "pod-template-hash"


def ready(pod: Object) -> bool:
    """Whether the pod's condition Ready is true."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def phase(pod: Object) -> str:
    return str((pod.get("status") or {}).get("phase") or "Pending")


def controller_of(obj: Object) -> Object | None:
    """The owner reference of what controls an object."""
    return next((owner for owner in obj["metadata"].get("ownerReferences") or () if owner.get("controller")), None)


def _reference(kind: Kind, owner: Object) -> Object:
    named = {"apiVersion": kind.api_version, "kind": kind.kind, "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]}
    return {**named, "controller": True, "blockOwnerDeletion": True}


class Workloads:
    """`sync` brings one object nearer to what it asks for; it is called again after each change that concerns it."""

    def __init__(self, state: State, writes: Writes, clock: Clock, recorder: Recorder) -> None:
        self._state = state
        self._writes = writes
        self._clock = clock
        self._recorder = recorder

    # -- replica sets -------------------------------------------------------------------------------------------
    def sync_replica_set(self, obj: Object) -> None:
        pods = self._claimed(obj)
        alive = [pod for pod in pods if phase(pod) not in ("Succeeded", "Failed") and "deletionTimestamp" not in pod["metadata"]]
        missing = obj["spec"].get("replicas", 1) - len(alive)
        if "deletionTimestamp" not in obj["metadata"]:
            for _ in range(missing):
                if not self._create_pod(REPLICASETS, obj, "replicaset-controller", f"{obj['metadata']['name']}-"):
                    break
            if missing < 0:
                for pod in sorted(alive, key=_worth)[:-missing]:
                    self._delete_pod(obj, pod, "replicaset-controller")
        alive = [pod for pod in self._claimed(obj) if phase(pod) not in ("Succeeded", "Failed")]
        fits = obj["spec"].get("template", {}).get("metadata", {}).get("labels") or {}
        working = sum(map(ready, alive))
        status: Object = {"replicas": len(alive), "observedGeneration": obj["metadata"].get("generation", 1)}
        counts = {
            "fullyLabeledReplicas": sum(fits.items() <= (pod["metadata"].get("labels") or {}).items() for pod in alive),
            "readyReplicas": working,
            "availableReplicas": working,
        }
        self._tell(REPLICASETS, obj, status | {name: count for name, count in counts.items() if count})

    def _claimed(self, obj: Object) -> list[Object]:
        """The pods that the replica set controls: orphans that it selects are adopted, those that it selects no more released."""
        uid, selector = obj["metadata"]["uid"], obj["spec"]["selector"]
        found = []
        for pod in self._state.list(PODS, obj["metadata"]["namespace"]):
            owner = controller_of(pod)
            if owner is not None and owner["uid"] != uid:
                continue
            fits = selected(selector, pod["metadata"].get("labels") or {})
            if owner is None:
                if not fits or "deletionTimestamp" in pod["metadata"] or "deletionTimestamp" in obj["metadata"]:
                    continue
                others = pod["metadata"].get("ownerReferences") or []
                metadata = {**pod["metadata"], "ownerReferences": [*others, _reference(REPLICASETS, obj)]}
                pod = self._state.update(PODS, {**pod, "metadata": metadata})
            elif not fits:
                left = [each for each in pod["metadata"]["ownerReferences"] if each["uid"] != uid]
                metadata = {key: value for key, value in pod["metadata"].items() if key != "ownerReferences"}
                self._state.update(PODS, {**pod, "metadata": metadata | ({"ownerReferences": left} if left else {})})
                continue
            found.append(pod)
        return found

    def _create_pod(self, kind: Kind, owner: Object, component: str, prefix: str) -> bool:
        template = owner["spec"]["template"]
        metadata = {**(template.get("metadata") or {}), "generateName": prefix, "ownerReferences": [_reference(kind, owner)]}
        body = msgspec.json.decode(msgspec.json.encode({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}))
        try:
            made, _ = self._writes.create(PODS, owner["metadata"]["namespace"], body)
        except ApiError as error:
            self._recorder.record(owner, "Warning", "FailedCreate", f"Error creating: {error.message}", component)
            return False
        self._recorder.record(owner, "Normal", "SuccessfulCreate", f"Created pod: {made['metadata']['name']}", component)
        return True

    def _delete_pod(self, owner: Object, pod: Object, component: str) -> None:
        metadata = pod["metadata"]
        self._writes.delete(PODS, metadata["namespace"], metadata["name"])
        self._recorder.record(owner, "Normal", "SuccessfulDelete", f"Deleted pod: {metadata['name']}", component)

    def _tell(self, kind: Kind, obj: Object, status: Object) -> None:
        now = self._state.get(kind, obj["metadata"]["namespace"], obj["metadata"]["name"])
        if now is not None and now["metadata"]["uid"] == obj["metadata"]["uid"]:
            self._state.update(kind, {**now, "status": status})

    # -- deployments --------------------------------------------------------------------------------------------
    def sync_deployment(self, obj: Object) -> None:
        """One step of a rolling update: the new replica set grows as far as maxSurge lets it, old ones shrink as pods get ready."""
        if "deletionTimestamp" in obj["metadata"]:
            return
        namespace, spec = obj["metadata"]["namespace"], obj["spec"]
        sets = [each for kind, each in self._state.by_owner(obj["metadata"]["uid"]) if kind is REPLICASETS]
        mark = template_hash(spec["template"])
        current = next((each for each in sets if (each["metadata"].get("labels") or {}).get(HASH) == mark), None)
        revision = 1 + max((int(each["metadata"].get("annotations", {}).get(REVISION, 0)) for each in sets), default=0)
        if current is None:
            current = self._new_replica_set(obj, mark, revision)
            if current is None:
                return
            sets.append(current)
        wanted = spec.get("replicas", 1)
        surge, unavailable = _limits(spec, wanted)
        old = [each for each in sets if each is not current and each["spec"].get("replicas")]
        total = sum(each["spec"].get("replicas", 0) for each in sets)
        has = current["spec"].get("replicas", 0)
        grow = wanted - has if not old else max(0, min(wanted - has, wanted + surge - total))
        if has != wanted and (grow or has > wanted):
            self._scale(obj, current, wanted if has > wanted else has + grow)
        working = sum((each.get("status") or {}).get("readyReplicas", 0) for each in sets)
        spare = working - (wanted - unavailable)
        for each in old:
            broken = each["spec"]["replicas"] - (each.get("status") or {}).get("readyReplicas", 0)
            fewer = min(each["spec"]["replicas"], broken + max(0, spare))
            if fewer:
                spare -= fewer - broken
                self._scale(obj, each, each["spec"]["replicas"] - fewer)
        self._deployment_status(obj, mark, namespace, wanted, unavailable)

    def _new_replica_set(self, obj: Object, mark: str, revision: int) -> Object | None:
        template, name = obj["spec"]["template"], f"{obj['metadata']['name']}-{mark}"
        labels = {**(template.get("metadata", {}).get("labels") or {}), HASH: mark}
        selector = obj["spec"]["selector"]
        body = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": name,
                "labels": labels,
                "annotations": {REVISION: str(revision)},
                "ownerReferences": [_reference(DEPLOYMENTS, obj)],
            },
            "spec": {
                "replicas": 0,
                "selector": {**selector, "matchLabels": {**(selector.get("matchLabels") or {}), HASH: mark}},
                "template": {**template, "metadata": {**(template.get("metadata") or {}), "labels": labels}},
            },
        }
        try:
            made, _ = self._writes.create(REPLICASETS, obj["metadata"]["namespace"], msgspec.json.decode(msgspec.json.encode(body)))
        except ApiError as error:
            self._recorder.record(obj, "Warning", "ReplicaSetCreateError", error.message, "deployment-controller")
            return None
        return made

    def _scale(self, obj: Object, replica_set: Object, count: int) -> None:
        before = replica_set["spec"].get("replicas", 0)
        if before == count:
            return
        name = replica_set["metadata"]["name"]
        self._state.update(REPLICASETS, {**replica_set, "spec": {**replica_set["spec"], "replicas": count}})
        way = "up" if count > before else "down"
        words = f"Scaled {way} replica set {name} from {before} to {count}"
        self._recorder.record(obj, "Normal", "ScalingReplicaSet", words, "deployment-controller")

    def _deployment_status(self, obj: Object, mark: str, namespace: str, wanted: int, unavailable: int) -> None:
        sets = [each for kind, each in self._state.by_owner(obj["metadata"]["uid"]) if kind is REPLICASETS]
        counts = {word: sum((each.get("status") or {}).get(word, 0) for each in sets) for word in ("replicas", "readyReplicas")}
        updated = sum((e.get("status") or {}).get("replicas", 0) for e in sets if (e["metadata"].get("labels") or {}).get(HASH) == mark)
        working = counts["readyReplicas"]
        numbers = {**counts, "updatedReplicas": updated, "availableReplicas": working, "unavailableReplicas": max(0, wanted - working)}
        enough = working >= wanted - unavailable
        available = ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
        lacking = ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
        done = updated == wanted == working == counts["replicas"]
        name = f'ReplicaSet "{obj["metadata"]["name"]}-{mark}"'
        progress = ("True", "NewReplicaSetAvailable", f"{name} has successfully progressed.")
        goes_on = ("True", "ReplicaSetUpdated", f"{name} is progressing.")
        before = {each["type"]: each for each in (obj.get("status") or {}).get("conditions") or ()}
        conditions = [
            self._condition("Available", available if enough else lacking, before),
            self._condition("Progressing", progress if done else goes_on, before),
        ]
        status: Object = {"observedGeneration": obj["metadata"].get("generation", 1), **{k: v for k, v in numbers.items() if v}}
        self._tell(DEPLOYMENTS, obj, {**status, "conditions": conditions})

    def _condition(self, kind: str, told: tuple[str, str, str], before: dict[str, Object]) -> Object:
        status, reason, message = told
        was, now = before.get(kind, {}), self._clock.timestamp()
        new = {"type": kind, "status": status, "reason": reason, "message": message}
        if all(was.get(key) == value for key, value in new.items()):
            return was
        since = was.get("lastTransitionTime", now) if was.get("status") == status else now
        return {**new, "lastUpdateTime": now, "lastTransitionTime": since}

    # -- jobs ---------------------------------------------------------------------------------------------------
    def sync_job(self, obj: Object) -> None:
        status, spec = obj.get("status") or {}, obj["spec"]
        over = any(each["type"] in ("Complete", "Failed") and each["status"] == "True" for each in status.get("conditions") or ())
        if over or "deletionTimestamp" in obj["metadata"]:
            return
        pods = [pod for kind, pod in self._state.by_owner(obj["metadata"]["uid"]) if kind is PODS]
        succeeded, failed = (sum(phase(pod) == word for pod in pods) for word in ("Succeeded", "Failed"))
        active = [pod for pod in pods if phase(pod) in ("Pending", "Running") and "deletionTimestamp" not in pod["metadata"]]
        wanted, now = spec.get("completions") or 1, self._clock.timestamp()
        conditions: list[Object] = []
        if succeeded >= wanted:
            words = "Reached expected number of succeeded pods"
            conditions = [
                _ended("SuccessCriteriaMet", now, "CompletionsReached", words),
                _ended("Complete", now, "CompletionsReached", words),
            ]
            self._recorder.record(obj, "Normal", "Completed", "Job completed", "job-controller")
        elif failed > spec.get("backoffLimit", 6):
            words = "Job has reached the specified backoff limit"
            conditions = [_ended("FailureTarget", now, "BackoffLimitExceeded", words), _ended("Failed", now, "BackoffLimitExceeded", words)]
            self._recorder.record(obj, "Warning", "BackoffLimitExceeded", words, "job-controller")
            for pod in active:
                self._delete_pod(obj, pod, "job-controller")
            active = []
        elif not spec.get("suspend"):
            for _ in range(min(spec.get("parallelism", 1), wanted - succeeded) - len(active)):
                if self._create_pod(JOBS, obj, "job-controller", f"{obj['metadata']['name']}-"):
                    active.append({})
        told: Object = {"startTime": status.get("startTime", now), "ready": sum(ready(pod) for pod in active if pod)}
        told |= {word: count for word, count in (("active", len(active)), ("succeeded", succeeded), ("failed", failed)) if count}
        if conditions:
            told |= {"conditions": conditions, **({"completionTime": now} if conditions[-1]["type"] == "Complete" else {})}
        self._tell(JOBS, obj, told)


def _ended(kind: str, now: str, reason: str, message: str) -> Object:
    return {"type": kind, "status": "True", "lastProbeTime": now, "lastTransitionTime": now, "reason": reason, "message": message}


def _worth(pod: Object) -> tuple[object, ...]:
    """Which pod is deleted first: without a node, then not running, then not ready, then the youngest."""
    age = pod["metadata"]["creationTimestamp"]
    return bool(pod["spec"].get("nodeName")), phase(pod) == "Running", ready(pod), [-ord(letter) for letter in age]


def template_hash(template: Object) -> str:
    """A short name of a pod template, the same for the same content."""
    number = zlib.crc32(msgspec.json.encode(template, order="sorted"))
    letters = ""
    for _ in range(9):
        number, place = divmod(number, len(SUFFIX_LETTERS)) if number else (0, 0)
        letters += SUFFIX_LETTERS[place]
    return letters


def _limits(spec: Object, wanted: int) -> tuple[int, int]:
    """How many pods more and fewer than wanted there may be during an update (25 % of each by default, rounded up and down)."""
    strategy = spec.get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return 0, wanted
    rolling = strategy.get("rollingUpdate") or {}

    def share(value: Any, up: bool) -> int:
        if isinstance(value, int):
            return value
        product = int(str(value).rstrip("%")) * wanted
        return -(-product // 100) if up else product // 100

    surge, unavailable = share(rolling.get("maxSurge", "25%"), True), share(rolling.get("maxUnavailable", "25%"), False)
    return surge, unavailable or (0 if surge else 1)
