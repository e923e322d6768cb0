"""An address is announced where it is served: by local endpoints, by a kube-proxy that is healthy, by a clusterIP.

The healthCheckNodePorts are the test's own (lab/nodeport.py); test_kube_proxy.py has the real ones.
"""

import time

import pytest

import expect
from lab import ArpWatch, NodePorts, wait_until
from lab.api import lease_name
from lab.wait import stays

# From the moment in which the endpoints moved: the next probe (1 s at most), two writes, and the machine's own slowness.
MOVES = 2.0


@pytest.fixture
def ports(lab):
    with NodePorts(lab) as ports:
        yield ports


def local_service(api, ports, lab, name="web", where=(), nodes=None, **spec):
    """A Local Service with one endpoint on each of the nodes `where`; its address and healthCheckNodePort."""
    api.create_service(name, externalTrafficPolicy="Local", **spec)
    port = api.service(name)["spec"]["healthCheckNodePort"]
    for node in nodes or lab.nodes:
        ports.serve(node, port, name, 1 if node in where else 0)
    return expect.address(api, name), port


def here(daemon, name="web"):
    """What explain says of this node."""
    return daemon.ctl("explain", f"default/{name}", "-j")["addresses"][0]["here"]


def moved_to(lab, ip, node, seconds=MOVES):
    """The node answers in time; the old owner goes on to answer for a moment, so that nothing is lost (1 s at most)."""
    begin = time.monotonic()
    wait_until(lambda: node in expect.owners(lab, ip, 0.05), seconds, f"{node} answers for {ip}")
    took = time.monotonic() - begin
    expect.owner(lab, ip, node=node)
    return took


def reason(daemon, wanted, name="web", seconds=expect.SOON):
    return wait_until(lambda: here(daemon, name)["reason"] == wanted and here(daemon, name), seconds,
                      f"{daemon.node} says {wanted} of {name}")


def moves(api, ip):
    return (api.lease(lease_name(ip)) or {}).get("spec", {}).get("leaseTransitions", 0)


def test_owner_has_the_endpoint(api, lab, deployment, ports):
    """Whichever node has it: the rank does not count."""
    deployment.start(3)
    for i, node in enumerate(lab.nodes):
        ip, _ = local_service(api, ports, lab, f"web{i}", [node])
        assert expect.owner(lab, ip) == node
        for other in lab.nodes:
            if other != node:
                said = reason(deployment.on(other), "noLocalEndpoints", f"web{i}")
                assert "no ready endpoint on this node" in said["message"] and not said["eligible"]


def test_follows_the_endpoint(api, lab, deployment, ports):
    """The pod moves from node to node: within 2 s the address does, and nobody else ever answers."""
    deployment.start(3)
    ip, port = local_service(api, ports, lab, where=["node1"])
    expect.owner(lab, ip, node="node1")
    took = []
    with ArpWatch(lab, [ip]) as watch:
        for old, new in (("node1", "node2"), ("node2", "node3"), ("node3", "node1")):
            ports.serve(new, port, "web", 1)
            # The new one's probe has seen it; the old one serves still, and keeps the address.
            wait_until(lambda: here(deployment.on(new))["eligible"], MOVES, f"{new} sees its endpoint")
            assert expect.owners(lab, ip) == [old]
            ports.serve(old, port, "web", 0)
            took.append(moved_to(lab, ip, new))
        _, unanswered, longest = watch.unanswered(ip)
        nodes = [span.node for span in watch.spans(ip)]
    print(f"moved after {', '.join(f'{t:.2f}' for t in took)} s; unanswered {unanswered}, longest {longest:.2f} s")
    assert unanswered == 0
    assert list(dict.fromkeys(nodes)) == ["node1", "node2", "node3"]
    assert moves(api, ip) == 3


def test_terminating_endpoints_are_handed_over(api, lab, deployment, ports):
    """503 while the last pods end: they serve still, so the owner goes on until another has it."""
    deployment.start(3)
    ip, port = local_service(api, ports, lab, where=["node1"])
    expect.owner(lab, ip, node="node1")
    with ArpWatch(lab, [ip]) as watch:
        ports.serve("node1", port, "web", 0)
        wait_until(lambda: (api.lease(lease_name(ip))["metadata"].get("annotations") or {}).get("metallb.io/handover"),
                   MOVES, "the owner offers the address")
        # Nobody has an endpoint: the owner stays.
        stays(lambda: expect.owners(lab, ip) == ["node1"], 5, "the owner announces")
        said = reason(deployment.on("node1"), "noLocalEndpoints")
        assert said["announced"] and not said["eligible"]
        # The new pod is ready, on a node that had none.
        ports.serve("node3", port, "web", 1)
        print(f"taken {moved_to(lab, ip, 'node3'):.2f} s after the new pod was ready")
        assert watch.unanswered(ip)[1] == 0


