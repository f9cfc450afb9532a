"""Hits: parsed lines with their kind, the goals that they match, and their fate.

Each distinct request, client and event is decided once and joined to its lines. In: PARSED. Out: hits sorted by visitor and ORDER.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core import patterns, schema
from convkit.core.schema import FATES, KIND, NO_VISITOR, ORDER, SESSION_KEY, TEXT, first_problem
from convkit.formats.parsers import requests
from convkit.formats.parsers.base import Needs
from convkit.formats.parsers.timestamps import WEB_ERA
from convkit.goals import variants
from convkit.goals.values import is_hit_value
from convkit.traffic import attributes, events, paths, proxies
from convkit.traffic import visitors as traffic_visitors
from convkit.traffic.visitors import CLIENT, client_key

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from convkit.core.model import Goals


_OTHER_METHODS = ["HEAD", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"]
_TEXT_COLUMNS = ("sender", "host", "request", "user_agent")
_EXPORT_COLUMNS = ("^event$", "^anonymous$", "^prop[.].*$")
_NOT_FROM_REQUESTS = (events.is_event_column, attributes.is_referrer_column, attributes.is_cookie_column)
_PROBLEMS = {
    "no time": pl.col("time").is_null(),
    "a time that no server of the web has written": ~pl.col("time").is_between(*WEB_ERA),
    NO_VISITOR: (pl.col("sender") == "- - -") & pl.col("request").is_not_null(),
}
"""Why a record is of no use: a server's own messages are not requests, and have no visitor."""
_SLOW_SECONDS = 3
"""Seconds: an answer that took longer to serve is slow."""
_FATE = pl.Enum(FATES)
_FIRST_GOOD, _FIRST_REDIRECT, _FIRST_ERROR = 200, 300, 400
_NO_CONTENT, _NOT_MODIFIED = 204, 304


def select_needed(cells: pl.LazyFrame, asked: Iterable[str] = (), rules: Iterable[str] = (), text: pl.Categorical | pl.String = TEXT) -> pl.LazyFrame:
    """Return what is needed of PARSED: `source, line_no, time, status, asset, slow, problem`, texts (as `text`), and what exports add.

    `asked` are texts that not every run needs; only records have them, but for the addresses of those who asked for assets. `rules` tell visitors.
    """
    texts = [pl.col(name).cast(text) for name in (*_TEXT_COLUMNS, *_EXPORT_COLUMNS)]
    of_records = [pl.when(pl.col("problem").is_null() | (name == proxies.FORWARDED)).then(name).cast(text) for name in asked]
    nobody = _PROBLEMS[NO_VISITOR]
    needed = _PROBLEMS | {NO_VISITOR: nobody & ~traffic_visitors.has_identity(rules, cells.collect_schema().names(), nobody)}
    told = {"problem": pl.coalesce("problem", first_problem(needed)), "slow": pl.col("seconds") > _SLOW_SECONDS}
    told["time"] = pl.when(pl.col("time").is_between(*WEB_ERA)).then("time")
    return cells.with_columns(**told).select("source", "line_no", "time", "status", "asset", "slow", "problem", "^event_number$", *texts, *of_records)


def goal_asset_extensions(goals: Goals, extensions: Iterable[str]) -> tuple[str, ...]:
    """Return the extensions of assets that some goal may name: only a pattern that names a file takes one off the list."""
    tested = (patterns.split_named_column(name) for name in tested_columns(goals))
    named = {patterns.extension(pattern) for column, pattern in tested if column == "path" and patterns.names_a_file(pattern)}
    return tuple(sorted(extension for extension in extensions if extension in named))


def tested_columns(goals: Goals) -> list[str]:
    """Return the named columns (`path~/x`, `query.id~**`) and values (`query.total`) that the goals ask for."""
    expressions = [expr for goal in goals.all for expr in (*goal.named.values(), *goal.turned)]
    roots = {name for expr in expressions for name in expr.meta.root_names()}
    roots |= {str(name) for goal in goals.all for name in (goal.once_per, goal.value)} | {str(funnel.same) for funnel in goals.funnels}
    return sorted({*variants.hit_values(goals.site), *(name for name in roots if "~" in name or is_hit_value(name))})


def parser_needs(goals: Goals, needed: Collection[str] = ()) -> Needs:
    """Return what a run asks of logs, which needs some facts of sessions."""
    columns = {patterns.split_named_column(name)[0] for name in tested_columns(goals)}
    site = goals.site
    told = columns | {*site.visitor}
    properties = sorted(column.removeprefix("prop.") for column in told if column.startswith("prop."))
    texts = ({attributes.REFERRER} & columns) | {*schema.texts_needed(needed)}
    texts |= {attributes.COOKIES for column in told if attributes.is_cookie_column(column)}
    texts |= {proxies.FORWARDED for _ in site.trusted_proxy} | {SESSION_KEY for role in site.columns if role == schema.SESSION_ROLE}
    return Needs(site.columns, tuple(properties), site.timezone, tuple(sorted(texts)), site.visitor)


