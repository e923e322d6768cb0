#!/usr/bin/python3
"""demo.py BUILD_DIR [--keep] [--real KUBERNETES_DIR]: what tests/demo.sh shows, once everything is built."""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import yaml

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lab import KubeSim, Lab, RealKube, wait_until  # noqa: E402
from lab.api import lease_name  # noqa: E402
from lab.process import Process  # noqa: E402
from lab.routers import Bird  # noqa: E402

LEASE_SECONDS = 5
SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: web
  namespace: default
spec:
  type: LoadBalancer
  ipFamilyPolicy: RequireDualStack
  ports:
  - name: http
    port: 80
"""
CONF = """\
kubernetes: {{
	servers = ["{url}"];
	certificate-authority = "{ca}";
	token-file = "{token}";
}};
address-pools: ( {{ name = "lan"; addresses = ["10.77.0.200-10.77.0.210", "fd77::200-fd77::210"]; }},
                 {{ name = "routed"; addresses = ["10.99.0.0/24"]; auto-assign = false; }} );
l2-advertisements: ( {{ address-pools = ["lan"]; }} );
bgp: {{
	my-asn = 64500;
	peers: ( {{ name = "router"; peer-address = "10.77.0.1"; peer-asn = 64512; }} );
	advertisements: ( {{ address-pools = ["routed"]; }} );
}};
# The shortest there is, so that the demo is quick. The default is 15s.
failover: {{ lease-duration = "{lease}s"; }};
# Only because three daemons run on one machine here.
node: {{ state-directory = "{here}/state"; }};
control: {{ socket = "{here}/metallbd.sock"; group = "root"; }};
metrics: {{ port = 0; }};
"""
SHOP = """\
apiVersion: v1
kind: Service
metadata:
  name: shop
  namespace: default
  annotations:
    metallb.io/address-pool: routed
spec:
  type: LoadBalancer
  ports:
  - name: http
    port: 80
