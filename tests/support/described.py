"""Every fact of `kubectl describe`, to be looked for in what podtui tells of the same object."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from podtui.kube.quantities import amount, value

_TIME = re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}")
_RULE = re.compile(r"[\s-]+")  # the line below the titles of a table
_TITLES = re.compile(
    r"\s*ephemeral-storage\s+0 \(0%\)\s+0 \(0%\)"  # of a node that has none
    r"|\s*(Type|Namespace|Resource|Driver)\s{2,}(Status|Name|Requests|Reason|Pool).*"
    r"|.*\(Total limits may be over 100 percent.*"
    r"|Non-terminated Pods: .*|Lease:\s+Failed to get lease: .*"  # the built-in cluster has none
)
_WORDS = {  # what kubectl writes: how podtui says the same, "" for what it says by saying nothing
    "<none>": "",
    "<unset>": "",
    "<invalid>": "",  # the age of what the clock of a faster cluster dates in the future
    "False": "",  # of Ready, Optional, ReadOnly: podtui names them where they are true, or says `not ready`
    "false": "",
    "True": "",
    "true": "",
    "0/TCP": "",
    "0": "",
    "No resource quota.": "",
    "No LimitRange resource.": "",
    "Normal": "",  # the sign at an event
    "Warning": "",
}
_SENTENCES = (
    (re.compile(r"\((a|an|bare) [^()]*(\([^()]*\)[^()]*)?\)"), ""),  # what a type of volume is
    (re.compile(r"<set to the key '([^']*)' (?:in secret|of config map) '([^']*)'>\s+Optional: \w+"), r"key \1 of /\2"),
    (re.compile(r"\bOptional: \w+"), ""),
    (re.compile(r"with prefix '([^']*)'"), r"\1"),
    (re.compile(r"\(x(\d+) over [^)]*\)"), r"(x\1"),
    (re.compile(r"spec\.\w*[cC]ontainers\{([^}]*)\}:"), r"\1"),
    (re.compile(r"\((\d+)%\)"), r"(\1 %)"),
    (re.compile(r"(\S)\.\.\.$"), r"\1"),  # a long annotation, which podtui cuts at the same length
)
_TYPES = {"HostPath": "hostPath", "EmptyDir": "emptyDir", "ConfigMap": "configMap", "Secret": "secret", "Projected": "projected",
          "DownwardAPI": "downward", "PersistentVolumeClaim": "persistentVolumeClaim", "EphemeralVolume": "ephemeral", "CSI": "csi",
          "NFS": "nfs", "Image": "image"}  # fmt: skip


def facts(description: str) -> Iterator[tuple[str, str]]:
    """Each word that says something, with the line that it stands in; times as podtui writes them, ages left out."""
    for line in description.splitlines():
        if _RULE.fullmatch(line) or _TITLES.fullmatch(line) or re.fullmatch(r"\s*[A-Z][A-Za-z -]*:\s*", line):  # the title of a section
            continue
        # A label stands before a colon and the spaces after it; the rest is what the line says. Names of containers have no rest.
        head, found, rest = line.partition(":  ") if ":  " in line else line.partition(":\t")
        said = rest if found and re.fullmatch(r"\s*[A-Za-z-]+( [A-Za-z]+)*", head) else line.rstrip(":")
        for time in _TIME.findall(said):
            yield datetime.strptime(time, "%a, %d %b %Y %H:%M:%S %z").astimezone().isoformat(timespec="seconds"), line
        said = _WORDS.get(said.strip(), _TIME.sub(" ", said))
        for pattern, words in _SENTENCES:
            said = pattern.sub(words, said)
        for word in said.split():
            word = word.strip(",().").rstrip(":") or word
            if "Host Port" in head:
                word = word.partition("/")[0]
            word = _WORDS.get(word, _TYPES.get(word, word))
            node, slash, ip = word.partition("/")
            if line.startswith("Node:") and slash:
                yield node, line
                word = ip
            if quantity := re.fullmatch(r"(memory|ephemeral-storage|hugepages-.*):\s+(\d+(?:[KMGT]i)?)", line.strip()):
                yield quantity[1], line
                word = amount(quantity[1], value(quantity[2]))  # 24684092Ki is 23.54Gi
            if word and not re.fullmatch(r"(\d+[smhdy])+|x\d+", word):
                yield word, line


def missing(description: str, told: str) -> list[str]:
    """The facts of `kubectl describe` that `told` lacks, each with its line."""
    known = " ".join(told.split())
    return [f"{word!r} of {line.strip()!r}" for word, line in facts(description) if word not in known]
