"""Hypothesis strategies for the engine's values; every feature's strategy stands here."""

from hypothesis import strategies as st

from streams.frames import Frame, FrameKind
from streams.model.events import Event, ProfileKeys, Utm

START_MS = 1_790_000_000_000
NAMES = (
    "page_viewed", "product_added", "product_removed", "cart_viewed", "checkout_started", "order_completed",
    "email_opened", "email_clicked", "demo_requested", "form_submitted", "identified",
)  # fmt: skip
DAY_MS = 86_400_000

profiles = st.sampled_from([f"user:{n}" for n in range(4)])
names = st.sampled_from(NAMES)
properties = st.fixed_dictionaries(
    {},
    optional={
        "product_id": st.sampled_from(["kettle", "cup", "tea"]),
        "price": st.sampled_from([4.0, 12.5, 80]),
        "quantity": st.integers(1, 3),
        "cart_url": st.sampled_from(["https://shop.example/cart", "https://shop.example/" + "c" * 4_000]),
        "name": st.sampled_from(["Kettle", "k" * 20_000]),
        "path": st.sampled_from(["/", "/pricing", "/blog/pricing-news"]),
        "products": st.lists(
            st.fixed_dictionaries({"product_id": st.sampled_from(["kettle", "cup"]), "price": st.just(9.0)}), max_size=2
        ),
    },
)
traits = st.dictionaries(
    st.sampled_from(["first_name", *(f"trait_{n}" for n in range(12)), "n" * 9_000]),
    st.sampled_from(["Ada", 7, "a" * 20_000, "é" * 900, ["a"] * 300, {"a": {"b": "c" * 5_000}}]),
    max_size=6,
)
ages_ms = st.sampled_from([0, 70, 9_000, 3 * 3_600_000, 2 * DAY_MS])


@st.composite
def events(draw: st.DrawFn, received_ms: int) -> Event:
    """An event received at `received_ms`; ids repeat now and then."""
    profile = draw(profiles)
    return Event(
        id=f"m{draw(st.integers(0, 40))}",
        workspace="default",
        source=draw(st.sampled_from(["web", "app"])),
        profile=profile,
        name=draw(names),
        at_ms=received_ms - draw(ages_ms),
        received_ms=received_ms,
        keys=ProfileKeys(user_id=profile[5:], email=draw(st.sampled_from([None, "ada@example.com"]))),
        utm=draw(st.sampled_from([None, Utm(campaign="spring")])),
        value=draw(st.sampled_from([None, 5.0, 12.5])),
        currency=draw(st.sampled_from([None, "USD"])),
        properties=draw(properties),
        traits=draw(st.sampled_from([{}, {"first_name": "Ada"}]) | traits),
    )


@st.composite
def frame_lists(draw: st.DrawFn, min_size: int = 1) -> list[Frame]:
    """Frames of one partition in log order, ticks among them, with receiver clocks that may step back a little.

    Some of them are more than the 7 days apart for which message ids are remembered.
    """
    now_ms = START_MS
    frames = []
    for _ in range(draw(st.integers(min_size, 10))):
        now_ms += draw(st.sampled_from([500, 5_000, 3_700_000, DAY_MS, 7 * DAY_MS, 8 * DAY_MS]))
        if draw(st.integers(0, 5)) == 5:
            frames.append(Frame(FrameKind.TICK, now_ms))
            continue
        received = now_ms - draw(st.sampled_from([0, 0, 300]))
        batch = [draw(events(received)) for _ in range(draw(st.integers(1, 5)))]
        frames.append(Frame(FrameKind.EVENTS, received, batch))
    return frames
