"""Lists of the built-in cluster: selectors and their refusals, pages, forms, columns."""

from __future__ import annotations

import json
from typing import Any

import pytest

from podtui.demo.api.encoding import list_chunks
from podtui.demo.api.list_options import METADATA, OBJECT, TABLE, form_of, list_options
from podtui.demo.api.list_pages import Page, page
from podtui.demo.storage.clock import Clock
from podtui.demo.storage.errors import ApiError
from podtui.demo.storage.kinds import DEPLOYMENTS, EVENTS, NAMESPACES, NODES, PODS, SERVICES, Kind
from podtui.demo.storage.state import State
from podtui.demo.tables import columns as printing

NOW = 1_700_000_000
AS_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


@pytest.fixture
def state() -> State:
    found = State(Clock(0, NOW), history=100)
    for number in range(5):
        labels = {"app": "web", "n": str(number)} if number % 2 else {"n": str(number)}
        metadata = {"name": f"p{number}", "namespace": "a" if number < 3 else "b", "labels": labels}
        found.create(PODS, {"metadata": metadata, "spec": {"nodeName": "n1"}, "status": {"phase": "Running"}})
    return found


def listed(state: State, kind: Kind = PODS, namespace: str = "", token: str = "", **query: str) -> Page:
    return page(state, kind, list_options(kind, namespace, {**query, **({"continue": token} if token else {})}))


def names(found: Page) -> list[str]:
    return [entry.name for entry in found.entries]


def refusal(query: dict[str, str], kind: Kind = PODS) -> ApiError:
    with pytest.raises(ApiError) as caught:
        list_options(kind, "", query)
    return caught.value


def test_pages_follow_each_other_to_the_end(state: State) -> None:
    first = listed(state, limit="2")
    assert names(first) == ["p0", "p1"] and first.remaining == 3
    second = listed(state, limit="2", token=first.token)
    assert names(second) == ["p2", "p3"] and second.remaining == 1
    last = listed(state, limit="2", token=second.token)
    assert names(last) == ["p4"] and (last.token, last.remaining) == ("", None)


def test_the_next_pages_show_the_list_as_it_was(state: State) -> None:
    first = listed(state, limit="3")
    state.remove(PODS, "b", "p3")
    state.create(PODS, {"metadata": {"name": "p5", "namespace": "b"}})
    rest = listed(state, token=first.token)
    assert names(rest) == ["p3", "p4"] and rest.version == first.version
    assert names(listed(state)) == ["p0", "p1", "p2", "p4", "p5"]


def test_a_page_that_was_asked_for_too_late_is_gone(state: State) -> None:
    token = listed(state, limit="3").token
    state.remove(PODS, "b", "p3")
    state.forget()
    with pytest.raises(ApiError) as caught:
        listed(state, token=token)
    status = caught.value.status()
    assert (status["code"], status["reason"]) == (410, "Expired")
    assert status["message"].startswith("The provided continue parameter is too old to display a consistent list result.")


def test_a_selected_list_does_not_say_how_many_are_left(state: State) -> None:
    first = listed(state, limit="1", labelSelector="app=web")
    assert names(first) == ["p1"] and first.token and first.remaining is None
    last = listed(state, limit="1", labelSelector="app=web", token=first.token)
    assert names(last) == ["p3"] and not last.token


def test_a_page_of_a_namespace_stays_in_it(state: State) -> None:
    first = listed(state, namespace="a", limit="2")
    assert names(first) == ["p0", "p1"] and first.remaining == 1
    assert names(listed(state, namespace="a", token=first.token)) == ["p2"]


def test_a_list_from_the_cache_has_no_pages(state: State) -> None:
    assert len(names(listed(state, limit="2", resourceVersion="0"))) == 5


def test_a_list_of_a_version_that_is_not_there_yet_is_to_be_asked_for_again(state: State) -> None:
    with pytest.raises(ApiError) as caught:
        listed(state, resourceVersion="999999")
    assert (caught.value.code, caught.value.status()["details"]["retryAfterSeconds"]) == (504, 1)


@pytest.mark.parametrize("token", ["abc", "%%%", "eyJ2IjoibWV0YS5rOHMuaW8vdjEifQ", "", "e30"])
def test_a_broken_token_is_a_bad_request(state: State, token: str) -> None:
    if token:
        with pytest.raises(ApiError) as caught:
            listed(state, token=token)
        assert caught.value.code == 400 and caught.value.message.startswith("invalid continue token: ")


