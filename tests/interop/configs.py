"""Configuration of each kind of router from one description of its neighbours, and ours."""

import dataclasses

from lab.routers import Bird, Frr, GoBgp, OpenBgpd

NODES_ASN = 64500
ROUTER_ASN = 64512
POOL = {"name": "bgp", "addresses": ["10.99.0.0/24", "fd99::/120"]}


@dataclasses.dataclass
class Neighbour:
    """A node, as the router sees it."""

    address: str = "10.77.0.11"
    asn: int = NODES_ASN
    local: str = ""             # the router's address; chosen by the family
    password: str = ""
    gtsm: bool = False
    multihop: bool = False
    passive: bool = False       # the router waits
    families: tuple = ("ipv4",)
    hold: int = 9

    def __post_init__(self):
        self.local = self.local or ("fd77::1" if ":" in self.address else "10.77.0.1")


def settings(peers, advertisements=None, **bgp):
    """A change to base_settings: BGP only."""
    return {"l2-advertisements": None,
            "bgp": {"my-asn": NODES_ASN, "peers": peers, "advertisements": advertisements or [{"name": "all"}], **bgp}}


def peer(name="tor", address="10.77.0.1", asn=ROUTER_ASN, **more):
    keys = {key.replace("_", "-"): value for key, value in more.items()}
    return {"name": name, "peer-address": address, "peer-asn": str(asn), "connect-time": "1s", **keys}


def session(daemon, name="tor"):
    """The session as metallbctl shows it."""
    return daemon.ctl("-j", "peers", name)["peers"][0]


def frr(neighbours, asn=ROUTER_ASN, extra=""):
    lines = [f"router bgp {asn}", " bgp router-id 10.77.0.1", " no bgp ebgp-requires-policy",
             " no bgp default ipv4-unicast", " no bgp network import-check", " bgp bestpath as-path multipath-relax",
             " bgp graceful-restart"]
    lines += [f" {line}" for line in extra.splitlines()]
    for n in neighbours:
        lines += [f" neighbor {n.address} remote-as {n.asn}", f" neighbor {n.address} timers {n.hold // 3} {n.hold}",
                  f" neighbor {n.address} timers connect 1"]
        if n.password:
            lines.append(f" neighbor {n.address} password {n.password}")
        if n.gtsm:
            lines.append(f" neighbor {n.address} ttl-security hops 1")
        if n.multihop:
            lines.append(f" neighbor {n.address} ebgp-multihop 5")
        if n.passive:
            lines.append(f" neighbor {n.address} passive")
    for family in ("ipv4", "ipv6"):
        lines.append(f" address-family {family} unicast")
        for n in neighbours:
            if family in n.families:
                lines += [f"  neighbor {n.address} activate", f"  neighbor {n.address} soft-reconfiguration inbound"]
        lines += ["  maximum-paths 8", "  maximum-paths ibgp 8", " exit-address-family"]
    return "\n".join(lines + ["exit", ""])


def bird(neighbours, asn=ROUTER_ASN):
    text = """router id 10.77.0.1;
protocol kernel k4 { merge paths on limit 8; ipv4 { import none; export where source = RTS_BGP; }; }
protocol kernel k6 { merge paths on limit 8; ipv6 { import none; export where source = RTS_BGP; }; }
"""
    for i, n in enumerate(neighbours):
        text += f"protocol bgp n{i} {{\n local {n.local} as {asn};\n neighbor {n.address} as {n.asn};\n"
        text += f" hold time {n.hold}; connect retry time 1; connect delay time 1; graceful restart aware;\n"
        text += f' password "{n.password}";\n' if n.password else ""
        text += " ttl security on;\n" if n.gtsm else ""
        text += " multihop 5;\n" if n.multihop else ""
        text += " passive on;\n" if n.passive else ""
        for family in n.families:
            text += f" {family} {{ import all; export none; }};\n"
        text += "}\n"
    return text


def gobgp(neighbours, asn=ROUTER_ASN):
    text = f"""[global.config]
  as = {asn}
  router-id = "10.77.0.1"
  local-address-list = ["10.77.0.1", "fd77::1"]
"""
    for n in neighbours:
        text += f"""[[neighbors]]
  [neighbors.config]
    neighbor-address = "{n.address}"
    peer-as = {n.asn}
"""
        text += f'    auth-password = "{n.password}"\n' if n.password else ""
        text += f"""  [neighbors.timers.config]
    connect-retry = 5
    idle-hold-time-after-reset = 1
    hold-time = {n.hold}
    keepalive-interval = {n.hold // 3}
"""
        text += f"  [neighbors.transport.config]\n    passive-mode = {str(n.passive).lower()}\n"
        text += "  [neighbors.ttl-security.config]\n    enabled = true\n    ttl-min = 255\n" if n.gtsm else ""
        text += "  [neighbors.ebgp-multihop.config]\n    enabled = true\n    multihop-ttl = 5\n" if n.multihop else ""
        for family in n.families:
            text += f'  [[neighbors.afi-safis]]\n    [neighbors.afi-safis.config]\n      afi-safi-name = "{family}-unicast"\n'
    return text


def openbgpd(neighbours, asn=ROUTER_ASN):
    text = f"AS {asn}\nrouter-id 10.77.0.1\nfib-update no\nholdtime 9\nlisten on 10.77.0.1\nlisten on fd77::1\n"
    for n in neighbours:
        text += f"neighbor {n.address} {{\n remote-as {n.asn}\n local-address {n.local}\n"
        text += f" tcp md5sig password {n.password}\n" if n.password else ""
        text += " ttl-security yes\n" if n.gtsm else ""
        text += " multihop 5\n" if n.multihop else ""
        text += " passive\n" if n.passive else ""
        for family in ("ipv4", "ipv6"):
            name = {"ipv4": "IPv4", "ipv6": "IPv6"}[family]
            text += f" announce {name} {'unicast' if family in n.families else 'none'}\n"
        text += "}\n"
    return text + "allow from any\nallow to any\n"


KINDS = {"frr": (Frr, frr), "bird": (Bird, bird), "gobgp": (GoBgp, gobgp), "openbgpd": (OpenBgpd, openbgpd)}


def name_at(kind, neighbours, address):
    """What the router calls the session."""
    if kind == "bird":
        return f"n{[n.address for n in neighbours].index(address)}"
    return address
