# SPDX-License-Identifier: GPL-2.0-or-later
"""Name and version of the package."""

__pkgname__ = "pyiptc"
__version__ = "0.1.0"
