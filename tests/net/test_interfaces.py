"""Interfaces that come, change and go under a running daemon, and what is said of them."""

import time

import expect
from lab import ArpCapture, NdpCapture, arp_query, ndp_query, wait_until
from lab.wait import stays

POOLS = [{"name": "lan", "addresses": ["10.77.0.200/32", "fd77::200/128"]}]
BOTH = ("10.77.0.200", "fd77::200")
DUAL = {"ipFamilyPolicy": "RequireDualStack"}


def macs(lab, ip):
    """Who answers, by MAC."""
    return [answer[0] for answer in (ndp_query if ":" in ip else arp_query)(lab, ip, 0.2)]


def answered_by(lab, mac, seconds=expect.SOON):
    for ip in BOTH:
        wait_until(lambda ip=ip: macs(lab, ip) == ([mac] if mac else []), seconds, f"{ip} is answered by {mac}")


def warnings(daemon):
    return daemon.ctl("status", "-j")["warnings"]


def warned(daemon, text, seconds=expect.SOON):
    wait_until(lambda: any(text in w for w in warnings(daemon)), seconds, f"a warning with '{text}'")


def not_warned(daemon, text, seconds=expect.SOON):
    wait_until(lambda: not any(text in w for w in warnings(daemon)), seconds, f"no warning with '{text}'")


def add_link(lab, node, name, mac):
    """A second interface of the node on the same switch."""
    lab.ip(None, "link", "add", name, "address", mac, "netns", lab.ns(node),
           "type", "veth", "peer", "name", f"p-{name}", "netns", lab.ns("fab"))
    lab.ip("fab", "link", "set", f"p-{name}", "master", "br0", "up")
    lab.ip(node, "link", "set", name, "up")


def remove_link(lab, node, name):
    lab.run(node, "ip", "link", "del", name, check=False)


def test_interfaces_come_change_and_go(api, lab, deployment):
    """The whole life of an interface that an advertisement names."""
    first, other = "02:77:00:00:02:11", "02:77:00:00:02:12"
    daemon = deployment.start(pools=POOLS, change={"l2-advertisements": [{"name": "named", "interfaces": ["lan*"]}]})
    try:
        warned(daemon, 'l2-advertisement "named": no interface matches "lan*"')
        api.create_service("web", **DUAL)
        expect.addresses(api, "web")
        answered_by(lab, None)
        add_link(lab, "node1", "lan0", first)
        answered_by(lab, first)
        not_warned(daemon, "l2-advertisement")
        # renamed: by a name that matches it goes on, by another it stops
        lab.ip("node1", "link", "set", "lan0", "down")
        lab.ip("node1", "link", "set", "lan0", "name", "wan0")
        lab.ip("node1", "link", "set", "wan0", "up")
        answered_by(lab, None)
        warned(daemon, "no interface matches")
        lab.ip("node1", "link", "set", "wan0", "down")
        lab.ip("node1", "link", "set", "wan0", "name", "lan1")
        lab.ip("node1", "link", "set", "lan1", "up")
        answered_by(lab, first)
        # a port of a bridge is no interface to announce on
        lab.ip("node1", "link", "add", "virbr9", "type", "bridge")
        lab.ip("node1", "link", "set", "lan1", "master", "virbr9")
        warned(daemon, "lan1 is a port of a bridge or bond")
        answered_by(lab, None)
        lab.ip("node1", "link", "set", "lan1", "nomaster")
        answered_by(lab, first)
        # another MAC: announced with it at once, and answered with it
        with ArpCapture(lab) as arp, NdpCapture(lab) as ndp:
            changed = time.monotonic()
            lab.ip("node1", "link", "set", "lan1", "address", other)
            wait_until(lambda: [f for f in arp.announcements(BOTH[0], changed) if f.sha == other] and
                       [f for f in ndp.announcements(BOTH[1], changed) if f.mac == other], 1.2, "announced with the new MAC")
        answered_by(lab, other)
        lab.ip("node1", "link", "set", "lan1", "mtu", "1400")
        answered_by(lab, other)
        # below the least that IPv6 can do, IPv4 goes on
        lab.ip("node1", "link", "set", "lan1", "mtu", "1200")
        wait_until(lambda: macs(lab, BOTH[1]) == [], expect.SOON, "no IPv6 without IPv6")
        assert macs(lab, BOTH[0]) == [other]
        remove_link(lab, "node1", "lan1")
        answered_by(lab, None)
        warned(daemon, "no interface matches")
    finally:
        for name in ("lan0", "lan1", "wan0", "virbr9"):
            remove_link(lab, "node1", name)


