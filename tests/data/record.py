"""Record tables as the kernel has them: `python tests/data/record.py` writes blobs/ anew.

The rules are put in by `iptables-legacy-restore` in a private network namespace and read by the
socket options, past every library. A blob without its provenance is not accepted: beside each
`.bin` (struct ipt_getinfo, then the entries) stands a `.json` that says where it is from.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import platform
import socket
import struct
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from support.faults import GET_ENTRIES, GET_INFO, INFO  # noqa: E402
from support.namespace import fresh_namespace, leave_machine_namespace  # noqa: E402
from support.oracle import Oracle  # noqa: E402

LEVELS = {
    "ipv4": (socket.AF_INET, socket.IPPROTO_IP),
    "ipv6": (socket.AF_INET6, socket.IPPROTO_IPV6),
}

HEADERS4 = """\
*filter
:INPUT DROP [11:1100]
:FORWARD ACCEPT [12:1200]
:OUTPUT ACCEPT [13:18446744073709551615]
[1:10] -A INPUT -s 10.0.0.0/8 -d 192.0.2.7/32 -i eth0 -p tcp -j ACCEPT
[2:20] -A INPUT ! -s 10.1.0.0/255.255.0.255 ! -d 192.0.2.0/24 ! -i eth+ -j DROP
[3:30] -A INPUT -f -j ACCEPT
[4:40] -A INPUT ! -f -p 47 -j RETURN
[5:50] -A OUTPUT -o wlan0123456789a ! -p udp -j QUEUE
[4294967296:18446744073709551615] -A FORWARD -i a+ -o b+
COMMIT
"""

HEADERS6 = """\
*filter
:INPUT DROP [11:1100]
:FORWARD ACCEPT [12:1200]
:OUTPUT ACCEPT [13:18446744073709551615]
[1:10] -A INPUT -s 2001:db8::/32 -d 2001:db8::7/128 -i eth0 -p tcp -j ACCEPT
[2:20] -A INPUT ! -s 2001:db8:1::/ffff:ffff:0:ffff:: ! -d fe80::/10 ! -i eth+ -j DROP
[5:50] -A OUTPUT -o wlan0123456789a ! -p udp -j QUEUE
[4294967296:18446744073709551615] -A FORWARD -i a+ -o b+
COMMIT
"""

CHAINS = """\
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:empty - [0:0]
:first - [0:0]
:second - [0:0]
:Zebra-0123456789-0123456789- - [0:0]
[1:1] -A INPUT -p tcp -j first
[2:2] -A INPUT -p udp -g second
[3:3] -A INPUT
[4:4] -A INPUT -j empty
[5:5] -A first -j second
[6:6] -A first -j RETURN
[7:7] -A second -j Zebra-0123456789-0123456789-
[8:8] -A second
[9:9] -A Zebra-0123456789-0123456789- -j DROP
COMMIT
"""

MATCHES4 = """\
*mangle
:PREROUTING ACCEPT [1:2]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [3:4]
-A PREROUTING -p tcp -m tcp ! --dport 22:80 -m conntrack --ctstate NEW -m comment --comment "a rule" -j MARK --set-xmark 0x7/0xff
-A PREROUTING -p udp -m multiport --dports 1,2,3 -m limit --limit 5/sec -j TTL --ttl-set 64
-A FORWARD -m mark --mark 0x1/0x3 -m length --length 40:1500 -j DSCP --set-dscp 0x1a
-A POSTROUTING -m statistic --mode nth --every 3 --packet 0 -m u32 --u32 "0x0=0x1" -j ACCEPT
COMMIT
"""

NAT4 = """\
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -d 192.0.2.1/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.2:8080
-A PREROUTING -p tcp -m tcp --dport 81 -j REDIRECT --to-ports 82
-A POSTROUTING -o eth0 -j MASQUERADE
-A POSTROUTING -s 10.0.0.0/8 -j SNAT --to-source 192.0.2.1-192.0.2.9
COMMIT
"""

RAW6 = """\
*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -p ipv6-icmp -m icmp6 --icmpv6-type 128 -j CT --notrack
-A PREROUTING -m rt --rt-type 0 -j DROP
-A OUTPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -m hl --hl-eq 64 -j TRACE
COMMIT
"""

EMPTY = "*security\nCOMMIT\n"

TABLES = {
    "ipv4-filter-headers": ("ipv4", "filter", HEADERS4),
    "ipv6-filter-headers": ("ipv6", "filter", HEADERS6),
    "ipv4-filter-chains": ("ipv4", "filter", CHAINS),
    "ipv6-filter-chains": ("ipv6", "filter", CHAINS),
    "ipv4-mangle-matches": ("ipv4", "mangle", MATCHES4),
    "ipv4-nat": ("ipv4", "nat", NAT4),
    "ipv6-raw": ("ipv6", "raw", RAW6),
    "ipv4-security-empty": ("ipv4", "security", EMPTY),
}


def read(family: str, table: str) -> tuple[bytes, bytes]:
    """IPT_SO_GET_INFO and IPT_SO_GET_ENTRIES, in the calling thread's network namespace."""
    domain, level = LEVELS[family]
    libc = ctypes.CDLL(None, use_errno=True)
    with socket.socket(domain, socket.SOCK_RAW, socket.IPPROTO_RAW) as kernel:

        def ask(option: int, request: bytes) -> bytes:
            buffer = ctypes.create_string_buffer(request, len(request))
            size = ctypes.c_uint(len(request))
            done = libc.getsockopt(kernel.fileno(), level, option, buffer, ctypes.byref(size))
            if done != 0:
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
            return buffer.raw

        name = table.encode()
        info = ask(GET_INFO, name.ljust(INFO.size, b"\0"))
        size = INFO.unpack(info)[-1]
        head = struct.pack("32sI4x", name, size)
        return info, ask(GET_ENTRIES, head + bytes(size))[len(head) :]


def record(name: str, family: str, table: str, text: str) -> None:
    oracle = Oracle()
    oracle.restore(family, text, counters=True)
    info, entries = read(family, table)
    data = info + entries
    version = oracle.run("iptables-legacy", "-V").stdout.strip()
    (HERE / "blobs" / f"{name}.bin").write_bytes(data)
    provenance = {
        "family": family,
        "table": table,
        "kernel": platform.release(),
        "arch": platform.machine(),
        "iptables": version,
        "commands": [f"{'ip6' if family == 'ipv6' else 'ip'}tables-legacy-restore -c"],
        "input": text.splitlines(),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    (HERE / "blobs" / f"{name}.json").write_text(json.dumps(provenance, indent=2) + "\n")


def main() -> None:
    leave_machine_namespace()
    for name, (family, table, text) in TABLES.items():
        with fresh_namespace() as namespace, namespace.entered():
            record(name, family, table, text)


if __name__ == "__main__":
    main()
