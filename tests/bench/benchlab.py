"""What the benchmarks run in: namespaces on one switch, an API server, daemons. Standard library only.

    fab      the switch, a bridge
    nodeN    10.80.0.1N    02:80:00:00:00:1N
    client   10.80.0.100   02:80:00:00:01:00
    api      10.80.0.5     02:80:00:00:00:05

The pool is 10.80.16.0/22, on the same /16.
"""

import contextlib
import ctypes
import http.client
import ipaddress
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

API, PORT = "10.80.0.5", 6443
SERVICES = "/api/v1/namespaces/default/services"
ALL_SERVICES = "/api/v1/services"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/metallbd-system/leases"
POOL_FIRST = (10 << 24) + (80 << 16) + (16 << 8)
MEMBERS = {"client": ("10.80.0.100", "02:80:00:00:01:00"), "api": (API, "02:80:00:00:00:05")}
# What systemd/metallbd.service sets.
UNIT_ENVIRONMENT = {"GNUTLS_NO_IMPLICIT_INIT": "1"}
_libc = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    """A run that did not come to its end."""


def pool_address(i):
    n = POOL_FIRST + i
    return ".".join(str(n >> shift & 255) for shift in (24, 16, 8, 0))


def pool_address6(i):
    return str(ipaddress.IPv6Address("fd80::1:0") + i)


def wait_until(condition, seconds, what, interval=0.05):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Failed(f"waited {seconds} s in vain: {what}")
        time.sleep(interval)


def _run(*argv):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout


def _enter(fd):
    if _libc.setns(fd, 0x40000000):  # CLONE_NEWNET
        raise OSError(ctypes.get_errno(), "setns")


def remove_stale():
    """Namespaces of a run that was killed; its processes died with it."""
    for line in _run("ip", "netns", "list").splitlines():
        found = re.match(r"bench-([0-9]+)-", line)
        if found and not os.path.exists(f"/proc/{found[1]}"):
            subprocess.run(["ip", "netns", "del", line.split()[0]], stdin=subprocess.DEVNULL, capture_output=True)


class Net:
    """The namespaces. Their names begin with bench-PID-, so that runs do not meet."""

    def __init__(self, nodes):
        self.prefix = f"bench-{os.getpid()}-"
        self.nodes = [f"node{i}" for i in range(1, nodes + 1)]
        self.members = dict(MEMBERS)
        for i in range(1, nodes + 1):
            self.members[f"node{i}"] = (f"10.80.0.1{i}", f"02:80:00:00:00:1{i}")

    def ipv6(self, name):
        return "fd80::" + self.members[name][0].rpartition(".")[2]

    def up(self):
        remove_stale()
        _run("ip", "netns", "add", self.prefix + "fab")
        self._ip("fab", "link", "add", "br0", "type", "bridge", "forward_delay", "0", "mcast_snooping", "0")
        self._ip("fab", "link", "set", "br0", "up")
        for name, (address, mac) in self.members.items():
            _run("ip", "netns", "add", self.prefix + name)
            self._ip(name, "link", "set", "lo", "up")
            _run("ip", "link", "add", "eth0", "address", mac, "netns", self.prefix + name,
                 "type", "veth", "peer", "name", "p-" + name, "netns", self.prefix + "fab")
            self._ip(name, "addr", "add", address + "/16", "dev", "eth0")
            self._ip(name, "addr", "add", self.ipv6(name) + "/64", "dev", "eth0", "nodad")
            self._ip(name, "link", "set", "eth0", "up")
            self._ip("fab", "link", "set", "p-" + name, "master", "br0", "up")

    def down(self):
        for name in ["fab", *self.members]:
            subprocess.run(["ip", "netns", "del", self.prefix + name], stdin=subprocess.DEVNULL, capture_output=True)

    def _ip(self, name, *args):
        _run("ip", "-n", self.prefix + name, *args)

    def open(self, name):
        return os.open(f"/run/netns/{self.prefix}{name}", os.O_RDONLY | os.O_CLOEXEC)

    @contextlib.contextmanager
    def inside(self, name):
        """The calling thread is in that namespace: sockets opened here stay there."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        there = self.open(name)
        try:
            _enter(there)
            try:
                yield
            finally:
                _enter(home)
        finally:
            os.close(there)
            os.close(home)


class Process:
    """A program in a namespace. `born` is CLOCK_MONOTONIC right before its exec()."""

    def __init__(self, net, where, argv, log):
        namespace = net.open(where)
        read_end, write_end = os.pipe()

        def before_exec():
            _libc.prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG: a run that is killed leaves nothing behind
            _enter(namespace)
            os.write(write_end, str(time.monotonic_ns()).encode())

        self.log = log
        with open(log, "ab") as out:
            self._popen = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                           preexec_fn=before_exec, env={**os.environ, **UNIT_ENVIRONMENT})
        self.born = int(os.read(read_end, 32)) / 1e9
        self.pid = self._popen.pid
        for fd in (namespace, read_end, write_end):
            os.close(fd)

    def check(self):
        if self._popen.poll() is not None:
            with open(self.log, encoding="utf-8", errors="replace") as f:
                raise Failed(f"{self._popen.args[0]} ended: {f.read()[-2000:]}")

    def cpu_seconds(self):
        """User and system time; of the scheduler's own count, which is exact, where there is one."""
        try:
            with open(f"/proc/{self.pid}/schedstat", encoding="ascii") as f:
                return int(f.read().split()[0]) / 1e9
        except OSError:
            with open(f"/proc/{self.pid}/stat", encoding="ascii") as f:
                fields = f.read().rsplit(")", 1)[1].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self):
        """KiB by name, as in /proc/PID/smaps_rollup."""
        with open(f"/proc/{self.pid}/smaps_rollup", encoding="ascii") as f:
            return {m[1]: int(m[2]) for m in re.finditer(r"^(\w+): +(\d+) kB$", f.read(), re.M)}

    def end(self, number=signal.SIGKILL):
        if self._popen.poll() is None:
            self._popen.send_signal(number)
        try:
            self._popen.wait(15)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()


