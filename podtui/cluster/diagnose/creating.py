"""Why the kubelet cannot create a container: its image, what its spec refers to, its command."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from podtui.cluster.diagnose.evidence import event_line, lines_of, said_of, titled
from podtui.cluster.diagnose.findings import Facts, Finding
from podtui.cluster.pods.containers import Container
from podtui.kube.json_values import mapping, mappings, string

IMAGE = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable",
         "SignatureValidationFailed"}  # fmt: skip
CONFIG = {"CreateContainerConfigError", "CreateContainerError", "RunContainerError", "PreCreateHookError", "PreStartHookError",
          "PostStartHookError"}  # fmt: skip

_PULLING = (
    (r"unauthorized|denied|forbidden|authentication required|authorization failed|\b401\b|\b403\b",
     "the registry denies access: the image does not exist, or it requires credentials that the pod does not have",
     "Check the image name; for a private image, the pod needs imagePullSecrets with valid credentials."),
    (r"not found|manifest unknown|NotFound|name unknown|\b404\b",
     "the registry has no such image or tag", "Correct the image name or tag, or push the image."),
    (r"no such host|server misbehaving", "the node cannot resolve the name of the registry",
     "Check the part of the image name before the first slash, and DNS on the node."),
    (r"toomanyrequests|rate limit|\b429\b", "the registry limits the number of pulls",
     "Wait, or pull with credentials (imagePullSecrets), or from a mirror."),
    (r"x509|certificate", "the node does not trust the registry's certificate", "Add the registry's certificate authority to the nodes."),
    (r"no match for platform|no matching manifest|exec format", "the image does not support the node's architecture",
     "Use an image for that architecture, or a nodeSelector with kubernetes.io/arch."),
    (r"no space left", "the node's disk is full", "Free disk space on the node."),
    (r"connection refused|timeout|timed out|deadline|unreachable|reset by peer|EOF",
     "the node cannot reach the registry", "Check the network between the node and the registry."),
)  # fmt: skip

# What the kubelet, containerd, CRI-O and runc say (k8s.io/kubernetes/pkg/kubelet/kuberuntime).
_CREATING = (
    (r"couldn't find key (\S+) in (ConfigMap|Secret) \S+?/([^\s:,]+)", r"\2 \3 has no key \1",
     "Add the key, or correct its name in the pod."),
    (r"no command specified", "its image has no command of its own, and the pod names none", "Set command in the container."),
    (r"exec format error", "its program is for another architecture", "Use an image for the node's architecture."),
    (r"exec: .*(executable file not found|no such file or directory)|executable file .* not found",
     "its command does not exist in the image", "Check command and args, and that the image contains the program."),
    (r"exec: .*permission denied", "it has no permission to run its command", "Check command, args and the mode of the file in the image."),
    (r"runAsNonRoot and image will run as root|breaks non-root policy", "it would run as root, which runAsNonRoot forbids",
     "Set securityContext.runAsUser, or use an image with another user."),
    (r"runAsNonRoot and image has non-numeric user", "the image names its user by a word, so runAsNonRoot cannot be checked",
     "Set securityContext.runAsUser to the user's number."),
    (r"no users found|no matching entries in passwd", "its user does not exist in the image", "Correct securityContext.runAsUser."),
    (r"(failed to prepare subPath|subPath)", "the subPath of a volume cannot be prepared", "Correct subPath in volumeMounts."),
    (r"not a directory: .*mount|mount a directory onto a file", "a file and a directory would be mounted onto each other",
     "Correct mountPath or subPath in volumeMounts."),
    (r"memory limit too low", "its memory limit is too low for it to start", "Raise resources.limits.memory."),
    (r"is reserved for|is already in use", "an earlier container of it is still there", "If it stays, look at its node."),
    (r"timed out waiting for the condition|context deadline exceeded", "the node takes too long", "Look at its node."),
)  # fmt: skip


def image_finding(facts: Facts, container: Container) -> Finding:
    reason, message = container.state.reason, container.state.message
    own = [event for event in facts.events if event.is_warning and event.part == container.name]
    pulls = [event for event in own if not event.message.startswith("Error: ") and event.reason != "BackOff"]
    said = "\n".join([message, *(event.message for event in pulls)])
    words, advice = f"Image {container.image} cannot be pulled", "Check the image name, and that the node can reach the registry."
    if reason == "InvalidImageName":
        words, advice = f"{container.image} is not a valid image name", "Correct the name."
    elif reason == "ErrImageNeverPull":
        words = f"Image {container.image} is not on the node, and imagePullPolicy Never forbids pulling it"
        advice = "Load the image onto the node, or set imagePullPolicy to IfNotPresent."
    elif found := next(((why, todo) for pattern, why, todo in _PULLING if re.search(pattern, said)), None):
        words, advice = f"Image {container.image}: {found[0]}", found[1]
    secrets = [string(one.get("name")) for one in mappings(mapping(facts.pod.get("spec")).get("imagePullSecrets"))]
    missing = [f"Secret/{name}" for name in secrets if f"Secret/{name}" in facts.objects and facts.objects[f"Secret/{name}"] is None]
    if missing:
        words += f"; {', '.join(missing)}, named in imagePullSecrets, does not exist"
    elif secrets:
        words += f" (imagePullSecrets: {', '.join(secrets)})"
    evidence = tuple(event_line(event, facts.now) for event in pulls[-2:]) or lines_of(message)
    return Finding("error", f"{titled(container)}: {reason}", f"{words}.", evidence, advice)


def config_finding(facts: Facts, container: Container) -> Finding:
    words, advice = "The kubelet cannot create it from its spec.", "Look at the pod's events and at its node."
    missing = missing_references(facts)
    if missing:
        words = f"It needs {' and '.join(missing)}, which {'do' if len(missing) > 1 else 'does'} not exist."
        advice = missing_advice(facts)
    else:
        for pattern, why, todo in _CREATING:
            if match := re.search(pattern, container.state.message):
                words, advice = f"The kubelet cannot start it: {match.expand(why)}.", todo
                break
    evidence = lines_of(container.state.message) + said_of(facts, container, warnings=True, known=container.state.message)
    return Finding("error", f"{titled(container)}: {container.state.reason}", words, evidence, advice)


def missing_references(facts: Facts) -> list[str]:
    """The ConfigMaps and Secrets that the pod needs but that do not exist, as `Kind/name`."""
    return [key for key, found in facts.objects.items() if found is None and key.split("/")[0] in ("ConfigMap", "Secret")]


def references(pod: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Kind and name of every ConfigMap and Secret that must exist for the pod to start."""
    spec, found = mapping(pod.get("spec")), []

    def take(source: object, kind: str, key: str = "name") -> None:
        one = mapping(source)
        if string(one.get(key)) and one.get("optional") is not True:
            found.append((kind, string(one.get(key))))

    for container in [*mappings(spec.get("initContainers")), *mappings(spec.get("containers"))]:
        for variable in mappings(container.get("env")):
            take(mapping(variable.get("valueFrom")).get("configMapKeyRef"), "ConfigMap")
            take(mapping(variable.get("valueFrom")).get("secretKeyRef"), "Secret")
        for variables in mappings(container.get("envFrom")):
            take(variables.get("configMapRef"), "ConfigMap")
            take(variables.get("secretRef"), "Secret")
    for volume in mappings(spec.get("volumes")):
        take(volume.get("configMap"), "ConfigMap")
        take(volume.get("secret"), "Secret", "secretName")
        for source in mappings(mapping(volume.get("projected")).get("sources")):
            take(source.get("configMap"), "ConfigMap")
            take(source.get("secret"), "Secret")
    return list(dict.fromkeys(found))


def missing_advice(facts: Facts) -> str:
    missing = missing_references(facts)
    return f"Create {' and '.join(missing)}, or correct the name in the pod." if missing else ""
