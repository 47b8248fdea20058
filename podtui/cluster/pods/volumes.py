"""A pod's volumes: the type of each, and which containers mount it where."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

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


class _Mount(Protocol):
    @property
    def volume(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def read_only(self) -> bool: ...
    @property
    def sub_path(self) -> str: ...


@dataclass(frozen=True)
class MountedBy:
    container: str
    path: str
    read_only: bool = False
    sub_path: str = ""


@dataclass(frozen=True)
class Volume:
    """`type` is the field of the API (`emptyDir`, `configMap`, ...), "" if the pod has no such volume; `detail` is its source."""

    name: str
    type: str
    detail: str
    mounts: tuple[MountedBy, ...]

    @property
    def shared(self) -> bool:
        """Whether two or more containers mount it."""
        return len({mount.container for mount in self.mounts}) > 1


def volumes(spec: Mapping[str, Any], containers: Sequence[tuple[str, Iterable[_Mount]]]) -> tuple[Volume, ...]:
    """The volumes of a pod's spec in order, each with its mounts; `containers` has (container's name, its mounts)."""
    mounted: dict[str, list[MountedBy]] = {}
    for name, mounts in containers:
        for mount in mounts:
            mounted.setdefault(mount.volume, []).append(MountedBy(name, mount.path, mount.read_only, mount.sub_path))
    found = []
    listed = spec.get("volumes")
    for item in listed if isinstance(listed, list) else ():
        if isinstance(item, dict):
            name = _text(item.get("name"))
            kind = next((key for key in item if key != "name"), "")
            found.append(Volume(name, kind, _detail(kind, item.get(kind)), tuple(mounted.pop(name, ()))))
    return (*found, *(Volume(name, "", "", tuple(mounts)) for name, mounts in mounted.items()))


def _text(value: object) -> str:
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else ""


def _detail(kind: str, source: object) -> str:
    if not isinstance(source, dict):
        return ""
    words = []
    if kind == "projected":
        parts = source.get("sources")
        for part in parts if isinstance(parts, list) else ():
            for key, value in part.items() if isinstance(part, dict) else ():
                name = _text(value.get("name")) if isinstance(value, dict) else ""
                words.append(f"{_PROJECTED.get(key, key)} {name}".rstrip())
        return ", ".join(words)
    if kind == "emptyDir":
        words = [_text(source.get("medium")), f"at most {_text(source.get('sizeLimit'))}" if source.get("sizeLimit") else ""]
    elif kind == "nfs":
        words = [f"{_text(source.get('server'))}:{_text(source.get('path'))}"]
    elif kind == "ephemeral":
        template = source.get("volumeClaimTemplate")
        claim = template.get("spec") if isinstance(template, dict) else None
        words = [_text(claim.get("storageClassName"))] if isinstance(claim, dict) else []
    elif kind in _NAMED_BY:
        words = [_text(source.get(_NAMED_BY[kind]))]
        if kind == "hostPath":
            words.append(_text(source.get("type")))
    words += ["optional"] * (source.get("optional") is True) + ["read-only"] * (source.get("readOnly") is True)
    return ", ".join(filter(None, words))
