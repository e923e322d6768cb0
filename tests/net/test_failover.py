"""A node or a daemon goes away."""

import time

import pytest

import expect
from lab import ArpCapture, wait_until

LEASE = 5       # failover.lease-duration of base_settings
MARGIN = 5      # reading the clocks of three daemons and of a busy machine


def three_nodes_with(deployment, api, count):
    deployment.start(3)
    for i in range(count):
        api.create_service(f"web{i}")
    return [expect.address(api, f"web{i}") for i in range(count)]


def test_killed_owner_is_replaced(api, lab, deployment):
    ip = three_nodes_with(deployment, api, 1)[0]
    node = expect.owner(lab, ip)
    with ArpCapture(lab) as capture:
        deployment.on(node).kill()
        killed = time.monotonic()
        other = expect.owner(lab, ip, seconds=LEASE + MARGIN, other_than=node)
        took = time.monotonic() - killed
        assert expect.holder(api, ip) == other
        wait_until(lambda: capture.announcements(ip, since=killed), 3, "the new owner announces itself")
        assert capture.announcements(ip, since=killed)[0].eth_src == lab.mac(other)
    print(f"took over after {took:.1f} s")
    assert api.lease("ip-" + ip.replace(".", "-"))["spec"]["leaseTransitions"] >= 1


def test_killed_owner_comes_back_and_nothing_moves_twice(api, lab, deployment):
    ip = three_nodes_with(deployment, api, 1)[0]
    node = expect.owner(lab, ip)
    deployment.on(node).kill()
    other = expect.owner(lab, ip, seconds=LEASE + MARGIN, other_than=node)
    deployment.on(node).start()
    wait_until(lambda: api.lease(f"node-{node}"), expect.SOON, "its heartbeat")
    for _ in range(5):
        assert expect.owners(lab, ip) == [other]


@pytest.mark.parametrize("how", ["restart", "crash"])
def test_restart_within_the_lease_moves_nothing(api, lab, deployment, how):
    ip = three_nodes_with(deployment, api, 1)[0]
    node = expect.owner(lab, ip)
    daemon = deployment.on(node)
    transitions = api.lease("ip-" + ip.replace(".", "-"))["spec"].get("leaseTransitions", 0)
    if how == "restart":
        daemon.restart()
    else:
        daemon.kill()
        daemon.start()
    assert expect.owner(lab, ip) == node
    assert api.lease("ip-" + ip.replace(".", "-"))["spec"].get("leaseTransitions", 0) == transitions


def test_cut_node_is_replaced(api, lab, deployment):
    """A silent cut: the node lives, with its carrier, and neither the API nor the LAN hears it."""
    ip = three_nodes_with(deployment, api, 1)[0]
    node = expect.owner(lab, ip)
    lab.cut(node)
    other = expect.owner(lab, ip, seconds=LEASE + MARGIN, other_than=node)
    lab.heal(node)
    # The old owner learns that another one has the Lease, and stops.
    def one():
        return expect.owners(lab, ip) == [other]
    wait_until(one, expect.SOON, "after the cut one node answers")
    for _ in range(5):
        assert one()


def test_killed_allocator_is_replaced(api, lab, deployment):
    three_nodes_with(deployment, api, 1)
    leader = next(d for d in deployment.daemons if api.holder("allocator").startswith(d.node))
    leader.kill()
    api.create_service("late")
    # client-go's terms: 15 s after the last renewal was seen, and a retry each 2 s to 4.4 s.
    expect.address(api, "late", seconds=15 + 5 + MARGIN)
    assert not api.holder("allocator").startswith(leader.node)


def test_allocator_that_stops_orderly_is_replaced_at_once(api, deployment):
    three_nodes_with(deployment, api, 1)
    leader = next(d for d in deployment.daemons if api.holder("allocator").startswith(d.node))
    assert leader.stop() == 0
    api.create_service("late")
    expect.address(api, "late", seconds=5 + MARGIN)


def test_stopped_node_gives_its_addresses_up(api, lab, deployment):
    ips = three_nodes_with(deployment, api, 6)
    owners = {ip: expect.owner(lab, ip) for ip in ips}
    node = owners[ips[0]]
    assert deployment.on(node).stop() == 0
    for ip in ips:
        expect.owner(lab, ip, seconds=LEASE + MARGIN, other_than=node)
        if owners[ip] != node:
            assert expect.owners(lab, ip) == [owners[ip]], "an address moved that had no need to"


def test_frozen_daemon_does_not_answer_beside_its_successor(api, lab, deployment):
    """SIGSTOP longer than the lease: when it wakes another has the address, and it asks before it answers."""
    ip = three_nodes_with(deployment, api, 1)[0]
    node = expect.owner(lab, ip)
    deployment.on(node).pause()
    other = expect.owner(lab, ip, seconds=LEASE + MARGIN, other_than=node)
    deployment.on(node).resume()
    for _ in range(15):
        assert expect.owners(lab, ip, wait=0.1) == [other]
