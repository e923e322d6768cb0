"""What a Linux client's neighbour cache and its connections see: moves, unreachability detection, many questions at once."""

import resource
import socket
import threading
import time

import pytest

import expect
from lab import wait_until
from lab.api import lease_name
from lab.arp import ETHERNET_IPV4, open_socket

POOLS = [{"name": "lan", "addresses": ["10.77.0.200/32", "fd77::200/128"]}]
BOTH = ("10.77.0.200", "fd77::200")
DUAL = {"ipFamilyPolicy": "RequireDualStack"}


def neighbour(lab, ip):
    """The MAC that the client has for an address, or None."""
    words = lab.run("client", "ip", "neigh", "show", ip, "dev", "eth0").stdout.split()
    return words[words.index("lladdr") + 1] if "lladdr" in words else None


def owner_by_lease(api, ip):
    return api.holder(lease_name(ip))


def learn(lab, ip):
    """The client's kernel asks for the address."""
    lab.run("client", "ping", "-c", "1", "-W", "1", ip, check=False)


def test_caches_are_right_after_every_move(api, lab, deployment):
    """Kill, stop and drain: the cache of a neighbour that knew the old owner is right 1.2 s after the Lease moved."""
    daemons = {d.node: d for d in deployment.start(3, pools=POOLS)}
    api.create_service("web", **DUAL)
    for ip in BOTH:
        expect.owner(lab, ip)
        learn(lab, ip)
        wait_until(lambda ip=ip: neighbour(lab, ip), expect.SOON, f"the client knows {ip}")

    def moved(ip, away_from):
        have = owner_by_lease(api, ip)
        return have if have and have != away_from else None

    for how in ("kill", "stop"):
        # The owner of the IPv4 address goes; the IPv6 address moves as well if it was the same node.
        gone = owner_by_lease(api, BOTH[0])
        concerned = [ip for ip in BOTH if owner_by_lease(api, ip) == gone]
        if how == "kill":
            daemons[gone].kill()
            lab.port_down(gone)
            for ip in concerned:
                wait_until(lambda ip=ip: moved(ip, gone), 30, f"{ip} has another owner", interval=0.01)
        else:
            daemons[gone].process.terminate()
            for ip in concerned:
                wait_until(lambda ip=ip: moved(ip, gone), 30, f"{ip} has another owner", interval=0.01)
        for ip in concerned:
            mac = lab.mac(owner_by_lease(api, ip))
            wait_until(lambda ip=ip, mac=mac: neighbour(lab, ip) == mac, 1.2,
                       f"the client's cache for {ip} is right after {how}", interval=0.02)
        daemons[gone].process.join(20)
        lab.heal(gone)
        daemons[gone].start()


@pytest.mark.parametrize("ip", BOTH)
def test_a_stream_outlives_unreachability_detection(api, lab, deployment, ip):
    """TCP over the address while the client asks again and again whether its neighbour is there (RFC 4861 7.3)."""
    deployment.start(pools=POOLS)
    api.create_service("web", **DUAL)
    expect.owner(lab, ip)
    lab.run("node1", "nft", "-f", "-", input="".join(f"""
        table {table} stream {{
            chain in {{
                type nat hook prerouting priority dstnat;
                {table} daddr {address} tcp dport 80 redirect to :8081
            }}
        }}""" for table, address in zip(("ip", "ip6"), BOTH)))
    family = "ipv6" if ":" in ip else "ipv4"
    lab.sysctl("client", f"net.{family}.neigh.eth0.base_reachable_time_ms=300",
               f"net.{family}.neigh.eth0.delay_first_probe_time=1", f"net.{family}.neigh.eth0.retrans_time_ms=200")
    # An entry of an earlier test goes by the times that were in force when it was confirmed.
    lab.ip("client", "neigh", "flush", "dev", "eth0")
    server = client = None
    try:
        with lab.enter("node1"):
            server = socket.create_server(("::", 8081), family=socket.AF_INET6, dualstack_ipv6=True)
        server.settimeout(10)
        with lab.enter("client"):
            client = socket.create_connection((ip, 80), timeout=10)
        peer, _ = server.accept()
        peer.settimeout(5)

        def requests():
            return next(a["requests"] for a in deployment.daemons[0].ctl("l2", "-j")["addresses"] if a["address"] == ip)
        before, longest, end = requests(), 0.0, time.monotonic() + 40
        # To the client only: when its own data is acknowledged, the kernel takes that for a proof, and asks nothing.
        while requests() < before + 6 and time.monotonic() < end:
            sent = time.monotonic()
            peer.sendall(b"x" * 100)
            assert client.recv(4096), "the stream ended"
            longest = max(longest, time.monotonic() - sent)
            threading.Event().wait(0.05)
        assert requests() >= before + 6, "the client asked whether its neighbour is there, several times"
        assert longest < 1, f"a segment took {longest:.3f} s"
        assert neighbour(lab, ip) == lab.mac("node1")
        peer.close()
    finally:
        for s in (client, server):
            if s:
                s.close()
        lab.run("node1", "nft", "delete", "table", "ip", "stream", check=False)
        lab.run("node1", "nft", "delete", "table", "ip6", "stream", check=False)
        lab.sysctl("client", f"net.{family}.neigh.eth0.base_reachable_time_ms=30000",
                   f"net.{family}.neigh.eth0.delay_first_probe_time=5",
                   f"net.{family}.neigh.eth0.retrans_time_ms=1000")


def resident_kib(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as f:
        return int(f.read().split()[1]) * resource.getpagesize() // 1024


def test_a_flood_of_requests_starves_nothing(api, lab, deployment):
    """As many requests as the client can send, for 3 s: no growth, the heartbeat goes on, metallbctl answers."""
    daemon = deployment.start(pools=POOLS)
    api.create_service("web", **DUAL)
    expect.owner(lab, BOTH[0])
    me = bytes.fromhex(lab.mac("client").replace(":", ""))
    request = b"\xff" * 6 + me + ETHERNET_IPV4 + b"\x00\x01" + me + socket.inet_aton("10.77.0.100") + bytes(6) + \
        socket.inet_aton(BOTH[0])
    count, stop = [0], threading.Event()

    def flood():
        with open_socket(lab, "client") as s:
            while not stop.is_set() and count[0] < 500000:
                for _ in range(100):
                    s.send(request)
                count[0] += 100
    renewed = api.lease("node-node1")["spec"]["renewTime"]
    before, slowest = resident_kib(daemon.process.pid), 0.0
    sender = threading.Thread(target=flood, daemon=True)
    began = time.monotonic()
    sender.start()
    try:
        while time.monotonic() < began + 3:
            asked = time.monotonic()
            daemon.ctl("status", "-j")
            slowest = max(slowest, time.monotonic() - asked)
        wait_until(lambda: api.lease("node-node1")["spec"]["renewTime"] != renewed, 5, "the heartbeat goes on")
    finally:
        stop.set()
        sender.join()
    took = time.monotonic() - began
    print(f"{count[0] / took:.0f} requests/s, metallbctl answered within {slowest * 1e3:.0f} ms")
    assert count[0] / took > 5000, f"only {count[0] / took:.0f} requests/s: no flood"
    assert slowest < 3
    # 100 bytes for each would be more. (A build with sanitizers keeps some of what is freed.)
    assert resident_kib(daemon.process.pid) < before + 12 * 1024
    assert expect.owners(lab, BOTH[0]) == ["node1"]
