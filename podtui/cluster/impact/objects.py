"""The objects related to a pod, decoded as far as `impact` needs them, and their selectors.

A field that the server omits, or sends as null, has the API's default value.
"""

from __future__ import annotations

import msgspec

from podtui.cluster.pods.lineage import ObjectMeta
from podtui.kube.selectors import Operator, Requirement, Selector

_OPERATORS = {"In": Operator.IN, "NotIn": Operator.NOT_IN, "Exists": Operator.EXISTS, "DoesNotExist": Operator.NOT_EXISTS}


class Wire(msgspec.Struct, frozen=True, rename="camel"):
    """JSON of the API; fields that a subclass does not name are skipped."""


class StatusCondition(Wire, frozen=True):
    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""


class PodStatus(Wire, frozen=True):
    phase: str = ""
    conditions: list[StatusCondition] | None = None
    pod_ip: str = msgspec.field(default="", name="podIP")


class _OwnedMetadata(Wire, frozen=True):
    finalizers: dict[str, msgspec.Raw] | None = msgspec.field(default=None, name="f:finalizers")


class OwnedFields(Wire, frozen=True):
    metadata: _OwnedMetadata | None = msgspec.field(default=None, name="f:metadata")


class ManagedFields(Wire, frozen=True):
    """An entry of `metadata.managedFields`: a field manager and, of the fields that it owns, the finalizers."""

    manager: str = ""
    fields: OwnedFields | None = msgspec.field(default=None, name="fieldsV1")

    def owns_finalizer(self, finalizer: str) -> bool:
        metadata = self.fields.metadata if self.fields is not None else None
        return metadata is not None and f'v:"{finalizer}"' in (metadata.finalizers or {})


class PodMeta(ObjectMeta, frozen=True, rename="camel"):
    finalizers: list[str] | None = None
    managed_fields: list[ManagedFields] | None = None


class Pod(Wire, frozen=True):
    """The parts of a pod that matter to other objects."""

    metadata: PodMeta = PodMeta()
    status: PodStatus = PodStatus()

    @property
    def labels(self) -> dict[str, str]:
        return self.metadata.labels or {}

    @property
    def terminating(self) -> bool:
        return self.metadata.deletion_timestamp is not None

    @property
    def finished(self) -> bool:
        return self.status.phase in ("Succeeded", "Failed")

    @property
    def active(self) -> bool:
        """As controllers count their pods: neither finished nor terminating."""
        return not (self.finished or self.terminating)

    @property
    def ready(self) -> bool:
        return any(one.type == "Ready" and one.status == "True" for one in self.status.conditions or ())

    @property
    def reachable(self) -> bool:
        """Whether a Service that selects it has it as an endpoint: it has an address and has not finished."""
        return bool(self.status.pod_ip) and not self.finished


class Expression(Wire, frozen=True):
    key: str = ""
    operator: str = ""
    values: list[str] | None = None


class LabelSelector(Wire, frozen=True):
    """metav1.LabelSelector: an empty one selects everything."""

    match_labels: dict[str, str] | None = None
    match_expressions: list[Expression] | None = None

    def compiled(self) -> Selector | None:
        """Its requirements on labels; None when it is invalid, and selects nothing."""
        found = equals(self.match_labels or {})
        for one in self.match_expressions or ():
            operator, values = _OPERATORS.get(one.operator), tuple(sorted(set(one.values or ())))
            if operator is None or bool(values) is not (operator in (Operator.IN, Operator.NOT_IN)):
                return None
            found.append(Requirement(one.key, operator, values))
        return Selector(tuple(found))


def equals(labels: dict[str, str]) -> list[Requirement]:
    """The requirements that each of these labels is present with its value."""
    return [Requirement(key, Operator.EQUALS, (value,)) for key, value in labels.items()]


class ServiceSpec(Wire, frozen=True):
    selector: dict[str, str] | None = None
    type: str = ""
    publish_not_ready_addresses: bool = False


class Service(Wire, frozen=True):
    metadata: ObjectMeta = ObjectMeta()
    spec: ServiceSpec = ServiceSpec()

    @property
    def selector(self) -> Selector | None:
        """None when it selects nothing: without a selector, someone else manages the endpoints."""
        if not self.spec.selector or self.spec.type == "ExternalName":
            return None
        return Selector(tuple(equals(self.spec.selector)))


class Reference(Wire, frozen=True):
    uid: str = ""


class EndpointConditions(Wire, frozen=True):
    ready: bool | None = None


class Endpoint(Wire, frozen=True):
    addresses: list[str] | None = None
    conditions: EndpointConditions = EndpointConditions()
    target_ref: Reference | None = None


class Slice(Wire, frozen=True):
    """An EndpointSlice; its label names the Service."""

    metadata: ObjectMeta = ObjectMeta()
    endpoints: list[Endpoint] | None = None


class ControllerSpec(Wire, frozen=True):
    selector: LabelSelector | None = None
    replicas: int | None = None
    suspend: bool = False
    ordinals: Ordinals | None = None


class Ordinals(Wire, frozen=True):
    start: int = 0


class ControllerStatus(Wire, frozen=True):
    replicas: int = 0
    conditions: list[StatusCondition] | None = None


class Controller(Wire, frozen=True):
    """A ReplicaSet, StatefulSet, DaemonSet or Job."""

    metadata: ObjectMeta = ObjectMeta()
    spec: ControllerSpec = ControllerSpec()
    status: ControllerStatus = ControllerStatus()


class OldControllerSpec(Wire, frozen=True):
    selector: dict[str, str] | None = None
    replicas: int | None = None


class OldController(Wire, frozen=True):
    """A ReplicationController, whose selector is a map."""

    metadata: ObjectMeta = ObjectMeta()
    spec: OldControllerSpec = OldControllerSpec()
    status: ControllerStatus = ControllerStatus()

    def renewed(self) -> Controller:
        selector = LabelSelector(self.spec.selector) if self.spec.selector else None
        return Controller(self.metadata, ControllerSpec(selector, self.spec.replicas), self.status)


class BudgetSpec(Wire, frozen=True):
    selector: LabelSelector | None = None
    unhealthy_pod_eviction_policy: str | None = None


class BudgetStatus(Wire, frozen=True):
    disruptions_allowed: int = 0
    current_healthy: int = 0
    desired_healthy: int = 0
    observed_generation: int = 0
    conditions: list[StatusCondition] | None = None


class Budget(Wire, frozen=True):
    """A PodDisruptionBudget of policy/v1: without a selector it counts no pod, with an empty one every pod."""

    metadata: ObjectMeta = ObjectMeta()
    spec: BudgetSpec = BudgetSpec()
    status: BudgetStatus = BudgetStatus()


class PolicySpec(Wire, frozen=True):
    pod_selector: LabelSelector = LabelSelector()
    policy_types: list[str] | None = None


class Policy(Wire, frozen=True):
    """A NetworkPolicy."""

    metadata: ObjectMeta = ObjectMeta()
    spec: PolicySpec = PolicySpec()
