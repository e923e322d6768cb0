"""metallbctl and its socket."""

import os
import stat
import subprocess

import expect

NOBODY = 65534


def as_nobody(argv):
    return subprocess.run(["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *argv],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=15)


def test_everything_can_be_shown(api, lab, cluster, deployment):
    daemon = deployment.start()
    api.create_service("web")
    ip = expect.address(api, "web", "10.77.0.200")
    expect.owner(lab, ip)
    for what in ("status", "services", "pools", "leases"):
        assert daemon.ctl(what).strip(), what
        assert daemon.ctl(what, "-j"), what
    assert "default/web" in daemon.ctl("services") and ip in daemon.ctl("services")
    assert "lan" in daemon.ctl("pools")
    assert "ip-10-77-0-200" in daemon.ctl("leases")
    assert ip in daemon.ctl("explain", "default/web")
    status = daemon.ctl("status", "-j")
    assert status["node"] == "node1" and status["pid"] == daemon.process.pid
    assert status["api"]["state"] == "connected" and status["api"]["server"] == cluster.url
    assert status["allocator"]["me"] is True
    assert status["services"]["ours"] == status["services"]["allocated"] == 1
    assert status["addresses"] == {"held": 1, "owned": 1, "announced": 1}
    assert [i["name"] for i in status["interfaces"] if i["usable"]] == ["eth0"]
    (service,) = daemon.ctl("services", "-j")["services"]
    (address,) = service["addresses"]
    assert (address["address"], address["pool"], address["owner"]) == (ip, "lan", "node1")
    (pool,) = daemon.ctl("pools", "-j")["pools"]
    assert (pool["ipv4"]["total"], pool["ipv4"]["used"], pool["ipv4"]["free"]) == (11, 1, 10)


def test_explain_what_is_not_there(deployment):
    daemon = deployment.start()
    done = daemon.run_client("explain", "default/none")
    assert done.returncode == 1
    assert "default/none" in done.stderr


def test_usage_and_absent_socket(deployment):
    daemon = deployment.prepare()
    assert daemon.run_client("nonsense").returncode == 2
    assert daemon.run_client().returncode == 2
    done = daemon.run_client("status")
    assert done.returncode == 3
    assert daemon.socket in done.stderr, "says which socket it tried"


def test_socket_is_for_all_to_read_and_for_few_to_change(deployment):
    daemon = deployment.start()
    mode = os.stat(daemon.socket).st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o666
    # The client may be in a build directory that others cannot enter; then a copy serves.
    client = os.path.join(deployment.directory, "metallbctl")
    with open(daemon.client, "rb") as source, open(client, "wb") as copy:
        copy.write(source.read())
    os.chmod(client, 0o755)
    shown = as_nobody([client, "-s", daemon.socket, "status"])
    assert shown.returncode == 0, shown.stderr
    refused = as_nobody([client, "-s", daemon.socket, "reload"])
    assert refused.returncode == 1
    assert daemon.run_client("reload").returncode == 0


def test_stale_socket_is_replaced_and_a_living_one_is_not(deployment):
    daemon = deployment.start()
    daemon.kill()
    assert os.path.exists(daemon.socket)
    daemon.start()
    # A second daemon on the same state directory is refused, and the first goes on.
    second = subprocess.run([daemon.program, "-f", daemon.file], stdin=subprocess.DEVNULL, capture_output=True,
                            text=True, timeout=20)
    assert second.returncode == 1
    assert daemon.ctl("status")


def test_end_by_signal(deployment):
    daemon = deployment.start()
    assert daemon.stop() == 0
    assert not os.path.exists(daemon.socket), "the socket is removed"


def test_without_root(api, lab, cluster, deployment):
    """As the packaged unit runs it: a user of its own with three capabilities."""
    daemon = deployment.prepare()
    for path in (daemon.directory, os.path.join(daemon.directory, "state"), cluster.token_file):
        os.chown(path, NOBODY, NOBODY)
    os.chmod(cluster.directory, 0o755)
    program = os.path.join(deployment.directory, "metallbd")
    with open(daemon.program, "rb") as source, open(program, "wb") as copy:
        copy.write(source.read())
    os.chmod(program, 0o755)
    daemon.program = program
    capabilities = "-all,+net_admin,+net_raw,+net_bind_service"
    daemon.start(wrapper=["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
                          f"--bounding-set={capabilities}", f"--inh-caps={capabilities}",
                          f"--ambient-caps={capabilities}"])
    api.create_service("web")
    expect.address(api, "web", "10.77.0.200")
    expect.owner(lab, "10.77.0.200", node="node1")
