"""What a client on the LAN sees."""

import time

import expect
from lab import ArpCapture, announce, arp_query, wait_until
from lab.wait import stays


def test_one_node_answers_and_has_the_lease(api, lab, deployment):
    deployment.start(3)
    for i in range(6):
        api.create_service(f"web{i}")
    for i in range(6):
        ip = expect.address(api, f"web{i}")
        node = expect.owner(lab, ip)
        assert api.holder("ip-" + ip.replace(".", "-")) == node
    # All six again, several times: never two, never none.
    for _ in range(3):
        for i in range(6):
            assert len(expect.owners(lab, f"10.77.0.20{i}", wait=0.1)) == 1


def test_new_address_is_announced(api, lab, deployment):
    deployment.start()
    with ArpCapture(lab) as capture:
        api.create_service("web")
        ip = expect.address(api, "web", "10.77.0.200")
        wait_until(lambda: len(capture.announcements(ip)) >= 2, expect.SOON, "both forms of announcement")
        announced = capture.announcements(ip)
        assert {f.kind for f in announced[:2]} == {"garp-request", "garp-reply"}
        for frame in announced:
            assert frame.eth_src == frame.sha == lab.mac("node1")
            assert frame.eth_dst == "ff:ff:ff:ff:ff:ff"
            assert frame.spa == frame.tpa == ip
        # Repeated 1.1 s later, since some receivers ignore what comes faster.
        first = announced[0].t
        wait_until(lambda: [f for f in capture.announcements(ip) if f.t > first + 0.9], 5, "announced again")
        again = next(f for f in capture.announcements(ip) if f.t > first + 0.5)
        assert 0.9 < again.t - first < 1.6


def test_nothing_is_announced_by_a_mere_change_of_the_service(api, lab, deployment):
    deployment.start()
    api.create_service("web")
    ip = expect.address(api, "web", "10.77.0.200")
    expect.owner(lab, ip)
    with ArpCapture(lab) as capture:
        # The burst of a new address takes 4.4 s; after it there is silence for 2 minutes.
        def quiet():
            heard = capture.announcements(ip)
            return heard and heard[-1].t < time.monotonic() - 2.5
        wait_until(quiet, 15, "the end of the first announcements")
        before = len(capture.announcements(ip))
        for n in range(3):
            api.patch_service("web", {"metadata": {"labels": {"n": str(n)}}})
        stays(lambda: len(capture.announcements(ip)) == before, 1.5, "a label changes and nothing is announced")


def test_unicast_requests_and_probes_are_answered(api, lab, deployment):
    deployment.start()
    api.create_service("web")
    ip = expect.address(api, "web", "10.77.0.200")
    expect.owner(lab, ip)
    mac = lab.mac("node1")
    # As the kernel's neighbour unreachability detection asks, and as a host that wants the address for itself.
    assert [a for a, _ in arp_query(lab, ip, unicast_to=mac)] == [mac]
    assert [a for a, _ in arp_query(lab, ip, source="0.0.0.0")] == [mac]


def test_other_addresses_are_not_answered(api, lab, deployment):
    deployment.start()
    api.create_service("web")
    expect.address(api, "web", "10.77.0.200")
    expect.owner(lab, "10.77.0.200")
    for ip in ("10.77.0.201", "10.77.0.199", "10.77.0.250"):
        assert arp_query(lab, ip, wait=0.15) == []


def test_silence_after_the_service_is_deleted(api, lab, deployment):
    deployment.start()
    api.create_service("web")
    ip = expect.address(api, "web", "10.77.0.200")
    expect.owner(lab, ip)
    api.delete_service("web")
    expect.nobody(lab, ip)


def test_pool_without_advertisement_is_assigned_and_not_announced(api, lab, deployment):
    deployment.start(pools=[{"name": "quiet", "addresses": ["10.77.0.220/32"]},
                            {"name": "loud", "addresses": ["10.77.0.221/32"]}],
                     change={"l2-advertisements": [{"name": "only", "address-pools": ["loud"]}]})
    api.create_service("a")
    expect.address(api, "a", "10.77.0.220")
    api.create_service("b")
    expect.address(api, "b", "10.77.0.221")
    expect.owner(lab, "10.77.0.221")
    assert expect.owners(lab, "10.77.0.220") == []


def test_interfaces_of_an_advertisement(api, lab, deployment):
    """No interface of that name: nobody answers, and metallbctl says why."""
    daemon = deployment.start(change={"l2-advertisements": [{"name": "other", "interfaces": ["eno*"]}]})
    api.create_service("web")
    ip = expect.address(api, "web", "10.77.0.200")
    stays(lambda: not expect.owners(lab, ip), 1, "nobody answers")
    daemon.write({"l2-advertisements": [{"name": "other", "interfaces": ["eth*"]}]})
    daemon.ctl("reload")
    expect.owner(lab, ip)


