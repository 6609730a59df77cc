"""D35: the C libraries wrote on the standard error of the program.

Promised: what they have to say becomes a Python warning or the text of an error.
"""

from __future__ import annotations

import pytest

from support import isolated

pytestmark = pytest.mark.kernel

RECORD = """
import warnings

rule = iptc.Rule()
rule.protocol = "tcp"
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    try:
        {work}
        rule.final_check()
    except (iptc.IPTCError, iptc.XTablesError) as error:
        print("error", error)
for warning in caught:
    print(warning.category.__name__, warning.message)
"""

NOISY = {
    "reversed range": (
        'rule.create_match("iprange").src_range = "192.0.2.9-192.0.2.1"',
        "LibraryWarning",
        "reversed",
    ),
    "extension that the kernel lacks": ('rule.create_target("CLUSTERIP")', "", "CLUSTERIP"),
    "option that never worked": (
        'rule.create_target("NFLOG").nflog_range = "64"',
        "LibraryWarning",
        "nflog-range",
    ),
}


@pytest.mark.parametrize(("work", "category", "word"), NOISY.values(), ids=NOISY)
def test_warning_of_the_library(work: str, category: str, word: str) -> None:
    outcome = isolated.run(RECORD.format(work=work))
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stderr == ""
    assert category in outcome.stdout
    assert word in outcome.stdout
