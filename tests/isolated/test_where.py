"""Where it runs: with few capabilities, in a user namespace, beside a /run that is read-only.

What is missing is said, by the exception and by `pyiptc.capabilities()`; the rest works.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from support import features, isolated
from support.family import Family

pytestmark = pytest.mark.kernel

HEAD = """
import ctypes, json, os, sys
from support import namespace, rights
from support.family import FAMILIES

family = FAMILIES[sys.argv[1]]
found = {}

def attempt(name, work):
    try:
        found[name] = work()
    except Exception as error:
        found[name] = [type(error).__name__, getattr(error, "errno", None), str(error)]

def edit(**more):
    table = family.Table("filter", **more)
    chain = iptc.Chain(table, "INPUT")
    chain.append("-p tcp -m tcp --dport 1 -m comment --comment x -j ACCEPT")
    chain.delete("-p tcp -m tcp --dport 1 -m comment --comment x -j ACCEPT")
    chain.zero_counters()
    with table.transaction():
        table.create_chain("user")
    text = table.save(counters=True)
    table.restore(text)
    table.flush()
    return table.lock

def report():
    found["capabilities"] = iptc.capabilities()
    print(json.dumps(found))
"""


def run(script: str, family: Family, **env: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(isolated.output(HEAD + script, family.name, env=env))
    return found


ONE = """
rights.keep_only(rights.CAP_NET_ADMIN)
attempt("edit", edit)
attempt("handle", lambda: edit(handle="libiptc"))
attempt("tables", lambda: family.Table.ALL == [name for name in family.Table.ALL if family.Table(name)])
attempt("save", lambda: iptc.save(family.name))
attempt("elsewhere", lambda: iptc.netns(os.getpid()).__enter__())
report()
"""


@pytest.mark.differs("lock")
def test_one_capability_is_enough(
    backend: str, family: Family, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """CAP_NET_ADMIN: all but entering another namespace, and that is said."""
    lock = tmp_path_factory.mktemp("lock") / "lock"
    found = run(ONE, family, XTABLES_LOCKFILE=str(lock))
    assert found["edit"] == (str(lock) if backend == "legacy" else None)
    assert found["tables"] is True
    assert found["save"].startswith("*")
    name, _, words = found["elsewhere"]
    assert name == "AccessError"
    assert "CAP_SYS_ADMIN" in words
    rights = found["capabilities"]["rights"]
    assert (rights["net_admin"], rights["net_raw"], rights["sys_admin"]) == (True, False, False)
    assert not found["capabilities"]["namespaces"]["can_enter"]
    assert found["capabilities"]["missing"] == []
    features.require(features.LINK_NAMESPACE)
    assert found["handle"] == str(lock)


LESS = """
rights.keep_only(rights.CAP_NET_RAW)
attempt("edit", edit)
attempt("save", lambda: iptc.save(family.name))
attempt("rule", lambda: str(family.Rule.parse("-p tcp -m tcp --dport 1 -j ACCEPT")))
report()
"""


def test_without_it(backend: str, family: Family) -> None:
    """Rules can be made; tables cannot be had, and what is missing is known."""
    found = run(LESS, family)
    assert found["rule"] == "-p tcp -m tcp --dport 1 -j ACCEPT"
    assert found["edit"][:2] == ["AccessError", 1]
    assert [words.split(":")[0] for words in found["capabilities"]["missing"]] == ["CAP_NET_ADMIN"]
    assert not found["capabilities"]["revisions"]
    assert "CAP_NET_ADMIN is missing" in found["edit"][2]


USER = """
# Loaded while files can be read.
family.Rule.parse("-p tcp -m tcp --dport 1 -m comment --comment x -j ACCEPT")
iptc.capabilities()
libc = ctypes.CDLL(None)
if not namespace.in_user_namespace():
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
    libc.prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE: else /proc/self is root's
    namespace.leave_machine_namespace()
attempt("before", iptc.capabilities)
attempt("edit", edit)
attempt("other lock", lambda: edit(lock="host"))
if isinstance(found["edit"], str) and found["edit"].startswith("/tmp/pyiptc-"):
    os.unlink(found["edit"])
report()
"""


@pytest.mark.only_backend("legacy", "lock")
def test_user_namespace(family: Family) -> None:
    """Of an ordinary user: all works, with a lock of its own, and that is told beforehand."""
    found = run(USER, family, XTABLES_LOCKFILE="/run/xtables.lock")
    assert found["edit"].startswith("/tmp/pyiptc-0-")
    assert found["before"]["lock"]["path"] == found["edit"]
    capabilities = found["capabilities"]
    assert capabilities["rights"]["user_namespace"]
    assert not capabilities["ipv4"]["can_load"]
    assert capabilities["lock"] == {"kind": "auto", "path": found["edit"], "error": None}
    assert capabilities["missing"] == []
    name, _, words = found["other lock"]
    assert name == "AccessError"
    assert "/run/xtables.lock" in words


READ_ONLY = """
MS_RDONLY, MS_REC, MS_PRIVATE, CLONE_NEWNS = 1, 0x4000, 1 << 18, 0x20000
libc = ctypes.CDLL(None, use_errno=True)
namespace.unshare(CLONE_NEWNS)
assert libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) == 0
assert libc.mount(b"none", b"/run", b"tmpfs", MS_RDONLY, None) == 0
attempt("told", iptc.capabilities)
attempt("edit", edit)
attempt("read", lambda: iptc.Chain(family.Table("filter"), "INPUT").rules)
attempt("save", lambda: family.Table("filter").save())
attempt("none", lambda: edit(lock="none"))
family.Table("filter").close()
attempt("own", lambda: edit(lock="netns"))
if isinstance(found["own"], str) and found["own"].startswith("/tmp/pyiptc-"):
    os.unlink(found["own"])
family.Table("filter").close()
os.environ["XTABLES_LOCKFILE"] = sys.argv[2]
attempt("elsewhere", edit)
report()
"""


@pytest.mark.only_backend("legacy", "lock")
def test_read_only_run(family: Family, tmp_path_factory: pytest.TempPathFactory) -> None:
    """As in a container: the lock file cannot be made, which is said with the ways round it."""
    features.require(features.ROOT)
    lock = str(tmp_path_factory.mktemp("lock") / "lock")
    env = {"XTABLES_LOCKFILE": "/run/xtables.lock"}
    found = json.loads(isolated.output(HEAD + READ_ONLY, family.name, lock, env=env))
    assert found["told"]["lock"] == {
        "kind": "auto",
        "path": "/run/xtables.lock",
        "error": "Read-only file system",
    }
    (words,) = found["told"]["missing"]
    assert words.startswith("the lock file /run/xtables.lock: Read-only file system")
    name, number, words = found["edit"]
    assert (name, number) == ("AccessError", 30)
    assert "/run/xtables.lock" in words
    assert "XTABLES_LOCKFILE" in words
    assert found["read"] == []
    assert found["save"].startswith("*filter")
    assert found["none"] is None
    assert found["own"].startswith("/tmp/pyiptc-0-")
    assert found["elsewhere"] == lock
    assert found["capabilities"]["missing"] == []
