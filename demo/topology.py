"""Three hosts and a router, joined by veth pairs.

::

    alice 10.0.1.2 ──┐
                     ├── router 203.0.113.1 ──── 203.0.113.2 server
    bob   10.0.2.2 ──┘

The process that imports this is the router; each host is a process of its own (demo.host).
The server has no route to 10.0.0.0/8: over IPv4 it can answer only what was translated. Over
IPv6 (2001:db8:1::2, 2001:db8:2::2 and 2001:db8:ff::2) the router routes, and translates nothing.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any


class NetworkError(Exception):
    """A step of building or using the demo's network failed."""


@dataclass(frozen=True)
class Link:
    """The addresses of one host and of the router's interface that leads to it."""

    host: str
    interface: str
    address: str
    gateway: str
    address6: str
    gateway6: str


ALICE = Link("alice", "alice0", "10.0.1.2", "10.0.1.1", "2001:db8:1::2", "2001:db8:1::1")
BOB = Link("bob", "bob0", "10.0.2.2", "10.0.2.1", "2001:db8:2::2", "2001:db8:2::1")
SERVER = Link("server", "wan0", "203.0.113.2", "203.0.113.1", "2001:db8:ff::2", "2001:db8:ff::1")


class Host:
    """A host: a process in its own network namespace that does what it is asked."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [sys.executable, "-m", "demo.host"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answer()

    @property
    def pid(self) -> int:
        """The process whose network namespace is the host's."""
        return self._process.pid

    def call(self, method: str, **arguments: Any) -> Any:
        """Ask the host's agent (demo.host.Agent) to do something, and wait for its answer."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it is gone; the missing answer says so
            self._process.stdin.write(json.dumps([method, arguments]) + "\n")
            self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise NetworkError(f"host {self.name} is gone")
        answer = json.loads(line)
        if "error" in answer:
            raise NetworkError(f"host {self.name}: {answer['error']}")
        return answer["result"]

    def close(self) -> None:
        """End the host; its network goes with it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


@dataclass
class Network:
    """The demo's network while it stands; ``with`` takes it down again."""

    ipv6: bool = field(default_factory=lambda: Path("/proc/net/if_inet6").exists())
    hosts: dict[str, Host] = field(default_factory=dict)

    def __enter__(self) -> Network:
        try:
            self._build()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End every host."""
        for host in self.hosts.values():
            host.close()
        self.hosts.clear()

    def _build(self) -> None:
        ip("link", "set", "lo", "up")
        for link in (ALICE, BOB, SERVER):
            host = self.hosts[link.host] = Host(link.host)
            self._join(link, host)
        set_kernel("net/ipv4/ip_forward", "1")
        if self.ipv6:
            set_kernel("net/ipv6/conf/all/forwarding", "1")

    def _join(self, link: Link, host: Host) -> None:
        inside = ["ip"]
        ip(
            *("link", "add", link.interface, "type", "veth"),
            *("peer", "name", "eth0", "netns", str(host.pid)),
        )
        ip("address", "add", f"{link.gateway}/24", "dev", link.interface)
        host.call("run", command=[*inside, "link", "set", "lo", "up"])
        host.call("run", command=[*inside, "address", "add", f"{link.address}/24", "dev", "eth0"])
        if self.ipv6:
            # nodad: an address that is still being checked for duplicates cannot be used yet
            ip("address", "add", f"{link.gateway6}/64", "dev", link.interface, "nodad")
            address6 = ["address", "add", f"{link.address6}/64", "dev", "eth0", "nodad"]
            host.call("run", command=[*inside, *address6])
        ip("link", "set", link.interface, "up")
        host.call("run", command=[*inside, "link", "set", "eth0", "up"])
        if link is not SERVER:
            host.call("run", command=[*inside, "route", "add", "default", "via", link.gateway])
        if self.ipv6:
            default6 = ["-6", "route", "add", "default", "via", link.gateway6]
            host.call("run", command=[*inside, *default6])


def ip(*arguments: str) -> None:
    """Run ``ip`` in the router's namespace."""
    try:
        done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise NetworkError("the program ip is missing (package iproute2)") from None
    if done.returncode != 0:
        raise NetworkError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


def set_kernel(name: str, value: str) -> None:
    """Set one of the namespace's own kernel parameters."""
    try:
        Path("/proc/sys", name).write_text(value)
    except OSError as error:
        raise NetworkError(f"cannot set {name.replace('/', '.')}: {error.strerror}") from error
