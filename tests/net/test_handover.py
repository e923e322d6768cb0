"""What a client sees that uses an address all the time: stops, restarts, reloads, drains, an API server that goes away.

The client probes each 5 ms by UDP and by TCP; a watcher asks for the address by ARP each 50 ms and counts who answers.
"""

import contextlib
import json
import os
import time

import pytest

import expect
from lab import Answerers, ArpWatch, Probe, wait_until
from lab.api import lease_name
from lab.wait import stays

LEASE = 5       # failover.lease-duration of base_settings
RESTORE = 5     # a start without an API server: two seconds for the server, then three probes
OVERLAP = 1.5   # seconds in which two nodes may answer, at a hand-over only


def watch_for(seconds):
    """The time in which nothing may happen; the client sees whether."""
    stays(lambda: True, seconds, "the client watches")


@pytest.fixture
def outage(request):
    """How long the API server is away, in seconds: longer than a lease; --outage=60 is the long run."""
    return request.config.getoption("--outage")


@pytest.fixture(scope="module")
def answerers(lab):
    with Answerers(lab):
        yield


class Client:
    """Probes and watcher of one address, and what they must have seen."""

    def __init__(self, lab, ip):
        self.lab, self.ip = lab, ip
        self.udp, self.tcp = Probe(lab, ip), Probe(lab, ip, tcp=True)
        self.watch = ArpWatch(lab, [ip])

    def report(self):
        lines = []
        for name, probe in (("udp", self.udp), ("tcp", self.tcp)):
            r = probe.result()
            lines.append(f"{name}: sent={r.sent} lost={r.lost} longest_gap_ms={r.longest_gap * 1e3:.0f} " +
                         " | ".join(f"{s.node} x{s.count}" for s in r.spans))
        asked, unanswered, longest = self.watch.unanswered(self.ip)
        lines.append(f"arp: asked={asked} unanswered={unanswered} longest_ms={longest * 1e3:.0f} overlaps=" +
                     ", ".join(f"{length * 1e3:.0f} ms {'+'.join(nodes)}" for _, length, nodes in
                               self.watch.overlaps(self.ip)))
        return "\n".join(lines)


@pytest.fixture
def client(lab, answerers):
    """client(ip): a context in which the address is used; its report is printed at the end."""
    @contextlib.contextmanager
    def use(ip):
        seen = Client(lab, ip)
        with seen.udp, seen.tcp, seen.watch:
            wait_until(lambda: seen.watch.spans(ip), 5, "the watcher's requests are answered")
            yield seen
        print(seen.report())
    return use


def three_nodes_with_web(deployment, api, lab, change=None):
    """The address of a Service, and the node that owns it."""
    deployment.start(3, change)
    api.create_service("web")
    ip = expect.address(api, "web")
    node = expect.owner(lab, ip)
    wait_until(lambda: all(api.lease(f"node-{n}") for n in lab.nodes), expect.SOON, "three heartbeats")
    return ip, node


def moves(api, ip):
    return api.lease(lease_name(ip))["spec"].get("leaseTransitions", 0)


def nothing_lost(seen):
    return (seen.udp.result().lost, seen.tcp.result().lost) == (0, 0)


def test_restart(api, lab, deployment, client):
    """As "systemctl restart": SIGUSR1 and a new process."""
    ip, node = three_nodes_with_web(deployment, api, lab)
    before = moves(api, ip)
    with client(ip) as seen:
        deployment.on(node).restart()
        expect.owner(lab, ip)
        watch_for(1)
    assert nothing_lost(seen)
    assert seen.watch.overlaps(ip) == []
    assert moves(api, ip) == before


def test_reload(api, lab, deployment, client):
    ip, node = three_nodes_with_web(deployment, api, lab)
    pools = [{"name": "lan", "addresses": ["10.77.0.200-10.77.0.210"]}, {"name": "more", "addresses": ["10.77.0.230/31"]}]
    with client(ip) as seen:
        for daemon in deployment.daemons:
            daemon.write({"address-pools": pools})
            daemon.ctl("reload")
        watch_for(2)
    assert nothing_lost(seen)
    assert seen.watch.unanswered(ip)[1] == 0
    assert {span.node for span in seen.udp.result().spans} == {node}


