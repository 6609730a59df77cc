"""What runs inside a host of the demo: an agent that sends, receives and counts on request.

Each host is a process in a network namespace of its own. It reads one request a line from its
standard input, as JSON ``[method, {arguments}]``, and answers each with one line,
``{"result": …}`` or ``{"error": "…"}``. It ends when its input ends, and its network with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from typing import Any

from demo.isolation import CLONE_NEWNET, unshare

BUFFER_SIZE = 1 << 20  # bytes; room for a burst while the receiving thread waits for a processor
IP_RECVTOS = 13  # linux/in.h; in Python's socket module from 3.10 on
TIMEOUT = 5.0  # seconds, for anything that should be answered at once


def family_of(address: str) -> socket.AddressFamily:
    """Tell IPv4 from IPv6 by the look of the address."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


class Inbox:
    """Datagrams received on one port, counted by who sent them."""

    def __init__(self, family: socket.AddressFamily, port: int, *, echo: bool) -> None:
        self.senders: Counter[str] = Counter()
        self.traffic_classes: Counter[int] = Counter()
        self._echo = echo
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_SIZE)
        if family == socket.AF_INET6:
            self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        else:
            self._socket.setsockopt(socket.IPPROTO_IP, IP_RECVTOS, 1)
        self._socket.bind(("", port))
        threading.Thread(target=self._receive, daemon=True).start()

    def _receive(self) -> None:
        while True:
            data, ancillary, _flags, source = self._socket.recvmsg(2048, socket.CMSG_SPACE(4))
            for level, kind, value in ancillary:
                if (level, kind) == (socket.IPPROTO_IP, socket.IP_TOS):
                    self.traffic_classes[value[0]] += 1
            self.senders[source[0]] += 1
            if self._echo:
                with contextlib.suppress(OSError):  # a sender that cannot be reached
                    self._socket.sendto(data, source)


class Agent:
    """The requests a host understands: every public method."""

    def __init__(self) -> None:
        self._inboxes: dict[tuple[socket.AddressFamily, int], Inbox] = {}
        self._callers: Counter[str] = Counter()
        self._stop = threading.Event()
        self._stream: threading.Thread | None = None
        self._stream_sent = 0

    def run(self, command: list[str]) -> str:
        """Run a program of the system in this host's network."""
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def listen(self, port: int, ipv6: bool, echo: bool = False) -> None:
        """Receive datagrams on a port, and send them back if asked to."""
        family = socket.AF_INET6 if ipv6 else socket.AF_INET
        self._inboxes[family, port] = Inbox(family, port, echo=echo)

    def received(self, port: int, ipv6: bool) -> dict[str, int]:
        """Datagrams received on a port so far, by sender's address."""
        return dict(self._inbox(port, ipv6).senders)

    def traffic_classes(self, port: int) -> dict[int, int]:
        """IPv4 datagrams received on a port so far, by the TOS byte they carried."""
        return dict(self._inbox(port, ipv6=False).traffic_classes)

    def send(self, address: str, port: int, count: int) -> int:
        """Send datagrams that nobody answers; return how many were sent."""
        with socket.socket(family_of(address), socket.SOCK_DGRAM) as sender:
            sent = 0
            for number in range(count):
                sender.sendto(f"datagram {number}".encode(), (address, port))
                sent += 1
                time.sleep(0.002)
        return sent

    def ask(self, address: str, port: int, count: int) -> int:
        """Send datagrams, each after the answer to the one before; return how many were answered.

        The first that is not answered in time is the last that is sent.
        """
        with socket.socket(family_of(address), socket.SOCK_DGRAM) as sender:
            sender.settimeout(TIMEOUT)
            sender.connect((address, port))
            for number in range(count):
                question = f"question {number}".encode()
                try:
                    sender.send(question)
                    if sender.recv(2048) != question:
                        return number
                except OSError:
                    return number
        return count

    def start_stream(self, address: str, port: int, rate: int) -> None:
        """Send datagrams at ``rate`` a second until told to stop."""
        self._stop.clear()
        self._stream_sent = 0
        self._stream = threading.Thread(
            target=self._send_until_stopped, args=(address, port, 1 / rate), daemon=True
        )
        self._stream.start()

    def stop_stream(self) -> int:
        """Stop the stream; return how many datagrams were sent."""
        self._stop.set()
        if self._stream is not None:
            self._stream.join()
        return self._stream_sent

    def _send_until_stopped(self, address: str, port: int, pause: float) -> None:
        with socket.socket(family_of(address), socket.SOCK_DGRAM) as sender:
            while not self._stop.is_set():
                sender.sendto(b"stream", (address, port))
                self._stream_sent += 1
                time.sleep(pause)

    def serve(self, port: int, ipv6: bool, greeting: str) -> None:
        """Accept connections on a TCP port and send each caller a greeting."""
        family = socket.AF_INET6 if ipv6 else socket.AF_INET
        listener = socket.create_server(("", port), family=family)
        threading.Thread(target=self._accept, args=(listener, greeting), daemon=True).start()

    def _accept(self, listener: socket.socket, greeting: str) -> None:
        while True:
            connection, source = listener.accept()
            with connection:
                self._callers[source[0]] += 1
                connection.sendall(greeting.encode())

    def callers(self) -> dict[str, int]:
        """TCP connections accepted so far, by caller's address."""
        return dict(self._callers)

    def fetch(self, address: str, port: int) -> str:
        """Connect to a TCP port and return what it says, or nothing if there is no connection."""
        try:
            with (
                socket.create_connection((address, port), timeout=TIMEOUT) as connection,
                connection.makefile(encoding="utf-8") as lines,
            ):
                return lines.read()
        except OSError:
            return ""

    def ping(self, address: str, count: int) -> int:
        """Ping an address; return how many replies came."""
        command = ["ping", "-n", "-q", "-c", str(count), "-i", "0.2", "-W", "1", address]
        english = dict(os.environ, LC_ALL="C")
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=english)
        answer = re.search(r"(\d+) (?:packets )?received", done.stdout)
        if answer is None:
            raise RuntimeError(f"ping {address}: {done.stderr.strip() or done.stdout.strip()}")
        return int(answer[1])

    def _inbox(self, port: int, ipv6: bool) -> Inbox:
        return self._inboxes[socket.AF_INET6 if ipv6 else socket.AF_INET, port]


def main() -> None:
    """Enter a network namespace of our own and answer requests until the input ends."""
    unshare(CLONE_NEWNET)
    agent = Agent()
    print(json.dumps({"result": "ready"}), flush=True)
    for line in sys.stdin:
        method, arguments = json.loads(line)
        answer: dict[str, Any]
        try:
            answer = {"result": getattr(agent, method)(**arguments)}
        except Exception as error:  # the parent raises it again, with the host's name
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
