"""metallbctl monitor: what changes is told, in text and as JSON; who does not read is dropped."""

import json
import socket
import subprocess
import threading

import expect
from lab import wait_until


class Monitor:
    """A running `metallbctl monitor`, and the lines that it has printed."""

    def __init__(self, daemon, *options):
        self.lines = []
        self.process = subprocess.Popen([daemon.client, "-s", daemon.socket, *options, "monitor"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(10)
        self.thread.join(10)
        self.process.stdout.close()
        self.process.stderr.close()

    def changes(self):
        """{(kind, name): [(was, is), ...]}"""
        out = {}
        for line in list(self.lines):
            change = json.loads(line)
            out.setdefault((change["kind"], change["name"]), []).append((change["was"], change["is"]))
        return out

    def saw(self, kind, name, was, now):
        wait_until(lambda: (was, now) in self.changes().get((kind, name), []), expect.SOON,
                   f"{kind} {name}: {was} -> {now}")


def listening(daemon, monitor):
    """Nothing is told before the first change, so one is made: what is seen of it shows that the stream stands."""
    def look():
        daemon.run_client("drain", "0s")
        daemon.run_client("undrain")
        return monitor.lines
    wait_until(look, expect.SOON, "the monitor listens")


def test_changes_are_told(api, lab, cluster, deployment):
    first, second = deployment.start(2)
    wait_until(lambda: first.ctl("status", "-j")["api"]["services_synced"], expect.SOON, "Services are known")
    with Monitor(first, "-j") as monitor, Monitor(first) as text:
        listening(first, monitor)
        api.create_service("web")
        ip = expect.address(api, "web", "10.77.0.200")
        node = expect.owner(lab, ip)
        monitor.saw("service", "default/web", "pending", ip)
        monitor.saw("owner", ip, "", node)
        here = first if node == "node1" else second
        here.ctl("drain")
        other = expect.owner(lab, ip, other_than=node)
        monitor.saw("owner", ip, node, other)
        if here is first:
            monitor.saw("l2", ip, "announcing on eth0", "")
        else:
            monitor.saw("l2", ip, "", "announcing on eth0")
        api.delete_service("web")
        monitor.saw("service", "default/web", ip, "")
        second.stop()
        monitor.saw("member", "node2", "live", "released")
        first.write(text="nonsense")
        assert first.run_client("reload").returncode == 1
        wait_until(lambda: any("refused" in change[1] for change in monitor.changes().get(("config", ""), [])),
                   expect.SOON, "the refused file is told")
        wait_until(lambda: any(f" service   default/web: {ip} -> -" in line for line in text.lines), expect.SOON,
                   "the same as text")
        assert monitor.process.poll() is None
        first.stop()
        assert monitor.process.wait(10) == 3, "the stream's end is not silent"
        assert "ended the stream" in monitor.process.stderr.read()


def test_who_left_is_forgotten_and_too_many_are_refused(api, deployment):
    daemon = deployment.start()

    def connect():
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(10)
        connection.connect(daemon.socket)
        connection.sendall(b'{"v":1,"cmd":"monitor"}\n')
        return connection, json.loads(connection.makefile("rb").readline())

    for _ in range(40):
        connection, answer = connect()
        assert answer["ok"] and answer["data"]["node"] == "node1"
        connection.close()
    held = []

    def fills():
        held.append(connect())
        return not held[-1][1]["ok"]
    wait_until(fills, expect.SOON, "too many are refused")
    assert held[-1][1]["error"]["code"] == "failed" and len(held) == 17
    # A stream takes no further request.
    held[0][0].sendall(b'{"v":1,"cmd":"status"}\n')
    answer = json.loads(held[0][0].makefile("rb").readline())
    assert answer["error"]["code"] == "bad-request"
    for connection, _ in held:
        connection.close()
    assert daemon.ctl("status")