class Api:
    """The API server, in the namespace `api`, with TLS: kubesim, or etcd and kube-apiserver."""

    def __init__(self, net, directory, build, real):
        self.net, self.directory = net, directory
        self.context = ssl.create_default_context(cafile=self._certificates())
        self.context.check_hostname = False
        self.processes = []
        with open(self.path("tokens"), "w", encoding="ascii") as f:
            f.write('bench-token,admin,1,"system:masters"\n')
        if real:
            self._start_real(real)
        else:
            self._start([os.path.join(build, "tests/kubesim/kubesim"), "--listen", f"{API}:{PORT}",
                         "--tls-cert", self.path("api.crt"), "--tls-key", self.path("api.key"),
                         "--token-file", self.path("tokens"), "--history", "20000"])
        wait_until(self._is_ready, 60, "the API server is ready")
        with contextlib.suppress(Failed):
            self.connect().call("POST", "/api/v1/namespaces", {"metadata": {"name": "metallbd-system"}})

    def path(self, name):
        return os.path.join(self.directory, name)

    def _certificates(self):
        _run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-days", "2", "-subj", "/CN=bench", "-addext", f"subjectAltName=IP:{API},IP:127.0.0.1",
             "-keyout", self.path("api.key"), "-out", self.path("api.crt"))
        return self.path("api.crt")

    def _start(self, argv):
        self.processes.append(Process(self.net, "api", argv, self.path("api.log")))

    def _start_real(self, binaries):
        _run("openssl", "genrsa", "-out", self.path("sa.key"), "2048")
        self._start([os.path.join(binaries, "etcd"), "--data-dir", self.path("etcd"), "--unsafe-no-fsync"])
        self._start([os.path.join(binaries, "kube-apiserver"), "--etcd-servers=http://127.0.0.1:2379",
                     f"--secure-port={PORT}", f"--advertise-address={API}",
                     f"--tls-cert-file={self.path('api.crt')}", f"--tls-private-key-file={self.path('api.key')}",
                     f"--token-auth-file={self.path('tokens')}", "--authorization-mode=AlwaysAllow",
                     "--service-account-issuer=https://kubernetes.default.svc",
                     f"--service-account-key-file={self.path('sa.key')}",
                     f"--service-account-signing-key-file={self.path('sa.key')}",
                     "--service-cluster-ip-range=10.96.0.0/16", f"--cert-dir={self.directory}"])

    def _is_ready(self):
        for process in self.processes:
            process.check()
        try:
            self.connect().call("GET", "/api/v1/namespaces/default")
            return True
        except (OSError, Failed, http.client.HTTPException):
            return False

    def connect(self):
        return Connection(self)

    def end(self):
        for process in reversed(self.processes):
            process.end()


