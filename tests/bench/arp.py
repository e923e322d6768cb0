"""ARP and NDP clients on packet sockets.

Times are the kernel's own stamps of the request on its way out and of the reply on its way in, both on the client's
interface: what this program takes to write and to wake up is in neither.
"""

import select
import socket
import struct
import time

ETH_P_ALL, ETH_P_ARP, ETH_P_IPV6 = 3, 0x0806, 0x86dd
SO_TIMESTAMPNS = 35
REQUEST, REPLY = 1, 2
SOLICITATION, ADVERTISEMENT, ICMPV6 = 135, 136, 58


class Arp:
    def __init__(self, net, member):
        address, mac = net.members[member]
        self.mac = bytes.fromhex(mac.replace(":", ""))
        self.address = socket.inet_aton(address)
        with net.inside(member):
            # Of all protocols, for only such sockets see what goes out, and one for sending: its own it would not see.
            self.out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self.out.bind(("eth0", 0))
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            self.sock.bind(("eth0", ETH_P_ALL))
        self.sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.sock.setblocking(False)

    def close(self):
        self.out.close()
        self.sock.close()

    def ask(self, address):
        target = socket.inet_aton(address)
        self.out.send(b"\xff" * 6 + self.mac + struct.pack("!HHHBBH", ETH_P_ARP, 1, 0x0800, 6, 4, REQUEST) +
                      self.mac + self.address + bytes(6) + target)

    def parse(self, frame):
        """(operation, asked or answering address) of a frame of ours, or None."""
        if len(frame) < 42 or frame[12:14] != b"\x08\x06":
            return None
        operation = struct.unpack_from("!H", frame, 20)[0]
        if operation == REQUEST and frame[6:12] == self.mac:
            return operation, socket.inet_ntoa(frame[38:42])
        if operation == REPLY and frame[0:6] == self.mac:
            return operation, socket.inet_ntoa(frame[28:32])
        return None

    def frames(self, seconds):
        """What was seen, waiting at most so long for the first: (seconds, operation, asked or answering address)."""
        if not select.select([self.sock], [], [], seconds)[0]:
            return
        while True:
            try:
                frame, control, _, _ = self.sock.recvmsg(128, 64)
            except BlockingIOError:
                return
            found = self.parse(frame)
            if found is None:
                continue
            sec, nsec = struct.unpack("qq", control[0][2][:16])
            yield sec + nsec / 1e9, *found

    def latency(self, address, seconds=1.0):
        """From the request to its reply, or None."""
        list(self.frames(0))
        self.ask(address)
        end, asked = time.monotonic() + seconds, None
        while (left := end - time.monotonic()) > 0:
            for at, operation, about in self.frames(left):
                if about != address:
                    continue
                if operation == REQUEST:
                    asked = at
                elif asked is not None:
                    return at - asked
        return None

    def first_reply(self, address, seconds, interval=0.001):
        """Asks again and again; the monotonic time of the first reply, or None."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.ask(address)
            until = time.monotonic() + interval
            while (left := until - time.monotonic()) > 0:
                for at, operation, about in self.frames(left):
                    if operation == REPLY and about == address:
                        return at - time.time() + time.monotonic()
        return None


def _checksum(src, dst, message):
    data = src + dst + struct.pack("!IHBB", len(message), 0, 0, ICMPV6) + message
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


class Ndp(Arp):
    """The same questions by neighbour solicitations to the solicited-node group."""

    def __init__(self, net, member):
        super().__init__(net, member)
        self.address = socket.inet_pton(socket.AF_INET6, net.ipv6(member))

    def ask(self, address):
        target = socket.inet_pton(socket.AF_INET6, address)
        group = bytes.fromhex("ff0200000000000000000001ff") + target[13:]
        message = struct.pack("!BBHI", SOLICITATION, 0, 0, 0) + target + b"\x01\x01" + self.mac
        message = message[:2] + struct.pack("!H", _checksum(self.address, group, message)) + message[4:]
        self.out.send(b"\x33\x33" + group[12:] + self.mac + struct.pack("!HIHBB", ETH_P_IPV6, 6 << 28, len(message),
                                                                       ICMPV6, 255) + self.address + group + message)

    def parse(self, frame):
        if len(frame) < 78 or frame[12:14] != b"\x86\xdd" or frame[20] != ICMPV6:
            return None
        target = socket.inet_ntop(socket.AF_INET6, frame[62:78])
        if frame[54] == SOLICITATION and frame[6:12] == self.mac:
            return REQUEST, target
        if frame[54] == ADVERTISEMENT and frame[0:6] == self.mac:
            return REPLY, target
        return None
