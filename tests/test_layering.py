"""The layers: pure Python, Cython, C shim, inner half. Whoever asks upwards is named here.

Reads every import, cimport and #include of `pyiptc/` and `csrc/`; nothing is run. What the layers are
is data, below; a file that is in none of them fails.
"""

from __future__ import annotations

import ast
import importlib.util
import re
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE, SHIM = ROOT / "pyiptc", ROOT / "csrc"

#: From the bottom up: what each layer is for, and how its files are told.
LEAVES = {"errors": "exceptions and words", "enums": "numbers of the kernel"}
"""They import the standard library only."""
GROUND = {
    "counters": "a value",
    "libraries": "where libraries are found",
    "mended": "text that means what is in a payload",
    "process": "what kind of process this is",
    "pure": "which extensions are functions of their words",
    "text": "bytes and words",
    "_words": "words split quickly: compiled, but of nothing else's kind",
}
"""What the compiled layer uses too: it imports the standard library and leaves, and these edges."""
GROUND_EDGES = {("text", "_words"), ("mended", "text")}
RANK = {"leaf": 0, "ground": 1, "csrc": 1, "cython": 2, "python": 3}

INNER_CONTRACT = "inner/inner.h"
"""All that the shim may know of its inner half."""
SHARED = "layout.h"
"""All that the inner half may know of the shim: the structs of the kernel."""

ONLY_GUARD = re.compile(r"\b_?(?:sig)?(?:setjmp|longjmp)\b|\bjmp_buf\b")
TABLE_HEADERS = {
    "arpa/inet.h",
    "errno.h",
    "limits.h",
    "linux/netfilter/xt_comment.h",
    "linux/netfilter/xt_tcpudp.h",
    "stdbool.h",
    "stddef.h",
    "stdint.h",
    "stdlib.h",
    "string.h",
}
SYSTEM_CALLS = frozenset(
    "accept bind clone close connect dlmopen dlopen dup dup2 execl execv execve execvp exit fcntl "
    "flock fopen fork fprintf fputs fread fwrite getsockopt ioctl kill lseek mmap mprotect munmap "
    "open openat pipe poll posix_spawn printf pthread_create puts read recv recvmsg select send "
    "sendmsg setns setsockopt sigaction signal sleep socket stat syscall unlink unshare vfork "
    "waitpid write _exit abort getenv setenv".split()
)


@dataclass(frozen=True)
class Import:
    """One edge: which module asks for which, and where it says so."""

    importer: str
    imported: str
    """A module of the package, or ``.name`` of another one."""
    line: int
    is_typing_only: bool = False

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} -> {self.imported}"


def module_of(path: Path) -> str:
    return path.stem


PYTHON = sorted(path for path in PACKAGE.glob("*.py") if path.stem != "__init__")
CYTHON = sorted([*PACKAGE.glob("*.pyx"), *PACKAGE.glob("*.pxd")])
C = sorted([*SHIM.rglob("*.c"), *SHIM.rglob("*.h")])
MODULES = {module_of(path) for path in [*PYTHON, *CYTHON]}


def layer_of(module: str) -> str:
    if module in LEAVES:
        return "leaf"
    if module in GROUND:
        return "ground"
    if module == "_csrc":
        return "csrc"
    if (PACKAGE / f"{module}.pyx").exists():
        return "cython"
    assert (PACKAGE / f"{module}.py").exists() or module == "__init__", module
    return "python"


# -- Python ------------------------------------------------------------------------------------------


def imports_of(path: Path) -> Iterator[Import]:
    """All imports of a Python file, those inside of functions too."""
    module = module_of(path)

    def visit(node: ast.AST, typing_only: bool) -> Iterator[Import]:
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            for statement in node.body:
                yield from visit(statement, True)
            for statement in node.orelse:
                yield from visit(statement, typing_only)
            return
        for name in _named(node):
            yield Import(module, name, getattr(node, "lineno", 0), typing_only)
        for child in ast.iter_child_nodes(node):
            yield from visit(child, typing_only)

    yield from visit(ast.parse(path.read_text()), False)


