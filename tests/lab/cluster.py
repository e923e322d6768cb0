"""The API servers that tests run against, on https://10.77.0.5:6443 in the namespace `api`.

KubeSim is the project's own (tests/kubesim), with faults on demand. RealKube is etcd and kube-apiserver with RBAC, where
the daemon has the rights of share/rbac.yaml and a token made by TokenRequest. Both have the same methods.
"""

import contextlib
import os
import select
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time

import yaml

from . import pki
from .api import NAMESPACE, ApiClient, ApiError
from .process import Process
from .wait import wait_until

HOST = "10.77.0.5"
PORT = 6443
SOURCE_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RBAC_FILE = os.path.join(SOURCE_ROOT, "share", "rbac.yaml")


class _Cluster:
    """What both have in common: certificates, an administrator's client, kubeconfig files."""

    def __init__(self, lab, directory):
        self.lab = lab
        self.directory = directory
        if not os.path.exists(os.path.join(directory, "tokens.csv")):
            pki.make(directory)
        self.ca_file = self.path("ca.crt")
        self.token_file = self.path("metallbd.token")
        self.url = f"https://{HOST}:{PORT}"
        self.admin = self.client("admin-token")

    def path(self, name):
        return os.path.join(self.directory, name)

    def client(self, token, port=PORT):
        return ApiClient(self.lab, HOST, port, self.ca_file, token)

    def daemon_token(self):
        with open(self.token_file, encoding="ascii") as f:
            return f.read().strip()

    def write_token(self, token, name="metallbd.token"):
        """Replaced in one step, as a tool that rotates tokens does."""
        path = self.path(name)
        with open(path + ".new", "w", encoding="ascii") as f:
            f.write(token + "\n")
        os.chmod(path + ".new", 0o600)
        os.replace(path + ".new", path)
        return path

    def kubeconfig(self, name="admin", user=None, cluster=None):
        """Writes a kubeconfig file and returns its path. By default: the administrator, with a client certificate."""
        user = user or {"client-certificate": self.path("admin.crt"), "client-key": self.path("admin.key")}
        cluster = cluster or {"server": self.url, "certificate-authority": self.ca_file}
        path = self.path(f"{name}.kubeconfig")
        with open(path, "w", encoding="ascii") as f:
            yaml.safe_dump({"apiVersion": "v1", "kind": "Config", "current-context": "lab",
                            "clusters": [{"name": "lab", "cluster": cluster}],
                            "users": [{"name": "lab", "user": user}],
                            "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "lab"}}]}, f)
        return path

    def make_namespace(self, name, labels=None):
        with contextlib.suppress(ApiError):
            self.admin.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace",
                                                     "metadata": {"name": name, "labels": labels or {}}})

    def _ready(self):
        try:
            self.admin.request("GET", "/readyz", timeout=2)
            # Made by the server itself, a moment after it is ready.
            return self.admin.get("/api/v1/namespaces/default") is not None
        except (OSError, ApiError):
            return False


class KubeSim(_Cluster):
    backend = "kubesim"

    def __init__(self, lab, directory, program):
        super().__init__(lab, directory)
        self.program = program
        self.process = None
        self.write_token("metallbd-token")

    def start(self, *options):
        """An empty API server; options are more of kubesim's command line."""
        self.process = Process(
            [self.program, "--listen", f"{HOST}:{PORT}", "--tls-cert", self.path("apiserver.crt"),
             "--tls-key", self.path("apiserver.key"), "--client-ca", self.ca_file,
             "--token-file", self.path("tokens.csv"), *options],
            self.lab.ns("api"), self.path("kubesim.log"))
        wait_until(lambda: self.process.alive() or self._fail(), 1, "kubesim runs")
        wait_until(lambda: self._ready() or (self._fail() if not self.process.alive() else False), 10,
                   "kubesim is ready")
        self.make_namespace(NAMESPACE)
        return self

    def _fail(self):
        raise RuntimeError(f"kubesim ended: {self.process.output()[-2000:]}")

    def stop(self):
        if self.process:
            self.process.stop()
            self.process = None

    def reset(self, *options):
        """A fresh, empty server."""
        self.stop()
        self.write_token("metallbd-token")
        self.start(*options)

    def kill(self):
        self.process.kill()

    def pause(self):
        self.process.signal(signal.SIGSTOP)

    def resume(self):
        self.process.signal(signal.SIGCONT)

    # Faults

    def fault(self, kind, **where):
        """Adds a fault: method, path (with a trailing * as wildcard), user, count, ms, retryAfter."""
        return self.admin.request("POST", "/sim/faults", {"kind": kind, **where})

    def clear_faults(self):
        self.admin.request("DELETE", "/sim/faults")

    def faults(self):
        return self.admin.request("GET", "/sim/faults")

    def compact(self):
        self.admin.request("POST", "/sim/compact")

    def close_watches(self):
        self.admin.request("POST", "/sim/close-watches")

    def down(self, ms):
        self.admin.request("POST", "/sim/down", {"ms": ms})

    def stats(self):
        return self.admin.request("GET", "/sim/stats")


