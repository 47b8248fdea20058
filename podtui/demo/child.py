"""Runs the built-in cluster in a process of its own, which ends with the process that started it.

The dashboard does not share its interpreter with the cluster: a list of 10,000 pods that the server writes would hold up its keys.
`python -m podtui.demo.child SCENARIO SPEED SEED LONGEST_GRACE` prints a line of JSON, {"kubeconfig": path} or
{"error": what, "hint": hint}, and serves until its standard input ends.
"""

from __future__ import annotations

import json
import signal
import sys


def main(words: list[str]) -> int:
    scenario, speed, seed, longest_grace = words
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the terminal's: the end of standard input is what ends it
    signal.signal(signal.SIGTERM, _leave)
    from podtui.errors import PodtuiError

    try:
        from podtui.demo.scenarios import loading
        from podtui.demo.server import DemoServer

        made = DemoServer(loading.load(scenario), speed=float(speed), seed=int(seed), longest_grace=float(longest_grace))
        with made as server:
            print(json.dumps({"kubeconfig": server.kubeconfig}), flush=True)
            sys.stdin.buffer.read()
    except PodtuiError as error:
        print(json.dumps({"error": error.what, "hint": error.hint}), flush=True)
        return error.exit_code
    return 0


def _leave(number: int, frame: object) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
