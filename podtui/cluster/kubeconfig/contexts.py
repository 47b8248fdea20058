"""Read and merge kubeconfig files by kubectl's rules, and turn one of their contexts into settings.

The rules are those of k8s.io/client-go/tools/clientcmd: an explicit file must exist and is the only one; otherwise the
files of KUBECONFIG in order (missing ones are skipped), or ~/.kube/config. The first current-context wins, and of
entries of one name the first. Paths in a file are relative to it. Without any context, podtui uses the service account of its pod.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import unquote

from podtui.cluster.kubeconfig.file import ClusterEntry, ContextEntry, File, UserEntry, read_file
from podtui.cluster.kubeconfig.proxies import proxy_for, split_url
from podtui.cluster.kubeconfig.settings import ConnectionSettings, Impersonation, UserSpec
from podtui.errors import KubeconfigError, UsageError
from podtui.text import conceal, harmless

__all__ = ["ConnectionSettings", "ContextEntry", "Kubeconfig"]

SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
IN_CLUSTER = "in-cluster"


@dataclass
class Kubeconfig:
    """The merged configuration.

    `files` are the files that were read, in order; none inside a pod. `explicit` is whether --kubeconfig named it.
    """

    files: tuple[str, ...] = ()
    explicit: bool = False
    current_context: str = ""
    contexts: dict[str, ContextEntry] = field(default_factory=dict)
    clusters: dict[str, ClusterEntry] = field(default_factory=dict)
    users: dict[str, UserEntry] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def load(cls, explicit: str | None = None, environ: Mapping[str, str] = os.environ) -> Kubeconfig:
        """Read the files that kubectl would read; `explicit` is --kubeconfig. Raises KubeconfigError."""
        if explicit:
            paths, needed = [os.path.expanduser(explicit)], True
        else:
            paths, needed = list(dict.fromkeys(path for path in environ.get("KUBECONFIG", "").split(os.pathsep) if path)), False
            if not paths:
                home = environ.get("HOME") or os.path.expanduser("~")
                paths = [os.path.join(home, ".kube", "config")]
        merged = cls(explicit=needed, environ=environ)
        for path in paths:
            found = read_file(path, missing_is_error=needed)
            if found is not None:
                merged._add(found)
        if not merged.contexts and not merged.clusters and not needed:
            return _in_cluster(environ) or merged._or_nothing(paths, environ)
        return merged

    def _add(self, found: File) -> None:
        """Merge one file in: existing entries stay."""
        self.files += (found.path,)
        self.current_context = self.current_context or found.current_context
        self.contexts = {**found.contexts, **self.contexts}
        self.clusters = {**found.clusters, **self.clusters}
        self.users = {**found.users, **self.users}

    def _or_nothing(self, paths: Sequence[str], environ: Mapping[str, str]) -> Kubeconfig:
        shown = ", ".join(harmless(path) for path in paths)
        if self.files:
            raise KubeconfigError(
                f"there is no context in {shown}", "Name another kubeconfig with --kubeconfig FILE or the environment variable KUBECONFIG."
            )
        what = "KUBECONFIG names no file that exists" if environ.get("KUBECONFIG") else "there is no kubeconfig"
        hint = "Name one with --kubeconfig FILE or the environment variable KUBECONFIG."
        raise KubeconfigError(f"{what}: {shown}; without a cluster try `podtui demo`", hint)

    def _choices(self) -> str:
        return f"Choose one with --context: {_listed(self.contexts)}." if self.contexts else "There is no context in it either."

    @property
    def shown(self) -> str:
        """The files, for a message."""
        return ", ".join(harmless(path) for path in self.files) or "the pod's service account"

    def settings(self, context: str | None = None, *, impersonate: str = "", impersonate_groups: Sequence[str] = ()) -> ConnectionSettings:
        """What is needed to connect with `context` (none: the current one).

        `impersonate` and `impersonate_groups` are --as and --as-group. Raises KubeconfigError when the context, its
        cluster or its user is missing, inconsistent or of a kind that podtui does not support; UsageError for groups without
        a user.
        """
        name = context or self.current_context
        if not name:
            raise KubeconfigError(f"no current-context is set in {self.shown}", self._choices())
        entry = self.contexts.get(name)
        if entry is None:
            what = f"there is no context {harmless(name)!r} in {self.shown}"
            raise KubeconfigError(what if context else f"{what}, but it is the current-context", _near(name, self.contexts))
        cluster = self._cluster(entry)
        user = self._user(entry, plain=cluster.server.lower().startswith("http://"))
        server = cluster.server
        if "://" not in server:
            # As client-go: TLS when the cluster or the user has TLS settings.
            tls = cluster.certificate_authority or cluster.certificate_authority_data or cluster.insecure_skip_tls_verify
            tls = tls or user.spec.client_certificate or user.spec.client_certificate_data
            server = f"{'https' if tls else 'http'}://{server}"
        where = f"server of cluster {harmless(entry.cluster)!r} in {cluster.file}"
        server, credentials = _base_url(server, where, _credentials(user.spec, cluster))
        return ConnectionSettings(
            context=name,
            cluster=entry.cluster,
            user=entry.user,
            server=server,
            namespace=entry.namespace or "default",
            credentials=credentials if server.startswith("https://") else UserSpec(),
            impersonation=self._impersonation(entry, user, impersonate, impersonate_groups),
            certificate_authority="" if cluster.certificate_authority_data else cluster.certificate_authority,
            certificate_authority_data=cluster.certificate_authority_data,
            insecure_skip_tls_verify=cluster.insecure_skip_tls_verify,
            tls_server_name=cluster.tls_server_name,
            proxy=proxy_for(server, cluster.proxy_url, self.environ, f"cluster {harmless(entry.cluster)!r} in {cluster.file}"),
            proxy_url=cluster.proxy_url,
            disable_compression=cluster.disable_compression,
            kubeconfig=self.shown,
            kubectl_options=self._kubectl_options(name, impersonate, impersonate_groups),
            reread=lambda: self._load_again().settings(name, impersonate=impersonate, impersonate_groups=impersonate_groups),
        )

    def _load_again(self) -> Kubeconfig:
        return Kubeconfig.load(self.files[0] if self.explicit else None, self.environ)

    def _kubectl_options(self, context: str, impersonate: str, impersonate_groups: Sequence[str]) -> tuple[str, ...]:
        """The options of the command line that kubectl needs too; it finds a pod's service account on its own."""
        found = ["--kubeconfig", *self.files] if self.explicit else []
        found += ["--context", context] if self.files else []
        found += ["--as", impersonate] if impersonate else []
        return (*found, *(word for group in impersonate_groups for word in ("--as-group", group)))

    def _cluster(self, entry: ContextEntry) -> ClusterEntry:
        where = f"context {harmless(entry.name)!r} in {entry.file}"
        if not entry.cluster:
            raise KubeconfigError(f"{where} names no cluster")
        cluster = self.clusters.get(entry.cluster)
        if cluster is None:
            what = f"{where} names the cluster {harmless(entry.cluster)!r}, which is missing"
            raise KubeconfigError(what, _near(entry.cluster, self.clusters))
        if not cluster.server:
            raise KubeconfigError(f"cluster {harmless(entry.cluster)!r} in {cluster.file} has no server")
        if cluster.insecure_skip_tls_verify and (cluster.certificate_authority or cluster.certificate_authority_data):
            raise KubeconfigError(
                f"cluster {harmless(entry.cluster)!r} in {cluster.file} has both insecure-skip-tls-verify and a certificate-authority",
                "Remove one of them.",
            )
        if cluster.certificate_authority and not cluster.certificate_authority_data:
            _readable(cluster.certificate_authority, f"certificate-authority of cluster {harmless(entry.cluster)!r} in {cluster.file}")
        return cluster

    def _user(self, entry: ContextEntry, *, plain: bool) -> UserEntry:
        """The context's user; over plain HTTP, a missing one is anonymous, since no credentials are sent anyway."""
        user = self.users.get(entry.user)
        if not entry.user or (user is None and plain):
            return UserEntry(name="", file=entry.file)
        where = f"context {harmless(entry.name)!r} in {entry.file}"
        if user is None:
            raise KubeconfigError(f"{where} names the user {harmless(entry.user)!r}, which is missing", _near(entry.user, self.users))
        _check_user(user)
        return user

    def _impersonation(self, entry: ContextEntry, user: UserEntry, flag: str, flag_groups: Sequence[str]) -> Impersonation:
        """The kubeconfig's `as` and related fields, each overridden by its flag."""
        found = user.impersonation
        wanted = replace(found, user=flag or found.user, groups=tuple(flag_groups) or found.groups)
        if not wanted.user and (wanted.groups or wanted.uid or wanted.extra):
            if flag_groups:
                raise UsageError("--as-group needs --as: a group alone cannot be impersonated")
            raise KubeconfigError(
                f"user {harmless(entry.user)!r} in {user.file} has as-groups, as-uid or as-user-extra without as",
                "A user must be impersonated too: add as, or give --as.",
            )
        return wanted


