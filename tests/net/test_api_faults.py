"""An API server that misbehaves in every way that kubesim knows. The daemon goes on, and recovers by itself."""

import pytest

import expect
from lab import wait_until

pytestmark = pytest.mark.backend("kubesim")

LATER = 40      # three failures and their back-off
SERVICES = "/api/v1/services*"
LEASES = "/apis/coordination.k8s.io/*"

FAULTS = {
    "delay": {"ms": 700, "count": 5},
    "drop": {"count": 3},
    "gone": {"count": 2},
    "throttle": {"count": 3, "retryAfter": 1},
    "error": {"count": 3},
    "unavailable": {"count": 3, "retryAfter": 1},
    "forbidden": {"count": 3},
    "truncate": {"count": 3},
    "garbage": {"count": 3},
    "slow-body": {"count": 2, "ms": 300},
    "huge-line": {"count": 1},
}


@pytest.mark.parametrize("kind", FAULTS)
def test_at_start(cluster, api, deployment, kind):
    """The first requests fail; then all is well."""
    api.create_service("web")
    cluster.fault(kind, path=SERVICES, user="system:serviceaccount:metallbd-system:metallbd", **FAULTS[kind])
    daemon = deployment.start()
    expect.address(api, "web", "10.77.0.200", seconds=LATER)
    assert daemon.running()


@pytest.mark.parametrize("kind", FAULTS)
def test_while_running(cluster, api, lab, deployment, kind):
    """The watches end, and the next requests fail. What is announced stays so."""
    daemon = deployment.start()
    api.create_service("a")
    ip = expect.address(api, "a", "10.77.0.200")
    expect.owner(lab, ip)
    cluster.fault(kind, path=SERVICES, user="system:serviceaccount:metallbd-system:metallbd", **FAULTS[kind])
    cluster.close_watches()
    api.create_service("b")
    expect.address(api, "b", "10.77.0.201", seconds=LATER)
    assert expect.owners(lab, ip) == ["node1"]
    assert daemon.running()


@pytest.mark.parametrize("kind", ["drop", "error", "throttle", "lost-answer", "delay", "garbage"])
def test_lease_writes(cluster, api, lab, deployment, kind):
    """Every write of a Lease fails a few times. A lost answer is one that was applied: no 409 must confuse."""
    options = {k: v for k, v in FAULTS.get(kind, {"count": 3}).items()}
    for method in ("PUT", "POST"):
        cluster.fault(kind, method=method, path=LEASES, **options)
    daemon = deployment.start()
    api.create_service("web")
    ip = expect.address(api, "web", "10.77.0.200", seconds=LATER)
    expect.owner(lab, ip, seconds=LATER)
    assert daemon.running()


@pytest.mark.parametrize("kind", ["drop", "error", "throttle", "lost-answer"])
def test_status_writes(cluster, api, deployment, kind):
    options = {k: v for k, v in FAULTS.get(kind, {"count": 3}).items()}
    cluster.fault(kind, method="PATCH", path="/api/v1/namespaces/default/services/*", **options)
    deployment.start()
    api.create_service("web")
    expect.address(api, "web", "10.77.0.200", seconds=LATER)


@pytest.mark.parametrize("kind", ["drop", "error", "forbidden"])
def test_event_writes(cluster, api, deployment, kind):
    """Events are a courtesy: that they fail stops nothing."""
    cluster.fault(kind, method="POST", path="/api/v1/namespaces/default/events*", count=100)
    deployment.start()
    api.create_service("web")
    expect.address(api, "web", "10.77.0.200")
    api.create_service("next")
    expect.address(api, "next", "10.77.0.201")


def test_compaction_and_missed_deletes(cluster, api, lab, deployment):
    """The watch ends, its version is gone when it is resumed, and meanwhile a Service was deleted."""
    deployment.start()
    api.create_service("a")
    api.create_service("b")
    expect.owner(lab, expect.address(api, "a", "10.77.0.200"))
    expect.owner(lab, expect.address(api, "b", "10.77.0.201"))
    cluster.fault("delay", path=SERVICES, ms=1500, count=1,
                  user="system:serviceaccount:metallbd-system:metallbd")
    cluster.close_watches()
    api.delete_service("a")
    cluster.compact()
    expect.nobody(lab, "10.77.0.200", seconds=LATER)
    assert expect.owners(lab, "10.77.0.201") == ["node1"]


def test_server_down_for_a_while(cluster, api, lab, deployment):
    daemon = deployment.start()
    api.create_service("a")
    ip = expect.address(api, "a", "10.77.0.200")
    expect.owner(lab, ip)
    cluster.down(4000)
    for _ in range(10):
        assert expect.owners(lab, ip) == ["node1"]
    def created():
        try:
            return api.create_service("b")
        except OSError:
            return None
    wait_until(created, 15, "the server is back")
    expect.address(api, "b", seconds=LATER)
    assert daemon.running()


def test_frozen_watch_is_noticed(cluster, api, deployment):
    """Long: the connection stands and the watch says nothing any more; noticed within 60 s."""
    deployment.start()
    api.create_service("a")
    expect.address(api, "a", "10.77.0.200")
    cluster.fault("freeze-watch", path=SERVICES, count=1)
    api.create_service("b")
    expect.address(api, "b", "10.77.0.201", seconds=75)
