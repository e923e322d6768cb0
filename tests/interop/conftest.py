"""Fixtures of the interoperability tests: those of tests/net, and routers."""

import importlib.util
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(TESTS, "net"))

_spec = importlib.util.spec_from_file_location("net_conftest", os.path.join(TESTS, "net", "conftest.py"))
_net = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_net)
globals().update({name: value for name, value in vars(_net).items() if not name.startswith("_")})

from lab import routers  # noqa: E402


def prepare_router(lab):
    """The router forwards, and spreads by ports; the client reaches the announced addresses by it."""
    lab.sysctl("router", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1",
               "net.ipv4.fib_multipath_hash_policy=1", "net.ipv6.fib_multipath_hash_policy=1",
               "net.ipv4.conf.all.send_redirects=0", "net.ipv4.conf.eth0.send_redirects=0",
               "net.ipv4.conf.all.rp_filter=0")
    lab.ip("client", "route", "replace", "10.99.0.0/16", "via", "10.77.0.1")
    lab.ip("client", "-6", "route", "replace", "fd99::/64", "via", "fd77::1")


@pytest.fixture
def router(lab, run_dir):
    """router(routers.Frr, config, member="router"): a running router, ended after the test."""
    prepare_router(lab)
    started = []

    def start(kind, config, member="router"):
        name = {routers.Frr: "frr", routers.Bird: "bird", routers.GoBgp: "gobgp",
                routers.OpenBgpd: "openbgpd"}[kind]
        if name not in routers.available():
            pytest.skip(f"{name} is not installed")
        one = kind(lab, run_dir, config, member)
        started.append(one)
        return one.start()

    yield start
    for one in started:
        one.stop()
