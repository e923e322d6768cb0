"""ARP as a client on the LAN sees it: frames captured with a packet socket, and questions asked with one."""

import collections
import socket
import struct
import threading
import time

ETH_P_ARP = 0x0806
ETHERNET_IPV4 = b"\x08\x06" b"\x00\x01\x08\x00\x06\x04"    # EtherType; hardware, protocol, their lengths
BROADCAST = b"\xff" * 6

# t: time.monotonic() of arrival. kind: request, reply, garp-request, garp-reply or probe.
ArpFrame = collections.namedtuple("ArpFrame", "t kind eth_src eth_dst sha spa tha tpa")


def _mac(octets):
    return octets.hex(":")


def _octets(mac):
    return bytes.fromhex(mac.replace(":", ""))


def parse(frame, now):
    """The ArpFrame in an Ethernet frame, or None."""
    if len(frame) < 42 or frame[12:20] != ETHERNET_IPV4:
        return None
    op, sha, spa, tha, tpa = struct.unpack("!H6s4s6s4s", frame[20:42])
    if op not in (1, 2):
        return None
    kind = "request" if op == 1 else "reply"
    if spa == bytes(4):
        kind = "probe"
    elif spa == tpa:
        kind = "garp-" + kind
    return ArpFrame(now, kind, _mac(frame[6:12]), _mac(frame[0:6]), _mac(sha), socket.inet_ntoa(spa),
                    _mac(tha), socket.inet_ntoa(tpa))


def open_socket(lab, member):
    """A packet socket for ARP on the member's eth0. Bound to one protocol it does not see what the member itself sends."""
    with lab.enter(member):
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ARP))
        s.bind(("eth0", ETH_P_ARP))
    return s


class ArpCapture:
    """Every ARP frame that reaches a member, from `with` on; frames() at any time."""

    def __init__(self, lab, member="client"):
        self._socket = open_socket(lab, member)
        self._socket.settimeout(0.1)
        self._frames = []
        self._end = False
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end = True
        self._thread.join()
        self._socket.close()

    def _read(self):
        while not self._end:
            try:
                frame = parse(self._socket.recv(2048), time.monotonic())
            except TimeoutError:
                continue
            if frame:
                self._frames.append(frame)

    def frames(self, address=None, kinds=None, since=0.0):
        """Those about `address` (as sender or target), of the kinds, not before `since`."""
        return [f for f in list(self._frames)
                if f.t >= since and (kinds is None or f.kind in kinds)
                and (address is None or address in (f.spa, f.tpa))]

    def announcements(self, address, since=0.0):
        return self.frames(address, ("garp-request", "garp-reply"), since)


def arp_query(lab, address, wait=0.25, member="client", unicast_to=None, source=None):
    """Asks who has `address` and returns every answer within `wait` seconds: [(MAC, milliseconds)].

    All answers are waited for, not the first: two owners must be seen.
    """
    me = _octets(lab.mac(member))
    spa = socket.inet_aton(lab.ipv4(member) if source is None else source)
    dst = BROADCAST if unicast_to is None else _octets(unicast_to)
    request = dst + me + ETHERNET_IPV4 + struct.pack("!H", 1) + me + spa + bytes(6) + socket.inet_aton(address)
    answers = []
    with open_socket(lab, member) as s:
        sent = time.monotonic()
        s.send(request)
        while (left := sent + wait - time.monotonic()) > 0:
            s.settimeout(left)
            try:
                data = s.recv(2048)
            except TimeoutError:
                break
            frame = parse(data, time.monotonic())
            if frame and frame.kind == "reply" and frame.spa == address and frame.tha == _mac(me):
                if frame.sha != frame.eth_src:
                    raise AssertionError(f"ARP reply for {address}: {frame.sha} inside, sent by {frame.eth_src}")
                answers.append((frame.sha, (frame.t - sent) * 1e3))
    return answers


def announce(lab, address, member="client"):
    """The member claims the address as its own: one gratuitous request."""
    me, ip = _octets(lab.mac(member)), socket.inet_aton(address)
    with open_socket(lab, member) as s:
        s.send(BROADCAST + me + ETHERNET_IPV4 + struct.pack("!H", 1) + me + ip + bytes(6) + ip)