"""
ROUTER = """\
router id 10.77.0.1;
protocol kernel { merge paths on; ipv4 { import none; export where source = RTS_BGP; }; }
template bgp node { local 10.77.0.1 as 64512; connect retry time 1; ipv4 { import all; export none; }; }
protocol bgp node1 from node { neighbor 10.77.0.11 as 64500; }
protocol bgp node2 from node { neighbor 10.77.0.12 as 64500; }
protocol bgp node3 from node { neighbor 10.77.0.13 as 64500; }
"""
# What kube-proxy does on a real node: packets for a Service's address go to an endpoint.
KUBE_PROXY = """
table ip service {
	chain prerouting {
		type nat hook prerouting priority dstnat;
		ip daddr { 10.77.0.200-10.77.0.210, 10.99.0.0/24 } tcp dport 80 redirect to :8080
	}
}
table ip6 service {
	chain prerouting {
		type nat hook prerouting priority dstnat;
		ip6 daddr fd77::200-fd77::210 tcp dport 80 redirect to :8080
	}
}
"""


def say(text=""):
    print(text, flush=True)


def title(text):
    say(f"\n\033[1m== {text}\033[0m" if sys.stdout.isatty() else f"\n== {text}")


def show(text):
    for line in text.rstrip("\n").splitlines():
        say("    " + line.replace("\t", "    "))


def url(ip):
    return f"http://[{ip}]/" if ":" in ip else f"http://{ip}/"


class Demo:
    def __init__(self, lab, cluster, build, directory):
        self.lab, self.cluster, self.build, self.directory = lab, cluster, build, directory
        self.daemons = {}
        self.others = []
        self.kubectl = shutil.which("kubectl")
        self.web = os.path.join(directory, "web.yaml")
        self.conf = os.path.join(directory, "metallb.conf")

    # Words that the user could type himself

    def kubectl_command(self, *args):
        return ["kubectl", f"--kubeconfig={self.cluster.path('admin.kubeconfig')}", *args]

    def admin(self, *args, path, field):
        """Runs kubectl and shows it; without kubectl curl with the API's path, and one field of what it gets."""
        if self.kubectl:
            say("  $ kubectl " + " ".join(args))
            show(self.lab.run("api", "env", f"HOME={self.directory}", *self.kubectl_command(*args)).stdout)
            return
        say(f"  $ curl {self.cluster.url}{path}     (only {field} of what it prints)")
        out = self.curl(path)
        for item in out.get("items", [out]):
            show(f"{item['metadata']['name']}: {json.dumps(item.get(field))}")

    def curl(self, path, *options):
        return json.loads(self.lab.run("api", "curl", "-fsS", "--cacert", self.cluster.ca_file, "-H",
                                       "Authorization: Bearer admin-token", *options, self.cluster.url + path).stdout)

    def create_service(self):
        show(SERVICE)
        if self.kubectl:
            self.admin("apply", "-f", self.web, path=None, field=None)
        else:
            say(f"  $ curl --json @web.json {self.cluster.url}/api/v1/namespaces/default/services")
            self.curl("/api/v1/namespaces/default/services", "--json", json.dumps(yaml.safe_load(SERVICE)))

    def ctl(self, node, *args):
        say(f"  {node} $ metallbctl " + " ".join(args))
        done = self.lab.run(node, os.path.join(self.build, "src", "ctl", "metallbctl"),
                            "-s", os.path.join(self.directory, node, "metallbd.sock"), *args, check=False)
        show(done.stdout + done.stderr)

    # The parts of the demo

    def start_nodes(self):
        here = os.path.join(self.directory, "here")
        os.makedirs(here)
        with open(self.conf, "w", encoding="utf-8") as f:
            f.write(CONF.format(url=self.cluster.url, ca=self.cluster.ca_file, token=self.cluster.token_file,
                                lease=LEASE_SECONDS, here=here))
        with open(self.web, "w", encoding="utf-8") as f:
            f.write(SERVICE)
        for node in self.lab.nodes:
            own = os.path.join(self.directory, node)
            os.makedirs(os.path.join(own, "www"))
            os.makedirs(os.path.join(own, "state"))
            with open(os.path.join(own, "www", "index.html"), "w", encoding="ascii") as f:
                f.write(f"hello from {node}\n")
            self.others.append(Process([sys.executable, "-m", "http.server", "8080", "--bind", "::",
                                        "--directory", os.path.join(own, "www")], self.lab.ns(node), os.path.join(own, "http.log")))
            self.lab.run(node, "nft", "-f", "-", input=KUBE_PROXY)
            # A host name and files of its own, as on a machine of its own: so the very same metallb.conf serves all.
            machine = f'hostname {node} && mount --bind "{own}" "{here}" && exec "$0" -f "{self.conf}"'
            self.daemons[node] = Process(
                ["unshare", "--uts", "sh", "-c", machine, os.path.join(self.build, "src", "daemon", "metallbd")],
                self.lab.ns(node), os.path.join(own, "metallbd.log"))

    def addresses(self):
        """IPv4 and IPv6, once both are there."""
        addresses = self.cluster.admin.addresses("web")
        return addresses if len(addresses) == 2 else None

    def holder(self, ip):
        return self.cluster.admin.holder(lease_name(ip))

    def get(self, ip, patience="0.3"):
        """One HTTP request of the client, with a connection of its own; None if there is no answer in 0.3 s."""
        done = self.lab.run("client", "curl", "-s", "-g", "-m", patience, url(ip), check=False)
        return done.stdout.strip() if done.returncode == 0 else None

    def run(self):
        title("Three nodes and a client on one LAN, each a network namespace")
        for member in [*self.lab.nodes, "client", "api"]:
            say(f"    {member:8} {self.lab.ipv4(member):12} {self.lab.mac(member)}")
        kind = "kube-apiserver with etcd, RBAC from share/rbac.yaml" if self.cluster.backend == "real" \
            else "tests/kubesim, the test API server of this project"
        say(f"  The API server on {self.cluster.url} is {kind}.")

        title("The same metallb.conf on every node")
        self.start_nodes()
        with open(self.conf, encoding="utf-8") as f:
            show(f.read())
        say("  metallbd runs on each. No address is configured on any interface; none will be.")
        wait_until(lambda: len([n for n in self.cluster.admin.leases() if n.startswith("node-")]) == 3, 20,
                   "three heartbeats")

        title("A Service of type LoadBalancer, in IPv4 and IPv6")
        created = time.monotonic()
        self.create_service()
        both = wait_until(self.addresses, 20, "two addresses in the Service's status", interval=0.005)
        ip = both[0]
        say(f"  {' and '.join(both)} are in its status after {(time.monotonic() - created) * 1000:.0f} ms"
            f"{', kubectl included' if self.kubectl else ''}.")
        owners = [wait_until(lambda a=a: self.holder(a), 20, f"an owner of {a}") for a in both]
        owner = owners[0]
        self.admin("get", "service", "web", path="/api/v1/namespaces/default/services/web",
                   field="status")
        say("\n  Which node answers for it is in a Lease, for anyone to read:")
        self.admin("-n", "metallbd-system", "get", "leases", path=self.cluster.admin.lease_path(),
                   field="spec")
        say()
        self.ctl(owner, "explain", "default/web")
        say()
        self.ctl(owner, "l2")

        title("A client on the LAN asks for it")
        say("  The nodes run no kube-proxy here. Its part, taking packets for the address to an endpoint, is\n"
            "  played by one nftables rule, and the endpoint by a small web server that tells the node's name.")
        for address, node in zip(both, owners):
            self.first_answer(address, node)

        self.by_bgp()

        title(f"{owner} dies")
        say("  Its daemon gets SIGKILL and its network port goes down, as when the machine loses power.")
        self.failover(ip, owner)
        six = both[1]
        say(f"  client $ curl {url(six)}")
        show(wait_until(lambda: self.get(six), 60, "an answer by IPv6", interval=0.02))

    def by_bgp(self):
        """Before a node dies: all three are to be seen."""
        title("The same for a router: BIRD, which speaks BGP with the three nodes")
        show(ROUTER)
        self.lab.sysctl("router", "net.ipv4.ip_forward=1", "net.ipv4.fib_multipath_hash_policy=1",
                        "net.ipv4.conf.all.send_redirects=0", "net.ipv4.conf.eth0.send_redirects=0")
        self.lab.ip("client", "route", "add", "10.99.0.0/24", "via", "10.77.0.1")
        self.router = Bird(self.lab, self.directory, ROUTER).start()
        say("  A Service with an address of the pool that bgp.advertisements names:")
        show(SHOP)
        self.apply(SHOP, "shop")
        ip = wait_until(lambda: (self.cluster.admin.addresses("shop") or [None])[0], 20, "an address for shop")
        wait_until(lambda: len(self.router.kernel_next_hops(f"{ip}/32")) == 3, 60, "a route over three nodes")
        say(f"  router $ birdc show route for {ip}")
        show("\n".join(self.router.cli(f"show route for {ip}").splitlines()[1:]))
        say(f"  router $ ip route show {ip}")
        show(self.router.run("ip", "route", "show", ip))
        self.ctl("node1", "peers", "router")
        self.ctl("node1", "routes")
        say(f"  client $ for i in $(seq 90); do curl -s http://{ip}/; done | sort | uniq -c")
        answers = [self.get(ip, "3") for _ in range(90)]
        spread = {text: answers.count(text) for text in set(answers)}
        show("\n".join(f"{count:7} {text}" for text, count in sorted(spread.items(), key=str)))
        if len([text for text in spread if text]) != 3:
            raise SystemExit("not all three nodes answered")

    def apply(self, manifest, name):
        if self.kubectl:
            with open(os.path.join(self.directory, f"{name}.yaml"), "w", encoding="utf-8") as f:
                f.write(manifest)
            self.admin("apply", "-f", os.path.join(self.directory, f"{name}.yaml"), path=None, field=None)
        else:
            say(f"  $ curl --json @{name}.json {self.cluster.url}/api/v1/namespaces/default/services")
            self.curl("/api/v1/namespaces/default/services", "--json", json.dumps(yaml.safe_load(manifest)))

    def first_answer(self, ip, owner):
        # The new address has been probed for and is answered at once; wait for that, not for luck.
        wait_until(lambda: self.get(ip), 10, "an HTTP answer")
        self.lab.ip("client", "neigh", "flush", "dev", "eth0")
        protocol, about, answered = ("icmp6", "icmp6 and (ip6[40] == 135 or ip6[40] == 136)", "tgt is") if ":" in ip \
            else ("arp", f"arp and host {ip}", "is-at")
        log = os.path.join(self.directory, f"tcpdump-{protocol}.log")
        only = f"{about} and ether host {self.lab.mac('client')}"
        sniffer = Process(["tcpdump", "-l", "-nn", "-e", "-t", "-i", "eth0", only], self.lab.ns("client"), log)
        wait_until(lambda: "listening on" in sniffer.output(), 10, "tcpdump listens")
        say(f"  client $ curl {url(ip)}")
        show(self.get(ip) or "(no answer)")
        say(f"  client $ tcpdump -nn -e -i eth0 {protocol}")
        wait_until(lambda: any(ip in line and answered in line for line in sniffer.output().splitlines()), 5,
                   "the answer in tcpdump's output")
        show("\n".join(line for line in sniffer.output().splitlines() if f"{ip}" in line and "ethertype" in line))
        sniffer.stop()
        say(f"  {self.lab.mac(owner)} is {owner}.")

    def failover(self, ip, owner):
        say(f"  client $ while curl -s {url(ip)}; do :; done &")
        self.daemons[owner].kill()
        killed = time.monotonic()
        # Without this its kernel would go on serving the client, who still has its MAC.
        self.lab.port_down(owner)
        other = wait_until(lambda: self.get(ip), 60, "an answer after the failure", interval=0.02)
        took = time.monotonic() - killed
        show(other)
        say(f"  {ip} answers again after {took:.1f} s (a dead node's lease ends {LEASE_SECONDS} s after its last\n"
            "  heartbeat; the client's ARP cache was corrected by the new owner's announcement).")
        self.admin("-n", "metallbd-system", "get", "lease", lease_name(ip),
                   path=self.cluster.admin.lease_path(lease_name(ip)), field="spec")
        if other == f"hello from {owner}":
            raise SystemExit("the dead node answered")

    def look_around(self):
        prefix = self.lab.prefix
        title("Still running. Look around from another terminal (as root):")
        ctl = os.path.join(self.build, "src", "ctl", "metallbctl")
        node = next(n for n, d in self.daemons.items() if d.alive())
        show(f"""\
ip netns exec {prefix}api {' '.join(self.kubectl_command('get', 'services'))}
ip netns exec {prefix}client curl http://10.77.0.200/ http://[fd77::200]/
ip netns exec {prefix}client tcpdump -nn -e -i eth0 arp or icmp6
{ctl} -s {self.directory}/{node}/metallbd.sock status
{ctl} -s {self.directory}/{node}/metallbd.sock explain default/web
tail -f {self.directory}/{node}/metallbd.log
kill -9 {self.daemons[node].pid}        # {node}'s daemon""")
        say("  Ctrl-C here ends it and removes everything.")
        threading.Event().wait()


SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupt(*_):
    # Once: the clean-up that follows is not to be interrupted by the same Ctrl-C reaching us on a second way.
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--real", metavar="KUBERNETES_DIR")
    options = parser.parse_args()
    build = os.path.abspath(options.build)
    for number in SIGNALS:
        signal.signal(number, interrupt)
    directory = tempfile.mkdtemp(prefix="mlb-", dir="/tmp")
    demo = cluster = None
    try:
        with Lab(f"demo{os.getpid()}-") as lab:
            api = os.path.join(directory, "api")
            cluster = RealKube(lab, api, options.real) if options.real else \
                KubeSim(lab, api, os.path.join(build, "tests", "kubesim", "kubesim"))
            cluster.start()
            cluster.kubeconfig()
            demo = Demo(lab, cluster, build, directory)
            try:
                demo.run()
            except (AssertionError, subprocess.CalledProcessError):
                for node, daemon in demo.daemons.items():
                    say(f"--- log of {node}")
                    show(daemon.output()[-3000:])
                raise
            if options.keep:
                demo.look_around()
    except KeyboardInterrupt:
        say("\nended")
        return 0 if options.keep else 130
    finally:
        if cluster:
            cluster.stop()
        shutil.rmtree(directory, ignore_errors=True)
    title("That is all. Everything made for it is removed.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
