"""Routers from Debian's packages, each in a namespace of the lab (mostly `router`): FRR, BIRD 2, GoBGP, OpenBGPD.

All have: start(), stop() (in order), kill(), established(neighbour), routes(family) -> {prefix: Route}.
They write nothing outside their directory, and listen in their namespace only.
"""

import collections
import ipaddress
import json
import os
import re
import shutil

from .process import Process
from .wait import wait_until

FRR_PROGRAMS = "/usr/lib/frr"

# As the router has it: next_hops is a set of addresses, communities a set of texts.
Route = collections.namedtuple("Route", "prefix next_hops localpref med as_path communities large")


def is_v6(text):
    return ipaddress.ip_network(text, strict=False).version == 6


class _Router:
    def __init__(self, lab, directory, member="router"):
        self.lab, self.member = lab, member
        self.directory = os.path.join(directory, f"{type(self).__name__.lower()}-{member}")
        os.makedirs(self.directory, exist_ok=True)
        self.processes = []

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, text, mode=0o644):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(self.path(name), mode)
        return self.path(name)

    def spawn(self, *argv, log=None, env=None):
        process = Process(argv, self.lab.ns(self.member), log or self.path(os.path.basename(argv[0]) + ".log"), env)
        self.processes.append(process)
        return process

    def stop(self):
        for process in reversed(self.processes):
            process.stop(10)
        self.processes = []

    def kill(self):
        """A crash: no NOTIFICATION."""
        for process in self.processes:
            process.kill()
        self.processes = []

    def run(self, *argv, check=True):
        return self.lab.run(self.member, *argv, check=check).stdout

    def wait_established(self, neighbour, seconds=30):
        wait_until(lambda: self.established(neighbour), seconds, f"{type(self).__name__} and {neighbour} are Established")

    def kernel_next_hops(self, prefix):
        """{next hop or device: weight} of the kernel's route; empty without one."""
        family = "-6" if is_v6(prefix) else "-4"
        routes = json.loads(self.run("ip", "-j", family, "route", "show", prefix) or "[]")
        hops = {}
        for route in routes:
            for hop in route.get("nexthops", [route]):
                via = hop.get("via", {})
                hops[hop.get("gateway") or via.get("host") or hop.get("dev")] = hop.get("weight", 1)
        return hops


class Frr(_Router):
    """zebra, staticd and bgpd with sockets of their own. `config` is one integrated file, given to vtysh.

    A daemon's own -f reads such a file wrongly; a stale zserv.api costs ten seconds.
    """

    def __init__(self, lab, directory, config, member="router"):
        super().__init__(lab, directory, member)
        self.config = config

    def start(self):
        shutil.rmtree(self.directory, ignore_errors=True)
        os.makedirs(self.directory)
        # The daemons run as the user frr and come through directories of pytest's.
        self.write("frr.conf", f"log file {self.path('frr.log')} debugging\nlog timestamp precision 6\n{self.config}")
        self.write("vtysh.conf", "")
        self.write("empty.conf", "")
        shutil.chown(self.directory, "frr", "frr")
        for name in os.listdir(self.directory):
            shutil.chown(self.path(name), "frr", "frr")
        common = ["-u", "frr", "-g", "frr", "--vty_socket", self.directory, "-z", self.path("zserv.api"),
                  "-f", self.path("empty.conf"), "-P", "0"]
        self.spawn(f"{FRR_PROGRAMS}/zebra", *common, "-i", self.path("zebra.p"), "-s", "90000000")
        wait_until(lambda: os.path.exists(self.path("zserv.api")), 10, "zebra is ready")
        for name in ("staticd", "bgpd"):
            self.spawn(f"{FRR_PROGRAMS}/{name}", *common, "-i", self.path(f"{name}.p"))
        for name in ("zebra", "staticd", "bgpd"):
            wait_until(lambda: os.path.exists(self.path(f"{name}.vty")), 10, f"{name} is ready")
        self.run("vtysh", "--vty_socket", self.directory, "--config_dir", self.directory, "-b")
        return self

    def vty(self, *commands):
        words = [word for command in commands for word in ("-c", command)]
        return self.run("vtysh", "--vty_socket", self.directory, "--config_dir", self.directory, *words)

    def json(self, command):
        return json.loads(self.vty(f"{command} json") or "{}")

    def neighbour(self, name):
        return self.json(f"show bgp neighbor {name}").get(name, {})

    def established(self, name):
        return self.neighbour(name).get("bgpState") == "Established"

    def routes(self, family="ipv4"):
        table = self.json(f"show bgp {family} unicast").get("routes", {})
        return {prefix: self.route(prefix, family) for prefix in table}

    def prefixes(self, family="ipv4"):
        return set(self.json(f"show bgp {family} unicast").get("routes", {}))

    def paths(self, prefix, family="ipv4"):
        return self.json(f"show bgp {family} unicast {prefix}").get("paths", [])

    def route(self, prefix, family="ipv4"):
        """All paths of the prefix as one Route; None without one."""
        paths = self.paths(prefix, family)
        if not paths:
            return None
        first = paths[0]
        return Route(prefix, {hop["ip"] for path in paths for hop in path["nexthops"]}, first.get("locPrf"),
                     first.get("metric"), first.get("aspath", {}).get("string", "").replace("Local", ""),
                     set(first.get("community", {}).get("list", [])),
                     set(first.get("largeCommunity", {}).get("list", [])))


