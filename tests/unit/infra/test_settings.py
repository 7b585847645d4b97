"""Reading the settings: what a wrong one is answered with, and that no secret is shown on the way."""

import traceback
from pathlib import Path

import pytest

from infra.settings import load_settings
from streams.model.errors import ConfigurationError


def complaint(tmp_path: Path, text: str) -> str:
    """Return all that anybody could print about a configuration file with this text."""
    file = tmp_path / "campaigniq.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_settings(file)
    return "".join(traceback.format_exception(caught.value))


def test_a_wrong_value_is_named_with_the_setting_and_the_remedy(tmp_path: Path) -> None:
    found = complaint(tmp_path, "[smtp]\nport = 70000\n")
    assert "CAMPAIGNIQ_SMTP__PORT: 70000 does not fit: " in found
    assert "docs/configuration.md" in found


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        ("[smtp]\npassword = 48151623\n", "CAMPAIGNIQ_SMTP__PASSWORD"),
        ('[alerts]\nwebhook_secret = ["48151623"]\n', "CAMPAIGNIQ_ALERTS__WEBHOOK_SECRET"),
        ("[metrics]\ninflux_token = 48151623\n", "CAMPAIGNIQ_METRICS__INFLUX_TOKEN"),
        ('smtp = "password=48151623"\n', "CAMPAIGNIQ_SMTP"),
        ("[smtp]\npasword = 48151623\n", "CAMPAIGNIQ_SMTP__PASWORD"),
    ],
)
def test_the_value_of_a_secret_is_never_shown(tmp_path: Path, text: str, setting: str) -> None:
    found = complaint(tmp_path, text)
    assert f"{setting}: " in found
    assert "48151623" not in found


def test_a_secret_in_the_environment_is_not_shown_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMPAIGNIQ_SMTP", '{"password": 48151623}')
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert "48151623" not in "".join(traceback.format_exception(caught.value))


def test_settings_that_do_not_fit_each_other_are_explained(tmp_path: Path) -> None:
    found = complaint(tmp_path, "[sender]\nlease_s = 5\n")
    assert "CAMPAIGNIQ_SENDER: the value given does not fit: lease_s (5) must be longer" in found
