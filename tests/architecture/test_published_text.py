"""What is in the repository stands by itself: no path of one machine, no address of a package registry."""

import re

from tests.architecture.tree import ROOT, project_files

# Written in parts, so that this file does not hold what it forbids.
REGISTRIES = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("registry", "yarnpkg", "com"),
        ("proxy", "golang", "org"),
        ("sum", "golang", "org"),
        ("repo1", "maven", "org"),
        ("repo", "maven", "apache", "org"),
        ("deb", "debian", "org"),
        ("crates", "io"),
    )
]
FORBIDDEN = re.compile(
    "|".join(
        [
            r"(?<![\w.])/(?:root|work|opt|Users)/\w",
            r"(?<![\w.])/home/\w+/",
            r"(?<![\w.])/usr/local/(?:go|bin)\b",
            *map(re.escape, REGISTRIES),
        ]
    )
)
BINARY = {".png", ".jpg", ".jpeg", ".webp", ".ico", ".woff2", ".gif"}


def test_no_file_names_a_machine_or_a_registry() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in project_files() if path.suffix not in BINARY}
    found = {str(path.relative_to(ROOT)): FORBIDDEN.findall(text) for path, text in texts.items()}
    assert {path: hits for path, hits in found.items() if hits} == {}
