"""How many bytes malloc has handed out in this process, to the byte.

Run the interpreter with `PYTHONMALLOC=malloc`, so that Python's objects are counted too.
"""

from __future__ import annotations

import ctypes
import gc

_FIELDS = ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks")


class _Mallinfo2(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in (*_FIELDS, "fordblks", "keepcost")]


_mallinfo2 = ctypes.CDLL(None).mallinfo2
_mallinfo2.restype = _Mallinfo2


def bytes_in_use() -> int:
    gc.collect()
    info = _mallinfo2()
    return int(info.uordblks + info.hblkhd)