def _credentials(spec: UserSpec, cluster: ClusterEntry) -> UserSpec:
    """The user's credentials; an exec plugin may get the extension data of the cluster's entry."""
    return replace(spec, exec=replace(spec.exec, cluster_config=cluster.exec_config)) if spec.exec else spec


def _check_user(user: UserEntry) -> None:
    """client-go's validation of a user: contradictory fields, and unreadable files."""
    where = f"user {harmless(user.name)!r} in {user.file}"
    spec = user.spec
    if user.auth_provider:
        raise KubeconfigError(
            f"{where} uses the auth-provider {harmless(user.auth_provider)!r}, which kubectl no longer supports either",
            "Use an exec credential plugin in its place, such as gke-gcloud-auth-plugin or kubelogin.",
        )
    if (spec.token or spec.token_file) and spec.username:
        raise KubeconfigError(f"{where} has both a token and a username", "Remove one of them.")
    certificate = spec.client_certificate_data or spec.client_certificate
    key = spec.client_key_data or spec.client_key
    if certificate and not key:
        raise KubeconfigError(f"{where} has a client-certificate but no client-key")
    if key and not certificate:
        raise KubeconfigError(f"{where} has a client-key but no client-certificate")
    if spec.client_certificate and not spec.client_certificate_data:
        _readable(spec.client_certificate, f"client-certificate of {where}")
    if spec.client_key and not spec.client_key_data:
        _readable(spec.client_key, f"client-key of {where}")
    if spec.token_file and not spec.token:
        _readable(spec.token_file, f"tokenFile of {where}")


