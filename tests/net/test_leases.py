"""The Leases: what anybody may read with kubectl."""

import re

import expect
from lab import wait_until

MICRO_TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")
MANAGED_BY = {"app.kubernetes.io/managed-by": "metallbd"}


def test_allocator_follows_client_go(api, deployment):
    deployment.start()
    lease = wait_until(lambda: api.lease("allocator"), expect.SOON, "Lease allocator")
    spec = lease["spec"]
    assert spec["holderIdentity"].startswith("node1")
    assert spec["leaseDurationSeconds"] == 15
    assert MICRO_TIME.match(spec["renewTime"]) and MICRO_TIME.match(spec["acquireTime"])
    assert lease["metadata"]["labels"].items() >= MANAGED_BY.items()
    renewed = wait_until(lambda: (now := api.lease("allocator"))["spec"]["renewTime"] != spec["renewTime"] and now,
                         5, "the Lease is renewed each 2 s")
    assert renewed["spec"]["acquireTime"] == spec["acquireTime"]
    assert renewed["spec"].get("leaseTransitions", 0) == spec.get("leaseTransitions", 0)


def test_heartbeats_of_all_nodes(api, deployment):
    deployment.start(3)
    names = [f"node-node{i}" for i in (1, 2, 3)]
    leases = wait_until(lambda: all(name in api.leases() for name in names) and api.leases(), expect.SOON, "heartbeats")
    hashes = set()
    for number, name in enumerate(names, 1):
        lease = leases[name]
        assert lease["spec"]["holderIdentity"].startswith(f"node{number}")
        assert lease["spec"]["leaseDurationSeconds"] == 5
        assert lease["metadata"]["labels"].items() >= MANAGED_BY.items()
        hashes.update(v for k, v in lease["metadata"]["annotations"].items() if "hash" in k)
    assert len(hashes) == 1, f"one file, one hash: {hashes}"
    before = {name: leases[name]["spec"]["renewTime"] for name in names}
    wait_until(lambda: all(api.lease(n)["spec"]["renewTime"] != before[n] for n in names), 4,
               "each heartbeat is written each third of its duration")


def test_one_allocator_among_three(api, deployment):
    deployment.start(3)
    api.create_service("web")
    expect.address(api, "web")
    holder = api.holder("allocator")
    leaders = [d for d in deployment.daemons if holder.startswith(d.node)]
    assert len(leaders) == 1
    assert len(api.events("web", "IPAllocated")) == 1


def test_lease_of_an_address(api, lab, deployment):
    deployment.start()
    api.create_service("web")
    expect.address(api, "web", "10.77.0.200")
    expect.owner(lab, "10.77.0.200", node="node1")
    lease = api.lease("ip-10-77-0-200")
    assert lease["spec"]["holderIdentity"] == "node1"
    assert lease["metadata"]["labels"].items() >= MANAGED_BY.items()
    assert any("default/web" in value for value in lease["metadata"]["annotations"].values())


def test_lease_deleted_by_hand_is_written_again(api, lab, deployment):
    """It ends nothing: the announcer goes on."""
    deployment.start()
    api.create_service("web")
    expect.address(api, "web", "10.77.0.200")
    expect.owner(lab, "10.77.0.200", node="node1")
    api.delete(api.lease_path("ip-10-77-0-200"))
    assert expect.owners(lab, "10.77.0.200") == ["node1"]
    assert expect.holder(api, "10.77.0.200") == "node1"
    assert expect.owners(lab, "10.77.0.200") == ["node1"]


def test_a_second_daemon_moves_nothing(api, lab, deployment):
    for i in range(6):
        api.create_service(f"web{i}")
    addresses = [f"10.77.0.20{i}" for i in range(6)]
    first = deployment.prepare("node1").start()
    for ip in addresses:
        expect.owner(lab, ip, node="node1")
    second = deployment.prepare("node2").start()
    wait_until(lambda: api.lease("node-node2"), expect.SOON, "the second node's heartbeat")
    api.create_service("late")
    expect.address(api, "late")
    for ip in addresses:
        assert expect.owners(lab, ip) == ["node1"]
    assert first.running() and second.running()
