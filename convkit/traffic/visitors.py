"""Visitors: the clients of a log, and the rules of `site.visitor` by which each hit's visitor is identified.

A client is a distinct pair of address and user agent; there are about a hundred times fewer of them than hits. The values that identify a visitor
(user, cookie, parameter, property, session ID) are personal data: hits hold only a number derived from them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core import patterns
from convkit.core.collect import collect_frame
from convkit.core.conditions import any_of
from convkit.core.model import ADDRESS_RULES, USER_RULE
from convkit.core.placeholders import identity_or_null
from convkit.core.schema import BROWSER_FIELD, DEVICE_FIELD, PROBLEM
from convkit.formats.parsers import addresses, requests
from convkit.goals.site import JAVA_SESSION
from convkit.ingest.merge import LINE_KEY
from convkit.traffic import attributes, bots, devices, paths

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from convkit.core.model import Site


RULE_PREFIX = "by:"
"""Prefix of the column (Int64) with the visitor that a rule identifies, null where the rule does not apply to a hit."""
_QUERY, _JAVA_SESSION = r"\?([^ #]*)", rf"(?i);{JAVA_SESSION}=([^/?#; ]+)"

CLIENT = "client"
"""The column of a client: its IP address and user agent as one number."""
_NO_TEXT = (1 << 32) - 1


def rule_columns(rules: Iterable[str]) -> list[str]:
    """Return the names of the columns of visitor rules."""
    return [f"{RULE_PREFIX}{rule}" for rule in rules]


def visitor_number(rule: str, value: pl.Expr) -> pl.Expr:
    """Return the visitor (Int64) that a rule identifies by a value, or null where there is no value."""
    return pl.when(value.is_not_null()).then(identity_text(rule, value).hash(3).reinterpret(signed=True))


def identity_text(rule: str, value: pl.Expr) -> pl.Expr:
    """Return the string that identifies a visitor; the same value under two rules stands for two visitors."""
    return pl.concat_str(pl.lit(f"{rule} "), value)


def has_identity(rules: Iterable[str], columns: Sequence[str], candidates: pl.Expr) -> pl.Expr:
    """Return whether a row among the `candidates` is identified by one of the rules that use neither user nor address."""
    # The rules cost almost nothing on nulls.
    texts = {rule: pl.when(candidates).then(_rule_column(rule)) for rule in _text_rules(rules) if _rule_column(rule) in columns}
    return any_of((_rule_value(rule, text).is_not_null() for rule, text in texts.items()))


def unidentified(lines: pl.LazyFrame, senders: pl.DataFrame, rules: Iterable[str], size: int) -> pl.DataFrame:
    """Return `source, line_no` of records that no rule applies to, and whose sender is neither an address nor a user but, say, a time of day.

    `senders` has the senders of records that are not just an address.
    """
    if senders.is_empty():
        return pl.DataFrame(schema={name: pl.UInt32() for name in LINE_KEY})
    columns = lines.collect_schema().names()
    # Records without any sender have the problem already.
    split = requests.split_senders(senders.lazy().select("sender").filter(pl.col("sender").cast(pl.String) != "- - -"))
    nobody = collect_frame(split.filter(pl.col("address").is_null() & pl.col("user").is_null()).select("sender"), senders.height)
    if nobody.is_empty():
        return pl.DataFrame(schema={name: pl.UInt32() for name in LINE_KEY})
    is_record = pl.col("problem").is_null() & pl.col("request").is_not_null()
    records = lines.filter(is_record).join(nobody.lazy(), on="sender", how="semi")
    return collect_frame(records.filter(~has_identity(rules, columns, pl.lit(value=True))).select(LINE_KEY), size)


def visitor_numbers(rules: Iterable[str], columns: Sequence[str]) -> dict[str, pl.Expr]:
    """Return the visitor (Int64) that each rule identifies, for rows with these columns; rules by user or address are skipped."""
    return {rule: visitor_number(rule, _rule_value(rule, pl.col(_rule_column(rule)))) for rule in _text_rules(rules) if _rule_column(rule) in columns}


def add_rule_columns(records: pl.LazyFrame, site: Site) -> pl.LazyFrame:
    """Add the columns of all rules except those by user and address to records in memory, and drop `cookies`."""
    columns = records.collect_schema().names()
    for column in dict.fromkeys(map(_rule_column, _text_rules(site.visitor_rules))):
        rules = [rule for rule in _text_rules(site.visitor_rules) if _rule_column(rule) == column]
        if column in columns:
            visitors = _distinct(records, column).with_columns(
                **{f"{RULE_PREFIX}{rule}": visitor_number(rule, _rule_value(rule, pl.col(column))) for rule in rules}
            )
            records = records.join(visitors, on=column, how="left", maintain_order="left")
        else:
            records = records.with_columns(**{f"{RULE_PREFIX}{rule}": pl.lit(None, dtype=pl.Int64) for rule in rules})
    return records.drop(attributes.COOKIES, strict=False)


def apply_rules(hits: pl.LazyFrame, site: Site) -> pl.LazyFrame:
    """Identify visitors without an address by the first other rule that applies; add `identified_by`, the position of the rule used (Int8).

    Only the columns of preferred rules are kept.
    """
    rule_visitors = rule_columns(rule for rule in site.visitor_rules if rule != site.address_rule)
    positions = {f"{RULE_PREFIX}{rule}": position for position, rule in enumerate(site.visitor_rules)}
    by_address = pl.when(pl.col("visitor").is_not_null()).then(pl.lit(len(site.preferred_rules), dtype=pl.Int8))
    by_others = [pl.when(pl.col(name).is_not_null()).then(pl.lit(positions[name], dtype=pl.Int8)) for name in rule_visitors]
    identified = hits.with_columns(visitor=pl.coalesce("visitor", *rule_visitors), identified_by=pl.coalesce(by_address, *by_others))
    return identified.drop(name for name in rule_visitors if name not in rule_columns(site.preferred_rules))


def rule_identities(records: pl.LazyFrame, site: Site) -> list[pl.LazyFrame]:
    """Return `visitor, identity` for each rule that uses neither user nor address: personal data, from which visitor IDs are made."""
    columns = records.collect_schema().names()
    rules = [rule for rule in _text_rules(site.visitor_rules) if _rule_column(rule) in columns]
    values = {rule: _distinct(records, _rule_column(rule)).select(value=_rule_value(rule, pl.col(_rule_column(rule)))) for rule in rules}
    return [
        texts.drop_nulls("value").select(visitor=visitor_number(rule, pl.col("value")), identity=identity_text(rule, pl.col("value")))
        for rule, texts in values.items()
    ]


def _text_rules(rules: Iterable[str]) -> list[str]:
    """Return the rules that use neither user nor address."""
    return [rule for rule in rules if rule not in {USER_RULE, *ADDRESS_RULES}]


def _rule_column(rule: str) -> str:
    """Return the column of records from which a rule takes its value."""
    return attributes.COOKIES if attributes.is_cookie_column(rule) else rule if rule.startswith("prop.") else "request"


def _distinct(records: pl.LazyFrame, column: str) -> pl.LazyFrame:
    """Return the distinct values in a column."""
    return records.select(pl.col(column).drop_nulls().unique())


def _rule_value(rule: str, text: pl.Expr) -> pl.Expr:
    """Return the value in a string by which a rule identifies the visitor, or null where there is none."""
    text = text.cast(pl.String)
    if attributes.is_cookie_column(rule):
        value = attributes.cookie_value(rule, text)
    elif rule == JAVA_SESSION:
        value = text.str.extract(_JAVA_SESSION)
    else:
        value = text if rule.startswith("prop.") else paths.parameter(rule.removeprefix("query."), text.str.extract(_QUERY))
    return identity_or_null(value)


(_BY_USER,) = rule_columns([USER_RULE])


def client_key() -> pl.Expr:
    """Return one number (`client`, UInt64) for a sender and user agent, made from their dictionary codes: grouping by strings takes twice as long."""
    sender, agent = (pl.col(name).to_physical().cast(pl.UInt64).fill_null(_NO_TEXT) for name in ("sender", "user_agent"))
    return (sender * (1 << 32) + agent).alias(CLIENT)


def is_sent_by(clients: pl.DataFrame) -> pl.Expr:
    """Return whether a line was sent by one of the clients (`client`)."""
    return client_key().is_in(clients[CLIENT].implode())


def deduplicate_assets(parsed: pl.DataFrame) -> tuple[pl.DataFrame, dict[int, int]]:
    """Return PARSED with one plain asset per client, and how many others were dropped per log: most lines add no information."""
    is_asset = pl.col("problem").eq_missing(pl.lit("asset", dtype=PROBLEM))
    assets = parsed.lazy().filter(is_asset).select("source", "problem", "sender", "user_agent")
    kept = collect_frame(assets.group_by(client_key()).first().drop(CLIENT), parsed.height)
    all_counts, kept_counts = (dict(collect_frame(frame.group_by("source").len(), parsed.height).rows()) for frame in (assets, kept.lazy()))
    return pl.concat([parsed.filter(~is_asset), kept], how="diagonal"), {log: count - kept_counts.get(log, 0) for log, count in all_counts.items()}


def distinct_clients(parsed: pl.LazyFrame) -> pl.LazyFrame:
    """Return `client, sender, user_agent, records, has_asked_assets` for each distinct client; the last is null for exports, which cannot show it.

    `records` is the number of requests, of which exports have none.
    """
    has_asset, is_record = ((pl.col("problem") == "asset") | pl.col("asset")).any(), pl.col("problem").is_null()
    has_events = "event" in parsed.collect_schema()
    is_logged = pl.col("event").is_null().any() if has_events else pl.lit(value=True)
    records = (is_record & pl.col("event").is_null() if has_events else is_record).sum()
    texts = pl.col("sender", "user_agent").first()
    return parsed.group_by(client_key()).agg(texts, records=records, has_asked_assets=pl.when(is_logged).then(has_asset))


def identify(clients: pl.LazyFrame, site: Site, mode: str, session_fields: Collection[str] = (), *, has_assets: bool | None = None) -> pl.LazyFrame:
    """Return `client, sender, user_agent, visitor, by:user, ignored, bot, exempt, has_assets` of clients in memory, and what other steps need.

    These are `part` and `user` for `identities`, and `address_part, records, is_private, is_trusted` for `crowds`.

    `visitor` is identified by address, `by:user` by user ID, each null where there is none; `bot` and `exempt` come from the user agent
    (`bots.judge_agents`); `has_assets` is whether the visitor requested assets, or null if no visitor did, as behind a content delivery network, or
    if the input cannot show it. `device` (DEVICE) and `browser` (TEXT) are added if session fields
    need them. If `clients` are not all clients of the run, the argument `has_assets` is
    whether any client in the run requested assets.
    """
    is_logged = pl.col("has_asked_assets").any() if has_assets is None else pl.lit(has_assets)
    is_by_browser = _is_by_browser(site)
    address, agent = pl.col("address_part"), pl.col("agent_part")
    return (
        clients.join(_agents(clients, site, mode, session_fields), on="user_agent", how="left", nulls_equal=True)
        .join(describe_senders(clients, site), on="sender", how="left", nulls_equal=True)
        # In an export, apps and servers report what people do; only an access log has requests that programs sent for themselves.
        .with_columns(bot=pl.when(pl.col("has_asked_assets").is_not_null() | (pl.col("bot") != bots.PROGRAM)).then("bot"))
        .with_columns(visitor=(address ^ agent if is_by_browser else address).reinterpret(signed=True))
        .with_columns(has_assets=pl.when(is_logged).then(pl.col("has_asked_assets").max().over(pl.coalesce("visitor", _BY_USER))))
        .drop("has_asked_assets", "agent_part")
    )


def identities(visitors: pl.LazyFrame, parsed: pl.LazyFrame, site: Site) -> pl.LazyFrame:
    """Return `visitor, identity` for all visitors in PARSED: the string that identifies each one, personal data that must never be shown."""
    agent = pl.col("user_agent").cast(pl.String) if _is_by_browser(site) else pl.lit("")
    by_address = visitors.drop_nulls("part").select("visitor", identity=pl.format("address {} {}", "part", agent.fill_null("")))
    by_user = visitors.drop_nulls("user").select(visitor=_BY_USER, identity=identity_text(USER_RULE, pl.col("user")))
    return pl.concat([by_address, by_user, *rule_identities(parsed.filter(pl.col("problem").is_null()), site)]).unique("visitor")


def _is_by_browser(site: Site) -> bool:
    """Return whether visitors are identified by address and browser, not by the address alone."""
    return site.address_rule == ADDRESS_RULES[0]


def _agents(clients: pl.LazyFrame, site: Site, mode: str, session_fields: Collection[str]) -> pl.LazyFrame:
    """Return `user_agent, agent_part, bot, exempt` for each distinct user agent, and its `device` and `browser` if session fields need them."""
    text = pl.col("user_agent").cast(pl.String)
    device = {DEVICE_FIELD: devices.device(text)} if DEVICE_FIELD in session_fields else {}
    browser = {BROWSER_FIELD: devices.browser(text)} if BROWSER_FIELD in session_fields else {}
    return clients.select("user_agent").unique().with_columns(agent_part=text.hash(1), **bots.judge_agents(text, site, mode), **device, **browser)


def describe_senders(clients: pl.LazyFrame, site: Site) -> pl.LazyFrame:
    """Return `sender, part, user, address_part, ignored, is_private, is_trusted, by:user` for each distinct sender.

    `address_part` is null where there is no address, as in many exports.
    """
    return addresses.add_address_parts(requests.split_senders(clients.select("sender").unique())).select(
        "sender",
        "part",
        "user",
        address_part=pl.when(pl.col("part").is_not_null()).then(pl.col("part").hash(2)),
        ignored=addresses.in_networks(pl.col("sorted"), site.ignore_addresses) | patterns.matches_any(pl.col("user"), site.ignore_users),
        is_private=addresses.is_private(pl.col("address")).fill_null(value=False),
        is_trusted=addresses.in_networks(pl.col("sorted"), site.trusted_proxy),
        **{_BY_USER: visitor_number(USER_RULE, pl.col("user"))},
    )
