"""Records -> hits: who asked, what kind of hit it is, what the goals name, and which lines are not looked at.

It stands alone because all decisions about a single line are made here, each once for every distinct agent, address and target.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit import addresses, bots, paths, patterns
from convkit.schema import FATES, KIND, ORDER, TEXT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from convkit.definitions import Goals, Site

_OTHER_METHODS = ["HEAD", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"]
_TEXTS = ("address", "user", "host", "method", "target", "user_agent")
_TEXTS_LEFT = tuple(name for name in _TEXTS if name != "method")
_FATE = pl.Enum(FATES)
_FIRST_GOOD, _FIRST_REDIRECT, _FIRST_ERROR = 200, 300, 400
_NO_CONTENT, _NOT_MODIFIED = 204, 304


def narrow(records: pl.LazyFrame) -> pl.LazyFrame:
    """Return what is needed of records, text as dictionary codes: `source, line_no, time, status, asset, problem` and the texts."""
    return records.select("source", "line_no", "time", "status", "asset", "problem", *(pl.col(name).cast(TEXT) for name in _TEXTS))


def kept_assets(goals: Goals, extensions: Iterable[str]) -> tuple[str, ...]:
    """Return the extensions of assets that some goal may name: only a pattern that names a file takes one off the list."""
    tested = (patterns.split_name(name) for name in tested_columns(goals))
    named = {patterns.extension(pattern) for column, pattern in tested if column == "path" and patterns.names_a_file(pattern)}
    return tuple(sorted(extension for extension in extensions if extension in named))


def tested_columns(goals: Goals) -> list[str]:
    """Return the named columns (`path~/x`, `query.id~**`) and values (`query.total`) that the goals ask for."""
    expressions = [expr for goal in goals.all for expr in (*goal.named.values(), *goal.turned)]
    roots = {name for expr in expressions for name in expr.meta.root_names()}
    roots |= {str(name) for goal in goals.all for name in (goal.once_per, goal.value) if isinstance(name, str) and name.startswith("query.")}
    return sorted(name for name in roots if "~" in name or name.startswith("query."))


def decide(records: pl.LazyFrame, goals: Goals) -> pl.LazyFrame:
    """Return the hits among the records, with `fate` and `reason` as far as they are known without looking at what goals name.

    `records` is a frame in memory. `visitor` is told by address, `user_visitor` by user id, null where there is none. What is decided once for every
    distinct agent, address and target is joined; the texts themselves are left behind.
    """
    records = records.filter(pl.col("problem").is_null())
    return (
        _with_askers(records, goals.site)
        .join(_targets(records, goals), on="target", how="left", nulls_equal=True)
        .with_columns(own=_is_own(goals.site.hosts), other=_is_other(), **_visitor(goals.site.visitor))
        .with_columns(**_early_fate())
        .drop(*_TEXTS_LEFT, "problem", "agent_part", "address_part", "ignored", "own", "bot", "robots", "target_host")
    )


def _early_fate() -> dict[str, pl.Expr]:
    """Return the fate of a line that is not looked at, null for the others, and its reason."""
    bot = pl.col("bot")
    fate = pl.when(pl.col("ignored") | ~pl.col("own")).then(pl.lit("excluded")).when(bot.is_not_null()).then(pl.lit("bot"))
    return {"fate": fate.cast(_FATE), "reason": pl.when(fate == "bot").then(bot)}


def visitors(pairs: pl.LazyFrame, site: Site) -> pl.LazyFrame:
    """Return the distinct `visitor`s, told by address, of pairs of `address` and `user_agent`."""
    return _with_askers(pairs, site).with_columns(user=pl.lit(None, dtype=pl.String)).select(visitor=_visitor(site.visitor)["visitor"]).unique()


def name_kinds(hits: pl.LazyFrame, goals: Goals) -> pl.LazyFrame:
    """Sort hits by visitor and ORDER, and add `names:<goal>` and `kind`; to be done again where visitors have changed."""
    named = {column: expr for goal in goals.all for column, expr in goal.named.items()}
    listed = pl.col("background") | pl.col("download") | pl.col("asset")
    return (
        hits.sort("visitor", *ORDER)
        .with_columns(listed=listed)
        .with_columns(**{column: expr & ~pl.col("other") for column, expr in named.items()})
        .with_columns(named=pl.any_horizontal(pl.lit(value=False), *named))
        .with_columns(kind=_kind())
    )


def settle(hits: pl.LazyFrame) -> pl.LazyFrame:
    """Complete `fate` where kinds are known."""
    kind = pl.col("kind").cast(pl.String)
    of_kind = pl.when(kind.is_in(["other", "background"])).then(kind).otherwise(pl.lit("kept")).cast(_FATE)
    is_asset = pl.col("asset") & ~pl.col("named")
    return hits.with_columns(
        fate=pl.when(is_asset).then(pl.lit("asset", dtype=_FATE)).otherwise(pl.coalesce("fate", of_kind)),
        reason=pl.when(~is_asset).then("reason"),
    )


def _with_askers(frame: pl.LazyFrame, site: Site) -> pl.LazyFrame:
    """Add what is decided once for every distinct agent and address."""
    of_agent = frame.join(_agents(frame), on="user_agent", how="left", nulls_equal=True)
    return of_agent.join(_addresses(frame, site), on="address", how="left", nulls_equal=True)


def _agents(records: pl.LazyFrame) -> pl.LazyFrame:
    """Return `user_agent, agent_part, bot` of each distinct agent."""
    text = pl.col("user_agent").cast(pl.String)
    return records.select("user_agent").unique().with_columns(agent_part=text.hash(1), bot=bots.reason(text))


def _addresses(records: pl.LazyFrame, site: Site) -> pl.LazyFrame:
    """Return `address, address_part, ignored` of each distinct address."""
    parts = addresses.add_parts(records.select("address").unique())
    return parts.select("address", address_part=pl.col("part").hash(2), ignored=addresses.is_in(pl.col("sorted"), site.ignore_addresses))


def _targets(records: pl.LazyFrame, goals: Goals) -> pl.LazyFrame:
    """Return each distinct target with its path, page, lists, and all that goals ask of it."""
    tested = [patterns.split_name(name) for name in tested_columns(goals)]
    values = sorted({column for column, _ in tested if column.startswith("query.")})
    tests = {f"{column}~{pattern}": patterns.matches(pl.col(column), pattern) for column, pattern in tested if pattern}
    wanted = [name for name in tested_columns(goals) if "~" not in name]
    targets = paths.add_lists(paths.add_paths(records.select("target").unique(), goals.site), goals.site)
    return (
        targets.with_columns(robots=(pl.col("bare") == "/robots.txt").fill_null(value=False), page=paths.page(goals.site))
        .with_columns(**{column: paths.parameter(column.removeprefix("query.")) for column in values})
        .with_columns(**tests)
        .select(
            "target",
            "robots",
            "background",
            "download",
            *tests,
            *(pl.col(name).cast(TEXT) for name in ("target_host", "path", "page", *wanted)),
        )
    )


def _visitor(rules: tuple[str, ...]) -> dict[str, pl.Expr]:
    """Return the visitor's number by the first rule that every hit can serve, and by its user id where the rules begin with that."""
    address = pl.col("address_part")
    everybody = next((rule for rule in rules if rule != "user"), "address")
    number = address ^ pl.col("agent_part") if everybody == "address+browser" else address
    user = pl.col("user").cast(pl.String)
    by_user = pl.when(user.is_not_null()).then(user.hash(3)) if rules and rules[0] == "user" else pl.lit(None, dtype=pl.UInt64)
    return {"visitor": number.reinterpret(signed=True), "user_visitor": by_user.reinterpret(signed=True)}