def api_outage(cluster, lab, how, seconds):
    """The API server is away for all nodes for so long."""
    if how == "frozen":
        cluster.pause()
        watch_for(seconds)
        cluster.resume()
    elif how == "cut":
        lab.cut("api")
        watch_for(seconds)
        lab.heal("api")
    elif cluster.backend == "kubesim":
        # Without losing what it stores, as a server on an etcd that lives.
        cluster.down(seconds * 1000)
        watch_for(seconds)
    else:
        cluster.kill()
        watch_for(seconds)
        cluster.restart_apiserver()


@pytest.mark.parametrize("how", ["frozen", "killed", "cut"])
def test_api_away_for_all(api, cluster, lab, deployment, client, outage, how):
    """Longer than every lease: everything stays where it is, and afterwards too."""
    ip, node = three_nodes_with_web(deployment, api, lab)
    before = moves(api, ip)
    with client(ip) as seen:
        api_outage(cluster, lab, how, outage)
        wait_until(lambda: all(d.ctl("status", "-j")["api"]["state"] == "connected" for d in deployment.daemons), 30,
                   "the daemons are back at the API server")
        watch_for(LEASE + 2)
    assert nothing_lost(seen)
    # A client that knows the owner's MAC goes on for a while even if nobody answers ARP; a new one would not.
    assert seen.watch.unanswered(ip)[1] == 0
    assert seen.watch.overlaps(ip) == []
    assert [span.node for span in seen.watch.spans(ip)] == [node]
    assert moves(api, ip) == before


def test_owner_killed_with_its_link(api, lab, deployment, client):
    ip, node = three_nodes_with_web(deployment, api, lab)
    with client(ip) as seen:
        lab.port_down(node)
        deployment.on(node).kill()
        other = expect.owner(lab, ip, seconds=LEASE + 5, other_than=node)
        wait_until(lambda: seen.udp.node() == other, 5, "the client is served again")
        watch_for(1)
    assert seen.udp.result().longest_gap < LEASE + 2
    assert seen.watch.overlaps(ip) == []


def handed_over(seen, old, new):
    """From one node to the other, once, with nothing lost and no request for it unanswered. Two answer only meanwhile."""
    assert nothing_lost(seen)
    assert seen.watch.unanswered(seen.ip)[1] == 0
    overlaps = seen.watch.overlaps(seen.ip)
    assert len(overlaps) <= 1 and all(length < OVERLAP for _, length, _ in overlaps), overlaps
    assert [span.node for span in seen.watch.spans(seen.ip)] == [old, new]


def test_drain(api, lab, deployment, client):
    ip, node = three_nodes_with_web(deployment, api, lab)
    daemon = deployment.on(node)
    with client(ip) as seen:
        assert "drained" in daemon.ctl("drain")
        other = expect.owner(lab, ip, other_than=node)
        watch_for(2)
    handed_over(seen, node, other)
    assert daemon.ctl("status", "-j")["drain"]["drained"] is True
    assert moves(api, ip) == 1


def test_drain_survives_a_restart(api, lab, deployment, client):
    ip, node = three_nodes_with_web(deployment, api, lab)
    daemon = deployment.on(node)
    daemon.ctl("drain")
    daemon.restart()
    assert daemon.ctl("status", "-j")["drain"]["drained"] is True
    # Nobody else is left, and still it claims nothing.
    for other in deployment.daemons:
        if other is not daemon:
            other.run_client("drain", "5s")
    assert expect.owner(lab, ip) != node
    daemon.ctl("undrain")
    expect.owner(lab, ip, node=node)


def test_drain_says_what_nobody_takes(api, lab, deployment):
    daemon = deployment.start()
    api.create_service("web")
    ip = expect.address(api, "web")
    expect.owner(lab, ip, node="node1")
    done = daemon.run_client("drain")
    assert done.returncode == 1
    assert ip in done.stderr and "default/web" in done.stderr and "no other node" in done.stderr, done.stderr
    assert expect.owners(lab, ip) == ["node1"], "what nobody takes stays announced"
    # Another node comes, and the offer still stands.
    deployment.prepare("node2").start()
    expect.owner(lab, ip, node="node2")


