"""Hits: parsed lines with their kind, the goals that they match, and their fate.

Each distinct request, client and event is evaluated once and joined to its lines. Input: PARSED. Output: hits sorted by visitor and ORDER.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core import patterns, schema
from convkit.core.conditions import any_of
from convkit.core.schema import (
    FATE,
    KIND,
    NO_ORIGIN,
    NO_SUCH_TIME,
    NO_VISITOR,
    ORDER,
    SEARCH_NUMBER,
    SESSION_KEY,
    TARGET_NUMBER,
    TEXT,
    UNVIEWED,
    first_problem,
    is_kind,
)
from convkit.formats.parsers import requests
from convkit.formats.parsers.base import Needs
from convkit.formats.parsers.timestamps import NEVER, WEB_ERA
from convkit.goals import variants
from convkit.goals.money import currency_name_of
from convkit.goals.values import is_hit_value
from convkit.traffic import attributes, events, paths, proxies, visits
from convkit.traffic import visitors as traffic_visitors
from convkit.traffic.visitors import CLIENT, client_key

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from convkit.core.model import Goals


_ASSET_METHODS = ["GET", "HEAD"]
_OTHER_METHODS = ["HEAD", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"]
_TEXT_COLUMNS = ("sender", "host", "request", "user_agent")
_OPTIONAL_COLUMNS = (f"^{UNVIEWED}$", "^event_number$", "^visit_number$", f"^{NO_ORIGIN}$")
_EXPORT_COLUMNS = ("^event$", "^anonymous$", "^prop[.].*$", "^visit[.].*$")
_NOT_FROM_REQUESTS = (events.is_event_column, attributes.is_referrer_column, attributes.is_cookie_column)
_PROBLEMS = {
    "no time": pl.col("time").is_null(),
    NO_SUCH_TIME: pl.col("time") == NEVER,
    "impossible time": ~pl.col("time").is_between(*WEB_ERA),
    NO_VISITOR: (pl.col("sender") == "- - -") & pl.col("request").is_not_null(),
}
"""Why a record cannot be used. A server's own messages are not requests, so they need no visitor."""
IN_THE_FUTURE = "time in the future"
_SLOW_SECONDS = 3
"""A response that takes longer than this is slow."""
_FIRST_GOOD, _FIRST_REDIRECT, _FIRST_ERROR = 200, 300, 400
_NO_CONTENT, _PARTIAL_CONTENT, _NOT_MODIFIED = 204, 206, 304


def select_needed(
    parsed: pl.LazyFrame,
    optional: Iterable[str] = (),
    rules: Iterable[str] = (),
    text: pl.Categorical | pl.String = TEXT,
    latest: datetime | None = None,
) -> pl.LazyFrame:
    """Return the columns of PARSED that a run needs, plus `slow`.

    These are `source, line_no, time, status, asset, slow, problem`, the text columns (converted to `text`) and the columns of exports. `optional` are
    text columns that only some runs need: they are kept only for records without a problem, but forwarded addresses are kept for all. `rules` are
    the visitor rules; a time after `latest` is in the future.
    """
    texts = [pl.col(name).cast(text) for name in (*_TEXT_COLUMNS, *_EXPORT_COLUMNS)]
    optional_texts = [pl.when(pl.col("problem").is_null() | (name == proxies.FORWARDED)).then(name).cast(text) for name in optional]
    has_no_sender = _PROBLEMS[NO_VISITOR]
    is_identified = traffic_visitors.has_identity(rules, parsed.collect_schema().names(), has_no_sender)
    problems = _PROBLEMS | {NO_VISITOR: has_no_sender & ~is_identified}
    first, last = WEB_ERA if latest is None else (WEB_ERA[0], min(WEB_ERA[1], latest))
    if latest is not None:
        problems[IN_THE_FUTURE] = pl.col("time") > latest
    return parsed.with_columns(
        problem=pl.coalesce("problem", first_problem(problems)),
        slow=pl.col("seconds") > _SLOW_SECONDS,
        time=pl.when(pl.col("time").is_between(first, last)).then("time"),
    ).select("source", "line_no", "time", "status", "asset", "slow", "problem", *_OPTIONAL_COLUMNS, *texts, *optional_texts)


def goal_asset_extensions(goals: Goals, extensions: Iterable[str]) -> tuple[str, ...]:
    """Return the asset extensions that goals may name: only a pattern that names a file takes an extension off the list of assets."""
    tested = (patterns.split_named_column(name) for name in tested_columns(goals))
    goal_extensions = {patterns.extension(pattern) for column, pattern in tested if column == "path" and patterns.names_a_file(pattern)}
    return tuple(sorted(extension for extension in extensions if extension in goal_extensions))


