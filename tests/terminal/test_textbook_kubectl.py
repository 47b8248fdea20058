"""The chapter on Pods by kubectl, on the built-in cluster: every command of it, with what it prints."""

from __future__ import annotations

import json
import shlex
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.contract.conftest import _kubectl_program

if TYPE_CHECKING:
    from podtui.demo.server import DemoServer

MANUAL = """\
apiVersion: v1
kind: Pod
metadata:
  name: kubia-manual
spec:
  containers:
  - image: luksa/kubia
    name: kubia
    ports:
    - containerPort: 8080
      protocol: TCP
"""
LABELED = MANUAL.replace("name: kubia-manual\n", "name: kubia-manual-v2\n  labels:\n    creation_method: manual\n    env: prod\n")
GPU = MANUAL.replace("kubia-manual", "kubia-gpu").replace("spec:\n", 'spec:\n  nodeSelector:\n    gpu: "true"\n')
NAMESPACE = """\
apiVersion: v1
kind: Namespace
metadata:
  name: custom-namespace
"""


class Kubectl:
    """kubectl on a cluster: `kubectl("get pods")` gives what it prints, `.refused("...")` what it says when it ends with an error."""

    def __init__(self, kubeconfig: str, folder: Path) -> None:
        self.kubeconfig = kubeconfig
        self.folder = folder

    def command(self, words: str) -> list[str]:
        return [_kubectl_program(), f"--kubeconfig={self.kubeconfig}", *shlex.split(words)]

    def _run(self, words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command(words), cwd=self.folder, capture_output=True, text=True, timeout=120, check=False)

    def __call__(self, words: str) -> str:
        done = self._run(words)
        assert done.returncode == 0, f"kubectl {words}: {done.stderr}"
        return done.stdout

    def refused(self, words: str) -> str:
        done = self._run(words)
        assert done.returncode != 0, f"kubectl {words}: {done.stdout}"
        return done.stderr.strip()

    def file(self, name: str, text: str) -> str:
        (self.folder / name).write_text(text)
        return name

    def names(self, words: str) -> list[str]:
        """The names in the first column of what `get` prints."""
        return [line.split()[0] for line in self(f"{words} --no-headers").splitlines()]

    def table(self, words: str) -> tuple[list[str], dict[str, list[str]]]:
        """The columns of what `get` prints, and its lines by their first word."""
        header, *lines = self(words).splitlines()
        return header.split(), {line.split()[0]: line.split() for line in lines}

    def json(self, words: str) -> dict[str, object]:
        found: dict[str, object] = json.loads(self(f"{words} -o json"))
        return found


@pytest.fixture(scope="module")
def server() -> Iterator[DemoServer]:
    """A cluster of its own: the chapter uses the namespace `default` and labels nodes. Grace periods pass quickly in it."""
    from podtui.demo.scenarios import loading
    from podtui.demo.server import DemoServer

    with DemoServer(loading.load("textbook"), speed=20) as demo:
        yield demo


@pytest.fixture
def kubectl(server: DemoServer, tmp_path: Path) -> Iterator[Kubectl]:
    made = Kubectl(server.kubeconfig, tmp_path)
    yield made
    made("delete pods --all --all-namespaces --grace-period=0 --force --ignore-not-found")
    made("label nodes --all gpu-")


def create(kubectl: Kubectl, name: str, text: str) -> None:
    kubectl(f"create -f {kubectl.file(f'{name}.yaml', text)}")
    kubectl(f"wait --for=condition=Ready pod/{name} --timeout=60s")


def test_kubectl_creates_a_pod_from_yaml_gets_and_describes_it(kubectl: Kubectl) -> None:
    kubectl.file("kubia-manual.yaml", MANUAL)
    assert kubectl("create -f kubia-manual.yaml") == "pod/kubia-manual created\n"
    assert 'pods "kubia-manual" already exists' in kubectl.refused("create -f kubia-manual.yaml")
    kubectl("wait --for=condition=Ready pod/kubia-manual --timeout=60s")

    columns, rows = kubectl.table("get pods")
    assert columns == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert rows["kubia-manual"][1:4] == ["1/1", "Running", "0"]
    columns, rows = kubectl.table("get po -o wide")
    assert columns == "NAME READY STATUS RESTARTS AGE IP NODE NOMINATED NODE READINESS GATES".split()
    assert rows["kubia-manual"][6] in ("node-1", "node-2", "node-3")

    yaml = kubectl("get po kubia-manual -o yaml")
    for line in ("kind: Pod", "  name: kubia-manual", "  - image: luksa/kubia", "  phase: Running", "  qosClass: BestEffort"):
        assert line in yaml.splitlines(), yaml
    assert kubectl.json("get po kubia-manual")["kind"] == "Pod"
    described = kubectl("describe pod kubia-manual")
    for words in (
        "Successfully assigned default/kubia-manual to node-",
        'Pulling image "luksa/kubia"',
        "Started container kubia|Container started",
    ):
        assert any(part in described for part in words.split("|")), described


