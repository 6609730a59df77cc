"""One libxtables in the process's own link namespace: what works there, and what is refused.

That is how pyiptc works where the C library has no dlmopen(), and under sanitizers.
"""

from __future__ import annotations

import pytest

from support import isolated

pytestmark = [pytest.mark.kernel, pytest.mark.any_backend]

SINGLE = {"PYIPTC_SINGLE_INSTANCE": "1"}
ORDERS = {"ipv4 first": ("Rule", "Rule6"), "ipv6 first": ("Rule6", "Rule")}

SECOND_FAMILY = """
import sys

def use(rule_class):
    rule = getattr(iptc, rule_class)()
    rule.protocol = "tcp"
    rule.create_match("tcp").dport = "80"
    rule.create_target("MARK").set_mark = "1"
    return str(rule)

first, second = sys.argv[1:]
before = use(first)
for _ in range(2):
    try:
        use(second)
    except iptc.errors.UnsupportedError as error:
        print(error)
assert use(first) == before == "-p tcp -m tcp --dport 80 -j MARK --set-xmark 0x1/0xffffffff"
"""
NO_DLMOPEN = """
from pyiptc import _xtables
_xtables.has_namespaces = lambda: False
"""
REFUSED = "one libxtables cannot serve IPv4 and IPv6"

OUTPUT = """
import ctypes, os, sys, warnings

libc = ctypes.CDLL(None)
streams = [ctypes.c_void_p.in_dll(libc, name).value for name in ("stdout", "stderr")]
print("Python before", flush=True)
libc.puts(b"C before")
rule = iptc.Rule()
rule.protocol = "tcp"
for work in (
    lambda: setattr(rule.create_match("tcp"), "dport", "80"),  # printed
    lambda: setattr(rule.create_match("tcp"), "dport", "no"),  # refused: a jump
    lambda: setattr(rule.create_match("iprange"), "src_range", "192.0.2.9-192.0.2.1"),  # warned
):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            work()
        except iptc.XTablesError as error:
            print("error", flush=True)
    for warning in caught:
        print(warning.category.__name__, flush=True)
assert rule.matches[0].dport == "80"
assert streams == [ctypes.c_void_p.in_dll(libc, name).value for name in ("stdout", "stderr")]
libc.puts(b"C after")
libc.fflush(None)
print("Python after", flush=True)
"""

LIBIPTC = """
try:
    iptc.Table("filter", handle="libiptc", backend="legacy").chains
except iptc.errors.UnsupportedError as error:
    print(error)
assert len(iptc.Table("filter", backend="legacy").chains) == 3
"""


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_second_family_is_refused(order: tuple[str, str]) -> None:
    lines = isolated.output(SECOND_FAMILY, *order, env=SINGLE).splitlines()
    assert len(lines) == 2
    assert all(line.startswith(REFUSED) for line in lines)


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_second_family_is_refused_without_dlmopen(order: tuple[str, str]) -> None:
    lines = isolated.output(NO_DLMOPEN + SECOND_FAMILY, *order).splitlines()
    assert len(lines) == 2
    assert all(line.startswith(REFUSED) for line in lines)


def test_output_of_the_process_stays_its_own() -> None:
    """The streams that the library's output is taken from are the process's own here."""
    outcome = isolated.run(OUTPUT, env=SINGLE)
    assert (outcome.returncode, outcome.stderr) == (0, "")
    # When C writes what it holds back is its own affair.
    printed = outcome.stdout.splitlines()
    assert [line for line in printed if line.startswith("C ")] == ["C before", "C after"]
    by_python = [line for line in printed if not line.startswith("C ")]
    assert by_python == ["Python before", "error", "LibraryWarning", "Python after"]


def test_libiptc_is_refused() -> None:
    """What has to be put right in libiptc needs a link namespace."""
    assert "link namespace" in isolated.output(LIBIPTC, env=SINGLE)
