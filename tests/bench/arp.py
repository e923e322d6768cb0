"""An ARP client on a packet socket.

Times are the kernel's own stamps of the request on its way out and of the reply on its way in, both on the client's
interface: what this program takes to write and to wake up is in neither.
"""

import select
import socket
import struct
import time

ETH_P_ALL, ETH_P_ARP = 3, 0x0806
SO_TIMESTAMPNS = 35
REQUEST, REPLY = 1, 2


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

    def frames(self, seconds):
        """What was seen, waiting at most so long for the first: (seconds, operation, asked or answering address)."""
        if not select.select([self.sock], [], [], seconds)[0]:
            return
        while True:
            try:
                frame, control, _, _ = self.sock.recvmsg(128, 64)
            except BlockingIOError:
                return
            if len(frame) < 42 or frame[12:14] != b"\x08\x06":
                continue
            operation = struct.unpack_from("!H", frame, 20)[0]
            if operation == REQUEST and frame[6:12] == self.mac:
                address = frame[38:42]
            elif operation == REPLY and frame[0:6] == self.mac:
                address = frame[28:32]
            else:
                continue
            sec, nsec = struct.unpack("qq", control[0][2][:16])
            yield sec + nsec / 1e9, operation, socket.inet_ntoa(address)

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
