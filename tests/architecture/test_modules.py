"""What holds for each module by itself: small, and saying what it is for."""

import ast

from tests.architecture.tree import ROOT, modules

MAX_LINES = 400
GENERATED = ROOT / "dashboards" / "web" / "src" / "client"


def test_no_module_has_more_than_400_lines() -> None:
    written = [path for path in modules(".py", ".ts", ".tsx", ".css", ".js") if GENERATED not in path.parents]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in written}
    assert {path: lines for path, lines in lengths.items() if lines > MAX_LINES} == {}


def test_every_module_says_what_it_is_for() -> None:
    parsed = {str(path.relative_to(ROOT)): ast.parse(path.read_text()) for path in modules(".py")}
    assert [path for path, tree in parsed.items() if tree.body and not ast.get_docstring(tree)] == []
