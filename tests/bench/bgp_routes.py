#!/usr/bin/python3
"""bgp_routes.py BUILD_DIR [COUNT]: how long a speaker takes to announce COUNT (10,000) host routes, and its CPU.

metallbd with COUNT Services, then BIRD and GoBGP with the same routes, each to the same collector: a socket that speaks
just enough BGP, counts prefixes and never makes anybody wait. Three runs each. The time is from the collector's KEEPALIVE,
with which the session is Established, to the last prefix; the CPU is the speaker's from before it connects to End-of-RIB.
Root, bird2 and gobgpd; use a build without sanitizers.
"""

import concurrent.futures
import os
import shutil
import socket
import statistics
import struct
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lab import Daemon, KubeSim, Lab, base_settings, wait_until  # noqa: E402
from lab.daemon import merged  # noqa: E402
from lab.routers import Bird, GoBgp  # noqa: E402

RUNS = 3
MARKER = b"\xff" * 16
ASN = 64512
# Multiprotocol IPv4 unicast, 4-octet AS.
CAPABILITIES = bytes([1, 4, 0, 1, 0, 1]) + bytes([65, 4]) + struct.pack("!I", ASN)


def message(kind, body=b""):
    return MARKER + struct.pack("!HB", 19 + len(body), kind) + body


OPEN = message(1, struct.pack("!BHHIB", 4, ASN, 90, 0x0a4d0001, len(CAPABILITIES) + 2) +
               bytes([2, len(CAPABILITIES)]) + CAPABILITIES)


def count_prefixes(body):
    """Of an UPDATE's IPv4 NLRI; -1 for End-of-RIB."""
    withdrawn = struct.unpack_from("!H", body)[0]
    attributes = struct.unpack_from("!H", body, 2 + withdrawn)[0]
    at = 4 + withdrawn + attributes
    if not withdrawn and not attributes and at == len(body):
        return -1
    count = 0
    while at < len(body):
        at += 1 + (body[at] + 7) // 8
        count += 1
    return count


def collect(listener, wanted):
    """One session: seconds from Established to the last prefix."""
    listener.settimeout(60)
    sock, _ = listener.accept()
    with sock:
        sock.settimeout(60)
        sock.sendall(OPEN)
        data, begin, last, total = b"", None, None, 0
        while True:
            part = sock.recv(1 << 20)
            if not part:
                raise RuntimeError(f"the speaker closed after {total} prefixes")
            data += part
            while len(data) >= 19 and len(data) >= (length := struct.unpack_from("!H", data, 16)[0]):
                kind, body, data = data[18], data[19:length], data[length:]
                if kind == 1:
                    sock.sendall(message(4))
                    begin = time.monotonic()
                elif kind == 2:
                    n = count_prefixes(body)
                    if n > 0:
                        total += n
                        last = time.monotonic()
                    if total >= wanted:
                        return last - begin


def cpu(pid):
    """Of all threads, in seconds, with the scheduler's precision."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as f:
            total += int(f.read().split()[0])
    return total / 1e9


def measure(name, listener, count, start):
    """start() makes the speaker connect, if it does not by itself; returns its pid."""
    times, costs = [], []
    for _ in range(RUNS):
        pid = start()
        before = cpu(pid)
        times.append(collect(listener, count))
        costs.append(cpu(pid) - before)
    print(f"{name:10} {statistics.median(times) * 1e3:8.0f} ms to the last route   {statistics.median(costs) * 1e3:8.0f} ms "
          f"of CPU   (of {RUNS}: {', '.join(f'{t * 1e3:.0f}' for t in times)}; CPU "
          f"{', '.join(f'{c * 1e3:.0f}' for c in costs)})", flush=True)


def addresses(count):
    return [f"10.99.{i >> 8}.{i & 255}" for i in range(count)]


def run_metallbd(lab, cluster, build, directory, listener, count):
    """The peer comes by a reload, when all Services have their addresses."""
    settings = merged(base_settings(cluster, [{"name": "bgp", "addresses": ["10.99.0.0/18"]}]), {
        "l2-advertisements": None, "log": {"level": "info"},
        "bgp": {"my-asn": 64500, "listen": False, "advertisements": [{"name": "all"}]}})
    daemon = Daemon(lab, "node1", build, os.path.join(directory, "node1"), settings)
    daemon.start()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda i: cluster.client("admin-token").create_service(
            f"s{i}", allocateLoadBalancerNodePorts=False), range(count)))
    wait_until(lambda: allocated(daemon) == count, 600, f"{count} Services have an address", 1)
    daemon.write({"bgp": {"peers": [{"name": "collector", "peer-address": "10.77.0.1", "peer-asn": ASN,
                                     "connect-time": "1s"}]}})
    daemon.ctl("reload")
    try:
        measure("metallbd", listener, count, lambda: daemon.process.pid)
    finally:
        daemon.stop()


def allocated(daemon):
    return daemon.ctl("-j", "status")["services"]["allocated"]


def run_bird(lab, directory, listener, count):
    routes = "".join(f" route {a}/32 blackhole;\n" for a in addresses(count))
    bird = Bird(lab, directory, f"""router id 10.77.0.12;
protocol static all_routes {{ ipv4;
{routes}}}
protocol bgp n0 {{ local 10.77.0.12 as 64500; neighbor 10.77.0.1 as {ASN}; connect retry time 1; connect delay time 1;
 error wait time 1, 1; ipv4 {{ import none; export all; }}; }}
protocol bgp g {{ local 10.77.0.12 as 64500; neighbor 10.77.0.13 as 64500; passive on; ipv4 {{ import none; export all; }}; }}
""", "node2")
    bird.start()
    try:
        measure("BIRD", listener, count, lambda: bird.processes[0].pid)
        bird.cli("disable n0")
        run_gobgp(lab, directory, listener, count)
    finally:
        bird.stop()


def run_gobgp(lab, directory, listener, count):
    """It has the routes from BIRD, before it may connect to the collector."""
    gobgp = GoBgp(lab, directory, f"""[global.config]
  as = 64500
  router-id = "10.77.0.13"
[[neighbors]]
  [neighbors.config]
    neighbor-address = "10.77.0.12"
    peer-as = 64500
  [neighbors.timers.config]
    connect-retry = 1
[[neighbors]]
  [neighbors.config]
    neighbor-address = "10.77.0.1"
    peer-as = {ASN}
    admin-down = true
  [neighbors.timers.config]
    connect-retry = 1
    idle-hold-time-after-reset = 1
""", "node3")
    gobgp.start()
    try:
        wait_until(lambda: len(gobgp.prefixes()) == count, 60, "GoBGP has the routes", 1)

        def connect():
            gobgp.cli("neighbor", "10.77.0.1", "disable", check=False)
            gobgp.cli("neighbor", "10.77.0.1", "enable")
            return gobgp.processes[0].pid
        measure("GoBGP", listener, count, connect)
    finally:
        gobgp.stop()


def main():
    build, count = os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 10000
    directory = tempfile.mkdtemp(prefix="mlb-", dir="/tmp")
    try:
        with Lab(f"bgpr{os.getpid()}-") as lab:
            cluster = KubeSim(lab, os.path.join(directory, "api"), os.path.join(build, "tests", "kubesim", "kubesim"))
            cluster.start()
            try:
                with lab.enter("router"):
                    listener = socket.create_server(("10.77.0.1", 179))
                with listener:
                    run_metallbd(lab, cluster, build, directory, listener, count)
                    run_bird(lab, directory, listener, count)
            finally:
                cluster.stop()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