class Bird(_Router):
    def __init__(self, lab, directory, config, member="router"):
        super().__init__(lab, directory, member)
        self.config = config

    def start(self):
        self.write("bird.conf", "log stderr all;\nprotocol device { scan time 1; }\n" + self.config)
        self.spawn("/usr/sbin/bird", "-f", "-c", self.path("bird.conf"), "-s", self.path("bird.ctl"),
                   "-P", self.path("bird.pid"))
        wait_until(lambda: os.path.exists(self.path("bird.ctl")), 10, "bird is ready")
        return self

    def cli(self, command):
        return self.run("/usr/sbin/birdc", "-s", self.path("bird.ctl"), command, check=False)

    def established(self, protocol):
        return re.search(rf"^{protocol}\s+BGP\s.*Established", self.cli("show protocols"), re.M) is not None

    def prefixes(self, family="ipv4"):
        table = "master4" if family == "ipv4" else "master6"
        found = re.findall(r"^([0-9a-f:.]+/\d+)", self.cli(f"show route table {table} where source = RTS_BGP"), re.M)
        return set(found)

    def route(self, prefix, family="ipv4"):
        table = "master4" if family == "ipv4" else "master6"
        text = self.cli(f"show route all table {table} for {prefix}")
        if "BGP.origin" not in text:
            return None

        def attribute(name):
            found = re.search(rf"BGP\.{name}: (.*)", text)
            return found.group(1).strip() if found else ""

        next_hops = {word for line in re.findall(r"BGP\.next_hop: (.*)", text) for word in line.split()}
        communities = {f"{a}:{b}" for a, b in re.findall(r"\((\d+),(\d+)\)", attribute("community"))}
        large = {":".join(found) for found in
                 re.findall(r"\((\d+), ?(\d+), ?(\d+)\)", attribute("large_community"))}
        med = attribute("med")
        return Route(prefix, next_hops, int(attribute("local_pref") or 0), int(med) if med else None,
                     attribute("as_path"), communities, large)


