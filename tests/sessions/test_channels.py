"""Channels: a table of referrers and queries with the channel of each, custom rules, and hostile logs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import polars as pl
import pytest
from goals_schema import is_valid
from payloads import NASTY
from places import DATA, PACKAGE

from convkit.core import datafiles
from convkit.core.model import Site
from convkit.core.schema import TEXT
from convkit.errors import GoalsFileError, UsageError
from convkit.goals import channel_rules
from convkit.goals.loader import parse_goals
from convkit.sessions.channels import CHANNEL_COLUMNS, add_channels

if TYPE_CHECKING:
    from collections.abc import Iterable

Row = tuple[str | None, ...]

TABLE = DATA / "channels.tsv"
CASES = [line.split("\t") for line in TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
"""Referrer, query, source, medium, campaign, channel; an empty referrer or query is missing."""
SITE = Site(hosts=("shop.example",), payment=("pay.example",))
OWN = ("www.other.example",)


def channels_of(pairs: Iterable[tuple[str | None, str | None]], site: Site = SITE, own: tuple[str, ...] = OWN) -> list[Row]:
    """Return the source, medium, campaign and channel for pairs of referrer and query."""
    frame = pl.LazyFrame(list(pairs), schema=["referrer", "landing_query"], orient="row").cast(pl.Categorical)
    return add_channels(frame, site, own).select(CHANNEL_COLUMNS).collect().rows()


def test_each_case_of_the_table_has_its_channel() -> None:
    rows = channels_of((referrer or None, query or None) for referrer, query, *_ in CASES)
    wrong = [(case, row) for case, row in zip(CASES, rows, strict=True) if tuple(case[2:]) != row]
    assert wrong == []


def test_every_channel_is_in_the_table_at_least_three_times() -> None:
    times = Counter(case[-1] for case in CASES)
    assert len(CASES) >= 120
    assert {name: times[name] for name in (*channel_rules.builtin_channels(), "Unassigned") if times[name] < 3} == {}


RULES = """
macro: {sale: /sale}
site:
  channels:
    Newsletter: {source: 'News*', medium: [email, mail]}
    Partners: [{medium: partner}, {source: [A.example, b.example]}]
    Brand: {category: search, campaign: 're:Brand-\\d+'}
    Chat: {category: [ai, social]}
    Organic Search: {source: intranet.example}
