"""A Kubernetes node without a container runtime: a Node object, one pod as a namespace, and a real kube-proxy.

    pod1    10.244.1.2  fd00:244:1::2   behind node1, the others reach it by a route   (N = 1..nodes)

kube-proxy is that of Kubernetes 1.20 (tests/k8s/build.sh), in iptables mode, for both families.
"""

import os

from .process import Process
from .wait import wait_until

HEALTHZ = 10256


class KubeNode:
    def __init__(self, lab, cluster, number, program, directory):
        self.lab, self.cluster, self.number = lab, cluster, number
        self.node, self.pod = f"node{number}", f"pod{number}"
        self.program, self.directory = program, directory
        self.process = None

    @staticmethod
    def pod_address(number, v6=False):
        return f"fd00:244:{number}::2" if v6 else f"10.244.{number}.2"

    def start(self):
        self._make_pod()
        self.cluster.admin.create("/api/v1/nodes", {
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": self.node, "labels": {"kubernetes.io/hostname": self.node}},
            "spec": {"podCIDR": f"10.244.{self.number}.0/24"}})
        self.cluster.admin.patch(f"/api/v1/nodes/{self.node}/status", {"status": {"addresses": [
            {"type": "InternalIP", "address": self.lab.ipv4(self.node)},
            {"type": "InternalIP", "address": f"fd77::1{self.number}"}]}})
        self.start_proxy()
        return self

    def _make_pod(self):
        lab, n = self.lab, self.number
        lab.make(self.pod)
        lab.ip(None, "link", "add", "eth0", "netns", lab.ns(self.pod), "type", "veth",
               "peer", "name", "cni0", "netns", lab.ns(self.node))
        for member, dev, v4, v6 in ((self.pod, "eth0", f"10.244.{n}.2", f"fd00:244:{n}::2"),
                                    (self.node, "cni0", f"10.244.{n}.1", f"fd00:244:{n}::1")):
            lab.ip(member, "addr", "add", f"{v4}/24", "dev", dev)
            lab.ip(member, "addr", "add", f"{v6}/64", "dev", dev, "nodad")
            lab.ip(member, "link", "set", dev, "up")
        lab.ip(self.pod, "route", "add", "default", "via", f"10.244.{n}.1")
        lab.ip(self.pod, "-6", "route", "add", "default", "via", f"fd00:244:{n}::1")
        lab.sysctl(self.node, "net.ipv6.conf.all.forwarding=1")
        for other in range(1, len(lab.nodes) + 1):
            if other != n:
                lab.ip(self.node, "route", "replace", f"10.244.{other}.0/24", "via", lab.ipv4(f"node{other}"))
                lab.ip(self.node, "-6", "route", "replace", f"fd00:244:{other}::/64", "via", f"fd77::1{other}")

    def start_proxy(self):
        # The conntrack limits are not a namespace's to change.
        self.process = Process(
            [self.program, f"--hostname-override={self.node}", f"--kubeconfig={self.cluster.kubeconfig()}",
             "--proxy-mode=iptables", "--cluster-cidr=10.244.0.0/16,fd00:244::/32", "--feature-gates=IPv6DualStack=true",
             f"--healthz-bind-address=0.0.0.0:{HEALTHZ}", "--metrics-bind-address=127.0.0.1:10249",
             "--conntrack-max-per-core=0", "--conntrack-tcp-timeout-established=0",
             "--conntrack-tcp-timeout-close-wait=0", "--iptables-min-sync-period=100ms"],
            self.lab.ns(self.node), os.path.join(self.directory, f"kube-proxy-{self.node}.log"))
        wait_until(self._healthy, 30, f"kube-proxy of {self.node} is healthy")

    def _healthy(self):
        if not self.process.alive():
            raise RuntimeError(f"kube-proxy of {self.node} ended: {self.process.output()[-2000:]}")
        return self.lab.run(self.node, "curl", "-fs", f"http://127.0.0.1:{HEALTHZ}/healthz", check=False).returncode == 0

    def stop(self):
        if self.process:
            self.process.kill()
        for program in ("iptables", "ip6tables"):
            for table in ("nat", "filter", "mangle"):
                for flag in ("-F", "-X"):
                    self.lab.run(self.node, program, "-t", table, flag, check=False)
        self.lab.ip(None, "netns", "del", self.lab.ns(self.pod))
        self.lab.run(self.node, "ip", "link", "del", "cni0", check=False)


def set_endpoints(api, service, numbers, v6=False, port=8080):
    """The EndpointSlice of one family: ready endpoints on these nodes' pods. What kube-controller-manager would write."""
    name = f"{service}-{'v6' if v6 else 'v4'}"
    path = "/apis/discovery.k8s.io/v1beta1/namespaces/default/endpointslices"
    body = {"apiVersion": "discovery.k8s.io/v1beta1", "kind": "EndpointSlice", "addressType": "IPv6" if v6 else "IPv4",
            "metadata": {"name": name, "labels": {"kubernetes.io/service-name": service}},
            "ports": [{"name": "http", "port": port, "protocol": "TCP"}],
            "endpoints": [{"addresses": [KubeNode.pod_address(n, v6)], "conditions": {"ready": True},
                           "topology": {"kubernetes.io/hostname": f"node{n}"}} for n in numbers]}
    old = api.get(f"{path}/{name}")
    if old is None:
        return api.create(path, body)
    body["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
    return api.replace(f"{path}/{name}", body)
