"""The lab's network.

    fab      the switch: bridge br0 with one port p-NAME for each member
    nodeN    10.77.0.1N   fd77::1N    eth0   02:77:00:00:00:1N   (N = 1..nodes)
    client   10.77.0.100  fd77::100   eth0   02:77:00:00:01:00
    api      10.77.0.5    fd77::5     eth0   02:77:00:00:00:05   where the API server runs
    router   10.77.0.1    fd77::1     eth0   02:77:00:00:00:01   the nodes' default gateway

On request (management_up) a second network between the nodes and the API server, which the first can fail beside:

    nodeN    10.78.0.1N   mgmt    api   10.78.0.5   mgmt    (10.77.0.5 is reached by it then)
"""

import contextlib
import ctypes
import os
import signal
import subprocess

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)

# name -> (last part of the IPv4 address, of the IPv6 address, MAC)
ROUTER = ("1", "1", "02:77:00:00:00:01")
API = ("5", "5", "02:77:00:00:00:05")
CLIENT = ("100", "100", "02:77:00:00:01:00")


def _setns(fd):
    if _libc.setns(fd, CLONE_NEWNET) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"setns: {os.strerror(error)}")


class Lab:
    """Use as a context manager, or call up() and down(). down() also cleans up after a half-made up()."""

    def __init__(self, prefix, nodes=3):
        self.prefix = prefix
        self.nodes = [f"node{i}" for i in range(1, nodes + 1)]
        self.members = {"router": ROUTER, "api": API, "client": CLIENT}
        for i in range(1, nodes + 1):
            self.members[f"node{i}"] = (f"1{i}", f"1{i}", f"02:77:00:00:00:1{i}")

    def __enter__(self):
        try:
            self.up()
        except BaseException:
            self.down()
            raise
        return self

    def __exit__(self, *_):
        self.down()

    # Names and addresses

    def ns(self, member):
        return self.prefix + member

    def ipv4(self, member):
        return "10.77.0." + self.members[member][0]

    def ipv6(self, member):
        return "fd77::" + self.members[member][1]

    def mac(self, member):
        return self.members[member][2]

    def owner(self, mac):
        """The member with this MAC, or None."""
        return next((m for m, (_, _, own) in self.members.items() if own == mac), None)

    # Up and down

    def up(self):
        self.make("fab")
        self.ip("fab", "link", "add", "br0", "type", "bridge", "forward_delay", "0", "mcast_snooping", "0")
        self.ip("fab", "link", "set", "br0", "up")
        for member, (v4, v6, mac) in self.members.items():
            self.make(member)
            # Made in the two namespaces at once: no name in the root namespace that could collide.
            self.ip(None, "link", "add", "eth0", "address", mac, "netns", self.ns(member),
                    "type", "veth", "peer", "name", f"p-{member}", "netns", self.ns("fab"))
            self.ip(member, "addr", "add", f"10.77.0.{v4}/24", "dev", "eth0")
            self.ip(member, "addr", "add", f"fd77::{v6}/64", "dev", "eth0", "nodad")
            self.ip(member, "link", "set", "eth0", "up")
            self.ip("fab", "link", "set", f"p-{member}", "master", "br0", "up")
        for node in self.nodes:
            self.ip(node, "route", "add", "default", "via", "10.77.0.1")
            self.sysctl(node, "net.ipv4.ip_forward=1")

    def make(self, member):
        """One more namespace; it goes with the others."""
        self.ip(None, "netns", "add", self.ns(member))
        self.ip(member, "link", "set", "lo", "up")
        # No duplicate address detection: addresses work at once. No router advertisements: nobody sends any.
        self.sysctl(member, "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.default.accept_ra=0")

    def down(self):
        remove_namespaces(self.prefix)

    # Tools

    def ip(self, member, *args):
        where = [] if member is None else ["-n", self.ns(member)]
        done = subprocess.run(["ip", *where, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"ip {' '.join([*where, *args])}: {done.stderr.strip()}")
        return done.stdout

    def run(self, member, *argv, check=True, timeout=30, input=None):
        """Runs a command in a member's namespace; returns CompletedProcess with text output."""
        return subprocess.run(["ip", "netns", "exec", self.ns(member), *[str(a) for a in argv]],
                              input=input if input is not None else "", capture_output=True, text=True,
                              check=check, timeout=timeout)

    def sysctl(self, member, *settings):
        for setting in settings:
            self.run(member, "sysctl", "-qw", setting, check=False)

    @contextlib.contextmanager
    def enter(self, member):
        """The calling thread is in the member's namespace: a socket that is opened here stays there."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            there = os.open(f"/run/netns/{self.ns(member)}", os.O_RDONLY | os.O_CLOEXEC)
            try:
                _setns(there)
            finally:
                os.close(there)
            try:
                yield
            finally:
                _setns(home)
        finally:
            os.close(home)

    # Faults

    def port_down(self, member):
        """The switch port goes down: the member loses its carrier."""
        self.ip("fab", "link", "set", f"p-{member}", "down")

    def port_up(self, member):
        self.ip("fab", "link", "set", f"p-{member}", "up")

    def cut(self, member):
        """A silent cut: the carrier stays, every frame from and to the member is dropped in the switch."""
        self.run("fab", "nft", "-f", "-", input=f"""
            table bridge cut-{member} {{
                chain forward {{
                    type filter hook forward priority 0;
                    iifname "p-{member}" drop
                    oifname "p-{member}" drop
                }}
            }}""")

    def cut_api(self, node):
        """The node alone does not reach the API server; the LAN is as it was."""
        self.run("fab", "nft", "-f", "-", input=f"""
            table bridge api-{node} {{
                chain forward {{
                    type filter hook forward priority 0;
                    iifname "p-{node}" ip daddr {self.ipv4("api")} drop
                    oifname "p-{node}" ip saddr {self.ipv4("api")} drop
                }}
            }}""")

    def heal(self, member=None):
        """Ends cuts and port_down of one member, or of all."""
        for name in [member] if member else list(self.members):
            self.run("fab", "nft", "delete", "table", "bridge", f"cut-{name}", check=False)
            self.run("fab", "nft", "delete", "table", "bridge", f"api-{name}", check=False)
            self.port_up(name)

    # A network of its own for the API

    def management_up(self):
        self.ip("fab", "link", "add", "br1", "type", "bridge", "forward_delay", "0", "mcast_snooping", "0")
        self.ip("fab", "link", "set", "br1", "up")
        for member in ["api", *self.nodes]:
            self.ip(None, "link", "add", "mgmt", "netns", self.ns(member),
                    "type", "veth", "peer", "name", f"m-{member}", "netns", self.ns("fab"))
            self.ip(member, "addr", "add", f"10.78.0.{self.members[member][0]}/24", "dev", "mgmt")
            self.ip(member, "link", "set", "mgmt", "up")
            self.ip("fab", "link", "set", f"m-{member}", "master", "br1", "up")
        for node in self.nodes:
            self.ip(node, "route", "add", self.ipv4("api"), "via", "10.78.0.5", "dev", "mgmt")

    def management_down(self):
        for member in ["api", *self.nodes]:
            self.run(member, "ip", "link", "del", "mgmt", check=False)
        self.run("fab", "ip", "link", "del", "br1", check=False)


def remove_namespaces(prefix):
    """Ends what runs in the namespaces whose names begin with prefix (ours alone), and removes them."""
    listing = subprocess.run(["ip", "netns", "list"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    names = [line.split()[0] for line in listing.stdout.splitlines() if line.startswith(prefix)]
    for name in names:
        pids = subprocess.run(["ip", "netns", "pids", name], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True).stdout.split()
        for pid in pids:
            # A thread of this process may be inside for a moment (Lab.enter).
            if int(pid) != os.getpid():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
        subprocess.run(["ip", "netns", "del", name], stdin=subprocess.DEVNULL, capture_output=True)
