"""What the tests expect, said once: each function waits until it is so, or fails with what it saw last."""

from lab import arp_query, ndp_query, wait_until
from lab.api import lease_name

# Longer than anything takes on a busy machine with sanitizers on; what is timed has a deadline of its own.
SOON = 12


def address(api, name, wanted=None, seconds=SOON, namespace="default"):
    """The Service has one address (this one); returns it."""
    def check():
        have = api.addresses(name, namespace)
        return len(have) == 1 and (wanted is None or have[0] == wanted) and have[0]
    return wait_until(check, seconds, f"{namespace}/{name} has the address {wanted or '(any)'}")


def addresses(api, name, count=2, seconds=SOON, namespace="default"):
    """The Service has so many addresses; returns them, in the order of the status."""
    def check():
        have = api.addresses(name, namespace)
        return have if len(have) == count else None
    return wait_until(check, seconds, f"{namespace}/{name} has {count} addresses")


def no_address(api, name, seconds=SOON):
    wait_until(lambda: api.addresses(name) == [], seconds, f"{name} has no address")


def event(api, name, reason, seconds=SOON, containing=""):
    def check():
        return next((e for e in api.events(name, reason) if containing in (e.get("message") or "")), None)
    return wait_until(check, seconds, f"event {reason} about {name} with '{containing}'")


def condition(api, name, status, seconds=SOON):
    def check():
        have = api.condition(name)
        return have if have and have["status"] == status else None
    return wait_until(check, seconds, f"condition metallb.io/Allocated={status} of {name}")


def holder(api, ip, seconds=SOON, other_than=None):
    """The node that holds the address's Lease."""
    def check():
        have = api.holder(lease_name(ip))
        return have if have != other_than else None
    return wait_until(check, seconds, f"Lease {lease_name(ip)} has a holder other than {other_than}")


def owner(lab, ip, seconds=SOON, other_than=None, node=None):
    """The one node that answers ARP or NDP for the address (two are never right, not even for a moment)."""
    def check():
        nodes = owners(lab, ip)
        assert len(nodes) <= 1, f"more than one node answers for {ip}: {nodes}"
        return nodes[0] if nodes and nodes[0] != other_than and node in (None, nodes[0]) else None
    return wait_until(check, seconds, f"one node answers for {ip} (not {other_than}; wanted {node or 'any'})")


def owners(lab, ip, wait=0.2):
    """The nodes that answer one ARP request or neighbour solicitation now."""
    query = ndp_query if ":" in ip else arp_query
    answers = [lab.owner(answer[0]) or answer[0] for answer in query(lab, ip, wait)]
    assert len(set(answers)) == len(answers), f"one node answers one request twice: {answers}"
    return answers


def nobody(lab, ip, seconds=SOON):
    wait_until(lambda: not owners(lab, ip), seconds, f"nobody answers for {ip}")
