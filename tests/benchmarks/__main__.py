"""Every benchmark in one command, written as Markdown and as JSON.

    python -m tests.benchmarks [list|link|logs|forward|all] (--kubeconfig FILE [--node NAME] | --cluster PROGRAM) [--out FOLDER]

`--cluster` names a program that starts a control plane on this machine and fills it with pods (`up`, `fill N`, `down`): `list` and
`link` are then measured with each number of pods that `--pods` names. `logs` needs no cluster. Figures of one table were measured in
turns in one sitting, so compare those with each other.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks import forward, link, live_list, logs
from tests.benchmarks.figures import Report, Table, machine

Measure = Callable[[argparse.Namespace], list[Table]]
_ON_PODS: dict[str, Measure] = {"list": live_list.measure, "link": link.measure}
_OTHERS: dict[str, Measure] = {"logs": logs.measure, "forward": forward.measure}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", choices=[*_ON_PODS, *_OTHERS, "all"], default="all", metavar="list|link|logs|forward|all")
    parser.add_argument("--kubeconfig", help="a cluster that may be written to")
    parser.add_argument("--cluster", help="a program that starts a cluster and fills it with pods")
    parser.add_argument("--pods", default="10000,50000", metavar="N,...", help="with --cluster: how many pods")
    parser.add_argument("--node", default="", help="a node that runs what a pod's command says")
    parser.add_argument("--out", type=Path, help="the folder for benchmarks.md and benchmarks.json; without it only the tables are printed")
    parser.add_argument("--repeat", type=int, default=3)
    for name in ("kubectl", "k9s", "stern"):
        parser.add_argument(f"--{name}", default=os.environ.get(name.upper()) or shutil.which(name) or "", metavar="PATH")
    live_list.add_options(parser)
    logs.add_options(parser)
    forward.add_options(parser)
    options = parser.parse_args()
    options.what = [*_ON_PODS, *_OTHERS] if "all" in options.what else [options.what] if isinstance(options.what, str) else options.what
    if not options.kubectl:
        parser.error("kubectl is not there: name it with --kubectl PATH")
    if not options.kubeconfig and not options.cluster and set(options.what) - {"logs"}:
        parser.error("name a cluster with --kubeconfig FILE, or a program that starts one with --cluster PROGRAM")
    return options


@contextmanager
def _own_cluster(program: str) -> Iterator[tuple[str, Callable[[int], None]]]:
    """A cluster of this run: its kubeconfig, and what fills it up to a number of pods."""
    with tempfile.TemporaryDirectory() as folder:
        command = [program, "--dir", str(Path(folder, "cluster"))]
        started = subprocess.run([*command, "up"], stdout=subprocess.PIPE, text=True, check=True)

        def fill(count: int) -> None:
            subprocess.run([*command, "fill", str(count)], stdout=sys.stderr, check=True)

        try:
            yield started.stdout.split()[-1], fill
        finally:
            subprocess.run([*command, "down"], stdout=sys.stderr, check=True)


def main() -> None:
    options = _options()
    report = Report(machine())

    def run(measure: Measure) -> None:
        for table in measure(options):
            report.tables.append(table)
            print(table.markdown(), flush=True)
        if options.out is not None:
            report.save(options.out)  # after each, so that a failure later loses nothing

    on_pods = [measure for name, measure in _ON_PODS.items() if name in options.what]
    if options.cluster and on_pods:
        kubeconfig = options.kubeconfig
        with _own_cluster(options.cluster) as (options.kubeconfig, fill):
            for count in map(int, options.pods.split(",")):
                fill(count)
                for measure in on_pods:
                    run(measure)
        options.kubeconfig = kubeconfig
    elif options.kubeconfig:
        for measure in on_pods:
            run(measure)
    for name, measure in _OTHERS.items():
        if name in options.what and (name != "forward" or options.kubeconfig):
            run(measure)


if __name__ == "__main__":
    main()
