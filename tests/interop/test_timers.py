"""Silence, collisions, and a restart that nobody notices."""

import time

import pytest

import expect
from configs import KINDS, POOL, Neighbour, name_at, peer, session, settings
from lab import Answerers, Probe, wait_until

SOON = 30


@pytest.mark.parametrize("kind", ["frr", "bird"])
def test_silent_router_is_dropped_at_the_hold_time(api, lab, router, deployment, kind):
    neighbour = Neighbour(hold=9)
    cls, config = KINDS[kind]
    daemon = deployment.start(1, settings([peer(hold_time="3s")]), [POOL])
    one = router(cls, config([neighbour]))
    one.wait_established(name_at(kind, [neighbour], neighbour.address))
    assert session(daemon)["negotiated"]["holdTime"] == 3
    lab.cut("router")
    cut = time.monotonic()
    state = wait_until(lambda: (p := session(daemon))["state"] != "Established" and p, 10, "down")
    took = time.monotonic() - cut
    assert state["lastSent"]["code"] == 4, state     # Hold Timer Expired
    assert 1.5 <= took <= 5, took
    lab.heal("router")
    one.wait_established(name_at(kind, [neighbour], neighbour.address), 60)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_both_sides_connect(api, router, deployment, kind):
    """RFC 4271 6.8: of two connections one becomes the session; it stays."""
    neighbour = Neighbour()
    cls, config = KINDS[kind]
    one = router(cls, config([neighbour]))
    daemon = deployment.start(1, settings([peer()]), [POOL])
    for _ in range(3):
        one.wait_established(name_at(kind, [neighbour], neighbour.address), 60)
        wait_until(lambda: session(daemon)["state"] == "Established", SOON, "up here too")
        before = session(daemon)["established"]
        daemon.restart()
        daemon.wait_control()
    assert before >= 1


@pytest.mark.parametrize("kind", ["frr", "bird"])
@pytest.mark.parametrize("how", ["restart", "crash"])
def test_restart_loses_nothing(api, lab, router, deployment, kind, how):
    """RFC 4724: the router keeps the routes while the daemon is away; a client that never stops loses no packet."""
    neighbour = Neighbour()
    cls, config = KINDS[kind]
    one = router(cls, config([neighbour]))
    daemon = deployment.start(1, settings([peer()]), [POOL])
    api.create_service("web")
    ip = expect.address(api, "web")
    wait_until(lambda: one.kernel_next_hops(f"{ip}/32"), SOON, "the kernel has the route")
    with Answerers(lab, "10.99.0.0/24"), Probe(lab, ip) as probe:
        if how == "restart":
            assert daemon.leave() == 0
        else:
            daemon.kill()
        daemon.start()
        wait_until(lambda: session(daemon)["state"] == "Established", SOON, "up again")
        wait_until(lambda: session(daemon)["prefixes"]["ipv4"]["endOfRibSent"], SOON, "End-of-RIB")
        mark = time.monotonic()
        wait_until(lambda: time.monotonic() > mark + 2, 5, "two seconds more")
    result = probe.result()
    print(result.sent, result.lost, result.longest_gap)
    assert result.lost == 0 and result.sent > 400
    assert session(daemon)["ours"]["gracefulRestart"]["restarting"]
    assert session(daemon)["ours"]["gracefulRestart"]["forwardingPreserved"] == ["ipv4", "ipv6"]


def test_restart_without_an_api_server(api, cluster, lab, router, deployment):
    """The API server is away when the daemon comes back: the sessions stand, and the routers keep what they have."""
    neighbour = Neighbour()
    cls, config = KINDS["frr"]
    one = router(cls, config([neighbour]))
    daemon = deployment.start(1, settings([peer()]), [POOL])
    api.create_service("web")
    ip = expect.address(api, "web")
    wait_until(lambda: one.kernel_next_hops(f"{ip}/32"), SOON, "the kernel has the route")
    cluster.pause()
    try:
        assert daemon.leave() == 0
        daemon.start()
        wait_until(lambda: session(daemon)["state"] == "Established", SOON, "up again")
        end = time.monotonic() + 12      # longer than restart-time
        while time.monotonic() < end:
            assert one.kernel_next_hops(f"{ip}/32")
    finally:
        cluster.resume()
    wait_until(lambda: session(daemon)["prefixes"]["ipv4"]["endOfRibSent"], SOON, "End-of-RIB")
    assert one.kernel_next_hops(f"{ip}/32")
