"""What differs between the backends: each line of docs/nftables.rst has a test, and each such test a line.

A test names a line by its subject, with `only_backend(name, subject)` or `differs(subject)`. Reads the
document and the tests; nothing is run.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parent
DOCUMENT = TESTS.parent / "docs" / "nftables.rst"

SUBJECT = {"only_backend": 1, "differs": 0}
"""Markers, and which argument is the subject."""
ROW = "only_legacy"
"""The parameter of parity/cases.py that becomes a marker's subject."""


def subjects(text: str) -> list[str]:
    """First cells of all tables whose first column is headed so."""
    found = []
    for table in text.split(".. list-table::\n")[1:]:
        inside = re.match(r"(?:\n|   .*\n)*", table)
        assert inside
        header, *cells = re.findall(r"^   \* - (.*)$", inside[0], re.MULTILINE)
        if header == "Subject":
            found += cells
    return found


def named(tree: ast.AST) -> Iterator[ast.expr]:
    """The subjects that the markers of a module name."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Attribute) and node.func.attr in SUBJECT:
            yield node.args[SUBJECT[node.func.attr]]
        yield from (word.value for word in node.keywords if word.arg == ROW)


def uses() -> Iterator[tuple[str, str]]:
    """Where a subject is named, and the subject."""
    for path in sorted(TESTS.rglob("*.py")):
        for name in named(ast.parse(path.read_text(encoding="utf-8"))):
            place = f"{path.relative_to(TESTS)}:{name.lineno}"
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                if name.value:
                    yield place, name.value
            else:
                # Handed on: what it stands for is found where it is written.
                assert ast.unparse(name) in (ROW, f"case.{ROW}"), f"{place}: a subject is a literal"


def unlisted(text: str, used: list[tuple[str, str]]) -> list[str]:
    """Where a subject is named that the document does not have."""
    return [place for place, subject in used if subject not in subjects(text)]


def unproved(text: str, used: list[tuple[str, str]]) -> set[str]:
    """Lines that no test names."""
    return set(subjects(text)) - {subject for _, subject in used}


def test_each_marker_names_a_line() -> None:
    assert unlisted(DOCUMENT.read_text(encoding="utf-8"), list(uses())) == []


def test_each_line_has_a_test() -> None:
    assert unproved(DOCUMENT.read_text(encoding="utf-8"), list(uses())) == set()


def test_each_line_has_a_subject_of_its_own() -> None:
    lines = subjects(DOCUMENT.read_text(encoding="utf-8"))
    assert len(lines) > 20
    assert sorted(set(lines)) == sorted(lines)


def test_what_does_not_fit_is_noticed() -> None:
    text, used = DOCUMENT.read_text(encoding="utf-8"), list(uses())
    row = "   * - QUEUE\n"
    assert row in text
    assert unlisted(text.replace(row, "   * -\n"), used) != []
    assert unproved(text.replace(row, f"   * - queues\n     -\n     -\n{row}"), used) == {"queues"}
    assert unlisted(text, [*used, ("some.py:1", "queue")]) == ["some.py:1"]
    marker = ast.parse(
        'pytest.mark.only_backend("nft", "a"), mark.differs("b"), rows(only_legacy="c")'
    )
    assert [ast.literal_eval(name) for name in named(marker)] == ["a", "b", "c"]
