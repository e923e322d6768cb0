"""Peers that are no routers: they cost bounded CPU and memory, and the other session does not notice."""

import os
import socket
import struct
import threading
import time

import pytest

from configs import KINDS, POOL, Neighbour, peer, session, settings
from lab import wait_until

SOON = 30
SECONDS = 4
MARKER = b"\xff" * 16


def message(kind, body=b""):
    return MARKER + struct.pack("!HB", 19 + len(body), kind) + body


OPEN = message(1, struct.pack("!BHHIB", 4, 64513, 90, 0x0a4d0064, 0))
KEEPALIVE = message(4)


def usage(pid):
    """CPU seconds and resident KiB."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        rss = next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), rss


def connect(lab):
    with lab.enter("client"):
        sock = socket.socket()
    sock.settimeout(2)
    sock.connect(("10.77.0.11", 179))
    return sock


def flood_updates(lab, stop):
    """A session that never pauses: UPDATEs with withdrawals, as fast as TCP takes them."""
    sock = connect(lab)
    sock.sendall(OPEN + KEEPALIVE)
    update = message(2, struct.pack("!H", 400) + b"\x20\x0a\x00\x00\x01" * 80 + b"\0\0") * 50
    while not stop.is_set():
        try:
            sock.sendall(update)
        except TimeoutError:
            pass
        except OSError:
            return


def flood_garbage(lab, stop):
    while not stop.is_set():
        try:
            with connect(lab) as sock:
                sock.sendall(os.urandom(65536))
        except OSError:
            pass


def one_byte_a_second(lab, stop):
    sock = connect(lab)
    for byte in OPEN:
        if stop.wait(0.5):
            return
        try:
            sock.send(bytes([byte]))
        except OSError:
            return


def reset_in_a_loop(lab, stop):
    while not stop.is_set():
        try:
            with connect(lab) as sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                sock.send(OPEN)
        except OSError:
            pass


def silent(lab, stop):
    held = []
    while not stop.is_set() and len(held) < 400:
        try:
            held.append(connect(lab))
        except OSError:
            stop.wait(0.05)
    stop.wait()


@pytest.mark.parametrize("attack", [flood_updates, flood_garbage, one_byte_a_second, reset_in_a_loop, silent])
def test_hostile_peer(api, lab, router, deployment, attack):
    cls, config = KINDS["frr"]
    one = router(cls, config([Neighbour(hold=3)]))
    daemon = deployment.start(1, settings([peer(hold_time="3s"),
                                           peer("hostile", "10.77.0.100", 64513, passive=True)]), [POOL])
    one.wait_established("10.77.0.11", SOON)
    before = usage(daemon.process.pid)
    stop = threading.Event()
    thread = threading.Thread(target=attack, args=(lab, stop), daemon=True)
    begin = time.monotonic()
    thread.start()
    wait_until(lambda: time.monotonic() > begin + SECONDS, SECONDS + 5, "the time of the attack")
    after = usage(daemon.process.pid)
    stop.set()
    thread.join(10)
    cpu, grown = after[0] - before[0], after[1] - before[1]
    print(f"{attack.__name__}: {cpu:.2f} s of CPU in {SECONDS} s, {grown} KiB more")
    # With sanitizers on; the first second may take a burst.
    assert cpu < SECONDS * 0.75, f"{cpu} s"
    assert grown < 40 * 1024, f"{grown} KiB"
    state = session(daemon)
    assert state["state"] == "Established" and state["established"] == 1, state
    # It still answers people.
    begin = time.monotonic()
    daemon.ctl("status")
    assert time.monotonic() - begin < 2


def test_unknown_address_is_closed_unread(api, lab, deployment):
    daemon = deployment.start(1, settings([peer()]), [POOL])
    wait_until(lambda: session(daemon)["state"] not in ("none",), SOON, "the peer acts")
    wait_until(lambda: "10.77.0.1" in daemon.ctl("peers"), SOON, "peers")

    def closed():
        with connect(lab) as sock:
            try:
                return sock.recv(100) == b""
            except ConnectionResetError:
                return True
    assert wait_until(closed, SOON, "closed without a word")
