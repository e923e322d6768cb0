"""A client that uses an address all the time, and one that counts who answers ARP for it.

    with Answerers(lab), Probe(lab, ip) as probe, ArpWatch(lab, [ip]) as watch:
        ...
    probe.result().lost, probe.result().longest_gap, watch.overlaps(ip)

Probe sends a datagram (or opens a connection) each 5 ms and notes which node answered each; nothing is sent again, so
what is lost is lost. Times are time.monotonic(). A gap is measured by times of sending: from the last probe that was
answered before it to the first one after it. ArpWatch asks by broadcast and notes every answer to every request, so that
two owners are seen even while traffic goes to one of them.
"""

import collections
import errno
import os
import selectors
import socket
import struct
import sys
import threading
import time

from .arp import BROADCAST, ETHERNET_IPV4, open_socket, parse
from .process import Process
from .wait import wait_until

PORT = 7777
# A probe that is answered later than this is lost: before TCP sends its first segment again.
PATIENCE = 0.9

# first, last: times of sending of the first and the last probe in a row that this node answered.
Span = collections.namedtuple("Span", "node first last count")
# gaps: [(begin, length)] of every gap, in order.
Result = collections.namedtuple("Result", "sent lost longest_gap spans gaps")


class Answerers:
    """Every node answers probes to the addresses, whoever announces them, as kube-proxy and an endpoint would."""

    def __init__(self, lab, addresses="10.77.0.200-10.77.0.239"):
        self._lab, self._addresses = lab, addresses
        self._process = None

    def __enter__(self):
        log = f"/tmp/{self._lab.prefix}answerer-{os.getpid()}.log"
        if os.path.exists(log):
            os.unlink(log)
        for node in self._lab.nodes:
            self._lab.run(node, "nft", "-f", "-", input=f"""
                table ip probe {{
                    chain prerouting {{
                        type nat hook prerouting priority dstnat;
                        ip daddr {self._addresses} meta l4proto {{ tcp, udp }} th dport {PORT} redirect to :{PORT}
                    }}
                }}""")
        nodes = [f"{node}={self._lab.ns(node)}" for node in self._lab.nodes]
        program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "answerer.py")
        self._process = Process([sys.executable, program, PORT, *nodes], None, log)
        wait_until(lambda: "ready" in self._process.output(), 10, "the nodes' answerer is ready")
        os.unlink(log)
        return self

    def __exit__(self, *_):
        self._process.kill()
        for node in self._lab.nodes:
            self._lab.run(node, "nft", "delete", "table", "ip", "probe", check=False)


class Probe:
    """One address, one probe each `interval` seconds, from a member's namespace; by UDP or by TCP connections."""

    def __init__(self, lab, address, interval=0.005, tcp=False, member="client"):
        self._lab, self._address, self._interval, self._tcp, self._member = lab, address, interval, tcp, member
        self._sent = []         # time of sending
        self._answers = {}      # number of the probe -> node
        self._waiting = {}      # TCP: socket -> number of the probe
        self._selector = selectors.DefaultSelector()
        self._udp = None
        self._stop = threading.Event()
        self._end = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        try:
            wait_until(lambda: len(self._answers) > 10, 10, f"probes to {self._address} are answered")
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self._stop.set()
        self._thread.join()

    def _open(self, kind):
        sock = socket.socket(socket.AF_INET, kind)
        sock.setblocking(False)
        return sock

    def _run(self):
        # A thread has a namespace of its own.
        with self._lab.enter(self._member):
            if not self._tcp:
                self._udp = self._open(socket.SOCK_DGRAM)
                self._selector.register(self._udp, selectors.EVENT_READ)
            due = time.monotonic()
            while not self._stop.is_set():
                now = time.monotonic()
                if now >= due:
                    self._send(now)
                    # A tick that was missed is not made up for: that would be a burst.
                    due = max(due + self._interval, now)
                self._receive(max(0.0, due - time.monotonic()))
            end = time.monotonic() + PATIENCE
            while len(self._answers) < len(self._sent) and time.monotonic() < end:
                self._receive(end - time.monotonic())
            for sock in list(self._waiting):
                self._forget(sock)
            if self._udp:
                self._udp.close()
            self._selector.close()

    def _send(self, now):
        number = len(self._sent)
        self._sent.append(now)
        try:
            if self._udp:
                self._udp.sendto(b"%d" % number, (self._address, PORT))
                return
            sock = self._open(socket.SOCK_STREAM)
            # An end by RST leaves nothing behind: no TIME_WAIT for each of 200 connections a second.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if sock.connect_ex((self._address, PORT)) not in (0, errno.EINPROGRESS):
                sock.close()
                return
        except OSError:
            return      # No neighbour: lost.
        self._waiting[sock] = number
        self._selector.register(sock, selectors.EVENT_READ)
        # The oldest are lost by now.
        for old in list(self._waiting):
            if self._sent[self._waiting[old]] > now - PATIENCE:
                break
            self._forget(old)

    def _forget(self, sock):
        del self._waiting[sock]
        self._selector.unregister(sock)
        sock.close()

    def _receive(self, seconds):
        for key, _ in self._selector.select(seconds):
            sock = key.fileobj
            try:
                data = sock.recv(512)
            except OSError:
                data = b""
            if sock is self._udp:
                if data:
                    node, number = data.split()
                    self._note(int(number), node)
            else:
                if data:
                    self._note(self._waiting[sock], data.strip())
                self._forget(sock)

    def _note(self, number, node):
        if time.monotonic() - self._sent[number] <= PATIENCE:
            self._answers.setdefault(number, node.decode())

    # What was seen; also while it runs, but for the last moments.

    def result(self, since=0.0):
        """Of the probes sent from `since` on. While it runs, those of the last PATIENCE seconds do not count."""
        sent, answers = list(self._sent), dict(self._answers)
        end = float("inf") if not self._thread.is_alive() else time.monotonic() - PATIENCE
        numbers = [n for n, at in enumerate(sent) if since <= at <= end]
        spans, gaps, last = [], [], None
        for n in numbers:
            node = answers.get(n)
            if node is None:
                continue
            before = numbers[0] - 1 if last is None else last
            if n != before + 1:
                begin = sent[max(before, numbers[0])]
                gaps.append((begin, sent[n] - begin))
            if spans and spans[-1].node == node:
                spans[-1] = spans[-1]._replace(last=sent[n], count=spans[-1].count + 1)
            else:
                spans.append(Span(node, sent[n], sent[n], 1))
            last = n
        if numbers and last != numbers[-1]:
            begin = sent[numbers[0] if last is None else last]
            gaps.append((begin, sent[numbers[-1]] - begin))
        lost = sum(1 for n in numbers if n not in answers)
        return Result(len(numbers), lost, max((length for _, length in gaps), default=0.0), spans, gaps)

    def node(self):
        """Who answered last."""
        answers = dict(self._answers)
        return answers[max(answers)] if answers else None


