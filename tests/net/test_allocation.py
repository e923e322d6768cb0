"""From a Service to its address: what is written where, what may be asked for, what is kept."""

import pytest

import expect
from lab import wait_until
from lab.wait import stays

LAN = {"name": "lan", "addresses": ["10.77.0.200-10.77.0.210"]}


def test_service_gets_the_first_free_address(api, deployment):
    deployment.start()
    api.create_service("web")
    assert expect.address(api, "web") == "10.77.0.200"
    assert api.annotation("web", "metallb.io/ip-allocated-from-pool") == "lan"
    condition = expect.condition(api, "web", "True")
    assert condition["reason"]
    # Services have no generation on older servers.
    assert condition.get("observedGeneration") == api.service("web")["metadata"].get("generation")
    event = expect.event(api, "web", "IPAllocated", containing="10.77.0.200")
    assert event["type"] == "Normal"
    assert event["involvedObject"]["kind"] == "Service"
    api.create_service("second")
    assert expect.address(api, "second") == "10.77.0.201"


def test_services_that_were_there_first(api, deployment):
    for i in range(5):
        api.create_service(f"web{i}")
    deployment.start()
    got = {expect.address(api, f"web{i}") for i in range(5)}
    assert got == {f"10.77.0.20{i}" for i in range(5)}


@pytest.mark.backend("kubesim")
def test_ip_mode_where_the_server_knows_it(cluster, api, deployment):
    cluster.reset("--version", "1.32.0")
    deployment.start()
    api.create_service("web")
    expect.address(api, "web")
    assert api.service("web")["status"]["loadBalancer"]["ingress"][0].get("ipMode") == "VIP"


@pytest.mark.backend("kubesim")
def test_server_without_field_selector(cluster, api, deployment):
    """Kubernetes before 1.31 answers 400 to spec.type=LoadBalancer."""
    cluster.reset("--no-field-selector", "--version", "1.28.0")
    deployment.start()
    api.create_service("internal", type="ClusterIP")
    api.create_service("web")
    expect.address(api, "web", "10.77.0.200")
    assert api.addresses("internal") == []


def test_other_types_and_classes_are_left_alone(cluster, api, deployment):
    deployment.start()
    api.create_service("internal", type="ClusterIP")
    api.create_service("ports", type="NodePort")
    if cluster.backend == "kubesim":    # 1.20 does not know the field
        api.create_service("other", loadBalancerClass="example.com/other")
    api.create_service("web")
    expect.address(api, "web", "10.77.0.200")
    for name in ("internal", "ports") + (("other",) if cluster.backend == "kubesim" else ()):
        assert api.addresses(name) == []
        assert api.condition(name) is None
        assert api.events(name) == []


def test_type_change_frees_the_address(api, lab, deployment):
    deployment.start()
    api.create_service("web")
    expect.address(api, "web", "10.77.0.200")
    expect.owner(lab, "10.77.0.200")
    api.patch_service("web", {"spec": {"type": "ClusterIP"}})
    expect.nobody(lab, "10.77.0.200")
    api.create_service("next")
    expect.address(api, "next", "10.77.0.200")


@pytest.mark.parametrize("how", ["annotation", "legacy annotation", "spec"])
def test_requested_address(api, deployment, how):
    deployment.start()
    if how == "spec":
        api.create_service("web", loadBalancerIP="10.77.0.207")
    else:
        prefix = "metallb.io/" if how == "annotation" else "metallb.universe.tf/"
        api.create_service("web", annotations={prefix + "loadBalancerIPs": "10.77.0.207"})
    expect.address(api, "web", "10.77.0.207")


def test_named_pool_and_pools_without_auto_assign(api, deployment):
    deployment.start(pools=[{"name": "reserved", "addresses": ["10.77.0.220-10.77.0.221"], "auto-assign": False},
                            LAN])
    api.create_service("any")
    expect.address(api, "any", "10.77.0.200")
    api.create_service("named", annotations={"metallb.io/address-pool": "reserved"})
    expect.address(api, "named", "10.77.0.220")
    assert api.annotation("named", "metallb.io/ip-allocated-from-pool") == "reserved"
    api.create_service("asked", annotations={"metallb.io/loadBalancerIPs": "10.77.0.221"})
    expect.address(api, "asked", "10.77.0.221")


