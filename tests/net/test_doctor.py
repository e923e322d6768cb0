"""metallbctl doctor: every fault is found, and nothing else."""

import base64
import contextlib
import json
import os
import socket
import subprocess
import time

import pytest

import expect
from lab import wait_until
from lab.daemon import POOL


def make_node(api, name):
    with contextlib.suppress(Exception):
        api.delete(f"/api/v1/nodes/{name}")
    api.create("/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})


@pytest.fixture
def node1(api):
    make_node(api, "node1")
    yield "node1"
    api.delete("/api/v1/nodes/node1")


def findings(daemon):
    """[(severity, check, what)] and the exit status."""
    done = daemon.run_client("-j", "doctor")
    assert done.stdout, done.stderr
    return [(f["severity"], f["check"], f["what"]) for f in json.loads(done.stdout)["findings"]], done.returncode


def finds(daemon, check, containing, seconds=expect.SOON):
    """Waits for the finding; returns its severity."""
    def look():
        return next((severity for severity, name, what in findings(daemon)[0] if name == check and containing in what),
                    None)
    return wait_until(look, seconds, f"doctor finds {check}: {containing}")


def finds_nothing(daemon, seconds=expect.SOON, but=()):
    """Nothing by other checks than these."""
    def look():
        found, status = findings(daemon)
        return not [f for f in found if f[1] not in but] and (status == 0 or found)
    wait_until(look, seconds, "doctor finds nothing")


@contextlib.contextmanager
def interface(lab, member, name):
    """A veth of that name, since the build machines have no dummy interfaces."""
    lab.ip(member, "link", "add", name, "type", "veth", "peer", "name", "doctor-peer")
    try:
        yield
    finally:
        lab.ip(member, "link", "del", name)


@contextlib.contextmanager
def address(lab, member, prefix):
    lab.ip(member, "addr", "add", prefix, "dev", "eth0")
    try:
        yield
    finally:
        lab.ip(member, "addr", "del", prefix, "dev", "eth0")


def test_healthy_node(api, lab, deployment, node1):
    daemon = deployment.start()
    api.create_service("web")
    expect.address(api, "web", "10.77.0.200")
    finds_nothing(daemon)
    text = daemon.ctl("doctor")
    assert text.startswith("node1: ") and text.endswith("0 errors, 0 warnings, 0 notices\n"), text


@pytest.mark.backend("kubesim")
def test_five_faults_are_all_found(api, lab, cluster, deployment, node1):
    own = {"name": "own", "addresses": ["10.77.0.11-10.77.0.40"]}
    with contextlib.ExitStack() as broken:
        # Another host has the first address of the pool; kube-proxy in IPVS mode without strictARP; no right to
        # create Events; the node's own address in a pool; and then a file with an error.
        broken.enter_context(address(lab, "client", "10.77.0.200/32"))
        broken.enter_context(interface(lab, "node1", "kube-ipvs0"))
        cluster.fault("forbidden", method="create", path="/api/v1/*events")
        daemon = deployment.start(pools=[POOL, own])
        api.create_service("web", annotations={"metallb.io/address-pool": "lan"})
        expect.address(api, "web", "10.77.0.200")
        daemon.write(text="address-pools: ( { name = \"lan\"; addresses = [\"10.77.0.300\"]; } );\n")
        assert daemon.run_client("reload").returncode == 1
        assert finds(daemon, "conflicts", "10.77.0.200") == "error"
        found, status = findings(daemon)
        assert status == 1
        assert sorted((severity, check) for severity, check, _ in found) == [
            ("error", "config"), ("error", "conflicts"), ("error", "permissions"), ("error", "strict-arp"),
            ("warning", "own-addresses")], found
        words = {check: what for _, check, what in found}
        assert "10.77.0.300" in words["config"]
        assert lab.mac("client") in words["conflicts"]
        assert "create events" in words["permissions"]
        assert "eth0" in words["strict-arp"]
        assert "10.77.0.11 of eth0 (pool own)" in words["own-addresses"]
        wait_until(lambda: "this account may not create events" in daemon.output(), expect.SOON, "the log names it")
        done = daemon.run_client("doctor")
        print(done.stdout)
        assert done.returncode == 1 and "4 errors, 1 warning, 0 notices" in done.stdout
        # Each is gone with its cause.
        cluster.clear_faults()
        daemon.write()
    daemon.write(change={"address-pools": [POOL]})
    assert daemon.run_client("reload").returncode == 0
    # A claim of a moment ago is told for a while.
    finds_nothing(daemon, seconds=30, but=("conflicts",))


def test_unknown_node_and_unequal_files(api, lab, deployment, node1):
    first, second = deployment.start(2)
    finds_nothing(first)
    assert finds(second, "node", "no Node node2") == "warning"
    second.write(change={"address-pools": [{"name": "lan", "addresses": ["10.77.0.200-10.77.0.220"]}]})
    assert finds(second, "config", "was changed after it was loaded") == "notice"
    assert second.run_client("reload").returncode == 0
    assert finds(first, "nodes", "differ from those of node2") == "warning"
    assert finds(second, "nodes", "differ from those of node1") == "warning"


def test_no_server_and_no_interface(api, lab, cluster, deployment, node1):
    relay = deployment.relay(6444)
    daemon = deployment.start(change={"kubernetes": {"servers": [relay.url]}, "l2-advertisements": [{
        "name": "elsewhere", "interfaces": ["eth7"]}], "node": {"exclude-interfaces": ["lo", "eth*"]}})
    relay.close()
    assert finds(daemon, "api", "no API server answers") == "error"
    assert finds(daemon, "permissions", "not all permissions are known") == "notice"


def test_pool_nearly_full_and_off_link(api, lab, deployment, node1):
    daemon = deployment.start(pools=[{"name": "lan", "addresses": ["10.77.0.200-10.77.0.219"]},
                                     {"name": "far", "addresses": ["192.0.2.0/24"], "auto-assign": False}])
    assert finds(daemon, "pools", "192.0.2.0/24 (pool far)") == "warning"
    for i in range(15):
        api.create_service(f"web{i}")
    assert finds(daemon, "pools", "75 % of the IPv4 addresses of pool lan") == "notice"


@pytest.mark.backend("real")
def test_missing_right_is_found(api, lab, cluster, deployment, node1):
    """By the real server's RBAC."""
    role = "/apis/rbac.authorization.k8s.io/v1/clusterroles/metallbd"
    rules = api.get(role)["rules"]
    fewer = [rule for rule in rules if rule["resources"] != ["events"]]
    assert len(fewer) == len(rules) - 1
    api.patch(role, {"rules": fewer})
    try:
        daemon = deployment.start()
        assert finds(daemon, "permissions", "may not create events") == "error"
        assert finds(daemon, "permissions", "may not patch events") == "error"
        assert len([f for f in findings(daemon)[0] if f[1] == "permissions"]) == 2
    finally:
        api.patch(role, {"rules": rules})
    finds_nothing(daemon, seconds=20)


def test_port_179_is_taken_and_a_router_is_away(api, lab, deployment, node1):
    with lab.enter("node1"):
        # Another routing daemon on the host.
        taken = socket.create_server(("0.0.0.0", 179))
    try:
        daemon = deployment.start(change={"bgp": {"my-asn": 64512, "peers": [
            {"name": "tor", "peer-address": "10.77.0.1", "peer-asn": 64513}], "advertisements": [{"name": "all"}]}})
        assert finds(daemon, "bgp", "TCP port 179 is taken") == "warning"
        assert finds(daemon, "bgp", "1 of 1 BGP sessions is not established: tor is") == "error"
    finally:
        taken.close()
    assert daemon.run_client("reload").returncode == 0
    wait_until(lambda: not any("port 179" in what for _, _, what in findings(daemon)[0]), expect.SOON,
               "a reload takes the port")


def test_kube_proxy_is_silent(api, lab, deployment, node1):
    daemon = deployment.start(change={"health": {"kube-proxy": "required"}})
    api.create_service("web")
    expect.address(api, "web", "10.77.0.200")
    assert finds(daemon, "kube-proxy", "does not answer on port 10256") == "error"


def test_credentials_that_end_soon(api, cluster, deployment, node1):
    """By what the token says of itself."""
    def part(claims):
        return base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    end = int(time.time()) + 3 * 86400
    path = cluster.write_token(f"{part({'alg': 'none'})}.{part({'exp': end})}.x", "ending.token")
    daemon = deployment.start(change={"kubernetes": {"token-file": path}})
    words = time.strftime("token ends at %Y-%m-%dT%H:%M", time.gmtime(end))
    assert finds(daemon, "credentials", words) == "warning"
    wait_until(lambda: words in daemon.output(), expect.SOON, "the log warns")


def test_client_certificate_that_ended_is_found(api, cluster, deployment, node1):
    certificate, key = cluster.path("ending.crt"), cluster.path("ending.key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=metallbd", "-days", "1",
                    "-keyout", key, "-out", certificate], check=True, capture_output=True, timeout=60)
    os.chmod(key, 0o600)
    daemon = deployment.start(change={"kubernetes": {"token-file": None, "client-certificate": certificate,
                                                     "client-key": key}})
    assert finds(daemon, "credentials", "client certificate ends at") == "error"
