"""The real kube-proxy behind the addresses: it answers the healthCheckNodePorts, and it forwards to the pods."""

import http.client
import os
import threading
import time

import pytest

import expect
from lab import ArpWatch, KubeNode, NodePorts, ndp_query, set_endpoints, wait_until
from lab.api import lease_name

pytestmark = pytest.mark.backend("real")

POOL = {"name": "lan", "addresses": ["10.77.0.200-10.77.0.210", "fd77::200-fd77::20f"]}
# kube-proxy's own sync (100 ms at least), the next probe (1 s at most), two writes.
MOVES = 2.0


@pytest.fixture
def nodes(request, lab, cluster, run_dir):
    """kube-proxy and one pod on node1 and node2; the pods answer with their names."""
    program = os.path.join(request.config.getoption("--kubernetes"), "kube-proxy")
    nodes = [KubeNode(lab, cluster, n, program, run_dir) for n in (1, 2)]
    with NodePorts(lab) as pods:
        try:
            for node in nodes:
                node.start()
                pods.answer(node.pod, 8080, 200, node.pod, ["Connection: close"])
            yield nodes
        finally:
            for node in nodes:
                node.stop()


def ask(lab, ip, seconds=1.0):
    """What a new connection from the client gets; None for nothing."""
    try:
        with lab.enter("client"):
            connection = http.client.HTTPConnection(ip, 80, timeout=seconds)
            connection.connect()
        connection.request("GET", "/")
        return connection.getresponse().read().decode()
    except OSError:
        return None
    finally:
        connection.close()


class Client:
    """Asks all the time; what it got, by the time of asking."""

    def __init__(self, lab, ip):
        self._lab, self._ip, self.got = lab, ip, []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join()

    def _run(self):
        while not self._end.wait(0.02):
            begin = time.monotonic()
            self.got.append((begin, ask(self._lab, self._ip, 0.2)))

    def last(self):
        return self.got[-1][1] if self.got else None


def owner6(lab, ip):
    answers = [lab.owner(mac) for mac, *_ in ndp_query(lab, ip, 0.2)]
    return answers[0] if len(answers) == 1 else None


def dual_stack(api, numbers):
    api.create_service("web", externalTrafficPolicy="Local", ipFamilyPolicy="RequireDualStack")
    for v6 in (False, True):
        set_endpoints(api, "web", numbers, v6)
    v4, v6 = sorted(expect.addresses(api, "web"), key=lambda ip: ":" in ip)
    return v4, v6


def test_local_service_follows_its_pod(api, lab, deployment, nodes):
    """The pod is replaced by one on the other node, as in a rolling update: first the new one, then no longer the old."""
    deployment.start(2, pools=[POOL])
    v4, v6 = dual_stack(api, [1])
    expect.owner(lab, v4, node="node1")
    wait_until(lambda: owner6(lab, v6) == "node1", expect.SOON, "node1 answers for the IPv6 address")
    for ip in (v4, v6):
        wait_until(lambda ip=ip: ask(lab, ip) == "pod1", expect.SOON, f"pod1 answers at {ip}")
    with ArpWatch(lab, [v4]) as watch, Client(lab, v4) as four, Client(lab, v6) as six:
        for family in (False, True):
            set_endpoints(api, "web", [1, 2], family)
        wait_until(lambda: deployment.on("node2").ctl("explain", "default/web", "-j")["addresses"][0]["here"]["eligible"],
                   MOVES + 1, "node2 sees its endpoint")
        moved = time.monotonic()
        for family in (False, True):
            set_endpoints(api, "web", [2], family)
        for client in (four, six):
            wait_until(lambda client=client: client.last() == "pod2", MOVES + 1, "pod2 answers")
        expect.owner(lab, v4, node="node2")
        wait_until(lambda: owner6(lab, v6) == "node2", expect.SOON, "node2 answers for the IPv6 address")
        unanswered = watch.unanswered(v4)[1]
    assert unanswered == 0
    for name, client in (("IPv4", four), ("IPv6", six)):
        first = next(at for at, body in client.got if body == "pod2")
        last = max(at for at, body in client.got if body == "pod1")
        print(f"{name}: pod2 answers {first - moved:.2f} s after the pod moved, "
              f"{sum(1 for _, body in client.got if body is None)} of {len(client.got)} connections without an answer")
        assert first - moved < MOVES
        # Never back to the old one, and nothing but the pods' own answers.
        assert last < first and {body for _, body in client.got} <= {"pod1", "pod2", None}
    assert api.lease(lease_name(v4))["spec"]["leaseTransitions"] == 1


def test_nobody_announces_without_endpoints(api, lab, deployment, nodes):
    deployment.start(2, pools=[POOL])
    v4, _ = dual_stack(api, [])
    for daemon in deployment.daemons:
        wait_until(lambda daemon=daemon: daemon.ctl("explain", "default/web", "-j")["addresses"][0]["here"]["reason"] ==
                   "noLocalEndpoints", expect.SOON, f"{daemon.node} has no endpoint")
    assert expect.owners(lab, v4) == []
    set_endpoints(api, "web", [2])
    expect.owner(lab, v4, node="node2", seconds=MOVES + 1)


def test_kube_proxy_that_dies(api, lab, deployment, nodes):
    """A Cluster Service leaves the node whose kube-proxy was healthy and answers no more; and a Local one."""
    deployment.start(2, pools=[POOL])
    for name, policy in (("web", "Cluster"), ("local", "Local")):
        api.create_service(name, externalTrafficPolicy=policy)
        set_endpoints(api, name, [1, 2])
    ips = [expect.address(api, name) for name in ("web", "local")]
    for ip in ips:
        expect.owner(lab, ip)
    for daemon in deployment.daemons:
        wait_until(lambda daemon=daemon: daemon.ctl("status", "-j")["health"]["kubeProxy"]["state"] == "serving",
                   expect.SOON, f"kube-proxy of {daemon.node} is healthy")
    victim = expect.owner(lab, ips[0])
    other = "node2" if victim == "node1" else "node1"
    nodes[int(victim[-1]) - 1].process.kill()
    for ip in ips:
        expect.owner(lab, ip, node=other)
