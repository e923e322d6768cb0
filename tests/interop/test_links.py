"""Routers that are not plain neighbours: unnumbered, several hops away, behind a device."""

import socket

import pytest

import expect
from configs import KINDS, POOL, ROUTER_ASN, Neighbour, name_at, peer, session, settings
from lab import wait_until

SOON = 40


def test_unnumbered_frr(api, lab, router, deployment):
    """FRR finds us by our router advertisements, we find it by its own; IPv4 routes have an IPv6 next hop (RFC 8950)."""
    cls, _ = KINDS["frr"]
    config = f"""router bgp {ROUTER_ASN}
 bgp router-id 10.77.0.1
 no bgp ebgp-requires-policy
 no bgp default ipv4-unicast
 neighbor eth0 interface remote-as external
 neighbor eth0 timers 3 9
 address-family ipv4 unicast
  neighbor eth0 activate
 exit-address-family
 address-family ipv6 unicast
  neighbor eth0 activate
 exit-address-family
exit
"""
    one = router(cls, config)
    unnumbered = {"name": "tor", "interface": "eth0", "dynamic-asn": "external", "connect-time": "1s"}
    daemon = deployment.start(1, settings([unnumbered]), [POOL])
    api.create_service("web", ipFamilyPolicy="RequireDualStack")
    addresses = wait_until(lambda: len(api.addresses("web")) == 2 and api.addresses("web"), SOON, "two addresses")
    one.wait_established("eth0", SOON)
    state = session(daemon)
    assert state["router"].startswith("fe80::") and state["negotiated"]["extendedNextHop"]
    for address in addresses:
        v6 = ":" in address
        prefix = f"{address}/{128 if v6 else 32}"
        hops = wait_until(lambda: one.kernel_next_hops(prefix), SOON, f"{prefix} in the kernel")
        assert hops.keys() <= {"fe80::77:ff:fe00:11"}, hops


@pytest.mark.parametrize("kind", ["frr", "bird"])
def test_multihop(api, lab, router, deployment, kind):
    """The router is behind another one. Without ebgp-multihop on our side our packets do not get there."""
    cls, config = KINDS[kind]
    lab.ip("api", "addr", "replace", "10.98.0.1/32", "dev", "lo")
    lab.sysctl("api", "net.ipv4.conf.all.arp_ignore=1")
    lab.sysctl("router", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.send_redirects=0",
               "net.ipv4.conf.eth0.send_redirects=0")
    lab.ip("router", "route", "replace", "10.98.0.1/32", "via", "10.77.0.5")
    lab.ip("node1", "route", "replace", "10.98.0.1/32", "via", "10.77.0.1")
    neighbour = Neighbour(multihop=True, local="10.98.0.1")
    text = config([neighbour], **({"extra": "neighbor 10.77.0.11 remote-as 64500\nneighbor 10.77.0.11 update-source 10.98.0.1"}
                                  if kind == "frr" else {}))
    one = router(cls, text, "api")
    daemon = deployment.start(1, settings([peer(address="10.98.0.1", passive=False)], listen=False), [POOL])
    api.create_service("web")
    ip = expect.address(api, "web")
    wait_until(lambda: session(daemon)["connects"] >= 2, SOON, "two attempts with a TTL of 1")
    assert session(daemon)["state"] != "Established" and not one.prefixes()
    daemon.write({"bgp": {"peers": [peer(address="10.98.0.1", ebgp_multihop=True)]}})
    daemon.ctl("reload")
    one.wait_established(name_at(kind, [neighbour], neighbour.address), 60)
    assert wait_until(lambda: one.route(f"{ip}/32"), SOON, "the route").next_hops == {"10.77.0.11"}
    lab.ip("api", "addr", "del", "10.98.0.1/32", "dev", "lo")


def test_device(api, router, deployment):
    """vrf binds the sockets to a device; an ordinary one will do here, where the kernel has no VRFs."""
    cls, config = KINDS["frr"]
    one = router(cls, config([Neighbour()]))
    daemon = deployment.start(1, settings([peer(vrf="eth0")]), [POOL])
    one.wait_established("10.77.0.11", SOON)
    daemon.write({"bgp": {"peers": [peer(vrf="lo")]}})
    daemon.ctl("reload")
    wait_until(lambda: not one.established("10.77.0.11"), SOON, "not by another device")


def test_taken_port(api, lab, router, deployment):
    """Another program has port 179: that is said once, and the daemon connects itself."""
    cls, config = KINDS["frr"]
    with lab.enter("node1"):
        other = socket.create_server(("0.0.0.0", 179))
    with other:
        one = router(cls, config([Neighbour()]))
        daemon = deployment.start(1, settings([peer()]), [POOL])
        one.wait_established("10.77.0.11", SOON)
        assert session(daemon)["outgoing"]
    assert daemon.output().count("another program listens there") == 1
