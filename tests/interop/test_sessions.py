"""The same sessions with every kind of router: what is announced arrives, with what it is announced with."""

import pytest

import expect
from configs import KINDS, POOL, ROUTER_ASN, Neighbour, name_at, peer, session, settings
from lab import wait_until

SOON = 30
ALL = sorted(KINDS)
BOTH = {"ipFamilyPolicy": "RequireDualStack"}

# name -> (what the router has, what our peer has)
SESSIONS = {
    "ebgp": ({}, {}),
    "ibgp": ({"asn": ROUTER_ASN}, {"my_asn": str(ROUTER_ASN)}),
    "ebgp-v6": ({"address": "fd77::11", "families": ("ipv6",)}, {"address": "fd77::1"}),
    "ibgp-v6": ({"address": "fd77::11", "families": ("ipv6",), "asn": ROUTER_ASN},
                {"address": "fd77::1", "my_asn": str(ROUTER_ASN)}),
    "both-families": ({"families": ("ipv4", "ipv6")}, {}),
    "md5": ({"password": "s3cret"}, {"password": "s3cret"}),
    "md5-v6": ({"address": "fd77::11", "families": ("ipv6",), "password": "s3cret"},
               {"address": "fd77::1", "password": "s3cret"}),
    "gtsm": ({"gtsm": True}, {"ttl_security": 1}),
    "gtsm-v6": ({"address": "fd77::11", "families": ("ipv6",), "gtsm": True}, {"address": "fd77::1", "ttl_security": 1}),
    "router-waits": ({"passive": True}, {}),
    "we-wait": ({}, {"passive": True}),
    "as4": ({"asn": 4200000001}, {"my_asn": "4200000001"}),
    "local-asn": ({"asn": 64999}, {"local_asn": "64999"}),
    "dynamic-asn": ({}, {"dynamic_asn": "external"}),
}

# It has no key on its listening sockets on Linux, and tries again only after 120 s.
IMPOSSIBLE = {("openbgpd", "md5"), ("openbgpd", "md5-v6")}


def our_peer(change):
    change = dict(change)
    one = peer(address=change.pop("address", "10.77.0.1"), **change)
    if "dynamic-asn" in one:
        one.pop("peer-asn")
    return one


@pytest.mark.parametrize("case", sorted(SESSIONS))
@pytest.mark.parametrize("kind", ALL)
def test_session(api, router, deployment, kind, case):
    theirs, ours = SESSIONS[case]
    neighbour = Neighbour(**theirs)
    if (kind, case) in IMPOSSIBLE:
        neighbour.passive, ours = False, {**ours, "passive": True}
    cls, config = KINDS[kind]
    daemon = deployment.start(1, settings([our_peer(ours)], [{
        "name": "all", "localpref": 200, "communities": ["64500:77", "large:64500:1:2"]}]), [POOL])
    api.create_service("web", **BOTH)
    addresses = wait_until(lambda: len(api.addresses("web")) == 2 and api.addresses("web"), SOON, "two addresses")
    one = router(cls, config([neighbour]))
    one.wait_established(name_at(kind, [neighbour], neighbour.address))
    for family in neighbour.families:
        v6 = family == "ipv6"
        prefix = next(f"{a}/{128 if v6 else 32}" for a in addresses if (":" in a) == v6)
        route = wait_until(lambda: one.route(prefix, family), SOON, f"{prefix} on {kind}")
        internal = neighbour.asn == ROUTER_ASN
        assert route.as_path.split() == ([] if internal else [str(neighbour.asn)]), route
        assert "fd77::11" in route.next_hops or "10.77.0.11" in route.next_hops, route
        assert "64500:77" in route.communities and "64500:1:2" in route.large, route
        if internal:
            assert route.localpref == 200, route
    state = session(daemon)
    assert state["state"] == "Established"
    assert state["theirs"]["asn"] == ROUTER_ASN
    assert sum(counts["pending"] for counts in state["prefixes"].values()) == 0
    # It goes when the Service goes.
    api.delete_service("web")
    wait_until(lambda: not one.prefixes(neighbour.families[0]), SOON, "the route is withdrawn")
    assert session(daemon)["established"] == 1


@pytest.mark.parametrize("kind", ALL)
def test_wrong_password(api, router, deployment, kind):
    neighbour = Neighbour(password="right")
    cls, config = KINDS[kind]
    daemon = deployment.start(1, settings([peer(password="wrong")]), [POOL])
    one = router(cls, config([neighbour]))
    wait_until(lambda: session(daemon).get("connects", 0) >= 1, SOON, "an attempt")
    assert not one.established(name_at(kind, [neighbour], neighbour.address))
    # The right one, by a reload.
    daemon.write({"bgp": {"peers": [peer(password="right")]}})
    daemon.ctl("reload")
    if kind != "openbgpd":
        one.wait_established(name_at(kind, [neighbour], neighbour.address), 40)


@pytest.mark.parametrize("kind", ALL)
def test_shutdown_messages(api, lab, router, deployment, kind):
    """Our stop reaches the router as Administrative Shutdown with its text, and the routes go."""
    neighbour = Neighbour()
    cls, config = KINDS[kind]
    daemon = deployment.start(1, settings([peer()]), [POOL])
    api.create_service("web")
    ip = expect.address(api, "web")
    one = router(cls, config([neighbour]))
    wait_until(lambda: one.route(f"{ip}/32"), SOON, "the route")
    assert daemon.stop() == 0
    wait_until(lambda: not one.prefixes(), SOON, "the route is withdrawn")
    log = " ".join(process.output() for process in one.processes)
    if kind == "bird":
        assert "metallbd is being stopped" in log
    if kind == "frr":
        state = one.neighbour("10.77.0.11")
        assert "Administrative Shutdown" in state.get("lastNotificationReason", ""), state


@pytest.mark.parametrize("kind", ALL)
def test_router_stops(api, router, deployment, kind):
    """Why it went is shown, and when it comes back so does the session."""
    neighbour = Neighbour()
    cls, config = KINDS[kind]
    daemon = deployment.start(1, settings([peer()]), [POOL])
    one = router(cls, config([neighbour]))
    one.wait_established(name_at(kind, [neighbour], neighbour.address))
    one.stop()
    state = wait_until(lambda: (p := session(daemon))["state"] != "Established" and p, SOON, "down")
    assert state["lastReceived"] is None or state["lastReceived"]["code"] == 6, state
    one.start()
    one.wait_established(name_at(kind, [neighbour], neighbour.address), 60)