def tested_columns(goals: Goals) -> list[str]:
    """Return the named columns (`path~/x`, `query.id~**`) and values (`query.total`) that the goals test or read."""
    expressions = [expr for goal in goals.all for expr in (*goal.named.values(), *goal.turned)]
    roots = {name for expr in expressions for name in expr.meta.root_names()}
    roots |= {str(name) for goal in goals.all for name in (goal.once_value, goal.value)} | {str(funnel.same) for funnel in goals.funnels}
    named = {name for name in roots if "~" in name or is_hit_value(name)}
    return sorted({*variants.hit_values(goals.site), *named, *_currency_columns(goals)})


def _currency_columns(goals: Goals) -> set[str]:
    """Return the values that may hold the currency of the amounts that goals read."""
    return {currency_name_of(goal.value) for goal in goals.all if isinstance(goal.value, str)}


def parser_needs(goals: Goals, session_fields: Collection[str] = ()) -> Needs:
    """Return what a run with these session fields needs from the logs."""
    columns = {patterns.split_named_column(name)[0] for name in tested_columns(goals)}
    site = goals.site
    tested = columns | {*site.visitor} | schema.properties_needed(session_fields)
    properties = sorted(column.removeprefix("prop.") for column in tested if column.startswith("prop."))
    texts = ({attributes.REFERRER} & columns) | {*schema.texts_needed(session_fields)}
    texts |= {attributes.COOKIES for column in tested if attributes.is_cookie_column(column)}
    texts |= {proxies.FORWARDED for _ in site.trusted_proxy} | ({SESSION_KEY} if site.has_session_column else set())
    timezone = site.log_timezone or site.timezone
    return Needs(
        columns=site.columns,
        properties=tuple(properties),
        timezone=timezone,
        texts=tuple(sorted(texts)),
        visitor=site.visitor,
        visit=schema.visit_roles_needed(session_fields),
        encoding=site.encoding,
        day_first=site.day_first,
    )


def from_records(records: pl.LazyFrame, visitors: pl.LazyFrame, requests: pl.LazyFrame, event_facts: events.EventFacts, goals: Goals) -> pl.LazyFrame:
    """Return the hits: the records without problems, joined with the facts about each distinct client, request and event.

    Of the text columns, only `user_agent` is kept, and `referrer` if it was read. `excluded` hits are never counted; `bot` and `exempt` come from the
    user agent. `visitor` is identified by address where there is one, and `identified_by` is the position of the rule that identified it; the columns
    of preferred rules are kept for later.
    """
    return (
        records.pipe(attributes.add_referrer_tests, tested_columns(goals))
        .pipe(attributes.add_cookies, tested_columns(goals))
        .pipe(traffic_visitors.add_rule_columns, goals.site)
        .with_columns(client_key())
        .join(visitors.drop("part", "address_part", "user", "sender", "user_agent", "records", "is_private", "is_trusted"), on=CLIENT, how="left")
        .pipe(visits.apply_visit_columns)
        .pipe(traffic_visitors.apply_rules, goals.site)
        .join(requests, on="request", how="left", nulls_equal=True)
        .pipe(_add_line_lists)
        .pipe(events.join_events, event_facts)
        .with_columns(host=pl.coalesce("target_host", "host"))
        .with_columns(excluded=pl.col("ignored") | ~_is_own_host(goals.site.hosts), other=_is_other())
        .drop(CLIENT, "sender", "request", "event_number", "problem", "ignored", "probing", "target_host")
    )


def _add_line_lists(hits: pl.LazyFrame) -> pl.LazyFrame:
    """Complete `asset`, `subrequest` and `background` by what is known of each line, not only of its request."""
    hits = hits.with_columns(asset=pl.col("asset") | pl.col("image").fill_null(value=False)).drop("image")
    if UNVIEWED not in hits.collect_schema():
        return hits
    unviewed = pl.col(UNVIEWED).fill_null(value=False)
    lists = {"subrequest": pl.col("subrequest") | unviewed, "background": pl.col("background") | (unviewed & ~pl.col("download"))}
    return hits.with_columns(**lists).drop(UNVIEWED)


