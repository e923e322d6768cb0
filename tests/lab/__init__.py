"""A LAN with Kubernetes nodes on one machine, made of network namespaces: for the end-to-end tests and the demo.

Nothing of it is in the root namespace, nothing listens outside, and every lab has a prefix of its own, so that several
can run side by side. Needs root, iproute2, nftables and openssl; Python's standard library and, to read manifests, yaml.
"""

from .api import ApiClient, ApiError
from .arp import ArpCapture, announce, arp_query
from .cluster import KubeSim, LyingRelay, RealKube, TcpRelay
from .daemon import Daemon, base_settings
from .kubenode import KubeNode, set_endpoints
from .ndp import NdpCapture, announce6, ndp_query
from .netns import Lab
from .nodeport import NodePorts
from .probe import Answerers, ArpWatch, Probe
from .wait import wait_until

__all__ = ["Answerers", "ApiClient", "ApiError", "ArpCapture", "ArpWatch", "Daemon", "KubeNode", "KubeSim", "Lab",
           "LyingRelay", "NdpCapture", "NodePorts", "Probe", "RealKube", "TcpRelay", "announce", "announce6", "arp_query",
           "base_settings", "ndp_query", "set_endpoints", "wait_until"]
