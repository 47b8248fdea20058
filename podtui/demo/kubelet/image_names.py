"""What an image is called: as containerd writes its name, and its digest."""

from __future__ import annotations

import hashlib


def digest(image: str) -> str:
    return hashlib.sha256(image.encode()).hexdigest()


def full_name(image: str) -> str:
    """As containerd names an image: docker.io/library/busybox:latest."""
    name = repository(image)
    tag = image.rsplit("/", 1)[-1].partition(":")[2]
    return image if "@" in image else f"{name}:{tag or 'latest'}"


def repository(image: str) -> str:
    head, slash, last = image.split("@")[0].rpartition("/")
    name = head + slash + last.partition(":")[0]
    first = name.split("/")[0]
    if not slash:
        return f"docker.io/library/{name}"
    return name if "." in first or ":" in first or first == "localhost" else f"docker.io/{name}"