def add_kinds(hits: pl.LazyFrame, goals: Goals) -> pl.LazyFrame:
    """Add `names:<goal>` and `kind` to hits sorted by visitor and ORDER; this must be repeated if visitors change."""
    goal_tests = {column: expr for goal in goals.all for column, expr in goal.named.items()}
    passive = [column for goal in goals.all if goal.is_passive for column in goal.named]
    is_active = any_of(column for column in goal_tests if column not in passive)
    is_passive = pl.any_horizontal(*passive) & ~is_active if passive else pl.lit(value=False)
    return (
        hits.with_columns(listed=_is_listed())
        .with_columns(**{column: expr & ~pl.col("other") for column, expr in goal_tests.items()})
        .with_columns(named=any_of(goal_tests))
        .with_columns(kind=_kind(is_passive))
    )


def is_dropped_by_agent(mode: str) -> pl.Expr:
    """Return whether a hit is excluded because its user agent is a bot; listed assets are kept, because a goal may name them."""
    return pl.col("bot").is_not_null() & ~pl.col("asset") & pl.lit(mode == "drop")


def _is_listed() -> pl.Expr:
    """Return whether a hit is on one of the lists."""
    return pl.col("background") | pl.col("download") | pl.col("asset")


def dropped_fate_rows(hits: pl.LazyFrame, mode: str, goals: Goals) -> pl.LazyFrame:
    """Return FATE_ROWS of hits excluded by user agent."""
    fate = pl.when("excluded").then(_fate("excluded")).otherwise(_fate("bot"))
    macro = [expr & ~pl.col("other") for goal in goals.macros for expr in goal.named.values()]
    dropped = hits.filter(is_dropped_by_agent(mode)).with_columns(listed=_is_listed(), fate=fate)
    return dropped.select("time", "fate", pl.col("bot").alias("reason"), "user_agent", "source", "line_no", macro=_any_of(macro), unviewed=False)


def fate_rows(hits: pl.DataFrame, goals: Goals) -> pl.DataFrame:
    """Return FATE_ROWS of hits with a `fate`."""
    macro = [pl.col(column) for goal in goals.macros for column in goal.named]
    is_piece = pl.col("status") == _PARTIAL_CONTENT
    unviewed = (pl.col("subrequest") | is_piece) & (pl.col("fate") == "background") & (pl.col("method") == "GET")
    columns = ("time", "fate", "reason", "user_agent", "source", "line_no")
    return hits.select(*columns, macro=_any_of(macro), unviewed=unviewed.fill_null(value=False))


def _any_of(tests: list[pl.Expr]) -> pl.Expr:
    """Return whether any of the tests is true."""
    return any_of(test.fill_null(value=False) for test in tests)


def is_plain_asset() -> pl.Expr:
    """Return whether a hit is on the list of assets and no goal names it."""
    return pl.col("asset") & ~pl.col("named")


def add_fates(hits: pl.DataFrame, mode: str) -> pl.DataFrame:
    """Add `fate` to hits with `kind` and `reason`; if only bots are analyzed, people's hits are `outside`."""
    is_bot = pl.col("reason").is_not_null()
    fate = (
        pl.when(is_plain_asset())
        .then(_fate("asset"))
        .when("excluded")
        .then(_fate("excluded"))
        .when(is_bot & pl.lit(mode == "drop"))
        .then(_fate("bot"))
        .when(is_kind("other"))
        .then(_fate("other"))
        .when(is_kind("background"))
        .then(_fate("background"))
        .when(~is_bot & pl.lit(mode == "only"))
        .then(_fate("outside"))
        .otherwise(_fate("kept"))
    )
    return hits.with_columns(fate=fate).drop("excluded")


def _fate(name: str) -> pl.Expr:
    """Return one of FATES; text would have to be converted for each hit."""
    return pl.lit(name, dtype=FATE)


