"""nodeports.py FILE: healthCheckNodePorts as kube-proxy serves them, for a measurement.

A line of FILE is "PORT NAMESPACE NAME". Every one has two local endpoints. HTTP/1.1, kept connections, one process.
"""

import json
import resource
import selectors
import socket
import sys


def response(namespace, name):
    body = json.dumps({"service": {"namespace": namespace, "name": name}, "localEndpoints": 2,
                       "serviceProxyHealthy": True}, indent="\t").encode()
    return (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Content-Type-Options: nosniff\r\n"
            b"X-Load-Balancing-Endpoint-Weight: 2\r\nDate: Wed, 25 Nov 2026 07:00:00 GMT\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body) + body)


def main():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    selector = selectors.DefaultSelector()
    with open(sys.argv[1], encoding="ascii") as f:
        for line in f:
            port, namespace, name = line.split()
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("", int(port)))
            sock.listen(16)
            selector.register(sock, selectors.EVENT_READ, (True, response(namespace, name)))
    while True:
        for key, _ in selector.select():
            listens, answer = key.data
            if listens:
                connection, _ = key.fileobj.accept()
                selector.register(connection, selectors.EVENT_READ, (False, answer))
            elif key.fileobj.recv(4096):
                key.fileobj.send(answer)
            else:
                selector.unregister(key.fileobj)
                key.fileobj.close()


if __name__ == "__main__":
    main()