def test_invalid_manifests_are_refused_with_the_servers_words(kubectl: Kubectl) -> None:
    kubectl.file("unknown.yaml", MANUAL.replace("ports:", "port:"))
    assert 'unknown field "spec.containers[0].port"' in kubectl.refused("create -f unknown.yaml")
    kubectl.file("wrong.yaml", MANUAL.replace("name: kubia-manual", "name: Kubia_Manual"))
    assert "a lowercase RFC 1123 subdomain" in kubectl.refused("create -f wrong.yaml")
    kubectl.file("kind.yaml", MANUAL.replace("kind: Pod", "kind: Podd"))
    assert 'no matches for kind "Podd" in version "v1"' in kubectl.refused("create -f kind.yaml")
    assert kubectl.refused("get pod none") == 'Error from server (NotFound): pods "none" not found'
    assert "No resources found in default namespace." in kubectl._run("get pods").stderr


def test_kubectl_logs_reads_a_pod_and_a_named_container(kubectl: Kubectl) -> None:
    create(kubectl, "kubia-manual", MANUAL)
    assert kubectl("logs kubia-manual") != ""
    assert kubectl("logs kubia-manual -c kubia") == kubectl("logs kubia-manual")
    assert kubectl("logs kubia-manual --tail=1").count("\n") == 1
    assert kubectl("logs kubia-manual --timestamps").startswith("20")
    assert "container nothing is not valid for pod kubia-manual" in kubectl.refused("logs kubia-manual -c nothing")
    assert "previous terminated container" in kubectl.refused("logs kubia-manual --previous")


def test_a_forwarded_port_answers_and_the_request_is_in_the_log(kubectl: Kubectl) -> None:
    create(kubectl, "kubia-manual", MANUAL)
    with port_forward(kubectl, "kubia-manual") as port:
        for _ in range(3):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=20) as answer:
                assert answer.read().decode() == "You've hit kubia-manual\n"
    assert kubectl("logs kubia-manual").count("Received request from ::ffff:") == 3


class port_forward:
    """`kubectl port-forward POD :8080` while the block runs; gives the local port."""

    def __init__(self, kubectl: Kubectl, pod: str) -> None:
        self.command = kubectl.command(f"port-forward {pod} :8080")

    def __enter__(self) -> int:
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("Forwarding from 127.0.0.1:") and "-> 8080" in line, line
        return int(line.split(":")[1].split()[0])

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(20)
        assert self.process.stdout is not None
        self.process.stdout.close()


def test_labels_are_shown_set_overwritten_and_removed(kubectl: Kubectl) -> None:
    create(kubectl, "kubia-manual", MANUAL)
    create(kubectl, "kubia-manual-v2", LABELED)
    columns, rows = kubectl.table("get po --show-labels")
    assert columns[-1] == "LABELS"
    assert (rows["kubia-manual"][-1], rows["kubia-manual-v2"][-1]) == ("<none>", "creation_method=manual,env=prod")
    columns, rows = kubectl.table("get po -L creation_method,env")
    assert columns[-2:] == ["CREATION_METHOD", "ENV"]
    assert rows["kubia-manual-v2"][-2:] == ["manual", "prod"] and len(rows["kubia-manual"]) == 5

    assert kubectl("label po kubia-manual creation_method=manual") == "pod/kubia-manual labeled\n"
    assert "'env' already has a value (prod), and --overwrite is false" in kubectl.refused("label po kubia-manual-v2 env=debug")
    assert kubectl("label po kubia-manual-v2 env=debug --overwrite") == "pod/kubia-manual-v2 labeled\n"
    assert kubectl("label po kubia-manual-v2 env=debug --overwrite") == "pod/kubia-manual-v2 not labeled\n"
    _, rows = kubectl.table("get po -L creation_method,env")
    assert (rows["kubia-manual"][-1], rows["kubia-manual-v2"][-1]) == ("manual", "debug")
    assert kubectl("label po kubia-manual creation_method-") == "pod/kubia-manual unlabeled\n"
    assert kubectl("get po kubia-manual -o jsonpath={.metadata.labels}") == ""
    assert "a valid label must be an empty string or" in kubectl.refused("label po kubia-manual 'a=b c'")


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ("creation_method=manual", "a b"),
        ("creation_method==manual", "a b"),
        ("creation_method!=manual", "c d"),
        ("env", "a b c"),
        ("!env", "d"),
        ("env in (prod,debug)", "a b"),
        ("env notin (prod,debug)", "c d"),
        ("app=pc,env!=debug", ""),
        ("creation_method=manual,env=debug", "b"),
    ],
)
def test_each_selector_of_the_textbook_finds_its_pods(kubectl: Kubectl, selector: str, found: str) -> None:
    labels = {"a": "creation_method=manual env=prod", "b": "creation_method=manual env=debug", "c": "env=devel", "d": ""}
    for name, words in labels.items():
        kubectl(f"run {name} --image=luksa/kubia --restart=Never")
        kubectl(f"label po {name} run- {words}")
    assert kubectl.names(f"get po -l '{selector}'") == found.split()


