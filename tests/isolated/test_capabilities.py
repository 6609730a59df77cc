"""`pyiptc.capabilities()` says what can be had, in each place as it is, and changes nothing."""

from __future__ import annotations

import json
import os
import typing
from pathlib import Path
from typing import Any

import pytest

from pyiptc import capabilities as function
from pyiptc.capabilities import Capabilities
from support import isolated
from support.namespace import NetworkNamespace

pytestmark = [pytest.mark.kernel, pytest.mark.any_backend]

TELL = """
import json, os, sys
from support import faults, seccomp
seccomp.forbid_execve()

def state():
    return {
        "descriptors": [name for name in faults.descriptors() if "/proc/" not in name],
        "libraries": sorted({line.split()[-1] for line in open("/proc/self/maps")
                             if ".so" in line and "python" not in line and "ctypes" not in line}),
        "tables": [open(f"/proc/net/{name}_tables_names").read() for name in ("ip", "ip6")],
        "lock": os.path.exists(os.environ["XTABLES_LOCKFILE"]),
        "modules": open("/proc/modules").read() if os.path.exists("/proc/modules") else "",
        "namespace": os.stat("/proc/thread-self/ns/net").st_ino,
    }

import ctypes
ctypes.CDLL(None)
before = state()
found = iptc.capabilities()
print(json.dumps([before, state(), found]))
"""


def tell(**env: str) -> tuple[dict[str, Any], dict[str, Any], Capabilities]:
    before, after, found = json.loads(isolated.output(TELL, env=env))
    return before, after, found


def test_nothing_is_changed(tmp_path: Path) -> None:
    """No table, no file, no library, no descriptor, no program."""
    before, after, found = tell(XTABLES_LOCKFILE=str(tmp_path / "lock"))
    assert after == before
    assert found["ipv4"]["tables"] == found["ipv6"]["tables"] == []
    assert found["lock"] == {"kind": "auto", "path": str(tmp_path / "lock"), "error": None}


def check_shape(value: Any, shape: Any) -> None:
    """Whether a value is what its type says, through and through."""
    if (
        typing.is_typeddict(shape)
        if hasattr(typing, "is_typeddict")
        else hasattr(shape, "__total__")
    ):
        hints = typing.get_type_hints(shape)
        assert value.keys() == hints.keys()
        for key, hint in hints.items():
            check_shape(value[key], hint)
    elif typing.get_origin(shape) is typing.Union:
        assert value is None or type(value) in (
            typing.get_origin(arg) or arg for arg in typing.get_args(shape)
        )
    elif typing.get_origin(shape) is list:
        assert isinstance(value, list)
        assert all(isinstance(item, str) for item in value)
    else:
        assert type(value) is shape


def test_shape() -> None:
    """What the types say, and JSON."""
    found = function()
    check_shape(found, Capabilities)
    assert json.loads(json.dumps(found)) == found


def test_tables_that_exist(netns: NetworkNamespace) -> None:
    import pyiptc

    assert function()["ipv6"]["tables"] == []
    pyiptc.Table6("mangle", backend="legacy").close()
    assert function()["ipv6"]["tables"] == ["mangle"]
    assert function()["ipv4"]["tables"] == []
    assert function()["nf_tables"] == {"kernel": True, "tables": []}
    pyiptc.Chain(pyiptc.Table6("nat", backend="nft"), "INPUT").append("-j ACCEPT")
    pyiptc.Chain(pyiptc.Table("filter", backend="nft"), "INPUT").append("-j ACCEPT")
    assert function()["nf_tables"]["tables"] == ["IPv4 filter", "IPv6 nat"]
    assert function()["namespaces"]["cookie"] == pyiptc.namespace.current_cookie()


def test_libraries() -> None:
    """What libxtables finds itself."""
    found = function()
    for path in (
        found["libraries"]["libxtables"],
        found["ipv4"]["libiptc"],
        found["ipv6"]["libiptc"],
    ):
        assert path is not None
        assert os.path.isfile(path)
    assert found["libraries"]["version"] in found["libraries"]["libxtables"]  # type: ignore[operator]
    (directory,) = found["libraries"]["directories"]
    assert os.path.isfile(os.path.join(directory, "libxt_tcp.so"))
    assert found["ipv4"]["extensions"] > 40
    assert found["ipv4"]["kernel"]
    assert found["revisions"]


def test_other_directories(tmp_path: Path) -> None:
    (tmp_path / "libxtables.so.12").write_bytes(b"nothing")
    found = tell(IPTABLES_LIBDIR=str(tmp_path), XTABLES_LIBDIR=f"{tmp_path}:/nowhere")[2]
    assert found["libraries"] == {
        "libxtables": None,
        "version": None,
        "error": f"{tmp_path}/libxtables.so.12: file too short",
        "directories": [str(tmp_path), "/nowhere"],
        "instances": found["libraries"]["instances"],
    }
    assert found["ipv4"]["extensions"] == 0
    (words,) = found["missing"]
    assert "libxtables.so.12" in words
    assert "package" in words


def test_one_instance() -> None:
    found = tell(PYIPTC_SINGLE_INSTANCE="1")[2]
    assert found["libraries"]["instances"] == 1
    isolated.output(
        "iptc.capabilities()\niptc.Rule6.parse('-p tcp --dport 1')",
        env={"PYIPTC_SINGLE_INSTANCE": "1"},
    )


NO_TABLES = """
import json
from support import faults
import errno
with faults.failing(faults.Call.GETSOCKOPT, errno.ENOPROTOOPT, option=64):
    with faults.failing(faults.Call.GETSOCKOPT, errno.ENOPROTOOPT):
        print(json.dumps(iptc.capabilities()))
"""


def test_kernel_without_tables(faulty: dict[str, str]) -> None:
    """No ip_tables, no cookie and no sets, and nothing that could be loaded."""
    found: Capabilities = json.loads(isolated.output(NO_TABLES, env=faulty))
    assert not found["ipv4"]["kernel"]
    assert not found["ipv6"]["can_load"]
    assert found["namespaces"]["cookie"] is None
    assert found["ipset"] == {"kernel": False, "protocol": None}
    assert not found["revisions"]
    assert [words.split()[0] for words in found["missing"]] == ["ip_tables", "ip6_tables"]


def test_protocol_of_sets() -> None:
    found = function()["ipset"]
    if found["kernel"]:
        assert found["protocol"] in (6, 7)