def test_claim_of_another_host_is_said_and_not_obeyed(api, lab, deployment):
    daemon = deployment.start()
    api.create_service("web")
    ip = expect.address(api, "web", "10.77.0.200")
    expect.owner(lab, ip)
    announce(lab, ip)
    wait_until(lambda: any(ip in line and lab.mac("client") in line for line in daemon.output().splitlines()),
               expect.SOON, "the log names the address and who claims it")
    assert expect.owners(lab, ip) == ["node1"]


def conflicts(daemon):
    return [a["conflicts"] for a in daemon.ctl("l2", "-j")["addresses"]]


def test_claim_of_a_stranger_before_the_first_announcement(api, lab, deployment):
    """The client has the address: the probes find it, nothing is announced, and the Service says so. Later it is gone."""
    lab.ip("client", "addr", "add", "10.77.0.200/32", "dev", "eth0")
    try:
        daemon = deployment.start()
        with ArpCapture(lab, "router") as capture:
            api.create_service("web")
            expect.event(api, "web", "AddressConflict", containing=lab.mac("client"))
            assert len([f for f in capture.frames("10.77.0.200", ("probe",)) if f.sha == lab.mac("node1")]) <= 3
            stays(lambda: not [f for f in capture.announcements("10.77.0.200") if f.sha == lab.mac("node1")], 1,
                  "nothing is announced")
        assert [mac for mac, _ in arp_query(lab, "10.77.0.200", member="router")] == [lab.mac("client")]
        explained = daemon.ctl("explain", "default/web", "-j")["addresses"][0]["here"]
        assert explained["reason"] == "addressConflict" and lab.mac("client") in explained["message"]
        assert daemon.ctl("l2", "-j")["addresses"][0]["state"] == "conflict"
    finally:
        lab.ip("client", "addr", "del", "10.77.0.200/32", "dev", "eth0")
    expect.owner(lab, "10.77.0.200", seconds=15, node="node1")
    assert "nobody else has it on eth0 any more" in daemon.output()


def test_claim_of_the_gateway_is_warned_of(api, lab, deployment):
    """Proxy ARP: the gateway says of every address that it is there. That is no owner."""
    daemon = deployment.start()
    # The node's kernel knows its gateway's MAC, as on any node that talks to the world.
    lab.run("node1", "ping", "-c", "1", "-W", "2", lab.ipv4("router"))
    api.create_service("web")
    ip = expect.address(api, "web", "10.77.0.200")
    expect.owner(lab, ip)
    announce(lab, ip, member="router")
    wait_until(lambda: "the gateway: does it answer for others" in daemon.output(), expect.SOON, "it is said")
    assert expect.owners(lab, ip) == ["node1"]
    assert conflicts(daemon) == [0] and not api.events("web", "AddressConflict")


def test_claim_of_a_member_is_a_question_to_the_leases(api, lab, deployment):
    """As by the kernel of a node without strictARP: the Lease says whose it is, and the owner goes on."""
    daemons = {d.node: d for d in deployment.start(2)}
    api.create_service("web")
    ip = expect.address(api, "web", "10.77.0.200")
    owner = expect.owner(lab, ip)
    other = next(node for node in daemons if node != owner)
    announce(lab, ip, member=other)
    wait_until(lambda: "doubt" in daemons[owner].output(), expect.SOON, "the owner doubts")
    expect.owner(lab, ip, node=owner)
    assert conflicts(daemons[owner]) == [0] and not api.events("web", "AddressConflict")


def test_node_without_strict_arp_is_named(api, lab, deployment):
    """Its kernel answers our first probes: the Lease is ours and stays so, but somebody has to repair that node."""
    daemons = {d.node: d for d in deployment.start(2)}
    addresses = [f"10.77.0.{last}" for last in range(200, 204)]
    try:
        for node in daemons:
            lab.sysctl(node, "net.ipv4.conf.all.arp_ignore=0")
            lab.ip(node, "link", "add", "kube-ipvs0", "type", "veth", "peer", "name", "kube-peer")
            for ip in addresses:
                lab.ip(node, "addr", "add", f"{ip}/32", "dev", "kube-ipvs0")
        for number, ip in enumerate(addresses):
            api.create_service(f"web{number}")
            expect.address(api, f"web{number}", ip)
        # One of them is enough: it is the same on all, and the log is limited.
        def named(node):
            other = next(n for n in daemons if n != node)
            return any(f"is also claimed by {lab.mac(other)}" in line and f"node {other}" in line
                       for line in daemons[node].output().splitlines())
        wait_until(lambda: any(named(node) for node in daemons), expect.SOON, "the node is named")
    finally:
        for node in daemons:
            lab.run(node, "ip", "link", "del", "kube-ipvs0", check=False)


def test_link_lost_and_back(api, lab, deployment):
    deployment.start()
    api.create_service("web")
    ip = expect.address(api, "web", "10.77.0.200")
    expect.owner(lab, ip)
    lab.port_down("node1")
    lab.port_up("node1")
    expect.owner(lab, ip, node="node1")
    # A port that comes up may be another switch's: the LAN must be told again.
    with ArpCapture(lab) as capture:
        lab.port_down("node1")
        lab.port_up("node1")
        wait_until(lambda: capture.announcements(ip), expect.SOON, "announced after the link is back")
