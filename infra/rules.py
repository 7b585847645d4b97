"""The rule set of the settings: a file, or what the engine's settings spell out."""

from pathlib import Path

from streams.model.errors import ConfigurationError, RuleError
from streams.model.rules.ruleset import RuleSet
from streams.operators.pipeline import Pipeline
from streams.operators.rulebook import parse_rules
from streams.settings import EngineSettings


def read_rules(settings: EngineSettings) -> RuleSet:
    """Return the rules of workspaces that have adopted none of their own. Raises ConfigurationError."""
    try:
        rules = parse_rules(Path(settings.rules_file).read_bytes()) if settings.rules_file else settings.rules()
        Pipeline(rules)
    except OSError as error:
        raise ConfigurationError("engine.rules_file", f"can't be read: {error}", "Name a readable file") from error
    except RuleError as error:
        raise ConfigurationError("engine.rules_file", str(error), "See docs/rules.md") from error
    return rules
