"""Revisions of extensions: a kernel that could not be asked about them is asked again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support import isolated
from support.family import Family

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.only_backend("legacy", "system calls"),
]

LATER = """
import errno, json, sys, warnings
from support import faults, rights
from support.family import FAMILIES

family, kind, name, how, way = sys.argv[1:]
option = (faults.GET_REVISION_MATCH if kind == "match" else faults.GET_REVISION_TARGET)[family]
warnings.simplefilter("error")

def payload(part):
    return part.match_buf if kind == "match" else bytes(part.target)

def revision():
    if way == "look-up":
        library = iptc.xtables.xtables(FAMILIES[family].nfproto)
        return (library.find_match if kind == "match" else library.find_target)(name).revision
    rule = FAMILIES[family].Rule.parse(f"-p tcp {text[kind, name]}")
    payload = rule.matches[-1].match_buf if kind == "match" else bytes(rule.target.target)
    return payload[31]

text = {
    ("match", "conntrack"): "-m conntrack --ctstate NEW",
    ("match", "state"): "-m state --state NEW",
    ("target", "NFQUEUE"): "-j NFQUEUE --queue-num 1",
}
if how == "rights":
    refused = rights.without(rights.CAP_NET_ADMIN, rights.CAP_NET_RAW)
elif how == "no CAP_NET_ADMIN":
    refused = rights.without(rights.CAP_NET_ADMIN)
else:
    refused = faults.failing(faults.Call.SOCKET, getattr(errno, how))
found = {}
with refused:
    found["refused"] = revision()
# The kernel knows all but the newest revision.
with faults.failing(faults.Call.GETSOCKOPT, errno.EPROTONOSUPPORT, option=option, times=1):
    found["asked"] = revision()
found["calls"] = faults.count(faults.Call.GETSOCKOPT, option)
print(json.dumps(found))
"""


def later(faulty: dict[str, str], family: Family, *args: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(isolated.output(LATER, family.name, *args, env=faulty))
    return found


@pytest.mark.parametrize("way", ["text", "look-up"])
@pytest.mark.parametrize("how", ["rights", "no CAP_NET_ADMIN", "EMFILE", "ENOMEM"])
@pytest.mark.parametrize(
    ("kind", "name"),
    [("match", "conntrack"), ("match", "state"), ("target", "NFQUEUE")],
)
def test_refusal_is_not_remembered(
    how: str, way: str, kind: str, name: str, family: Family, faulty: dict[str, str]
) -> None:
    """The newest is assumed while the kernel cannot be asked; later it is asked."""
    found = later(faulty, family, kind, name, how, way)
    assert found["calls"] > 1
    assert (found["refused"], found["asked"]) == (3, 2)


EVERYTHING = """
import glob, json, os, random, sys, warnings
from support import rights
from support.family import FAMILIES

family, when = sys.argv[1:]
warnings.simplefilter("ignore")


def revisions(order):
    library = iptc.xtables.xtables(FAMILIES[family].nfproto)
    found = {}
    for kind, name in order:
        extension = (library.find_match if kind == "match" else library.find_target)(name)
        found[f"{kind} {name}"] = extension and [extension.name, extension.revision, extension.size]
    return found

order = [tuple(item) for item in json.loads(os.environ["NAMES"])]
if when == "later":
    shuffled = list(order)
    with rights.without(rights.CAP_NET_ADMIN, rights.CAP_NET_RAW):
        for seed in range(3):
            random.Random(seed).shuffle(shuffled)
            assumed = revisions(shuffled)
            # Several in one rule, found in one call.
            FAMILIES[family].Rule.parse(
                "-p tcp -m state --state NEW -m conntrack --ctstate NEW -m conntrack "
                "--ctstate RELATED -m multiport --dports 1 -m state --state NEW -j CT --notrack")
    random.Random(7).shuffle(order)
print(json.dumps(revisions(order)))
"""

MATCHES = "addrtype cgroup cluster comment connlimit connmark conntrack cpu dccp devgroup dscp ecn"
MATCHES += " esp hashlimit helper iprange ipvs length limit mac mark multiport nfacct osf owner"
MATCHES += " physdev pkttype policy quota rateest recent rpfilter sctp set socket state statistic"
MATCHES += " string tcp tcpmss time tos ttl hl u32 udp icmp icmp6 ah nonsense"
TARGETS = "AUDIT CHECKSUM CLASSIFY CONNMARK CONNSECMARK CT DNAT DSCP ECN HMARK IDLETIMER LED LOG"
TARGETS += " MARK MASQUERADE NETMAP NFLOG NFQUEUE NOTRACK RATEEST REDIRECT REJECT SECMARK SET SNAT"
TARGETS += " SYNPROXY TCPMSS TCPOPTSTRIP TEE TOS TPROXY TRACE NONSENSE"


def test_everything_is_found_as_without_the_refusal(family: Family) -> None:
    """All extensions, looked for in any order while the kernel could not be asked."""
    names = [("match", name) for name in MATCHES.split()]
    names += [("target", name) for name in TARGETS.split()]
    env = {"NAMES": json.dumps(names)}
    at_once, later = (
        json.loads(isolated.output(EVERYTHING, family.name, when, env=env))
        for when in ("at once", "later")
    )
    assert sum(value is not None for value in at_once.values()) > 50
    assert later == at_once
