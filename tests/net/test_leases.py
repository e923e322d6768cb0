"""The Leases: what anybody may read with kubectl."""

import re

import pytest

import expect
from lab import wait_until
from lab.wait import stays

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
    expect.event(api, "web", "IPAllocated")
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


@pytest.mark.backend("kubesim")
def test_requests_in_steady_state(api, cluster, deployment, addresses):
    """Heartbeats and the election, whatever the number of addresses; and each 60 s a GET of the own Node."""
    pool = [{"name": "lan", "addresses": ["10.77.4.0/22"]}]
    deployment.start(3, pools=pool)
    for i in range(addresses):
        api.create_service(f"web{i}")
    wait_until(lambda: len([n for n in api.leases() if n.startswith("ip-")]) == addresses, 120, "a Lease for each address")
    wait_until(lambda: all(lease["spec"]["holderIdentity"] for lease in api.leases().values()), 30, "they are all held")

    seconds = 20
    stays(lambda: True, 3, "the last writes are over")
    before = cluster.stats()
    stays(lambda: True, seconds, "a steady state")
    after = cluster.stats()
    made = {what: n - before["requests"].get(what, 0) for what, n in after["requests"].items()
            if n != before["requests"].get(what, 0)}
    out = (after["bytesOut"] - before["bytesOut"]) / seconds
    print(f"{addresses} addresses, 3 nodes, {seconds} s: {made}; to all daemons {out / 1000:.1f} kB/s")
    total = sum(made.values())
    # Three heartbeats, each a third of 5 s; the election, each 2 s; now and then a watch or a Node.
    assert total <= seconds * (3 * 3 / 5 + 1 / 2) + 12, made
