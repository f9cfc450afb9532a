"""Visitors: the clients of a log, and the rules of `site.visitor` by which each hit's visitor is identified.

A client is a distinct pair of address and user agent; there are about a hundred times fewer of them than hits. The texts that identify a visitor
(user, cookie, parameter, property, session id) are personal data: hits carry only a number made of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core import patterns
from convkit.core.collect import collect_frame
from convkit.core.model import ADDRESS_RULES, USER_RULE
from convkit.core.schema import PROBLEM
from convkit.formats.parsers import addresses, requests
from convkit.goals.site import JAVA_SESSION
from convkit.traffic import attributes, bots, devices, paths

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from convkit.core.model import Site


RULE_PREFIX = "by:"
"""Before the name of a rule: the column of the visitors (Int64) whom it tells, null where a hit does not serve it."""
_QUERY, _JAVA_SESSION = r"\?([^ #]*)", rf"(?i);{JAVA_SESSION}=([^/?#; ]+)"

CLIENT = "asker"
"""The column of a client: its address and its agent as one number."""
_NO_TEXT = (1 << 32) - 1


def rule_columns(rules: Iterable[str]) -> list[str]:
    """Return the columns of rules."""
    return [f"{RULE_PREFIX}{rule}" for rule in rules]


def visitor_number(rule: str, value: pl.Expr) -> pl.Expr:
    """Return the visitor (Int64) whom a rule tells by a text, null where there is none."""
    return pl.when(value.is_not_null()).then(identity_text(rule, value).hash(3).reinterpret(signed=True))


def identity_text(rule: str, value: pl.Expr) -> pl.Expr:
    """Return what tells a visitor as text: one value of two rules is two visitors."""
    return pl.concat_str(pl.lit(f"{rule} "), value)


def has_identity(rules: Iterable[str], columns: Sequence[str], among: pl.Expr) -> pl.Expr:
    """Tell rows among some, of these columns, that one of the rules serves by what is neither user nor address."""
    # On nulls the rules cost next to nothing.
    texts = {rule: pl.when(among).then(_rule_column(rule)) for rule in _text_rules(rules) if _rule_column(rule) in columns}
    return pl.any_horizontal(pl.lit(value=False), *(_rule_value(rule, whole).is_not_null() for rule, whole in texts.items()))


def visitor_numbers(rules: Iterable[str], there: Sequence[str]) -> dict[str, pl.Expr]:
    """Return by rule whom it tells (Int64), of rows with the columns that are there: of rules by what is neither user nor address."""
    return {rule: visitor_number(rule, _rule_value(rule, pl.col(_rule_column(rule)))) for rule in _text_rules(rules) if _rule_column(rule) in there}


def add_rule_columns(records: pl.LazyFrame, site: Site) -> pl.LazyFrame:
    """Add to records in memory the columns of all rules but those by user and address, and drop `cookies`."""
    there = records.collect_schema().names()
    for column in dict.fromkeys(map(_rule_column, _text_rules(site.visitor_rules))):
        rules = [rule for rule in _text_rules(site.visitor_rules) if _rule_column(rule) == column]
        if column in there:
            told = _distinct(records, column).with_columns(
                **{f"{RULE_PREFIX}{rule}": visitor_number(rule, _rule_value(rule, pl.col(column))) for rule in rules}
            )
            records = records.join(told, on=column, how="left", maintain_order="left")
        else:
            records = records.with_columns(**{f"{RULE_PREFIX}{rule}": pl.lit(None, dtype=pl.Int64) for rule in rules})
    return records.drop(attributes.COOKIES, strict=False)


def apply_rules(hits: pl.LazyFrame, site: Site) -> pl.LazyFrame:
    """Let `visitor`, told by address, be told by the first other rule where there is none; add `told_by`, the place of the rule (Int8).

    Of the columns of rules those are left that are preferred.
    """
    ids = rule_columns(rule for rule in site.visitor_rules if rule != site.address_rule)
    places = {f"{RULE_PREFIX}{rule}": place for place, rule in enumerate(site.visitor_rules)}
    by_address = pl.when(pl.col("visitor").is_not_null()).then(pl.lit(len(site.preferred_rules), dtype=pl.Int8))
    by_others = [pl.when(pl.col(name).is_not_null()).then(pl.lit(places[name], dtype=pl.Int8)) for name in ids]
    told = hits.with_columns(visitor=pl.coalesce("visitor", *ids), told_by=pl.coalesce(by_address, *by_others))
    return told.drop(name for name in ids if name not in rule_columns(site.preferred_rules))


def rule_identities(records: pl.LazyFrame, site: Site) -> list[pl.LazyFrame]:
    """Return for each of those rules `visitor, identity` of the visitors whom it tells: personal data, of which ids are made."""
    there = records.collect_schema().names()
    rules = [rule for rule in _text_rules(site.visitor_rules) if _rule_column(rule) in there]
    values = {rule: _distinct(records, _rule_column(rule)).select(value=_rule_value(rule, pl.col(_rule_column(rule)))) for rule in rules}
    return [
        told.drop_nulls("value").select(visitor=visitor_number(rule, pl.col("value")), identity=identity_text(rule, pl.col("value")))
        for rule, told in values.items()
    ]


def _text_rules(rules: Iterable[str]) -> list[str]:
    """Return the rules that ask for a text of their own."""
    return [rule for rule in rules if rule not in {USER_RULE, *ADDRESS_RULES}]


def _rule_column(rule: str) -> str:
    """Return the column of records whose texts tell whom a rule tells."""
    return attributes.COOKIES if attributes.is_cookie_column(rule) else rule if rule.startswith("prop.") else "request"


def _distinct(records: pl.LazyFrame, column: str) -> pl.LazyFrame:
    return records.select(pl.col(column).drop_nulls().unique())


def _rule_value(rule: str, text: pl.Expr) -> pl.Expr:
    """Return what a text says of the visitor, null where it says nothing."""
    whole = text.cast(pl.String)
    if attributes.is_cookie_column(rule):
        return attributes.cookie_value(rule, whole)
    if rule == JAVA_SESSION:
        return whole.str.extract(_JAVA_SESSION)
    value = whole if rule.startswith("prop.") else paths.parameter(rule.removeprefix("query."), whole.str.extract(_QUERY))
    return pl.when(value != "").then(value)


(_BY_USER,) = rule_columns([USER_RULE])


def client_key() -> pl.Expr:
    """Return one number (`asker`, UInt64) for a sender and an agent, of their dictionary codes: it is told apart twice as fast as two texts are."""
    sender, agent = (pl.col(name).to_physical().cast(pl.UInt64).fill_null(_NO_TEXT) for name in ("sender", "user_agent"))
    return (sender * (1 << 32) + agent).alias(CLIENT)


def deduplicate_assets(cells: pl.DataFrame) -> tuple[pl.DataFrame, dict[int, int]]:
    """Return PARSED with one plain asset of every client, and by log how many more there were: most lines of a log tell nothing new."""
    is_asset = pl.col("problem").eq_missing(pl.lit("asset", dtype=PROBLEM))
    assets = cells.lazy().filter(is_asset).select("source", "problem", "sender", "user_agent")
    kept = collect_frame(assets.group_by(client_key()).first().drop(CLIENT), cells.height)
    lines, rows = (dict(collect_frame(some.group_by("source").len(), cells.height).rows()) for some in (assets, kept.lazy()))
    return pl.concat([cells.filter(~is_asset), kept], how="diagonal"), {log: count - rows.get(log, 0) for log, count in lines.items()}


def distinct_clients(cells: pl.LazyFrame) -> pl.LazyFrame:
    """Return `asker, sender, user_agent, asked` of each distinct pair of sender and agent: whether it asked for assets, null if no log tells."""
    asked = (pl.col("problem") == "asset").any()
    is_logged = pl.col("event").is_null().any() if "event" in cells.collect_schema() else pl.lit(value=True)
    texts = pl.col("sender", "user_agent").first()
    return cells.group_by(client_key()).agg(texts, asked=pl.when(is_logged).then(asked))


def identify(clients: pl.LazyFrame, site: Site, mode: str, *, with_device: bool = False, has_assets: bool | None = None) -> pl.LazyFrame:
    """Return `asker, sender, user_agent, visitor, by:user, ignored, bot, spared, has_assets` of clients in memory, and the texts of `identities`.

    `visitor` is told by address, `by:user` by user id, null where there is none; `bot` and `spared` are what the agent tells (`bots.judge_agents`);
    `has_assets` tells whether the visitor asked for assets, null where nobody did, as behind a content delivery network, or no log tells.
    `device` (DEVICE) is told only where it is asked for. Where these are not all clients, `has_assets` says whether any of all asked for assets.
    """
    is_known = pl.col("asked").any() if has_assets is None else pl.lit(has_assets)
    is_by_browser = _is_by_browser(site)
    address, agent = pl.col("address_part"), pl.col("agent_part")
    return (
        clients.join(_agents(clients, site, mode, with_device=with_device), on="user_agent", how="left", nulls_equal=True)
        .join(_senders(clients, site), on="sender", how="left", nulls_equal=True)
        .with_columns(visitor=(address ^ agent if is_by_browser else address).reinterpret(signed=True))
        .with_columns(has_assets=pl.when(is_known).then(pl.col("asked").max().over(pl.coalesce("visitor", _BY_USER))))
        .drop("asked", "address_part", "agent_part")
    )


def identities(visitors: pl.LazyFrame, cells: pl.LazyFrame, site: Site) -> pl.LazyFrame:
    """Return `visitor, identity` of visitors, and of all whom PARSED in memory tell: what tells each as text, personal data that nothing may show."""
    agent = pl.col("user_agent").cast(pl.String) if _is_by_browser(site) else pl.lit("")
    by_address = visitors.drop_nulls("part").select("visitor", identity=pl.format("address {} {}", "part", agent.fill_null("")))
    by_user = visitors.drop_nulls("user").select(visitor=_BY_USER, identity=identity_text(USER_RULE, pl.col("user")))
    return pl.concat([by_address, by_user, *rule_identities(cells.filter(pl.col("problem").is_null()), site)]).unique("visitor")


def _is_by_browser(site: Site) -> bool:
    """Tell whether visitors are told by address and browser, and not by the address alone."""
    return site.address_rule == ADDRESS_RULES[0]


def _agents(clients: pl.LazyFrame, site: Site, mode: str, *, with_device: bool) -> pl.LazyFrame:
    """Return `user_agent, agent_part, bot, spared` of each distinct agent, and its `device` where it is asked for."""
    text = pl.col("user_agent").cast(pl.String)
    device = {"device": devices.device(text)} if with_device else {}
    return clients.select("user_agent").unique().with_columns(agent_part=text.hash(1), **bots.judge_agents(text, site, mode), **device)


def _senders(clients: pl.LazyFrame, site: Site) -> pl.LazyFrame:
    """Return `sender, part, user, address_part, ignored, by:user` of each distinct sender.

    `address_part` is null where there is no address, as in many exports.
    """
    return addresses.add_address_parts(requests.split_senders(clients.select("sender").unique())).select(
        "sender",
        "part",
        "user",
        address_part=pl.when(pl.col("part").is_not_null()).then(pl.col("part").hash(2)),
        ignored=addresses.in_networks(pl.col("sorted"), site.ignore_addresses) | patterns.matches_any(pl.col("user"), site.ignore_users),
        **{_BY_USER: visitor_number(USER_RULE, pl.col("user"))},
    )
