"""What --demo changes of the settings, and what it leaves alone."""

from infra.settings import ServerSettings, Settings
from infra.wiring import with_demo
from sinks.content import link_hosts, safe_link

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