def test_a_node_without_the_interface_leaves_it_to_others(api, lab, deployment):
    """Both nodes have it; the owner loses it; the other takes over."""
    links = {"node1": "02:77:00:00:02:11", "node2": "02:77:00:00:02:22"}
    for node, mac in links.items():
        add_link(lab, node, "lan0" if node == "node1" else "lan2", mac)
    try:
        daemons = {d.node: d for d in deployment.start(2, pools=POOLS, change={
            "l2-advertisements": [{"name": "named", "interfaces": ["lan*"]}]})}
        api.create_service("web", ipFamilies=["IPv4"])
        ip = expect.address(api, "web", BOTH[0])
        mac = wait_until(lambda: macs(lab, ip) or None, expect.SOON, "answered")[0]
        owner = next(n for n in links if links[n] == mac)
        left = next(n for n in links if n != owner)
        remove_link(lab, owner, "lan0" if owner == "node1" else "lan2")
        wait_until(lambda: macs(lab, ip) == [links[left]], expect.SOON, "the other node answers")
        warned(daemons[owner], "no interface matches")
        # Said on the Service too: who has it now, once for each owner.
        expect.event(api, "web", "nodeAssigned", containing=f'"{owner}"')
        expect.event(api, "web", "nodeAssigned", containing=f'"{left}"')
    finally:
        remove_link(lab, "node1", "lan0")
        remove_link(lab, "node2", "lan2")


def test_kube_ipvs_without_strict_arp_is_said(api, lab, deployment):
    """kube-ipvs0 has the addresses of all Services: they are nobody's own, and the kernel must not answer for them."""
    lab.ip("node1", "link", "add", "kube-ipvs0", "type", "veth", "peer", "name", "kube-peer")
    lab.ip("node1", "addr", "add", f"{BOTH[0]}/32", "dev", "kube-ipvs0")
    lab.sysctl("node1", "net.ipv4.conf.all.arp_ignore=0")
    try:
        daemon = deployment.start(pools=POOLS)
        warned(daemon, "without strictARP: this node's kernel answers ARP for the addresses of all Services on eth0")
        assert not any("own addresses" in w for w in warnings(daemon))
        lab.sysctl("node1", "net.ipv4.conf.all.arp_ignore=1")
        lab.ip("node1", "link", "set", "kube-ipvs0", "up")
        not_warned(daemon, "strictARP")
        # The address is given all the same: kube-proxy has it there since a Service has it.
        api.create_service("web", **DUAL)
        assert BOTH[0] in expect.addresses(api, "web")
        assert daemon.output().count("without strictARP") == 1
    finally:
        remove_link(lab, "node1", "kube-ipvs0")
        lab.sysctl("node1", "net.ipv4.conf.all.arp_ignore=0")


def test_a_link_set_down_is_not_replaced_by_another_lan(api, lab, deployment):
    """The kernel takes IPv6 addresses from a link that is set down: what is announced there is no matter for other LANs."""
    lan = "02:77:00:00:02:11"
    addresses = ("10.78.0.200", "fd78::200")
    add_link(lab, "node1", "lan0", lan)
    try:
        lab.ip("node1", "addr", "add", "10.78.0.1/24", "dev", "lan0")
        lab.ip("node1", "addr", "add", "fd78::1/64", "dev", "lan0", "nodad")
        daemon = deployment.start(pools=[{"name": "lan", "addresses": [f"{addresses[0]}/32", f"{addresses[1]}/128"]}])
        api.create_service("web", **DUAL)
        expect.addresses(api, "web")
        for ip in addresses:
            wait_until(lambda ip=ip: macs(lab, ip) == [lan], expect.SOON, f"{ip} is announced on lan0")
        lab.ip("node1", "link", "set", "lan0", "down")
        for ip in addresses:
            wait_until(lambda ip=ip: not macs(lab, ip), expect.SOON, f"{ip} is announced no more")
        stays(lambda: not macs(lab, addresses[1]), 2, "nor anywhere else")
        here = [a["here"] for a in daemon.ctl("explain", "default/web", "-j")["addresses"]]
        assert [h["reason"] for h in here] == ["interfaceMissing"] * 2 and "lan0 is down" in here[1]["message"]
    finally:
        remove_link(lab, "node1", "lan0")
