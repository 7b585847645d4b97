"""The steps behind make: done once, done again when their inputs change, and clear about what stops them."""

import sys
from pathlib import Path

import pytest

from infra.build import __main__ as entry
from infra.build import checkout, node, parts, stamps, steps


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty checkout."""
    monkeypatch.setattr(stamps, "ROOT", tmp_path)
    monkeypatch.setattr(stamps, "STAMPS", tmp_path / ".stamps")
    return tmp_path


def test_a_step_is_current_only_for_what_it_was_done_for(tree: Path) -> None:
    stamps.write("dashboard", "one")
    assert stamps.is_current("dashboard", "one")
    assert not stamps.is_current("dashboard", "two")


def test_a_forgotten_step_is_not_current(tree: Path) -> None:
    stamps.write("dashboard", "one")
    stamps.forget("dashboard", "never done")
    assert not stamps.is_current("dashboard", "one")


def test_the_digest_follows_content_names_and_facts(tree: Path) -> None:
    (tree / "a").write_text("x")
    (tree / "b").write_text("x")
    digests = {stamps.digest([tree / "a"]), stamps.digest([tree / "b"]), stamps.digest([tree / "a"], "fact")}
    (tree / "a").write_text("y")
    assert len(digests | {stamps.digest([tree / "a"])}) == 4


def test_what_tools_generate_is_no_source(tree: Path) -> None:
    for name in ("src/app.ts", "node_modules/react/index.js", "dist/app.js", ".cache/x", "package.json"):
        (tree / "web" / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / "web" / name).touch()
    found = [str(path.relative_to(tree)) for path in stamps.sources(tree / "web")]
    assert found == ["web/package.json", "web/src/app.ts"]


def test_a_failed_command_shows_its_output_and_the_remedy() -> None:
    with pytest.raises(checkout.BuildError, match=r"(?s)broken pipe dream.*Mend it"):
        checkout.run([sys.executable, "-c", "import sys; sys.exit('broken pipe dream')"], "Mend it.")


def test_a_missing_command_is_named_with_the_remedy() -> None:
    with pytest.raises(checkout.BuildError, match=r"no-such-command is missing\. Install it\."):
        checkout.run(["no-such-command"], "Install it.")


def test_the_steps_stop_at_the_first_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def fail() -> None:
        raise checkout.BuildError("out of paper")

    monkeypatch.setattr(steps, "STEPS", {"one": lambda: done.append("one"), "two": fail, "three": done.clear})
    assert steps.run_steps(["one", "two", "three"]) == 1
    assert done == ["one"]


def test_an_unknown_step_lists_the_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert steps.run_steps(["fly"]) == 2
    assert "dashboard" in capsys.readouterr().err


def test_an_old_python_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    monkeypatch.setenv("PATH", "")
    assert entry.main() == 1
    assert "apt-get install python3 python3-venv" in capsys.readouterr().err


@pytest.mark.parametrize(("version", "usable"), [("v18.20.4", False), ("v20.18.0", False), ("v20.19.0", True)])
def test_the_machine_node_is_used_when_it_is_new_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, usable: bool
) -> None:
    for name in ("node", "npm"):
        command = tmp_path / name
        command.write_text(f"#!/bin/sh\necho {version}\n")
        command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    assert (node.find_machine_node() is not None) == usable


def test_a_part_that_cannot_be_had_is_told_and_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(parts, "PARTS", {marker: parts.PARTS[marker] for marker in ("browser", "openssl")})
    parts.provide_parts()
    told = capsys.readouterr().err
    assert "Chromium is missing; to have it, run `make test` as root on Debian" in told
    assert "openssl is missing; to have it, run `make test` as root on Debian, or install it yourself" in told
