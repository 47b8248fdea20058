"""The exact kubectl command of each change: what a person could type in a shell instead, and learn from.

Objects of several namespaces or kinds need several commands: a function that takes several objects gives the command of each, the
same one for all that share it. Every word is quoted for a POSIX shell where it must be. `options` are those with which kubectl
reaches the same cluster as the same user: `ConnectionSettings.kubectl_options`.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from podtui.kube.resources import ObjectRef, Propagation, Resource

if TYPE_CHECKING:
    from podtui.kube.label_changes import LabelChanges

_MOST = 20  # objects of one command: each one's entry in the journal keeps the whole of it

Commands = dict[ObjectRef, str]
"""The command of each object."""


@dataclass(frozen=True)
class Selected:
    """How the objects were selected, unless one by one: in these namespaces (none: all), by this selector ("": all objects)."""

    namespaces: tuple[str, ...]
    selector: str


def distinct(commands: Commands) -> list[str]:
    """Each command once, in the order of the objects."""
    return list(dict.fromkeys(commands.values()))


def kubectl_get(refs: Sequence[ObjectRef], *, options: Sequence[str] = ()) -> Commands:
    """`kubectl get pod -n NS NAME...`."""
    return _together(refs, lambda kind, namespace, names: _command(["get", kind, *namespace, *names], options))


def kubectl_label(refs: Sequence[ObjectRef], changes: LabelChanges, *, overwrite: bool = False, options: Sequence[str] = ()) -> Commands:
    """`kubectl label pod -n NS NAME... k=v k2- --overwrite`, or `kubectl annotate` for annotations."""
    verb = "label" if changes.kind == "labels" else "annotate"
    flags = ["--overwrite"] if overwrite else []
    return _together(refs, lambda kind, namespace, names: _command([verb, kind, *namespace, *names, *changes.arguments(), *flags], options))


def kubectl_delete(
    refs: Sequence[ObjectRef],
    *,
    grace_seconds: int | None = None,
    force: bool = False,
    propagation: Propagation = "Background",
    selected: Selected | None = None,
    options: Sequence[str] = (),
) -> Commands:
    """`kubectl delete pod -n NS NAME...` with `--grace-period`, `--force` and `--cascade`.

    In place of the names of objects that were `selected`: `-l SELECTOR`, or `--all` without a selector; without namespaces `-A`.
    """
    flags = ["--grace-period=0", "--force"] if force else [] if grace_seconds is None else [f"--grace-period={grace_seconds}"]
    if propagation != "Background":
        flags.append(f"--cascade={propagation.lower()}")
    if selected is None:
        return _together(refs, lambda kind, namespace, names: _command(["delete", kind, *namespace, *names, *flags], options))
    flags = [*(["-l", selected.selector] if selected.selector else ["--all"]), *flags]
    places = {ref: _namespace(ref.namespace) if selected.namespaces else ["-A"] for ref in refs}
    return {ref: _command(["delete", _named(ref.resource), *place, *flags], options) for ref, place in places.items()}


def kubectl_patch(ref: ObjectRef, patch: Mapping[str, Any], *, options: Sequence[str] = ()) -> str:
    """`kubectl patch pod -n NS NAME --type=merge -p JSON`; of a Secret `kubectl edit`, since a command is kept, and values must not be."""
    words = [_named(ref.resource), *_namespace(ref.namespace if ref.resource.namespaced else ""), ref.name]
    if (ref.resource.group, ref.resource.plural) == ("", "secrets"):
        return _command(["edit", *words], options)
    return _command(["patch", *words, "--type=merge", "-p", json.dumps(patch, ensure_ascii=False)], options)


def kubectl_apply(path: str, namespace: str = "", *, force: bool = False, options: Sequence[str] = ()) -> str:
    """`kubectl apply -n NS --server-side --field-manager=podtui -f FILE` with `--force-conflicts`."""
    flags = ["--server-side", "--field-manager=podtui", *(["--force-conflicts"] if force else [])]
    return _command(["apply", *_namespace(namespace), *flags, "-f", path], options)


def kubectl_create_namespace(name: str, *, options: Sequence[str] = ()) -> str:
    """`kubectl create namespace NAME`."""
    return _command(["create", "namespace", name], options)


def kubectl_cordon(refs: Sequence[ObjectRef], unschedulable: bool, *, options: Sequence[str] = ()) -> Commands:
    """`kubectl cordon NODE...` or `kubectl uncordon NODE...`."""
    verb = "cordon" if unschedulable else "uncordon"
    return _together(refs, lambda kind, namespace, names: _command([verb, *names], options))


def kubectl_evict(refs: Sequence[ObjectRef], *, grace_seconds: int | None = None, options: Sequence[str] = ()) -> Commands:
    """`echo EVICTION | kubectl create --raw .../eviction -f -`: kubectl has no shorter way to evict one pod."""
    commands = {}
    for ref in refs:
        eviction: dict[str, object] = {"apiVersion": "policy/v1", "kind": "Eviction"}
        eviction["metadata"] = {"name": ref.name, "namespace": ref.namespace}
        if grace_seconds is not None:
            eviction["deleteOptions"] = {"gracePeriodSeconds": grace_seconds or 1}
        body = shlex.quote(json.dumps(eviction, separators=(",", ":")))
        path = ref.resource.path(ref.namespace, ref.name, "eviction")
        commands[ref] = f"echo {body} | {_command(['create', '--raw', path, '-f', '-'], options)}"
    return commands


def kubectl_exec(ref: ObjectRef, container: str, command: Sequence[str], *, options: Sequence[str] = ()) -> str:
    """`kubectl exec -it -n NS POD -c CONTAINER -- COMMAND...`."""
    return _command(["exec", "-it", *_namespace(ref.namespace), ref.name, "-c", container, "--", *command], options)


def kubectl_debug(ref: ObjectRef, container: str, *, options: Sequence[str] = ()) -> str:
    """`kubectl debug -it -n NS POD --image=busybox --target=CONTAINER`: an ephemeral container with a shell."""
    return _command(["debug", "-it", *_namespace(ref.namespace), ref.name, "--image=busybox", f"--target={container}"], options)


def kubectl_create(path: str, namespace: str = "", *, options: Sequence[str] = ()) -> str:
    """`kubectl create -n NS -f FILE`."""
    return _command(["create", *_namespace(namespace), "-f", path], options)


def kubectl_create_object(ref: ObjectRef, value: Mapping[str, Any], *, options: Sequence[str] = ()) -> str:
    """`printf %s MANIFEST | kubectl create -n NS -f -`, with the manifest as JSON."""
    body = {"apiVersion": ref.resource.api_version, "kind": ref.resource.kind, **value}
    manifest = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return f"printf %s {shlex.quote(manifest)} | {_command(['create', *_namespace(ref.namespace), '-f', '-'], options)}"


def _command(words: Sequence[str], options: Sequence[str]) -> str:
    return shlex.join(["kubectl", *options, *words])


def _namespace(namespace: str) -> list[str]:
    return ["-n", namespace] if namespace else []


def _named(resource: Resource) -> str:
    """As kubectl takes and prints a kind: `pod`, `deployment.apps`."""
    return resource.kind.lower() + (f".{resource.group}" if resource.group else "")


def _together(refs: Sequence[ObjectRef], command: Callable[[str, list[str], list[str]], str]) -> Commands:
    """One command for the objects of each kind and namespace, as far as they are not too many; it is made of the kind as kubectl takes
    it, the words for the namespace, and the names."""
    groups: dict[tuple[Resource, str], list[ObjectRef]] = {}
    for ref in refs:
        groups.setdefault((ref.resource, ref.namespace if ref.resource.namespaced else ""), []).append(ref)
    commands: Commands = {}
    for (resource, namespace), group in groups.items():
        for at in range(0, len(group), _MOST):
            some = group[at : at + _MOST]
            commands |= dict.fromkeys(some, command(_named(resource), _namespace(namespace), [ref.name for ref in some]))
    return commands
