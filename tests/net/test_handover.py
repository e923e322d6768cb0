"""What a client sees that uses an address all the time: stops, restarts, reloads, drains, an API server that goes away.

The client probes each 5 ms by UDP and by TCP; a watcher asks for the address by ARP each 50 ms and counts who answers.
"""

import contextlib

import pytest

import expect
from lab import Answerers, ArpWatch, Probe, wait_until
from lab.api import lease_name
from lab.wait import stays

LEASE = 5       # failover.lease-duration of base_settings


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
