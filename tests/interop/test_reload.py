"""What a reload does to a session is what metallb.conf(5) says of the key: nothing, or one reset."""

import os

import pytest

import expect
from configs import KINDS, POOL, Neighbour, peer, session, settings
from lab import wait_until
from lab.wait import stays

SOON = 30

# A change to our one peer; the router takes the session all the same. Whether it resets is not said here: the answer
# of the reload says it, from the table that the manual is made from.
CHANGES = {
    "nothing": {},
    "passive": {"passive": True},
    "connect-time": {"connect_time": "5s"},
    "max-prefixes": {"max_prefixes": 7},
    "node-selectors": {"node_selectors": ["!nowhere"]},
    "hold-time": {"hold_time": "30s"},
    "keepalive-time": {"keepalive_time": "5s"},
    "router-id": {"router_id": "10.77.0.99"},
    "source-address": {"source_address": "10.77.0.11"},
    "ebgp-multihop": {"ebgp_multihop": True},
    "ttl-security": {"ttl_security": 252},
    "graceful-restart": {"graceful_restart": False},
    "restart-time": {"restart_time": "20s"},
    "vrf": {"vrf": "eth0"},
}


@pytest.fixture
def established(api, router, deployment):
    cls, config = KINDS["frr"]
    # FRR sends with a TTL of 5 then, so that ttl-security has something to let through.
    one = router(cls, config([Neighbour(multihop=True)]))
    daemon = deployment.start(1, settings([peer()]), [POOL])
    one.wait_established("10.77.0.11", SOON)
    wait_until(lambda: session(daemon)["state"] == "Established", SOON, "up here too")
    return one, daemon


def sessions(one):
    """How many there were, as the router counts them."""
    return one.neighbour("10.77.0.11")["connectionsEstablished"]


@pytest.mark.parametrize("key", sorted(CHANGES))
def test_peer_keys(established, key):
    one, daemon = established
    before = sessions(one)
    daemon.write({"bgp": {"peers": [peer(**CHANGES[key])]}})
    changes = daemon.ctl("-j", "reload")["changes"]
    effect = changes[0]["effect"] if changes else "live"
    # hold-time and keepalive-time make one another.
    assert changes == [] if key == "nothing" else len(changes) == 1 and key in changes[0]["fields"], changes
    if effect == "reset":
        wait_until(lambda: session(daemon)["state"] == "Established" and sessions(one) == before + 1, SOON,
                   "one session more")
    else:
        stays(lambda: session(daemon)["state"] == "Established" and sessions(one) == before, 2, "the session as it was")


def test_reload_that_changes_nothing_sends_nothing(established, api):
    _, daemon = established
    api.create_service("web")
    expect.address(api, "web")
    wait_until(lambda: session(daemon)["prefixes"]["ipv4"]["sent"] == 1, SOON, "the route is sent")
    before = session(daemon)["sent"]
    for _ in range(3):
        assert daemon.ctl("-j", "reload")["changes"] == []
    stays(lambda: session(daemon)["sent"]["update"] == before["update"] and
          session(daemon)["sent"]["open"] == before["open"], 1, "no message")


def test_changed_attributes_are_sent_anew(established, api):
    """Without a reset: one UPDATE for the route, and End-of-RIB never again."""
    one, daemon = established
    api.create_service("web")
    ip = expect.address(api, "web")
    wait_until(lambda: one.route(f"{ip}/32"), SOON, "the route")
    for change, check in (({"communities": ["64500:9"]}, lambda r: r.communities == {"64500:9"}),
                          ({"med": 17}, lambda r: r.med == 17 and not r.communities),
                          ({"as-path-prepend": 2}, lambda r: r.as_path == "64500 64500 64500"),
                          ({"communities": ["no-export"]}, lambda r: r.communities & {"noExport", "no-export"})):
        daemon.write({"bgp": {"advertisements": [{"name": "all", **change}]}})
        daemon.ctl("reload")
        wait_until(lambda: (r := one.route(f"{ip}/32")) and check(r), SOON, f"the route with {change}")
    assert session(daemon)["established"] == 1


def test_aggregate(established, api):
    one, daemon = established
    daemon.write({"bgp": {"advertisements": [{"name": "all", "aggregation-length": 24}]}})
    daemon.ctl("reload")
    for i in range(3):
        api.create_service(f"web{i}")
    wait_until(lambda: one.prefixes() == {"10.99.0.0/24"}, SOON, "one prefix")
    for i in range(3):
        api.delete_service(f"web{i}")
    wait_until(lambda: not one.prefixes(), SOON, "no prefix")


def test_password_file_is_read_again(api, router, deployment):
    """The same file with another password: only its contents tell, and only this session is reset."""
    cls, config = KINDS["bird"]
    daemon = deployment.prepare("node1", settings([peer()]), [POOL])
    path = os.path.join(daemon.directory, "password")

    def password(text):
        with open(path, "w", encoding="ascii") as f:
            f.write(text + "\n")
    password("wrong")
    daemon.write({"bgp": {"peers": [peer(password_file=path)]}})
    daemon.start()
    one = router(cls, config([Neighbour(password="right")]))
    wait_until(lambda: session(daemon)["connects"] >= 1, SOON, "an attempt")
    assert not one.established("n0")
    password("right")
    assert daemon.ctl("-j", "reload")["changes"] == []
    one.wait_established("n0", 60)
    before = session(daemon)["established"]
    daemon.ctl("reload")
    stays(lambda: session(daemon)["established"] == before and session(daemon)["state"] == "Established", 1, "no reset")
    # Gone: nothing is connected without a password.
    os.unlink(path)
    daemon.ctl("reload")
    wait_until(lambda: session(daemon)["state"] != "Established", SOON, "no session without its password")
    assert "password-file" in daemon.output()


def test_peer_removed_and_added(established):
    one, daemon = established
    daemon.write({"bgp": {"peers": [peer("other", "10.77.0.5", 64513)]}})
    daemon.ctl("reload")
    wait_until(lambda: not one.established("10.77.0.11"), SOON, "the session has ended")
    assert "De-configured" in one.neighbour("10.77.0.11")["lastNotificationReason"]
    daemon.write({"bgp": {"peers": [peer()]}})
    daemon.ctl("reload")
    one.wait_established("10.77.0.11", 60)
