"""What happens to an address while its pool, its Service or the daemon that gave it changes."""

import urllib.request

import pytest

import expect
from lab import wait_until
from lab.wait import stays

A, B = "10.77.0.200", "10.77.0.201"
POOL = "metallb.io/ip-allocated-from-pool"


def pool(addresses, name="lan", **keys):
    return {"name": name, "addresses": addresses if isinstance(addresses, list) else [addresses], **keys}


def reload(daemon, *pools):
    daemon.write({"address-pools": list(pools)})
    daemon.ctl("reload")


def version(api, name):
    return api.service(name)["metadata"]["resourceVersion"]


def is_quiet(api, *names):
    """Nobody writes any more: the objects stay at their version."""
    before = {name: version(api, name) for name in names}
    stays(lambda: {name: version(api, name) for name in names} == before, 1, f"{names} are left alone")


# file -> file, and what two Services that had the pool's first two addresses have then, from which pool
RELOADS = {
    "grown": ([pool("10.77.0.192/27")], [A, B], ["lan", "lan"]),
    "shrunk around them": ([pool("10.77.0.200/31")], [A, B], ["lan", "lan"]),
    "shrunk": ([pool("10.77.0.201-10.77.0.203")], ["10.77.0.202", B], ["lan", "lan"]),
    "renamed": ([pool("10.77.0.200-10.77.0.210", "new")], [A, B], ["new", "new"]),
    "split": ([pool("10.77.0.200/32"), pool("10.77.0.201-10.77.0.210", "upper")], [A, B], ["lan", "upper"]),
    "removed, another is there": ([pool("10.77.0.230-10.77.0.239", "other")], ["10.77.0.230", "10.77.0.231"],
                                  ["other", "other"]),
    "excluded": ([pool("10.77.0.200-10.77.0.210", exclude=["10.77.0.200/31"])], ["10.77.0.202", "10.77.0.203"],
                 ["lan", "lan"]),
    "for another namespace": ([pool("10.77.0.200-10.77.0.210", namespaces=["elsewhere"])], [None, None],
                              [None, None]),
    "removed": ([], [None, None], [None, None]),
}


@pytest.mark.parametrize("name", RELOADS)
def test_pool_changes(api, deployment, name):
    pools, addresses, names = RELOADS[name]
    daemon = deployment.start()
    for service, ip in (("a", A), ("b", B)):
        api.create_service(service)
        expect.address(api, service, ip)
    reload(daemon, *pools)
    for service, wanted, from_pool, had in zip("ab", addresses, names, (A, B)):
        if wanted:
            expect.address(api, service, wanted)
        else:
            expect.no_address(api, service)
        wait_until(lambda s=service, p=from_pool: api.annotation(s, POOL) == p, expect.SOON,
                   f"{service} is from {from_pool}")
        cleared = [e for e in api.events(service, "ClearAssignment") if had in e["message"]]
        if wanted != had:
            expect.event(api, service, "ClearAssignment", containing=had)
        else:
            assert not cleared, "what is kept is not announced as lost"
    is_quiet(api, "a", "b")
    # And back again: nobody is moved who has an address that is allowed.
    reload(daemon, pool("10.77.0.200-10.77.0.239"))
    for service, ip in zip("ab", addresses):
        expect.address(api, service, ip)
    is_quiet(api, "a", "b")


def test_avoid_buggy_ips_is_switched(api, deployment):
    wide = [pool("10.78.0.254-10.78.1.9", "wide")]
    daemon = deployment.start(pools=wide)
    for name in "abc":
        api.create_service(name)
    for name, ip in zip("abc", ("10.78.0.254", "10.78.0.255", "10.78.1.0")):
        expect.address(api, name, ip)
    reload(daemon, {**wide[0], "avoid-buggy-ips": True})
    expect.address(api, "b", "10.78.1.1")
    expect.address(api, "c", "10.78.1.2")
    expect.event(api, "b", "ClearAssignment", containing="10.78.0.255")
    assert api.addresses("a") == ["10.78.0.254"]
    reload(daemon, *wide)
    is_quiet(api, "a", "b", "c")
    assert api.addresses("b") == ["10.78.1.1"], "nobody moves back"


