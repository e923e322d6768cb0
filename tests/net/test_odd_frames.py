"""Frames that no well-behaved host sends: no answer, and a counter that names the cause. Made by scapy, whose encoders are not ours."""

import time

from scapy.layers.inet import UDP
from scapy.layers.inet6 import (ICMPv6EchoRequest, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr,
                                ICMPv6NDOptUnknown, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop)
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether
from scapy.packet import Raw

import expect
from lab import ndp, wait_until
from lab.arp import open_socket as open_arp
from lab.ndp import open_socket as open_ndp

V4, V6 = "10.77.0.200", "fd77::200"
POOLS = [{"name": "lan", "addresses": [f"{V4}/32", f"{V6}/128"]}]
GROUP, GROUP_MAC = ndp.solicited_node(V6), ndp.group_mac(ndp.solicited_node(V6))
CLIENT, CLIENT_MAC, NODE_MAC = "fd77::100", "02:77:00:00:01:00", "02:77:00:00:00:11"
BROADCAST = "ff:ff:ff:ff:ff:ff"


def ether(dst=GROUP_MAC, src=CLIENT_MAC):
    return Ether(dst=dst, src=src)


def arp(**change):
    fields = {"op": 1, "hwsrc": CLIENT_MAC, "psrc": "10.77.0.100", "hwdst": "00:00:00:00:00:00", "pdst": V4}
    return ARP(**{**fields, **change})


def ipv6(src=CLIENT, dst=GROUP, hlim=255):
    return IPv6(src=src, dst=dst, hlim=hlim)


def ns(target=V6, **change):
    return ICMPv6ND_NS(tgt=target, **change)


SLLA = ICMPv6NDOptSrcLLAddr(lladdr=CLIENT_MAC)

# IPv6 packets cut short are left to the unit tests: a bridge with br_netfilter drops them.
# What the daemon calls the cause; None: dropped by the kernel's filter, before anybody could count.
ODD = {
    "arp op 3": (arp(op=3), "arp", None),
    "arp hardware type": (arp(hwtype=6), "arp", "not-ethernet"),
    "arp hardware length": (arp(hwlen=8), "arp", "not-ethernet"),
    "arp protocol type": (arp(ptype=0x86dd, psrc="10.77.0.100", plen=4), "arp", "not-ipv4"),
    "arp protocol length": (arp(plen=16), "arp", "not-ipv4"),
    "arp sender is a group's MAC": (arp(hwsrc="01:00:5e:00:00:01"), "arp", "bad-sender"),
    "arp sender is the broadcast MAC": (arp(hwsrc=BROADCAST), "arp", "bad-sender"),
    "arp sender is the zero MAC": (arp(hwsrc="00:00:00:00:00:00"), "arp", "bad-sender"),
    "arp sender is a group's address": (arp(psrc="224.0.0.1"), "arp", "bad-sender"),
    "arp sender is the broadcast address": (arp(psrc="255.255.255.255"), "arp", "bad-sender"),
    "arp truncated": (Raw(bytes(arp())[:24]), "arp", "short"),
    "hop limit 254": (ipv6(hlim=254) / ns() / SLLA, "ndp", "bad-hop-limit"),
    "hop limit 1": (ipv6(hlim=1) / ns() / SLLA, "ndp", "bad-hop-limit"),
    "checksum": (ipv6() / ns(cksum=0x1234) / SLLA, "ndp", "bad-checksum"),
    "code 1": (ipv6() / ns(code=1) / SLLA, "ndp", "bad-code"),
    "target is a group": (ipv6() / ns("ff02::1") / SLLA, "ndp", "bad-target"),
    "target is ::": (ipv6() / ns("::") / SLLA, "ndp", "bad-target"),
    "option of length 0": (ipv6() / ns() / ICMPv6NDOptUnknown(type=1, len=0, data=bytes(6)), "ndp", "bad-option"),
    "option beyond the end": (ipv6() / ns() / ICMPv6NDOptUnknown(type=1, len=4, data=bytes(6)), "ndp", "bad-option"),
    "half an option": (ipv6() / ns() / Raw(b"\x01"), "ndp", "bad-option"),
    "source is a group": (ipv6(src="ff02::5") / ns() / SLLA, "ndp", "bad-sender"),
    "source MAC is a group's": (ipv6() / ns() / ICMPv6NDOptSrcLLAddr(lladdr="33:33:00:00:00:01"), "ndp", "bad-sender"),
    "probe with a source MAC": (ipv6(src="::") / ns() / SLLA, "ndp", "probe-with-mac"),
    "probe to all nodes": (ipv6(src="::", dst="ff02::1") / ns(), "ndp", "bad-destination"),
    "probe by unicast": (ipv6(src="::", dst=V6) / ns(), "ndp", "bad-destination"),
    "solicited advertisement to a group": (ipv6(dst="ff02::1") / ICMPv6ND_NA(tgt=V6, S=1, O=1) /
                                           ICMPv6NDOptDstLLAddr(lladdr=CLIENT_MAC), "ndp", "bad-destination"),
    "behind hop-by-hop options": (ipv6() / IPv6ExtHdrHopByHop() / ns() / SLLA, "ndp", "extension-header"),
    "behind destination options": (ipv6() / IPv6ExtHdrDestOpt() / ns() / SLLA, "ndp", "extension-header"),
    "a fragment (RFC 6980)": (ipv6() / IPv6ExtHdrFragment() / ns() / SLLA, "ndp", "extension-header"),
    "UDP to the group": (ipv6() / UDP(sport=1, dport=2), "ndp", "not-ndp"),
    "echo request to the group": (ipv6() / ICMPv6EchoRequest(), "ndp", None),
    "arp in an 802.1Q tag": (Dot1Q(vlan=7) / arp(), "arp", "tagged"),
    "solicitation in an 802.1Q tag": (Dot1Q(vlan=7) / ipv6() / ns() / SLLA, "ndp", "tagged"),
    "solicitation in two tags": (Dot1AD(vlan=9) / Dot1Q(vlan=7) / ipv6() / ns() / SLLA, "ndp", None),
}
# A tagged frame reaches a socket of one protocol as another host's, and the filter drops it: no answer is what counts.
FILTERED = ("arp in an 802.1Q tag", "solicitation in an 802.1Q tag")




