"""metallbd and FRR."""

import expect
from lab import wait_until
from lab.routers import Frr

SOON = expect.SOON
POOL = {"name": "bgp", "addresses": ["10.99.0.0/24"]}


def settings(peers, advertisements=None, **bgp):
    return {"l2-advertisements": None,
            "bgp": {"my-asn": 64500, "peers": peers,
                    "advertisements": advertisements or [{"name": "all"}], **bgp}}


def config(body, asn=64512):
    return f"""router bgp {asn}
 bgp router-id 10.77.0.1
 no bgp ebgp-requires-policy
 no bgp network import-check
 bgp bestpath as-path multipath-relax
{body}"""


def test_external_ipv4(api, router, deployment):
    frr = router(Frr, config(" neighbor 10.77.0.11 remote-as 64500\n"))
    daemon = deployment.start(1, settings([{"name": "tor", "peer-address": "10.77.0.1", "peer-asn": 64512}]), [POOL])
    api.create_service("web")
    ip = expect.address(api, "web")
    frr.wait_established("10.77.0.11")
    route = wait_until(lambda: frr.route(f"{ip}/32"), SOON, "the route")
    assert route.next_hops == {"10.77.0.11"} and route.as_path == "64500"
    print(daemon.ctl("peers", "tor"), daemon.ctl("routes"))
