"""Records -> hits: who asked, what kind of hit it is, what the goals name, and which lines are not looked at.

It stands alone because all decisions about a single line are made here, each once for every distinct agent, sender and request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit import addresses, bots, paths, patterns, requests, senders
from convkit.schema import FATES, KIND, ORDER, TEXT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from convkit.definitions import Goals, Site

_OTHER_METHODS = ["HEAD", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"]
_TEXTS = ("sender", "host", "request", "user_agent")
_ASKER = ("sender", "user_agent")
_FATE = pl.Enum(FATES)
_FIRST_GOOD, _FIRST_REDIRECT, _FIRST_ERROR = 200, 300, 400
_NO_CONTENT, _NOT_MODIFIED = 204, 304


def narrow(cells: pl.LazyFrame) -> pl.LazyFrame:
    """Return what is needed of CELLS, text as dictionary codes: `source, line_no, time, status, asset, problem` and the texts."""
    return cells.select("source", "line_no", "time", "status", "asset", "problem", *(pl.col(name).cast(TEXT) for name in _TEXTS))


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


def askers(cells: pl.LazyFrame) -> pl.LazyFrame:
    """Return `sender, user_agent, asked` of each distinct pair of sender and agent: whether it asked for plain assets."""
    return cells.group_by(_ASKER).agg(asked=(pl.col("problem") == "asset").any())


def visitors(askers: pl.LazyFrame, site: Site) -> pl.LazyFrame:
    """Return `sender, user_agent, visitor, user_visitor, ignored, bot, has_assets` of askers in memory, and `part, user`, the texts of `identities`.

    `visitor` is told by address, `user_visitor` by user id, null where there is none; `has_assets` tells whether the visitor asked for assets, null
    where nobody did, as behind a content delivery network.
    """
    told_by_browser = _told_by_browser(site)
    address, agent = pl.col("address_part"), pl.col("agent_part")
    return (
        askers.join(_agents(askers), on="user_agent", how="left", nulls_equal=True)
        .join(_senders(askers, site), on="sender", how="left", nulls_equal=True)
        .with_columns(visitor=(address ^ agent if told_by_browser else address).reinterpret(signed=True))
        .with_columns(has_assets=pl.when(pl.col("asked").any()).then(pl.col("asked").any().over("visitor")))
        .drop("asked", "address_part", "agent_part")
    )


def identities(visitors: pl.LazyFrame, site: Site) -> pl.LazyFrame:
    """Return `visitor, identity` of visitors: what tells each one as text, personal data that nothing may show."""
    agent = pl.col("user_agent").cast(pl.String) if _told_by_browser(site) else pl.lit("")
    by_address = pl.format("address {} {}", pl.col("part").fill_null(""), agent.fill_null(""))
    by_user = visitors.drop_nulls("user_visitor").select(visitor="user_visitor", identity=pl.format("user {}", "user"))
    return pl.concat([visitors.select("visitor", identity=by_address), by_user]).unique("visitor")


def _told_by_browser(site: Site) -> bool:
    """Tell whether visitors without a user id are told by address and browser, and not by the address alone."""
    return next((rule for rule in site.visitor if rule != "user"), "address") == "address+browser"


def decide(records: pl.LazyFrame, visitors: pl.LazyFrame, targets: pl.LazyFrame, goals: Goals) -> pl.LazyFrame:
    """Return the hits among CELLS without a problem, with `fate` and `reason` as far as they are known without looking at what goals name.

    What was decided once for every distinct asker and request is joined; the texts themselves are left behind.
    """
    return (
        records.join(visitors.drop("part", "user"), on=_ASKER, how="left", nulls_equal=True)
        .join(targets, on="request", how="left", nulls_equal=True)
        .with_columns(host=pl.coalesce("target_host", "host"))
        .with_columns(own=_is_own(goals.site.hosts), other=_is_other())
        .with_columns(**_early_fate())
        .drop(*_ASKER, "request", "problem", "ignored", "own", "bot", "probing", "target_host")
    )


def _early_fate() -> dict[str, pl.Expr]:
    """Return the fate of a line that is not looked at, null for the others, and its reason."""
    bot = pl.col("bot")
    fate = pl.when(pl.col("ignored") | ~pl.col("own")).then(pl.lit("excluded")).when(bot.is_not_null()).then(pl.lit("bot"))
    return {"fate": fate.cast(_FATE), "reason": pl.when(fate == "bot").then(bot)}


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


def _agents(askers: pl.LazyFrame) -> pl.LazyFrame:
    """Return `user_agent, agent_part, bot` of each distinct agent."""
    text = pl.col("user_agent").cast(pl.String)
    return askers.select("user_agent").unique().with_columns(agent_part=text.hash(1), bot=bots.reason(text).cast(TEXT))


def _senders(askers: pl.LazyFrame, site: Site) -> pl.LazyFrame:
    """Return `sender, address_part, part, ignored, user_visitor, user` of each distinct sender; users are told where the rules begin with that."""
    user = pl.col("user").hash(3).reinterpret(signed=True)
    is_told = pl.col("user").is_not_null() & pl.lit(site.visitor[:1] == ("user",))
    return addresses.add_parts(senders.add_words(askers.select("sender").unique())).select(
        "sender",
        "part",
        address_part=pl.col("part").hash(2),
        ignored=addresses.is_in(pl.col("sorted"), site.ignore_addresses),
        user_visitor=pl.when(is_told).then(user),
        user=pl.when(is_told).then("user"),
    )


def targets(cells: pl.LazyFrame, goals: Goals) -> pl.LazyFrame:
    """Return each distinct `request` with its method, path, page, lists, and all that goals ask of it; `probing` ones are nobody's interest.

    `query` holds the parameters that `site.keep_query` or a goal names, and no others.
    """
    names = tested_columns(goals)
    tested = [patterns.split_name(name) for name in names]
    values = sorted({column for column, _ in tested if column.startswith("query.")})
    tests = {f"{column}~{pattern}": patterns.matches(pl.col(column), pattern) for column, pattern in tested if pattern}
    wanted = [name for name in names if "~" not in name]
    words = requests.add_words(cells.select("request").unique())
    is_robots = (pl.col("bare") == "/robots.txt").fill_null(value=False)
    return (
        paths.add_lists(paths.add_paths(words, goals.site), goals.site)
        .with_columns(probing=pl.col("method").is_null() | pl.col("method").is_in(_OTHER_METHODS) | is_robots, page=paths.page(goals.site))
        .with_columns(**{column: paths.parameter(column.removeprefix("query.")) for column in values})
        .with_columns(query=paths.shown_query(goals.site, values), **tests)
        .select(
            "request",
            "probing",
            "background",
            "download",
            *tests,
            *(pl.col(name).cast(TEXT) for name in ("method", "target_host", "path", "page", "query", *wanted)),
        )
    )


def _is_own(hosts: tuple[str, ...]) -> pl.Expr:
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


def source_ranks(records: pl.LazyFrame, names: list[str]) -> pl.LazyFrame:
    """Return `source, rank` in the order of ranks, by (time of a source's first parsed line, name): the order on the command line does not matter."""
    return (
        records.filter(pl.col("time").is_not_null())
        .group_by("source")
        .agg(first=pl.col("time").sort_by("line_no").first())
        .join(pl.LazyFrame({"source": range(len(names)), "name": names}, schema_overrides={"source": pl.UInt32}), on="source", how="right")
        .sort("first", "name", "source", nulls_last=True)
        .select("source", rank=pl.int_range(pl.len(), dtype=pl.UInt32))
    )


def rank_sources(records: pl.LazyFrame, ranks: pl.LazyFrame) -> pl.LazyFrame:
    """Renumber `source` by its rank."""
    return records.join(ranks, on="source", how="left").with_columns(source="rank").drop("rank")
