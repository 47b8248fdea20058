"""Templates for new objects in the editor: manifests to fill in, valid as they are."""

from __future__ import annotations

TEMPLATES = {
    "pod": """\
apiVersion: v1
kind: Pod
metadata:
  name: my-pod
  labels:
    app: my-app
spec:
  containers:
  - name: main
    image: nginx
    ports:
    - containerPort: 80
      protocol: TCP
""",
    "pod on nodes with a label (nodeSelector)": """\
apiVersion: v1
kind: Pod
metadata:
  name: my-pod
spec:
  nodeSelector:
    gpu: "true"   # only nodes with this label can run it
  containers:
  - name: main
    image: nginx
""",
    "pod with two containers that share a volume": """\
apiVersion: v1
kind: Pod
metadata:
  name: my-pod
spec:
  volumes:
  - name: shared
    emptyDir: {}
  containers:
  - name: writer
    image: busybox
    command: ["sh", "-c", "while true; do date > /work/now; sleep 5; done"]
    volumeMounts:
    - name: shared
      mountPath: /work
  - name: reader
    image: busybox
    command: ["sh", "-c", "while true; do cat /work/now; sleep 5; done"]
    volumeMounts:
    - name: shared
      mountPath: /work
      readOnly: true
""",
    "namespace": """\
apiVersion: v1
kind: Namespace
metadata:
  name: my-namespace
""",
    "nothing": "",
}
"""The manifests by the names that the user chooses from."""
