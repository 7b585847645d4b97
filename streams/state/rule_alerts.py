"""The alert about a rule that failed and is off in a partition: it ends when the rule is changed or released."""

from streams.model.alerts import Alert, AlertRule, AlertState, alert_id
from streams.model.rules_in_force import Quarantine


def rule_alert(workspace: str, rule: str, quarantine: Quarantine, state: AlertState, at_ms: int) -> Alert:
    """Return the alert as it stands at `at_ms`."""
    summary = f"The rule {rule} failed ({quarantine.reason}) and is off until it is changed or released."
    if state is AlertState.RESOLVED:
        summary = f"The rule {rule}, which had failed, was changed or released."
    return Alert(
        id=alert_id(workspace, AlertRule.RULE_FAILED, rule),
        workspace=workspace,
        rule=AlertRule.RULE_FAILED,
        subject=rule,
        state=state,
        since_ms=quarantine.since_ms,
        at_ms=at_ms,
        value=1.0 if state is AlertState.FIRING else 0.0,
        expected_low=0.0,
        expected_high=0.0,
        score=1.0,
        summary=summary,
    )
