"""Record what `iptables-nft` leaves in the kernel: `python tests/data/record_nft.py` writes nft/ anew.

Each rule is put in by the installed tool, in a private network namespace, and its expressions are
dumped past every library. A line is one rule; the file's name is the version of the tool, and
`provenance.json` says the rest. Files of other versions, which this machine does not have, stay as
they are.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import shlex
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from support import rawnft  # noqa: E402
from support.namespace import fresh_namespace, leave_machine_namespace  # noqa: E402

TOOLS = {"ipv4": "iptables-nft", "ipv6": "ip6tables-nft"}

BOTH = """\
-i eth0 -o eth1
-i eth+ -o alongifacename+
! -i eth0 ! -o eth+
! -i + -o a
-i abcdefghijklmno
-i +
-p tcp
! -p udp
-p 255 -j DROP
-p tcp -m tcp
-p udp -m udp
-p tcp -m tcp --sport 1
-p tcp -m tcp --dport 0 -j RETURN
-p tcp -m tcp ! --dport 65535
-p tcp -m tcp --sport 0 --dport 0
-p tcp -m tcp --sport 0 --dport 4
-p tcp -m tcp --sport 4 --dport 0
-p tcp -m tcp --sport 4 --dport 5
-p tcp -m tcp ! --sport 4 --dport 5
-p tcp -m tcp ! --sport 4 ! --dport 5
-p tcp -m tcp --sport 1024: --dport :1023
-p tcp -m tcp ! --sport 3:5 ! --dport :9
-p tcp -m tcp --sport 1:65535 --dport 7
-p tcp -m tcp ! --sport 0:65535 --dport 3
-p tcp -m tcp --tcp-flags SYN,ACK SYN
-p tcp -m tcp ! --tcp-flags ALL NONE --dport 1:3
-p tcp -m tcp ! --syn ! --sport 3 ! --dport 5
-p tcp -m tcp --tcp-option 5 --dport 22
-p tcp -m tcp --dport 22 -m tcp --sport 23
-p udp -m udp --sport 0:5 --dport 7:65535
-p udp -m udp ! --sport 53
-p udp -m udp --sport 53 --dport 53
-m mark --mark 5
-m mark ! --mark 5/6
-m mark --mark 1 -m mark --mark 2
-m limit --limit 5/min --limit-burst 9
-m limit --limit 7/day
-m limit --limit 1000/sec
-p tcp -m conntrack --ctstate NEW -m tcp --dport 22
-m ttl --ttl-lt 3
-m pkttype ! --pkt-type multicast
-m multiport -p tcp --dports 1,2,3:4
-m statistic --mode nth --every 3 --packet 0
-c 18446744073709551615 4294967296 -j ACCEPT
-j other
-g other
-j TRACE
-j NFLOG
-j NFLOG --nflog-group 3 --nflog-prefix "a b" --nflog-size 20 --nflog-threshold 4
-j NFQUEUE --queue-num 5
-j MARK --set-xmark 0x1/0xffffffff
-j LOG --log-prefix "x: " --log-level 4
-j CONNMARK --save-mark
"""

ADDRESSED = {
    "ipv4": """\
-s 10.0.0.0/8 -d 1.2.3.4
! -s 10.1.0.0/16 ! -d 10.1.2.0/24 -i eth0 -o eth1 ! -p tcp -f
-s 10.1.2.3/8 -d 10.0.0.0/255.0.0.255
-s 1.2.3.4/31 ! -f
-s 1.2.3.4/1 -d 0.0.0.0/0 -p udp -m udp --dport 53 -j ACCEPT
-p icmp -m icmp --icmp-type 8/0
""",
    "ipv6": """\
-s 2001:db8::/32 -d fe80::1
! -s 2001:db8::/33 ! -d ::1 -i eth0 -o e+ ! -p udp
-s 2001:db8::1/ffff:0:ffff:: -d 2001:db8::/127
-s 2001:db8::/8 -d ::/0 -p udp -m udp --dport 53 -j ACCEPT
-p ipv6-icmp -m icmp6 --icmpv6-type 8
""",
}

NOT_IPV6 = re.compile(r"-m ttl|-c \d")
"""There is no such match, and ip6tables-nft 1.8.9 forgets counters."""


def record(family: str, rule: str) -> bytes:
    """The expressions of one rule, put into chain FORWARD of a namespace of its own."""
    table = "mangle" if "MARK" in rule or "TRACE" in rule else "filter"
    tool = TOOLS[family]
    with fresh_namespace() as namespace, namespace.entered():
        subprocess.run([tool, "-t", table, "-N", "other"], check=True)
        words = shlex.split(rule)
        subprocess.run([tool, "-t", table, "-A", "FORWARD", *words], check=True)
        (found,) = rawnft.rules(family)
    return found.expressions


def main() -> None:
    leave_machine_namespace()
    asked = subprocess.run([TOOLS["ipv4"], "-V"], check=True, capture_output=True, text=True)
    version = asked.stdout.split()[1].lstrip("v")
    lines = []
    for family, addressed in ADDRESSED.items():
        for rule in (addressed + BOTH).splitlines():
            if family == "ipv6" and NOT_IPV6.search(rule):
                continue
            expressions = record(family, rule).hex()
            lines.append(json.dumps({"family": family, "rule": rule, "expressions": expressions}))
    text = "\n".join(lines) + "\n"
    (HERE / "nft" / f"{version}.jsonl").write_text(text)
    provenance = HERE / "nft" / "provenance.json"
    known = json.loads(provenance.read_text()) if provenance.exists() else {}
    known[version] = {
        "made_by": f"tests/data/record_nft.py with {asked.stdout.strip()}",
        "kernel": platform.release().partition("-")[0],
        "machine": platform.machine(),
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
    }
    provenance.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
