"""The reference of settings, rendered from a small tree of models."""

from typing import Literal

import pytest
from pydantic import BaseModel, Field, SecretStr

from infra.settings_docs import render, undocumented
from infra.settings_tree import settings_of


class Source(BaseModel):
    id: str = Field(description="Name in events")
    secret: SecretStr = Field(description="Signs its webhooks")


class Smtp(BaseModel):
    host: str | None = Field(default=None, description="Server; unset keeps mail in the outbox")
    password: SecretStr | None = Field(default=None, description="Password of the account")


class Sinks(BaseModel):
    smtp: Smtp = Smtp()
    retry_ms: int = Field(default=500, ge=1, le=60_000, description="First delay | before a retry.")
    rate_per_s: float = Field(default=2.5, description="Messages")


class Ingest(BaseModel):
    sources: list[Source] = Field(default_factory=list, description="Webhook sources")
    mode: Literal["open", "closed"] = Field(default="open", description="Who may send")


class Sample(BaseModel):
    name: str = Field(description="Of the installation")
    ingest: Ingest = Ingest()
    sinks: Sinks = Sinks(retry_ms=700)


@pytest.fixture(scope="module")
def page() -> str:
    return render(Sample)


def test_every_leaf_has_its_variable() -> None:
    assert [setting.variable for setting in settings_of(Sample)] == [
        "CAMPAIGNIQ_NAME",
        "CAMPAIGNIQ_INGEST__SOURCES",
        "CAMPAIGNIQ_INGEST__MODE",
        "CAMPAIGNIQ_SINKS__SMTP__HOST",
        "CAMPAIGNIQ_SINKS__SMTP__PASSWORD",
        "CAMPAIGNIQ_SINKS__RETRY_MS",
        "CAMPAIGNIQ_SINKS__RATE_PER_S",
    ]


@pytest.mark.parametrize(
    "row",
    [
        "| `CAMPAIGNIQ_NAME` | required | Of the installation |",
        "| `CAMPAIGNIQ_INGEST__SOURCES` | `[]` | Webhook sources |",
        "| `CAMPAIGNIQ_INGEST__MODE` | `open` | Who may send (one of `open`, `closed`) |",
        "| `CAMPAIGNIQ_SINKS__SMTP__HOST` | unset | Server; unset keeps mail in the outbox |",
        "| `CAMPAIGNIQ_SINKS__SMTP__PASSWORD` | a secret, unset | Password of the account |",
        "| `CAMPAIGNIQ_SINKS__RETRY_MS` | `700` ms | First delay \\| before a retry (at least 1; at most 60000) |",
        "| `CAMPAIGNIQ_SINKS__RATE_PER_S` | `2.5` per s | Messages |",
        "| `secret` | required | Signs its webhooks |",
    ],
)
def test_a_row_says_default_unit_and_limits(page: str, row: str) -> None:
    assert row in page.splitlines()


def test_a_section_is_a_heading(page: str) -> None:
    headings = [line for line in page.splitlines() if line.startswith("## ")]
    assert headings == ["## general", "## ingest", "## sinks.smtp", "## sinks"]


def test_a_default_that_is_secret_is_not_shown() -> None:
    class Leaky(BaseModel):
        token: SecretStr = Field(SecretStr("hunter2"), description="Token")

    assert "hunter2" not in render(Leaky)


def test_settings_without_a_description_are_named() -> None:
    class Silent(BaseModel):
        depth: int = 3
        sources: list[Source] = Field(default_factory=list, description="Sources")

    assert undocumented(Silent) == ["CAMPAIGNIQ_DEPTH"]
