"""EndpointSlices: the addresses behind each Service that has a selector."""

from __future__ import annotations

from collections.abc import Iterable

from podtui.demo.controllers.base import Controller, Key, Object, ending, key_of, reference
from podtui.demo.rules.defaults import suffix
from podtui.demo.storage.errors import ApiError
from podtui.demo.storage.kinds import ENDPOINTSLICES, NODES, PODS, SERVICES
from podtui.demo.storage.state import Change
from podtui.kube.objects import is_true

SERVICE = "kubernetes.io/service-name"
_MANAGER = {"endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}


class Endpoints(Controller):
    kind = SERVICES
    component = "endpoint-slice-controller"

    def keys(self, change: Change) -> Iterable[Key]:
        yield from super().keys(change)
        if change.kind is PODS:
            for service in self.state.list(SERVICES, change.new["metadata"]["namespace"]):
                selector = (service["spec"].get("selector") or {}).items()
                if selector and any(pod and selector <= (pod["metadata"].get("labels") or {}).items() for pod in (change.old, change.new)):
                    yield key_of(service)

    def sync(self, namespace: str, name: str) -> None:
        service = self.state.get(SERVICES, namespace, name)
        if service is None or ending(service) or not service["spec"].get("selector"):
            return
        selector = service["spec"]["selector"].items()
        pods = [pod for pod in self.state.list(PODS, namespace) if selector <= (pod["metadata"].get("labels") or {}).items()]
        pods = [pod for pod in pods if (pod.get("status") or {}).get("podIP") and pod["status"].get("phase") not in ("Succeeded", "Failed")]
        wanted = {
            "addressType": "IPv4",
            "endpoints": [self._endpoint(service, pod) for pod in pods] or None,
            "ports": [found for port in service["spec"].get("ports") or () if (found := _port(port, pods))] if pods else None,
        }
        slices = self.owned(service, ENDPOINTSLICES)
        if slices:
            self.state.update(ENDPOINTSLICES, {**slices[0], **wanted})
            return
        labels = {**(service["metadata"].get("labels") or {}), **_MANAGER, SERVICE: name}
        metadata = {"name": f"{name}-{suffix(self.clock.random)}", "generateName": f"{name}-", "namespace": namespace, "labels": labels}
        try:
            self.state.create(ENDPOINTSLICES, {"metadata": {**metadata, "ownerReferences": [reference(service)]}, **wanted})
        except ApiError:
            self.again.append((1.0, (namespace, name)))

    def _endpoint(self, service: Object, pod: Object) -> Object:
        metadata, is_ready, node = pod["metadata"], is_true(pod, "Ready"), pod["spec"].get("nodeName", "")
        shown = bool(service["spec"].get("publishNotReadyAddresses")) or (is_ready and not ending(pod))
        conditions = {"ready": shown, "serving": is_ready, "terminating": ending(pod)}
        target = {"kind": "Pod", "name": metadata["name"], "namespace": metadata["namespace"], "uid": metadata["uid"]}
        endpoint = {"addresses": [pod["status"]["podIP"]], "conditions": conditions, "nodeName": node, "targetRef": target}
        place = self.state.get(NODES, "", node)
        if place is not None and (zone := (place["metadata"].get("labels") or {}).get("topology.kubernetes.io/zone")):
            endpoint["zone"] = zone
        return endpoint


def _port(port: Object, pods: list[Object]) -> Object | None:
    """A Service's port as the pods have it: a name is looked up in the first of them that has it. None when no pod does."""
    target = port.get("targetPort", port["port"])
    if isinstance(target, str):
        named = [one for pod in pods for box in pod["spec"]["containers"] for one in box.get("ports") or () if one.get("name") == target]
        if not named:
            return None
        target = named[0]["containerPort"]
    return {"name": port.get("name", ""), "port": target, "protocol": port.get("protocol", "TCP")}
