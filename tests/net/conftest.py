"""Fixtures of the end-to-end tests. The same tests run against both API servers (--backend)."""

import os
import shutil
import signal
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lab import Daemon, KubeSim, Lab, LyingRelay, RealKube, TcpRelay, base_settings  # noqa: E402
from lab.daemon import merged  # noqa: E402

SANITIZER_REPORTS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:")


def pytest_addoption(parser):
    parser.addoption("--backend", choices=("kubesim", "real"), default="kubesim", help="which API server")
    parser.addoption("--build-dir", required=True, help="where the project was built")
    parser.addoption("--kubernetes", help="directory of kube-apiserver and etcd (tests/k8s/build.sh prints it)")
    parser.addoption("--addresses", type=int, default=200, help="how many the API's load is measured with")
    parser.addoption("--outage", type=int, default=9, help="how long an API server is away, in seconds")
    parser.addoption("--shard", default="1/1", help="I/N: every Nth test, from the Ith on")
    parser.addoption("--lab-prefix", default=f"nt{os.getpid()}-", help="beginning of the namespaces' names")


def pytest_configure(config):
    config.addinivalue_line("markers", "backend(name): only against this API server")
    # A test run that is ended by SIGTERM cleans up like one that is interrupted.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_collection_modifyitems(config, items):
    """Tests for the other API server, or of another shard, are not this run's business: left out, not skipped."""
    backend = config.getoption("--backend")
    keep, leave = [], []
    for item in items:
        marker = item.get_closest_marker("backend")
        (keep if marker is None or marker.args[0] == backend else leave).append(item)
    number, of = (int(part) for part in config.getoption("--shard").split("/"))
    leave += [item for i, item in enumerate(keep) if i % of != number - 1]
    keep = keep[number - 1::of]
    if leave:
        config.hook.pytest_deselected(items=leave)
        items[:] = keep


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the end of each log of its lab."""
    outcome = yield
    report = outcome.get_result()
    if not report.failed or report.when not in ("call", "teardown"):
        return
    deployment = item.funcargs.get("deployment")
    for daemon in deployment.daemons if deployment else []:
        report.sections.append((f"log of metallbd on {daemon.node}", daemon.output()[-8000:]))
    cluster = item.funcargs.get("cluster")
    if cluster is not None and cluster.backend == "kubesim" and cluster.process:
        report.sections.append(("log of kubesim", cluster.process.output()[-3000:]))


@pytest.fixture(scope="session")
def build_dir(request):
    return os.path.abspath(request.config.getoption("--build-dir"))


@pytest.fixture(scope="session")
def run_dir():
    """Short, since socket names are limited to 107 bytes, and open to users without rights."""
    directory = tempfile.mkdtemp(prefix="mlb-", dir="/tmp")
    os.chmod(directory, 0o755)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def lab(request):
    with Lab(request.config.getoption("--lab-prefix")) as lab:
        yield lab


@pytest.fixture(scope="session")
def running_cluster(request, lab, run_dir, build_dir):
    directory = os.path.join(run_dir, "api")
    if request.config.getoption("--backend") == "kubesim":
        cluster = KubeSim(lab, directory, os.path.join(build_dir, "tests", "kubesim", "kubesim"))
    else:
        cluster = RealKube(lab, directory, request.config.getoption("--kubernetes"))
    try:
        yield cluster.start()
    finally:
        cluster.stop()


@pytest.fixture
def cluster(running_cluster):
    """An API server without a Service and without a Lease of ours."""
    running_cluster.reset()
    return running_cluster


@pytest.fixture
def api(cluster):
    """The administrator's client."""
    return cluster.admin


@pytest.fixture
def addresses(request):
    return request.config.getoption("--addresses")


class Deployment:
    """The daemons of one test, and relays between them and the API server, which outlive them."""

    def __init__(self, lab, cluster, build_dir, directory):
        self.lab, self.cluster, self.build_dir, self.directory = lab, cluster, build_dir, directory
        self.daemons = []
        self.relays = []

    def relay(self, port, lies=None):
        """A TcpRelay, or with lies a LyingRelay."""
        relay = TcpRelay(self.lab, port) if lies is None else LyingRelay(self.cluster, port, lies)
        relay.open()
        self.relays.append(relay)
        return relay

    def prepare(self, node="node1", change=None, pools=None):
        """A daemon that is configured and not started. change is laid over base_settings."""
        settings = merged(base_settings(self.cluster, pools), change or {})
        daemon = Daemon(self.lab, node, self.build_dir, os.path.join(self.directory, node), settings)
        self.daemons.append(daemon)
        return daemon

    def start(self, count=1, change=None, pools=None):
        """Daemons on node1 .. nodeCOUNT with the same settings. One: the Daemon; more: a list."""
        started = [self.prepare(node, change, pools) for node in self.lab.nodes[:count]]
        for daemon in started:
            daemon.start(wait=False)
        for daemon in started:
            daemon.wait_control()
        return started[0] if count == 1 else started

    def on(self, node):
        return next(d for d in self.daemons if d.node == node)

    def end(self):
        """Ends all of them; what a sanitizer found, or an end that is not orderly, fails the test."""
        running = [d for d in self.daemons if d.running()]
        for daemon in running:
            daemon.process.terminate()
        problems = []
        for daemon in running:
            status = daemon.process.join(15)
            if status != 0:
                problems.append(f"metallbd on {daemon.node}: exit status {status} after SIGTERM")
        for daemon in self.daemons:
            output = daemon.output()
            problems += [f"metallbd on {daemon.node}: {word}" for word in SANITIZER_REPORTS if word in output]
        assert not problems, "; ".join(problems)


@pytest.fixture
def deployment(lab, cluster, build_dir, run_dir):
    directory = tempfile.mkdtemp(prefix="t-", dir=run_dir)
    os.chmod(directory, 0o755)
    deployment = Deployment(lab, cluster, build_dir, directory)
    try:
        yield deployment
        deployment.end()
    finally:
        for daemon in deployment.daemons:
            if daemon.running():
                daemon.kill()
        for relay in deployment.relays:
            relay.close()
        lab.heal()
        if cluster.backend == "kubesim" and cluster.process and cluster.process.alive():
            cluster.resume()