@pytest.mark.parametrize("selector", ["a in b", "a===", "!!", "a=-", "A/B/C=1"])
def test_a_wrong_label_selector_is_refused(selector: str) -> None:
    error = refusal({"labelSelector": selector})
    assert error.code == 400 and error.message.startswith("unable to parse requirement: ")


def test_a_field_selector_selects_by_name_node_and_phase(state: State) -> None:
    assert names(listed(state, fieldSelector="metadata.name=p1")) == ["p1"]
    assert names(listed(state, fieldSelector="metadata.name!=p1,metadata.namespace==a")) == ["p0", "p2"]
    assert len(names(listed(state, fieldSelector="spec.nodeName=n1,status.phase=Running"))) == 5
    assert names(listed(state, fieldSelector="status.phase!=Running")) == []


@pytest.mark.parametrize(
    ("kind", "selector", "words"),
    [
        (PODS, "spec.foo=1", "field label not supported: spec.foo"),
        (PODS, "spec.foo", "invalid selector: 'spec.foo'; can't understand 'spec.foo'"),
        (NAMESPACES, "a=b", "field label not supported: a"),
        (DEPLOYMENTS, "a=b", '"a" is not a known field selector: only "metadata.name", "metadata.namespace"'),
    ],
)
def test_unknown_fields_are_refused_in_the_servers_words(kind: Kind, selector: str, words: str) -> None:
    assert refusal({"fieldSelector": selector}, kind).message == words


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"limit": "x"}, 'strconv.ParseInt: parsing "x": invalid syntax'),
        (
            {"resourceVersion": "x"},
            'invalid resource version: resourceVersion: Invalid value: "x": strconv.ParseUint: parsing "x": invalid syntax',
        ),
    ],
)
def test_options_are_refused_in_the_servers_words(query: dict[str, str], words: str) -> None:
    assert refusal(query).message == words


def test_the_form_is_the_first_that_is_served() -> None:
    assert form_of("") == form_of("*/*") == form_of("application/json") == OBJECT
    assert form_of(f"application/vnd.kubernetes.protobuf, {AS_TABLE}, application/json") == TABLE
    assert form_of("application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io") == METADATA
    assert form_of("application/json;as=Table;v=v9;g=meta.k8s.io, application/json") == OBJECT
    for accept in ("application/xml", "application/json;as=Table;v=v9;g=meta.k8s.io"):
        with pytest.raises(ApiError) as caught:
            form_of(accept)
        assert caught.value.code == 406


