"""All settings of an installation, and the only reader of environment and configuration file."""

import os
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, Field, IPvAnyNetwork, SecretBytes, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from api.settings import ApiSettings
from infra.settings_tree import PREFIX
from infra.variables import check_variables
from ingest.settings import IngestSettings
from sinks.metrics.settings import MetricsSettings
from sinks.settings import AlertRouteSettings, MessageSettings, SenderSettings, SmtpSettings
from streams.model.errors import ConfigurationError
from streams.settings import DeadLetterSettings, EngineSettings, LogSettings


class ServerSettings(BaseModel):
    """Where the platform listens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", description="Address to listen on. 0.0.0.0 opens it to the network.")
    port: int = Field(8000, ge=0, le=65_535, description="Port to listen on; 0 takes a free one.")
    public_url: str = Field(
        "",
        pattern=r"^(https?://[^\s/]+)?$",
        description="Address under which browsers and mail readers reach it; empty: http://host:port.",
    )
    trusted_proxies: tuple[IPvAnyNetwork, ...] = Field(
        (),
        description="Addresses or networks of reverse proxies, whose X-Forwarded-For and X-Forwarded-Proto are "
        "believed; nobody else's are.",
    )


class DemoSettings(BaseModel):
    """The demo shop of `campaigniq up --demo`, and the windows that hold while it runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cart_window_s: float = Field(20, gt=0, description="Seconds after which a cart of the demo counts as abandoned.")
    rate_per_s: float = Field(2.5, ge=0, le=50, description="Events per second of the demo's visitors; 0 sends none.")


class Settings(BaseSettings):
    """Every setting, in sections; CAMPAIGNIQ_SECTION__KEY in the environment, `key` under `[section]` in the file."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", nested_model_default_partial_update=True
    )

    server: ServerSettings = ServerSettings()
    log: LogSettings = LogSettings()
    engine: EngineSettings = EngineSettings()
    ingest: IngestSettings = IngestSettings()
    dead_letters: DeadLetterSettings = DeadLetterSettings()
    messages: MessageSettings = MessageSettings()
    smtp: SmtpSettings = SmtpSettings()
    sender: SenderSettings = SenderSettings()
    alerts: AlertRouteSettings = AlertRouteSettings()
    metrics: MetricsSettings = MetricsSettings()
    api: ApiSettings = ApiSettings()
    demo: DemoSettings = DemoSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  the framework's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  the framework's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read what is passed, then the environment, then the file."""
        sources = (init_settings, env_settings)
        file = settings_cls.model_config.get("toml_file")
        return (*sources, TomlConfigSettingsSource(settings_cls)) if file else sources


def load_settings(config: Path | None = None, **overrides: Any) -> Settings:
    """Read the settings. Raises ConfigurationError naming the setting, what is wrong and the remedy."""
    if config is not None and not config.is_file():
        raise ConfigurationError("--config", f"there is no file {config}", "Give the path of a TOML file")
    check_variables(Settings, os.environ)
    file = str(config) if config else None

    class FromFile(Settings):
        model_config = SettingsConfigDict(toml_file=file)

    try:
        return FromFile(**overrides)
    except ValidationError as error:
        # Without the cause, which quotes values; some of them are secret.
        raise _explained(error) from None
    except ValueError as error:
        raise ConfigurationError(
            str(config) if config else "environment", str(error), "Mend it; docs/configuration.md has examples"
        ) from error


def _explained(error: ValidationError) -> ConfigurationError:
    first = error.errors()[0]
    path = [str(part) for part in first["loc"]]
    setting = f"{PREFIX}{'__'.join(path[:2]).upper()}"
    if first["type"] == "extra_forbidden":
        return ConfigurationError(setting, "there is no such setting", "docs/configuration.md lists them all")
    problem = first["msg"].removeprefix("Value error, ")
    value = repr(first["input"]) if _may_be_shown(path) else "the value given"
    return ConfigurationError(setting, f"{value} does not fit: {problem}", "docs/configuration.md says what it takes")


def _may_be_shown(path: list[str]) -> bool:
    """Say whether a value of the field at `path` is no secret and no section, which may hold one."""
    model: type[BaseModel] = Settings
    for name in path:
        field = model.model_fields.get(name)
        if field is None or field.annotation is None:
            return False
        if not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)):
            return not _mentions_a_secret(field.annotation)
        model = field.annotation
    return False


def _mentions_a_secret(annotation: Any) -> bool:
    return annotation in (SecretStr, SecretBytes) or any(map(_mentions_a_secret, get_args(annotation)))
