"""kubernetes.aio's client is imported without the rest of its package, and the rest still works for who wants it."""

from __future__ import annotations

import subprocess
import sys


def run(program: str) -> str:
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.strip()


LOAD = "import sys; from podtui.cluster.connection.client_import import load; api, configuration = load();"


def test_the_client_comes_without_its_umbrella() -> None:
    names = ["requests", "urllib3", "websocket", "yaml", "kubernetes.client", "kubernetes.config", "kubernetes.aio.config"]
    assert run(f"{LOAD} print(api.__name__, [name for name in {names} if name in sys.modules])") == "ApiClient []"


def test_the_whole_package_can_be_imported_afterwards() -> None:
    program = f"""{LOAD}
import kubernetes
assert kubernetes.config.load_kube_config and kubernetes.client.CoreV1Api and kubernetes.__version__
from kubernetes import watch
from kubernetes.aio import client, config
import kubernetes.aio.utils.retry
assert kubernetes.aio.utils.create_from_yaml and kubernetes.aio.utils.retry.DEFAULT_BACKOFF
assert client.ApiClient is api and client.Configuration is configuration and client.CoreV1Api
assert sys.modules['kubernetes'] is kubernetes and 'class' in repr(type(kubernetes)) and type(kubernetes) is type(sys)
print('fine')"""
    assert run(program) == "fine"


def test_a_package_that_is_imported_already_is_used_as_it_is() -> None:
    assert run(
        f"import kubernetes.aio; whole = kubernetes; {LOAD} print(sys.modules['kubernetes'] is whole, api is whole.aio.client.ApiClient)"
    ) == ("True True")


def test_what_tools_ask_of_every_module_does_not_execute_the_package() -> None:
    program = f"{LOAD} import kubernetes; assert not hasattr(kubernetes, '__wrapped__');"
    assert run(f"{program} print('kubernetes.client' in sys.modules)") == "False"


def test_a_name_that_the_package_does_not_have_is_an_attribute_error() -> None:
    assert run(f"{LOAD} import kubernetes; print(hasattr(kubernetes, 'nothing'), hasattr(kubernetes, 'nothing'))") == "False False"


def test_nothing_that_the_packages_log_reaches_stderr() -> None:
    program = (
        f"{LOAD} import logging; [logging.getLogger(name).error('x') for name in ('kubernetes.x', 'client', 'aiohttp.client', 'asyncio')]"
    )
    assert run(program) == ""
