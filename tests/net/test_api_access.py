"""How the daemon reaches the API server: credentials, several servers, servers that are away."""

import base64
import os

import pytest

import expect
from lab import wait_until

LATER = 45      # back-off included


def test_server_away_at_start(lab, api, deployment):
    daemon = deployment.start(change={"kubernetes": {"servers": ["https://10.77.0.5:6444"]}})
    wait_until(lambda: "10.77.0.5:6444" in daemon.output(), expect.SOON, "the log names the server")
    assert daemon.ctl("status", "-j")["api"]["state"] != "connected"
    api.create_service("web")
    deployment.relay(6444)
    expect.address(api, "web", seconds=LATER)
    expect.owner(lab, "10.77.0.200")


def test_one_of_two_servers_is_dead(api, deployment):
    """Nothing listens at the first; the second serves, without a wait that a user would notice."""
    deployment.start(change={"kubernetes": {"servers": ["https://10.77.0.5:6999", "https://10.77.0.5:6443"]}})
    api.create_service("web")
    expect.address(api, "web", "10.77.0.200")


def test_first_server_does_not_even_refuse(api, deployment):
    """No host at that address: only a time-out tells."""
    deployment.start(change={"kubernetes": {"servers": ["https://10.77.0.66:6443", "https://10.77.0.5:6443"]}})
    api.create_service("web")
    expect.address(api, "web", "10.77.0.200", seconds=LATER)


def test_server_dies_and_the_other_takes_over(lab, api, deployment):
    one, two = deployment.relay(6444), deployment.relay(6445)
    deployment.start(change={"kubernetes": {"servers": [one.url, two.url]}})
    api.create_service("a")
    ip = expect.address(api, "a", "10.77.0.200")
    expect.owner(lab, ip)
    for gone, name in ((one, "b"), (two, "c")):
        gone.close()
        api.create_service(name)
        expect.address(api, name, seconds=LATER)
        assert expect.owners(lab, ip) == ["node1"]
        gone.open()


@pytest.mark.backend("real")
def test_half_open_connections(api, deployment):
    """Long: what stands, and says nothing any more, is noticed within 60 s."""
    silent = deployment.relay(6444)
    deployment.start(change={"kubernetes": {"servers": [silent.url, "https://10.77.0.5:6443"]}})
    api.create_service("a")
    expect.address(api, "a", "10.77.0.200")
    silent.silence()
    api.create_service("b")
    expect.address(api, "b", seconds=60)


def test_api_lost_and_back_keeps_the_address_answered(lab, api, deployment):
    relay = deployment.relay(6444)
    daemon = deployment.start(change={"kubernetes": {"servers": [relay.url]}})
    api.create_service("web")
    ip = expect.address(api, "web", "10.77.0.200")
    expect.owner(lab, ip)
    relay.close()
    # Longer than the lease.
    renewed = api.lease("node-node1")["spec"]["renewTime"]
    for _ in range(35):
        assert expect.owners(lab, ip) == ["node1"]
    assert api.lease("node-node1")["spec"]["renewTime"] == renewed
    api.delete_service("web")
    api.create_service("other")
    relay.open()
    expect.address(api, "other", ip, seconds=LATER)
    assert daemon.running()


@pytest.mark.backend("real")
def test_api_server_restarts(cluster, api, lab, deployment):
    """A new process on the same etcd: its watch cache is empty, and old versions are gone."""
    deployment.start()
    api.create_service("a")
    ip = expect.address(api, "a", "10.77.0.200")
    expect.owner(lab, ip)
    cluster.kill()
    cluster.restart_apiserver()
    api.create_service("b")
    expect.address(api, "b", "10.77.0.201", seconds=LATER)
    assert expect.owners(lab, ip) == ["node1"]


@pytest.mark.backend("kubesim")
def test_cluster_is_made_anew(cluster, api, lab, deployment):
    """As after etcd was restored from an old backup: other objects, and versions that were counted from the start."""
    deployment.start()
    api.create_service("a")
    expect.owner(lab, expect.address(api, "a", "10.77.0.200"))
    cluster.reset()
    api.create_service("b")
    ip = expect.address(api, "b", seconds=LATER)
    expect.owner(lab, ip, seconds=LATER)


@pytest.mark.backend("kubesim")
def test_cluster_is_made_anew_and_overtakes_the_old_one(cluster, api, lab, deployment):
    """The same, and its versions have grown past those that the watches go on from: nothing refuses them."""
    daemon = deployment.start()
    api.create_service("a")
    expect.owner(lab, expect.address(api, "a", "10.77.0.200"))
    daemon.pause()
    cluster.reset()
    api.create_service("b")
    api.create_service("other", type="ClusterIP")
    for i in range(100):
        api.patch_service("other", {"metadata": {"annotations": {"i": str(i)}}})
    daemon.resume()
    ip = expect.address(api, "b", seconds=LATER)
    expect.owner(lab, ip, seconds=LATER)


