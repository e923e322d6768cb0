"""Objects that make no sense: no server would store them, so a relay makes them on the way (see LyingRelay)."""

import pytest

import expect
from lab import wait_until

# What the Service is made with, and what of its JSON is replaced by what. All of it is JSON still: an answer that is none is
# the server's fault and not one object's (test_api_faults.py).
MALFORMED = {
    "port is text": ({"port": 61001}, b'"port":61001', b'"port":"abc"'),
    "cluster addresses are no list": ({"clusterIP": "10.96.0.66"}, b'["10.96.0.66"]', b'{"x":"y12345"}'),
    "annotations are a list": ({"annotations": {"marker": "12345"}}, b'{"marker":"12345"}', b'["marker","12345"]'),
    "address is a number": ({"status": "192.0.2.77"}, b'"ip":"192.0.2.77"', b'"ip":123456789012'),
    "address is none": ({"status": "192.0.2.77"}, b'"ip":"192.0.2.77"', b'"ip":"not-an-ip!"'),
    "name is a number": ({}, b'"name":"bad-service"', b'"name":1234567890123'),
}
# These say nothing that the daemon needs: the Service is served, and none is skipped.
HARMLESS = ("address is none",)
# Without a name it can be said and not be kept account of.
NAMELESS = ("name is a number",)


@pytest.mark.parametrize("kind", MALFORMED)
def test_malformed_service_is_skipped(api, lab, deployment, kind):
    """Skipped, counted, said; the others are served, and what is announced stays so."""
    wanted, truth, lie = MALFORMED[kind]
    wanted = dict(wanted)
    status = wanted.pop("status", None)
    relay = deployment.relay(6444, {truth: lie})
    daemon = deployment.start(change={"kubernetes": {"servers": [relay.url]}})
    api.create_service("good")
    expect.owner(lab, expect.address(api, "good", "10.77.0.200"))
    api.create_service("bad-service", **wanted)
    if status:
        api.patch(api.service_path("bad-service") + "/status",
                  {"status": {"loadBalancer": {"ingress": [{"ip": status}]}}})
    wait_until(lambda: relay.told, expect.SOON, "the relay has told its lie")
    if kind in NAMELESS:
        wait_until(lambda: "skipped" in daemon.output(), expect.SOON, "it is said")
    elif kind not in HARMLESS:
        wait_until(lambda: daemon.ctl("status", "-j")["services"]["skipped"], expect.SOON, "it is counted")
    api.create_service("late")
    expect.address(api, "late", seconds=45)
    assert expect.owners(lab, "10.77.0.200") == ["node1"]
    assert daemon.running()
