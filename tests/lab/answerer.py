#!/usr/bin/python3
"""answerer.py PORT NODE=NAMESPACE...: the endpoint behind an address, on every node: tells the node's name.

One process for all nodes: it opens a UDP and a TCP socket on PORT in each namespace. A datagram is sent back with the
name before it; a connection gets the name and is closed. What kube-proxy would do, an nftables rule does (probe.py).
"""

import ctypes
import os
import selectors
import socket
import sys

CLONE_NEWNET = 0x40000000


def enter(namespace):
    libc = ctypes.CDLL(None, use_errno=True)
    fd = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    if libc.setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), f"setns {namespace}")
    os.close(fd)


def on_datagram(sock, name):
    data, peer = sock.recvfrom(512)
    sock.sendto(name + b" " + data, peer)


def on_connection(sock, name):
    connection, _ = sock.accept()
    with connection:
        connection.send(name + b"\n")


def main():
    port = int(sys.argv[1])
    selector = selectors.DefaultSelector()
    for word in sys.argv[2:]:
        node, namespace = word.split("=", 1)
        enter(namespace)
        for kind, serve in ((socket.SOCK_DGRAM, on_datagram), (socket.SOCK_STREAM, on_connection)):
            sock = socket.socket(socket.AF_INET, kind)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("0.0.0.0", port))
            if kind == socket.SOCK_STREAM:
                sock.listen(1024)
            sock.setblocking(False)
            selector.register(sock, selectors.EVENT_READ, (serve, node.encode()))
    print("ready", flush=True)
    while True:
        for key, _ in selector.select():
            serve, name = key.data
            try:
                serve(key.fileobj, name)
            except OSError:
                pass    # The peer is gone, or cannot be reached now: it will count that itself.


if __name__ == "__main__":
    main()