def distinct_requests(parsed: pl.LazyFrame, goals: Goals, session_fields: Collection[str] = (), *, hash_routes: bool = False) -> pl.LazyFrame:
    """Return each distinct `request` with its method, path and page, the lists it is on, and the tests and values of goals.

    `probing` requests are never counted; `robots` and `scanner` mark requests that only bots send; `image` marks requests to an image service.
    `query` holds the parameters that `site.keep_query` or a goal names, masked if they look like secrets; `parameters` are the names of all
    parameters; `sent_query` is the whole query as sent, present only if the session fields need it.
    """
    names = [name for name in tested_columns(goals) if not any(is_of(name) for is_of in _NOT_FROM_REQUESTS)]
    tested = [patterns.split_named_column(name) for name in names]
    values = sorted({column for column, _ in tested if column.startswith("query.")})
    shown = [name for name in values if name not in _currency_columns(goals)]
    folds = goals.site.ignore_case
    tests = {f"{column}~{text}": patterns.matches(pl.col(column), text, ignore_case=folds and column == "path") for column, text in tested if text}
    plain_values = [name for name in names if "~" not in name]
    parts = requests.split_requests(parsed.select("request").unique())
    raw_query = ["sent_query"] if schema.CHANNEL_FIELD in session_fields else []
    numbers = {TARGET_NUMBER: paths.target_number(), SEARCH_NUMBER: paths.search_number()} if schema.OBSTACLES_FIELD in session_fields else {}
    is_probing = pl.col("method").is_null() | pl.col("method").is_in(_OTHER_METHODS) | pl.col("robots")
    return (
        paths.add_lists(paths.add_paths(parts, goals.site, hash_routes=hash_routes), goals.site)
        .with_columns(probing=is_probing, image=pl.col("image") & pl.col("method").is_in(_ASSET_METHODS))
        .with_columns(**{column: paths.parameter(column.removeprefix("query.")) for column in values})
        .with_columns(query=paths.shown_query(goals.site, shown), parameters=paths.parameter_names(), **tests)
        .select(
            "request",
            "probing",
            "robots",
            "scanner",
            "background",
            "subrequest",
            "download",
            "image",
            *tests,
            *(pl.col(name).cast(TEXT) for name in ("method", "target_host", "path", "query", "parameters", *raw_query, *plain_values)),
            page=paths.page(goals.site).cast(TEXT),
            **numbers,
        )
    )


def _is_own_host(hosts: tuple[str, ...]) -> pl.Expr:
    """Return whether a hit is on one of the site's own hosts; a hit without a host is assumed to be on one of them."""
    if not hosts:
        return pl.lit(value=True)
    host = pl.col("host").cast(pl.String)
    return host.is_null() | host.is_in(list(hosts))


def _is_other() -> pl.Expr:
    """Return whether the kind of a hit is `other`: it has no final status, no method or a probing method, or it requests robots.txt."""
    status = pl.col("status")
    return status.is_null() | (status < _FIRST_GOOD) | pl.col("probing")


def _kind(is_passive: pl.Expr) -> pl.Expr:
    """Return the kind of a hit, by the first of these rules that applies; passive hits are those that only passive goals name."""
    status, is_get = pl.col("status"), pl.col("method") == "GET"
    unchanged = status == _NOT_MODIFIED
    good = (status < _FIRST_REDIRECT) | unchanged
    is_page = (is_get & good & (status != _NO_CONTENT) & (status != _PARTIAL_CONTENT) & ~pl.col("listed")).fill_null(value=False)
    return (
        pl.when("other")
        .then(_kind_named("other"))
        .when(status >= _FIRST_ERROR)
        .then(_kind_named("error"))
        .when(is_passive)
        .then(_kind_named("passive"))
        .when(pl.col("named") & ~is_page)
        .then(_kind_named("event"))
        .when(pl.col("background"))
        .then(_kind_named("background"))
        .when(is_get & good & pl.col("download"))
        .then(_kind_named("download"))
        .when(is_page)
        .then(_kind_named("page"))
        .when(pl.col("event").is_not_null())
        .then(_kind_named("event"))
        .when(is_get & (status >= _FIRST_REDIRECT) & ~unchanged)
        .then(_kind_named("redirect"))
        .otherwise(_kind_named("background"))
    )


def _kind_named(name: str) -> pl.Expr:
    """Return one of KINDS."""
    return pl.lit(name, dtype=KIND)


def is_analyzed(mode: str) -> pl.Expr:
    """Return whether later stages need a hit, given its fate: they need kept hits, and unlisted POSTs, which may have returned the form."""
    is_form = (pl.col("fate") == "background") & (pl.col("method") == "POST") & ~pl.col("background")
    return (pl.col("fate") == "kept") | (is_form & (pl.col("reason").is_not_null() | pl.lit(mode != "only")))


def sort_hits(hits: pl.DataFrame, newest_first: Collection[int] = ()) -> pl.DataFrame:
    """Sort hits by visitor, then by ORDER; in logs that are written `newest_first`, later lines of the same time come first.

    Sorting one column after the other, the least significant first, and gathering each row once takes half the time and half the memory for five
    million hits: to sort by all columns at once, Polars encodes them into one key per row.
    """
    *others, last = ("visitor", *ORDER)
    keys = hits.select(*others, last)
    if newest_first:
        number = pl.col(last).cast(pl.Int64)
        keys = keys.with_columns(pl.when(pl.col("source").is_in(list(newest_first))).then(-number).otherwise(number))
    order = keys.select(pl.arg_sort_by(last)).to_series()
    for key in reversed(others):
        order = order.gather(keys.select(pl.arg_sort_by(pl.col(key).gather(order), maintain_order=True)).to_series())
    return hits[order]
