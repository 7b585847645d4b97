"""What reaches InfluxDB as text is what was meant, whatever a visitor typed."""

import re

from hypothesis import given
from hypothesis import strategies as st

from sinks.metrics.flux import decode_tag, encode_tag, flux_string, line_of, totals_query
from streams.model.rollups import Rollup, Series

texts = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from('%\\2F0a\n"$,= {}'))


@given(texts)
def test_a_tag_value_comes_back_as_it_was(text):
    assert decode_tag(encode_tag(text)) == text


@given(texts)
def test_an_encoded_tag_holds_no_backslash_and_no_control_character(text):
    assert not re.search(r"[\x00-\x1f\x7f\\]", encode_tag(text))


def test_ordinary_text_is_readable_in_influxdb():
    assert encode_tag("Frühling 50% off/20% more") == "Frühling 50% off/20% more"


@given(texts)
def test_a_literal_is_one_literal(text):
    literal = flux_string(text)
    assert re.fullmatch(r'"(?:[A-Za-z0-9_\-./: ]|\\x[0-9a-f]{2})*"', literal)
    assert literal[1:-1].encode().decode("unicode_escape").encode("latin-1").decode() == text


@given(texts, texts)
def test_a_query_quotes_every_value(workspace, campaign):
    flux = totals_query("bucket", workspace, 0, 10_000, 10_000, "event", {"campaign": campaign})
    skeleton = re.sub(r'"[^"]*"', '""', flux)
    plain = re.sub(
        r'"[^"]*"',
        '""',
        totals_query("bucket", "w" * bool(workspace), 0, 10_000, 10_000, "event", {"campaign": "c" * bool(campaign)}),
    )
    assert skeleton == plain


@given(texts, texts)
def test_a_rollup_is_one_line(event, campaign):
    line = line_of(Rollup(Series("w", event, campaign, "web", "USD"), 20_000, 3, 7, 2, 1e300))
    assert "\n" not in line
    assert line.endswith("count=2i,value=1e+300 20000000007")


def test_empty_tags_are_left_out_of_a_line():
    line = line_of(Rollup(Series("w", "a b", "", "web"), 10_000, 0, 0, 1, 0.5))
    assert line == r"events,workspace=w,event=a\ b,source=web,partition=0 count=1i,value=0.5 10000000000"
