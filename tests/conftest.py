"""Fixtures of the whole suite: private namespaces, the oracle, both families, accounted skips."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, Optional, cast
from unittest import mock

import pytest

TESTS = Path(__file__).parent
if str(TESTS) not in sys.path:
    sys.path.insert(0, str(TESTS))
pytest.register_assert_rewrite("support")

from support import features, isolated, undertest  # noqa: E402
from support.family import FAMILIES, ONLY, Family, of_other_run  # noqa: E402
from support.namespace import (  # noqa: E402
    NetworkNamespace,
    fresh_namespace,
    in_user_namespace,
    leave_machine_namespace,
)
from support.oracle import Oracle  # noqa: E402
from support.traffic import Link, link as joined_by_veth  # noqa: E402

BACKENDS = ("legacy", "nft")
"""Where tables are: in those of ip_tables, or in those of nf_tables."""
NO_BACKEND = "any"
"""What no backend is called: a table that is opened without saying of which one is an error."""

_lock_directory = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    """Leave the machine's network and its lock file for good, before any thread exists.

    No test can touch the machine's own tables, not even one that forgot its marker.
    """
    config.addinivalue_line("markers", "kernel: needs the kernel; gets a network namespace")
    config.addinivalue_line("markers", "two_families: has IPv4 and IPv6 in one process")
    config.addinivalue_line("markers", "only_backend(name, subject): not on the other one")
    config.addinivalue_line("markers", "differs(subject): each backend has an answer of its own")
    config.addinivalue_line("markers", "any_backend: opens no table, or says itself of which one")
    isolated.spare_tools()
    directory = tempfile.mkdtemp(prefix="pyiptc-tests-")
    config.stash[_lock_directory] = directory
    os.environ["XTABLES_LOCKFILE"] = os.path.join(directory, "xtables.lock")
    try:
        leave_machine_namespace()
    except OSError as error:
        features.declare_absent("netns", str(error))
    if in_user_namespace():
        features.declare_absent(features.ROOT, "in a user namespace")


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(config.stash[_lock_directory])


def pytest_sessionstart() -> None:
    """Have the libxtables of the family that this run is about, so that another one is refused."""
    if ONLY is not None:
        FAMILIES[ONLY].Rule.parse("-p tcp -m tcp --dport 1")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what needs the kernel on both backends; python-iptables, where that is tested, has one.

    Why a test is not for both is a line of docs/nftables.rst: test_differences.py.
    """
    marks = metafunc.definition.iter_markers("parametrize")
    is_named = any("backend" in str(mark.args[0]) for mark in marks)
    if metafunc.definition.get_closest_marker("kernel") is not None and not is_named:
        names = BACKENDS if undertest.name() == "pyiptc" else BACKENDS[:1]
        if metafunc.definition.get_closest_marker("any_backend") is not None:
            names = (NO_BACKEND,)
        metafunc.parametrize("backend", names, indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is not of one backend, and what is of another run's family."""
    left_out = [item for item in items if _of_other_backend(item) or of_other_run(item.nodeid)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in set(left_out)]


def _of_other_backend(item: pytest.Item) -> bool:
    callspec = getattr(item, "callspec", None)
    only = {mark.args[0] for mark in item.iter_markers("only_backend")}
    return bool(only) and callspec is not None and callspec.params["backend"] not in only


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, None]:
    outcome = yield
    report: pytest.TestReport = outcome.get_result()
    _recognise_two_families(report)
    if not hasattr(report, "wasxfail"):
        _refuse_skip(report)


def _recognise_two_families(report: pytest.TestReport) -> None:
    """Skip by name what failed because it had both families where there is one libxtables."""
    only_one = features.TWO_INSTANCES in features.given_up()
    if only_one and report.failed and features.OTHER_FAMILY in report.longreprtext:
        path, line, _ = report.location
        report.outcome = "skipped"
        reason = f"Skipped: {features.left_out(features.TWO_INSTANCES)}"
        report.longrepr = (path, line or 0, reason)


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, None]:
    outcome = yield
    _refuse_skip(outcome.get_result())


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """With PYIPTC_REQUIRE_KERNEL=1, fail what is skipped.

    A missing feature has failed already, by its name; whatever else is skipped is accounted for
    nowhere, and could hide that something was never tested. What the run itself gave up is no loss.
    """
    if features.strict() and report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        if str(reason).startswith(f"Skipped: {features.LEFT_OUT}"):
            return
        report.outcome = "failed"
        report.longrepr = f"skipped although PYIPTC_REQUIRE_KERNEL=1: {reason}"


@pytest.fixture(autouse=True)
def _two_families(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("two_families"):
        features.require(features.TWO_INSTANCES)


@pytest.fixture(autouse=True, scope="module")
def backend(request: pytest.FixtureRequest) -> Iterator[Optional[str]]:
    """The backend of the tables that the test, its scripts and the tools have; None: no kernel.

    Fixtures of a whole module that do something with tables ask for it, to be made once for each.
    """
    name: Optional[str] = getattr(request, "param", None)
    with mock.patch.dict(os.environ, {} if name is None else {"PYIPTC_BACKEND": name}):
        yield name


@pytest.fixture(autouse=True)
def _namespace_for_kernel_tests(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("kernel"):
        request.getfixturevalue("netns")


@pytest.fixture
def netns() -> Iterator[NetworkNamespace]:
    """A fresh network namespace, entered by the thread of the test and left afterwards."""
    features.require("netns")
    with fresh_namespace() as namespace, namespace.entered():
        yield namespace


@pytest.fixture
def oracle() -> Oracle:
    """The command-line tools."""
    return Oracle()


@pytest.fixture(params=FAMILIES.values(), ids=str)
def family(request: pytest.FixtureRequest) -> Family:
    """Both families in turn, with their classes of the module under test and their tools."""
    return cast(Family, request.param)


@pytest.fixture
def veth(netns: NetworkNamespace) -> Iterator[Link]:
    """The test's namespace (`near`, eth0) joined to another one (`far`)."""
    with joined_by_veth() as made:
        yield made
