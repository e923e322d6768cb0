"""The budgets of metallbd, measured with real processes. See README.md."""

import argparse
import http.client
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from arp import Arp, Ndp
from benchlab import SERVICES, Bench, Assigned, Failed, create_services, pool_address, pool_address6, service, wait_until

SERVICE_COUNT = 1000
KUBERNETES = "/var/cache/metallb-tests"
rows = []


def row(what, value, unit, budget=None, note=""):
    """One line of the result. A budget prints OK or OVER, and nothing hangs on it."""
    verdict = "" if budget is None else "OK" if value <= budget else "OVER"
    cells = (what, f"{value:,.3g}" if value < 100 else f"{value:,.0f}", unit,
             "" if budget is None else f"{budget:g}", "" if budget is None else f"{value / budget:.2f}", verdict, note)
    rows.append(cells)
    print("  " + " ".join(cell for cell in cells if cell), file=sys.stderr)


def percentile(values, p):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * p / 100))]


def bench_start(options):
    """exec() to the first list of Services complete."""
    with Bench(options, 1) as bench:
        daemon = bench.daemons[0]
        for count in (0, SERVICE_COUNT):
            if count:
                bench.start()
                bench.fill(count)
                daemon.leave()
            times = []
            for _ in range(10):
                daemon.start(wait=False)
                times.append(daemon.first_list() * 1e3)
                # Not in the middle of a request: each start finds the server at rest.
                wait_until(daemon.is_synced, 20, "the Leases are listed")
                daemon.leave()
            row(f"start to first list, {count} Services", statistics.median(times), "ms", None,
                f"median of 10, worst {max(times):.0f}")


def report_memory(what, memory, budget=None):
    private = memory["Private_Clean"] + memory["Private_Dirty"]
    row(what, memory["Pss"] / 1024, "MiB PSS", budget,
        f"RSS {memory['Rss'] / 1024:.1f}, anonymous {memory['Anonymous'] / 1024:.1f}, private {private / 1024:.1f}")


def bench_memory(options):
    """What the daemon takes, all Services with an address and announced by it."""
    with Bench(options, 3) as bench:
        first = bench.daemons[0]
        bench.start([first])
        report_memory("memory, no Service", first.process.memory())
        bench.fill(SERVICE_COUNT)
        time.sleep(35)  # the first round of announcements, and the time after which memory is given back
        report_memory(f"memory, {SERVICE_COUNT} Services created while it ran", first.process.memory(), 10)
        first.leave()
        first.start()
        bench.wait_announced(SERVICE_COUNT)
        time.sleep(6)
        report_memory(f"memory, {SERVICE_COUNT} Services found at its start", first.process.memory(), 10)
        for daemon in bench.daemons[1:]:
            daemon.start()
        time.sleep(6)
        each = sorted((d.process.memory() for d in bench.daemons), key=lambda m: m["Pss"])
        report_memory("memory, the largest of 3 daemons on one machine", each[-1], 10)


def bench_storm(options):
    """1,000 Services created at once, until all have an address, and until all are announced."""
    for nodes in (1, 3):
        with Bench(options, nodes) as bench:
            bench.start()
            leader = bench.leader()
            before = {d: d.process.cpu_seconds() for d in bench.daemons}
            assigned = Assigned(bench.api)
            begin = time.monotonic()
            create_services(bench.api, [f"bench-{i}" for i in range(SERVICE_COUNT)])
            created = time.monotonic()
            assigned.wait(SERVICE_COUNT)
            cpu = leader.process.cpu_seconds() - before[leader]
            end = max(assigned.at.values())
            assigned.close()
            have = {i["ip"] for s in bench.services() for i in s["status"]["loadBalancer"].get("ingress", [])}
            if len(have) != SERVICE_COUNT:
                raise Failed(f"{len(have)} different addresses for {SERVICE_COUNT} Services")
            bench.wait_announced(SERVICE_COUNT)
            all_cpu = [d.process.cpu_seconds() - before[d] for d in bench.daemons]
            what = f"{SERVICE_COUNT} Services at once, {nodes} node{'s' if nodes > 1 else ''}"
            row(f"{what}: all assigned", end - begin, "s", None, f"creating them took {created - begin:.2f}")
            row(f"{what}: CPU of the allocator", cpu, "s", 0.5, "until all were assigned")
            row(f"{what}: CPU until announced", max(all_cpu), "s", None, "the busiest daemon, Leases and Events too")


