"""The extension matrix: every extension and form of option that the suite compares with the tool.

A row says the same rule twice: as the words one gives to ``iptables``, and as the attributes that a
program assigns. ``{host}`` and the like stand for an address of the row's family, so that one row
serves IPv4 and IPv6. Rows are data only; what is done with them is in ``test_matrix.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union

Value = Union[str, "list[str]"]

V4 = ("ipv4",)
V6 = ("ipv6",)
BOTH = V4 + V6

WORDS = {
    "ipv4": {
        "iptables": "iptables",
        "inet": "inet",
        "host": "192.0.2.1",
        "host2": "192.0.2.9",
        "net": "192.0.2.0/24",
        "prefix": "24",
        "icmp": "icmp",
        "at": "192.0.2.1",
        "at_range": "192.0.2.1-192.0.2.9",
        "reject": "icmp-admin-prohibited",
    },
    "ipv6": {
        "iptables": "ip6tables",
        "inet": "inet6",
        "host": "2001:db8::1",
        "host2": "2001:db8::9",
        "net": "2001:db8::/64",
        "prefix": "64",
        "icmp": "ipv6-icmp",
        "at": "[2001:db8::1]",
        "at_range": "[2001:db8::1-2001:db8::9]",
        "reject": "icmp6-adm-prohibited",
    },
}


@dataclass(frozen=True)
class Extension:
    """A match or a target, and the options that are assigned to it, in order."""

    name: str
    options: tuple[tuple[str, Value], ...] = ()


@dataclass(frozen=True)
class Case:
    """One rule of one family."""

    name: str
    family: str
    table: str
    chain: str
    arguments: str
    """What follows ``iptables -t TABLE -A CHAIN``, quoted as for a shell."""
    header: tuple[tuple[str, str], ...]
    matches: tuple[Extension, ...]
    target: Extension
    goto: bool
    setup: tuple[str, ...]
    """Commands that must have run in the namespace before."""
    warning: str
    """A part of what the C library has to say about it, although it accepts the rule."""
    noise: str
    """A part of what the C library may say, depending on the machine."""
    only_legacy: str
    """Why nf_tables, or the tool that keeps its rules there, has nothing like it."""

    @property
    def id(self) -> str:
        """How pytest names the case."""
        return f"{self.family}-{self.name}"


def _fill(value: Value, words: dict[str, str]) -> Value:
    if isinstance(value, list):
        return [item.format_map(words) for item in value]
    return value.format_map(words)


def _fill_extension(extension: Extension, words: dict[str, str]) -> Extension:
    options = tuple((option, _fill(value, words)) for option, value in extension.options)
    return Extension(extension.name, options)


def extension(name: str, /, *pairs: tuple[str, Value], **options: Value) -> Extension:
    """Name an extension; pairs are for options that come twice or are Python keywords."""
    return Extension(name, pairs + tuple(options.items()))


M = T = extension
ACCEPT = T("ACCEPT")


def rows(
    name: str,
    arguments: str,
    *matches: Extension,
    target: Extension = ACCEPT,
    families: tuple[str, ...] = BOTH,
    at: str = "filter/INPUT",
    goto: bool = False,
    setup: tuple[str, ...] = (),
    warning: str = "",
    noise: str = "",
    only_legacy: str = "",
    **header: str,
) -> list[Case]:
    """Spread a row over its families; matches alone get ``-j ACCEPT``."""
    table, chain = at.split("/")
    if target is ACCEPT:
        arguments = f"{arguments} -j ACCEPT"
    cases = []
    for family in families:
        words = {**WORDS[family], "table": table}
        cases.append(
            Case(
                name=name,
                family=family,
                table=table,
                chain=chain,
                arguments=arguments.format_map(words),
                header=tuple((field, value.format_map(words)) for field, value in header.items()),
                matches=tuple(_fill_extension(match, words) for match in matches),
                target=_fill_extension(target, words),
                goto=goto,
                setup=tuple(command.format_map(words) for command in setup),
                warning=warning,
                noise=noise,
                only_legacy=only_legacy,
            )
        )
    return cases


OTHER = ("{iptables} -t {table} -N other",)
HOSTS = ("ipset create {inet}-hosts hash:ip family {inet}",)
PORTS = ("ipset create {inet}-ports hash:ip,port family {inet} counters",)
MARKS = ("ipset create {inet}-marks hash:ip family {inet} skbinfo",)
TIMED = ("ipset create {inet}-timed hash:ip family {inet} timeout 60",)
ESTIMATOR = (
    "{iptables} -N estimator",
    (
        "{iptables} -A estimator -j RATEEST --rateest-name RE1 --rateest-interval 250ms"
        " --rateest-ewmalog 500ms"
    ),
)
BPF_SHORT = "4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0"
BPF_LONG = "64," + "48 0 0 9," * 63 + "6 0 0 1"
U32_LONG = "&&".join(
    f"0x{offset * 4:x}&0xffffff{offset:02x}=0x{offset:x}:0xffff" for offset in range(10)
)

HEADER: list[Case] = [
    *rows("header-none", ""),
    *rows("header-source", "-s {net}", src="{net}"),
    *rows("header-source-host", "-s {host}", src="{host}"),
    *rows("header-source-not", "! -s {net}", src="!{net}"),
    *rows("header-destination", "-d {net}", dst="{net}"),
    *rows("header-destination-not", "! -d {host}", dst="!{host}"),
    *rows("header-both-not", "! -s {net} ! -d {host2}", src="!{net}", dst="!{host2}"),
    *rows("header-host-bits", "-s 10.1.2.3/8", families=V4, src="10.1.2.3/8"),
    *rows("header-dotted-mask", "-s 10.0.0.0/255.255.0.0", families=V4, src="10.0.0.0/255.255.0.0"),
    *rows("header-odd-mask", "-s 10.0.0.0/255.0.255.0", families=V4, src="10.0.0.0/255.0.255.0"),
    *rows("header-host-bits6", "-s 2001:db8::1/64", families=V6, src="2001:db8::1/64"),
    *rows("header-odd-mask6", "-s 2001::/ffff:0:ffff::", families=V6, src="2001::/ffff:0:ffff::"),
    *rows("header-in", "-i eth0", in_interface="eth0"),
    *rows("header-in-not", "! -i eth0", in_interface="!eth0"),
    *rows("header-in-prefix", "-i eth+", in_interface="eth+"),
    *rows("header-in-prefix-not", "! -i eth+", in_interface="!eth+"),
    *rows("header-in-longest", "-i abcdefghijklmno", in_interface="abcdefghijklmno"),
    *rows("header-in-shortest", "-i a", in_interface="a"),
    *rows("header-out", "-o eth0", at="filter/OUTPUT", out_interface="eth0"),
    *rows("header-out-not", "! -o eth0", at="filter/OUTPUT", out_interface="!eth0"),
    *rows(
        "header-in-out",
        "-i eth+ ! -o wlan0",
        at="filter/FORWARD",
        in_interface="eth+",
        out_interface="!wlan0",
    ),
    *rows("header-protocol", "-p tcp", protocol="tcp"),
    *rows("header-protocol-not", "! -p tcp", protocol="!tcp"),
    *rows("header-protocol-number", "-p 47", protocol="47"),
    *rows("header-protocol-unnamed", "-p 253", protocol="253"),
    *rows("header-protocol-not-number", "! -p 33", protocol="!33"),
    *rows("header-protocol-icmp", "-p {icmp}", protocol="{icmp}"),
    *rows(
        "header-all",
        "-s {net} -d {host} -i eth0 -p udp",
        src="{net}",
        dst="{host}",
        in_interface="eth0",
        protocol="udp",
    ),
    *rows("header-fragment", "-f", families=V4, fragment="1"),
    *rows("header-fragment-not", "! -f", families=V4, fragment="!"),
    *rows("chain-jump", "-j other", target=T("other"), setup=OTHER),
    *rows("chain-goto", "-g other", target=T("other"), goto=True, setup=OTHER),
    *rows(
        "chain-goto-protocol",
        "-p udp -g other",
        target=T("other"),
        goto=True,
        setup=OTHER,
        protocol="udp",
    ),
]

PORT_MATCHES: list[Case] = [
    *rows("tcp-dport", "-p tcp -m tcp --dport 80", M("tcp", dport="80"), protocol="tcp"),
    *rows("tcp-sport", "-p tcp -m tcp --sport 1024:", M("tcp", sport="1024:"), protocol="tcp"),
    *rows(
        "tcp-both",
        "-p tcp -m tcp --sport 1 --dport 2",
        M("tcp", sport="1", dport="2"),
        protocol="tcp",
    ),
    *rows(
        "tcp-dport-range-not",
        "-p tcp -m tcp ! --dport 1000:2000",
        M("tcp", dport="!1000:2000"),
        protocol="tcp",
    ),
    *rows(
        "tcp-sport-not-space",
        "-p tcp -m tcp ! --sport 1234",
        M("tcp", sport="! 1234"),
        protocol="tcp",
    ),
    *rows(
        "tcp-flags",
        "-p tcp -m tcp --tcp-flags SYN,ACK SYN",
        M("tcp", tcp_flags=["SYN,ACK", "SYN"]),
        protocol="tcp",
    ),
    *rows(
        "tcp-flags-not",
        "-p tcp -m tcp ! --tcp-flags SYN,ACK,FIN SYN",
        M("tcp", tcp_flags=["!", "SYN,ACK,FIN", "SYN"]),
        protocol="tcp",
    ),
    *rows(
        "tcp-flags-all-none",
        "-p tcp -m tcp --tcp-flags ALL NONE",
        M("tcp", tcp_flags=["ALL", "NONE"]),
        protocol="tcp",
    ),
    *rows("tcp-syn", "-p tcp -m tcp --syn", M("tcp", syn=""), protocol="tcp"),
    *rows("tcp-syn-not", "-p tcp -m tcp ! --syn", M("tcp", syn="!"), protocol="tcp"),
    *rows("tcp-option", "-p tcp -m tcp --tcp-option 2", M("tcp", tcp_option="2"), protocol="tcp"),
    *rows(
        "tcp-option-not",
        "-p tcp -m tcp ! --tcp-option 2",
        M("tcp", tcp_option="!2"),
        protocol="tcp",
    ),
    *rows(
        "tcp-aliases",
        "-p tcp -m tcp --source-port 1 --destination-port 2",
        M("tcp", source_port="1", destination_port="2"),
        protocol="tcp",
    ),
    *rows("tcp-service", "-p tcp -m tcp --dport http", M("tcp", dport="http"), protocol="tcp"),
    *rows(
        "tcp-service-range",
        "-p tcp -m tcp --dport ftp:ssh",
        M("tcp", dport="ftp:ssh"),
        protocol="tcp",
    ),
    *rows("udp-dport", "-p udp -m udp --dport 53", M("udp", dport="53"), protocol="udp"),
    *rows(
        "udp-sport-range",
        "-p udp -m udp --sport 1000:2000",
        M("udp", sport="1000:2000"),
        protocol="udp",
    ),
    *rows("udp-not", "-p udp -m udp ! --dport 53", M("udp", dport="!53"), protocol="udp"),
    *rows("udp-service", "-p udp -m udp --dport domain", M("udp", dport="domain"), protocol="udp"),
    *rows(
        "multiport-dports",
        "-p tcp -m multiport --dports 80,443,8000:8010",
        M("multiport", dports="80,443,8000:8010"),
        protocol="tcp",
    ),
    *rows(
        "multiport-sports",
        "-p udp -m multiport --sports 1,2,3",
        M("multiport", sports="1,2,3"),
        protocol="udp",
    ),
    *rows(
        "multiport-ports-not",
        "-p tcp -m multiport ! --ports 22,80",
        M("multiport", ports="!22,80"),
        protocol="tcp",
    ),
    *rows(
        "sctp-chunk-types",
        "-p sctp -m sctp --dport 80 --chunk-types any INIT,DATA",
        M("sctp", dport="80", chunk_types=["any", "INIT,DATA"]),
        protocol="sctp",
    ),
    *rows(
        "sctp-chunk-flags",
        "-p sctp -m sctp --chunk-types only DATA:Be",
        M("sctp", chunk_types=["only", "DATA:Be"]),
        protocol="sctp",
    ),
    *rows(
        "sctp-not",
        "-p sctp -m sctp ! --sport 1:2 ! --chunk-types all ABORT",
        M("sctp", sport="!1:2", chunk_types=["!", "all", "ABORT"]),
        protocol="sctp",
    ),
    *rows(
        "dccp",
        "-p dccp -m dccp --sport 1 --dport 2:3",
        M("dccp", sport="1", dport="2:3"),
        protocol="33",
    ),
    *rows(
        "dccp-types",
        "-p dccp -m dccp --dccp-types REQUEST,RESPONSE",
        M("dccp", dccp_types="REQUEST,RESPONSE"),
        protocol="33",
    ),
    *rows(
        "dccp-option-not",
        "-p dccp -m dccp ! --dccp-option 5",
        M("dccp", dccp_option="!5"),
        protocol="33",
    ),
    *rows(
        "icmp-name",
        "-p icmp -m icmp --icmp-type echo-request",
        M("icmp", icmp_type="echo-request"),
        families=V4,
        protocol="icmp",
    ),
    *rows(
        "icmp-type-code",
        "-p icmp -m icmp --icmp-type 3/1",
        M("icmp", icmp_type="3/1"),
        families=V4,
        protocol="icmp",
    ),
    *rows(
        "icmp-any",
        "-p icmp -m icmp --icmp-type any",
        M("icmp", icmp_type="any"),
        families=V4,
        protocol="icmp",
    ),
    *rows(
        "icmp-not",
        "-p icmp -m icmp ! --icmp-type 8",
        M("icmp", icmp_type="!8"),
        families=V4,
        protocol="icmp",
    ),
    *rows(
        "icmp6-name",
        "-p ipv6-icmp -m icmp6 --icmpv6-type echo-request",
        M("icmp6", icmpv6_type="echo-request"),
        families=V6,
        protocol="icmpv6",
    ),
    *rows(
        "icmp6-number",
        "-p ipv6-icmp -m icmp6 --icmpv6-type 135",
        M("icmp6", icmpv6_type="135"),
        families=V6,
        protocol="58",
    ),
    *rows(
        "icmp6-type-code-not",
        "-p ipv6-icmp -m icmp6 ! --icmpv6-type 1/4",
        M("icmp6", icmpv6_type="!1/4"),
        families=V6,
        protocol="icmpv6",
    ),
    *rows("esp", "-p esp -m esp --espspi 100:200", M("esp", espspi="100:200"), protocol="esp"),
    *rows("esp-not", "-p esp -m esp ! --espspi 500", M("esp", espspi="!500"), protocol="esp"),
    *rows("ah4", "-p ah -m ah --ahspi 1:2", M("ah", ahspi="1:2"), families=V4, protocol="ah"),
    *rows("ah4-not", "-p ah -m ah ! --ahspi 7", M("ah", ahspi="!7"), families=V4, protocol="ah"),
    *rows(
        "ah6",
        "-m ah --ahspi 1:2 ! --ahlen 24 --ahres",
        M("ah", ahspi="1:2", ahlen="!24", ahres=""),
        families=V6,
    ),
    *rows(
        "ipcomp",
        "-p ipcomp -m ipcomp --ipcompspi 18 --compres",
        M("ipcomp", ipcompspi="18", compres=""),
        protocol="108",
    ),
    *rows("tcpmss", "-p tcp -m tcpmss --mss 500:1460", M("tcpmss", mss="500:1460"), protocol="tcp"),
    *rows("tcpmss-not", "-p tcp -m tcpmss ! --mss 1460", M("tcpmss", mss="!1460"), protocol="tcp"),
    *rows("ecn-tcp", "-p tcp -m ecn --ecn-tcp-cwr", M("ecn", ecn_tcp_cwr=""), protocol="tcp"),
    *rows(
        "ecn-tcp-not",
        "-p tcp -m ecn ! --ecn-tcp-ece ! --ecn-tcp-cwr",
        M("ecn", ecn_tcp_ece="!", ecn_tcp_cwr="!"),
        protocol="tcp",
    ),
    *rows("ecn-ip", "-m ecn --ecn-ip-ect 1", M("ecn", ecn_ip_ect="1")),
    *rows("ecn-ip-not", "-m ecn ! --ecn-ip-ect 3", M("ecn", ecn_ip_ect="!3")),
    *rows(
        "osf",
        "-p tcp -m osf --genre linux --ttl 0 --log 0",
        M("osf", genre="linux", ttl="0", log="0"),
        families=V4,
        protocol="tcp",
    ),
]

CONNECTION_MATCHES: list[Case] = [
    *rows("conntrack-state", "-m conntrack --ctstate NEW", M("conntrack", ctstate="NEW")),
    *rows(
        "conntrack-states",
        "-m conntrack --ctstate RELATED,ESTABLISHED",
        M("conntrack", ctstate="RELATED,ESTABLISHED"),
    ),
    *rows(
        "conntrack-state-not",
        "-m conntrack ! --ctstate INVALID",
        M("conntrack", ctstate="!INVALID"),
    ),
    *rows(
        "conntrack-virtual-states",
        "-m conntrack --ctstate SNAT,DNAT,UNTRACKED",
        M("conntrack", ctstate="SNAT,DNAT,UNTRACKED"),
    ),
    *rows(
        "conntrack-status",
        "-m conntrack --ctstatus ASSURED,CONFIRMED",
        M("conntrack", ctstatus="ASSURED,CONFIRMED"),
    ),
    *rows(
        "conntrack-tuple",
        "-m conntrack --ctproto tcp --ctorigsrc {net} ! --ctorigdst {host} --ctreplsrc {host2}"
        " --ctorigsrcport 1024:65535 --ctorigdstport 80 ! --ctreplsrcport 81 --ctrepldstport 82",
        M(
            "conntrack",
            ctproto="tcp",
            ctorigsrc="{net}",
            ctorigdst="!{host}",
            ctreplsrc="{host2}",
            ctorigsrcport="1024:65535",
            ctorigdstport="80",
            ctreplsrcport="!81",
            ctrepldstport="82",
        ),
    ),
    *rows("conntrack-proto-not", "-m conntrack ! --ctproto 17", M("conntrack", ctproto="!17")),
    *rows("conntrack-direction", "-m conntrack --ctdir REPLY", M("conntrack", ctdir="REPLY")),
    *rows("conntrack-expire", "-m conntrack --ctexpire 10:20", M("conntrack", ctexpire="10:20")),
    *rows("conntrack-expire-not", "-m conntrack ! --ctexpire 60", M("conntrack", ctexpire="!60")),
    *rows("state", "-m state --state RELATED,ESTABLISHED", M("state", state="RELATED,ESTABLISHED")),
    *rows("state-not", "-m state ! --state INVALID", M("state", state="!INVALID")),
    *rows("connmark", "-m connmark --mark 0x1", M("connmark", mark="0x1")),
    *rows("connmark-mask-not", "-m connmark ! --mark 0x1/0xff", M("connmark", mark="!0x1/0xff")),
    *rows(
        "connlabel",
        "-m connlabel --label 40",
        M("connlabel", label="40"),
        noise="cannot open .*connlabel.conf",
    ),
    *rows(
        "connlabel-set",
        "-m connlabel ! --label 41 --set",
        M("connlabel", label="!41", set=""),
        noise="cannot open .*connlabel.conf",
    ),
    *rows(
        "connbytes",
        "-m connbytes --connbytes 1000:2000 --connbytes-mode bytes --connbytes-dir both",
        M("connbytes", connbytes="1000:2000", connbytes_mode="bytes", connbytes_dir="both"),
    ),
    *rows(
        "connbytes-not",
        "-m connbytes ! --connbytes 10: --connbytes-mode packets --connbytes-dir reply",
        M("connbytes", connbytes="!10:", connbytes_mode="packets", connbytes_dir="reply"),
    ),
    *rows(
        "connlimit-above",
        "-p tcp -m connlimit --connlimit-above 2 --connlimit-mask {prefix}",
        M("connlimit", connlimit_above="2", connlimit_mask="{prefix}"),
        protocol="tcp",
    ),
    *rows(
        "connlimit-upto-daddr",
        "-p tcp -m connlimit --connlimit-upto 5 --connlimit-daddr",
        M("connlimit", connlimit_upto="5", connlimit_daddr=""),
        protocol="tcp",
    ),
    *rows("helper", '-m helper --helper "ftp"', M("helper", helper="ftp")),
    *rows("helper-not", '-m helper ! --helper "irc-6667"', M("helper", helper="!irc-6667")),
    *rows(
        "cluster-node",
        "-m cluster --cluster-total-nodes 2 --cluster-local-node 2 --cluster-hash-seed 0xfeedcafe",
        M(
            "cluster",
            cluster_total_nodes="2",
            cluster_local_node="2",
            cluster_hash_seed="0xfeedcafe",
        ),
        at="mangle/PREROUTING",
    ),
    *rows(
        "cluster-nodemask-not",
        "-m cluster --cluster-total-nodes 4 ! --cluster-local-nodemask 0x5 --cluster-hash-seed 7",
        M("cluster", cluster_total_nodes="4", cluster_local_nodemask="!0x5", cluster_hash_seed="7"),
        at="mangle/PREROUTING",
    ),
]

RATE_MATCHES: list[Case] = [
    *rows(
        "limit",
        "-m limit --limit 5/min --limit-burst 10",
        M("limit", limit="5/min", limit_burst="10"),
    ),
    *rows("limit-default-burst", "-m limit --limit 3/second", M("limit", limit="3/second")),
    *rows(
        "limit-slow",
        "-m limit --limit 1/day --limit-burst 1",
        M("limit", limit="1/day", limit_burst="1"),
    ),
    *rows(
        "hashlimit-upto",
        "-p tcp -m hashlimit --hashlimit-upto 5/min --hashlimit-burst 8 --hashlimit-mode srcip,dstport"
        " --hashlimit-name matrix1 --hashlimit-htable-expire 3600",
        M(
            "hashlimit",
            hashlimit_upto="5/min",
            hashlimit_burst="8",
            hashlimit_mode="srcip,dstport",
            hashlimit_name="matrix1",
            hashlimit_htable_expire="3600",
        ),
        protocol="tcp",
    ),
    *rows(
        "hashlimit-above",
        "-m hashlimit --hashlimit-above 20/sec --hashlimit-mode srcip --hashlimit-srcmask {prefix}"
        " --hashlimit-name matrix2 --hashlimit-htable-size 1024 --hashlimit-htable-max 2000"
        " --hashlimit-htable-gcinterval 60000 --hashlimit-htable-expire 2000",
        M(
            "hashlimit",
            hashlimit_above="20/sec",
            hashlimit_mode="srcip",
            hashlimit_srcmask="{prefix}",
            hashlimit_name="matrix2",
            hashlimit_htable_size="1024",
            hashlimit_htable_max="2000",
            hashlimit_htable_gcinterval="60000",
            hashlimit_htable_expire="2000",
        ),
    ),
    *rows(
        "hashlimit-no-expire",
        "-m hashlimit --hashlimit-upto 5/sec --hashlimit-name matrix3",
        M("hashlimit", hashlimit_upto="5/sec", hashlimit_name="matrix3"),
    ),
    *rows(
        "hashlimit-no-expire-mode",
        "-p udp -m hashlimit --hashlimit-above 10/hour --hashlimit-burst 3 --hashlimit-mode srcip,srcport"
        " --hashlimit-name matrix4",
        M(
            "hashlimit",
            hashlimit_above="10/hour",
            hashlimit_burst="3",
            hashlimit_mode="srcip,srcport",
            hashlimit_name="matrix4",
        ),
        protocol="udp",
    ),
    *rows(
        "hashlimit-no-expire-bytes",
        "-m hashlimit --hashlimit-upto 512kb/s --hashlimit-burst 1mb --hashlimit-mode dstip"
        " --hashlimit-name matrix5",
        M(
            "hashlimit",
            hashlimit_upto="512kb/s",
            hashlimit_burst="1mb",
            hashlimit_mode="dstip",
            hashlimit_name="matrix5",
        ),
    ),
    *rows(
        "hashlimit-rate-match",
        "-m hashlimit --hashlimit-upto 40/sec --hashlimit-burst 20 --hashlimit-mode srcip"
        " --hashlimit-name matrix6 --hashlimit-rate-match --hashlimit-rate-interval 10",
        M(
            "hashlimit",
            hashlimit_upto="40/sec",
            hashlimit_burst="20",
            hashlimit_mode="srcip",
            hashlimit_name="matrix6",
            hashlimit_rate_match="",
            hashlimit_rate_interval="10",
        ),
    ),
    *rows(
        "recent-set",
        "-m recent --name bad --set --rsource",
        M("recent", name="bad", set="", rsource=""),
    ),
    *rows(
        "recent-update",
        "-m recent --name bad --update --seconds 60 --hitcount 4 --rttl --rdest",
        M("recent", name="bad", update="", seconds="60", hitcount="4", rttl="", rdest=""),
    ),
    *rows(
        "recent-rcheck-not",
        "-m recent --name bad ! --rcheck --seconds 30 --reap",
        M("recent", name="bad", rcheck="!", seconds="30", reap=""),
    ),
    *rows("recent-remove", "-m recent --remove", M("recent", remove="")),
    *rows("quota", "-m quota --quota 100000", M("quota", quota="100000")),
    *rows("quota-not", "-m quota ! --quota 5", M("quota", quota="!5")),
    *rows(
        "statistic-random",
        "-m statistic --mode random --probability 0.25",
        M("statistic", mode="random", probability="0.25"),
    ),
    *rows(
        "statistic-random-not",
        "-m statistic --mode random ! --probability 0.1",
        M("statistic", mode="random", probability="!0.1"),
    ),
    *rows(
        "statistic-nth",
        "-m statistic --mode nth --every 5 --packet 2",
        M("statistic", mode="nth", every="5", packet="2"),
    ),
    *rows(
        "rateest",
        "-m rateest --rateest RE1 --rateest-lt --rateest-bps 8bit",
        M("rateest", rateest="RE1", rateest_lt="", rateest_bps="8bit"),
        setup=ESTIMATOR,
    ),
]

PACKET_MATCHES: list[Case] = [
    *rows("mark", "-m mark --mark 0x1", M("mark", mark="0x1")),
    *rows("mark-not", "-m mark ! --mark 123", M("mark", mark="! 0x7b")),
    *rows("mark-mask", "-m mark --mark 0x1/0xff", M("mark", mark="0x1/0xff")),
    *rows(
        "iprange-source",
        "-m iprange --src-range {host}-{host2}",
        M("iprange", src_range="{host}-{host2}"),
    ),
    *rows(
        "iprange-both-not",
        "-m iprange ! --src-range {host}-{host2} ! --dst-range {host}",
        M("iprange", src_range="!{host}-{host2}", dst_range="!{host}"),
    ),
    *rows(
        "iprange-reversed",
        "-m iprange --src-range {host2}-{host}",
        M("iprange", src_range="{host2}-{host}"),
        warning="is reversed and will never match",
    ),
    *rows("mac", "-m mac --mac-source 00:11:22:33:44:55", M("mac", mac_source="00:11:22:33:44:55")),
    *rows(
        "mac-not",
        "-m mac ! --mac-source 00:11:22:aa:bb:cc",
        M("mac", mac_source="!00:11:22:aa:bb:cc"),
    ),
    *rows("owner-uid", "-m owner --uid-owner 0", M("owner", uid_owner="0"), at="filter/OUTPUT"),
    *rows(
        "owner-uid-name",
        "-m owner --uid-owner root",
        M("owner", uid_owner="root"),
        at="filter/OUTPUT",
    ),
    *rows(
        "owner-uid-range-not",
        "-m owner ! --uid-owner 0-99",
        M("owner", uid_owner="!0-99"),
        at="filter/OUTPUT",
    ),
    *rows("owner-gid", "-m owner --gid-owner 0", M("owner", gid_owner="0"), at="filter/OUTPUT"),
    *rows(
        "owner-socket",
        "-m owner --socket-exists --gid-owner root --suppl-groups",
        M("owner", socket_exists="", gid_owner="root", suppl_groups=""),
        at="filter/OUTPUT",
    ),
    *rows(
        "owner-socket-not",
        "-m owner ! --socket-exists",
        M("owner", socket_exists="!"),
        at="filter/OUTPUT",
    ),
    *rows(
        "string-bm",
        '-m string --string "GET /" --algo bm',
        M("string", string="GET /", algo="bm"),
    ),
    *rows(
        "string-kmp-window",
        "-m string --algo kmp --string root --icase --from 40 --to 200",
        M(
            "string",
            ("algo", "kmp"),
            ("string", "root"),
            ("icase", ""),
            ("from", "40"),
            ("to", "200"),
        ),
    ),
    *rows(
        "string-hex",
        '-m string --algo bm --hex-string "|0d 0a|Host"',
        M("string", algo="bm", hex_string="|0d 0a|Host"),
    ),
    *rows(
        "string-not",
        '-m string --algo bm ! --string "a b"',
        M("string", algo="bm", string="!a b"),
    ),
    *rows(
        "time",
        "-m time --timestart 09:00 --timestop 17:30:15 --weekdays Mon,Tue,Fri --monthdays 1,15"
        " --datestart 2024-01-01T00:00:00 --datestop 2030-06-01T12:00:00",
        M(
            "time",
            timestart="09:00",
            timestop="17:30:15",
            weekdays="Mon,Tue,Fri",
            monthdays="1,15",
            datestart="2024-01-01T00:00:00",
            datestop="2030-06-01T12:00:00",
        ),
    ),
    *rows(
        "time-kernel-contiguous",
        "-m time --timestart 23:00 --timestop 01:00 --contiguous --kerneltz ! --weekdays Sun",
        M(
            "time",
            timestart="23:00",
            timestop="01:00",
            contiguous="",
            kerneltz="",
            weekdays="!Sun",
        ),
    ),
    *rows(
        "u32",
        '-m u32 --u32 "0x0>>0x1a&0x3c@0x8=0x0:0xff"',
        M("u32", u32="0x0>>0x1a&0x3c@0x8=0x0:0xff"),
    ),
    *rows("u32-not", '-m u32 ! --u32 "0x6&0xff=0x1"', M("u32", u32="!0x6&0xff=0x1")),
    *rows("u32-long", f'-m u32 --u32 "{U32_LONG}"', M("u32", u32=U32_LONG)),
    *rows("addrtype", "-m addrtype --dst-type LOCAL", M("addrtype", dst_type="LOCAL")),
    *rows(
        "addrtype-interface",
        "-m addrtype ! --src-type UNICAST,MULTICAST --limit-iface-in",
        M("addrtype", src_type="!UNICAST,MULTICAST", limit_iface_in=""),
    ),
    *rows(
        "physdev-in",
        "-m physdev --physdev-in eth0 --physdev-is-bridged",
        M("physdev", physdev_in="eth0", physdev_is_bridged=""),
        at="filter/FORWARD",
    ),
    *rows(
        "physdev-not",
        "-m physdev ! --physdev-in veth+ ! --physdev-is-in",
        M("physdev", physdev_in="!veth+", physdev_is_in="!"),
        at="filter/FORWARD",
    ),
    *rows("length", "-m length --length 100:200", M("length", length="100:200")),
    *rows("length-not", "-m length ! --length 1500", M("length", length="!1500")),
    *rows("ttl-eq", "-m ttl --ttl-eq 64", M("ttl", ttl_eq="64"), families=V4),
    *rows("ttl-not", "-m ttl ! --ttl-eq 64", M("ttl", ttl_eq="!64"), families=V4),
    *rows("ttl-gt", "-m ttl --ttl-gt 10", M("ttl", ttl_gt="10"), families=V4),
    *rows("ttl-lt", "-m ttl --ttl-lt 5", M("ttl", ttl_lt="5"), families=V4),
    *rows("hl-eq", "-m hl --hl-eq 64", M("hl", hl_eq="64"), families=V6),
    *rows("hl-not", "-m hl ! --hl-eq 64", M("hl", hl_eq="!64"), families=V6),
    *rows("hl-gt", "-m hl --hl-gt 10", M("hl", hl_gt="10"), families=V6),
    *rows("hl-lt", "-m hl --hl-lt 5", M("hl", hl_lt="5"), families=V6),
    *rows("dscp", "-m dscp --dscp 0x20", M("dscp", dscp="0x20")),
    *rows("dscp-not", "-m dscp ! --dscp 10", M("dscp", dscp="!10")),
    *rows("dscp-class", "-m dscp --dscp-class EF", M("dscp", dscp_class="EF")),
    *rows("tos", "-m tos --tos 0x10", M("tos", tos="0x10")),
    *rows("tos-name-not", "-m tos ! --tos Minimize-Delay", M("tos", tos="!Minimize-Delay")),
    *rows("tos-mask", "-m tos --tos 0x10/0x3f", M("tos", tos="0x10/0x3f")),
    *rows("pkttype", "-m pkttype --pkt-type broadcast", M("pkttype", pkt_type="broadcast")),
    *rows("pkttype-not", "-m pkttype ! --pkt-type unicast", M("pkttype", pkt_type="!unicast")),
    *rows("socket", "-m socket", M("socket"), at="mangle/PREROUTING"),
    *rows(
        "socket-options",
        "-m socket --nowildcard --transparent --restore-skmark",
        M("socket", nowildcard="", transparent="", restore_skmark=""),
        at="mangle/PREROUTING",
    ),
    *rows("rpfilter", "-m rpfilter", M("rpfilter"), at="raw/PREROUTING"),
    *rows(
        "rpfilter-options",
        "-m rpfilter --loose --validmark --accept-local --invert",
        M("rpfilter", loose="", validmark="", accept_local="", invert=""),
        at="raw/PREROUTING",
    ),
    *rows("bpf", f'-m bpf --bytecode "{BPF_SHORT}"', M("bpf", bytecode=BPF_SHORT)),
    *rows("bpf-64-instructions", f'-m bpf --bytecode "{BPF_LONG}"', M("bpf", bytecode=BPF_LONG)),
    *rows("cgroup", "-m cgroup --cgroup 1", M("cgroup", cgroup="1"), at="filter/OUTPUT"),
    *rows("cgroup-not", "-m cgroup ! --cgroup 1", M("cgroup", cgroup="!1"), at="filter/OUTPUT"),
    *rows("cpu", "-m cpu --cpu 0", M("cpu", cpu="0")),
    *rows("cpu-not", "-m cpu ! --cpu 1", M("cpu", cpu="!1")),
    *rows("devgroup", "-m devgroup --src-group 1", M("devgroup", src_group="1")),
    *rows(
        "devgroup-mask-not",
        "-m devgroup ! --src-group 0x1/0xff --dst-group 2",
        M("devgroup", src_group="!0x1/0xff", dst_group="2"),
        at="filter/FORWARD",
    ),
    *rows("realm", "-m realm --realm 0x1", M("realm", realm="0x1"), families=V4),
    *rows(
        "realm-mask-not", "-m realm ! --realm 0x1/0x2a", M("realm", realm="!0x1/0x2a"), families=V4
    ),
    *rows(
        "frag",
        "-m frag --fragid 1:42 --fragres --fragmore",
        M("frag", fragid="1:42", fragres="", fragmore=""),
        families=V6,
    ),
    *rows(
        "frag-first-not",
        "-m frag ! --fragid 7 --fragfirst",
        M("frag", fragid="!7", fragfirst=""),
        families=V6,
    ),
    *rows(
        "rt",
        "-m rt --rt-type 0 --rt-segsleft 1:3",
        M("rt", rt_type="0", rt_segsleft="1:3"),
        families=V6,
    ),
    *rows(
        "rt-addresses",
        "-m rt --rt-type 0 ! --rt-len 42 --rt-0-res --rt-0-addrs 2001:db8::1,2001:db8::2"
        " --rt-0-not-strict",
        M(
            "rt",
            rt_type="0",
            rt_len="!42",
            rt_0_res="",
            rt_0_addrs="2001:db8::1,2001:db8::2",
            rt_0_not_strict="",
        ),
        families=V6,
    ),
    *rows(
        "ipv6header",
        "-m ipv6header --header frag,esp --soft",
        M("ipv6header", header="frag,esp", soft=""),
        families=V6,
    ),
    *rows(
        "ipv6header-not",
        "-m ipv6header ! --header hop",
        M("ipv6header", header="!hop"),
        families=V6,
    ),
    *rows(
        "dst",
        "-m dst --dst-len 8 --dst-opts 1:2,5",
        M("dst", dst_len="8", dst_opts="1:2,5"),
        families=V6,
    ),
    *rows(
        "hbh",
        "-m hbh ! --hbh-len 42 --hbh-opts 1:2",
        M("hbh", hbh_len="!42", hbh_opts="1:2"),
        families=V6,
    ),
    *rows(
        "mh", "-p 135 -m mh --mh-type 4:123", M("mh", mh_type="4:123"), families=V6, protocol="135"
    ),
    *rows(
        "srh",
        "-m srh --srh-next-hdr 17 ! --srh-segs-left-eq 1 --srh-tag 0",
        M("srh", srh_next_hdr="17", srh_segs_left_eq="!1", srh_tag="0"),
        families=V6,
    ),
    *rows("eui64", "-m eui64", M("eui64"), families=V6),
]

SET_MATCHES: list[Case] = [
    *rows(
        "set-source",
        "-m set --match-set {inet}-hosts src",
        M("set", match_set=["{inet}-hosts", "src"]),
        setup=HOSTS,
    ),
    *rows(
        "set-destination-not",
        "-m set ! --match-set {inet}-hosts dst",
        M("set", match_set=["!", "{inet}-hosts", "dst"]),
        setup=HOSTS,
    ),
    *rows(
        "set-two-dimensions",
        "-m set --match-set {inet}-ports src,dst --return-nomatch",
        M("set", match_set=["{inet}-ports", "src,dst"], return_nomatch=""),
        setup=PORTS,
    ),
    *rows(
        "set-counters",
        "-m set --match-set {inet}-ports src,dst ! --update-counters --packets-gt 10 ! --bytes-eq 5",
        M(
            "set",
            match_set=["{inet}-ports", "src,dst"],
            update_counters="!",
            packets_gt="10",
            bytes_eq="!5",
        ),
        setup=PORTS,
    ),
    *rows(
        "set-two-sets",
        "-m set --match-set {inet}-hosts src -m set ! --match-set {inet}-ports dst,dst",
        M("set", match_set=["{inet}-hosts", "src"]),
        M("set", match_set=["!", "{inet}-ports", "dst,dst"]),
        setup=HOSTS + PORTS,
    ),
]


def _comment(name: str, words: str, value: str) -> list[Case]:
    return rows(f"comment-{name}", f"-m comment --comment {words}", M("comment", comment=value))


TEXT_MATCHES: list[Case] = [
    *_comment("word", "hello", "hello"),
    *_comment("words", "'several words in it'", "several words in it"),
    *_comment("utf-8", "'zażółć ☃'", "zażółć ☃"),
    *_comment("longest", "x" * 255, "x" * 255),
    *_comment("truncated", "x" * 300, "x" * 300),
    *_comment("apostrophe", '"it\'s"', "it's"),
    *_comment("quote", "'say \"hi\"'", 'say "hi"'),
    *_comment("backslash", r"'C:\temp\'", "C:\\temp\\"),
    *_comment("shell", "'$(x) `y` #z; & |'", "$(x) `y` #z; & |"),
    *_comment("spaces", "'  two  '", "  two  "),
    *_comment("newline", "'one\ntwo'", "one\ntwo"),
    *_comment("bang", "'!'", "!"),
    *_comment("bang-first", "'!important'", "!important"),
    *_comment("bang-inside", "'this ! that'", "this ! that"),
    *_comment("option", "--foo", "--foo"),
    *_comment("option-inside", "'use --dport here'", "use --dport here"),
    *_comment("jump", "'-j DROP'", "-j DROP"),
    *rows(
        "comment-two",
        "-m comment --comment first -m comment --comment second",
        M("comment", comment="first"),
        M("comment", comment="second"),
    ),
]

POLICY_MATCHES: list[Case] = [
    *rows("policy-ipsec", "-m policy --dir in --pol ipsec", M("policy", dir="in", pol="ipsec")),
    *rows(
        "policy-none-out",
        "-m policy --dir out --pol none",
        M("policy", dir="out", pol="none"),
        at="filter/OUTPUT",
    ),
    *rows(
        "policy-element",
        "-m policy --dir in --pol ipsec --reqid 7 --proto esp --mode tunnel --tunnel-src {net}"
        " --tunnel-dst {host}",
        M(
            "policy",
            dir="in",
            pol="ipsec",
            reqid="7",
            proto="esp",
            mode="tunnel",
            tunnel_src="{net}",
            tunnel_dst="{host}",
        ),
    ),
    *rows(
        "policy-not",
        "-m policy --dir in --pol ipsec ! --reqid 7 ! --proto ah ! --spi 0x5",
        M("policy", dir="in", pol="ipsec", reqid="!7", proto="!ah", spi="!0x5"),
    ),
    *rows(
        "policy-next",
        "-m policy --dir in --pol ipsec --strict --reqid 1 --proto esp --mode tunnel"
        " --tunnel-src {net} --tunnel-dst {net} --next --reqid 2 --proto ah",
        M(
            "policy",
            ("dir", "in"),
            ("pol", "ipsec"),
            ("strict", ""),
            ("reqid", "1"),
            ("proto", "esp"),
            ("mode", "tunnel"),
            ("tunnel_src", "{net}"),
            ("tunnel_dst", "{net}"),
            ("next", ""),
            ("reqid", "2"),
            ("proto", "ah"),
        ),
    ),
]

COMBINED_MATCHES: list[Case] = [
    *rows(
        "combined-three",
        "-s {net} -i eth0 -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW"
        ' -m comment --comment "rule 1"',
        M("tcp", dport="22"),
        M("conntrack", ctstate="NEW"),
        M("comment", comment="rule 1"),
        src="{net}",
        in_interface="eth0",
        protocol="tcp",
    ),
    *rows(
        "combined-same-twice",
        "-m mark --mark 0x1/0x1 -m mark ! --mark 0x2/0x2",
        M("mark", mark="0x1/0x1"),
        M("mark", mark="!0x2/0x2"),
    ),
]

VERDICTS: list[Case] = [
    *rows("target-accept", ""),
    *rows("target-drop", "-j DROP", target=T("DROP")),
    *rows(
        "target-queue",
        "-j QUEUE",
        target=T("QUEUE"),
        only_legacy="QUEUE",
    ),
    *rows("target-return", "-j RETURN", target=T("RETURN")),
    *rows("target-none", "-p tcp", target=T(""), protocol="tcp"),
]

DNAT = {"at": "nat/PREROUTING"}
SNAT = {"at": "nat/POSTROUTING"}
MANGLE = {"at": "mangle/PREROUTING"}
RAW = {"at": "raw/PREROUTING"}


def _target(
    name: str, words: str, option_target: Extension, *matches: Extension, **rest: object
) -> list[Case]:
    return rows(name, words, *matches, target=option_target, **rest)  # type: ignore[arg-type]


NAT_TARGETS: list[Case] = [
    *_target(
        "DNAT-address",
        "-j DNAT --to-destination {host}",
        T("DNAT", to_destination="{host}"),
        **DNAT,
    ),
    *_target(
        "DNAT-range",
        "-p tcp -j DNAT --to-destination {at_range}:80-90 --random --persistent",
        T("DNAT", to_destination="{at_range}:80-90", random="", persistent=""),
        protocol="tcp",
        **DNAT,
    ),
    *_target(
        "DNAT-port",
        "-p tcp -m tcp --dport 80 -j DNAT --to-destination :8080",
        T("DNAT", to_destination=":8080"),
        M("tcp", dport="80"),
        protocol="tcp",
        **DNAT,
    ),
    *_target(
        "DNAT-shifted",
        "-p udp -j DNAT --to-destination {at}:1000-2000/5000",
        T("DNAT", to_destination="{at}:1000-2000/5000"),
        protocol="udp",
        **DNAT,
    ),
    *_target("SNAT-address", "-j SNAT --to-source {host}", T("SNAT", to_source="{host}"), **SNAT),
    *_target(
        "SNAT-range",
        "-p udp -j SNAT --to-source {at_range}:1024-2048 --random-fully --persistent",
        T("SNAT", to_source="{at_range}:1024-2048", random_fully="", persistent=""),
        protocol="udp",
        **SNAT,
    ),
    *_target("MASQUERADE", "-o eth0 -j MASQUERADE", T("MASQUERADE"), out_interface="eth0", **SNAT),
    *_target(
        "MASQUERADE-ports",
        "-p tcp -j MASQUERADE --to-ports 1024-31000 --random",
        T("MASQUERADE", to_ports="1024-31000", random=""),
        protocol="tcp",
        **SNAT,
    ),
    *_target(
        "MASQUERADE-random-fully",
        "-j MASQUERADE --random-fully",
        T("MASQUERADE", random_fully=""),
        **SNAT,
    ),
    *_target("REDIRECT", "-j REDIRECT", T("REDIRECT"), **DNAT),
    *_target(
        "REDIRECT-ports",
        "-p tcp -j REDIRECT --to-ports 8080-8090 --random",
        T("REDIRECT", to_ports="8080-8090", random=""),
        protocol="tcp",
        **DNAT,
    ),
    *_target(
        "NETMAP", "-d {net} -j NETMAP --to {net}", T("NETMAP", to="{net}"), dst="{net}", **DNAT
    ),
    *_target(
        "DNPT",
        "-d 2001:db8::/64 -j DNPT --src-pfx 2001:db8::/64 --dst-pfx 2001:db8:1::/64",
        T("DNPT", src_pfx="2001:db8::/64", dst_pfx="2001:db8:1::/64"),
        families=V6,
        dst="2001:db8::/64",
        **MANGLE,
    ),
    *_target(
        "SNPT",
        "-j SNPT --src-pfx 2001:db8::/64 --dst-pfx 2001:db8:1::/64",
        T("SNPT", src_pfx="2001:db8::/64", dst_pfx="2001:db8:1::/64"),
        families=V6,
        at="mangle/POSTROUTING",
    ),
]

MANGLE_TARGETS: list[Case] = [
    *_target("MARK-set-mark", "-j MARK --set-mark 1", T("MARK", set_mark="1"), **MANGLE),
    *_target(
        "MARK-set-mark-mask",
        "-j MARK --set-mark 0x1/0xff",
        T("MARK", set_mark="0x1/0xff"),
        **MANGLE,
    ),
    *_target(
        "MARK-set-xmark", "-j MARK --set-xmark 0x1/0xff", T("MARK", set_xmark="0x1/0xff"), **MANGLE
    ),
    *_target("MARK-or", "-j MARK --or-mark 0x10", T("MARK", or_mark="0x10"), **MANGLE),
    *_target("MARK-and", "-j MARK --and-mark 0xff", T("MARK", and_mark="0xff"), **MANGLE),
    *_target("MARK-xor", "-j MARK --xor-mark 0x3", T("MARK", xor_mark="0x3"), **MANGLE),
    *_target(
        "CONNMARK-restore", "-j CONNMARK --restore-mark", T("CONNMARK", restore_mark=""), **MANGLE
    ),
    *_target(
        "CONNMARK-save",
        "-j CONNMARK --save-mark --nfmask 0xff --ctmask 0xff00",
        T("CONNMARK", save_mark="", nfmask="0xff", ctmask="0xff00"),
        **MANGLE,
    ),
    *_target(
        "CONNMARK-set-xmark",
        "-j CONNMARK --set-xmark 0x1/0xff",
        T("CONNMARK", set_xmark="0x1/0xff"),
        **MANGLE,
    ),
    *_target(
        "CONNMARK-set-mark", "-j CONNMARK --set-mark 5", T("CONNMARK", set_mark="5"), **MANGLE
    ),
    *_target(
        "TPROXY",
        "-p tcp -j TPROXY --on-port 3128 --on-ip {host} --tproxy-mark 0x1/0xff",
        T("TPROXY", on_port="3128", on_ip="{host}", tproxy_mark="0x1/0xff"),
        protocol="tcp",
        **MANGLE,
    ),
    *_target(
        "TCPMSS-clamp",
        "-p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu",
        T("TCPMSS", clamp_mss_to_pmtu=""),
        M("tcp", tcp_flags=["SYN,RST", "SYN"]),
        protocol="tcp",
        at="mangle/FORWARD",
    ),
    *_target(
        "TCPMSS-set",
        "-p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1400",
        T("TCPMSS", set_mss="1400"),
        M("tcp", tcp_flags=["SYN,RST", "SYN"]),
        protocol="tcp",
        at="mangle/FORWARD",
    ),
    *_target(
        "CLASSIFY",
        "-j CLASSIFY --set-class 1:ffff",
        T("CLASSIFY", set_class="1:ffff"),
        at="mangle/POSTROUTING",
    ),
    *_target("DSCP", "-j DSCP --set-dscp 0x20", T("DSCP", set_dscp="0x20"), **MANGLE),
    *_target(
        "DSCP-class", "-j DSCP --set-dscp-class AF41", T("DSCP", set_dscp_class="AF41"), **MANGLE
    ),
    *_target("TOS", "-j TOS --set-tos 0x10", T("TOS", set_tos="0x10"), **MANGLE),
    *_target("TOS-mask", "-j TOS --set-tos 0x12/0x34", T("TOS", set_tos="0x12/0x34"), **MANGLE),
    *_target("TOS-and", "-j TOS --and-tos 0x12", T("TOS", and_tos="0x12"), **MANGLE),
    *_target("TOS-or", "-j TOS --or-tos 0x12", T("TOS", or_tos="0x12"), **MANGLE),
    *_target("TOS-xor", "-j TOS --xor-tos 0x12", T("TOS", xor_tos="0x12"), **MANGLE),
    *_target("TTL-set", "-j TTL --ttl-set 64", T("TTL", ttl_set="64"), families=V4, **MANGLE),
    *_target("TTL-dec", "-j TTL --ttl-dec 1", T("TTL", ttl_dec="1"), families=V4, **MANGLE),
    *_target("TTL-inc", "-j TTL --ttl-inc 1", T("TTL", ttl_inc="1"), families=V4, **MANGLE),
    *_target("HL-set", "-j HL --hl-set 64", T("HL", hl_set="64"), families=V6, **MANGLE),
    *_target("HL-dec", "-j HL --hl-dec 1", T("HL", hl_dec="1"), families=V6, **MANGLE),
    *_target("HL-inc", "-j HL --hl-inc 1", T("HL", hl_inc="1"), families=V6, **MANGLE),
    *_target(
        "ECN",
        "-p tcp -j ECN --ecn-tcp-remove",
        T("ECN", ecn_tcp_remove=""),
        families=V4,
        protocol="tcp",
        **MANGLE,
    ),
    *_target("TEE", "-j TEE --gateway {host}", T("TEE", gateway="{host}"), **MANGLE),
    *_target(
        "TEE-interface",
        "-j TEE --gateway {host} --oif lo",
        T("TEE", gateway="{host}", oif="lo"),
        **MANGLE,
    ),
    *_target(
        "CHECKSUM",
        "-p udp -j CHECKSUM --checksum-fill",
        T("CHECKSUM", checksum_fill=""),
        protocol="udp",
        at="mangle/POSTROUTING",
    ),
    *_target(
        "TCPOPTSTRIP",
        "-p tcp -j TCPOPTSTRIP --strip-options 2,3,sack-permitted",
        T("TCPOPTSTRIP", strip_options="2,3,sack-permitted"),
        protocol="tcp",
        **MANGLE,
    ),
    *_target(
        "HMARK-tuple",
        "-p tcp -j HMARK --hmark-tuple src,sport --hmark-mod 10 --hmark-rnd 0xfeed",
        T("HMARK", hmark_tuple="src,sport", hmark_mod="10", hmark_rnd="0xfeed"),
        protocol="tcp",
        **MANGLE,
    ),
    *_target(
        "HMARK-masks",
        "-j HMARK --hmark-src-prefix 32 --hmark-sport-mask 0xffff --hmark-proto-mask 0xff"
        " --hmark-rnd 0x4 --hmark-mod 42 --hmark-offset 1 --hmark-tuple ct",
        T(
            "HMARK",
            hmark_src_prefix="32",
            hmark_sport_mask="0xffff",
            hmark_proto_mask="0xff",
            hmark_rnd="0x4",
            hmark_mod="42",
            hmark_offset="1",
            hmark_tuple="ct",
        ),
        **MANGLE,
    ),
    *_target(
        "CONNSECMARK-save",
        "-j CONNSECMARK --save",
        T("CONNSECMARK", save=""),
        **MANGLE,
    ),
    *_target(
        "CONNSECMARK-restore",
        "-j CONNSECMARK --restore",
        T("CONNSECMARK", restore=""),
        at="security/INPUT",
    ),
]

OTHER_TARGETS: list[Case] = [
    *_target("LOG", "-j LOG", T("LOG")),
    *_target(
        "LOG-all",
        '-p tcp -j LOG --log-level debug --log-prefix "in: " --log-tcp-sequence --log-tcp-options'
        " --log-ip-options --log-uid --log-macdecode",
        T(
            "LOG",
            log_level="debug",
            log_prefix="in: ",
            log_tcp_sequence="",
            log_tcp_options="",
            log_ip_options="",
            log_uid="",
            log_macdecode="",
        ),
        protocol="tcp",
    ),
    *_target("LOG-truncated", f"-j LOG --log-prefix {'p' * 40}", T("LOG", log_prefix="p" * 40)),
    *_target("LOG-bang", "-j LOG --log-prefix '!drop '", T("LOG", log_prefix="!drop ")),
    *_target("LOG-apostrophe", '-j LOG --log-prefix "it\'s"', T("LOG", log_prefix="it's")),
    *_target("REJECT", "-j REJECT", T("REJECT")),
    *_target(
        "REJECT-with", "-j REJECT --reject-with {reject}", T("REJECT", reject_with="{reject}")
    ),
    *_target(
        "REJECT-tcp-reset",
        "-p tcp -j REJECT --reject-with tcp-reset",
        T("REJECT", reject_with="tcp-reset"),
        protocol="tcp",
    ),
    *_target("CT-notrack", "-j CT --notrack", T("CT", notrack=""), **RAW),
    *_target(
        "CT-helper", "-p tcp -j CT --helper ftp", T("CT", helper="ftp"), protocol="tcp", **RAW
    ),
    *_target(
        "CT-zone",
        "-j CT --zone 3 --ctevents new,destroy --expevents new",
        T("CT", zone="3", ctevents="new,destroy", expevents="new"),
        **RAW,
    ),
    *_target("CT-zone-orig", "-j CT --zone-orig mark", T("CT", zone_orig="mark"), **RAW),
    *_target("NOTRACK", "-j NOTRACK", T("NOTRACK"), **RAW),
    *_target("TRACE", "-j TRACE", T("TRACE"), **RAW),
    *_target("NFQUEUE", "-j NFQUEUE --queue-num 3", T("NFQUEUE", queue_num="3")),
    *_target("NFQUEUE-default", "-j NFQUEUE", T("NFQUEUE")),
    *_target(
        "NFQUEUE-balance",
        "-j NFQUEUE --queue-balance 0:3 --queue-bypass --queue-cpu-fanout",
        T("NFQUEUE", queue_balance="0:3", queue_bypass="", queue_cpu_fanout=""),
    ),
    *_target(
        "NFLOG",
        '-j NFLOG --nflog-group 30 --nflog-prefix "in this way" --nflog-threshold 4',
        T("NFLOG", nflog_group="30", nflog_prefix="in this way", nflog_threshold="4"),
    ),
    *_target("NFLOG-size", "-j NFLOG --nflog-size 64", T("NFLOG", nflog_size="64")),
    *_target(
        "NFLOG-range",
        "-j NFLOG --nflog-range 64",
        T("NFLOG", nflog_range="64"),
        warning="--nflog-range",
        only_legacy="--nflog-range",
    ),
    *_target(
        "SET-add",
        "-j SET --add-set {inet}-timed src --exist --timeout 30",
        T("SET", add_set=["{inet}-timed", "src"], exist="", timeout="30"),
        setup=TIMED,
    ),
    *_target(
        "SET-del",
        "-j SET --del-set {inet}-ports src,dst",
        T("SET", del_set=["{inet}-ports", "src,dst"]),
        setup=PORTS,
    ),
    *_target(
        "SET-add-and-del",
        "-j SET --add-set {inet}-hosts src --del-set {inet}-ports dst,dst",
        T("SET", add_set=["{inet}-hosts", "src"], del_set=["{inet}-ports", "dst,dst"]),
        setup=HOSTS + PORTS,
    ),
    *_target(
        "SET-map",
        "-j SET --map-set {inet}-marks src --map-mark --map-prio",
        T("SET", map_set=["{inet}-marks", "src"], map_mark="", map_prio=""),
        setup=MARKS,
        at="mangle/POSTROUTING",
    ),
    *_target(
        "IDLETIMER",
        "-j IDLETIMER --timeout 42 --label matrix",
        T("IDLETIMER", timeout="42", label="matrix"),
    ),
    *_target("AUDIT", "-j AUDIT --type drop", T("AUDIT", type="drop")),
    *_target(
        "SYNPROXY",
        "-p tcp -m conntrack --ctstate INVALID,UNTRACKED -j SYNPROXY --sack-perm --timestamp"
        " --wscale 9 --mss 1460",
        T("SYNPROXY", sack_perm="", timestamp="", wscale="9", mss="1460"),
        M("conntrack", ctstate="INVALID,UNTRACKED"),
        protocol="tcp",
    ),
    *_target(
        "RATEEST",
        "-j RATEEST --rateest-name RE9 --rateest-interval 250ms --rateest-ewmalog 500ms",
        T("RATEEST", rateest_name="RE9", rateest_interval="250ms", rateest_ewmalog="500ms"),
    ),
]

ACCEPTED: list[Case] = [
    *HEADER,
    *PORT_MATCHES,
    *CONNECTION_MATCHES,
    *RATE_MATCHES,
    *PACKET_MATCHES,
    *SET_MATCHES,
    *TEXT_MATCHES,
    *POLICY_MATCHES,
    *COMBINED_MATCHES,
    *VERDICTS,
    *NAT_TARGETS,
    *MANGLE_TARGETS,
    *OTHER_TARGETS,
]
"""What the tool accepts, and so must we."""

REJECTED: list[Case] = [
    *rows("tcp-no-protocol", "-m tcp --dport 80", M("tcp", dport="80")),
    *rows(
        "tcp-port-too-big", "-p tcp -m tcp --dport 99999", M("tcp", dport="99999"), protocol="tcp"
    ),
    *rows("tcp-port-reversed", "-p tcp -m tcp --dport 9:8", M("tcp", dport="9:8"), protocol="tcp"),
    *rows(
        "tcp-service-unknown",
        "-p tcp -m tcp --dport nosuch",
        M("tcp", dport="nosuch"),
        protocol="tcp",
    ),
    *rows(
        "tcp-flags-unknown",
        "-p tcp -m tcp --tcp-flags SYN,FOO SYN",
        M("tcp", tcp_flags=["SYN,FOO", "SYN"]),
        protocol="tcp",
    ),
    *rows("multiport-no-protocol", "-m multiport --dports 1,2", M("multiport", dports="1,2")),
    *rows(
        "multiport-too-many",
        "-p tcp -m multiport --dports " + ",".join(map(str, range(1, 17))),
        M("multiport", dports=",".join(map(str, range(1, 17)))),
        protocol="tcp",
    ),
    *rows(
        "icmp-unknown",
        "-p icmp -m icmp --icmp-type nosuch",
        M("icmp", icmp_type="nosuch"),
        families=V4,
        protocol="icmp",
    ),
    *rows(
        "conntrack-state-unknown",
        "-m conntrack --ctstate NEW,FOO",
        M("conntrack", ctstate="NEW,FOO"),
    ),
    *rows("conntrack-nothing", "-m conntrack", M("conntrack")),
    *rows(
        "state-unknown",
        "-m state --state RELATED,ESTABLISHED,FOOBAR",
        M("state", state="RELATED,ESTABLISHED,FOOBAR"),
    ),
    *rows("mark-nothing", "-m mark", M("mark")),
    *rows("mark-bad", "-m mark --mark xyz", M("mark", mark="xyz")),
    *rows("limit-zero", "-m limit --limit 0/sec", M("limit", limit="0/sec")),
    *rows(
        "limit-overflow",
        "-m limit --limit 3/day",
        M("limit", limit="3/day"),
        only_legacy="slow limits",
    ),
    *rows(
        "hashlimit-no-name",
        "-m hashlimit --hashlimit-upto 1/sec",
        M("hashlimit", hashlimit_upto="1/sec"),
    ),
    *rows(
        "hashlimit-no-rate", "-m hashlimit --hashlimit-name x", M("hashlimit", hashlimit_name="x")
    ),
    *rows("set-absent", "-m set --match-set nosuch src", M("set", match_set=["nosuch", "src"])),
    *rows(
        "set-one-word",
        "-m set --match-set {inet}-hosts",
        M("set", match_set="{inet}-hosts"),
        setup=HOSTS,
    ),
    *rows(
        "set-too-many-dimensions",
        "-m set --match-set {inet}-hosts src,src,src,src,src,src,src",
        M("set", match_set=["{inet}-hosts", "src,src,src,src,src,src,src"]),
        setup=HOSTS,
    ),
    *rows("comment-nothing", "-m comment", M("comment")),
    *rows("recent-exclusive", "-m recent --set --update", M("recent", set="", update="")),
    *rows(
        "ttl-exclusive",
        "-m ttl --ttl-eq 1 --ttl-gt 2",
        M("ttl", ttl_eq="1", ttl_gt="2"),
        families=V4,
    ),
    *rows("hl-exclusive", "-m hl --hl-eq 1 --hl-gt 2", M("hl", hl_eq="1", hl_gt="2"), families=V6),
    *rows("connlimit-nothing", "-m connlimit", M("connlimit")),
    *rows("statistic-no-probability", "-m statistic --mode random", M("statistic", mode="random")),
    *rows(
        "statistic-probability-too-big",
        "-m statistic --mode random --probability 1.5",
        M("statistic", mode="random", probability="1.5"),
    ),
    *rows("mac-bad", "-m mac --mac-source 00:11", M("mac", mac_source="00:11")),
    *rows("iprange-bad", "-m iprange --src-range here-there", M("iprange", src_range="here-there")),
    *rows("length-bad", "-m length --length 70000", M("length", length="70000")),
    *rows("time-bad", "-m time --timestart 25:00", M("time", timestart="25:00")),
    *rows("u32-bad", "-m u32 --u32 zz", M("u32", u32="zz")),
    *rows("bpf-bad", "-m bpf --bytecode '2,1 2 3'", M("bpf", bytecode="2,1 2 3")),
    *rows(
        "owner-unknown",
        "-m owner --uid-owner nosuch",
        M("owner", uid_owner="nosuch"),
        at="filter/OUTPUT",
    ),
    *rows("owner-input", "-m owner --uid-owner 0", M("owner", uid_owner="0")),
    *rows("string-no-algorithm", "-m string --string x", M("string", string="x")),
    *rows(
        "policy-none-strict",
        "-m policy --dir in --pol none --strict",
        M("policy", dir="in", pol="none", strict=""),
    ),
    *rows("dscp-too-big", "-m dscp --dscp 0x40", M("dscp", dscp="0x40")),
    *rows("option-unknown", "-p tcp -m tcp --dportt 80", M("tcp", dportt="80"), protocol="tcp"),
    *rows("option-not-invertible", "-m limit ! --limit 5/min", M("limit", limit="!5/min")),
    *rows(
        "flag-not-invertible",
        "-m set --match-set {inet}-hosts src ! --return-nomatch",
        M("set", match_set=["{inet}-hosts", "src"], return_nomatch="!"),
        setup=HOSTS,
    ),
    *_target("DNAT-nothing", "-p tcp -j DNAT", T("DNAT"), protocol="tcp", **DNAT),
    *_target(
        "DNAT-port-no-protocol",
        "-j DNAT --to-destination {at}:80",
        T("DNAT", to_destination="{at}:80"),
        **DNAT,
    ),
    *_target("DNAT-filter", "-j DNAT --to-destination {host}", T("DNAT", to_destination="{host}")),
    *_target("SNAT-hook", "-j SNAT --to-source {host}", T("SNAT", to_source="{host}"), **DNAT),
    *_target("SNAT-filter", "-j SNAT --to-source {host}", T("SNAT", to_source="{host}")),
    *_target("MASQUERADE-hook", "-j MASQUERADE", T("MASQUERADE"), **DNAT),
    *_target(
        "MASQUERADE-ports-no-protocol",
        "-j MASQUERADE --to-ports 1-2",
        T("MASQUERADE", to_ports="1-2"),
        **SNAT,
    ),
    *_target("MARK-nothing", "-j MARK", T("MARK"), **MANGLE),
    *_target("LOG-level", "-j LOG --log-level nosuch", T("LOG", log_level="nosuch")),
    *_target("REJECT-unknown", "-j REJECT --reject-with nosuch", T("REJECT", reject_with="nosuch")),
    *_target(
        "REJECT-reset-no-tcp",
        "-j REJECT --reject-with tcp-reset",
        T("REJECT", reject_with="tcp-reset"),
    ),
    *_target("REJECT-nat", "-j REJECT", T("REJECT"), **DNAT),
    *_target("TPROXY-no-protocol", "-j TPROXY --on-port 1", T("TPROXY", on_port="1"), **MANGLE),
    *_target("TPROXY-nothing", "-p tcp -j TPROXY", T("TPROXY"), protocol="tcp", **MANGLE),
    *_target(
        "TCPMSS-no-syn",
        "-p tcp -j TCPMSS --set-mss 1400",
        T("TCPMSS", set_mss="1400"),
        protocol="tcp",
        only_legacy="matches of a target",
    ),
    *_target("NFQUEUE-too-big", "-j NFQUEUE --queue-num 65536", T("NFQUEUE", queue_num="65536")),
    *_target("CT-filter", "-j CT --notrack", T("CT", notrack="")),
    *_target(
        "CT-helper-unknown",
        "-p tcp -j CT --helper nosuch",
        T("CT", helper="nosuch"),
        protocol="tcp",
        **RAW,
    ),
    *_target("SET-absent", "-j SET --add-set nosuch src", T("SET", add_set=["nosuch", "src"])),
    *_target("SYNPROXY-no-protocol", "-j SYNPROXY", T("SYNPROXY")),
    *_target("IDLETIMER-no-label", "-j IDLETIMER --timeout 42", T("IDLETIMER", timeout="42")),
    *_target("HMARK-nothing", "-j HMARK", T("HMARK"), **MANGLE),
    *_target("TEE-nothing", "-j TEE", T("TEE"), **MANGLE),
    *_target(
        "CLUSTERIP",
        "-d 192.0.2.1 -i eth0 -j CLUSTERIP --new --hashmode sourceip"
        " --clustermac 01:00:5e:00:00:20 --total-nodes 2 --local-node 1",
        T(
            "CLUSTERIP",
            new="",
            hashmode="sourceip",
            clustermac="01:00:5e:00:00:20",
            total_nodes="2",
            local_node="1",
        ),
        families=V4,
        dst="192.0.2.1",
        in_interface="eth0",
    ),
]
"""What the tool rejects, and so must we, in the same words."""
