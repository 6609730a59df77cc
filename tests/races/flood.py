"""Packets as fast as they can be sent.

    python -m races.flood ipv4 PORT PAYLOAD_SIZE SECONDS

sends datagrams over the loopback interface and prints how many there were. Each has passed chain
OUTPUT when sendto(2) returns, whatever becomes of it later.
"""

from __future__ import annotations

import socket
import sys
import time

from support.traffic import AF

LOOPBACK = {"ipv4": "127.0.0.1", "ipv6": "::1"}


def send(family: str, port: int, size: int, seconds: float) -> int:
    until, sent, payload = time.monotonic() + seconds, 0, b"x" * size
    # Somebody listens, so that nothing is answered; what does not fit is dropped.
    with (
        socket.socket(AF[family], socket.SOCK_DGRAM) as sink,
        socket.socket(AF[family], socket.SOCK_DGRAM) as sender,
    ):
        sink.bind((LOOPBACK[family], port))
        while time.monotonic() < until:
            for _ in range(50):
                sender.sendto(payload, (LOOPBACK[family], port))
            sent += 50
    return sent


def main() -> None:
    family, port, size, seconds = sys.argv[1:]
    print(send(family, int(port), int(size), float(seconds)))


if __name__ == "__main__":
    main()