"""


def test_custom_rules_come_first_and_the_first_match_decides() -> None:
    """All keys of a rule must match, and one item of a list is enough; patterns ignore case; a rule may have the name of a built-in channel."""
    assert is_valid(RULES)
    site = parse_goals(RULES, "goals.yaml").site
    expected = {
        "utm_source=NEWSLETTER&utm_medium=Email": "Newsletter",
        "utm_source=newsletter&utm_medium=sms": "SMS",
        "utm_source=crm&utm_medium=mail": "Unassigned",
        "utm_source=newsletter/7&utm_medium=mail": "Unassigned",
        "utm_source=crm&utm_medium=Partner": "Partners",
        "utm_source=b.example&utm_medium=cpc": "Partners",
        "utm_source=news.example&utm_medium=email": "Newsletter",
        "utm_source=google&utm_medium=cpc&utm_campaign=brand-12": "Brand",
        "utm_source=google&utm_medium=cpc&utm_campaign=brand-x": "Paid Search",
        "utm_source=taboola&utm_medium=cpc&utm_campaign=brand-12": "Paid Other",
        "utm_source=fb&utm_medium=cpc": "Chat",
        "utm_source=chatgpt.com": "Chat",
        "utm_source=intranet.example&utm_medium=qr": "Organic Search",
    }
    assert {query: row[-1] for query, row in zip(expected, channels_of([(None, query) for query in expected], site), strict=True)} == expected


INVALID = {
    "channels: [Newsletter]": "goals.yaml:3:13: `channels` maps names to rules",
    "channels: {A: newsletter}": "goals.yaml:3:17: a rule consists of the keys source, medium, campaign, category",
    "channels: {A: {}}": "goals.yaml:3:17: a rule consists of the keys source",
    "channels: {A: }": "goals.yaml:3:17: a rule consists of the keys source",
    "channels: {A: []}": "goals.yaml:3:17: this list is empty; add a rule",
    "channels: {A: [{medium: x}, y]}": "goals.yaml:3:31: a rule consists of the keys source",
    "channels: {' ': {medium: x}}": "goals.yaml:3:14: a channel needs a name",
    "channels: {A: {medum: x}}": "goals.yaml:3:18: unknown key 'medum' in a channel rule; did you mean 'medium'?",
    "channels: {A: {medium: []}}": "goals.yaml:3:26: this list is empty; add a medium",
    "channels: {A: {medium: 3}}": "write '3' in quotes",
    "channels: {A: {source: 're:('}}": "goals.yaml:3:26: this regular expression is not valid",
    "channels: {A: {category: serach}}": "goals.yaml:3:28: unknown category 'serach'; did you mean 'search'?",
    "channels: {A: {medium: x}, A: {medium: y}}": "duplicate key 'A'",
}


@pytest.mark.parametrize(("text", "message"), INVALID.items())
def test_an_invalid_rule_is_refused_with_its_line(text: str, message: str) -> None:
    goals_file = f"macro: {{sale: /sale}}\nsite:\n  {text}"
    with pytest.raises(GoalsFileError) as raised:
        parse_goals(goals_file, "goals.yaml")
    assert message in str(raised.value)
    beyond_a_schema = ("duplicate key", "regular expression")
    assert any(words in message for words in beyond_a_schema) or not is_valid(goals_file)


def test_rules_can_be_set_for_one_run() -> None:
    """A setting replaces the file's channel of that name, in its position, or is added after the file's channels."""
    site = parse_goals(RULES, "goals.yaml", ["channels.Partners={medium: partners}", "channels.Print={medium: print}"]).site
    queries = ["utm_medium=partner", "utm_medium=partners", "utm_medium=print"]
    assert [row[-1] for row in channels_of([(None, query) for query in queries], site)] == ["Unassigned", "Partners", "Print"]
    assert [*site.channels] == ["Newsletter", "Partners", "Brand", "Chat", "Organic Search", "Print"]
    with pytest.raises(UsageError, match="unknown category"):
        parse_goals(RULES, "goals.yaml", ["channels.Print={category: print}"])


def test_built_in_channels_are_written_like_custom_ones() -> None:
    text = (PACKAGE / "data" / "channels.yaml").read_text(encoding="utf-8")
    indented = "".join(f"  {line}\n" for line in text.splitlines())
    assert parse_goals(f"macro: {{sale: /sale}}\nsite:\n{indented}", "goals.yaml").site.channels == channel_rules.builtin_channels()


def test_the_lists_are_well_formed() -> None:
    """No source occurs twice, all are in lower case, and every app, click ID and parameter has all its fields."""
    rows = [line.split() for line in datafiles.lines("sources")]
    places = [name.removeprefix("=") for _, *row in rows for name in row]
    assert {kind for kind, *_ in rows} == set(channel_rules.CATEGORIES)
    assert [name for name, times in Counter(places).items() if times > 1] == []
    assert [name for name in places if name != name.lower() or name.startswith("www.")] == []
    assert [line for name in ("apps", "click_ids") for line in datafiles.lines(name) if len(line.split()) != 3] == []
    assert {line.split()[1] for line in datafiles.lines("tags")} == {"source", "medium", "campaign"}


def test_rows_keep_their_order_and_their_other_columns() -> None:
    frame = pl.LazyFrame(
        {"session": range(4_000), "referrer": ["https://a.example/", None] * 2_000, "landing_query": [None, "gclid=1", "x=1", None] * 1_000},
        schema_overrides={"referrer": pl.Categorical, "landing_query": pl.Categorical},
    )
    result = add_channels(frame, Site()).collect()
    assert result.columns == ["session", "referrer", "landing_query", *CHANNEL_COLUMNS]
    assert [dtype for name, dtype in result.schema.items() if name in CHANNEL_COLUMNS] == [TEXT] * 4
    assert result["session"].to_list() == [*range(4_000)]
    assert result["channel"].to_list() == ["Referral", "Paid Search", "Referral", "Direct"] * 1_000
    empty = add_channels(frame.head(0), Site()).collect()
    assert (empty.height, empty.columns) == (0, result.columns)


def test_hostile_referrers_and_queries_get_a_channel() -> None:
    hostile = [*NASTY, "utm_source=" * 500, "%" * 500, "&" * 500, "https://" + "a." * 500 + "example/", "utm_source=%00%1b[31m&utm_medium=\u202e"]
    pairs = [
        pair for text in hostile for pair in ((text, None), (None, text), (f"https://{text}/", f"utm_source={text}&utm_campaign={text}&gclid={text}"))
    ]
    result = channels_of(pairs)
    assert len(result) == len(pairs)
    assert [row for row in result if None in row or "" in row] == []