def test_drain_waits_no_longer_than_it_is_told(api, lab, cluster, deployment):
    deployment.start(2)
    api.create_service("web")
    ip = expect.address(api, "web")
    daemon = deployment.on(expect.owner(lab, ip))
    cluster.pause()
    began = time.monotonic()
    done = daemon.run_client("drain", "2s")
    assert done.returncode == 1 and ip in done.stderr, done.stderr
    assert 1.9 < time.monotonic() - began < 6
    cluster.resume()
    expect.owner(lab, ip, other_than=daemon.node)


def test_stop(api, lab, deployment, client):
    """As "systemctl stop": SIGTERM hands over first."""
    ip, node = three_nodes_with_web(deployment, api, lab)
    with client(ip) as seen:
        assert deployment.on(node).stop() == 0
        other = expect.owner(lab, ip, other_than=node)
        watch_for(2)
    handed_over(seen, node, other)


def test_stop_without_an_api_server_ends_soon(api, lab, cluster, deployment):
    deployment.start(2)
    api.create_service("web")
    ip = expect.address(api, "web")
    daemon = deployment.on(expect.owner(lab, ip))
    for how, undo in ((cluster.pause, cluster.resume), (lambda: lab.cut("api"), lambda: lab.heal("api"))):
        how()
        began = time.monotonic()
        assert daemon.stop() == 0
        took = time.monotonic() - began
        print(f"ended after {took:.1f} s")
        assert took < 5
        undo()
        daemon.start()
        wait_until(lambda: daemon.ctl("status", "-j")["addresses"]["held"], expect.SOON, "the daemon is back")


def test_owner_cut_off_from_the_api_alone(api, lab, deployment, client, outage):
    """Without BFD: aged out in the eyes of the others, one of them claims it, and the old owner hears that."""
    ip, node = three_nodes_with_web(deployment, api, lab)
    with client(ip) as seen:
        lab.cut_api(node)
        other = wait_until(lambda: (h := api.holder(lease_name(ip))) != node and h, LEASE + 5, "another node claims it")
        watch_for(max(outage - LEASE, 3))
        lab.heal(node)
        watch_for(4)
    handed_over(seen, node, other)
    assert moves(api, ip) == 1


def test_frozen_owner(api, lab, deployment, client):
    """SIGSTOP for longer than its lease: replaced as if it were dead, and it wakes into silence."""
    ip, node = three_nodes_with_web(deployment, api, lab)
    daemon = deployment.on(node)
    with client(ip) as seen:
        daemon.pause()
        other = expect.owner(lab, ip, seconds=LEASE + 5, other_than=node)
        watch_for(2)
        daemon.resume()
        wait_until(lambda: "stood still" in daemon.output(), 5, "it notices")
        watch_for(3)
    # Its kernel serves on, and so do those who know its MAC.
    assert nothing_lost(seen)
    assert [span.node for span in seen.udp.result().spans] == [node, other], "the woken one announced itself"
    assert seen.watch.overlaps(ip) == []
    assert [span.node for span in seen.watch.spans(ip)] == [node, other]
    assert moves(api, ip) == 1


@pytest.mark.parametrize("how", ["restart", "crash"])
def test_restart_while_the_api_is_away(api, cluster, lab, deployment, client, how):
    """It knows from its state directory what it had, and asks the LAN before it goes on."""
    ip, node = three_nodes_with_web(deployment, api, lab)
    daemon = deployment.on(node)
    saved = os.path.join(daemon.directory, "state", "saved.json")
    with client(ip) as seen:
        if how == "crash":
            wait_until(lambda: os.path.exists(saved), expect.SOON, "what it has is saved")
        cluster.pause()
        if how == "restart":
            daemon.restart()
        else:
            daemon.kill()
            daemon.start()
        expect.owner(lab, ip, node=node, seconds=RESTORE)
        watch_for(1)
        cluster.resume()
        wait_until(lambda: daemon.ctl("status", "-j")["addresses"]["owned"] == 1, 30, "the API server says it too")
        watch_for(2)
    assert nothing_lost(seen)
    assert seen.watch.unanswered(ip)[2] < RESTORE
    assert seen.watch.overlaps(ip) == []
    assert {span.node for span in seen.watch.spans(ip)} == {node}
    assert moves(api, ip) == 0


def change_saved(daemon, **members):
    path = os.path.join(daemon.directory, "state", "saved.json")
    with open(path, encoding="utf-8") as f:
        saved = json.load(f)
    with open(path, "w", encoding="utf-8") as f:
        json.dump({**saved, **members}, f)


