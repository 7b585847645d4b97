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


def environment_complaint(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> str:
    """Return all that anybody could print about this variable of the environment."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    return "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("variable", "example"),
    [
        ("CAMPAIGNIQ_API__TRUSTED_HOSTS", '["one", "two"]'),
        ("campaigniq_api__trusted_hosts", '["one", "two"]'),
        ("CAMPAIGNIQ_MESSAGES__LINK_HOSTS", '["one", "two"]'),
        ("CAMPAIGNIQ_ENGINE__SCORE_POINTS", '{"name": "value"}'),
        ("CAMPAIGNIQ_SMTP", '{"name": "value"}'),
    ],
)
def test_plain_text_in_place_of_json_is_named_with_an_example(
    monkeypatch: pytest.MonkeyPatch, variable: str, example: str
) -> None:
    found = environment_complaint(monkeypatch, variable, "text=48151623")
    assert f"{variable.upper()}: the value given is not JSON" in found
    assert example in found
    assert "48151623" not in found


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("CAMPAIGNIQ_LGO__URL", "CAMPAIGNIQ_LOG__URL"),
        ("CAMPAIGNIQ_API__TRUSTED_HOST", "CAMPAIGNIQ_API__TRUSTED_HOSTS"),
        ("CAMPAIGNIQ_SMTP__PASWORD", "CAMPAIGNIQ_SMTP__PASSWORD"),
        ("CAMPAIGNIQ_LOG__URL__HOST", "CAMPAIGNIQ_LOG__URL"),
        ("campaigniq_metrics__influx_tokn", "CAMPAIGNIQ_METRICS__INFLUX_TOKEN"),
    ],
)
def test_a_misspelt_variable_is_named_with_what_was_meant(
    monkeypatch: pytest.MonkeyPatch, variable: str, meant: str
) -> None:
    found = environment_complaint(monkeypatch, variable, "48151623")
    assert f"{variable.upper()}: there is no such setting. Did you mean {meant}? " in found
    assert "48151623" not in found


@pytest.mark.parametrize("text", ["[lgo]\nurl = 1\n", "[api]\ntrusted_host = []\n", "[metrics]\ninflux = 1\n"])
def test_a_misspelt_setting_of_the_file_is_refused_in_every_section(tmp_path: Path, text: str) -> None:
    assert "there is no such setting" in complaint(tmp_path, text)


def test_variables_of_tools_and_other_programs_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CAMPAIGNIQ_CHAOS_SEED", "CAMPAIGNIQ_MUTATIONS", "CAMPAIGNIQ_LGO", "OTHER__THING"):
        monkeypatch.setenv(name, "1")
    assert load_settings().log.partitions == 4


def test_lists_and_tables_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMPAIGNIQ_API__TRUSTED_HOSTS", '["shop.example"]')
    monkeypatch.setenv("CAMPAIGNIQ_ENGINE__SCORE_POINTS__signed_up", "5")
    monkeypatch.setenv("CAMPAIGNIQ_LOG", '{"partitions": 7}')
    settings = load_settings()
    assert (settings.api.trusted_hosts, settings.log.partitions) == (("shop.example",), 7)
    assert settings.engine.score_points["signed_up"] == 5
