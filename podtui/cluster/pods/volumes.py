"""A pod's volumes: the type of each, and which containers mount it where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from podtui.kube.json_values import integer, mapping, mappings, string

_USUAL_MODE = ("defaultMode", 0o644)
_TOLD = {"hostPath": ("type",), "emptyDir": ("medium", "sizeLimit"), "nfs": ("server", "path")}
"""Fields that the short form of a source has, beside the one that names it."""
_DEEPEST = 8  # levels of a source that are shown

# The field that names the source of a volume, for each type of core/v1 that has one.
_NAMED_BY = {
    "configMap": "name",
    "secret": "secretName",
    "persistentVolumeClaim": "claimName",
    "hostPath": "path",
    "csi": "driver",
    "image": "reference",
    "iscsi": "iqn",
    "rbd": "image",
    "flexVolume": "driver",
    "awsElasticBlockStore": "volumeID",
    "azureDisk": "diskName",
    "azureFile": "shareName",
    "cinder": "volumeID",
    "gcePersistentDisk": "pdName",
    "gitRepo": "repository",
    "portworxVolume": "volumeID",
    "quobyte": "volume",
    "vsphereVolume": "volumePath",
}
_PROJECTED = {
    "configMap": "ConfigMap",
    "secret": "Secret",
    "serviceAccountToken": "service account token",
    "downwardAPI": "downward API",
    "clusterTrustBundle": "trust bundle",
    "podCertificate": "pod certificate",
}


@dataclass(frozen=True)
class Mount:
    """A mount of a container, by the name of its volume."""

    volume: str
    path: str
    read_only: bool = False
    sub_path: str = ""
    device: bool = False


@dataclass(frozen=True)
class Volume:
    """`type` is the field of the API (`emptyDir`, `configMap`, ...), "" if the pod has no such volume; `detail` is its source in short.

    `mounts` has (container's name, its mount) for each.
    `facts` has what the source says beyond that, by the fields of the API (`fsType: ext4`), in its order.
    """

    name: str
    type: str
    detail: str
    mounts: tuple[tuple[str, Mount], ...]
    facts: tuple[str, ...] = ()

    @property
    def shared(self) -> bool:
        """Whether two or more containers mount it."""
        return len({container for container, _ in self.mounts}) > 1


def volumes(spec: Mapping[str, Any], containers: Sequence[tuple[str, Iterable[Mount]]]) -> tuple[Volume, ...]:
    """The volumes of a pod's spec in order, each with its mounts; `containers` has (container's name, its mounts)."""
    mounted: dict[str, list[tuple[str, Mount]]] = {}
    for name, mounts in containers:
        for mount in mounts:
            mounted.setdefault(mount.volume, []).append((name, mount))
    found = []
    for item in mappings(spec.get("volumes")):
        name = string(item.get("name"))
        kind = next((key for key in item if key != "name"), "")
        source = item.get(kind)
        found.append(Volume(name, kind, _detail(kind, source), tuple(mounted.pop(name, ())), tuple(_facts(kind, source))))
    return (*found, *(Volume(name, "", "", tuple(mounts)) for name, mounts in mounted.items()))


def _facts(kind: str, source: object) -> Iterator[str]:
    if kind == "projected":
        for one in mappings(mapping(source).get("sources")):
            for key, value in one.items():
                yield ": ".join([_PROJECTED.get(key, key), "; ".join(_flat(value))])
    else:
        told = {_NAMED_BY.get(kind, ""), *_TOLD.get(kind, ()), "optional", "readOnly"}
        yield from _flat({key: value for key, value in mapping(source).items() if key not in told and (key, value) != _USUAL_MODE})


def _flat(value: object, path: str = "", depth: int = 0) -> Iterator[str]:
    """`field.of.field: value` for every value in a source; what maps keys or fields of the pod to files is written as `key -> path`."""
    if depth > _DEEPEST:
        yield f"{path}: ..."
    elif isinstance(value, dict):
        to = string(value.get("path"))
        of = mapping(value.get("fieldRef")).get("fieldPath") or mapping(value.get("resourceFieldRef")).get("resource") or value.get("key")
        if to and string(of):
            mode = integer(value.get("mode"))
            yield f"{string(of)} -> {to}" + (f" (mode {mode:04o})" if mode is not None else "")
            return
        for key, inner in value.items():
            name = f"{path}.{key}" if path else key
            if key.endswith("Mode") and (mode := integer(inner)) is not None:
                yield f"{name}: {mode:04o}"
            else:
                yield from _flat(inner, name, depth + 1)
    elif isinstance(value, list):
        plain = [string(one) for one in value if not isinstance(one, (dict, list))]
        if plain:
            yield f"{path}: {', '.join(plain)}"
        for one in value:
            if isinstance(one, (dict, list)):
                yield from _flat(one, path, depth + 1)
    elif value is not None:
        yield f"{path}: {string(value)}"


def _detail(kind: str, source: object) -> str:
    if not isinstance(source, dict):
        return ""
    words = []
    if kind == "projected":
        for part in mappings(source.get("sources")):
            words += [f"{_PROJECTED.get(key, key)} {string(mapping(value).get('name'))}".rstrip() for key, value in part.items()]
        return ", ".join(words)
    if kind == "emptyDir":
        words = [string(source.get("medium")), f"at most {string(source.get('sizeLimit'))}" if source.get("sizeLimit") else ""]
    elif kind == "nfs":
        words = [f"{string(source.get('server'))}:{string(source.get('path'))}"]
    elif kind == "ephemeral":
        template = source.get("volumeClaimTemplate")
        claim = template.get("spec") if isinstance(template, dict) else None
        words = [string(claim.get("storageClassName"))] if isinstance(claim, dict) else []
    elif kind in _NAMED_BY:
        words = [string(source.get(_NAMED_BY[kind]))]
        if kind == "hostPath":
            words.append(string(source.get("type")))
    words += ["optional"] * (source.get("optional") is True) + ["read-only"] * (source.get("readOnly") is True)
    return ", ".join(filter(None, words))
