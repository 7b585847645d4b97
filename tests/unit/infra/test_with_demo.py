"""What --demo changes of the settings, and what it leaves alone."""

from infra.settings import ServerSettings, Settings
from infra.wiring import with_demo
from sinks.content import link_hosts, safe_link
from sinks.settings import SenderSettings

URL = "http://127.0.0.1:8123"


def demo_of(**sections: object) -> Settings:
    return with_demo(Settings(server=ServerSettings(public_url=URL), **sections))


def test_mails_of_the_demo_lead_to_the_demo_shop_and_nowhere_else() -> None:
    messages = demo_of().messages
    hosts = link_hosts(messages, URL)
    assert (messages.shop_url, safe_link(f"{URL}/shop/cart?restore=x", hosts)) == (
        f"{URL}/shop/",
        f"{URL}/shop/cart?restore=x",
    )
    assert safe_link("https://evil.io/", hosts) == ""


def test_a_day_of_the_demo_passes_in_minutes_so_more_mails_a_day_are_fine_unless_set() -> None:
    assert demo_of().sender.max_mails_per_day == 100
    assert demo_of(sender=SenderSettings(max_mails_per_day=2)).sender.max_mails_per_day == 2
