"""The ids by which advertisers know a click are read out of the address that it led to."""

import pytest

from ingest.visits import page_properties


def seen(url: str, **properties: str) -> dict[str, str]:
    found = page_properties({"page": {"url": url}}, properties)
    return {key: value for key, value in found.items() if key not in {"url", "path"}}


@pytest.mark.parametrize(
    "name",
    ["gclid", "dclid", "gbraid", "wbraid", "fbclid", "msclkid", "ttclid", "twclid", "yclid", "li_fat_id", "epik"],
)
def test_a_click_id_is_a_property_of_the_view(name: str):
    assert seen(f"https://shop.example/tea?a=1&{name}=A%2Fb+c&z#x") == {name: "A/b c"}


def test_the_site_may_say_otherwise():
    assert seen("https://shop.example/?gclid=theirs", gclid="mine") == {"gclid": "mine"}


@pytest.mark.parametrize("url", ["https://shop.example/gclid=1", "https://shop.example/?bicycle_id=1", "/?gclid=", "?"])
def test_what_is_no_click_id_is_left(url: str):
    assert seen(url) == {}


def test_an_address_full_of_them_tells_ten():
    assert len(seen("/?" + "&".join(f"{letter}clid=1" for letter in "abcdefghijklmnop"))) == 10
