# SPDX-License-Identifier: GPL-2.0-or-later
"""Build the extensions; everything else is in pyproject.toml. Nothing is downloaded.

``PYIPTC_DEBUG=1`` builds without optimisation, with assertions and line tracing;
``PYIPTC_WERROR=1`` makes warnings errors (CI); ``PYIPTC_SANITIZE=address,undefined`` instruments
our C for single-instance mode (instrumented code cannot be loaded by dlmopen).
"""

import os
from glob import glob

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

DEBUG = os.environ.get("PYIPTC_DEBUG") == "1"
WERROR = os.environ.get("PYIPTC_WERROR") == "1"
SANITIZE = os.environ.get("PYIPTC_SANITIZE", "")

OURS = ["-std=gnu11", "-Wall", "-Wextra", "-Wconversion", *(["-Werror"] if WERROR else [])]
FLAGS = ["-O0", "-g3", "-UNDEBUG"] if DEBUG else ["-O2", "-g"]
LINK: list[str] = []
#: Without it Cython's linetrace traces nothing.
MACROS = [("CYTHON_TRACE", "1")] if DEBUG else []
if SANITIZE:
    FLAGS = ["-O1", "-g3", "-fno-omit-frame-pointer", f"-fsanitize={SANITIZE}"]
    if "undefined" in SANITIZE:
        FLAGS.append("-fno-sanitize-recover=undefined")
    LINK = [f"-fsanitize={SANITIZE}"]

#: The inner half knows nothing of Python: it is a plain library inside the package.
INNER = "pyiptc.lib.inner"
HEADERS = sorted(glob("csrc/*.h") + glob("csrc/inner/*.h"))


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
            # The inner half's namespace has no libasan: it stays as it is unless it is alone.
            extra = OURS if src.startswith("csrc/") else ["-Wno-unused-function"]
            compile_one(obj, src, ext_name, cc_args, [*postargs, *extra], pp_opts)

        self.compiler._compile = compile_ours
        try:
            super().build_extension(ext)
        finally:
            self.compiler._compile = compile_one


def extension(name: str, sources: list[str], libraries: tuple[str, ...] = ()) -> Extension:
    return Extension(
        name,
        sources,
        include_dirs=["csrc"],
        define_macros=list(MACROS),
        depends=HEADERS,
        libraries=list(libraries),
        extra_compile_args=FLAGS,
        extra_link_args=LINK,
    )


def csrc(*names: str) -> list[str]:
    return [f"csrc/{name}.c" for name in names]


TABLE = csrc("family", "entry", "table", "table_load", "table_build")
EXTENSIONS = [
    extension("pyiptc._blob", ["pyiptc/_blob.pyx", *csrc("family", "entry")]),
    extension(
        "pyiptc._xtables",
        ["pyiptc/_xtables.pyx", *csrc("family", "sockopt", "instance")],
        ("dl", "pthread"),
    ),
    extension(
        "pyiptc._kernel",
        [
            "pyiptc/_kernel.pyx",
            *TABLE,
            *csrc("sockopt", "instance", "handle_legacy", "handle_libiptc"),
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
