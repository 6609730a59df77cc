"""nf_tables in a process in which ip_tables cannot be asked for anything."""

from __future__ import annotations

import pytest

from support import isolated
from support.family import Family

pytestmark = [pytest.mark.kernel, pytest.mark.only_backend("nft", "no ip_tables")]

WITHOUT_IP_TABLES = """
import errno, os, socket, sys
from support import seccomp
from support.family import FAMILIES

os.environ["PYIPTC_BACKEND"] = sys.argv[2]
family = FAMILIES[sys.argv[1]]
# ip_tables.h, ip6_tables.h: all options there are, of both families.
for level in (socket.IPPROTO_IP, socket.IPPROTO_IPV6):
    for option in (64, 65, 66, 67, 68, 69):
        seccomp.refuse_option(False, level, option, errno.ENOTSUP)
    for option in (64, 65):
        seccomp.refuse_option(True, level, option, errno.ENOTSUP)
seccomp.forbid_execve()

text = (
    "-p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -m comment --comment x "
    "-m multiport --sports 1:9 -j ACCEPT"
)
table = family.Table("filter")
chain = iptc.Chain(table, "INPUT")
chain.append(text)
chain.insert("-m state --state INVALID -j DROP")
chain.ensure("-j LOG")
table.create_chain("user").append("-j RETURN")
chain.append("-j user")
chain.delete("-j LOG")
rule = family.Rule()
rule.protocol = "udp"
rule.create_match("udp").dport = "53"
rule.create_target("REJECT")
chain.append_rule(rule)
saved = table.save()
assert text in saved and "--reject-with" in saved, saved
assert chain.counters(zero=True).count == 4
table.restore(saved)
table.refresh()
assert table.save() == saved
iptc.easy.add_rule("mangle", "INPUT", {"target": "ACCEPT"}, ipv6=family.is_ipv6)
everything = iptc.save(family=family.name)
iptc.restore(everything, family=family.name)
assert iptc.save(family=family.name) == everything
chain.extend([f"-p tcp --dport {port} -j ACCEPT" for port in range(1, 1001)])
assert len(chain) == 1004
rule = chain.rules[700]
assert rule in chain and chain.index(rule) == 700
chain.replace("-j RETURN", index=3)
chain.discard("-j RETURN")
chain.set_policy("DROP", (5, 500))
assert chain.get_policy().name == "DROP" and chain.get_counters() == (5, 500)
chain.rules[0].target.name, [match.parameters for match in chain.rules[0].matches]
table.autocommit = False
table.create_chain("edited").append("-g user")
table.rename_chain("edited", "renamed")
table.commit()
table.autocommit = True
assert str(iptc.Chain(table, "renamed").rules[0]) == "-g user"
iptc.Chain(table, "renamed").flush()
table.delete_chain("renamed")
assert iptc.easy.dump_chain("mangle", "INPUT", ipv6=family.is_ipv6) == [
    {"target": "ACCEPT", "counters": (0, 0)}
]
assert iptc.backend("auto").name == "nft"
assert iptc.capabilities()["nf_tables"]["kernel"]
assert iptc.is_table_available("filter") and iptc.is_table6_available("filter")
with iptc.transaction(table, family.Table("nat")):
    chain.append("-j ACCEPT")
    iptc.Chain(family.Table("nat"), "OUTPUT").append("-j ACCEPT")
for name in ("ip", "ip6"):
    with open(f"/proc/thread-self/net/{name}_tables_names") as file:
        assert file.read() == ""
for level, option in ((socket.IPPROTO_IP, 64), (socket.IPPROTO_IPV6, 64)):
    kind = socket.AF_INET if level == socket.IPPROTO_IP else socket.AF_INET6
    with socket.socket(kind, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        try:
            raw.getsockopt(level, option, 84)
        except OSError as error:
            assert error.errno == errno.ENOTSUP
        else:
            raise AssertionError("it can be asked")
print("done")
"""


@pytest.mark.parametrize("name", ["nft", "auto"])
def test_without_ip_tables(family: Family, name: str) -> None:
    """All of it works, and no table of ip_tables comes to be."""
    assert isolated.output(WITHOUT_IP_TABLES, family.name, name) == "done\n"
