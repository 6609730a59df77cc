# SPDX-License-Identifier: GPL-2.0-or-later
"""Policies of built-in chains."""

from __future__ import annotations

import weakref

__all__ = ["Policy"]


class Policy:
    """What happens to a packet that no rule of a built-in chain decides about.

    One object per name: ``Policy("DROP") is chain.get_policy()``.
    """

    ACCEPT = "ACCEPT"
    DROP = "DROP"
    QUEUE = "QUEUE"
    RETURN = "RETURN"

    name: str
    """``"ACCEPT"`` or ``"DROP"``; the kernel takes no other."""

    _cache: weakref.WeakValueDictionary[str, Policy] = weakref.WeakValueDictionary()

    def __new__(cls, name: str) -> Policy:
        policy = cls._cache.get(name)
        if policy is None:
            policy = object.__new__(cls)
            policy.name = name
            policy = cls._cache.setdefault(name, policy)
        return policy

    def __reduce__(self) -> tuple[type, tuple[str]]:
        return Policy, (self.name,)

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"<Policy {self.name}>"