def _named(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [_outside(alias.name) for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    if node.level == 0:
        return [_outside(node.module or "")]
    assert node.level == 1, "the package is flat"
    if node.module:
        return [node.module]
    return [alias.name if alias.name in MODULES else "__init__" for alias in node.names]


def _outside(name: str) -> str:
    """A module that is imported by its full name."""
    top, _, rest = name.partition(".")
    return (rest.split(".")[0] or "__init__") if top == "pyiptc" else f".{top}"


# -- Cython ------------------------------------------------------------------------------------------

_IMPORT = re.compile(r"^\s*(?:from\s+(\S+)\s+)?(?:c?import)\s+(.+?)\s*$", re.MULTILINE)
_STRINGS = re.compile(r'("""|\'\'\')(?:.|\n)*?\1|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'')


def bare_cython(path: Path) -> str:
    """Cython source without comments and strings, line by line as it was."""

    def blank(found: re.Match[str]) -> str:
        return '""' + "\n" * found.group().count("\n")

    text = _STRINGS.sub(blank, path.read_text())
    return re.sub(r"#.*", "", text)


def cython_imports_of(path: Path) -> Iterator[Import]:
    text = bare_cython(path)
    text = re.sub(r"\(([^()]*)\)", lambda found: found.group(1).replace("\n", " "), text)
    for found in _IMPORT.finditer(text):
        source, names = found.groups()
        line = text.count("\n", 0, found.start()) + 1
        for name in names.split(","):
            first = name.split()[0] if name.split() else ""
            if source is None:
                yield Import(module_of(path), _outside(first), line)
            elif source == ".":
                yield Import(module_of(path), first, line)
            elif source.startswith("."):
                yield Import(module_of(path), source[1:], line)
            else:
                yield Import(module_of(path), _outside(source), line)


ALL = [edge for path in [*PYTHON, PACKAGE / "__init__.py"] for edge in imports_of(path)] + [
    edge for path in CYTHON for edge in cython_imports_of(path)
]
INSIDE = [edge for edge in ALL if not edge.imported.startswith(".")]
OUTSIDE = [edge for edge in ALL if edge.imported.startswith(".")]


def test_there_is_something_to_read() -> None:
    """The parsers find what is known to be there."""
    found = {(edge.importer, edge.imported) for edge in ALL}
    assert {
        *(("__init__", "table"), ("table", "chain"), ("rule", "_blob"), ("_kernel", "_csrc")),
        *(("_blob", "errors"), ("_xtables", ".os"), ("lock", ".fcntl"), ("_blob", ".libc")),
    } <= found
    assert any(edge.is_typing_only for edge in ALL)
    assert len(C) > 10


def test_every_import_is_of_a_module() -> None:
    assert [str(edge) for edge in INSIDE if edge.imported not in MODULES | {"__init__"}] == []


def test_nothing_upwards() -> None:
    """Pure Python, Cython, C: each asks only its own layer and those below."""
    upwards = [
        str(edge)
        for edge in INSIDE
        if RANK[layer_of(edge.importer)] < RANK[layer_of(edge.imported)]
    ]
    assert upwards == []


def test_only_cython_knows_the_shim() -> None:
    users = {edge.importer for edge in INSIDE if edge.imported == "_csrc"}
    assert {layer_of(user) for user in users} == {"cython"}


def test_leaves_import_the_standard_library_only() -> None:
    for leaf in LEAVES:
        assert [str(edge) for edge in INSIDE if edge.importer == leaf] == []


def test_ground_imports_leaves_only() -> None:
    edges = [
        edge
        for edge in INSIDE
        if edge.importer in GROUND and (edge.importer, edge.imported) not in GROUND_EDGES
    ]
    assert [str(edge) for edge in edges if edge.imported not in LEAVES] == []


def is_standard(module: str) -> bool:
    """Whether a module comes with Python, or is one that Cython compiles in."""
    if module in {"cpython", "libc", "posix", "cython"}:
        return True
    found = importlib.util.find_spec(module)
    origin = (found.origin or "") if found is not None else ""
    return origin in ("built-in", "frozen") or (
        origin.startswith(sysconfig.get_path("stdlib")) and "site-packages" not in origin
    )


def test_nothing_but_the_standard_library() -> None:
    """The package needs no other package."""
    assert not is_standard("pytest")
    assert [str(edge) for edge in OUTSIDE if not is_standard(edge.imported[1:])] == []


def test_the_package_itself_is_imported_by_none() -> None:
    """`from . import x` names a module, never something that __init__ gathers."""
    assert [str(edge) for edge in INSIDE if edge.imported == "__init__"] == []


def test_no_cycles() -> None:
    """Not even by an import inside of a function: what is needed for types alone is no edge."""
    below: dict[str, set[str]] = {}
    for edge in INSIDE:
        if not edge.is_typing_only and edge.importer != edge.imported:
            below.setdefault(edge.importer, set()).add(edge.imported)
    cycles: list[list[str]] = []
    done: set[str] = set()

    def visit(module: str, path: list[str]) -> None:
        if module in path:
            cycles.append([*path[path.index(module) :], module])
            return
        if module in done:
            return
        for name in sorted(below.get(module, ())):
            visit(name, [*path, module])
        done.add(module)

    for module in sorted(below):
        visit(module, [])
    assert cycles == []


def test_blob_uses_neither_sockets_nor_libxtables() -> None:
    edges = {edge.imported for edge in ALL if edge.importer == "_blob"}
    assert edges <= {"_csrc", "errors", ".cpython", ".cython", ".libc"}
    calls = set(re.findall(r"_csrc\.(pyiptc_\w+)", bare_cython(PACKAGE / "_blob.pyx")))
    assert calls, "it does use the shim"
    assert not [
        call
        for call in calls
        if re.search(r"socket|instance|find|parse|save|get_|set_|netns", call)
    ]


@pytest.mark.parametrize("path", CYTHON, ids=lambda path: path.name)
def test_externs_are_in_one_place(path: Path) -> None:
    """`_csrc.pxd` alone knows C, without the GIL, and without any logic."""
    text = bare_cython(path)
    blocks = re.findall(r"^cdef extern.*$", text, re.MULTILINE)
    if path.name != "_csrc.pxd":
        assert blocks == []
        return
    assert len(blocks) == 1
    assert re.fullmatch(r"cdef extern from .* nogil:", blocks[0])
    assert not re.findall(r"^\s*(?:def|class|return|if|for|while)\b", text, re.MULTILINE)


@pytest.mark.parametrize("path", CYTHON, ids=lambda path: path.name)
def test_no_textual_inclusion(path: Path) -> None:
    assert not re.findall(
        r"^\s*(?:include\b|IF\b|DEF\b|.*cimport\s+\*)", bare_cython(path), re.MULTILINE
    )


# -- C -------------------------------------------------------------------------------------------------

_INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.MULTILINE)
_C_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_C_STRING = re.compile(r'"(?:\\.|[^"\\\n])*"')


def bare_c(path: Path) -> str:
    return _C_COMMENT.sub(" ", path.read_text())


def includes_of(path: Path) -> tuple[set[str], set[str]]:
    """Files of the shim, relative to csrc, and headers of the system."""
    own, system = set(), set()
    for kind, name in _INCLUDE.findall(bare_c(path)):
        if kind == "<":
            system.add(name)
            continue
        beside = (path.parent / name).resolve()
        found = beside if beside.exists() else (SHIM / name).resolve()
        assert found.exists(), f"{path}: {name}"
        own.add(str(found.relative_to(SHIM)))
    return own, system


def c_id(path: Path) -> str:
    return str(path.relative_to(SHIM))


INNER = [path for path in C if path.parent.name == "inner"]
OUTER = [path for path in C if path.parent == SHIM]


def test_c_is_in_two_halves() -> None:
    assert sorted([*INNER, *OUTER]) == C


@pytest.mark.parametrize("path", C, ids=c_id)
def test_c_knows_no_python(path: Path) -> None:
    own, system = includes_of(path)
    assert not [name for name in own | system if re.search(r"python|Py|cython", name)]
    assert not re.search(r"\bPy[A-Z_]\w*\s*\(", bare_c(path))


@pytest.mark.parametrize("path", INNER, ids=c_id)
def test_inner_half_knows_nothing_of_the_outer(path: Path) -> None:
    """But for the layout of the kernel's structs."""
    own, _ = includes_of(path)
    assert {name for name in own if not name.startswith("inner/")} <= {SHARED}


@pytest.mark.parametrize("path", OUTER, ids=c_id)
def test_outer_half_knows_the_contract_only(path: Path) -> None:
    """Of the inner half one header; of libxtables and libiptc nothing."""
    own, system = includes_of(path)
    assert {name for name in own if name.startswith("inner/")} <= {INNER_CONTRACT}
    assert not [name for name in system if re.match(r"xtables|libiptc|libip", name)]


def test_the_contract_stands_alone() -> None:
    """Both halves include it, so it includes neither."""
    own, system = includes_of(SHIM / INNER_CONTRACT)
    assert own == set()
    assert system <= {"stddef.h", "stdint.h"}
    assert includes_of(SHIM / SHARED)[0] == set()


@pytest.mark.parametrize("path", C, ids=c_id)
def test_only_the_guard_jumps(path: Path) -> None:
    found = ONLY_GUARD.findall(_C_STRING.sub("", bare_c(path))) or [
        name for name in includes_of(path)[1] if name == "setjmp.h"
    ]
    assert bool(found) == (path.stem == "guard")


@pytest.mark.parametrize(
    "path", [path for path in OUTER if re.match("table|entry|family|print", path.stem)], ids=c_id
)
def test_tables_make_no_system_call(path: Path) -> None:
    """A table in memory: arithmetic on bytes, and memory."""
    _, system = includes_of(path)
    assert system <= TABLE_HEADERS
    text = _C_STRING.sub("", bare_c(path))
    called = set(re.findall(r"\b([a-z_]\w*)\s*\(", text))
    assert called & SYSTEM_CALLS == set()


def test_headers_of_libxtables_are_in_the_inner_half() -> None:
    users = {path for path in C if "xtables.h" in includes_of(path)[1]}
    assert users
    assert users <= set(INNER)