def causes(daemon, protocol):
    return daemon.ctl("l2", "-j")["frames"][protocol]["causes"]


def frame_of(kind):
    packet, protocol, cause = ODD[kind]
    tagged = packet.haslayer(Dot1Q) or packet.haslayer(Dot1AD)
    header = Ether(dst=BROADCAST if protocol == "arp" else GROUP_MAC, src=CLIENT_MAC)
    if not tagged:
        header.type = 0x0806 if protocol == "arp" else 0x86dd
    return bytes(header / packet), protocol, None if kind in FILTERED else cause


def answers(s, since, seconds=0.15):
    """What node1 sends to anybody about the addresses, for a moment."""
    heard = []
    while (left := since + seconds - time.monotonic()) > 0:
        s.settimeout(left)
        try:
            frame = s.recv(2048)
        except TimeoutError:
            break
        # The node's kernel answers pings to a group that is joined: that is none of ours.
        ours = frame[12:14] == b"\x08\x06" or (frame[20] == 58 and frame[54] == ndp.ADVERTISEMENT)
        if frame[6:12].hex(":") == NODE_MAC and frame[0:6].hex(":") == CLIENT_MAC and ours:
            heard.append(frame)
    return heard


def test_odd_frames_are_not_answered_and_counted(api, lab, deployment):
    daemon = deployment.start(pools=POOLS)
    api.create_service("web", ipFamilyPolicy="RequireDualStack")
    for ip in expect.addresses(api, "web"):
        expect.owner(lab, ip)
    problems = []
    with open_arp(lab, "client") as arp_socket, open_ndp(lab, "client") as ndp_socket:
        for kind in ODD:
            frame, protocol, cause = frame_of(kind)
            s = arp_socket if protocol == "arp" else ndp_socket
            before = causes(daemon, protocol)
            sent = time.monotonic()
            s.send(frame)
            if answers(s, sent):
                problems.append(f"{kind}: answered")
            after = causes(daemon, protocol)
            grown = [c for c in after if after[c] > before.get(c, 0)]
            if grown != ([cause] if cause else []):
                problems.append(f"{kind}: counted as {grown}, not {cause}")
    assert not problems, "\n".join(problems)
    # It still answers what is in order.
    for ip in (V4, V6):
        assert expect.owners(lab, ip) == ["node1"]


def test_own_frames_that_come_back_are_ignored(api, lab, deployment):
    """Sent by the switch with the node's own MAC: no answer, no conflict."""
    daemon = deployment.start(pools=POOLS)
    api.create_service("web", ipFamilyPolicy="RequireDualStack")
    for ip in expect.addresses(api, "web"):
        expect.owner(lab, ip)
    def own(protocol):
        return daemon.ctl("l2", "-j")["frames"][protocol]["own"]
    before = {p: own(p) for p in ("arp", "ndp")}
    # The bridge takes nothing in from a MAC that it knows on another port, but it forwards.
    with open_arp(lab, "client") as s:
        s.send(bytes(Ether(dst=BROADCAST, src=CLIENT_MAC) /
                     arp(op=2, hwsrc=NODE_MAC, psrc=V4, hwdst=NODE_MAC)))
    with open_ndp(lab, "client") as s:
        s.send(bytes(Ether(dst="33:33:00:00:00:01", src=CLIENT_MAC) / ipv6(src=V6, dst="ff02::1") /
                     ICMPv6ND_NA(tgt=V6, S=0, O=1) / ICMPv6NDOptDstLLAddr(lladdr=NODE_MAC)))
    wait_until(lambda: own("arp") > before["arp"] and own("ndp") > before["ndp"], expect.SOON, "both are counted as own")
    addresses = daemon.ctl("l2", "-j")["addresses"]
    assert [a["claims"] for a in addresses] == [0, 0]
    assert not api.events("web", "AddressConflict")
