"""kubernetes.aio's client is imported without the rest of its package, and the rest still works for who wants it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

LOAD = "import sys; from podtui.cluster.connection.transport.client_import import load; rest, configuration = load();"
NAMES = [
    "requests",
    "urllib3",
    "websocket",
    "yaml",
    "kubernetes.client",
    "kubernetes.config",
    "kubernetes.aio.config",
    "pydantic",
    "dateutil",
]


def run(program: str) -> str:
    """What a fresh interpreter prints; nothing of it goes to standard error."""
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.fixture(scope="module")
def loaded() -> dict[str, Any]:
    """What one interpreter tells that has loaded the client and nothing else."""
    program = f"""{LOAD}
import json, logging
told = {{"name": rest.__name__, "rest": [name for name in {NAMES} if name in sys.modules]}}
import kubernetes
told["libraries"] = [name for name in ("frozenlist._frozenlist",) if sys.modules.get(name)]
told["listed"] = "_exports" in vars(sys.modules["kubernetes.aio.client"])
told["asked by tools"] = hasattr(kubernetes, '__wrapped__'), 'kubernetes.client' in sys.modules
for name in ('kubernetes.x', 'client', 'aiohttp.client', 'asyncio'):
    logging.getLogger(name).error('x')
import aiohttp.connector, ssl
told["authorities"] = aiohttp.connector._SSL_CONTEXT_VERIFIED.cert_store_stats()["x509"]
told["verifies"] = aiohttp.connector._SSL_CONTEXT_VERIFIED.verify_mode == ssl.CERT_REQUIRED
told["ssl"] = ssl.create_default_context.__module__, "set_default_verify_paths" in vars(ssl.SSLContext)
told["unknown name"] = hasattr(kubernetes, 'nothing'), hasattr(kubernetes, 'nothing')
print(json.dumps(told))"""
    answer: dict[str, Any] = json.loads(run(program))
    return answer


def test_the_client_comes_without_its_umbrella(loaded: dict[str, Any]) -> None:
    assert (loaded["name"], loaded["rest"]) == ("RESTClientObject", [])


def test_it_comes_without_a_list_of_every_model_and_without_a_library_of_c_plus_plus(loaded: dict[str, Any]) -> None:
    assert (loaded["libraries"], loaded["listed"]) == ([], False)


def test_aiohttps_own_tls_contexts_trust_nobody_and_those_of_others_are_as_ever(loaded: dict[str, Any]) -> None:
    """It makes them while it is imported; reading the system's authorities twice takes a tenth of podtui's CPU time at the start."""
    assert (loaded["authorities"], loaded["verifies"]) == (0, True)
    assert loaded["ssl"] == ["ssl", False]


def test_what_tools_ask_of_every_module_does_not_execute_the_package(loaded: dict[str, Any]) -> None:
    assert loaded["asked by tools"] == [False, False]


def test_a_name_that_the_package_does_not_have_is_an_attribute_error(loaded: dict[str, Any]) -> None:
    assert loaded["unknown name"] == [False, False]


@pytest.mark.usefixtures("loaded")
def test_nothing_that_the_packages_log_reaches_stderr() -> None:
    """`run` looks at it."""


def test_the_whole_package_can_be_imported_afterwards() -> None:
    program = f"""{LOAD}
import kubernetes
assert kubernetes.config.load_kube_config and kubernetes.client.CoreV1Api and kubernetes.__version__
from kubernetes import watch
from kubernetes.aio import client, config
import kubernetes.aio.utils.retry
assert kubernetes.aio.utils.create_from_yaml and kubernetes.aio.utils.retry.DEFAULT_BACKOFF
assert client.rest.RESTClientObject is rest and client.ApiClient and client.Configuration is configuration and client.CoreV1Api
assert sys.modules['kubernetes'] is kubernetes and 'class' in repr(type(kubernetes)) and type(kubernetes) is type(sys)
print('fine')"""
    assert run(program) == "fine"


def test_a_package_that_is_imported_already_is_used_as_it_is() -> None:
    told = "print(sys.modules['kubernetes'] is whole, rest is whole.aio.client.rest.RESTClientObject)"
    assert run(f"import kubernetes.aio; whole = kubernetes; {LOAD} {told}") == "True True"
