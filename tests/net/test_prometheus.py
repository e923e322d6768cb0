"""Prometheus with the shipped alert rules and the dashboard's expressions, against three daemons."""

import json
import math
import os
import shutil
import subprocess

import pytest
import yaml

import expect
from lab import wait_until
from lab.prometheus import WINDOW, Prometheus

HERE = os.path.dirname(os.path.abspath(__file__))
SHARE = os.path.join(HERE, "..", "..", "share")
RULES = os.path.join(SHARE, "alerts.yaml")
PORT = 7472
POOL = [{"name": "lan", "addresses": ["10.77.0.200-10.77.0.203"]}]
USAGE = {f"MetalLBAddressPoolUsage{percent}Percent" for percent in (75, 85, 95)}
# Scrape, evaluation, the delay, and the window that a rate looks back.
SEEN = 30

pytestmark = pytest.mark.skipif(not shutil.which("prometheus"), reason="prometheus is not installed")


def start(lab, deployment, change=None):
    for node in lab.nodes:
        deployment.prepare(node, {**(change or {}), "metrics": {"address": lab.ipv4(node), "port": PORT}}, POOL)
    for daemon in deployment.daemons:
        daemon.start(wait=False)
    for daemon in deployment.daemons:
        daemon.wait_control()
    return deployment.daemons


@pytest.fixture
def prometheus(lab, deployment):
    server = Prometheus(lab, os.path.join(deployment.directory, "prometheus"), RULES,
                        [f"{lab.ipv4(node)}:{PORT}" for node in lab.nodes])
    try:
        yield server.start()
    finally:
        server.stop()


def fires(prometheus, *names):
    wait_until(lambda: set(names) <= prometheus.firing(), SEEN, f"alerts {names} fire (firing: {prometheus.firing()})", 0.3)


def calm(prometheus, *but):
    """Nothing fires, or nothing but these."""
    def check():
        others = prometheus.firing() - set(but)
        assert not others, others
        return True
    wait_until(check, SEEN, "no alert fires", 0.3)


def test_rules_as_they_are():
    """The rules themselves, with their real delays, on virtual time."""
    subprocess.run(["promtool", "check", "rules", RULES], check=True, capture_output=True)
    done = subprocess.run(["promtool", "test", "rules", os.path.join(HERE, "prometheus", "alerts.test.yaml")],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_says_what_to_do():
    with open(RULES, encoding="utf-8") as f:
        alerts = [rule["alert"] for group in yaml.safe_load(f)["groups"] for rule in group["rules"] if "alert" in rule]
    with open(os.path.join(SHARE, "..", "doc", "OPERATIONS.md"), encoding="utf-8") as f:
        section = f.read().split("\n## Alerts\n")[1].split("\n## ")[0]
    listed = {name for line in section.splitlines() if line.startswith("| MetalLB") for name in line.split("|")[1].split(", ")}
    assert {name.strip() for name in listed} == set(alerts)


def expressions():
    with open(os.path.join(SHARE, "grafana-dashboard.json"), encoding="utf-8") as f:
        dashboard = json.load(f)
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"].replace("$__rate_interval", WINDOW).replace("$instance", ".*")


# The router has no BGP: the session stays down, and its numbers are there.
PEER = {"bgp": {"my-asn": 64512, "peers": [{"name": "router", "peer-address": "10.77.0.1", "peer-asn": 64513}]}}


def test_dashboard(api, lab, deployment, prometheus):
    start(lab, deployment, PEER)
    api.create_service("web")
    ip = expect.address(api, "web")
    expect.owner(lab, ip)
    found = list(expressions())
    assert len(found) > 20

    def check():
        for title, expression in found:
            values = [value for _, value in prometheus.query(expression)]
            assert values and not any(math.isnan(value) for value in values), f"{title}: {expression}: {values}"
        return True
    wait_until(check, SEEN, "every expression of the dashboard gives data", 0.3)


def test_pools_and_files(api, lab, deployment, prometheus):
    daemons = start(lab, deployment)
    calm(prometheus)
    for name in "abcd":
        api.create_service(name)
        expect.address(api, name)
    full = {"MetalLBAddressPoolExhausted", *USAGE}
    fires(prometheus, *full)
    api.create_service("e")
    fires(prometheus, "MetalLBServicesPending")
    calm(prometheus, "MetalLBServicesPending", *full)
    for name in "de":
        api.delete_service(name)
    calm(prometheus)

    good = daemons[0].settings
    daemons[0].write(text="address-pools: oops")
    daemons[0].hangup()
    fires(prometheus, "MetalLBStaleConfig")
    # Another file than the others have.
    daemons[0].write(change={"failover": {"lease-duration": "6s"}})
    daemons[0].hangup()
    fires(prometheus, "MetalLBConfigUnequal")
    daemons[0].settings = good
    daemons[0].write()
    daemons[0].hangup()
    calm(prometheus)

    for bgp in (PEER["bgp"], None):
        for daemon in daemons:
            daemon.write(change={"bgp": bgp})
            daemon.hangup()
        if bgp:
            fires(prometheus, "MetalLBBGPSessionDown")
    calm(prometheus)

    # Nobody may announce what has an address.
    for selectors in (["rack=none"], []):
        for daemon in daemons:
            daemon.write(change={"l2-advertisements": [{"name": "everywhere", "node-selectors": selectors}]})
            daemon.hangup()
        if selectors:
            fires(prometheus, "MetalLBAddressUnannounced")
    calm(prometheus)


def test_nodes_and_network(api, cluster, lab, deployment, prometheus):
    daemons = start(lab, deployment)
    # A host on the LAN has the address before it is given to a Service.
    lab.ip("client", "addr", "add", "10.77.0.200/32", "dev", "eth0")
    try:
        api.create_service("web")
        expect.address(api, "web", "10.77.0.200")
        fires(prometheus, "MetalLBAddressConflict")
    finally:
        lab.ip("client", "addr", "del", "10.77.0.200/32", "dev", "eth0")
    expect.owner(lab, "10.77.0.200", seconds=SEEN)
    calm(prometheus)

    daemons[2].kill()
    fires(prometheus, "MetalLBDown", "MetalLBMemberLost")
    daemons[2].start()
    calm(prometheus)

    # An API server that does not come back before leadership has ended.
    for node in lab.nodes:
        lab.cut_api(node)
    fires(prometheus, "MetalLBApiUnreachable", "MetalLBNoLeader")
    lab.heal()
    calm(prometheus)