@pytest.mark.backend("kubesim")
def test_class_that_is_served_no_more(api, deployment):
    """kubernetes.load-balancer-class is taken out of the file: its Services are another's from then on."""
    daemon = deployment.start(change={"kubernetes": {"load-balancer-class": "example.com/ours"}})
    api.create_service("ours", loadBalancerClass="example.com/ours")
    api.create_service("plain")
    expect.address(api, "ours", A)
    assert api.addresses("plain") == []
    daemon.write({"kubernetes": {"load-balancer-class": ""}})
    daemon.ctl("reload")
    expect.no_address(api, "ours")
    wait_until(lambda: api.condition("ours") is None and api.annotation("ours", POOL) is None, expect.SOON,
               "nothing of ours is left on it")
    expect.address(api, "plain", A)
    is_quiet(api, "ours", "plain")


@pytest.mark.parametrize("status", [
    [], [{"ip": "10.77.0.207"}], [{"ip": "10.77.0.207"}, {"ip": A}], [{"ip": A}, {"ip": "10.77.0.207"}],
    [{"ip": A}, {"hostname": "lb.example"}], [{"ip": A, "hostname": "web.example"}]])
def test_status_edited_by_hand(api, deployment, status):
    deployment.start()
    api.create_service("web")
    expect.address(api, "web", A)
    api.patch(api.service_path("web") + "/status", {"status": {"loadBalancer": {"ingress": status or None}}})
    foreign = [entry for entry in status if "hostname" in entry and "ip" not in entry]

    def right():
        entries = api.service("web")["status"]["loadBalancer"].get("ingress") or []
        ours = [entry for entry in entries if "ip" in entry]
        return [entry["ip"] for entry in ours] == [A] and [e for e in entries if "ip" not in e] == foreign
    wait_until(right, expect.SOON, f"{A} alone, and what is not ours beside it")
    is_quiet(api, "web")
    assert len(api.events("web", "IPAllocated")) == 1


def test_annotation_and_condition_wiped_by_hand(api, deployment):
    deployment.start()
    api.create_service("web")
    expect.address(api, "web", A)
    api.patch(api.service_path("web") + "/status", {"metadata": {"annotations": {POOL: None}},
                                                    "status": {"conditions": None}})
    wait_until(lambda: api.annotation("web", POOL) == "lan", expect.SOON, "the annotation is back")
    expect.condition(api, "web", "True")
    assert api.addresses("web") == [A]


def test_two_services_with_one_address(api, deployment):
    """Found by a leader that starts: the elder keeps it. Those that hold one come before those that wait."""
    daemon = deployment.prepare(pools=[pool("10.77.0.200/31")])
    # Of one second, then the name decides: elder, waits, younger.
    for name in ("elder", "waits", "younger"):
        api.create_service(name)
    for name in ("elder", "younger"):
        api.patch(api.service_path(name) + "/status", {"metadata": {"annotations": {POOL: "lan"}},
                                                       "status": {"loadBalancer": {"ingress": [{"ip": A}]}}})
    daemon.start()
    expect.address(api, "elder", A)
    # The elder of those that wait has what is left.
    expect.address(api, "waits", B)
    expect.no_address(api, "younger")
    expect.event(api, "younger", "ClearAssignment", containing="default/elder")
    is_quiet(api, "waits", "elder", "younger")


