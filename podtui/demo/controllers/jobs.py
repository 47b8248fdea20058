"""Jobs: pods until enough have succeeded, or too many have failed (batch/v1, completion mode NonIndexed)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from podtui.demo.controllers.base import Controller, Key, Object, condition, ending, is_active
from podtui.demo.storage.clock import Clock
from podtui.demo.storage.kinds import JOBS, PODS
from podtui.demo.storage.recorder import Recorder
from podtui.demo.storage.state import Change, State
from podtui.demo.writes.writes import Writes
from podtui.kube.objects import controller_of, is_true

FIRST_BACKOFF, LONGEST_BACKOFF = 10.0, 360.0  # seconds until a pod follows one that failed
_DONE = ("Complete", "Failed")


class Jobs(Controller):
    kind = JOBS
    component = "job-controller"

    def __init__(self, state: State, writes: Writes, clock: Clock, recorder: Recorder) -> None:
        super().__init__(state, writes, clock, recorder)
        self._gone: dict[str, Counter[str]] = {}  # by the UID of the job, the phases in which its pods were deleted

    def keys(self, change: Change) -> Iterable[Key]:
        yield from super().keys(change)
        if change.kind is JOBS and change.type == "DELETED":
            self._gone.pop(change.new["metadata"]["uid"], None)
        if change.kind is PODS:
            if change.type == "DELETED" and (owner := controller_of(change.new)) and owner["kind"] == JOBS.kind:
                self._gone.setdefault(owner["uid"], Counter())[_phase(change.new)] += 1
            yield from self.owners(change)

    def sync(self, namespace: str, name: str) -> None:
        job = self.state.get(JOBS, namespace, name)
        if job is None or ending(job):
            return
        status = job.get("status") or {}
        if any(is_true(job, kind) for kind in _DONE):
            self._clean_up(job)
            return
        pods = self.owned(job, PODS)
        active = [pod for pod in pods if is_active(pod)]
        gone = self._gone.get(job["metadata"]["uid"], Counter())
        succeeded = sum(_phase(pod) == "Succeeded" for pod in pods) + gone["Succeeded"]
        failed = [pod for pod in pods if _phase(pod) == "Failed"]
        failures = len(failed) + gone["Failed"]
        new = {**status, "startTime": status.get("startTime") or self.clock.timestamp()}
        spec = job["spec"]
        completions = spec.get("completions")
        limit = spec.get("backoffLimit", 6)
        if failures > limit or _restarts(job, active) >= max(limit, 1):
            self._fail(job, new, active, succeeded, failures + len(active))
            return
        if succeeded >= (completions if completions is not None else 1) and (completions is not None or not active):
            self._complete(job, new, succeeded, failures)
            return
        if not spec.get("suspend"):
            active = self._filled(job, pods, active, succeeded, failed)
        self._set(job, new, active, succeeded, failures)

    def _filled(self, job: Object, pods: list[Object], active: list[Object], succeeded: int, failed: list[Object]) -> list[Object]:
        spec = job["spec"]
        parallelism, completions = spec.get("parallelism", 1), spec.get("completions")
        wanted = parallelism if completions is None else min(parallelism, completions - succeeded)
        if completions is None and succeeded:
            wanted = len(active)
        if wanted > len(active) and failed and (wait := self._backoff(failed)) > 0:
            self.again.append((wait, (job["metadata"]["namespace"], job["metadata"]["name"])))
            return active
        for _ in range(wanted - len(active)):
            if not self.create_pod(job, spec["template"]):
                self.again.append((10.0, (job["metadata"]["namespace"], job["metadata"]["name"])))
                break
        for pod in active[wanted:]:
            self.delete_pod(job, pod)
        return [pod for pod in self.owned(job, PODS) if is_active(pod)]

    def _backoff(self, failed: list[Object]) -> float:
        """Seconds until the next pod: 10, 20, 40, ... after the last that failed."""
        last = max(_finished(pod) for pod in failed)
        wait: float = min(FIRST_BACKOFF * 2.0 ** (len(failed) - 1), LONGEST_BACKOFF)
        return last + wait - self.clock.now()

    def _complete(self, job: Object, new: Object, succeeded: int, failed: int) -> None:
        reached = "Reached expected number of succeeded pods"
        new = {
            **self._over(new, ("SuccessCriteriaMet", "Complete"), "CompletionsReached", reached),
            "completionTime": self.clock.timestamp(),
        }
        self._set(job, new, [], succeeded, failed)
        self.recorder.record(job, "Normal", "Completed", "Job completed", self.component)

    def _fail(self, job: Object, new: Object, active: list[Object], succeeded: int, failed: int) -> None:
        reason, message = "BackoffLimitExceeded", "Job has reached the specified backoff limit"
        for pod in active:
            self.delete_pod(job, pod)
        self._set(job, self._over(new, ("FailureTarget", "Failed"), reason, message), [], succeeded, failed)
        self.recorder.record(job, "Warning", reason, message, self.component)

    def _over(self, new: Object, kinds: Iterable[str], reason: str, message: str) -> Object:
        """The status with the conditions that say how the job ended."""
        now, conditions = self.clock.timestamp(), new.get("conditions") or ()
        for kind in kinds:
            fields = {"status": "True", "lastProbeTime": now, "reason": reason, "message": message}
            conditions = condition(conditions, kind, fields, now)
        return {**new, "conditions": conditions}

    def _set(self, job: Object, new: Object, active: list[Object], succeeded: int, failed: int) -> None:
        counts = {"active": len(active), "succeeded": succeeded, "failed": failed}
        kept = {key: value for key, value in new.items() if key not in counts}
        current = self.state.get(JOBS, job["metadata"]["namespace"], job["metadata"]["name"])
        if current is not None:
            counted = {key: value for key, value in counts.items() if value}
            told = {
                "ready": sum(is_true(pod, "Ready") for pod in active),
                "terminating": 0,
                "uncountedTerminatedPods": new.get("uncountedTerminatedPods") or {},
            }
            self.set_status(current, {**kept, **counted, **told})

    def _clean_up(self, job: Object) -> None:
        """Deletes a job whose ttlSecondsAfterFinished have passed."""
        ttl = job["spec"].get("ttlSecondsAfterFinished")
        if ttl is None:
            return
        ended = max(Clock.parse(one["lastTransitionTime"]) for one in job["status"]["conditions"])
        namespace, name = job["metadata"]["namespace"], job["metadata"]["name"]
        if (left := ended + ttl - self.clock.now()) > 0:
            self.again.append((left, (namespace, name)))
            return
        self.writes.deletion.delete_if_there(JOBS, job, {"propagationPolicy": "Background"})


def _restarts(job: Object, active: list[Object]) -> int:
    """How often containers were started again, where that counts (restartPolicy OnFailure)."""
    if job["spec"]["template"]["spec"].get("restartPolicy") != "OnFailure":
        return 0
    return sum(one.get("restartCount", 0) for pod in active for one in (pod.get("status") or {}).get("containerStatuses") or ())


def _phase(pod: Object) -> str:
    return str((pod.get("status") or {}).get("phase", ""))


def _finished(pod: Object) -> float:
    """When the last container of a pod ended, in Unix seconds; when it was made, if that is not known."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    ends = [(one.get("state") or {}).get("terminated", {}).get("finishedAt") for one in statuses]
    return max((Clock.parse(end) for end in ends if end), default=Clock.parse(pod["metadata"]["creationTimestamp"]))
