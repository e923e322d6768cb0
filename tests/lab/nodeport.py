"""What kube-proxy serves on a node for load balancers: healthCheckNodePorts, and its own /healthz on 10256.

    with NodePorts(lab) as ports:
        ports.serve("node1", 30123, "web", local=2)     # 200 and a report; 503 with local=0
        ports.serve("node1", 30123, "web", local=0)     # from now on
        ports.proxy("node1", 200)
        ports.mute("node1", 30123)                      # accepts, and says nothing
        ports.close("node1", 30123)                     # nobody listens, and what was connected is gone

One thread serves all; HTTP/1.1 with kept connections, as Go's server has them.
"""

import http.client
import json
import selectors
import socket
import threading

PROXY_PORT = 10256


class _Port:
    def __init__(self, key):
        self.key = key
        self.listeners, self.connections = [], []
        self.response = b""     # b"": says nothing
        self.requests = 0       # that were answered
        self.accepted = 0       # connections


def _response(status, body, headers=()):
    head = [f"HTTP/1.1 {status} {http.client.responses.get(status, 'X')}", *headers, f"Content-Length: {len(body)}"]
    return ("\r\n".join(head) + "\r\n\r\n" + body).encode()


class NodePorts:
    # Where kube-proxy listens in iptables and IPVS mode; in nftables mode on the node's own addresses only.
    EVERYWHERE = ("0.0.0.0", "::")

    def __init__(self, lab):
        self._lab = lab
        self._ports = {}
        self._lock = threading.Lock()
        self._selector = selectors.DefaultSelector()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join()
        for node, port in list(self._ports):
            self.close(node, port)
        self._selector.close()

    def serve(self, node, port, name, local, namespace="default", status=None, proxy_healthy=None, where=EVERYWHERE):
        """As kube-proxy does for a Service with that many ready endpoints on this node."""
        report = {"service": {"namespace": namespace, "name": name}, "localEndpoints": local}
        headers = ["Content-Type: application/json", "X-Content-Type-Options: nosniff"]
        if proxy_healthy is not None:
            report["serviceProxyHealthy"] = proxy_healthy
            headers.append(f"X-Load-Balancing-Endpoint-Weight: {local}")
        if status is None:
            status = 200 if local and proxy_healthy is not False else 503
        self.answer(node, port, status, json.dumps(report, indent="\t"), headers, where)

    def answer(self, node, port, status, body="", headers=(), where=EVERYWHERE):
        self._say(node, port, _response(status, body, headers), where)

    def proxy(self, node, status):
        """kube-proxy's own health."""
        self.answer(node, PROXY_PORT, status, '{"lastUpdated": "2026-11-25 07:00:00 +0000 UTC"}')

    def mute(self, node, port, where=EVERYWHERE):
        self._say(node, port, b"", where)

    def close(self, node, port):
        with self._lock:
            entry = self._ports.pop((node, port), None)
            for sock in entry.listeners + entry.connections if entry else []:
                self._selector.unregister(sock)
                sock.close()

    def requests(self, node, port):
        """How many were answered, over how many connections."""
        with self._lock:
            entry = self._ports.get((node, port))
            return (entry.requests, entry.accepted) if entry else (0, 0)

    def _say(self, node, port, response, where):
        with self._lock:
            entry = self._ports.get((node, port))
            if entry is None:
                entry = self._ports[node, port] = _Port((node, port))
                for address in where:
                    self._listen(entry, address)
            entry.response = response

    def _listen(self, entry, address):
        node, port = entry.key
        v6 = ":" in address
        with self._lab.enter(node):
            sock = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if v6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((address, port))
        sock.listen(128)
        sock.setblocking(False)
        entry.listeners.append(sock)
        self._selector.register(sock, selectors.EVENT_READ, entry)

    def _run(self):
        while not self._end.is_set():
            ready = self._selector.select(0.05)
            with self._lock:
                for key, _ in ready:
                    if key.fileobj.fileno() >= 0:
                        self._serve(key.data, key.fileobj)

    def _serve(self, entry, sock):
        if sock in entry.listeners:
            connection, _ = sock.accept()
            connection.setblocking(False)
            entry.connections.append(connection)
            entry.accepted += 1
            self._selector.register(connection, selectors.EVENT_READ, entry)
            return
        try:
            data = sock.recv(65536)
        except OSError:
            data = b""
        if not data:
            entry.connections.remove(sock)
            self._selector.unregister(sock)
            sock.close()
            return
        # A request of ours is one segment: it ends in an empty line.
        if entry.response and data.endswith(b"\r\n\r\n"):
            entry.requests += 1
            sock.send(entry.response)
