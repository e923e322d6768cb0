"""metallbd on a node of the lab, and metallbctl."""

import copy
import json
import os
import subprocess
import signal

from .process import Process
from .wait import wait_until

POOL = {"name": "lan", "addresses": ["10.77.0.200-10.77.0.210"]}


def base_settings(cluster, pools=None):
    """What the tests start from: one pool on the LAN, announced everywhere, and failover as fast as leases allow.

    The same on all nodes; Daemon adds what differs.
    """
    return {
        "kubernetes": {"servers": [cluster.url], "certificate-authority": cluster.ca_file,
                       "token-file": cluster.token_file},
        "address-pools": copy.deepcopy(pools if pools is not None else [POOL]),
        "l2-advertisements": [{"name": "everywhere"}],
        "failover": {"lease-duration": "5s"},
        "metrics": {"port": 0},
        "log": {"level": "debug"},
    }


def libconfig(value, indent=0):
    """A Python value in libconfig's syntax. Lists of dicts become lists of groups, other lists arrays."""
    pad = "\t" * indent
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    if isinstance(value, dict):
        inner = "".join(f"{pad}\t{key} = {libconfig(item, indent + 1)};\n" for key, item in value.items())
        return "{\n" + inner + pad + "}"
    if value and isinstance(value[0], dict):
        return "(" + ", ".join(libconfig(item, indent) for item in value) + ")"
    return "[" + ", ".join(libconfig(item) for item in value) + "]"


def merged(base, change):
    """base with change laid over it, key by key; a change to None removes the key."""
    out = copy.deepcopy(base)
    for key, item in change.items():
        if item is None:
            out.pop(key, None)
        elif isinstance(item, dict) and isinstance(out.get(key), dict):
            out[key] = merged(out[key], item)
        else:
            out[key] = copy.deepcopy(item)
    return out


class Daemon:
    """One metallbd. `build` is the build directory, `directory` gets file, socket, state and log of this node."""

    def __init__(self, lab, node, build, directory, settings):
        self.lab, self.node, self.directory = lab, node, directory
        self.program = os.path.join(build, "src", "daemon", "metallbd")
        self.client = os.path.join(build, "src", "ctl", "metallbctl")
        os.makedirs(os.path.join(directory, "state"), exist_ok=True)
        self.file = os.path.join(directory, "metallb.conf")
        self.socket = os.path.join(directory, "ctl.sock")
        self.log = os.path.join(directory, "metallbd.log")
        self.settings = settings
        self.process = None
        self.write()

    def write(self, change=None, text=None):
        """Writes metallb.conf: the settings, changed for good by `change`; or any text."""
        if change:
            self.settings = merged(self.settings, change)
        if text is None:
            own = merged(self.settings, {
                "node": {"name": self.node, "state-directory": os.path.join(self.directory, "state"),
                         # The veths of a namespace are its real interfaces.
                         "exclude-interfaces": ["lo"]},
                "control": {"socket": self.socket, "group": "root"}})
            text = "".join(f"{key} = {libconfig(item)};\n" for key, item in own.items())
        with open(self.file + ".new", "w", encoding="utf-8") as f:
            f.write(text)
        os.replace(self.file + ".new", self.file)

    def start(self, wait=True, wrapper=()):
        """wrapper: words before the program's name, such as setpriv's."""
        # What ASan holds back of freed memory would hide, or look like, growth.
        options = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=4:thread_local_quarantine_size_kb=64"
        self.process = Process([*wrapper, self.program, "-f", self.file], self.lab.ns(self.node), self.log,
                               {"ASAN_OPTIONS": options.lstrip(":")})
        if wait:
            self.wait_control()
        return self

    def wait_control(self, seconds=15):
        def answers():
            if not self.process.alive():
                raise RuntimeError(f"metallbd on {self.node} ended: {self.process.output()[-3000:]}")
            return self.try_ctl("status", "-j") is not None
        return wait_until(answers, seconds, f"metallbd on {self.node} answers metallbctl")

    def running(self):
        return self.process is not None and self.process.alive()

    def stop(self):
        """SIGTERM: gives its addresses up and ends. Returns the exit status."""
        return self.process.stop(15) if self.process else None

    def leave(self):
        """SIGUSR1, as at "systemctl restart": ends at once, addresses and Leases stay as they are."""
        self.process.signal(signal.SIGUSR1)
        return self.process.join(15)

    def kill(self):
        return self.process.kill()

    def pause(self):
        self.process.signal(signal.SIGSTOP)

    def resume(self):
        self.process.signal(signal.SIGCONT)

    def hangup(self):
        self.process.signal(signal.SIGHUP)

    def restart(self):
        """As "systemctl restart" does it."""
        status = self.leave()
        if status != 0:
            raise AssertionError(f"metallbd on {self.node}: exit status {status} after SIGUSR1")
        return self.start()

    def run_client(self, *args, timeout=15):
        return subprocess.run([self.client, "-s", self.socket, *args], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=timeout)

    def ctl(self, *args):
        """metallbctl's standard output; decoded where -j is among the arguments. A failure raises."""
        done = self.run_client(*args)
        if done.returncode != 0:
            raise AssertionError(f"metallbctl {' '.join(args)}: exit {done.returncode}: {done.stderr.strip()}")
        return json.loads(done.stdout) if "-j" in args else done.stdout

    def try_ctl(self, *args):
        try:
            return self.ctl(*args)
        except (AssertionError, ValueError):
            return None

    def output(self):
        return self.process.output() if self.process else ""
