"""Signatures as Standard Webhooks has them."""

import pytest

from sinks.signing import holds, sign, signing_key
from streams.model.errors import ConfigurationError

# The example of the Standard Webhooks specification's libraries.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'
SIGNED = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_published_example_is_signed_the_same() -> None:
    assert sign(signing_key(SECRET, "s"), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, BODY) == SIGNED


def test_a_signature_holds_only_for_what_was_signed() -> None:
    key = signing_key(SECRET, "s")
    assert holds(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, BODY, f"v1,other {SIGNED}")
    assert not holds(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265331, BODY, SIGNED)


@pytest.mark.parametrize("secret", ["", "hunter2", "whsec_", "whsec_not base64", "whsec_c2hvcnQ="])
def test_a_bad_secret_is_named_by_its_setting_and_never_shown(secret: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^alerts\.webhook_secret: ") as caught:
        signing_key(secret, "alerts.webhook_secret")
    assert not secret or secret == "whsec_" or secret not in str(caught.value)
