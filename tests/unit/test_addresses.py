"""Addresses with masks, interfaces with wildcards: text and bytes."""

from __future__ import annotations

import ipaddress
import socket
from typing import Union

import pytest
from hypothesis import given, settings, strategies as st

from pyiptc import _blob, addresses, errors
from pyiptc.addresses import Network

PROPERTY = settings(max_examples=150, deadline=None, derandomize=True)
SIZES = {2: 4, 10: 16}

addresses_of_both = st.one_of(
    st.ip_addresses(v=4).map(lambda address: (2, address)),
    st.ip_addresses(v=6).map(lambda address: (10, address)),
)
Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]


@given(addresses_of_both, st.data())
@PROPERTY
def test_address_with_length(pair: tuple[int, Address], data: st.DataObject) -> None:
    """As Python's own module reads and prints it."""
    family, address = pair
    bits = 8 * SIZES[family]
    length = data.draw(st.integers(0, bits))
    network = addresses.parse_network(f"{address}/{length}", family)
    expected = ipaddress.ip_network((address, length), strict=False)
    assert network == Network(address.packed, expected.netmask.packed)
    masked = Network(expected.network_address.packed, network.mask)
    printed = _blob.network_text(family, *masked)
    assert ipaddress.ip_network(printed) == expected
    assert addresses.parse_network(printed, family) == masked
    dotted = _blob.network_text(family, *masked, True)
    assert addresses.parse_network(dotted, family) == masked
    if family == 2:
        assert (printed, dotted) == (str(expected), expected.with_netmask)


@given(addresses_of_both)
@PROPERTY
def test_address_alone(pair: tuple[int, Address]) -> None:
    family, address = pair
    network = addresses.parse_network(str(address), family)
    assert network == Network(address.packed, b"\xff" * SIZES[family])


@given(st.sampled_from([2, 10]), st.data())
@PROPERTY
def test_any_mask(family: int, data: st.DataObject) -> None:
    """Masks with holes are printed in full, all others by their length; both read back."""
    size = SIZES[family]
    address, mask = (data.draw(st.binary(min_size=size, max_size=size)) for _ in range(2))
    network = Network(address, mask)
    printed = _blob.network_text(family, *network)
    assert addresses.parse_network(printed, family) == network
    bits = bin(int.from_bytes(mask, "big"))[2:].zfill(8 * size)
    has_holes = "01" in bits
    if has_holes:
        assert printed == "/".join(socket.inet_ntop(family, raw) for raw in (address, mask))
    else:
        assert printed == f"{socket.inet_ntop(family, address)}/{bits.count('1')}"


@pytest.mark.parametrize("length", range(129))
def test_prefixes(length: int) -> None:
    for family, size in SIZES.items():
        if length <= 8 * size:
            network = Network(bytes(size), addresses.prefix_mask(length, size))
            assert _blob.network_text(family, *network).endswith(f"/{length}")


BAD = {
    2: [
        *("", "/", "/8", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4/33", "1.2.3.4/-1"),
        *("1.2.3.4/", "1.2.3.4/8/8", "1.2.3.4/255.255.255", " 1.2.3.4", "1.2.3.4 ", "1.2.3.4\0"),
        *("::1", "localhost", "1.2.3.4/٣", "٣.2.3.4", "\ud800", "1.2.3.4/\udc80", "0x1020304"),
        *("1.2.3.4/" + "9" * 5000, "1.2.3.4/0x8", "!1.2.3.4", "1.2.3.4/ 8", "1.2.3.4/+8", "10/8"),
    ],
    10: [
        *("", "/", ":", ":::", "1.2.3.4", "::1/129", "::1/-1", "::1/", "::g", "::1%eth0", "::1\0"),
        *(" ::1", "::1/8/8", "::/255.255.0.0", "::1/٣", "\ud800::", "1:2:3:4:5:6:7:8:9", "[::1]"),
        *("::1/" + "9" * 5000, "ip6-localhost"),
    ],
}


@pytest.mark.parametrize(
    ("family", "value"),
    [(family, value) for family, values in BAD.items() for value in values],
    ids=lambda value: ascii(value)[:24],
)
def test_bad_addresses(family: int, value: str) -> None:
    """One class of error for all, which says what was wrong with what."""
    with pytest.raises(errors.RuleError, match=r"invalid|cannot be encoded"):
        addresses.parse_network(value, family)


interface_names = (
    st.binary(min_size=1, max_size=15)
    .filter(lambda raw: b"\0" not in raw)
    .map(lambda raw: raw.decode("utf-8", "surrogateescape"))
)


@given(interface_names)
@PROPERTY
def test_interfaces(name: str) -> None:
    """What is set is what is shown; the mask covers the NUL, or stops before the wildcard."""
    raw, mask = addresses.parse_interface(name)
    length = len(name.encode("utf-8", "surrogateescape"))
    expected = length - 1 if name.endswith("+") else length + 1
    assert mask == b"\xff" * expected
    shown = _blob.interface_text(raw.ljust(16, b"\0"), mask.ljust(16, b"\0"))
    assert shown == ("" if name == "+" else name)


@pytest.mark.parametrize(
    "name",
    ["", "x" * 16, "é" * 8, "a\0b", "\0", "\ud800", "+" * 16],
    ids=lambda value: ascii(value)[:24],
)
def test_bad_interfaces(name: str) -> None:
    with pytest.raises(errors.RuleError):
        addresses.parse_interface(name)


def test_interfaces_of_other_tools() -> None:
    """Names and masks that nobody here writes are shown as iptables shows them."""
    full = b"\xff" * 16
    for name, mask, shown in (
        (b"eth0", b"\xff" * 4, "eth0+"),
        (b"eth0", b"\xff" * 3, "eth+"),
        (b"0123456789abcdef", full, "0123456789abcdef"),
        (b"", b"", ""),
        (b"", full, ""),
        (b"eth0", b"\xff\0\xff", "e+"),
    ):
        assert _blob.interface_text(name.ljust(16, b"\0"), mask.ljust(16, b"\0")) == shown
