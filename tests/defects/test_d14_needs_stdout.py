"""D14: reading, inserting and deleting failed where the process had no standard output.

Promised: the standard output is neither needed nor touched.
"""

from __future__ import annotations

import pytest

from support import isolated

pytestmark = pytest.mark.kernel

WORK = """
import os, sys
{before}
rule = iptc.Rule()
rule.protocol = "tcp"
rule.create_match("tcp").dport = "22"
rule.create_target("LOG").log_prefix = "ssh "
chain = iptc.Chain(iptc.Table("filter"), "INPUT")
chain.append_rule(rule)
read, = chain.rules
assert read.matches[0].dport == "22", read.matches[0].dport
assert read.target.parameters["log_prefix"].strip() == "ssh"
chain.delete_rule(read)
assert chain.rules == []
"""

BEFORE = {
    "descriptor closed": "os.close(1)",
    "sys.stdout is None": "sys.stdout = None",
    "both": "sys.stdout = None; os.close(1)",
    "closed file": "sys.stdout.close()",
}


@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
def test_work_without_stdout(before: str) -> None:
    assert isolated.output(WORK.format(before=before)) == ""
