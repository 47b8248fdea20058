"""Exit codes of containers in words: signals on Linux, NTSTATUS values on Windows, and those that the kubelet makes up."""

from __future__ import annotations

import signal

from podtui.cluster.pods.containers import State

_NT_STATUS = 0x80000000  # Windows exit codes from here on are NTSTATUS values, written in hexadecimal everywhere


def is_placeholder(run: State) -> bool:
    """Whether the kubelet made this ending up: the container was gone when it looked, so it writes 137 with these reasons and no times
    (convertToAPIContainerStatuses and TerminatePod of k8s.io/kubernetes/pkg/kubelet), or containerd lost it (255, Unknown)."""
    return run.reason == "ContainerStatusUnknown" or (run.reason == "Unknown" and run.exit_code == 255)


def exit_words(state: State, *, windows: bool = False) -> str:
    """`exit code 137 (SIGKILL)`; on Windows, which has no signals, `exit code 3221225786 (0xC000013A)`."""
    code = state.exit_code
    words = "no exit code" if code is None else f"exit code {code}"
    if windows:
        return f"{words} (0x{code & 0xFFFFFFFF:08X})" if code is not None and (code < 0 or code >= _NT_STATUS) else words
    number = state.signal or (code - 128 if code is not None and 128 < code < 160 and not is_placeholder(state) else 0)
    if not number:
        return words
    known = number in signal.Signals._value2member_map_
    return f"{words} ({signal.Signals(number).name if known else f'signal {number}'})"