def bench_takeover(options):
    """As `storm` with three nodes; the allocator gets SIGKILL when half of them have an address."""
    with Bench(options, 3) as bench:
        bench.start()
        leader = bench.leader()
        rest = [d for d in bench.daemons if d is not leader]
        before = {d: d.process.cpu_seconds() for d in bench.daemons}
        assigned = Assigned(bench.api)
        creator = threading.Thread(target=create_services,
                                   args=(bench.api, [f"bench-{i}" for i in range(SERVICE_COUNT)]))
        begin = time.monotonic()
        creator.start()
        assigned.wait(SERVICE_COUNT // 2)
        first = leader.process.cpu_seconds() - before[leader]
        leader.process.end(signal.SIGKILL)
        killed = time.monotonic()
        creator.join()
        assigned.wait(SERVICE_COUNT)
        successor = max(rest, key=lambda d: d.process.cpu_seconds() - before[d])
        second = successor.process.cpu_seconds() - before[successor]
        end = max(assigned.at.values())
        assigned.close()
        have = [i["ip"] for s in bench.services() for i in s["status"]["loadBalancer"].get("ingress", [])]
        if len(have) != SERVICE_COUNT or len(set(have)) != SERVICE_COUNT:
            raise Failed(f"{len(have)} addresses, {len(set(have))} of them different, for {SERVICE_COUNT} Services")
        what = f"{SERVICE_COUNT} Services at once, allocator killed half-way"
        row(f"{what}: all assigned", end - begin, "s", None,
            f"none twice; {end - killed:.1f} s after the kill, of which 15 to 20 until another one leads")
        row(f"{what}: CPU of both", first + second, "s", 0.5, f"{first:.2f} and {second:.2f}, until all were assigned")


def bench_latency(options):
    """A Service created -> its status written -> the first ARP request answered."""
    rounds = 50
    with Bench(options, 3) as bench:
        bench.start()
        assigned = Assigned(bench.api)
        arp = Arp(bench.net, "client")
        connection = bench.api.connect()
        create, status, answer = [], [], []
        for i in range(rounds):
            name, address, found = f"bench-{i}", pool_address(i), []
            probe = threading.Thread(target=lambda a=address, f=found: f.append(arp.first_reply(a, 10)))
            begin = time.monotonic()
            probe.start()
            connection.call("POST", SERVICES, service(name, address))
            create.append((time.monotonic() - begin) * 1e3)
            status.append((assigned.wait_for(name) - begin) * 1e3)
            probe.join()
            if found[0] is None:
                raise Failed(f"nobody answers for {address}")
            answer.append((found[0] - begin) * 1e3)
            time.sleep(0.1)
        connection.close()
        assigned.close()
        arp.close()
    row("Service created", statistics.median(create), "ms", None, f"99th percentile {percentile(create, 99):.1f}")
    # MetalLB was measured beside kube-apiserver, of which the create alone took 8 ms: no yardstick for another server.
    for what, times, metallb in (("status written", status, 14), ("first ARP answered", answer, 15)):
        row(f"Service created to {what}", statistics.median(times), "ms", metallb if options.real else None,
            f"99th percentile {percentile(times, 99):.1f}; MetalLB {metallb} beside kube-apiserver")


def probe_latency(bench, addresses, rounds):
    """Of the kernel's own address and of ours in turn: two lists of microseconds."""
    six = ":" in addresses[0]
    arp, kernel, ours = (Ndp if six else Arp)(bench.net, "client"), [], []
    own = bench.net.ipv6("node1") if six else bench.net.members["node1"][0]
    try:
        for i in range(rounds):
            for address, times in ((own, kernel), (addresses[i % len(addresses)], ours)):
                time.sleep(0.001)
                latency = arp.latency(address)
                if latency is None:
                    raise Failed(f"nobody answers for {address}")
                times.append(latency * 1e6)
    finally:
        arp.close()
    return kernel, ours


def bench_replies(options, protocol, address, **spec):
    with Bench(options, 1) as bench:
        bench.start()
        for count in (1, SERVICE_COUNT):
            have = bench.daemons[0].announced()
            create_services(bench.api, [f"bench-{i}" for i in range(have, count)], **spec)
            bench.wait_announced(count)
            time.sleep(6)
            kernel, ours = probe_latency(bench, [address(i) for i in range(count)], 2000)
            reference = statistics.median(kernel)
            plural = "es" if count > 1 else ""
            row(f"{protocol} reply, {count} address{plural}: median", statistics.median(ours), "us", 2 * reference,
                f"the kernel's {reference:.1f} for its own address; budget twice that")
            row(f"{protocol} reply, {count} address{plural}: 99th percentile", percentile(ours, 99), "us", 500,
                f"the kernel's {percentile(kernel, 99):.1f}")


def bench_arp(options):
    """Request to reply, the daemon beside the kernel of the same node."""
    bench_replies(options, "ARP", pool_address)


def bench_ndp(options):
    """Solicitation to advertisement, likewise."""
    bench_replies(options, "NDP", pool_address6, ipFamilies=["IPv6"])


def spin():
    pid = os.fork()
    if pid:
        return pid
    while True:
        pass


def bench_busy(options):
    """As `arp`, with one spinning process for each processor."""
    with Bench(options, 1) as bench:
        bench.start()
        bench.fill(1)
        spinners = [spin() for _ in range(os.cpu_count())]
        try:
            kernel, ours = probe_latency(bench, [pool_address(0)], 500)
        finally:
            for pid in spinners:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
        row("ARP reply, all processors busy: 99th percentile", percentile(ours, 99), "us", 10000,
            f"median {statistics.median(ours):.1f}, the kernel's {percentile(kernel, 99):.1f}")


def bench_idle(options):
    """30 seconds of nothing."""
    seconds = 30
    with Bench(options, 3) as bench:
        bench.start()
        bench.fill(SERVICE_COUNT)
        time.sleep(15)  # the first round of announcements, and the Events
        begin, before = time.monotonic(), [d.process.cpu_seconds() for d in bench.daemons]
        time.sleep(seconds)
        spent = [d.process.cpu_seconds() - b for d, b in zip(bench.daemons, before)]
        share = max(spent) / (time.monotonic() - begin) * 100
        row(f"idle CPU, {SERVICE_COUNT} Services, 3 nodes", share, "% of a core", 0.5,
            "the busiest; all: " + ", ".join(f"{s * 1e3 / seconds:.2f}" for s in spent) + " ms/s")


def bench_local(options):
    """30 seconds in which every Local Service is asked for its endpoints each second."""
    seconds = 30
    with Bench(options, 1) as bench:
        daemon = bench.daemons[0]
        bench.start()
        create_services(bench.api, [f"bench-{i}" for i in range(SERVICE_COUNT)], externalTrafficPolicy="Local")
        server = bench.serve_node_ports(daemon.node)
        bench.wait_announced(SERVICE_COUNT)
        time.sleep(15)
        begin, before, served = time.monotonic(), daemon.process.cpu_seconds(), server.cpu_seconds()
        time.sleep(seconds)
        server.check()
        passed = time.monotonic() - begin
        spent = (daemon.process.cpu_seconds() - before) / passed * 100
        ports = daemon.status()["health"]["nodePorts"]
        if ports["serving"] != SERVICE_COUNT:
            raise Failed(f"not all are served: {ports}")
        row(f"CPU, {SERVICE_COUNT} Local Services asked each second", spent, "% of a core", 5,
            f"the ports' server, in Python: {(server.cpu_seconds() - served) / passed * 100:.0f} %")
        report_memory(f"memory, {SERVICE_COUNT} Local Services", daemon.process.memory(), 10)


BENCHES = {"start": bench_start, "memory": bench_memory, "storm": bench_storm, "takeover": bench_takeover, "latency": bench_latency,
           "arp": bench_arp, "ndp": bench_ndp, "idle": bench_idle, "local": bench_local}
ON_REQUEST = {"busy": bench_busy}


def print_table():
    heads = ("what", "value", "unit", "budget", "ratio", "", "")
    widths = [max(len(r[i]) for r in [heads, *rows]) for i in range(len(heads))]
    for cells in [heads, *rows]:
        text = [c.rjust(w) if i in (1, 3, 4) else c.ljust(w) for i, (c, w) in enumerate(zip(cells, widths))]
        print("  ".join(text).rstrip())


def kubernetes_directory():
    found = sorted(d for d in os.listdir(KUBERNETES) if d.startswith("k8s-")) if os.path.isdir(KUBERNETES) else []
    if not found:
        raise Failed(f"no kube-apiserver in {KUBERNETES}/k8s-*: tests/k8s/build.sh makes one")
    return os.path.join(KUBERNETES, found[-1])


def main():
    parser = argparse.ArgumentParser(prog="run.sh", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME",
                        help=f"{', '.join(BENCHES)} (all of these without a name), {', '.join(ON_REQUEST)}")
    parser.add_argument("--real", action="store_true", help="against etcd and kube-apiserver, not kubesim")
    parser.add_argument("--build", help=argparse.SUPPRESS)
    options = parser.parse_args()
    every = {**BENCHES, **ON_REQUEST}
    unknown = [name for name in options.names if name not in every]
    if unknown:
        parser.error(f"no such benchmark: {unknown[0]}")
    # So that Ctrl-C and a kill both unwind, and namespaces and processes go.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
    failed = False
    options.work = tempfile.mkdtemp(prefix="metallb-bench-")
    try:
        options.real = kubernetes_directory() if options.real else None
        for name in options.names or BENCHES:
            print(f"{name} ...", file=sys.stderr)
            try:
                every[name](options)
            except (Failed, OSError, http.client.HTTPException, subprocess.SubprocessError) as error:
                failed = True
                print(f"{name}: FAILED: {error!r}", file=sys.stderr)
    except Failed as error:
        failed = True
        print(f"run.sh: {error}", file=sys.stderr)
    finally:
        shutil.rmtree(options.work, ignore_errors=True)
    print_table()
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