def test_holders_are_settled_before_those_that_wait(api, deployment):
    """The eldest Service waits, and the lowest address is a younger one's: a fresh leader leaves it there."""
    daemon = deployment.start(pools=[pool("10.77.0.200/31")])
    api.create_service("aaa", annotations={"metallb.io/address-pool": "nowhere"})
    expect.event(api, "aaa", "AllocationFailed")
    api.create_service("holder")
    expect.address(api, "holder", A)
    daemon.kill()
    api.patch_service("aaa", {"metadata": {"annotations": {"metallb.io/address-pool": None}}})
    daemon.start()
    expect.address(api, "aaa", B)
    assert api.addresses("holder") == [A]
    assert not api.events("holder", "ClearAssignment")


def test_leader_killed_in_the_middle_of_a_batch(api, deployment):
    daemons = deployment.start(3, pools=[pool("10.80.0.0/16", "big")])
    api.create_service("first")
    expect.address(api, "first")
    names = [f"web{i}" for i in range(60)]
    for name in names[:30]:
        api.create_service(name)
    leader = next(d for d in daemons if api.holder("allocator").startswith(d.node))
    leader.kill()
    held = {name: api.addresses(name) for name in names[:30]}
    for name in names[30:]:
        api.create_service(name)
    got = {name: expect.address(api, name, seconds=40) for name in names}
    assert len(set(got.values())) == len(names), "no address twice"
    for name, addresses in held.items():
        assert not addresses or addresses == [got[name]], "what was given stays"


def test_type_change_while_nobody_leads(api, deployment):
    """
    On a server without the field selector the next leader sees the Service, and cleans it; with it (1.31 and later) the
    server itself empties the status, and annotation and condition stay until the type is LoadBalancer again.
    """
    daemon = deployment.start()
    api.create_service("web")
    expect.address(api, "web", A)
    daemon.kill()
    api.patch_service("web", {"spec": {"type": "ClusterIP"}})
    daemon.start()
    api.create_service("next")
    expect.address(api, "next", A)
    api.patch_service("web", {"spec": {"type": "LoadBalancer"}})
    expect.address(api, "web", B)
    is_quiet(api, "web", "next")


def test_namespace_labels(api, deployment):
    """Asked for by single GETs, and only when a pool selects by them."""
    daemon = deployment.prepare(pools=[
        pool("10.77.0.230/31", "prod", **{"namespace-selectors": ["env=prod"], "priority": 1}), pool("10.77.0.200/31")])
    label = "/api/v1/namespaces/default"
    try:
        api.patch(label, {"metadata": {"labels": {"env": "prod"}}})
        daemon.start()
        api.create_service("web")
        expect.address(api, "web", "10.77.0.230")
        assert api.annotation("web", POOL) == "prod"
        daemon.kill()
        api.patch(label, {"metadata": {"labels": {"env": None}}})
        daemon.start()
        expect.address(api, "web", A)
        expect.event(api, "web", "ClearAssignment", containing="10.77.0.230")
        reasons = {p["pool"]: p["reason"] for p in daemon.ctl("explain", "default/web", "-j")["pools"]}
        assert reasons == {"prod": "namespace", "lan": "used"}
        is_quiet(api, "web")
    finally:
        api.patch(label, {"metadata": {"labels": {"env": None}}})