def test_nobody_has_endpoints_at_first(api, lab, deployment, ports):
    deployment.start(3)
    ip, port = local_service(api, ports, lab)
    for daemon in deployment.daemons:
        reason(daemon, "noLocalEndpoints")
    assert expect.owners(lab, ip) == []
    ports.serve("node2", port, "web", 1)
    expect.owner(lab, ip, node="node2", seconds=MOVES)


def test_restart_keeps_the_address(api, lab, deployment, ports):
    """A daemon that does not know yet whether it serves keeps what it has."""
    deployment.start(3)
    ip, port = local_service(api, ports, lab, where=lab.nodes)
    node = expect.owner(lab, ip)
    before = moves(api, ip)
    # Where the answer is long in coming, too.
    for say in (lambda: None, lambda: ports.mute(node, port)):
        say()
        deployment.on(node).restart()
        expect.owner(lab, ip, node=node)
    assert moves(api, ip) == before
    # But not for ever: silence acts after three.
    expect.owner(lab, ip, other_than=node, seconds=3 * 1 + 3 + MOVES)


def test_silence_and_refusal(api, lab, deployment, ports):
    """Neither proves that there is no endpoint: three in a row act, one does not."""
    deployment.start(2)
    ip, port = local_service(api, ports, lab, where=["node1", "node2"], nodes=["node1", "node2"])
    node = expect.owner(lab, ip)
    other = "node2" if node == "node1" else "node1"
    ports.mute(node, port)
    asked = time.monotonic()
    moved_to(lab, ip, other, 6 + MOVES)
    assert time.monotonic() - asked > 2
    assert "no answer in time" in reason(deployment.on(node), "healthCheckFails")["message"]
    ports.serve(node, port, "web", 1)
    wait_until(lambda: here(deployment.on(node))["eligible"], expect.SOON, "it is well again")
    ports.close(other, port)
    asked = time.monotonic()
    moved_to(lab, ip, node, 3 + MOVES)
    assert time.monotonic() - asked > 1
    assert "nobody listens" in reason(deployment.on(other), "healthCheckFails")["message"]
    assert "-> unanswered reason=refused" in deployment.on(other).output()


def test_another_services_port(api, lab, deployment, ports):
    """What answers is not kube-proxy speaking of this Service: said, not believed."""
    deployment.start(2)
    api.create_service("web", externalTrafficPolicy="Local")
    port = api.service("web")["spec"]["healthCheckNodePort"]
    ports.serve("node1", port, "db", 7)
    ports.serve("node2", port, "web", 1)
    ip = expect.address(api, "web")
    expect.owner(lab, ip, node="node2")
    said = reason(deployment.on("node1"), "healthCheckFails")
    assert "the port is that of default/db" in said["message"]


@pytest.mark.parametrize("where", [["node"], ["127.0.0.1"], ["::1"], ["node6"]], ids=lambda w: w[0])
def test_wherever_the_port_listens(api, lab, deployment, ports, where):
    """nftables mode: on the node's own addresses only; k3s: on loopback only."""
    deployment.start(2)
    api.create_service("web", externalTrafficPolicy="Local")
    port = api.service("web")["spec"]["healthCheckNodePort"]
    for node in ("node1", "node2"):
        v4 = lab.ipv4(node)
        addresses = [{"node": v4, "node6": v4.replace("10.77.0.", "fd77::")}.get(w, w) for w in where]
        ports.serve(node, port, "web", 1 if node == "node2" else 0, where=addresses)
    ip = expect.address(api, "web")
    expect.owner(lab, ip, node="node2")
    reason(deployment.on("node1"), "noLocalEndpoints")


def test_keeps_its_connection_and_its_pace(api, lab, deployment, ports):
    deployment.start(1)
    ip, port = local_service(api, ports, lab, where=["node1"], nodes=["node1"])
    expect.owner(lab, ip, node="node1")
    before, began = ports.requests("node1", port)[0], time.monotonic()
    wait_until(lambda: ports.requests("node1", port)[0] >= before + 4, 8, "four more probes")
    assert time.monotonic() - began > 2.5
    assert ports.requests("node1", port)[1] == 1


def test_new_interval_by_reload(api, lab, deployment, ports):
    daemon = deployment.start(1, {"health": {"node-port-interval": "30s"}})
    ip, port = local_service(api, ports, lab, where=["node1"], nodes=["node1"])
    expect.owner(lab, ip, node="node1")
    daemon.write({"health": {"node-port-interval": "200ms"}})
    daemon.ctl("reload")
    before = ports.requests("node1", port)[0]
    wait_until(lambda: ports.requests("node1", port)[0] >= before + 5, 5, "five probes")