def change_proven(daemon, usec):
    path = os.path.join(daemon.directory, "state", "saved.proven")
    with open(path, encoding="ascii") as f:
        boot_id, _ = f.read().split()
    with open(path, "w", encoding="ascii") as f:
        f.write(f"{boot_id} {usec}\n")


@pytest.mark.parametrize("why", ["taken", "another boot", "too old", "damaged"])
def test_restart_that_must_not_go_on(api, cluster, lab, deployment, client, why):
    """Without an API server: somebody else answers, or what is saved is from before a boot, or too old, or unreadable."""
    ip, node = three_nodes_with_web(deployment, api, lab)
    daemon = deployment.on(node)
    assert daemon.leave() == 0
    if why == "taken":
        other = expect.owner(lab, ip, seconds=LEASE + 5, other_than=node)
    cluster.pause()
    if why == "another boot":
        change_saved(daemon, boot_id="00000000-0000-0000-0000-000000000000")
    elif why == "too old":
        change_saved(daemon, proven_usec=1)
        change_proven(daemon, 1)
    elif why == "damaged":
        change_saved(daemon, addresses="all of them")
    daemon.start()
    with ArpWatch(lab, [ip]) as watch:
        watch_for(RESTORE)
    assert [span.node for span in watch.spans(ip)] == ([other] if why == "taken" else [])
    assert daemon.running()
    cluster.resume()


def test_link_of_the_owner_down(api, lab, deployment, client):
    """Its API server is still there, by another network: it gives the address up at once."""
    lab.management_up()
    try:
        ip, node = three_nodes_with_web(deployment, api, lab)
        with client(ip) as seen:
            lab.port_down(node)
            other = expect.owner(lab, ip, other_than=node)
            wait_until(lambda: seen.udp.node() == other, 5, "the client is served again")
            watch_for(1)
            lab.port_up(node)
            watch_for(2)
        assert seen.udp.result().longest_gap < 1
        assert seen.watch.overlaps(ip) == []
    finally:
        lab.heal()
        lab.management_down()


def test_owner_returns(api, lab, deployment, client):
    """Nothing moves when it returns; later the address goes home by rebalance."""
    change = {"failover": {"rebalance": "8s"},
              "l2-advertisements": [{"name": "home", "preferred-nodes": [{"weight": 100, "selector": "home=yes"}]}]}
    home = deployment.prepare("node2", {**change, "node": {"labels": ["home=yes"]}}).start()
    api.create_service("web")
    ip = expect.address(api, "web")
    expect.owner(lab, ip, node="node2")
    for node in ("node1", "node3"):
        deployment.prepare(node, change).start()
    wait_until(lambda: all(api.lease(f"node-{n}") for n in lab.nodes), expect.SOON, "three heartbeats")
    home.kill()
    other = expect.owner(lab, ip, seconds=LEASE + 5, other_than="node2")
    with client(ip) as seen:
        home.start()
        expect.owner(lab, ip, seconds=40, node="node2")
        watch_for(2)
    handed_over(seen, other, "node2")


def test_home_by_another_family(api, lab, deployment):
    """An interface may announce IPv6 addresses with no more than a link-local one: its IPv4 subnet says who else is there."""
    change = {"failover": {"rebalance": "5s"},
              "address-pools": [{"name": "lan", "addresses": ["fd77::200/128"]}],
              "l2-advertisements": [{"name": "home", "preferred-nodes": [{"weight": 100, "selector": "home=yes"}]}]}
    try:
        for node in ("node1", "node2"):
            lab.ip(node, "-6", "addr", "flush", "dev", "eth0", "scope", "global")
        deployment.prepare("node1", change).start()
        api.create_service("web", ipFamilies=["IPv6"])
        ip = expect.address(api, "web", "fd77::200")
        expect.owner(lab, ip, node="node1")
        deployment.prepare("node2", {**change, "node": {"labels": ["home=yes"]}}).start()
        wait_until(lambda: api.holder(lease_name(ip)) == "node2", 40, "it goes home")
    finally:
        for node in ("node1", "node2"):
            lab.ip(node, "addr", "replace", f"{lab.ipv6(node)}/64", "dev", "eth0", "nodad")
