"""Why a run of a container ended, and what to do about it."""

from __future__ import annotations

from podtui.cluster.diagnose.findings import Facts
from podtui.cluster.pods.containers import Container, State
from podtui.cluster.pods.exit_codes import exit_words, is_placeholder

_EVENT_TIMES = 60.0  # seconds by which an event's time may differ: a grace period, and that events are counted up later
_WINDOWS = {
    0xC0000005: "access violation",
    0xC000013A: "stopped by Ctrl+C or by the end of the session",
    0xC0000135: "a DLL was not found",
    0xC0000142: "a DLL could not be initialized",
    0xC0000374: "heap corruption",
    0xC00000FD: "stack overflow",
    0xC0000409: "stack buffer overrun, or an abort by the program",
}


def ended_with(run: State, *, windows: bool = False) -> str:
    """`exit code 137 (SIGKILL), OOMKilled`."""
    words = exit_words(run, windows=windows)
    return f"{words}, {run.reason}" if run.reason not in ("", "Error", "Completed") else words


def ending(facts: Facts, container: Container, run: State) -> tuple[str, str]:
    """Why the run ended, as the beginning of a sentence, and what to do about it."""
    limit = container.limits.get("memory")
    code = run.exit_code or 0
    if is_placeholder(run):
        return (
            "How it ended is not known: the kubelet no longer found the container, and wrote this in place of its exit code",
            "Look at its node: a restart of the node or of its container runtime loses containers.",
        )
    if run.reason == "RestartingAllContainers":
        return "It was stopped because all containers of the pod were restarted together (restartPolicyRules)", ""
    if run.reason == "OOMKilled":
        return (
            f"It was killed because it used more memory than its limit{f' of {limit}' if limit else ''}",
            "Raise resources.limits.memory, or make the program use less.",
        )
    if killed := _killed_by_probe(facts, container, run):
        return f"The kubelet stopped it because its {killed} probe failed", f"Check the {killed} probe: its port, path and thresholds."
    if run.reason in ("ContainerCannotRun", "StartError") or (code in (126, 127) and not facts.is_windows):
        missing = code == 127 or any(words in run.message for words in ("not found", "no such file", "cannot find the file"))
        cannot = "its command does not exist in the image" if missing else "its command cannot be executed"
        return f"It cannot start: {cannot}", "Check command and args, and that the image contains the program."
    if code == 0 and not run.signal:
        policy = container.policy(facts.restart_policy)
        if container.restarts_after(code, facts.restart_policy):
            what = "It is a sidecar, but it completes" if container.kind == "sidecar" else "It completes"
            return (
                f"{what}, and restartPolicy {policy} restarts it each time",
                "Run a program that completes in a Job, or give it a command that keeps running.",
            )
        return "It completed", ""
    if facts.is_windows:
        return _on_windows(code)
    if code == 137 or run.signal == 9:
        probes = [probe.kind for probe in container.probes if probe.kind in ("liveness", "startup")]
        after = f" after a failed {' or '.join(probes)} probe" if probes else ""  # the events that would tell are kept for an hour
        check = f", and its {' and '.join(probes)} probe" if probes else ""
        return (
            f"It was killed (SIGKILL): by the kernel for lack of memory, or at the end of the grace period{after}",
            f"Check whether the node is short of memory{check}.",
        )
    if code == 143 or run.signal == 15:
        return "It was asked to stop (SIGTERM), and it did", "Look at the events to see who stopped it."
    if code == 139 or run.signal == 11:
        return "The program itself crashed (SIGSEGV)", "The program has a bug, or its image is for another architecture."
    return "The program exited with an error", "Look at its logs: the last lines most likely say why."


def _on_windows(code: int) -> tuple[str, str]:
    known = _WINDOWS.get(code & 0xFFFFFFFF)
    if known:
        return (
            f"The program ended abnormally: {known}",
            "Look at its logs, and check that the image fits the version of Windows on the node.",
        )
    return "The program exited with an error", "Look at its logs: the last lines most likely say why."


def _killed_by_probe(facts: Facts, container: Container, run: State) -> str:
    """The kind of probe for which the kubelet stopped this run, "" for none; events of other runs do not count."""
    for event in reversed(facts.events):
        if event.reason == "Killing" and event.part == container.name and "probe" in event.message:
            earlier = run.started is not None and event.last < run.started - _EVENT_TIMES
            later = run.finished is not None and event.last > run.finished + _EVENT_TIMES
            if not earlier and not later:
                return "startup" if "startup" in event.message else "liveness"
    return ""