def from_records(records: pl.LazyFrame, visitors: pl.LazyFrame, targets: pl.LazyFrame, told: events.EventFacts, goals: Goals) -> pl.LazyFrame:
    """Return the hits among PARSED without a problem: what was decided once for every distinct client, request and event is joined.

    Of the texts only `user_agent` is left, and `referrer` where it was read; `excluded` hits are looked at by nobody, `bot` and `spared` are what
    agents tell. `visitor` is told by address, `told_by` is the place of the rule that tells it, and what rules tell that are preferred stands beside.
    """
    return (
        records.pipe(attributes.add_referrer_tests, tested_columns(goals))
        .pipe(attributes.add_cookies, tested_columns(goals))
        .pipe(traffic_visitors.add_rule_columns, goals.site)
        .with_columns(client_key())
        .join(visitors.drop("part", "user", "sender", "user_agent"), on=CLIENT, how="left")
        .pipe(traffic_visitors.apply_rules, goals.site)
        .join(targets, on="request", how="left", nulls_equal=True)
        .pipe(events.join_events, told)
        .with_columns(host=pl.coalesce("target_host", "host"))
        .with_columns(excluded=pl.col("ignored") | ~_is_own_host(goals.site.hosts), other=_is_other())
        .drop(CLIENT, "sender", "request", "event_number", "problem", "ignored", "probing", "target_host")
    )


def add_kinds(hits: pl.LazyFrame, goals: Goals) -> pl.LazyFrame:
    """Add `names:<goal>` and `kind` to hits sorted by visitor and ORDER; to be done again where visitors have changed."""
    named = {column: expr for goal in goals.all for column, expr in goal.named.items()}
    return (
        hits.with_columns(listed=_is_listed())
        .with_columns(**{column: expr & ~pl.col("other") for column, expr in named.items()})
        .with_columns(named=pl.any_horizontal(pl.lit(value=False), *named))
        .with_columns(kind=_kind())
    )


def is_dropped_by_agent(mode: str) -> pl.Expr:
    """Tell hits of which nothing is asked but their agent, which is a bot's; a goal may still name one on the list of assets."""
    return pl.col("bot").is_not_null() & ~pl.col("asset") & pl.lit(mode == "drop")


def _is_listed() -> pl.Expr:
    """Tell hits on one of the lists."""
    return pl.col("background") | pl.col("download") | pl.col("asset")


def dropped_fate_rows(hits: pl.LazyFrame, mode: str, goals: Goals) -> pl.LazyFrame:
    """Return `time, fate, reason, user_agent, source, line_no, macro` of hits of which little is asked but their agent: may be a `macro` goal."""
    fate = pl.when("excluded").then(pl.lit("excluded")).otherwise(pl.lit("bot")).cast(_FATE)
    macro = [expr & ~pl.col("other") for goal in goals.macros for expr in goal.named.values()]
    sent = hits.filter(is_dropped_by_agent(mode)).with_columns(listed=_is_listed(), fate=fate)
    return sent.select("time", "fate", pl.col("bot").alias("reason"), "user_agent", "source", "line_no", macro=_any_of(macro))


def fate_rows(hits: pl.DataFrame, goals: Goals) -> pl.DataFrame:
    """Return the same of hits with a `fate`."""
    macro = [pl.col(column) for goal in goals.macros for column in goal.named]
    return hits.select("time", "fate", "reason", "user_agent", "source", "line_no", macro=_any_of(macro))


def _any_of(named: list[pl.Expr]) -> pl.Expr:
    return pl.any_horizontal(pl.lit(value=False), *named).fill_null(value=False)


def is_plain_asset() -> pl.Expr:
    """Tell hits on the list of assets that no goal names."""
    return pl.col("asset") & ~pl.col("named")


def add_fates(hits: pl.DataFrame, mode: str) -> pl.DataFrame:
    """Add `fate` to judged hits of known kinds; where bots are looked at alone, what people sent is outside."""
    kind = pl.col("kind").cast(pl.String)
    is_bot = pl.col("reason").is_not_null()
    fate = (
        pl.when(is_plain_asset())
        .then(pl.lit("asset"))
        .when("excluded")
        .then(pl.lit("excluded"))
        .when(is_bot & pl.lit(mode == "drop"))
        .then(pl.lit("bot"))
        .when(kind.is_in(["other", "background"]))
        .then(kind)
        .when(~is_bot & pl.lit(mode == "only"))
        .then(pl.lit("outside"))
        .otherwise(pl.lit("kept"))
    )
    return hits.with_columns(fate=fate.cast(_FATE)).drop("excluded")


