"""What passes while podtui is read-only, over a table: everything else is refused."""

from __future__ import annotations

import pytest

from podtui.cluster.connection import read_only
from podtui.errors import ReadOnlyError

NS = "/api/v1/namespaces/shop"
DRY = (("dryRun", "All"),)

PASSES = [
    ("GET", "/", ()),
    ("GET", "/version", ()),
    ("GET", "/api", ()),
    ("GET", "/apis", ()),
    ("GET", "/openapi/v3", ()),
    ("GET", "/api/v1/pods", (("watch", "true"),)),
    ("HEAD", "/api/v1/pods", ()),
    ("GET", f"{NS}/pods/web", ()),
    ("GET", f"{NS}/pods/web/", ()),
    ("GET", f"{NS}/pods/web/log", (("follow", "true"),)),
    ("GET", f"{NS}/pods/web/portforward", (("ports", "8080"),)),
    ("GET", f"{NS}/pods/exec", ()),  # a pod of that name
    ("GET", f"{NS}/services/proxy", ()),
    ("GET", "/api/v1/namespaces/exec", ()),
    ("GET", "/api/v1/nodes/attach", ()),
    ("GET", "/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods/web", ()),
    ("GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode", ()),
    ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", ()),
    ("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", ()),
    ("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", ()),
    ("POST", f"{NS}/pods", DRY),
    ("POST", "/api/v1/namespaces", DRY),
    ("POST", "/apis/apps/v1/namespaces/shop/deployments", DRY),
    ("POST", "/apis/networking.k8s.io/v1/namespaces/shop/ingresses", (*DRY, ("fieldValidation", "Strict"))),
]

REFUSED = [
    ("POST", f"{NS}/pods", ()),
    ("PUT", f"{NS}/pods/web", ()),
    ("PATCH", f"{NS}/pods/web", ()),
    ("DELETE", f"{NS}/pods/web", ()),
    ("DELETE", f"{NS}/pods", ()),
    ("OPTIONS", "/", ()),
    ("CONNECT", "/", ()),
    ("get", "/api", ()),
    ("PATCH", f"{NS}/pods/web", DRY),
    ("DELETE", f"{NS}/pods/web", DRY),
    ("POST", f"{NS}/pods", (("dryRun", ""),)),
    ("POST", f"{NS}/pods", (("dryrun", "All"),)),
    ("POST", f"{NS}/pods", (("dryRun", "All"), ("dryRun", ""))),
    ("POST", f"{NS}/pods/web/eviction", DRY),
    ("POST", f"{NS}/pods/web/exec", DRY),
    ("POST", f"{NS}/pods/web/binding", DRY),
    ("POST", f"{NS}/serviceaccounts/default/token", DRY),
    ("POST", "/apis/example.com/v1/namespaces/shop/things", DRY),  # may be an aggregated server
    ("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", ()),
    ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews/x", ()),
    ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviewsx", ()),
    ("POST", "/x/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", ()),
    ("POST", "/apis/evil.example/v1/selfsubjectaccessreviews", ()),
    ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews/../../../../api/v1/namespaces", ()),
    ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews\n", ()),
    ("GET", f"{NS}/pods/web/exec", (("command", "rm"),)),
    ("GET", f"{NS}/pods/web/exec/", ()),
    ("GET", f"{NS}/pods/web/ex%65c", ()),
    ("GET", f"{NS}/pods/web%2Fexec", ()),
    ("GET", f"{NS}//pods/web/exec", ()),
    ("GET", f"{NS}/./pods/web/exec", ()),
    ("GET", f"{NS}/pods/web/log/../exec", ()),
    ("GET", f"{NS}/pods/web/%2565xec", ()),
    ("GET", f"{NS}/pods/web/exec?command=rm", ()),
    ("GET", f"{NS}/pods/web#/exec", ()),
    ("GET", f"{NS}\\pods\\web\\exec", ()),
    ("GET", f"{NS}/pods/web/attach", ()),
    ("HEAD", f"{NS}/pods/web/exec", ()),
    ("GET", f"{NS}/pods/web/proxy", ()),
    ("GET", f"{NS}/pods/web/proxy/shutdown", ()),
    ("GET", f"{NS}/services/web:80/proxy/", ()),
    ("GET", "/api/v1/nodes/a/proxy/exec/shop/web/c", ()),
    ("GET", "/api/v1/proxy/nodes/a", ()),
    ("GET", "api/v1/pods", ()),
    ("GET", "", ()),
]


@pytest.mark.parametrize(("method", "path", "query"), PASSES)
def test_a_request_that_changes_nothing_is_sent_while_read_only(method: str, path: str, query: tuple[tuple[str, str], ...]) -> None:
    read_only.check(method, path, query)


@pytest.mark.parametrize(("method", "path", "query"), REFUSED)
def test_a_request_that_could_change_something_is_refused_while_read_only(
    method: str, path: str, query: tuple[tuple[str, str], ...]
) -> None:
    with pytest.raises(ReadOnlyError, match="read-only"):
        read_only.check(method, path, query)


def test_the_hint_is_why_podtui_stays_read_only_and_there_is_none_where_the_user_may_turn_it_off() -> None:
    with pytest.raises(ReadOnlyError) as caught:
        read_only.check("DELETE", "/api/v1/namespaces/web/pods/a", reason="started with --read-only")
    assert caught.value.hint == "it stays read-only: started with --read-only"
    with pytest.raises(ReadOnlyError) as caught:
        read_only.check("DELETE", "/api/v1/namespaces/web/pods/a")
    assert caught.value.hint == ""
