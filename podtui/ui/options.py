"""The result of the command line, the configuration and the kubeconfig: all that the screen needs to start."""

from __future__ import annotations

from dataclasses import dataclass

from podtui.cluster.kubeconfig.contexts import Kubeconfig
from podtui.cluster.kubeconfig.settings import ConnectionSettings
from podtui.config import Config
from podtui.kube.resources import Scope


@dataclass(frozen=True)
class Options:
    """The checked options of one run: the context exists, the selector parses, the theme exists.

    `request_timeout` is in seconds, None for no limit. `theme` is a theme's name, None for the configured or the default one. `colours` is
    how many the terminal has; a picture has all.
    `impersonate` and `impersonate_groups` are kept for a change of context.
    """

    settings: ConnectionSettings
    kubeconfig: Kubeconfig
    scope: Scope
    config: Config
    label_columns: tuple[str, ...] = ()
    read_only: bool = False
    request_timeout: float | None = None
    pod: str = ""
    theme: str | None = None
    colours: int = 1 << 24
    mouse: bool = True
    impersonate: str = ""
    impersonate_groups: tuple[str, ...] = ()