HOSTILE = {
    "ten thousand addresses": {"loadBalancerIPs": ",".join(f"10.1.{i // 250}.{i % 250}" for i in range(10000))},
    "controls": {"address-pool": "a\x1b[31m\nb\tc"},
    "a long name": {"address-pool": "x" * 100000},
    "a long key": {"allow-shared-ip": "k" * 5000},
    "percent": {"loadBalancerIPs": "%s%n%d"},
    "quotes": {"address-pool": '"}],"x":[{"'},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_annotations_are_refused_with_a_reason(api, deployment, name):
    daemon = deployment.start()
    api.create_service("bad", annotations={f"metallb.io/{k}": v for k, v in HOSTILE[name].items()})
    message = expect.condition(api, "bad", "False")["message"]
    assert 10 < len(message) <= 1000 and message.isprintable(), message
    wait_until(lambda: [e for e in api.events("bad") if e["type"] == "Warning"], expect.SOON, "a warning")
    assert message in daemon.ctl("explain", "default/bad")
    api.create_service("good")
    expect.address(api, "good", A)
    is_quiet(api, "bad")


def test_reasons_are_told_once(api, deployment):
    daemon = deployment.start(pools=[pool("10.77.0.200/32")])
    api.create_service("web", annotations={"metallb.universe.tf/loadBalancerIPs": A})
    expect.address(api, "web", A)
    event = expect.event(api, "web", "deprecatedAnnotation", containing="metallb.universe.tf/loadBalancerIPs")
    assert event["type"] == "Warning"
    api.create_service("late")
    expect.event(api, "late", "AllocationFailed")
    # Whatever makes the daemon look again: labels, a reload, a restart.
    for i in range(3):
        api.patch_service("late", {"metadata": {"labels": {"round": str(i)}}})
        api.patch_service("web", {"metadata": {"labels": {"round": str(i)}}})
    reload(daemon, pool("10.77.0.200/32", **{"avoid-buggy-ips": True}))
    daemon.restart()
    api.create_service("named", annotations={"metallb.io/address-pool": "nope"})
    expect.event(api, "named", "AllocationFailed", containing='unknown pool "nope"')
    for name in ("web", "late"):
        assert all(e.get("count", 1) == 1 for e in api.events(name)), api.events(name)
        assert len({e["reason"] for e in api.events(name)}) == len(api.events(name)), api.events(name)


def test_explain_pools_and_metrics(api, lab, deployment):
    daemon = deployment.start(change={"metrics": {"address": "127.0.0.1", "port": 7472}}, pools=[
        pool("10.77.0.200/31"), pool("10.77.0.210/32", "manual", **{"auto-assign": False}),
        pool("10.77.0.220/30", "team", **{"service-selectors": ["team=a"]}),
        pool("fd77::1000/64", "six")])
    for name in "ab":
        api.create_service(name, annotations={"metallb.io/allow-shared-ip": "k"}, port=80 + ord(name))
        expect.address(api, name, A)
    api.create_service("c")
    expect.address(api, "c", B)
    api.create_service("d")
    expect.condition(api, "d", "False")
    reasons = {p["pool"]: p["reason"] for p in daemon.ctl("explain", "default/d", "-j")["pools"]}
    assert reasons == {"lan": "full", "manual": "no-auto-assign", "team": "service-labels", "six": "no-family"}
    pools = {p["name"]: p for p in daemon.ctl("pools", "-j")["pools"]}
    assert (pools["lan"]["ipv4"]["used"], pools["lan"]["ipv4"]["free"]) == (2, 0)
    assert pools["lan"]["services"] == [{"address": A, "services": ["default/a", "default/b"]},
                                        {"address": B, "services": ["default/c"]}]
    with lab.enter("node1"):
        page = urllib.request.urlopen("http://127.0.0.1:7472/metrics", timeout=5).read().decode()
    values = dict(line.rsplit(" ", 1) for line in page.splitlines() if line and not line.startswith("#"))
    for family in ("", "ipv4_", "ipv6_"):
        total = {"": 2, "ipv4_": 2, "ipv6_": 0}[family]
        assert values[f'metallb_allocator_{family}addresses_total{{pool="lan"}}'] == str(total)
        assert values[f'metallb_allocator_{family}addresses_in_use_total{{pool="lan"}}'] == str(total)
    assert values['metallb_allocator_services_allocated_total{pool="lan"}'] == "3"
    assert values['metallb_allocator_services_allocated_total{pool="manual"}'] == "0"
    assert values["metallb_k8s_client_config_loaded_bool"] == "1"
    assert values["metallb_k8s_client_config_stale_bool"] == "0"
    assert int(values["metallb_k8s_client_updates_total"]) >= 4
    assert values["metallb_k8s_client_update_errors_total"] == "0"
