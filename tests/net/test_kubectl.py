"""kubectl, as a user has it: works with the server that the tests use, and shows what the daemon wrote."""

import shutil
import subprocess

import pytest

import expect
from lab import wait_until

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")


@pytest.fixture
def kubectl(lab, cluster):
    config = cluster.kubeconfig()

    def run(*args, input=None, timeout=30):
        done = lab.run("api", "env", "HOME=/nonexistent", "kubectl", f"--kubeconfig={config}",
                       f"--cache-dir={cluster.path('kubectl-cache')}", *args, check=False, timeout=timeout, input=input)
        assert done.returncode == 0, f"kubectl {' '.join(args)}: {done.stderr}"
        return done.stdout
    return run


MANIFEST = """
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec: {type: LoadBalancer, ports: [{name: http, port: 80}]}
"""


def test_create_get_describe_delete(api, lab, deployment, kubectl):
    deployment.start()
    kubectl("apply", "-f", "-", input=MANIFEST)
    ip = expect.address(api, "web", "10.77.0.200")
    expect.owner(lab, ip)
    assert ip in kubectl("get", "service", "web")
    assert kubectl("get", "service", "web", "-o", "jsonpath={.status.loadBalancer.ingress[0].ip}") == ip
    expect.event(api, "web", "IPAllocated")
    described = kubectl("describe", "service", "web")
    assert ip in described and "IPAllocated" in described
    assert "node1" in kubectl("-n", "metallbd-system", "get", "lease", "ip-10-77-0-200")
    kubectl("annotate", "service", "web", "metallb.io/loadBalancerIPs=10.77.0.205")
    expect.address(api, "web", "10.77.0.205")
    kubectl("delete", "service", "web")
    expect.nobody(lab, "10.77.0.205")


def test_watch(lab, cluster, api, deployment):
    deployment.start()
    config = cluster.kubeconfig()
    out = cluster.path("watch.out")
    with open(out, "w", encoding="utf-8") as f:
        watching = subprocess.Popen(
            ["ip", "netns", "exec", lab.ns("api"), "kubectl", f"--kubeconfig={config}", "get", "service", "-w",
             "--no-headers"], stdin=subprocess.DEVNULL, stdout=f, stderr=subprocess.STDOUT)
    try:
        api.create_service("web")
        def seen():
            with open(out, encoding="utf-8") as f:
                return "10.77.0.200" in f.read()
        wait_until(seen, expect.SOON, "kubectl get -w shows the address")
    finally:
        watching.kill()
        watching.wait()