def test_excluded_and_buggy_addresses(api, deployment):
    deployment.start(pools=[{"name": "wide", "addresses": ["10.78.0.254-10.78.1.2"], "avoid-buggy-ips": True,
                             "exclude": ["10.78.1.1"]}])
    for name in "abc":
        api.create_service(name)
    # .255, .0 and the excluded .1 are left out; so the pool has two.
    assert expect.address(api, "a") == "10.78.0.254"
    assert expect.address(api, "b") == "10.78.1.2"
    expect.event(api, "c", "AllocationFailed")
    api.create_service("d", annotations={"metallb.io/loadBalancerIPs": "10.78.1.0"})
    api.create_service("e", annotations={"metallb.io/loadBalancerIPs": "10.78.1.1"})
    expect.event(api, "d", "AllocationFailed")
    expect.event(api, "e", "AllocationFailed")
    assert api.addresses("d") == [] and api.addresses("e") == []


def test_pool_order_and_exhaustion(api, deployment):
    deployment.start(pools=[{"name": "small", "addresses": ["10.77.0.230/32"]},
                            {"name": "next", "addresses": ["10.77.0.231/32"]}])
    api.create_service("one")
    expect.address(api, "one", "10.77.0.230")
    api.create_service("two")
    expect.address(api, "two", "10.77.0.231")
    api.create_service("three")
    event = expect.event(api, "three", "AllocationFailed")
    assert event["type"] == "Warning"
    expect.condition(api, "three", "False")
    # The first that is given back goes to the one that waits.
    api.delete_service("one")
    expect.address(api, "three", "10.77.0.230")
    expect.condition(api, "three", "True")


