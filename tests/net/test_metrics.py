"""The page for Prometheus, /healthz and /readyz."""

import re
import urllib.error
import urllib.request

import pytest

import expect
from lab import wait_until

METRICS = {"metrics": {"address": "127.0.0.1", "port": 7472}}


def get(lab, path, node="node1"):
    """Status and text."""
    with lab.enter(node):
        try:
            with urllib.request.urlopen("http://127.0.0.1:7472" + path, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


def page(lab, node="node1"):
    """name{labels} -> number; every line has the form that Prometheus reads, every name one HELP and one TYPE before it."""
    values, types = {}, {}
    for line in get(lab, "/metrics", node)[1].splitlines():
        if line.startswith("# HELP "):
            assert line.split()[2] not in types, f"twice: {line}"
            continue
        if line.startswith("# TYPE "):
            types[line.split()[2]] = line.split()[3]
            continue
        match = re.fullmatch(r'([a-z_0-9]+)(\{([a-z]+="[^"\\]*",?)+\})? ([0-9.e+]+)', line)
        assert match, line
        name = match[1]
        assert name in types or re.sub("_(bucket|sum|count)$", "", name) in types, line
        assert line.rsplit(" ", 1)[0] not in values, f"twice: {line}"
        values[line.rsplit(" ", 1)[0]] = float(match[4])
    return values


def test_page(api, lab, deployment):
    one, two = deployment.start(2, change=METRICS)
    api.create_service("web")
    ip = expect.address(api, "web")
    node = expect.owner(lab, ip)
    values = page(lab, node)
    assert values["metallb_lease_members"] == 2
    assert values["metallb_lease_addresses"] == values["metallb_lease_addresses_owned"] == 1
    assert values["metallb_lease_addresses_unheld"] == values["metallb_lease_members_expired"] == 0
    announced = f'metallb_speaker_announced{{service="default/web",protocol="layer2",node="{node}",ip="{ip}"}}'
    assert values[announced] == 1
    assert values[f'metallb_layer2_responses_sent{{ip="{ip}"}}'] >= 1
    assert values["process_resident_memory_bytes"] > 1 << 20
    assert values["process_cpu_seconds_total"] > 0

    # The histogram is cumulative, and ends with all turns.
    buckets = [v for k, v in values.items() if k.startswith("metallb_loop_turn_seconds_bucket")]
    assert buckets == sorted(buckets) and len(buckets) == 9
    assert buckets[-1] == values["metallb_loop_turn_seconds_count"] > 0
    assert 0 < values["metallb_loop_longest_callback_seconds"] <= values["metallb_loop_longest_turn_seconds"]

    # One stops in order: it is not lost. The other drains: nobody is left to take the address.
    other = deployment.on("node2" if node == "node1" else "node1")
    other.stop()
    wait_until(lambda: page(lab, node)["metallb_lease_members"] == 1, expect.SOON, "one member")
    deployment.on(node).run_client("drain", timeout=30)
    wait_until(lambda: page(lab, node)["metallb_lease_offers_untaken"] == 1, expect.SOON, "an offer that nobody takes")
    values = page(lab, node)
    assert values["metallb_node_drained_bool"] == values["metallb_lease_members_drained"] == 1
    assert values["metallb_lease_members_expired"] == 0
    assert values[announced] == 1


@pytest.mark.backend("kubesim")
def test_ready(cluster, lab, deployment):
    daemon = deployment.prepare(change=METRICS)
    cluster.pause()
    daemon.start()
    assert get(lab, "/healthz") == (200, "ok\n")
    status, text = get(lab, "/readyz")
    assert status == 503
    assert text == ("the Services were not listed yet\nthe Leases were not listed yet\n"
                    "the own Node was not read yet\n")
    cluster.resume()
    wait_until(lambda: get(lab, "/readyz") == (200, "ok\n"), 2 * expect.SOON, "ready")
    # What comes later and what no restart would cure is no reason.
    cluster.pause()
    daemon.write(text="nonsense")
    daemon.hangup()
    wait_until(lambda: page(lab)["metallb_k8s_client_config_stale_bool"] == 1, expect.SOON, "the file is refused")
    assert page(lab)["metallb_k8s_client_config_reload_errors_total"] == 1
    wait_until(lambda: page(lab)["metallb_k8s_client_connected_bool"] == 0, 4 * expect.SOON, "the API is away")
    assert get(lab, "/readyz") == (200, "ok\n")
    cluster.resume()


def test_a_name_that_is_taken(api, lab, deployment):
    first = deployment.start(change=METRICS)
    wait_until(lambda: get(lab, "/readyz")[0] == 200, expect.SOON, "the first is ready")
    second = deployment.prepare("node2", METRICS)
    text = open(second.file, encoding="utf-8").read().replace('"node2"', '"node1"')
    second.write(text=text)
    second.start()

    def refused():
        """One of the two gives way, and says so."""
        answers = [get(lab, "/readyz", node) for node in ("node1", "node2")]
        return any(answer == (503, "another machine uses this node's name\n") for answer in answers)
    wait_until(refused, 3 * expect.SOON, "one of them is not ready")
    assert first.running() and second.running()
    second.kill()