def test_wrong_token_then_the_right_one(cluster, api, deployment):
    right = cluster.daemon_token()
    path = cluster.write_token("not-a-token", "other.token")
    daemon = deployment.start(change={"kubernetes": {"token-file": path}})
    wait_until(lambda: "401" in daemon.output(), expect.SOON, "the log says 401")
    assert "not-a-token" not in daemon.output(), "a token in the log"
    api.create_service("web")
    cluster.write_token(right, "other.token")
    # Read again after a 401, without a restart.
    expect.address(api, "web", seconds=LATER)


def test_missing_token_file(cluster, api, deployment):
    path = os.path.join(deployment.directory, "late.token")
    daemon = deployment.start(change={"kubernetes": {"token-file": path}})
    wait_until(lambda: "late.token" in daemon.output(), expect.SOON, "the log names the file")
    api.create_service("web")
    with open(path, "w", encoding="ascii") as f:
        f.write(cluster.daemon_token())
    expect.address(api, "web", seconds=LATER)


def test_server_certificate_is_verified(cluster, api, deployment):
    daemon = deployment.start(change={"kubernetes": {"certificate-authority": cluster.path("other-ca.crt")}})
    wait_until(lambda: "certificate" in daemon.output().lower(), expect.SOON, "the log speaks of the certificate")
    api.create_service("web")
    assert api.leases() == {}, "nothing was sent to a server that cannot be trusted"


def without_servers(path):
    return {"kubernetes": {"servers": None, "certificate-authority": None, "token-file": None, "kubeconfig": path}}


@pytest.mark.parametrize("how", ["certificate files", "certificate data", "token", "token file"])
def test_kubeconfig(cluster, api, deployment, how):
    user = {"certificate files": None, "token": {"token": cluster.daemon_token()},
            "token file": {"tokenFile": cluster.token_file}}.get(how)
    server = {"server": cluster.url, "certificate-authority": cluster.ca_file}
    if how == "certificate data":
        def data(name):
            with open(cluster.path(name), "rb") as f:
                return base64.b64encode(f.read()).decode()
        user = {"client-certificate-data": data("admin.crt"), "client-key-data": data("admin.key")}
        server = {"server": cluster.url, "certificate-authority-data": data("ca.crt")}
    deployment.start(change=without_servers(cluster.kubeconfig("daemon", user, server)))
    api.create_service("web")
    expect.address(api, "web", "10.77.0.200")


def test_kubeconfig_with_exec_is_refused_clearly(cluster, deployment):
    path = cluster.kubeconfig("exec", {"exec": {"apiVersion": "client.authentication.k8s.io/v1",
                                                "command": "aws"}})
    daemon = deployment.prepare(change=without_servers(path))
    daemon.start(wait=False)
    assert daemon.process.wait(expect.SOON) == 1
    assert "exec" in daemon.output() and "not supported" in daemon.output()


@pytest.mark.backend("real")
def test_account_without_rights(cluster, api, deployment):
    """403 for everything: said with the reason, tried again, and well when the rights are there."""
    path = cluster.write_token("nobody-token", "nobody.token")
    daemon = deployment.start(change={"kubernetes": {"token-file": path}})
    wait_until(lambda: "rbac.yaml" in daemon.output(), expect.SOON, "the log says what to do")
    api.create_service("web")
    with cluster.rights_of_the_daemon("nobody"):
        expect.address(api, "web", seconds=LATER)


@pytest.mark.backend("real")
def test_rights_of_rbac_yaml_are_enough_and_all(cluster, api, lab, deployment):
    """All that the daemon does here, it does with share/rbac.yaml's rights; and those go no further."""
    daemon = deployment.start()
    api.create_service("web")
    expect.address(api, "web", "10.77.0.200")
    expect.owner(lab, "10.77.0.200")
    expect.event(api, "web", "IPAllocated")
    api.delete_service("web")
    expect.nobody(lab, "10.77.0.200")
    assert "forbidden" not in daemon.output().lower()
    own = cluster.client(cluster.daemon_token())
    allowed = {(group, resource, verb)
               for group, resource, verb in _every_right() if _may(own, group, resource, verb)}
    assert allowed == {("", "services", "get"), ("", "services", "list"), ("", "services", "watch"),
                       ("", "services/status", "patch"), ("", "events", "create"), ("", "events", "patch"),
                       ("", "nodes", "get"), ("", "namespaces", "get")}


def _every_right():
    verbs = ("get", "list", "watch", "create", "update", "patch", "delete")
    resources = [("", r) for r in ("services", "services/status", "events", "nodes", "nodes/status", "namespaces", "pods",
                                   "secrets", "configmaps", "endpoints", "serviceaccounts", "serviceaccounts/token")]
    resources += [("coordination.k8s.io", "leases"), ("discovery.k8s.io", "endpointslices")]
    return [(group, resource, verb) for group, resource in resources for verb in verbs]


def _may(client, group, resource, verb, namespace="default"):
    resource, _, subresource = resource.partition("/")
    review = client.create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"namespace": namespace, "group": group, "resource": resource,
                                        "subresource": subresource, "verb": verb}}})
    return review["status"]["allowed"]