REFUSED = {
    "outside": {"annotations": {"metallb.io/loadBalancerIPs": "10.99.9.9"}},
    "garbage": {"annotations": {"metallb.io/loadBalancerIPs": "not-an-address"}},
    "nopool": {"annotations": {"metallb.io/address-pool": "nowhere"}},
    "both": {"annotations": {"metallb.io/loadBalancerIPs": "10.77.0.205"}, "loadBalancerIP": "10.77.0.205"},
    "family": {"annotations": {"metallb.io/loadBalancerIPs": "fd77::200"}},
    "mismatch": {"annotations": {"metallb.io/address-pool": "lan", "metallb.io/loadBalancerIPs": "10.77.0.240"}},
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_request_is_explained_and_others_go_on(api, deployment, name):
    daemon = deployment.start(pools=[LAN, {"name": "second", "addresses": ["10.77.0.240/32"]}])
    api.create_service(name, **REFUSED[name])
    warnings = wait_until(lambda: [e for e in api.events(name) if e["type"] == "Warning"], expect.SOON,
                          "a warning event")
    assert warnings[0]["reason"] in ("AllocationFailed", "LoadBalancerFailed"), warnings[0]
    condition = expect.condition(api, name, "False")
    assert condition["message"]
    explained = daemon.ctl("explain", f"default/{name}")
    assert condition["message"] in explained, explained
    assert api.addresses(name) == []
    api.create_service("web")
    expect.address(api, "web", "10.77.0.200")
    # What is asked for can be corrected.
    api.patch_service(name, {"metadata": {"annotations": {"metallb.io/loadBalancerIPs": None,
                                                          "metallb.io/address-pool": None}},
                             "spec": {"loadBalancerIP": None}})
    expect.address(api, name, "10.77.0.201")
    expect.condition(api, name, "True")


def test_taken_address_is_refused_to_the_second(api, deployment):
    deployment.start()
    api.create_service("elder", annotations={"metallb.io/loadBalancerIPs": "10.77.0.204"})
    expect.address(api, "elder", "10.77.0.204")
    api.create_service("younger", annotations={"metallb.io/loadBalancerIPs": "10.77.0.204"})
    expect.event(api, "younger", "AllocationFailed")
    assert api.addresses("younger") == []
    assert api.addresses("elder") == ["10.77.0.204"]
    api.delete_service("elder")
    expect.address(api, "younger", "10.77.0.204")


@pytest.mark.parametrize("how", ["restart", "stop", "kill"])
def test_address_is_kept_over_a_restart(api, deployment, how):
    daemon = deployment.start()
    for name in "abc":
        api.create_service(name)
        expect.address(api, name)
    held = {name: api.addresses(name) for name in "abc"}
    api.delete_service("a")
    wait_until(lambda: api.service("a") is None, 5, "Service a is gone")
    if how == "restart":
        daemon.restart()
    else:
        getattr(daemon, how)()
        daemon.start()
    api.create_service("d")
    # The lowest is free again, and nobody who holds another is moved there.
    expect.address(api, "d", held["a"][0])
    for name in "bc":
        assert api.addresses(name) == held[name]


def test_address_is_kept_when_its_pool_is_renamed(api, deployment):
    daemon = deployment.start()
    api.create_service("web")
    expect.address(api, "web", "10.77.0.200")
    daemon.write({"address-pools": [{"name": "renamed", "addresses": LAN["addresses"]}]})
    daemon.ctl("reload")
    wait_until(lambda: api.annotation("web", "metallb.io/ip-allocated-from-pool") == "renamed", expect.SOON,
               "the annotation names the new pool")
    assert api.addresses("web") == ["10.77.0.200"]


def test_address_that_the_file_no_longer_has_is_replaced(api, lab, deployment):
    daemon = deployment.start()
    api.create_service("web")
    expect.address(api, "web", "10.77.0.200")
    expect.owner(lab, "10.77.0.200")
    daemon.write({"address-pools": [{"name": "lan", "addresses": ["10.77.0.240-10.77.0.241"]}]})
    daemon.ctl("reload")
    expect.address(api, "web", "10.77.0.240")
    expect.owner(lab, "10.77.0.240")
    expect.nobody(lab, "10.77.0.200")


def test_service_deleted_while_the_daemon_was_away(api, lab, deployment):
    daemon = deployment.start()
    api.create_service("gone")
    api.create_service("stays")
    expect.address(api, "gone", "10.77.0.200")
    expect.address(api, "stays", "10.77.0.201")
    expect.owner(lab, "10.77.0.200")
    daemon.stop()
    api.delete_service("gone")
    daemon.start()
    expect.owner(lab, "10.77.0.201")
    stays(lambda: not expect.owners(lab, "10.77.0.200"), 1, "nobody answers for a deleted Service's address")
    api.create_service("new")
    expect.address(api, "new", "10.77.0.200")


def test_status_wiped_by_hand_is_restored(api, lab, deployment):
    deployment.start()
    api.create_service("first")
    expect.address(api, "first", "10.77.0.200")
    api.create_service("web")
    expect.address(api, "web", "10.77.0.201")
    expect.owner(lab, "10.77.0.201")
    api.delete_service("first")
    api.patch(api.service_path("web") + "/status", {"status": {"loadBalancer": {"ingress": None}}})
    # The same address again, although a lower one is free by now.
    expect.address(api, "web", "10.77.0.201")


def test_address_that_is_not_ours_is_left_in_the_status(api, deployment):
    """Another controller's entry: neither taken over nor removed."""
    daemon = deployment.start()
    daemon.stop()
    api.create_service("foreign")
    api.patch(api.service_path("foreign") + "/status",
              {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}}})
    daemon.start()
    wait_until(lambda: set(api.addresses("foreign")) == {"192.0.2.7", "10.77.0.200"}, expect.SOON,
               "both addresses are there")
    api.delete(api.service_path("foreign"))
    api.create_service("web")
    expect.address(api, "web", "10.77.0.200")


def test_many_services_at_once(api, deployment):
    deployment.start(pools=[{"name": "big", "addresses": ["10.80.0.0/16"]}])
    for i in range(100):
        api.create_service(f"web{i}")
    got = {expect.address(api, f"web{i}", seconds=30) for i in range(100)}
    assert len(got) == 100
