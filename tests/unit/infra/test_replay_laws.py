"""Law of the offline replay: its results depend on the events alone, whatever the partitions are."""

import asyncio
import dataclasses
import tempfile
from pathlib import Path

import msgspec
import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from infra.offline.options import Options
from infra.offline.replay import replay
from streams.model.events import ProfileKeys
from streams.model.rules.abandonment_defaults import example_products, example_rules
from streams.model.rules.conditions import Condition, Op
from streams.model.rules.scoring import FitRule
from streams.model.rules.standard import default_rules
from tests.strategies import DAY_MS, START_MS

_DEFAULT = default_rules()
_FIT = FitRule("ceo", 30.0, (Condition("traits.title", Op.EQ, "CEO"),))
RULES = replace(
    _DEFAULT,
    scores=(replace(_DEFAULT.scores[0], fit=(_FIT,)),),
    abandonment=example_rules(),
    products=example_products(),
)
_NAMES = (
    "product_viewed",
    "product_updated",
    "product_added",
    "order_completed",
    "email_clicked",
    "form_submitted",
    "demo_requested",
    "page_viewed",
)


@st.composite
def stories(draw: st.DrawFn) -> list[dict]:
    """Browsers, users and addresses that are named together now and then, in groups, with windows that close."""
    now_ms = START_MS
    rows = []
    for number in range(draw(st.integers(1, 25))):
        now_ms += draw(st.sampled_from([0, 1, 40_000, 2_000_000, DAY_MS]))
        keys = {
            "user_id": draw(st.sampled_from([None, None, "u1", "u2"])),
            "anonymous_id": draw(st.sampled_from([None, "b1", "b2", "b3"])),
            "email": draw(st.sampled_from([None, None, "ada@example.com", "bob@example.com"])),
        }
        profile = ProfileKeys(**keys).canonical()
        if profile is None:
            continue
        name = draw(st.sampled_from((*_NAMES, "identified", "grouped", "aliased")))
        properties: dict = {"product_id": "kettle", "price": draw(st.sampled_from([40.0, 30.0])), "quantity": 1}
        if name == "grouped":
            properties = {"group_id": draw(st.sampled_from(["g1", "g2"])), "group_traits": {"name": "Acme"}}
        if name == "aliased":
            properties = {"previous_id": draw(st.sampled_from(["b1", "b2", "u1"]))}
        rows.append(
            {
                "id": f"m{draw(st.sampled_from([number, number, number, 0]))}",
                "name": name,
                "received_ms": now_ms,
                "at_ms": now_ms - draw(st.sampled_from([0, 0, 5_000, 3 * DAY_MS])),
                "keys": keys,
                "properties": properties,
                "traits": draw(st.sampled_from([{}, {}, {"title": "CEO"}, {"first_name": "Ada"}])),
                "value": draw(st.sampled_from([None, 40.0])),
            }
        )
    return rows


async def _files(folder: Path, partitions: int) -> list[bytes]:
    files = [folder / f"{kind}-{partitions}" for kind in ("triggers", "profiles", "rollups")]
    options = Options(input=folder / "events", out=files[0], profiles=files[1], rollups=files[2], drain=True)
    options = dataclasses.replace(options, rules=folder / "rules")
    await replay(dataclasses.replace(options, partitions=partitions))
    return [file.read_bytes() for file in files]


@settings(max_examples=60, deadline=None)
@given(rows=stories(), partitions=st.integers(2, 7))
def test_the_partitions_change_nothing(rows: list[dict], partitions: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "events").write_bytes(b"\n".join(orjson.dumps(row) for row in rows))
        (folder / "rules").write_bytes(msgspec.json.encode(RULES))
        assert asyncio.run(_files(folder, partitions)) == asyncio.run(_files(folder, 1))
