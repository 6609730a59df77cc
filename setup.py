# SPDX-License-Identifier: GPL-2.0-or-later
"""Build the extensions; everything else is in pyproject.toml. Nothing is downloaded.

``PYIPTC_DEBUG=1`` builds without optimisation, with assertions and line tracing;
``PYIPTC_WERROR=1`` makes warnings errors (CI). ``PYIPTC_SANITIZE=address,undefined`` instruments
all that is compiled here; the runtime of a sanitizer cannot be loaded by dlmopen, so that is for
single-instance mode. For two instances ``PYIPTC_SANITIZE_INNER=0`` leaves the inner half as it is,
or ``PYIPTC_SANITIZE_TRAP=1`` with ``PYIPTC_SANITIZE=undefined`` traps and needs no runtime.
``PYIPTC_CYTHON_DIR`` is where Cython writes, so that a build aside leaves nothing in the tree.
"""

import os
from glob import glob

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

DEBUG = os.environ.get("PYIPTC_DEBUG") == "1"
WERROR = os.environ.get("PYIPTC_WERROR") == "1"
SANITIZE = os.environ.get("PYIPTC_SANITIZE", "")
SANITIZE_INNER = os.environ.get("PYIPTC_SANITIZE_INNER") != "0"
SANITIZE_TRAP = os.environ.get("PYIPTC_SANITIZE_TRAP") == "1"

OURS = ["-std=gnu11", "-Wall", "-Wextra", "-Wconversion", *(["-Werror"] if WERROR else [])]
FLAGS = ["-O0", "-g3", "-UNDEBUG"] if DEBUG else ["-O2", "-g"]
#: Without it Cython's linetrace traces nothing.
MACROS = [("CYTHON_TRACE", "1")] if DEBUG else []
SANITIZER: list[str] = []  # for compiler and linker alike
if SANITIZE:
    MACROS.append(("PYIPTC_WATCH", "1"))
    FLAGS = ["-O1", "-g3", "-fno-omit-frame-pointer"]
    SANITIZER = [f"-fsanitize={SANITIZE}", "-fno-sanitize-recover=all"]
    if SANITIZE_TRAP:
        SANITIZER.append("-fsanitize-undefined-trap-on-error")
    OURS.append("-fno-wrapv")  # Python's own flags have -fwrapv, which hides overflows

#: The inner half knows nothing of Python: it is a plain library inside the package.
INNER = "pyiptc.lib.inner"
HEADERS = ["setup.py", *sorted(glob("csrc/*.h") + glob("csrc/inner/*.h"))]


class BuildExt(build_ext):
    """Give the inner half its plain name, and our C stricter warnings than Cython's."""

    def get_ext_filename(self, fullname: str) -> str:
        # Asked with the full name, and with its last part alone.
        if fullname in (INNER, INNER.rpartition(".")[2]):
            return os.path.join(*fullname.split(".")) + ".so"
        return super().get_ext_filename(fullname)

    def get_export_symbols(self, ext: Extension) -> list[str]:
        return []  # no PyInit_ in the inner half

    def copy_extensions_to_source(self) -> None:
        # Nothing of pyiptc/lib is kept in a repository, so a fresh clone does not have it.
        os.makedirs(os.path.join("pyiptc", "lib"), exist_ok=True)
        super().copy_extensions_to_source()

    def build_extension(self, ext: Extension) -> None:
        compile_one = self.compiler._compile

        def compile_ours(obj, src, ext_name, cc_args, postargs, pp_opts):
            extra = OURS if src.startswith("csrc/") else ["-Wno-unused-function"]
            compile_one(obj, src, ext_name, cc_args, [*postargs, *extra], pp_opts)

        self.compiler._compile = compile_ours
        try:
            super().build_extension(ext)
        finally:
            self.compiler._compile = compile_one


def extension(name: str, sources: list[str], libraries: tuple[str, ...] = ()) -> Extension:
    sanitizer = SANITIZER if name != INNER or SANITIZE_INNER else []
    return Extension(
        name,
        sources,
        include_dirs=["csrc"],
        define_macros=list(MACROS),
        depends=HEADERS,
        libraries=list(libraries),
        extra_compile_args=[*FLAGS, *sanitizer],
        extra_link_args=sanitizer,
    )


def csrc(*names: str) -> list[str]:
    return [f"csrc/{name}.c" for name in names]


TABLE = csrc(
    *("family", "print", "entry"),
    *("table", "table_compare", "table_load", "table_build", "table_index"),
    *("nft_table",),
)
CODEC = csrc(
    "nft_attributes",
    "nft_expressions",
    "nft_matches",
    "nft_encode",
    "nft_decode",
    "nft_tests",
    "nft_show",
)
EXTENSIONS = [
    extension("pyiptc._words", ["pyiptc/_words.pyx"]),
    extension("pyiptc._blob", ["pyiptc/_blob.pyx", *csrc("family", "entry", "print")]),
    extension("pyiptc._nft", ["pyiptc/_nft.pyx", *csrc("family", "entry"), *CODEC]),
    extension("pyiptc._lock", ["pyiptc/_lock.pyx", *csrc("lockfile")]),
    extension(
        "pyiptc._xtables",
        ["pyiptc/_xtables.pyx", *csrc("family", "plain", "sockopt", "nft_netlink", "instance")],
        ("dl", "pthread"),
    ),
    extension("pyiptc._objects", ["pyiptc/_objects.pyx", *csrc("family", "plain")]),
    extension("pyiptc._print", ["pyiptc/_print.pyx", *csrc("family", "print")]),
    extension(
        "pyiptc._kernel",
        [
            "pyiptc/_kernel.pyx",
            *TABLE,
            *CODEC,
            *csrc("plain", "sockopt", "instance", "nft_netlink", "nft_batch"),
            *csrc("handle_legacy", "handle_libiptc", "handle_nft"),
        ],
        ("dl", "pthread"),
    ),
]
PLAIN = [
    extension(INNER, sorted(glob("csrc/inner/*.c")), ("dl", "pthread")),
]

setup(
    ext_modules=[
        *cythonize(
            EXTENSIONS,
            build_dir=os.environ.get("PYIPTC_CYTHON_DIR"),
            language_level="3",
            compiler_directives={
                "binding": True,
                "embedsignature": False,
                "autotestdict": False,
                "linetrace": DEBUG,
            },
        ),
        *PLAIN,
    ],
    cmdclass={"build_ext": BuildExt},
)
