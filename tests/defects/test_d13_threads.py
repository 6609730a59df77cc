"""D13: threads that built rules crashed the process, and reading a rule took over its output.

Promised: any number of threads build and read rules, and the output of the others stays theirs.
"""

from __future__ import annotations

import pytest

from support import isolated

pytestmark = pytest.mark.kernel

BUILD_IN_THREADS = """
from concurrent.futures import ThreadPoolExecutor

def build(thread):
    wrong = 0
    for number in range(150):
        port, text = str(1000 * thread + number + 1), f"thread {thread} rule {number}"
        rule = iptc.Rule6() if number % 2 else iptc.Rule()
        rule.protocol = "tcp"
        rule.create_match("tcp").dport = port
        rule.create_match("comment").comment = text
        rule.create_target("MARK").set_mark = port
        read = (
            rule.matches[0].dport,
            rule.matches[1].comment,
            rule.target.set_xmark,
        )
        wrong += read != (port, text, f"{int(port):#x}/0xffffffff")
    return wrong

with ThreadPoolExecutor(8) as pool:
    print(sum(pool.map(build, range(8))))
"""

PRINT_BESIDE = """
import os, threading

done = threading.Event()

def write():
    number = 0
    while not done.is_set():
        os.write(1, b"%d\\n" % number)
        number += 1
    os.write(2, b"%d" % number)

rule = iptc.Rule()
match = rule.create_match("mark")
match.mark = "0x7"
writer = threading.Thread(target=write)
writer.start()
wrong = sum(match.mark != "0x7" for _ in range(1000))
done.set()
writer.join()
assert wrong == 0, f"{wrong} wrong values"
"""


@pytest.mark.two_families
def test_rules_built_in_eight_threads() -> None:
    assert isolated.output(BUILD_IN_THREADS, timeout=15) == "0\n"


def test_output_of_another_thread_arrives() -> None:
    outcome = isolated.run(PRINT_BESIDE)
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.split() == [str(number) for number in range(int(outcome.stderr))]
