"""The file, at start and at reload."""

import os
import subprocess
import time

import expect
from lab import ArpCapture, wait_until
from lab.wait import stays

FULL = [{"name": "tiny", "addresses": ["10.77.0.200/32"]}]


def test_new_pool_serves_the_one_that_waits(api, deployment):
    daemon = deployment.start(pools=FULL)
    api.create_service("a")
    expect.address(api, "a", "10.77.0.200")
    api.create_service("b")
    expect.event(api, "b", "AllocationFailed")
    daemon.write({"address-pools": FULL + [{"name": "more", "addresses": ["10.77.0.230/31"]}]})
    daemon.hangup()
    expect.address(api, "b", "10.77.0.230")
    assert api.addresses("a") == ["10.77.0.200"]


def test_bad_file_at_reload_changes_nothing(api, lab, deployment):
    daemon = deployment.start()
    api.create_service("web")
    ip = expect.address(api, "web", "10.77.0.200")
    expect.owner(lab, ip)
    daemon.write(text='address-pools: ( { name = "x"; addresses = ["10.0.0.300/24"]; } );\n')
    done = daemon.run_client("reload")
    assert done.returncode == 1
    assert "10.0.0.300/24" in done.stderr + done.stdout, "metallbctl reload says what is wrong"
    assert daemon.ctl("status", "-j")["config"]["stale"] is True
    assert expect.owners(lab, ip) == ["node1"]
    api.create_service("next")
    expect.address(api, "next", "10.77.0.201")
    # And the same by signal, where only the log can say it.
    size = len(daemon.output())
    daemon.hangup()
    wait_until(lambda: "10.0.0.300/24" in daemon.output()[size:], expect.SOON, "the error in the log")
    assert expect.owners(lab, ip) == ["node1"]
    # A good file again.
    daemon.write()
    assert daemon.run_client("reload").returncode == 0
    assert daemon.ctl("status", "-j")["config"]["stale"] is False


def test_reload_without_a_change_sends_nothing(api, lab, deployment):
    daemon = deployment.start()
    api.create_service("web")
    ip = expect.address(api, "web", "10.77.0.200")
    expect.owner(lab, ip)
    version = api.service("web")["metadata"]["resourceVersion"]
    with ArpCapture(lab) as capture:
        def quiet():
            heard = capture.announcements(ip)
            return heard and heard[-1].t < time.monotonic() - 2.5
        wait_until(quiet, 15, "the end of the first announcements")
        before = len(capture.frames(ip))
        daemon.ctl("reload")
        daemon.hangup()
        stays(lambda: len(capture.frames(ip)) == before, 1.5, "a reload without a change is not seen on the wire")
    assert api.service("web")["metadata"]["resourceVersion"] == version


def run_daemon(deployment, *args):
    program = os.path.join(deployment.build_dir, "src", "daemon", "metallbd")
    return subprocess.run([program, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)


def test_bad_file_at_start_tells_every_error(deployment):
    daemon = deployment.prepare()
    daemon.write(text="""\
address-pools: ( { name = "a"; addresses = ["10.77.0.200/32", "10.0.0.300/24"]; },
                 { name = "a"; adresses = ["10.77.1.0/24"]; } );
l2-advertisements: ( { address-pools = ["nowhere"]; } );
""")
    done = run_daemon(deployment, "-f", daemon.file)
    assert done.returncode == 1
    for line, key, what in ((1, "address-pools[0].addresses[1]", "10.0.0.300/24"),
                            (2, "address-pools[1]", "adresses"), (3, "l2-advertisements[0]", "nowhere")):
        assert any(f"metallb.conf:{line}:" in said and key in said and what in said
                   for said in done.stderr.splitlines()), f"line {line}, {key}: {done.stderr}"
    check = run_daemon(deployment, "-t", "-f", daemon.file)
    assert check.returncode == 1 and "10.0.0.300/24" in check.stderr


def test_missing_file(deployment):
    done = run_daemon(deployment, "-f", os.path.join(deployment.directory, "none.conf"))
    assert done.returncode == 1
    assert "none.conf" in done.stderr


def test_usage(deployment):
    for arguments in (["-Z"], ["surplus"], ["-f"]):
        done = run_daemon(deployment, *arguments)
        assert done.returncode == 2, arguments
        assert "metallbd" in done.stderr


def test_check_and_canonical_form(deployment):
    daemon = deployment.prepare()
    assert run_daemon(deployment, "-t", "-f", daemon.file).returncode == 0
    first = run_daemon(deployment, "-T", "-f", daemon.file)
    assert first.returncode == 0
    daemon.write(text=first.stdout)
    second = run_daemon(deployment, "-T", "-f", daemon.file)
    assert second.stdout == first.stdout, "printing and reading again is a fixed point"
