"""Whatever is wrong, one clear exception: its class, its words, its errno; and nothing happened."""

from __future__ import annotations

import builtins
import contextlib
import errno
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from parity.libraries import directory_without, library_directory
from parity.mistakes import ON_RULES, ON_TABLES, RULES, Bench, Mistake
from support import features, isolated, undertest
from support.family import FAMILIES, Family, on_nft
from support.oracle import Oracle

pytestmark = pytest.mark.kernel


def each(mistakes: Mapping[str, Mistake]) -> pytest.MarkDecorator:
    """Each mistake in each family that can make it."""
    return pytest.mark.parametrize(
        ("family", "mistake"),
        [
            pytest.param(FAMILIES[family], mistake, id=f"{family}-{name}")
            for name, mistake in mistakes.items()
            for family in mistake.families
        ],
    )


@contextlib.contextmanager
def raises(mistake: Mistake) -> Iterator[None]:
    """Expect the exception of a mistake."""
    module = undertest.load()
    places = (module, module.errors, builtins)
    (error, *_) = (
        getattr(place, mistake.error) for place in places if hasattr(place, mistake.error)
    )
    with pytest.raises(error, match=mistake.words) as raised:
        yield
    if mistake.number:
        number = mistake.nft_number if on_nft() and mistake.nft_number else mistake.number
        assert raised.value.errno == number


@each(ON_RULES)
def test_on_rule(family: Family, mistake: Mistake) -> None:
    """A mistake on a rule raises at once; a rule as good as new is left."""
    bench = Bench.of(family)
    with raises(mistake):
        mistake.make(bench)
    for match in bench.rule.matches:
        bench.rule.remove_match(match)
    bench.rule.create_target("DROP")
    assert bench.rule == bench.drop


@each(ON_TABLES)
def test_on_table(family: Family, mistake: Mistake, oracle: Oracle) -> None:
    """A mistake on a table changes nothing, not even a counter, and the objects still work."""
    oracle.restore(family, RULES, counters=True)
    before = _saved(oracle)
    bench = Bench.of(family)
    with raises(mistake):
        mistake.make(bench)
    if not bench.table.autocommit:
        bench.table.refresh()
        bench.table.autocommit = True
    assert _saved(oracle) == before
    bench.chain.append_rule(bench.drop)
    bench.chain.delete_rule(bench.drop)
    assert _saved(oracle) == before


def _saved(oracle: Oracle) -> dict[str, list[str]]:
    return {
        family: oracle.save(family, "filter", counters=True).splitlines() for family in FAMILIES
    }


def test_absent_table_is_not_available(family: Family) -> None:
    """The question raises nothing."""
    iptc = undertest.load()
    ask = iptc.is_table6_available if family.is_ipv6 else iptc.is_table_available
    assert ask("filter") is True
    assert ask("nosuch") is False


UNPRIVILEGED = """
from support import namespace
namespace.unshare(namespace.CLONE_NEWUSER)
rule = iptc.{rule}()
rule.create_match("tcp").dport = "80"
for table in iptc.{table}.ALL:
    try:
        iptc.{table}(table)
    except iptc.errors.AccessError as error:
        print(type(error).__name__, error.errno, error)
"""


def test_not_root(family: Family) -> None:
    """Without CAP_NET_ADMIN no table can be had; rules can still be built."""
    script = UNPRIVILEGED.format(rule=family.rule_class, table=family.table_class)
    outcome = isolated.run(script)
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert outcome.stdout.splitlines() == [
        f"AccessError {errno.EPERM} can't initialize {table}: Permission denied (you must be root); "
        "CAP_NET_ADMIN is missing, in the user namespace that owns the network namespace"
        for table in ("filter", "mangle", "raw", "nat", "security")
    ]


HIDE = """
set -e
mount --bind "$1" "$2"
mount --bind "$3" "$1"
shift 3
exec "$@"
"""
"""Show the directory $1 at $2 too, then put $3 in its place."""

USE = """
from support import undertest
try:
    iptc = undertest.load()
    iptc.Rule().create_match("tcp").dport = "80"
except ImportError as error:
    print(error)
"""


def test_library_absent(tmp_path: Path) -> None:
    """The error names the file, the places where it was looked for, and the package."""
    features.require("unshare", "mount")
    directory = library_directory()
    real = tmp_path / "real"
    real.mkdir()
    missing = [file.name for file in directory.glob("libxtables.so*")]
    assert missing
    others = directory_without(directory, missing, tmp_path / "others", seen_as=real)
    outcome = isolated.run(
        USE,
        wrapper=("unshare", "-m", "sh", "-c", HIDE, "sh", str(directory), str(real), str(others)),
        env={"IPTABLES_LIBDIR": "/nonexistent/first:/nonexistent/second"},
        prelude=False,
    )
    assert (outcome.returncode, outcome.stderr) == (0, "")
    for wanted in ("libxtables.so.12", "/nonexistent/first", "/nonexistent/second", "package"):
        assert wanted in outcome.stdout
    assert re.search(r"package (libxtables12|iptables)", outcome.stdout)


def test_extensions_absent(family: Family, tmp_path: Path) -> None:
    """With no extensions at all, each of them is what cannot be found."""
    empty = tmp_path / "empty"
    empty.mkdir()
    script = f"""
    for name in ("tcp", "comment", "nosuch"):
        try:
            iptc.{family.rule_class}().create_match(name)
        except iptc.XTablesError as error:
            print(error)
    """
    printed = isolated.output(script, env={"XTABLES_LIBDIR": str(empty)})
    lines = printed.splitlines()
    assert len(lines) == 3
    for name, line in zip(("tcp", "comment", "nosuch"), lines):
        assert name in line


def test_errors_have_one_base() -> None:
    """Programs that catch one class catch all; builtins are second bases."""
    iptc = undertest.load()
    errors: Any = iptc.errors
    assert iptc.IPTCError is errors.IPTCError
    assert iptc.XTablesError is errors.XTablesError
    for name, bases in {
        "XTablesError": (iptc.IPTCError, ValueError),
        "KernelError": (iptc.IPTCError, OSError),
        "TableNotFoundError": (errors.KernelError,),
        "UnsupportedError": (errors.KernelError,),
        "AccessError": (errors.KernelError, PermissionError),
        "RuleError": (iptc.IPTCError, ValueError),
        "ChainNotFoundError": (iptc.IPTCError, LookupError),
        "ChainInUseError": (iptc.IPTCError,),
        "ClosedError": (iptc.IPTCError,),
        "ConflictError": (iptc.IPTCError,),
    }.items():
        assert all(issubclass(getattr(errors, name), base) for base in bases)
    assert issubclass(errors.LibraryWarning, Warning)


def test_closed_table_raises(family: Family, oracle: Oracle) -> None:
    """Use after close() is an error of its own; another object of the name works."""
    iptc = undertest.load()
    table = family.Table("filter")
    chain = iptc.Chain(table, "INPUT")
    table.close()
    with pytest.raises(iptc.errors.ClosedError):
        chain.append_rule(Bench.of(family).drop)
    assert oracle.lines(family, "filter") == []