def test_a_selector_that_does_not_parse_is_refused(kubectl: Kubectl) -> None:
    assert "unable to parse requirement" in kubectl.refused("get po -l 'env in prod'")


def test_a_node_selector_waits_for_a_node_with_the_label(kubectl: Kubectl) -> None:
    kubectl.file("kubia-gpu.yaml", GPU)
    kubectl("create -f kubia-gpu.yaml")
    kubectl("wait --for=condition=PodScheduled=False pod/kubia-gpu --timeout=60s")
    assert kubectl.table("get po")[1]["kubia-gpu"][1:3] == ["0/1", "Pending"]
    assert "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector" in kubectl("describe po kubia-gpu")

    assert kubectl("label node node-2 gpu=true") == "node/node-2 labeled\n"
    assert kubectl.names("get nodes -l gpu=true") == ["node-2"]
    columns, rows = kubectl.table("get nodes -L gpu")
    assert columns == ["NAME", "STATUS", "ROLES", "AGE", "VERSION", "GPU"]
    assert rows["node-2"][-1] == "true" and rows["node-1"][1] == "Ready"
    kubectl("wait --for=condition=Ready pod/kubia-gpu --timeout=60s")
    assert kubectl.table("get po -o wide")[1]["kubia-gpu"][6] == "node-2"


def test_annotations_are_added_and_described(kubectl: Kubectl) -> None:
    create(kubectl, "kubia-manual", MANUAL)
    assert kubectl('annotate pod kubia-manual mycompany.com/someannotation="foo bar"') == "pod/kubia-manual annotated\n"
    assert "Annotations:      mycompany.com/someannotation: foo bar" in kubectl("describe pod kubia-manual")
    assert "--overwrite is false" in kubectl.refused("annotate pod kubia-manual mycompany.com/someannotation=other")
    assert kubectl("annotate pod kubia-manual mycompany.com/someannotation-") == "pod/kubia-manual annotated\n"


def test_namespaces_are_made_from_yaml_and_by_name_and_hold_pods_of_their_own(kubectl: Kubectl) -> None:
    assert {"default", "kube-system", "kube-public", "kube-node-lease"} <= set(kubectl.names("get ns"))
    kubectl.file("custom-namespace.yaml", NAMESPACE)
    assert kubectl("create -f custom-namespace.yaml") == "namespace/custom-namespace created\n"
    assert kubectl("create namespace other-namespace") == "namespace/other-namespace created\n"
    assert kubectl.table("get ns")[1]["custom-namespace"][1] == "Active"
    kubectl.file("kubia-manual.yaml", MANUAL)
    assert kubectl("create -f kubia-manual.yaml -n custom-namespace") == "pod/kubia-manual created\n"
    assert kubectl.names("get po -n custom-namespace") == ["kubia-manual"]
    assert kubectl.names("get po") == []
    assert ["custom-namespace", "kubia-manual"] in [line.split()[:2] for line in kubectl("get po -A").splitlines()]
    assert kubectl("delete ns custom-namespace") == 'namespace "custom-namespace" deleted\n'
    assert 'namespaces "custom-namespace" not found' in kubectl.refused("get po kubia-manual -n custom-namespace")
    assert kubectl("delete ns other-namespace") == 'namespace "other-namespace" deleted\n'
    assert not {"custom-namespace", "other-namespace"} & set(kubectl.names("get ns"))


def test_pods_are_deleted_by_name_by_selector_and_all_of_a_namespace(kubectl: Kubectl) -> None:
    create(kubectl, "kubia-manual", MANUAL)
    create(kubectl, "kubia-manual-v2", LABELED)
    for name in ("one", "two"):
        kubectl(f"run {name} --image=luksa/kubia")
    assert kubectl("delete po kubia-manual") == 'pod "kubia-manual" deleted from default namespace\n'
    assert kubectl("delete po -l creation_method=manual") == 'pod "kubia-manual-v2" deleted from default namespace\n'
    assert kubectl.names("get po") == ["one", "two"]
    assert set(kubectl("delete po --all").splitlines()) == {f'pod "{name}" deleted from default namespace' for name in ("one", "two")}
    assert kubectl.names("get po") == []
    assert "not found" in kubectl.refused("delete po one")
    assert "No resources found" in kubectl("delete po --all")
