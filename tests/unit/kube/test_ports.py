"""What to forward: the forms that kubectl takes, and the words for those that it does not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podtui.errors import PortSpecError
from podtui.kube.ports import ContainerPort, PortSpec, container_ports, kubectl_port_forward, parse_ports
from podtui.kube.resources import PODS, ObjectRef
from podtui.text import harmless

POD = ObjectRef(PODS, "web-1", "shop", uid="u1")
PORTS = [
    ContainerPort(8080, "http", "TCP", "app"),
    ContainerPort(53, "dns", "UDP", "app"),
    ContainerPort(53, "dns-tcp", "TCP", "app"),
    ContainerPort(9, "lost", "SCTP", "app"),
]


@pytest.mark.parametrize(
    ("text", "local", "remote"),
    [
        ("8888:8080", 8888, 8080),
        ("8080", 8080, 8080),
        (":8080", 0, 8080),
        ("0:8080", 0, 8080),
        ("8888:http", 8888, "http"),
        ("http", 0, "http"),
        (":http", 0, "http"),
        (" 08888:8080 ", 8888, 8080),
        ("1:65535", 1, 65535),
    ],
)
def test_the_forms_of_kubectl_are_read(text: str, local: int, remote: int | str) -> None:
    spec = PortSpec.parse(text)
    assert (spec.local, spec.remote) == (local, remote)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no port given"),
        ("8888:", "the pod's port is missing after '8888:'"),
        ("1:2:3", "'1:2:3' has more than one ':'"),
        ("65536:80", "local port 65536 is not between 1 and 65535"),
        ("80:65536", "the pod's port 65536 is not between 1 and 65535"),
        ("80:0", "the pod's port 0 is not between 1 and 65535"),
        ("0", "the pod's port 0 is not between 1 and 65535"),
        ("-1:80", "local port '-1' is not a number"),
        ("x:80", "local port 'x' is not a number"),
        ("80:-1", "the pod's port '-1' is not a number between 1 and 65535"),
        ("80:8.5", "the pod's port '8.5' is not a number between 1 and 65535"),
        ("80:HTTP", "the pod's port 'HTTP' is neither a number nor a port name"),
        ("80:-http", "the pod's port '-http' is neither a number nor a port name"),
        ("80:a--b", "the pod's port 'a--b' is neither a number nor a port name"),
        ("80:abcdefghijklmnop", "the pod's port 'abcdefghijklmnop' is neither a number nor a port name"),
        ("80:\x1b[2J", "the pod's port '␛[2J' is neither a number nor a port name"),
        ("٣:80", "local port '٣' is not a number"),
        ("9" * 9999 + ":80", "local port 999999999999… is not between 1 and 65535"),
    ],
)
def test_a_mistake_in_a_port_is_explained(text: str, words: str) -> None:
    with pytest.raises(PortSpecError) as caught:
        PortSpec.parse(text)
    assert caught.value.what == words


def test_several_are_separated_by_spaces_and_commas() -> None:
    assert [str(spec) for spec in parse_ports(" 8888:8080, 9090,:http  80:443,")] == ["8888:8080", "9090", ":http", "80:443"]


def test_the_same_local_port_twice_is_an_error_and_two_free_ones_are_not() -> None:
    with pytest.raises(PortSpecError, match="local port 8080 is given twice"):
        parse_ports("8080 8080:90")
    assert len(parse_ports(":80 :80")) == 2


@given(st.text())
def test_any_text_is_read_or_refused_with_a_port_spec_error(text: str) -> None:
    try:
        specs = parse_ports(text)
    except PortSpecError as error:
        assert harmless(error.what) == error.what
    else:
        assert parse_ports(" ".join(map(str, specs))) == specs


def test_a_name_becomes_the_number_of_the_port_that_is_called_so() -> None:
    assert PortSpec.parse("8888:http").resolve(PORTS) == PortSpec(8888, 8080)
    assert PortSpec.parse(":http").resolve(PORTS) == PortSpec(0, 8080)
    assert PortSpec.parse("http").resolve(PORTS) == PortSpec(8080, 8080, True)


def test_a_number_needs_no_declaration() -> None:
    assert PortSpec.parse("7:7777").resolve(PORTS) == PortSpec(7, 7777)
    assert PortSpec.parse("7:7777").resolve([]) == PortSpec(7, 7777)


@pytest.mark.parametrize(
    ("ports", "hint"),
    [
        (PORTS[:3], "There are: http (8080), dns (53), dns-tcp (53)"),
        ([ContainerPort(80, "", "TCP", "app"), ContainerPort(53, "", "UDP", "app")], "Its ports have no names: 80, 53 (UDP)"),
        ([], "Its containers declare no ports; give the number"),
    ],
)
def test_an_unknown_port_name_is_reported_with_the_known_ones(ports: list[ContainerPort], hint: str) -> None:
    with pytest.raises(PortSpecError) as caught:
        PortSpec.parse("80:https").resolve(ports, "pod/web-1")
    assert (caught.value.what, caught.value.hint) == ("pod/web-1 has no port named 'https'", hint)


@pytest.mark.parametrize(("text", "protocol"), [("udp", "UDP"), ("9", "SCTP"), ("80:lost", "SCTP")])
def test_a_port_that_is_not_tcp_is_refused(text: str, protocol: str) -> None:
    with pytest.raises(PortSpecError, match=f"is {protocol}, only TCP can be forwarded"):
        PortSpec.parse(text).resolve([*PORTS, ContainerPort(5353, "udp", "UDP", "app")])


def test_the_name_of_a_udp_port_whose_number_is_declared_for_tcp_too_is_forwarded_as_kubectl_does() -> None:
    assert PortSpec.parse("dns").resolve(PORTS) == PortSpec(53, 53, True)
    ports = [ContainerPort(8082, "tick", "UDP", "milker"), ContainerPort(8082, "tock", "TCP", "milker")]
    assert PortSpec.parse("9000:tick").resolve(ports) == PortSpec(9000, 8082)


def test_a_port_of_two_protocols_is_forwarded_by_tcp() -> None:
    assert PortSpec.parse("53").resolve(PORTS).remote == 53


def test_the_ports_of_sidecars_count_and_those_of_other_init_containers_do_not() -> None:
    pod: dict[str, Any] = {
        "spec": {
            "initContainers": [
                {"name": "proxy", "restartPolicy": "Always", "ports": [{"containerPort": 15090, "name": "metrics"}]},
                {"name": "migrate", "ports": [{"containerPort": 1234}]},
            ],
            "containers": [{"name": "app", "ports": [{"containerPort": 8080, "protocol": "TCP"}]}, {"name": "none"}],
        }
    }
    assert [(port.number, port.name, port.protocol, port.container) for port in container_ports(pod)] == [
        (8080, "", "TCP", "app"),
        (15090, "metrics", "TCP", "proxy"),
    ]
    assert container_ports({}) == []


def test_the_kubectl_command_is_the_exact_one() -> None:
    assert kubectl_port_forward(POD, parse_ports("8888:8080 :http 80")) == "kubectl port-forward -n shop pod/web-1 8888:8080 :http 80"
    assert (
        kubectl_port_forward(POD, parse_ports("80"), options=("--context", "my cluster"), address="0.0.0.0")
        == "kubectl --context 'my cluster' port-forward -n shop --address 0.0.0.0 pod/web-1 80"
    )