def _is_own(hosts: tuple[str, ...]) -> pl.Expr:
    """Tell hits of the site's own hosts; a hit without a host is taken for one."""
    if not hosts:
        return pl.lit(value=True)
    host = pl.coalesce("target_host", "host").cast(pl.String)
    return host.is_null() | host.is_in(list(hosts))


def _is_other() -> pl.Expr:
    """Tell hits that are nobody's interest: no status, no method, probing methods, robots.txt."""
    status, method = pl.col("status"), pl.col("method").cast(pl.String)
    return status.is_null() | (status < _FIRST_GOOD) | method.is_null() | method.is_in(_OTHER_METHODS) | pl.col("robots")


def _kind() -> pl.Expr:
    """Return the kind of a hit: the first row of the table that fits."""
    status, is_get = pl.col("status"), pl.col("method") == "GET"
    unchanged = status == _NOT_MODIFIED
    good = (status < _FIRST_REDIRECT) | unchanged
    is_page = is_get & good & (status != _NO_CONTENT) & ~pl.col("listed")
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
        .when(is_get & (status >= _FIRST_REDIRECT) & ~unchanged)
        .then(pl.lit("redirect"))
        .otherwise(pl.lit("background"))
        .cast(KIND)
    )


def is_looked_at() -> pl.Expr:
    """Tell hits that later stages need: kept ones, and posts that no list names, which may be a form shown again."""
    return (pl.col("fate") == "kept") | ((pl.col("fate") == "background") & (pl.col("method") == "POST") & ~pl.col("background"))


def rank_sources(records: pl.LazyFrame, names: list[str]) -> pl.LazyFrame:
    """Renumber `source` by (time of its first parsed line, name), so that the order on the command line does not matter."""
    ranks = (
        records.filter(pl.col("time").is_not_null())
        .group_by("source")
        .agg(first=pl.col("time").sort_by("line_no").first())
        .join(pl.LazyFrame({"source": range(len(names)), "name": names}, schema_overrides={"source": pl.UInt32}), on="source", how="right")
        .sort("first", "name", "source", nulls_last=True)
        .select("source", rank=pl.int_range(pl.len(), dtype=pl.UInt32))
    )
    return records.join(ranks, on="source", how="left").with_columns(source="rank").drop("rank")
