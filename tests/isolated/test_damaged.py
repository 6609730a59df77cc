"""No crash on any payload that some other tool left in the kernel: `damaged.py` changes each byte."""

from __future__ import annotations

import json

import pytest

from isolated import damaged
from support import isolated
from support.family import FAMILIES

pytestmark = [pytest.mark.kernel, pytest.mark.any_backend]


@pytest.mark.parametrize("family", FAMILIES)
def test_damaged_payloads(family: str) -> None:
    """Printed or opaque; and there are enough of them."""
    script = "from isolated import damaged\ndamaged.main()"
    found = json.loads(isolated.output(script, family, prelude=False, timeout=180))
    assert found["found"] == {}
    assert found["count"] > 30_000


COUNTS = {
    "ipv4-multiport": ("-p tcp -m multiport --dports 1,2", 1),
    "ipv4-string": ("-m string --algo bm --string x", 148),
    "ipv4-u32-tests": ("-m u32 --u32 0=1", 1980),
    "ipv4-u32-locations": ("-m u32 --u32 0=1", 176),
    "ipv4-u32-values": ("-m u32 --u32 0=1", 177),
    "ipv6-rt": ("-m rt --rt-type 0", 276),
    "ipv6-dst": ("-m dst --dst-opts 1", 38),
    "ipv6-hbh": ("-m hbh --hbh-opts 1", 38),
}
"""Where a payload says how many there are of something that it has place for a few of."""


@pytest.mark.parametrize("name", COUNTS)
def test_count_beyond_the_payload(name: str) -> None:
    """Nothing is printed of what lies beyond."""
    text, at = COUNTS[name]
    rule_class = FAMILIES[name[:4]].Rule
    entry = rule_class.parse(f"{text} -j DROP")._as_is()
    at += len(entry.head) + damaged.HEADER
    rule = rule_class(entry.data[:at] + b"\xff" + entry.data[at + 1 :])
    assert [match.is_opaque for match in rule.matches] == [True]