class RealKube(_Cluster):
    backend = "real"

    def __init__(self, lab, directory, binaries):
        super().__init__(lab, directory)
        self.etcd_program = os.path.join(binaries, "etcd")
        self.apiserver_program = os.path.join(binaries, "kube-apiserver")
        self.etcd = self.apiserver = None
        self.server_version = None

    def start(self):
        self._start_etcd()
        self._start_apiserver()
        self._apply(RBAC_FILE)
        self.write_token(self.request_token())
        return self

    def _start_etcd(self):
        client, peer = "http://127.0.0.1:2379", "http://127.0.0.1:2380"
        self.etcd = Process(
            [self.etcd_program, "--name", "lab", "--data-dir", self.path("etcd"), "--listen-client-urls", client,
             "--advertise-client-urls", client, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
             "--initial-cluster", f"lab={peer}", "--logger=zap", "--unsafe-no-fsync"],
            self.lab.ns("api"), self.path("etcd.log"), {"ETCD_UNSUPPORTED_ARCH": os.uname().machine})
        wait_until(self._etcd_answers, 30, "etcd answers")

    def _etcd_answers(self):
        if not self.etcd.alive():
            raise RuntimeError(f"etcd ended: {self.etcd.output()[-2000:]}")
        try:
            with self.lab.enter("api"):
                socket.create_connection(("127.0.0.1", 2379), timeout=1).close()
            return True
        except OSError:
            return False

    def _start_apiserver(self):
        version = subprocess.run([self.apiserver_program, "--version"], stdin=subprocess.DEVNULL,
                                 capture_output=True, text=True, check=True).stdout.split()[-1].lstrip("v")
        self.server_version = tuple(int(part) for part in version.split(".")[:2])
        gates = ["--feature-gates=IPv6DualStack=true,ServiceLBNodePortControl=true"] \
            if self.server_version < (1, 21) else []
        self.apiserver = Process(
            [self.apiserver_program, "--etcd-servers=http://127.0.0.1:2379", "--bind-address=0.0.0.0",
             f"--secure-port={PORT}", f"--advertise-address={HOST}", f"--client-ca-file={self.ca_file}",
             f"--tls-cert-file={self.path('apiserver.crt')}", f"--tls-private-key-file={self.path('apiserver.key')}",
             f"--token-auth-file={self.path('tokens.csv')}", "--authorization-mode=Node,RBAC",
             "--service-account-issuer=https://kubernetes.default.svc",
             f"--service-account-key-file={self.path('sa.pub')}",
             f"--service-account-signing-key-file={self.path('sa.key')}",
             "--service-cluster-ip-range=10.96.0.0/16,fd00:96::/112", *gates, f"--cert-dir={self.directory}"],
            self.lab.ns("api"), self.path("apiserver.log"))
        wait_until(self._apiserver_ready, 90, "kube-apiserver is ready", interval=0.1)

    def _apiserver_ready(self):
        if not self.apiserver.alive():
            raise RuntimeError(f"kube-apiserver ended: {self.apiserver.output()[-3000:]}")
        return self._ready()

    def _apply(self, manifest):
        with open(manifest, encoding="utf-8") as f:
            documents = list(yaml.safe_load_all(f))
        for document in documents:
            path = "/api/v1" if document["apiVersion"] == "v1" else f"/apis/{document['apiVersion']}"
            if "namespace" in document["metadata"]:
                path += f"/namespaces/{document['metadata']['namespace']}"
            plural = {"Namespace": "namespaces", "ServiceAccount": "serviceaccounts", "Role": "roles",
                      "RoleBinding": "rolebindings", "ClusterRole": "clusterroles",
                      "ClusterRoleBinding": "clusterrolebindings"}[document["kind"]]
            try:
                self.admin.create(f"{path}/{plural}", document)
            except ApiError as error:
                if error.status != 409:
                    raise

    def request_token(self, client=None, account="metallbd", seconds=30 * 86400):
        """A token of a ServiceAccount, by TokenRequest."""
        answer = (client or self.admin).create(
            f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{account}/token",
            {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
             "spec": {"audiences": ["https://kubernetes.default.svc"], "expirationSeconds": seconds}})
        return answer["status"]["token"]

    @contextlib.contextmanager
    def rights_of_the_daemon(self, user):
        """Binds the daemon's roles to another user."""
        api = "/apis/rbac.authorization.k8s.io/v1"
        bindings = [("ClusterRole", "ClusterRoleBinding", f"{api}/clusterrolebindings"),
                    ("Role", "RoleBinding", f"{api}/namespaces/{NAMESPACE}/rolebindings")]
        for role, kind, path in bindings:
            self.admin.create(path, {
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": "test"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role, "name": "metallbd"},
                "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}]})
        try:
            yield
        finally:
            for _, _, path in bindings:
                self.admin.delete(f"{path}/test")

    def stop(self):
        # Nothing is to be saved, and an orderly end takes the server ten seconds and more.
        for process in (self.apiserver, self.etcd):
            if process:
                process.kill()
        self.apiserver = self.etcd = None
        shutil.rmtree(self.path("etcd"), ignore_errors=True)

    def reset(self):
        """Back to an empty cluster: starting anew takes four seconds, deleting what a test left takes none."""
        if not self.apiserver.alive():
            self._start_apiserver()
        self.write_token(self.request_token())
        for service in self.admin.list("/api/v1/services"):
            namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
            if (namespace, name) != ("default", "kubernetes"):
                self.admin.delete_service(name, namespace)
        self.admin.delete(self.admin.lease_path())
        for node in self.admin.list("/api/v1/nodes"):
            self.admin.delete(f"/api/v1/nodes/{node['metadata']['name']}")
        for namespace in self.admin.list("/api/v1/namespaces"):
            self.admin.delete(f"/api/v1/namespaces/{namespace['metadata']['name']}/events")

    def restart_apiserver(self):
        """After kill(): a new process on the same etcd."""
        self._start_apiserver()

    def kill(self):
        self.apiserver.kill()

    def pause(self):
        self.apiserver.signal(signal.SIGSTOP)

    def resume(self):
        self.apiserver.signal(signal.SIGCONT)


class TcpRelay:
    """A second address of the API server: a TCP relay in the namespace `api`, which can be closed, or fall silent."""

    def __init__(self, lab, port, target=(HOST, PORT)):
        self.lab, self.port, self.target = lab, port, target
        self.url = f"https://{HOST}:{port}"
        self.accepted = 0
        self._silent = False
        self._pairs = []
        self._listener = None

    def __enter__(self):
        self.open()
        return self

    def __exit__(self, *_):
        self.close()

    def open(self):
        with self.lab.enter("api"):
            self._listener = socket.create_server((HOST, self.port), backlog=32)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def close(self):
        """New connections are refused, those that stand are reset."""
        if self._listener:
            # shutdown wakes the thread that waits in accept; close alone does not.
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for pair in self._pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
        self._pairs = []

    def silence(self):
        """Half-open from now on: connections stand and are accepted, no byte passes."""
        self._silent = True

    def _accept(self, listener):
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            self.accepted += 1
            try:
                with self.lab.enter("api"):
                    far = socket.create_connection(self.target, timeout=5)
                far.settimeout(None)
            except OSError:
                near.close()
                continue
            self._pairs.append((near, far))
            self._serve(near, far)

    def _serve(self, near, far):
        for source, sink in ((near, far), (far, near)):
            threading.Thread(target=self._copy, args=(source, sink), daemon=True).start()

    def _copy(self, source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                while self._silent:
                    time.sleep(0.1)
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


class LyingRelay(TcpRelay):
    """A relay that ends TLS itself and replaces bytes in what the server says: for objects that no server would accept.

    lies: {bytes: other bytes of the same length}, so that lengths and chunks stay right.
    """

    def __init__(self, cluster, port, lies):
        super().__init__(cluster.lab, port)
        for truth, lie in lies.items():
            assert len(truth) == len(lie), (truth, lie)
        self.lies = lies
        self.told = 0
        self._server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._server.load_cert_chain(cluster.path("apiserver.crt"), cluster.path("apiserver.key"))
        self._client = ssl.create_default_context(cafile=cluster.ca_file)

    def _serve(self, near, far):
        threading.Thread(target=self._relay, args=(near, far), daemon=True).start()

    def _relay(self, near, far):
        # One thread for both directions: a TLS connection is not for two.
        with contextlib.suppress(OSError, ValueError):
            far = self._client.wrap_socket(far, server_hostname=HOST)
            near = self._server.wrap_socket(near, server_side=True)
            self._pairs.append((near, far))
            while True:
                ready = [s for s in (near, far) if s.pending()] or select.select([near, far], [], [])[0]
                for source in ready:
                    # What is there may be of TLS only (a session ticket), and no data.
                    source.setblocking(False)
                    try:
                        data = source.recv(65536)
                    except ssl.SSLWantReadError:
                        continue
                    finally:
                        source.setblocking(True)
                    if not data:
                        return
                    if source is far:
                        for truth, lie in self.lies.items():
                            self.told += data.count(truth)
                            data = data.replace(truth, lie)
                        near.sendall(data)
                    else:
                        far.sendall(data)
        near.close()
        far.close()