class GoBgp(_Router):
    """No FIB: it only knows routes. `config` is TOML."""

    PORT = 50051

    def __init__(self, lab, directory, config, member="router"):
        super().__init__(lab, directory, member)
        self.config = config

    def start(self):
        self.write("gobgpd.toml", self.config)
        self.spawn("/usr/bin/gobgpd", "-f", self.path("gobgpd.toml"), "--api-hosts", f"127.0.0.1:{self.PORT}", "-p")
        wait_until(lambda: self.cli("global", check=False), 10, "gobgpd is ready")
        return self

    def cli(self, *words, check=True):
        return self.run("/usr/bin/gobgp", "-p", self.PORT, "-j", *words, check=check)

    def established(self, neighbour):
        neighbours = json.loads(self.cli("neighbor") or "[]")
        return any(n["conf"].get("neighbor_address") == neighbour and n["state"].get("session_state") == 6
                   for n in neighbours)

    def prefixes(self, family="ipv4"):
        return set(json.loads(self.cli("global", "rib", "-a", family) or "{}"))

    def route(self, prefix, family="ipv4"):
        paths = json.loads(self.cli("global", "rib", "-a", family) or "{}").get(prefix)
        if not paths:
            return None
        attributes = {a["type"]: a for a in paths[0]["attrs"]}
        asns = [str(n) for segment in attributes.get(2, {}).get("as_paths") or [] for n in segment["asns"]]
        next_hops = {a.get("nexthop") for path in paths for a in path["attrs"] if a["type"] in (3, 14)}
        communities = {f"{value >> 16}:{value & 0xffff}" for value in attributes.get(8, {}).get("communities", [])}
        large = {f"{v['ASN']}:{v['LocalData1']}:{v['LocalData2']}" for v in attributes.get(32, {}).get("value", [])}
        return Route(prefix, next_hops, attributes.get(5, {}).get("value"), attributes.get(4, {}).get("metric"),
                     " ".join(asns), communities, large)


class OpenBgpd(_Router):
    """It chroots to /run/openbgpd, so it gets a /run of its own. On Linux it cannot accept signed connections."""

    def __init__(self, lab, directory, config, member="router"):
        super().__init__(lab, directory, member)
        self.config = config

    def start(self):
        path = self.write("bgpd.conf", f'socket "{self.path("bgpd.sock")}"\n' + self.config, 0o600)
        self.spawn("/bin/sh", "-c", "mount -t tmpfs tmpfs /run && mkdir -m 755 /run/openbgpd && "
                   f"exec /usr/sbin/bgpd -d -v -f {path}", log=self.path("bgpd.log"))
        wait_until(lambda: os.path.exists(self.path("bgpd.sock")), 10, "bgpd is ready")
        return self

    def cli(self, *words):
        return self.run("/usr/sbin/bgpctl", "-j", "-s", self.path("bgpd.sock"), *words, check=False)

    def established(self, neighbour):
        try:
            neighbours = json.loads(self.cli("show", "neighbor")).get("neighbors", [])
        except json.JSONDecodeError:
            return False
        return any(n.get("remote_addr") == neighbour and n.get("state") == "Established" for n in neighbours)

    def _rib(self, *words):
        try:
            return json.loads(self.cli("show", "rib", "detail", *words)).get("rib", [])
        except json.JSONDecodeError:
            return []

    def prefixes(self, family="ipv4"):
        return {entry["prefix"] for entry in self._rib() if is_v6(entry["prefix"]) == (family == "ipv6")}

    def route(self, prefix, family="ipv4"):
        entries = [entry for entry in self._rib() if entry["prefix"] == prefix]
        if not entries:
            return None
        first = entries[0]
        large = {word.replace("large ", "") for word in first.get("large_communities", [])}
        return Route(prefix, {entry["exit_nexthop"] for entry in entries}, first.get("localpref"), first.get("metric"),
                     first.get("aspath", ""), set(first.get("communities", [])), large)


def available():
    """Which of the programs are installed."""
    programs = {"frr": f"{FRR_PROGRAMS}/bgpd", "bird": "/usr/sbin/bird", "gobgp": "/usr/bin/gobgpd",
                "openbgpd": "/usr/sbin/bgpctl"}
    return {name for name, path in programs.items() if os.path.exists(path)}

