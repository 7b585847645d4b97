"""Colours of the dashboard and the demo shop: what is read keeps 4.5:1, and what is worked 3:1, in light and dark."""

import re
from itertools import product
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SHOP = ROOT / "infra/demo/static/shop.css"
DASHBOARD = ROOT / "dashboards/web/src/styles/tokens.css"
WORDS, CONTROLS = 4.5, 3.0
PAIRS = [
    (SHOP, WORDS, "ink soft clay", "paper card sand"),
    (SHOP, WORDS, "ink", "mint"),
    (SHOP, WORDS, "moss", "paper card sand"),
    (SHOP, WORDS, "on-moss", "moss moss-over"),
    (SHOP, WORDS, "on-clay", "clay"),
    (SHOP, CONTROLS, "edge ring", "paper card"),
    (DASHBOARD, WORDS, "ink ink-soft accent warm bad good", "panel sunken ground"),
    *((DASHBOARD, WORDS, tone, f"{tone}-soft") for tone in ("accent", "cold", "warm", "hot", "mql", "good", "bad")),
    (DASHBOARD, WORDS, "on-accent", "accent"),
    (DASHBOARD, WORDS, "on-bad", "bad-solid"),
]


def tokens(style: Path, scheme: str) -> dict[str, str]:
    """Return the colours by name; the dark ones replace those of daylight."""
    light, dark = style.read_text().split("prefers-color-scheme: dark", 1)
    colours = re.compile(r"--([\w-]+): (#\w+);")
    return dict(colours.findall(light)) | (dict(colours.findall(dark)) if scheme == "dark" else {})


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    digits = colour[1:] if len(colour) > 4 else "".join(digit * 2 for digit in colour[1:])
    parts = (int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4))
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("style", "least", "inks", "grounds"), PAIRS)
def test_what_is_read_and_worked_stands_out_from_its_ground(style, least, inks, grounds, scheme):
    known = tokens(style, scheme)
    for ink, ground in product(inks.split(), grounds.split()):
        dim, bright = sorted((luminance(known[ink]), luminance(known[ground])))
        assert (bright + 0.05) / (dim + 0.05) >= least, f"{ink} on {ground}"
