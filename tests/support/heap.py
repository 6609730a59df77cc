"""How many bytes malloc has handed out in this process, to the byte.

Run the interpreter with `PYTHONMALLOC=malloc`, so that Python's objects are counted too.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable

_FIELDS = ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks")


class _Mallinfo2(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in (*_FIELDS, "fordblks", "keepcost")]


_mallinfo2 = ctypes.CDLL(None).mallinfo2
_mallinfo2.restype = _Mallinfo2


# CPython keeps the names that it looked up in types, strings of C code made anew each time among
# them: up to 4096, as their addresses come, which looks like a leak for long.
_FORGET = "_clear_internal_caches" if sys.version_info >= (3, 13) else "_clear_type_cache"
_forget_names: Callable[[], None] = getattr(sys, _FORGET)


def bytes_in_use() -> int:
    gc.collect()
    _forget_names()
    info = _mallinfo2()
    return int(info.uordblks + info.hblkhd)
