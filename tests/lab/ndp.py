"""Neighbour discovery as a client on the LAN sees it: the counterpart of arp.py for IPv6."""

import collections
import ipaddress
import socket
import struct
import threading
import time

ETH_P_IPV6 = 0x86dd
SOLICITATION, ADVERTISEMENT = 135, 136
ALL_NODES = "ff02::1"
SOURCE_MAC, TARGET_MAC = 1, 2
ROUTER, SOLICITED, OVERRIDE = 0x80, 0x40, 0x20

# t: time.monotonic() of arrival. type: 135 or 136. flags: of an advertisement. mac: of the option, or None.
NdpFrame = collections.namedtuple("NdpFrame", "t type eth_src eth_dst src dst target flags mac hops")


def _mac(octets):
    return octets.hex(":")


def _octets(mac):
    return bytes.fromhex(mac.replace(":", ""))


def _text(packed):
    return str(ipaddress.IPv6Address(packed))


def _packed(address):
    return ipaddress.IPv6Address(address).packed


def solicited_node(address):
    return _text(_packed("ff02::1:ff00:0")[:13] + _packed(address)[13:])


def group_mac(group):
    return _mac(b"\x33\x33" + _packed(group)[12:])


def checksum(src, dst, message):
    data = _packed(src) + _packed(dst) + struct.pack("!IHBB", len(message), 0, 0, 58) + message
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def build(kind, eth_src, eth_dst, src, dst, target, flags=0, mac=None):
    """An Ethernet frame."""
    message = struct.pack("!BBHB3x", kind, 0, 0, flags) + _packed(target)
    if mac:
        message += bytes([SOURCE_MAC if kind == SOLICITATION else TARGET_MAC, 1]) + _octets(mac)
    message = message[:2] + struct.pack("!H", checksum(src, dst, message)) + message[4:]
    return (_octets(eth_dst) + _octets(eth_src) + struct.pack("!HIHBB", ETH_P_IPV6, 6 << 28, len(message), 58, 255) +
            _packed(src) + _packed(dst) + message)


def parse(frame, now):
    """The NdpFrame in an Ethernet frame, or None. A wrong checksum is an error: nobody here may send one."""
    if len(frame) < 78 or frame[12:14] != b"\x86\xdd" or frame[20] != 58 or frame[54] not in (SOLICITATION, ADVERTISEMENT):
        return None
    length = struct.unpack_from("!H", frame, 18)[0]
    message, src, dst = frame[54:54 + length], _text(frame[22:38]), _text(frame[38:54])
    if checksum(src, dst, message):
        raise AssertionError(f"neighbour discovery from {src}: wrong checksum: {frame.hex()}")
    option = message[26:32] if length >= 32 and message[24] in (SOURCE_MAC, TARGET_MAC) else None
    return NdpFrame(now, message[0], _mac(frame[6:12]), _mac(frame[0:6]), src, dst, _text(message[8:24]), message[4],
                    _mac(option) if option else None, frame[21])


def open_socket(lab, member):
    with lab.enter(member):
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_IPV6))
        s.bind(("eth0", ETH_P_IPV6))
    return s


class NdpCapture:
    """Every solicitation and advertisement that reaches a member, from `with` on; frames() at any time."""

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

    def frames(self, address=None, kind=None, since=0.0):
        return [f for f in list(self._frames)
                if f.t >= since and kind in (None, f.type) and address in (None, f.target)]

    def announcements(self, address, since=0.0):
        return [f for f in self.frames(address, ADVERTISEMENT, since) if f.dst == ALL_NODES]

    def probes(self, address, since=0.0):
        return [f for f in self.frames(address, SOLICITATION, since) if f.src == "::"]


def ndp_query(lab, address, wait=0.25, member="client", unicast_to=None, source=None):
    """Asks who has `address` and returns every answer within `wait` seconds: [(MAC, milliseconds, NdpFrame)].

    source "::" makes it the probe of duplicate address detection, unicast_to the question of unreachability detection.
    """
    me, src = lab.mac(member), lab.ipv6(member) if source is None else source
    group = solicited_node(address)
    frame = build(SOLICITATION, me, unicast_to or group_mac(group), src, address if unicast_to else group, address,
                  mac=None if src == "::" else me)
    answers = []
    with open_socket(lab, member) as s:
        sent = time.monotonic()
        s.send(frame)
        while (left := sent + wait - time.monotonic()) > 0:
            s.settimeout(left)
            try:
                data = s.recv(2048)
            except TimeoutError:
                break
            answer = parse(data, time.monotonic())
            if not answer or answer.type != ADVERTISEMENT or answer.target != address:
                continue
            if answer.flags & SOLICITED or src == "::":
                if answer.mac != answer.eth_src:
                    raise AssertionError(f"advertisement of {address}: {answer.mac} inside, sent by {answer.eth_src}")
                answers.append((answer.mac, (answer.t - sent) * 1e3, answer))
    return answers


def announce6(lab, address, member="client", mac=None, override=True):
    """The member claims the address as its own: one unsolicited advertisement."""
    mac = mac or lab.mac(member)
    with open_socket(lab, member) as s:
        s.send(build(ADVERTISEMENT, mac, group_mac(ALL_NODES), address, ALL_NODES, address,
                     OVERRIDE if override else 0, mac))
