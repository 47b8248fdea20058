"""What the server says of an object, at the line where it stands."""

from __future__ import annotations

from podtui.errors import ConnectionFailed, Invalid, ManifestError
from podtui.kube.manifests.faults import Fault, faults

TEXT = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: first
---
# the second one
apiVersion: v1
kind: Pod
metadata:
  name: web
  annotations:
    example.com/a.b: x
spec:
  containers:
  - name: one
    image: a
  - name: two
    image: b
    ports:
    - containerPort: "80"
"""


def invalid(message: str, *causes: tuple[str, str]) -> Invalid:
    details = {"causes": [{"field": field, "message": words} for field, words in causes]} if causes else {}
    return Invalid(422, "Invalid", message, details)


def test_a_cause_stands_at_the_line_of_its_field() -> None:
    error = invalid("...", ("spec.containers[1].image", "Required value"), ("metadata.name", "Invalid value"))
    assert faults(error, TEXT, 7) == [
        Fault(18, "spec.containers[1].image: Required value"),
        Fault(10, "metadata.name: Invalid value"),
    ]


def test_a_missing_field_is_reported_at_its_parent() -> None:
    assert faults(invalid("...", ("spec.containers[0].resources.limits", "Required value")), TEXT, 7)[0].line == 15


def test_a_key_with_dots_is_found_in_either_way_of_writing() -> None:
    for path in ("metadata.annotations[example.com/a.b]", "metadata.annotations.example.com/a.b"):
        assert faults(invalid("...", (path, "no")), TEXT, 7)[0].line == 12


def test_every_field_that_strict_decoding_does_not_know_has_its_line() -> None:
    error = invalid('Pod in version "v1": strict decoding error: unknown field "spec.containers[0].image", duplicate field "kind"')
    assert faults(error, TEXT, 7) == [Fault(16, 'unknown field "spec.containers[0].image"'), Fault(8, 'duplicate field "kind"')]


def test_the_path_of_gos_decoder_has_no_indices() -> None:
    message = "json: cannot unmarshal string into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32"
    assert faults(invalid(message), TEXT, 7) == [Fault(20, message)]


def test_an_item_of_a_list_is_found_by_its_line() -> None:
    text = "apiVersion: v1\nkind: List\nitems:\n- kind: A\n  metadata: {name: a}\n- kind: B\n  metadata:\n    name: b\n"
    assert faults(invalid("...", ("metadata.name", "no")), text, 6) == [Fault(8, "metadata.name: no")]


def test_a_fault_without_a_field_is_reported_at_the_document() -> None:
    assert faults(invalid("no luck"), TEXT, 7) == [Fault(7, "no luck")]


def test_a_mistake_in_the_file_has_its_own_line_and_an_outage_none() -> None:
    assert faults(ManifestError("x.yaml", 3, "kind not set", "set it"), TEXT) == [Fault(3, "kind not set (set it)")]
    assert faults(ConnectionFailed("no route", "look"), TEXT) == [Fault(0, "no route - look")]


def test_a_text_that_is_not_yaml_and_words_that_a_terminal_obeys_do_no_harm() -> None:
    assert faults(invalid("...", ("a[", "\x1b[2J")), "{", 1) == [Fault(1, "a[: ␛[2J")]
