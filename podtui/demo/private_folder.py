"""The private folder of a built-in cluster, with the kubeconfig in it. It is removed with the cluster.

A killed process cannot remove it. So the kubeconfig is locked as long as its cluster lives (flock(2), which ends with the process),
and the next cluster of the same user removes the folders whose kubeconfig is not locked.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

PREFIX = "podtui-demo-"
_NAME = "kubeconfig"


class PrivateFolder:
    """A folder of mode 0700 in the folder for temporary files, with a kubeconfig of mode 0600. OSError when it cannot be made."""

    def __init__(self, text: str) -> None:
        sweep()
        self._path = tempfile.mkdtemp(prefix=PREFIX)  # of mode 0700
        self.kubeconfig = os.path.join(self._path, _NAME)
        self._file = os.open(self.kubeconfig, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        os.write(self._file, text.encode())

    def remove(self) -> None:
        shutil.rmtree(self._path, ignore_errors=True)
        os.close(self._file)


def sweep() -> None:
    """Removes the folders of this user's clusters that have ended."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/{_NAME}"):
        try:
            file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            continue  # another user's, or gone in this moment
        try:
            told = os.fstat(file)
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if told.st_uid == os.getuid() and told.st_size:  # an empty one is just being made
                shutil.rmtree(path.parent, ignore_errors=True)
        except OSError:
            continue  # its cluster lives
        finally:
            os.close(file)
