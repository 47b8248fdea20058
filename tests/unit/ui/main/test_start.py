"""What podtui loads before the first rows are painted."""

from __future__ import annotations

import subprocess
import sys

from podtui.demo.scenarios import loading
from podtui.demo.server import DemoServer

CEILING = 108  # falls, never rises: what is not needed for the first rows is imported when it is
OTHERS = 340  # modules of other packages, without the standard library's; likewise
SCRIPT = """
import asyncio, sys
from podtui.cli import launch, main
from podtui.cluster.kubeconfig.contexts import Kubeconfig
from podtui.config import Config
from podtui.kube.resources import Scope
from podtui.ui.main.app import PodtuiApp
from podtui.ui.options import Options
from podtui.ui.widgets.row_table import RowTable

loaded = []
paint = RowTable.render_line

def painted(table, line):
    strip = paint(table, line)
    if not loaded and table.id == "pods" and "Running" in strip.text:
        loaded.extend(sys.modules)  # what the details of the pod at the cursor need comes after it, on a slow machine before the end, too
    return strip

RowTable.render_line = painted

async def start(path):
    kubeconfig = Kubeconfig.load(path)
    app = PodtuiApp(Options(kubeconfig.settings(), kubeconfig, Scope(()), Config()))
    async with app.run_test(size=(120, 36)) as pilot:
        await app.settled()
        await pilot.pause()
        assert loaded, "no pod was painted"
        print(*(name for name in loaded if name.partition(".")[0] not in sys.stdlib_module_names))

asyncio.run(start(sys.argv[1]))
"""


def test_few_modules_are_loaded_before_the_first_rows_are_painted() -> None:
    with DemoServer(loading.load("default")) as server:
        command = [sys.executable, "-c", SCRIPT, str(server.kubeconfig)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    loaded = {name for name in done.stdout.split() if not name.startswith("__")}
    ours = {name for name in loaded if name.partition(".")[0] == "podtui"}
    assert "podtui.ui.main.list_pane" in ours
    assert len(ours) <= CEILING, sorted(ours)
    assert "aiohttp.client" in loaded
    assert len(loaded - ours) <= OTHERS, sorted(loaded - ours)
