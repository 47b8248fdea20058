"""Deployments: a ReplicaSet for each template, and pods brought from the old ones to the new one step by step."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from podtui.demo.controllers.base import Controller, Key, Object, condition, ending, key_of, reference
from podtui.demo.rules.defaults import SUFFIX_LETTERS
from podtui.demo.rules.validation import selected
from podtui.demo.storage.errors import ApiError
from podtui.demo.storage.kinds import DEPLOYMENTS, REPLICASETS
from podtui.demo.storage.state import Change
from podtui.kube.objects import condition_of, controller_of

HASH = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"


class Deployments(Controller):
    kind = DEPLOYMENTS
    component = "deployment-controller"

    def keys(self, change: Change) -> Iterable[Key]:
        yield from super().keys(change)
        if change.kind is REPLICASETS:
            yield from self.owners(change)

    def sync(self, namespace: str, name: str) -> None:
        found = self.state.get(DEPLOYMENTS, namespace, name)
        if found is None or ending(found):
            return
        self._adopt(found)
        sets = [one for one in self.owned(found, REPLICASETS) if not ending(one)]
        number = template_hash(found["spec"]["template"])
        new = next((one for one in sets if (one["metadata"].get("labels") or {}).get(HASH) == number), None)
        old = [one for one in sets if one is not new]
        if not found["spec"].get("paused"):
            recreate = (found["spec"].get("strategy") or {}).get("type") == "Recreate"
            if recreate and any(_pods(one) for one in old):
                for one in old:
                    self._scale(found, one, 0)
            else:
                new = self._new(found, sets, new, number)
                if new is not None:
                    self._roll(found, new, old)
            self._forget(found, old)
        self._update_status(namespace, name, number)

    def _adopt(self, found: Object) -> None:
        """Adopts the ReplicaSets that its selector matches and that have no controller."""
        for one in self.state.list(REPLICASETS, found["metadata"]["namespace"]):
            labels = one["metadata"].get("labels") or {}
            if not controller_of(one) and not ending(one) and selected(found["spec"]["selector"], labels):
                self.adopt(found, REPLICASETS, one)

    # -- one step of the way
    def _new(self, found: Object, sets: list[Object], new: Object | None, number: str) -> Object | None:
        """The ReplicaSet of the present template, of the newest revision."""
        revision = max((_revision(one) for one in sets), default=0)
        if new is not None:
            if _revision(new) < revision:  # the template is an old one again
                new = self._annotate(REPLICASETS, new, revision + 1)
            self._annotate(DEPLOYMENTS, found, _revision(new))
            return new
        spec = found["spec"]
        template = {**spec["template"], "metadata": {**(spec["template"].get("metadata") or {})}}
        template["metadata"]["labels"] = {**(template["metadata"].get("labels") or {}), HASH: number}
        selector = {**spec["selector"], "matchLabels": {**(spec["selector"].get("matchLabels") or {}), HASH: number}}
        annotations = {key: value for key, value in (found["metadata"].get("annotations") or {}).items() if "last-applied" not in key}
        annotations |= {
            "deployment.kubernetes.io/desired-replicas": str(_wanted(found)),
            "deployment.kubernetes.io/max-replicas": str(_wanted(found) + _bounds(found)[0]),
            REVISION: str(revision + 1),
        }
        metadata = {"name": f"{found['metadata']['name']}-{number}", "labels": template["metadata"]["labels"], "annotations": annotations}
        metadata["ownerReferences"] = [reference(found)]
        body = {"metadata": metadata, "spec": {"replicas": 0, "selector": selector, "template": template}}
        try:
            made, _ = self.writes.create(REPLICASETS, found["metadata"]["namespace"], body, field_validation="Ignore")
        except ApiError as error:
            words = f'Failed to create new replica set "{metadata["name"]}": {error.message}'
            self.recorder.record(found, "Warning", "ReplicaSetCreateError", words, self.component)
            return None
        self._annotate(DEPLOYMENTS, found, revision + 1)
        return made

    def _annotate(self, kind: Any, obj: Object, revision: int) -> Object:
        current = self.state.get(kind, *key_of(obj)) or obj
        metadata = current["metadata"]
        annotations = {**(metadata.get("annotations") or {}), REVISION: str(revision)}
        return self.state.update(kind, {**current, "metadata": {**metadata, "annotations": annotations}})

    def _roll(self, found: Object, new: Object, old: list[Object]) -> None:
        """Scales the new one up and the old ones down, as far as maxSurge and maxUnavailable allow (deployment/rolling.go)."""
        wanted = _wanted(found)
        surge, unavailable = _bounds(found)
        total = sum(_replicas(one) for one in (new, *old))
        if _replicas(new) > wanted:
            self._scale(found, new, wanted)
            return
        if _replicas(new) < wanted and (room := min(wanted + surge - total, wanted - _replicas(new))) > 0:
            self._scale(found, new, _replicas(new) + room)
            return
        least = wanted - unavailable
        spare = total - least - (_replicas(new) - _available(new))
        if spare <= 0:
            return
        for one in old:  # first those that do not work anyway
            sick = min(_replicas(one) - _available(one), spare)
            if sick > 0:
                spare -= sick
                self._scale(found, one, _replicas(one) - sick)
        old = [self.state.get(REPLICASETS, *key_of(one)) or one for one in old]
        spare = min(spare, _available(new) + sum(min(_available(one), _replicas(one)) for one in old) - least)
        for one in old:
            going = min(_replicas(one), spare)
            if going > 0:
                spare -= going
                self._scale(found, one, _replicas(one) - going)

    def _scale(self, found: Object, one: Object, replicas: int) -> None:
        before = _replicas(one)
        if before == replicas:
            return
        self.state.update(REPLICASETS, {**one, "spec": {**one["spec"], "replicas": replicas}})
        word = "up" if replicas > before else "down"
        told = f"Scaled {word} replica set {one['metadata']['name']} from {before} to {replicas}"
        self.recorder.record(found, "Normal", "ScalingReplicaSet", told, self.component)

    def _forget(self, found: Object, old: list[Object]) -> None:
        """Deletes what is over the revisionHistoryLimit."""
        idle = sorted((one for one in old if not _replicas(one) and not _pods(one)), key=_revision)
        for one in idle[: max(0, len(idle) - found["spec"].get("revisionHistoryLimit", 10))]:
            self.writes.delete(REPLICASETS, *key_of(one), {})

    def _update_status(self, namespace: str, name: str, number: str) -> None:
        found = self.state.get(DEPLOYMENTS, namespace, name)
        if found is None:
            return
        sets = [one for one in self.owned(found, REPLICASETS) if not ending(one)]
        new = [one for one in sets if (one["metadata"].get("labels") or {}).get(HASH) == number]
        wanted, available = _wanted(found), sum(map(_available, sets))
        counts = {
            "replicas": sum(map(_pods, sets)),
            "updatedReplicas": sum(map(_pods, new)),
            "readyReplicas": sum((one.get("status") or {}).get("readyReplicas", 0) for one in sets),
            "availableReplicas": available,
            "unavailableReplicas": max(0, wanted - available),
        }
        old = found.get("status") or {}
        now, before = self.clock.timestamp(), old.get("conditions") or ()
        well = available >= wanted - _bounds(found)[1]
        has = {"status": "True", "reason": "MinimumReplicasAvailable", "message": "Deployment has minimum availability."}
        lacks = {"status": "False", "reason": "MinimumReplicasUnavailable", "message": "Deployment does not have minimum availability."}
        conditions = condition(before, "Available", has if well else lacks, now, updated=True)
        done = counts["updatedReplicas"] == wanted == counts["replicas"] and available >= wanted
        shown = new[0]["metadata"]["name"] if new else name
        progress, moved = self._progress(found, counts, done, shown)
        if progress:
            conditions = condition(conditions, "Progressing", progress, now, updated=True)
        if moved:
            next(one for one in conditions if one["type"] == "Progressing")["lastUpdateTime"] = now
            self.again.append((found["spec"].get("progressDeadlineSeconds", 600) + 1, (namespace, name)))
        status = {"observedGeneration": found["metadata"].get("generation", 1), **{key: value for key, value in counts.items() if value}}
        status["terminatingReplicas"] = sum((one.get("status") or {}).get("terminatingReplicas", 0) for one in sets)
        self.set_status(found, {**status, "conditions": conditions})

    def _progress(self, found: Object, counts: Mapping[str, int], done: bool, shown: str) -> tuple[dict[str, str], bool]:
        """What the condition Progressing says (nothing: what it said), and whether there was progress (deployment/progress.go)."""
        old, current = found.get("status") or {}, condition_of(found, "Progressing")
        named = f'ReplicaSet "{shown}"'
        about_this = current.get("message", "").startswith(named)
        if about_this and current["reason"] == "NewReplicaSetAvailable" and counts["replicas"] == counts["updatedReplicas"]:
            return {}, False  # it was complete: that a pod is missing for a while does not matter
        if done:
            return {"status": "True", "reason": "NewReplicaSetAvailable", "message": f"{named} has successfully progressed."}, False
        outdated = old.get("replicas", 0) - old.get("updatedReplicas", 0)
        moved = not about_this or counts["replicas"] - counts["updatedReplicas"] < outdated
        moved = moved or any(counts[key] > old.get(key, 0) for key in ("updatedReplicas", "readyReplicas", "availableReplicas"))
        if moved:
            return {"status": "True", "reason": "ReplicaSetUpdated", "message": f"{named} is progressing."}, True
        last = self.clock.parse(current["lastUpdateTime"])
        if self.clock.now() - last >= found["spec"].get("progressDeadlineSeconds", 600):
            return {"status": "False", "reason": "ProgressDeadlineExceeded", "message": f"{named} has timed out progressing."}, False
        return {}, False


def template_hash(template: Object) -> str:
    """The pod-template-hash: another one for each template, in letters that make no words (rand.SafeEncodeString)."""
    text = str(zlib.crc32(msgspec.json.encode(template, order="sorted")))
    return "".join(SUFFIX_LETTERS[ord(letter) % len(SUFFIX_LETTERS)] for letter in text)


def _wanted(found: Object) -> int:
    return int(found["spec"].get("replicas", 1))


def _replicas(one: Object) -> int:
    return int(one["spec"].get("replicas", 1))


def _pods(one: Object) -> int:
    return int((one.get("status") or {}).get("replicas", 0))


def _available(one: Object) -> int:
    return int((one.get("status") or {}).get("availableReplicas", 0))


def _revision(one: Object) -> int:
    text = (one["metadata"].get("annotations") or {}).get(REVISION, "0")
    return int(text) if text.isdigit() else 0


def _bounds(found: Object) -> tuple[int, int]:
    """maxSurge and maxUnavailable in pods; never both 0 (deploymentutil.ResolveFenceposts)."""
    strategy = found["spec"].get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return 0, _wanted(found)
    rolling = strategy.get("rollingUpdate") or {}
    surge = share(rolling.get("maxSurge", "25%"), _wanted(found), math.ceil)
    unavailable = share(rolling.get("maxUnavailable", "25%"), _wanted(found), math.floor)
    return surge, unavailable if surge or unavailable else 1


def share(value: int | str, whole: int, rounded: Any) -> int:
    """An IntOrString: a number, or a percentage of `whole`."""
    if isinstance(value, str) and value.endswith("%") and value[:-1].isdigit():
        return int(rounded(whole * int(value[:-1]) / 100))
    return int(value)