class Connection:
    """One connection to the API server, kept."""

    def __init__(self, api):
        with api.net.inside("api"):
            self._http = http.client.HTTPSConnection(API, PORT, timeout=60, context=api.context)
            self._http.connect()
        self._http.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, method, path, body=None):
        headers = {"Authorization": "Bearer bench-token", "Content-Type": "application/json",
                   "Accept": "application/json"}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        self._http.request(method, path, body, headers)
        answer = self._http.getresponse()
        if answer.status >= 300:
            raise Failed(f"{method} {path}: {answer.status} {answer.read()[:300]}")
        return answer

    def call(self, method, path, body=None):
        return self.send(method, path, body).read()

    def close(self):
        # Not close(): a response of a watch would keep the descriptor open.
        with contextlib.suppress(OSError):
            self._http.sock.shutdown(socket.SHUT_RDWR)
        self._http.close()


def service(name, address=None, **spec):
    annotations = {"metallb.io/loadBalancerIPs": address} if address else {}
    return json.dumps({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "annotations": annotations},
        "spec": {"type": "LoadBalancer", "selector": {"app": name},
                 "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 8080}], **spec}}).encode()


def create_services(api, names, connections=4, **spec):
    """All at once, over some connections."""
    names, errors = list(names), []

    def work(part, connection):
        try:
            for name in part:
                connection.call("POST", SERVICES, service(name, **spec))
        except Exception as error:
            errors.append(error)

    opened = [api.connect() for _ in range(connections)]
    threads = [threading.Thread(target=work, args=(names[i::connections], opened[i])) for i in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for connection in opened:
        connection.close()
    if errors:
        raise errors[0]


class Assigned:
    """Follows the Services by a watch: when each of them first had an address."""

    def __init__(self, api):
        self.at = {}
        self._api = api
        self._changed = threading.Condition()
        self._connection = api.connect()
        self._answer = self._connection.send("GET", f"{ALL_SERVICES}?watch=true")
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self):
        name_of = re.compile(rb'"name": ?"(bench-[0-9]+)"')
        # At the end of the connection http.client raises whatever it stumbles over, AttributeError too.
        with contextlib.suppress(OSError, ValueError, AttributeError, http.client.HTTPException):
            while line := self._answer.readline():
                if b'"ingress"' in line:
                    name = name_of.search(line)
                    with self._changed:
                        self.at.setdefault(name[1].decode(), time.monotonic())
                        self._changed.notify_all()

    def _list(self):
        """What the watch did not bring: it was seen to stand still (kube-apiserver 1.20.2 on a busy machine)."""
        items = json.loads(self._api.connect().call("GET", ALL_SERVICES))["items"]
        with self._changed:
            for item in items:
                if item["status"]["loadBalancer"].get("ingress"):
                    self.at.setdefault(item["metadata"]["name"], time.monotonic())

    def wait(self, count, seconds=60):
        end = time.monotonic() + seconds
        while True:
            with self._changed:
                if self._changed.wait_for(lambda: len(self.at) >= count, min(5, max(0, end - time.monotonic()))):
                    return
            if time.monotonic() >= end:
                raise Failed(f"{len(self.at)} of {count} Services have an address after {seconds} s")
            self._list()

    def wait_for(self, name, seconds=10):
        with self._changed:
            if not self._changed.wait_for(lambda: name in self.at, seconds):
                raise Failed(f"{name} has no address after {seconds} s")
            return self.at[name]

    def close(self):
        self._connection.close()


class Daemon:
    """metallbd on a node."""

    def __init__(self, net, node, build, directory):
        self.net, self.node = net, node
        self.program = os.path.join(build, "src/daemon/metallbd")
        self.client = os.path.join(build, "src/ctl/metallbctl")
        self.directory = os.path.join(directory, node)
        self.process = None
        os.makedirs(os.path.join(self.directory, "state"), exist_ok=True)
        with open(self.path("metallb.conf"), "w", encoding="ascii") as f:
            f.write(f'''
node: {{ name = "{node}"; state-directory = "{self.path("state")}"; exclude-interfaces = ["lo"]; }};
kubernetes: {{ servers = ["https://{API}:{PORT}"]; certificate-authority = "{directory}/api.crt";
	token-file = "{directory}/token"; }};
address-pools: ( {{ name = "lan"; addresses = ["{pool_address(0)}/22", "{pool_address6(0)}/118"]; }} );
l2-advertisements: ( {{ name = "everywhere"; }} );
metrics: {{ port = 0; }};
control: {{ socket = "{self.path("ctl.sock")}"; group = "root"; }};
''')
        with open(os.path.join(directory, "token"), "w", encoding="ascii") as f:
            f.write("bench-token\n")

    def path(self, name):
        return os.path.join(self.directory, name)

    def start(self, wait=True):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path("log"))
        self.process = Process(self.net, self.node, [self.program, "-f", self.path("metallb.conf")], self.path("log"))
        if wait:
            wait_until(self.is_synced, 20, f"{self.node} has listed the Services")
        return self

    def first_list(self, seconds=20):
        """Seconds from exec() to the log line that says the Services are known."""
        line = b"watch services: the first list is complete"
        end = self.process.born + seconds
        while time.monotonic() < end:
            with open(self.path("log"), "rb") as f:
                if line in f.read():
                    return time.monotonic() - self.process.born
            self.process.check()
            time.sleep(0.0002)
        raise Failed(f"{self.node} has not listed the Services after {seconds} s")

    def status(self):
        self.process.check()
        done = subprocess.run([self.client, "-s", self.path("ctl.sock"), "-j", "status"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def is_synced(self):
        status = self.status()
        return bool(status and status["api"]["services_synced"] and status["api"]["leases_synced"])

    def is_leading(self):
        status = self.status()
        return bool(status and status["allocator"]["me"])

    def announced(self):
        status = self.status()
        return status["addresses"]["announced"] if status else 0

    def leave(self):
        """As at "systemctl restart": addresses and Leases stay as they are."""
        if self.process:
            self.process.end(signal.SIGUSR1)
            self.process = None


class Bench:
    """Everything that one measurement needs, from nothing; a context manager."""

    def __init__(self, options, nodes):
        self.options = options
        self.net = Net(nodes)
        self.directory = os.path.join(options.work, f"{time.monotonic_ns()}")
        self.api = None
        self.daemons = []
        self.others = []

    def __enter__(self):
        try:
            os.makedirs(self.directory)
            self.net.up()
            self.api = Api(self.net, self.directory, self.options.build, self.options.real)
            self.daemons = [Daemon(self.net, node, self.options.build, self.directory) for node in self.net.nodes]
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for daemon in self.daemons:
            if daemon.process:
                daemon.process.end()
        for process in self.others:
            process.end()
        if self.api:
            self.api.end()
        self.net.down()

    def start(self, daemons=None):
        for daemon in daemons or self.daemons:
            daemon.start()
        wait_until(lambda: self.leader() is not None, 20, "a daemon holds the Lease allocator")

    def leader(self):
        return next((d for d in self.daemons if d.process and d.is_leading()), None)

    def services(self):
        return json.loads(self.api.connect().call("GET", SERVICES))["items"]

    def wait_announced(self, count, seconds=90):
        running = [d for d in self.daemons if d.process]
        wait_until(lambda: sum(d.announced() for d in running) >= count, seconds, f"{count} addresses are announced",
                   0.2)

    def serve_node_ports(self, node):
        """Local endpoints of every Local Service on this node, by a process that answers for kube-proxy."""
        path = os.path.join(self.directory, f"ports-{node}")
        with open(path, "w", encoding="ascii") as f:
            for s in self.services():
                if s["spec"].get("healthCheckNodePort"):
                    f.write(f"{s['spec']['healthCheckNodePort']} {s['metadata']['namespace']} {s['metadata']['name']}\n")
        program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "nodeports.py")
        process = Process(self.net, node, [sys.executable, program, path], path + ".log")
        self.others.append(process)
        return process

    def fill(self, count):
        """So many Services with addresses that are announced."""
        create_services(self.api, [f"bench-{i}" for i in range(count)])
        self.wait_announced(count)
