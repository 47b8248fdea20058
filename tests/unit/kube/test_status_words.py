"""Every STATUS word has the severity that an operator expects."""

from __future__ import annotations

import pytest

from podtui.kube.status_words import status_style

WORDS = {
    "ok": "Running Active Ready Bound",
    "wait": "Pending ContainerCreating PodInitializing Init:0/1 Init:2/3 SchedulingGated Init:PodInitializing",
    "warn": "NotReady Unknown Ready,SchedulingDisabled SomethingNew",
    "error": (
        "Error CrashLoopBackOff ImagePullBackOff ErrImagePull Init:CrashLoopBackOff Init:Error Evicted OOMKilled Init:OOMKilled ExitCode:1 "
        "Init:ExitCode:2 Signal:9 CreateContainerConfigError CreateContainerError InvalidImageName RunContainerError ContainerCannotRun "
        "ErrImageNeverPull StartError DeadlineExceeded OutOfcpu NodeLost NodeAffinity UnexpectedAdmissionError Failed ImageInspectError "
        "PostStartHookError PreStartHookError RegistryUnavailable TopologyAffinityError"
    ),
    "done": "Completed Succeeded",
    "gone": "Terminating",
}


@pytest.mark.parametrize(("style", "word"), [(style, word) for style, words in WORDS.items() for word in words.split()])
def test_a_status_word_has_its_style(style: str, word: str) -> None:
    assert status_style(word) == style


def test_a_running_pod_that_is_not_ready_is_a_warning() -> None:
    assert status_style("Running", "0/1") == "warn"
    assert status_style("Running", "1/2") == "warn"
    assert status_style("Running", "2/2") == "ok"
    assert status_style("Completed", "0/1") == "done"
