"""What a client on the LAN sees of an IPv6 address; test_arp.py for IPv6."""

import time

import pytest

import expect
from lab import NdpCapture, announce6, ndp_query, wait_until
from lab.api import lease_name
from lab.ndp import ALL_NODES, OVERRIDE, SOLICITED, group_mac
from lab.wait import stays

POOLS = [{"name": "lan", "addresses": ["10.77.0.200-10.77.0.210", "fd77::200-fd77::210"]}]
DUAL = {"ipFamilyPolicy": "RequireDualStack"}
SIX = {"ipFamilies": ["IPv6"]}


@pytest.fixture
def single(api, lab, deployment):
    """One node that announces fd77::200."""
    daemon = deployment.start(pools=POOLS)
    api.create_service("web", **SIX)
    ip = expect.address(api, "web", "fd77::200")
    expect.owner(lab, ip)
    daemon.ip = ip
    return daemon


def test_dual_stack_service(api, lab, deployment):
    """Both addresses are owned, each by one node, and each has its Lease."""
    deployment.start(3, pools=POOLS)
    for i in range(4):
        api.create_service(f"web{i}", **DUAL)
    for i in range(4):
        for ip in expect.addresses(api, f"web{i}"):
            node = expect.owner(lab, ip)
            assert api.holder(lease_name(ip)) == node


def test_new_address_is_probed_then_announced(api, lab, deployment):
    deployment.start(pools=POOLS)
    with NdpCapture(lab) as capture:
        # The client is not in the address's solicited-node group; the switch floods, and a packet socket sees all.
        lab.ip("client", "link", "set", "eth0", "allmulticast", "on")
        api.create_service("web", **SIX)
        ip = expect.address(api, "web", "fd77::200")
        wait_until(lambda: len(capture.announcements(ip)) >= 2, expect.SOON, "two announcements")
        lab.ip("client", "link", "set", "eth0", "allmulticast", "off")
    probes, announced = capture.probes(ip), capture.announcements(ip)
    assert len(probes) == 3 and probes[-1].t < announced[0].t
    assert all(p.mac is None and p.hops == 255 for p in probes)
    for frame in announced:
        assert frame.eth_src == frame.mac == lab.mac("node1")
        assert frame.eth_dst == group_mac(ALL_NODES)
        assert (frame.src, frame.flags, frame.hops) == (ip, OVERRIDE, 255)
    assert 0.9 < announced[1].t - announced[0].t < 1.6


def test_solicitations_of_every_kind_are_answered(single, lab):
    mac = lab.mac("node1")
    (asked, _, answer), = ndp_query(lab, single.ip)
    assert asked == mac and answer.flags == SOLICITED | OVERRIDE and answer.dst == lab.ipv6("client")
    (asked, _, answer), = ndp_query(lab, single.ip, unicast_to=mac)
    assert asked == mac and answer.flags == SOLICITED | OVERRIDE
    # Duplicate address detection of a host that wants it: all nodes are told (RFC 4861 7.2.4).
    (asked, _, answer), = ndp_query(lab, single.ip, source="::")
    assert asked == mac and answer.flags == OVERRIDE and answer.dst == ALL_NODES


def test_other_addresses_are_not_answered(single, lab):
    # fd77:0:0:1::200 has the same solicited-node group.
    for ip in ("fd77::201", "fd77::1:0:0:200", "fd77::1:200"):
        assert ndp_query(lab, ip, wait=0.15) == []


def test_silence_after_the_service_is_deleted(api, single, lab):
    api.delete_service("web")
    expect.nobody(lab, single.ip)


def groups(lab, member="node1"):
    """The solicited-node groups that the kernel reports and lets in on eth0."""
    return lab.run(member, "ip", "-6", "maddress", "show", "dev", "eth0").stdout


def test_group_is_joined_with_the_first_and_left_with_the_last(api, lab, deployment):
    deployment.start(pools=[{"name": "lan", "addresses": ["fd77::200", "fd77:1::200", "fd77::201"]}])
    api.create_service("a", **SIX, annotations={"metallb.io/loadBalancerIPs": "fd77::200"})
    api.create_service("b", **SIX, annotations={"metallb.io/loadBalancerIPs": "fd77:1::200"})
    expect.owner(lab, "fd77::200")
    expect.owner(lab, "fd77:1::200")
    assert "ff02::1:ff00:200" in groups(lab)
    api.delete_service("a")
    expect.nobody(lab, "fd77::200")
    assert "ff02::1:ff00:200" in groups(lab) and len(ndp_query(lab, "fd77:1::200")) == 1
    api.delete_service("b")
    wait_until(lambda: "ff02::1:ff00:200" not in groups(lab), expect.SOON, "the group is left")


def test_the_kernel_finds_the_address(single, lab):
    """The neighbour cache of a Linux client, which checks more than our own client does."""
    lab.run("client", "ping", "-c", "1", "-W", "1", single.ip, check=False)
    def entry():
        return lab.run("client", "ip", "neigh", "show", single.ip).stdout
    wait_until(lambda: lab.mac("node1") in entry(), expect.SOON, "the client's cache has the address")
    assert "router" not in entry()


def test_claim_of_another_host_is_defended(api, single, lab):
    with NdpCapture(lab) as capture:
        def quiet():
            heard = capture.announcements(single.ip)
            return heard and heard[-1].t < time.monotonic() - 2.5
        wait_until(quiet, 15, "the end of the first announcements")
        began = time.monotonic()
        for _ in range(5):
            announce6(lab, single.ip)
        expect.event(api, "web", "AddressConflict", containing=lab.mac("client"))
        wait_until(lambda: [f for f in capture.announcements(single.ip, began) if f.mac == lab.mac("node1")],
                   expect.SOON, "the address is defended")
        stays(lambda: len([f for f in capture.announcements(single.ip, began) if f.mac == lab.mac("node1")]) == 1,
              1.5, "once, whatever the number of claims (RFC 5227 2.4)")
    assert expect.owners(lab, single.ip) == ["node1"]
    assert len(api.events("web", "AddressConflict")) == 1


def test_address_of_another_host_is_not_announced(api, lab, deployment):
    """A host has the address: silence, an Event, and a take-over once it is gone."""
    lab.ip("client", "addr", "add", "fd77::200/128", "dev", "eth0", "nodad")
    try:
        daemon = deployment.start(pools=POOLS)
        with NdpCapture(lab, "router") as capture:
            api.create_service("web", **SIX)
            expect.event(api, "web", "AddressConflict", containing=lab.mac("client"))
            def ours():
                return [f for f in capture.announcements("fd77::200") if f.mac == lab.mac("node1")]
            stays(lambda: not ours(), 1, "nothing is announced")
        assert [a[0] for a in ndp_query(lab, "fd77::200", member="router")] == [lab.mac("client")]
        assert daemon.ctl("explain", "default/web", "-j")["addresses"][0]["here"]["reason"] == "addressConflict"
    finally:
        lab.ip("client", "addr", "del", "fd77::200/128", "dev", "eth0")
    expect.owner(lab, "fd77::200", seconds=15, node="node1")


def test_link_lost_and_back(single, lab):
    with NdpCapture(lab) as capture:
        lab.port_down("node1")
        down = time.monotonic()
        lab.port_up("node1")
        wait_until(lambda: capture.announcements(single.ip, down), expect.SOON, "announced after the link is back")
    assert "ff02::1:ff00:200" in groups(lab)
    expect.owner(lab, single.ip, node="node1")
