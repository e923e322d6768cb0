"""A configuration of MetalLB, through metallb-convert, serves Services."""

import json
import os
import subprocess

import expect

NAMESPACE = "metallb-system"
CONFIGMAP = """
address-pools:
- name: on request
  protocol: layer2
  auto-assign: false
  addresses: [10.77.0.220/31]
- name: first
  protocol: layer2
  avoid-buggy-ips: true
  addresses:
  - 10.77.0.230-10.77.0.231
"""


def resource(kind, name, labels=None, **spec):
    return {"apiVersion": "metallb.io/v1beta1", "kind": kind,
            "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels or {}}, "spec": spec}


def run_converted(deployment, build_dir, text, nodes=("node1",)):
    """Daemons whose pools and advertisements are those that metallb-convert makes of a text."""
    program = os.path.join(build_dir, "src", "convert", "metallb-convert")
    done = subprocess.run([program], input=text, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr
    daemons = [deployment.prepare(node, change={"address-pools": None, "l2-advertisements": None}) for node in nodes]
    for daemon in daemons:
        with open(daemon.file, encoding="utf-8") as f:
            own = f.read()
        daemon.write(text=own + done.stdout)
        daemon.start(wait=False)
    for daemon in daemons:
        daemon.wait_control()


def test_custom_resources(api, lab, deployment, build_dir):
    """Pools by label selector, a Service's own pool by its labels, and a node selector of an advertisement."""
    api.create("/api/v1/nodes", {"apiVersion": "v1", "kind": "Node",
                                 "metadata": {"name": "node1", "labels": {"rack": "r1"}}})
    api.create("/api/v1/nodes", {"apiVersion": "v1", "kind": "Node",
                                 "metadata": {"name": "node2", "labels": {"rack": "r2"}}})
    items = [
        resource("IPAddressPool", "lan", {"net": "lan"}, addresses=["10.77.0.201/30"]),
        resource("IPAddressPool", "edge", {"net": "lan"}, addresses=["10.77.0.210 - 10.77.0.211"],
                 serviceAllocation={"priority": 1, "serviceSelectors": [{"matchLabels": {"tier": "edge"}}]}),
        resource("L2Advertisement", "lan", ipAddressPoolSelectors=[{"matchLabels": {"net": "lan"}}],
                 nodeSelectors=[{"matchExpressions": [{"key": "rack", "operator": "In", "values": ["r2", "r3"]}]}]),
    ]
    run_converted(deployment, build_dir, json.dumps({"apiVersion": "v1", "kind": "List", "items": items}),
                  ("node1", "node2"))
    api.create_service("web")
    api.create_service("edge", labels={"tier": "edge"})
    for name, wanted in (("web", "10.77.0.200"), ("edge", "10.77.0.210")):
        ip = expect.address(api, name, wanted)
        assert expect.owner(lab, ip) == "node2"


def test_old_configmap(api, lab, deployment, build_dir):
    run_converted(deployment, build_dir, CONFIGMAP)
    api.create_service("any")
    # The pool had a name that metallb.conf does not allow; a comment told which one it has now.
    api.create_service("pinned", annotations={"metallb.io/address-pool": "on-request"})
    for name, wanted in (("any", "10.77.0.230"), ("pinned", "10.77.0.220")):
        assert expect.owner(lab, expect.address(api, name, wanted)) == "node1"


def test_services_of_metallb_keep_their_addresses(api, lab, deployment, build_dir):
    """Taken over from a MetalLB that ended: addresses out of order, one shared, a new Service between them."""
    have = {"first": "10.77.0.203", "second": "10.77.0.201", "third": "10.77.0.201"}
    for number, (name, ip) in enumerate(have.items()):
        # What MetalLB leaves on a Service.
        api.create_service(name, annotations={"metallb.io/ip-allocated-from-pool": "lan",
                                              "metallb.io/allow-shared-ip": "key"}, port=80 + number)
        api.patch(api.service_path(name) + "/status", {"status": {"loadBalancer": {"ingress": [{"ip": ip}]}}})
    api.create_service("new")
    items = [resource("IPAddressPool", "lan", addresses=["10.77.0.200-10.77.0.203"]), resource("L2Advertisement", "lan")]
    run_converted(deployment, build_dir, json.dumps({"apiVersion": "v1", "kind": "List", "items": items}), lab.nodes)
    expect.address(api, "new", "10.77.0.200")
    for name, ip in have.items():
        expect.condition(api, name, "True")
        expect.address(api, name, ip)
        expect.owner(lab, ip)
        assert not api.events(name, "ClearAssignment"), api.events(name)