def _base_url(server: str, what: str, user: UserSpec) -> tuple[str, UserSpec]:
    """The server's URL as the base of requests: without a query and without a slash at its end; and the user's credentials.

    A user name and a password in the URL are those of a user who has no others, as with Go's net/http; no message ever shows them.
    """
    conceal(server)
    parts = split_url(server)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise KubeconfigError(f"{what} is not a URL: {harmless(server)}", "It is written as https://HOST:PORT.")
    if parts.username and not (user.token or user.token_file or user.username or user.exec):
        user = replace(user, username=unquote(parts.username), password=unquote(parts.password or ""))
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}", user


def _readable(path: str, what: str) -> None:
    try:
        with open(path, "rb"):
            pass
    except OSError as error:
        raise KubeconfigError(f"cannot read {harmless(path)}, the {what}: {error.strerror}") from None


def _listed(names: Mapping[str, object], most: int = 8) -> str:
    shown = [harmless(name) for name in names]
    return ", ".join(shown[:most]) + (f" and {len(shown) - most} more" if len(shown) > most else "")


def _near(name: str, names: Mapping[str, object]) -> str:
    """A hint with the names that are like `name`, or else with all of them."""
    import difflib  # for a mistake alone

    lowered = {known.lower(): known for known in names}
    near = [lowered[match] for match in difflib.get_close_matches(name.lower(), lowered, n=3, cutoff=0.5)]
    near += [known for known in names if known not in near and (name.lower() in known.lower()) and len(near) < 3]
    if near:
        return f"Did you mean {' or '.join(harmless(known) for known in near)}?"
    return f"There are: {_listed(names)}." if names else "There are none."


def _in_cluster(environ: Mapping[str, str]) -> Kubeconfig | None:
    """The configuration inside a pod: its service account, and the API server's address from the environment."""
    host, port = environ.get("KUBERNETES_SERVICE_HOST", ""), environ.get("KUBERNETES_SERVICE_PORT", "")
    token_file = os.path.join(SERVICE_ACCOUNT, "token")
    if not host or not port or not os.path.isfile(token_file):
        return None
    try:
        namespace = Path(SERVICE_ACCOUNT, "namespace").read_text(encoding="utf-8").strip()
    except OSError:
        namespace = ""
    authority = os.path.join(SERVICE_ACCOUNT, "ca.crt")
    where = "the pod's service account"
    server = f"https://{f'[{host}]' if ':' in host else host}:{port}"
    cluster = ClusterEntry(IN_CLUSTER, where, server=server, certificate_authority=authority if os.path.isfile(authority) else "")
    return Kubeconfig(
        current_context=IN_CLUSTER,
        contexts={IN_CLUSTER: ContextEntry(IN_CLUSTER, where, cluster=IN_CLUSTER, user=IN_CLUSTER, namespace=namespace)},
        clusters={IN_CLUSTER: cluster},
        users={IN_CLUSTER: UserEntry(IN_CLUSTER, where, spec=UserSpec(token_file=token_file))},
        environ=environ,
    )