def distinct_requests(cells: pl.LazyFrame, goals: Goals, needed: Collection[str] = ()) -> pl.LazyFrame:
    """Return each distinct `request` with its method, path, page, lists, and all that goals ask of it.

    `probing` ones are nobody's interest; `robots` and `scanner` are those that bots ask for; `query` holds the parameters that `site.keep_query` or
    a goal names, and no others; `sent_query` is all of it, as it was sent, and only there where the `needed` facts are told by it.
    """
    names = [name for name in tested_columns(goals) if not any(is_of(name) for is_of in _NOT_FROM_REQUESTS)]
    tested = [patterns.split_named_column(name) for name in names]
    values = sorted({column for column, _ in tested if column.startswith("query.")})
    tests = {f"{column}~{pattern}": patterns.matches(pl.col(column), pattern) for column, pattern in tested if pattern}
    wanted = [name for name in names if "~" not in name]
    words = requests.split_requests(cells.select("request").unique())
    sent = ["sent_query"] if schema.CHANNEL_FIELD in needed else []
    is_probing = pl.col("method").is_null() | pl.col("method").is_in(_OTHER_METHODS) | pl.col("robots")
    return (
        paths.add_lists(paths.add_paths(words, goals.site), goals.site)
        .with_columns(probing=is_probing, page=paths.page(goals.site))
        .with_columns(**{column: paths.parameter(column.removeprefix("query.")) for column in values})
        .with_columns(query=paths.shown_query(goals.site, values), sent_query="query", **tests)
        .select(
            "request",
            "probing",
            "robots",
            "scanner",
            "background",
            "download",
            *tests,
            *(pl.col(name).cast(TEXT) for name in ("method", "target_host", "path", "page", "query", *sent, *wanted)),
        )
    )


def _is_own_host(hosts: tuple[str, ...]) -> pl.Expr:
    """Tell hits of the site's own hosts; a hit without a host is taken for one."""
    if not hosts:
        return pl.lit(value=True)
    host = pl.col("host").cast(pl.String)
    return host.is_null() | host.is_in(list(hosts))


def _is_other() -> pl.Expr:
    """Tell hits that are nobody's interest: no status, no method, probing methods, robots.txt."""
    status = pl.col("status")
    return status.is_null() | (status < _FIRST_GOOD) | pl.col("probing")


def _kind() -> pl.Expr:
    """Return the kind of a hit: the first row of the table that fits."""
    status, is_get = pl.col("status"), pl.col("method") == "GET"
    unchanged = status == _NOT_MODIFIED
    good = (status < _FIRST_REDIRECT) | unchanged
    is_page = (is_get & good & (status != _NO_CONTENT) & ~pl.col("listed")).fill_null(value=False)
    return (
        pl.when("other")
        .then(pl.lit("other"))
        .when(status >= _FIRST_ERROR)
        .then(pl.lit("error"))
        .when(pl.col("named") & ~is_page)
        .then(pl.lit("event"))
        .when(pl.col("background"))
        .then(pl.lit("background"))
        .when(is_get & good & pl.col("download"))
        .then(pl.lit("download"))
        .when(is_page)
        .then(pl.lit("page"))
        .when(pl.col("event").is_not_null())
        .then(pl.lit("event"))
        .when(is_get & (status >= _FIRST_REDIRECT) & ~unchanged)
        .then(pl.lit("redirect"))
        .otherwise(pl.lit("background"))
        .cast(KIND)
    )


def is_analyzed(mode: str) -> pl.Expr:
    """Tell settled hits that later stages need: kept ones, and posts that no list names, which may be a form shown again."""
    is_form = (pl.col("fate") == "background") & (pl.col("method") == "POST") & ~pl.col("background")
    return (pl.col("fate") == "kept") | (is_form & (pl.col("reason").is_not_null() | pl.lit(mode != "only")))


def sort_hits(hits: pl.DataFrame) -> pl.DataFrame:
    """Sort hits by visitor, then by ORDER.

    By one column after the other, the least first, and each row is gathered once: with five million hits that takes half the time and half the memory
    of sorting by all columns at once, for which Polars writes them into one key for every row.
    """
    *others, last = ("visitor", *ORDER)
    keys = hits.select(*others, last)
    order = keys.select(pl.arg_sort_by(last)).to_series()
    for key in reversed(others):
        order = order.gather(keys.select(pl.arg_sort_by(pl.col(key).gather(order), maintain_order=True)).to_series())
    return hits[order]
