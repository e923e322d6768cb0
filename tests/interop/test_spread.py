"""Traffic over three nodes: equally, and by endpoints."""

import collections
import contextlib
import socket

import pytest

import expect
from configs import KINDS, POOL, Neighbour, peer, session, settings
from lab import Answerers, wait_until
from lab.nodeport import NodePorts
from lab.probe import PORT

SOON = 30


def spread(lab, ip, flows=600):
    """How many of so many UDP flows, each of a port of its own, each node answers."""
    answers = collections.Counter()
    with lab.enter("client"):
        for _ in range(flows):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.settimeout(1)
                sock.sendto(b"x", (ip, PORT))
                try:
                    answers[sock.recv(100).split()[0].decode()] += 1
                except TimeoutError:
                    answers["lost"] += 1
    return answers


def three_neighbours(**more):
    return [Neighbour(address=f"10.77.0.1{i}", **more) for i in (1, 2, 3)]


@pytest.mark.parametrize("kind", ["frr", "bird"])
def test_three_nodes(api, lab, router, deployment, kind):
    cls, config = KINDS[kind]
    one = router(cls, config(three_neighbours()))
    deployment.start(3, settings([peer()]), [POOL])
    api.create_service("web")
    ip = expect.address(api, "web")
    wait_until(lambda: set(one.kernel_next_hops(f"{ip}/32")) == {"10.77.0.11", "10.77.0.12", "10.77.0.13"}, SOON,
               "three next hops in the kernel")
    with Answerers(lab, "10.99.0.0/24"):
        answers = spread(lab, ip)
        print(dict(answers))
        assert set(answers) == {"node1", "node2", "node3"}
        assert min(answers.values()) > 120
        # One stops: no flow is lost afterwards, and the others have all.
        deployment.daemons[0].stop()
        wait_until(lambda: set(one.kernel_next_hops(f"{ip}/32")) == {"10.77.0.12", "10.77.0.13"}, SOON, "two are left")
        answers = spread(lab, ip, 300)
    assert set(answers) == {"node2", "node3"}


def test_stop_announces_a_graceful_shutdown(api, lab, router, deployment):
    """RFC 8326: before a route goes it comes again with the community, so that other paths are preferred meanwhile."""
    cls, config = KINDS["frr"]
    one = router(cls, config([Neighbour()]))
    daemon = deployment.start(1, settings([peer()]), [POOL])
    api.create_service("web")
    ip = expect.address(api, "web")
    wait_until(lambda: one.route(f"{ip}/32"), SOON, "the route")
    daemon.process.terminate()
    wait_until(lambda: (r := one.route(f"{ip}/32")) and r.communities & {"gracefulShutdown", "graceful-shutdown", "65535:0"},
               SOON, "GRACEFUL_SHUTDOWN on the router")
    assert daemon.process.join(15) == 0


def test_weighted_by_endpoints(api, lab, router, deployment):
    """weight = "endpoints": 1, 2 and 3 local endpoints get a sixth, a third and a half of the flows, within a tenth."""
    cls, config = KINDS["frr"]
    one = router(cls, config(three_neighbours(), extra="bgp bestpath bandwidth default-weight-for-missing"))
    with contextlib.ExitStack() as stack:
        api.create_service("web", externalTrafficPolicy="Local", selector={"app": "web"})
        port = wait_until(lambda: api.service("web")["spec"].get("healthCheckNodePort"), SOON, "a healthCheckNodePort")
        ports = stack.enter_context(NodePorts(lab))
        for i in (1, 2, 3):
            ports.serve(f"node{i}", port, "web", local=i)
        deployment.start(3, settings([peer()], [{"name": "all", "weight": "endpoints"}]), [POOL])
        ip = expect.address(api, "web")
        wait_until(lambda: len(one.kernel_next_hops(f"{ip}/32")) == 3, SOON, "three next hops in the kernel")
        weights = wait_until(lambda: weights_are(one, ip, [1, 2, 3]), SOON, "weights 1:2:3 in the kernel")
        stack.enter_context(Answerers(lab, "10.99.0.0/24"))
        flows = 3000
        answers = spread(lab, ip, flows)
        print(weights, dict(answers))
        for i in (1, 2, 3):
            assert abs(answers[f"node{i}"] - flows * i / 6) <= flows * 0.10 * i / 6 + 3 * (flows * i / 6) ** 0.5, answers
        # The endpoints move: so does the traffic.
        ports.serve("node1", port, "web", local=3)
        wait_until(lambda: weights_are(one, ip, [3, 2, 3]), SOON, "weights 3:2:3 in the kernel")
        # The last endpoint goes: so does the route.
        ports.serve("node3", port, "web", local=0)
        wait_until(lambda: set(one.kernel_next_hops(f"{ip}/32")) == {"10.77.0.11", "10.77.0.12"}, SOON, "two are left")


def weights_are(router, ip, wanted):
    """The kernel's weights, if they are in this proportion within 2 %."""
    hops = router.kernel_next_hops(f"{ip}/32")
    if set(hops) != {"10.77.0.11", "10.77.0.12", "10.77.0.13"}:
        return None
    weights = [hops[f"10.77.0.1{i}"] for i in (1, 2, 3)]
    return weights if all(abs(w / sum(weights) - x / sum(wanted)) < 0.02 for w, x in zip(weights, wanted)) else None