# One request of an ArpWatch: when it was sent, and which MACs answered it.
Asked = collections.namedtuple("Asked", "t macs")


class ArpWatch:
    """Asks for each address each `interval` seconds; every answer is matched with its request.

    Its requests come from an address of its own, which no node ever sends to, and from 256 MACs in turn: the answer goes
    to the MAC that asked, so a late one is not taken for an answer to the next request.
    """

    SOURCE = "10.77.0.250"

    def __init__(self, lab, addresses, interval=0.05, member="client"):
        self._lab, self._interval = lab, interval
        self._asked = {address: [] for address in addresses}
        self._open = {}         # (address, MAC that asked) -> Asked
        self._socket = open_socket(lab, member)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self._end.set()
        self._thread.join()
        self._socket.close()

    def _run(self):
        number, due = 0, time.monotonic()
        while not self._end.is_set():
            now = time.monotonic()
            if now >= due:
                self._ask(number, now)
                number += 1
                due = max(due + self._interval, now)
            self._receive(max(0.001, due - time.monotonic()))
        # The last answers may be late on a busy machine.
        end = time.monotonic() + 1
        while time.monotonic() < end and not all(asked and asked[-1].macs for asked in self._asked.values()):
            self._receive(0.05)
        self._receive(0.05)

    def _ask(self, number, now):
        mac = bytes((2, 0x77, 0, 0, 2, number % 256))
        for address, asked in self._asked.items():
            asked.append(Asked(now, []))
            self._open[address, mac.hex(":")] = asked[-1]
            self._socket.send(BROADCAST + mac + ETHERNET_IPV4 + struct.pack("!H", 1) + mac +
                              socket.inet_aton(self.SOURCE) + bytes(6) + socket.inet_aton(address))

    def _receive(self, seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                frame = parse(self._socket.recv(2048), time.monotonic())
            except TimeoutError:
                return
            asked = frame and frame.kind == "reply" and self._open.get((frame.spa, frame.eth_dst))
            if asked:
                asked.macs.append(frame.eth_src)

    def _settled(self, address, since):
        """Requests whose answers had time to come."""
        end = time.monotonic() - (0.2 if self._thread.is_alive() else 0.0)
        return [a for a in list(self._asked[address]) if since <= a.t <= end]

    def spans(self, address, since=0.0):
        """Who answered when: [Span]. Overlapping where two nodes answered the same requests."""
        spans, current = [], {}
        for asked in self._settled(address, since):
            nodes = {self._lab.owner(mac) or mac for mac in asked.macs}
            for node in nodes:
                if node in current:
                    spans[current[node]] = spans[current[node]]._replace(
                        last=asked.t, count=spans[current[node]].count + 1)
                else:
                    current[node] = len(spans)
                    spans.append(Span(node, asked.t, asked.t, 1))
            if nodes:
                current = {node: i for node, i in current.items() if node in nodes}
        return spans

    def overlaps(self, address, since=0.0):
        """When more than one MAC answered: [(begin, length, nodes)]. The length is between requests: at least what it says."""
        found, last = [], None
        for i, asked in enumerate(self._settled(address, since)):
            nodes = sorted({self._lab.owner(mac) or mac for mac in asked.macs})
            if len(nodes) < 2:
                continue
            if last == i - 1:
                begin, _, before = found[-1]
                found[-1] = (begin, asked.t - begin, sorted({*before, *nodes}))
            else:
                found.append((asked.t, 0.0, nodes))
            last = i
        return found

    def unanswered(self, address, since=0.0):
        """(requests, those without an answer, the longest time without one in seconds)."""
        asked = self._settled(address, since)
        longest, begin = 0.0, None
        for a in asked:
            if a.macs:
                begin = None
            else:
                begin = a.t if begin is None else begin
                longest = max(longest, a.t - begin + self._interval)
        return len(asked), sum(1 for a in asked if not a.macs), longest
