"""Rule sets from files, and that of the settings: a file, or what the engine's settings spell out."""

from pathlib import Path

from streams.model.errors import ConfigurationError, RuleError
from streams.model.rules.ruleset import RuleSet
from streams.operators.pipeline import Pipeline
from streams.operators.rule_checks import count_rules
from streams.operators.rulebook import MAX_BYTES, check_new_rules, check_rules, encode_rules
from streams.settings import EngineSettings


def read_rules(settings: EngineSettings) -> RuleSet:
    """Return the rules of workspaces that have adopted none of their own. Raises ConfigurationError."""
    try:
        if settings.rules_file:
            return check_rules(Path(settings.rules_file).read_bytes())
        rules = settings.rules()
        Pipeline(rules)
    except OSError as error:
        raise ConfigurationError("engine.rules_file", f"can't be read: {error}", "Name a readable file") from error
    except RuleError as error:
        raise ConfigurationError("engine.rules_file", str(error), "See docs/rules.md") from error
    return rules


def describe_file(path: Path) -> str:
    """Return in a line what rules a file holds. Raises RuleError for rules that can't be used, ConfigurationError."""
    try:
        with path.open("rb") as file:
            rules = check_new_rules(file.read(MAX_BYTES + 1))
    except OSError as error:
        raise ConfigurationError(str(path), f"can't be read: {error.strerror}", "Name a readable file") from error
    encode_rules(rules)
    counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in count_rules(rules).items())
    return f"{path} can be used: {counts}"