def body(state: State, form: str, kind: Kind = PODS, include: str = "Metadata", **query: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(b"".join(list_chunks(kind, listed(state, kind, **query), form, include, state.clock.now())))
    return found


def test_items_of_a_list_do_not_repeat_their_kind(state: State) -> None:
    told = body(state, OBJECT, limit="2")
    assert (told["kind"], told["apiVersion"], told["metadata"]["remainingItemCount"]) == ("PodList", "v1", 3)
    assert [list(item) for item in told["items"]] == [["metadata", "spec", "status"]] * 2


def test_an_empty_list_is_a_list(state: State) -> None:
    assert body(state, OBJECT, SERVICES)["items"] == []
    assert body(state, TABLE, SERVICES)["rows"] == []


def test_a_table_has_columns_rows_and_metadata(state: State) -> None:
    told = body(state, TABLE)
    assert [column["name"] for column in told["columnDefinitions"]][:5] == ["Name", "Ready", "Status", "Restarts", "Age"]
    row = told["rows"][0]
    assert row["cells"] == ["p0", "0/0", "Running", "0", "0s", "<none>", "n1", "<none>", "<none>"]
    assert row["object"]["kind"] == "PartialObjectMetadata" and row["object"]["metadata"]["name"] == "p0"
    assert "spec" in body(state, TABLE, include="Object")["rows"][0]["object"]
    assert body(state, TABLE, include="None")["rows"][0]["object"] is None


def test_ages_in_a_table_go_on(state: State) -> None:
    assert body(state, TABLE)["rows"][0]["cells"][4] == "0s"
    state.clock.advance(61)
    assert body(state, TABLE)["rows"][0]["cells"][4] == "61s"


def cells(kind: Kind, **obj: Any) -> list[Any]:
    obj.setdefault("metadata", {"name": "x", "creationTimestamp": "2023-11-14T22:13:20Z"})
    return printing.cells(kind, obj, NOW + 300)[0]


def running(restarts: int = 0, **more: Any) -> dict[str, Any]:
    return {"name": "c", "ready": True, "restartCount": restarts, "state": {"running": {}}, **more}


def pod_words(spec: dict[str, Any], **status: Any) -> list[str]:
    return [str(cell) for cell in cells(PODS, spec=spec, status=status)[1:4]]


def test_a_pods_status_is_said_as_kubectl_says_it() -> None:
    one: dict[str, Any] = {"containers": [{}]}
    two: dict[str, Any] = {"containers": [{}, {}]}
    assert pod_words(one, phase="Pending") == ["0/1", "Pending", "0"]
    assert pod_words(one, phase="Running", containerStatuses=[running()]) == ["1/1", "Running", "0"]
    ended = {"terminated": {"finishedAt": "2023-11-14T22:17:20Z"}}
    crash = {"name": "c", "restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": ended}
    assert pod_words(one, phase="Running", containerStatuses=[crash]) == ["0/1", "CrashLoopBackOff", "3 (60s ago)"]
    done = {"name": "d", "restartCount": 0, "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}
    assert pod_words(one, phase="Succeeded", containerStatuses=[done]) == ["0/1", "Completed", "0"]
    ready = [{"type": "Ready", "status": "True"}]
    assert pod_words(two, phase="Running", containerStatuses=[done, running()], conditions=ready)[1] == "Running"
    assert pod_words(two, phase="Running", containerStatuses=[done, running()])[1] == "NotReady"
    killed = {"name": "c", "restartCount": 0, "state": {"terminated": {"exitCode": 137, "signal": 9}}}
    assert pod_words(one, phase="Failed", containerStatuses=[killed])[1] == "Signal:9"


def test_init_containers_and_sidecars_are_counted() -> None:
    spec = {"containers": [{}], "initContainers": [{"name": "i"}, {"name": "s", "restartPolicy": "Always"}]}
    waiting = {"name": "i", "restartCount": 1, "state": {"running": {}}}
    assert pod_words(spec, phase="Pending", initContainerStatuses=[waiting]) == ["0/2", "Init:0/2", "1"]
    failed = {"name": "i", "restartCount": 2, "state": {"terminated": {"exitCode": 3}}}
    assert pod_words(spec, phase="Pending", initContainerStatuses=[failed])[1] == "Init:ExitCode:3"
    over = {"name": "i", "restartCount": 2, "state": {"terminated": {"exitCode": 0}}}
    side = {"name": "s", "ready": True, "started": True, "restartCount": 1, "state": {"running": {}}}
    words = pod_words(spec, phase="Running", initContainerStatuses=[over, side], containerStatuses=[running(4)])
    assert words == ["2/2", "Running", "5"]


def test_a_pod_that_is_deleted_is_terminating_unless_it_is_over() -> None:
    metadata = {"name": "x", "deletionTimestamp": "2023-11-14T22:13:20Z"}
    assert cells(PODS, metadata=metadata, status={"phase": "Running"})[2] == "Terminating"
    assert cells(PODS, metadata=metadata, status={"phase": "Succeeded"})[2] == "Succeeded"


def test_other_kinds_have_their_own_columns() -> None:
    ready = {"conditions": [{"type": "Ready", "status": "True"}], "nodeInfo": {"kubeletVersion": "v1"}}
    labels = {"node-role.kubernetes.io/control-plane": "", "node-role.kubernetes.io/b": ""}
    node = cells(NODES, metadata={"name": "n", "labels": labels}, spec={"unschedulable": True}, status=ready)
    assert node[:5] == ["n", "Ready,SchedulingDisabled", "b,control-plane", "<unknown>", "v1"]
    ports = [{"port": 80, "protocol": "TCP"}, {"port": 90, "nodePort": 30000, "protocol": "UDP"}]
    service = cells(SERVICES, spec={"type": "NodePort", "clusterIP": "10.0.0.1", "ports": ports, "selector": {"b": "1", "a": "2"}})
    assert service == ["x", "NodePort", "10.0.0.1", "<none>", "80/TCP,90:30000/UDP", "5m", "a=2,b=1"]
    about = {"kind": "Pod", "name": "p"}
    event = cells(
        EVENTS, involvedObject=about, message="m\n", firstTimestamp="2023-11-14T22:13:20Z", source={"component": "k", "host": "h"}
    )
    assert event == ["5m", "", "", "pod/p", "", "k, h", "m", "5m", 1, "x"]
