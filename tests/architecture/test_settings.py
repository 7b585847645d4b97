"""Every setting is documented, and the page that lists them is the one the models give."""

from infra.settings import Settings
from infra.settings_docs import render, undocumented
from tests.architecture.tree import ROOT


def test_every_setting_says_what_it_means() -> None:
    assert undocumented(Settings) == []


def test_the_configuration_page_is_up_to_date() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert page == render(Settings), "run `make docs`"
