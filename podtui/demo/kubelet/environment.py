"""What a container finds when it starts: its environment variables and its files."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, MutableMapping, Sequence
from typing import Any

from podtui.demo.storage.kinds import CONFIGMAPS, SECRETS
from podtui.demo.storage.state import State
from podtui.kube.objects import ALLOCATABLE, field_value, resource_value

Object = dict[str, Any]
Folder = dict[str, bytes]
"""A volume: its files by the path inside it, which begins with a slash."""

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Misconfigured(Exception):
    """What the container refers to is not there; the message is the kubelet's."""


class Files(MutableMapping[str, bytes]):
    """The files of a container by absolute path; containers that mount the same volume share its files."""

    def __init__(self, own: Folder, mounts: dict[str, Folder] | None = None) -> None:
        self._own = own
        self._mounts = sorted((mounts or {}).items(), reverse=True)  # the longest of those that begin alike comes first

    @property
    def mounts(self) -> list[str]:
        return [path for path, _ in self._mounts]

    def _place(self, path: str) -> tuple[Folder, str]:
        for prefix, folder in self._mounts:
            if path.startswith(prefix + "/"):
                return folder, path[len(prefix) :]
        return self._own, path

    def __getitem__(self, path: str) -> bytes:
        folder, inner = self._place(path)
        return folder[inner]

    def __setitem__(self, path: str, data: bytes) -> None:
        folder, inner = self._place(path)
        folder[inner] = data

    def __delitem__(self, path: str) -> None:
        folder, inner = self._place(path)
        del folder[inner]

    def __iter__(self) -> Iterator[str]:
        yield from (path for path in self._own if self._place(path)[0] is self._own)
        for prefix, folder in self._mounts:
            yield from (prefix + inner for inner in folder)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def environment(state: State, pod: Object, container: Object, ip: str, host_ip: str) -> dict[str, str]:
    """The variables of a container: envFrom first, then env with $(VARIABLES) put in, as `makeEnvironmentVariables`."""
    namespace = pod["metadata"]["namespace"]
    hostname = pod["spec"].get("hostname") or pod["metadata"]["name"][:63].rstrip("-.")
    found = {"PATH": PATH, "HOSTNAME": hostname, "HOME": "/root"}
    found.update(KUBERNETES_SERVICE_HOST="10.96.0.1", KUBERNETES_SERVICE_PORT="443", KUBERNETES_SERVICE_PORT_HTTPS="443")
    found["KUBERNETES_PORT"] = "tcp://10.96.0.1:443"
    for source in container.get("envFrom") or ():
        for key, reference in (("configMapRef", source.get("configMapRef")), ("secretRef", source.get("secretRef"))):
            if reference is not None:
                data = _data(state, key.startswith("secret"), namespace, reference.get("name", ""), bool(reference.get("optional")))
                for name, value in (data or {}).items():
                    found[source.get("prefix", "") + name] = value.decode("utf-8", "replace")
    for variable in container.get("env") or ():
        value = variable.get("valueFrom")
        if value is None:
            found[variable["name"]] = expand(variable.get("value", ""), found)
        elif (text := _referred(state, pod, container, value, ip, host_ip)) is not None:
            found[variable["name"]] = text
    return found


def _referred(state: State, pod: Object, container: Object, source: Object, ip: str, host_ip: str) -> str | None:
    """The value of a valueFrom; None when what it names is optional and not there."""
    metadata = pod["metadata"]
    if (field := source.get("fieldRef")) is not None:
        addresses = {"hostIP": host_ip, "podIP": ip, "hostIPs": [{"ip": host_ip}], "podIPs": [{"ip": ip}]}
        return field_value(field.get("fieldPath", ""), {**pod, "status": addresses})
    if (resource := source.get("resourceFieldRef")) is not None:
        found = resource_value(resource, container)
        return "0" if found == ALLOCATABLE else found
    for key, secret in (("configMapKeyRef", False), ("secretKeyRef", True)):
        if (reference := source.get(key)) is not None:
            optional, name = bool(reference.get("optional")), reference.get("name", "")
            data = _data(state, secret, metadata["namespace"], name, optional)
            if data is not None and reference.get("key") in data:
                return data[reference["key"]].decode("utf-8", "replace")
            if not optional:
                kind = "Secret" if secret else "ConfigMap"
                raise Misconfigured(f"couldn't find key {reference.get('key')} in {kind} {metadata['namespace']}/{name}")
    return None


def _data(state: State, secret: bool, namespace: str, name: str, optional: bool) -> dict[str, bytes] | None:
    obj = state.get(SECRETS if secret else CONFIGMAPS, namespace, name)
    if obj is None:
        if optional:
            return None
        raise Misconfigured(f'{"secret" if secret else "configmap"} "{name}" not found')
    if secret:
        return {key: base64.b64decode(value) for key, value in (obj.get("data") or {}).items()}
    plain = {key: str(value).encode() for key, value in (obj.get("data") or {}).items()}
    return {**plain, **{key: base64.b64decode(value) for key, value in (obj.get("binaryData") or {}).items()}}


_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_.-][\w.-]*)\)")


def expand(text: str, variables: dict[str, str]) -> str:
    """$(NAME) by its value, as `third_party/forked/golang/expansion`: unknown ones stay, $$ is a dollar."""
    return _REFERENCE.sub(lambda match: "$" if match[1] is None else variables.get(match[1], match[0]), text)


def expanded(words: Sequence[str], variables: dict[str, str]) -> list[str]:
    return [expand(word, variables) for word in words]


def files(state: State, pod: Object, container: Object, ip: str, volumes: dict[str, Folder]) -> Files:
    """The files of a container. `volumes` are the emptyDirs and hostPaths of the pod by name, made here when they are first mounted."""
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    hosts = f"# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n{ip}\t{name}\n"
    resolve = f"search {namespace}.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n"
    own = {
        "/bin/sh": b"",
        "/dev/null": b"",
        "/etc/hostname": f"{name}\n".encode(),
        "/etc/hosts": hosts.encode(),
        "/etc/os-release": b'NAME="a simulated container of podtui"\nID=podtui-demo\n',
        "/etc/passwd": b"root:x:0:0:root:/root:/bin/sh\n",
        "/etc/resolv.conf": resolve.encode(),
        "/proc/version": b"Linux version 6.12.0 (podtui)\n",
        "/root/.profile": b"",
        "/tmp/.keep": b"",
        "/usr/bin/env": b"",
        "/var/log/.keep": b"",
    }
    declared = {volume["name"]: volume for volume in pod["spec"].get("volumes") or ()}
    mounts: dict[str, Folder] = {}
    for mount in container.get("volumeMounts") or ():
        volume = declared.get(mount["name"])
        if volume is not None:
            mounts[mount["mountPath"].rstrip("/")] = _volume(state, pod, volume, volumes)
    return Files(own, mounts)


def _volume(state: State, pod: Object, volume: Object, volumes: dict[str, Folder]) -> Folder:
    namespace = pod["metadata"]["namespace"]
    for key, secret in (("configMap", False), ("secret", True)):
        if (source := volume.get(key)) is not None:
            name = source.get("secretName" if secret else "name", "")
            data = _data(state, secret, namespace, name, bool(source.get("optional"))) or {}
            if items := source.get("items"):
                return {f"/{item['path']}": data[item["key"]] for item in items if item["key"] in data}
            return {f"/{file}": content for file, content in data.items()}
    if "projected" in volume:
        return {"/namespace": namespace.encode(), "/token": b"not-a-real-token", "/ca.crt": b""}
    return volumes.setdefault(volume["name"], {})