def test_policy_changes(api, lab, deployment, ports):
    """Cluster to Local and back, while the address stays."""
    deployment.start(2)
    api.create_service("web")
    ip = expect.address(api, "web")
    node = expect.owner(lab, ip)
    other = "node2" if node == "node1" else "node1"
    api.patch_service("web", {"spec": {"externalTrafficPolicy": "Local"}})
    port = api.service("web")["spec"]["healthCheckNodePort"]
    ports.serve(node, port, "web", 0)
    ports.serve(other, port, "web", 1)
    expect.owner(lab, ip, node=other)
    api.patch_service("web", {"spec": {"externalTrafficPolicy": "Cluster"}})
    wait_until(lambda: here(deployment.on(node))["eligible"], expect.SOON, "every node may announce it again")
    assert expect.owners(lab, ip) == [other]


def test_kube_proxy_auto(api, lab, deployment, ports):
    """Nobody at port 10256 means nothing; once it has answered, it is obeyed."""
    deployment.start(2)
    api.create_service("web")
    ip = expect.address(api, "web")
    node = expect.owner(lab, ip)
    other = "node2" if node == "node1" else "node1"
    for name in (node, other):
        ports.proxy(name, 200)
    for name in (node, other):
        wait_until(lambda name=name: "health kube-proxy=kube-proxy port=10256" in deployment.on(name).output() and
                   ports.requests(name, 10256)[0] >= 2, expect.SOON, f"kube-proxy of {name} was asked")
    with ArpWatch(lab, [ip]) as watch:
        ports.proxy(node, 503)
        asked = time.monotonic()
        moved_to(lab, ip, other, 4 + MOVES)
        assert time.monotonic() - asked > 1.5
        assert watch.unanswered(ip)[1] == 0
    assert "port 10256" in reason(deployment.on(node), "kubeProxyUnhealthy")["message"]
    # Both are ill: the owner stays.
    ports.proxy(other, 503)
    wait_until(lambda: not here(deployment.on(other))["eligible"], expect.SOON, "the other is ill, too")
    stays(lambda: expect.owners(lab, ip) == [other], 4, "the owner announces")
    ports.proxy(node, 200)
    moved_to(lab, ip, node, 4 + MOVES)


def test_kube_proxy_required_and_ignored(api, lab, deployment, ports):
    first, second = deployment.start(2, {"health": {"kube-proxy": "required"}})
    api.create_service("web")
    ip = expect.address(api, "web")
    for daemon in (first, second):
        assert "nobody listens" in reason(daemon, "kubeProxyUnhealthy")["message"]
    assert expect.owners(lab, ip) == []
    ports.proxy("node2", 200)
    expect.owner(lab, ip, node="node2")
    first.write({"health": {"kube-proxy": "ignore"}})
    first.ctl("reload")
    wait_until(lambda: here(first)["eligible"], expect.SOON, "node1 may announce it")


def test_cluster_check(api, lab, deployment, ports):
    """The clusterIP refuses: no endpoint anywhere, so nobody announces it."""
    deployment.start(2, {"health": {"cluster-check": "tcp"}})
    api.create_service("web", port=8080)
    cluster_ip = api.service("web")["spec"]["clusterIP"]
    for node in ("node1", "node2"):
        lab.ip(node, "addr", "add", f"{cluster_ip}/32", "dev", "lo")
    try:
        ip = expect.address(api, "web")
        for daemon in deployment.daemons:
            # The first connections may have gone out before the address was there: silence, then 5 s apart.
            said = reason(daemon, "noEndpoints", seconds=25)
            assert "refuses connections to port 8080" in said["message"]
        assert expect.owners(lab, ip) == []
        ports.answer("node2", 8080, 200, where=[cluster_ip])
        expect.owner(lab, ip, node="node2", seconds=5 + MOVES)
        # Three refusals, 5 s apart; and then it is not handed over, but given up.
        ports.close("node2", 8080)
        expect.nobody(lab, ip, seconds=15 + 1 + MOVES)
        assert api.holder(lease_name(ip)) is None
    finally:
        for node in ("node1", "node2"):
            lab.ip(node, "addr", "del", f"{cluster_ip}/32", "dev", "lo")


def test_routes_follow_endpoints(api, lab, deployment, ports):
    """Announced by BGP only: the same ports decide. (The router is not there; the routes are made all the same.)"""
    deployment.start(2, {"l2-advertisements": [], "bgp": {
        "my-asn": 64512, "peers": [{"name": "router", "peer-address": "10.77.0.1", "peer-asn": 64513}],
        "advertisements": [{"name": "all", "weight": "endpoints"}]}})
    ip, port = local_service(api, ports, lab)

    def routes(node):
        said = deployment.on(node).ctl("routes", "-j")
        return [(r["prefix"], r["weight"]) for r in said["routes"]], [r["reason"] for r in said["notAnnounced"]]

    for old, new, count in (("node2", "node1", 1), ("node1", "node2", 3)):
        ports.serve(new, port, "web", count)
        wait_until(lambda new=new, count=count: routes(new) == ([(f"{ip}/32", count)], []), MOVES, f"{new} has a route")
        ports.serve(old, port, "web", 0)
        wait_until(lambda old=old: routes(old) == ([], ["noLocalEndpoints"]), MOVES, f"{old} has none, and says why")
