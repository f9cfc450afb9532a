"""The headline: sessions, bounces, conversions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.analysis import breakdown, exposure
from convkit.analysis.analysis import MOST_MACROS
from convkit.analysis.breakdown import OTHER, PERIODS
from convkit.analysis.breakdown_screen import detailed_rows
from convkit.core import formatting, stats, windows
from convkit.core.blocks import BlankLine, Line, Shown, table
from convkit.core.document import Column, Report
from convkit.core.durations import microseconds
from convkit.core.schema import is_kind
from convkit.formats.parsers.presets import CANCELLED_ORDER
from convkit.goals import matching, money
from convkit.reports import _first_conversions, _overview_metrics, _overview_notes
from convkit.traffic import subrequests

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from convkit.analysis.analysis import Analysis, View
    from convkit.analysis.breakdown_screen import Breakdown
    from convkit.core.blocks import Block, Screen

PLACE = 10
IN_REPORT = True
CAN_BE_LONG = ("followers",)
COLUMNS = (
    Column("sessions", "count"),
    Column("visitors", "count"),
    Column("pageviews", "count"),
    Column("pages_per_session", "ratio"),
    Column("bounces", "count"),
    Column("bounce_rate", "rate"),
    Column("median_session_seconds", "seconds"),
    Column("converted_sessions", "count"),
    Column("conversion_rate", "rate"),
    Column("conversion_rate_low", "rate"),
    Column("conversion_rate_high", "rate"),
    Column("value", "money"),
)
_VALUE = breakdown.VALUE
_WITHOUT_VALUE = {"without_value": "lacks", "ambiguous_values": "ambiguous", "foreign_values": "foreign"}
"""For each count of conversions without a value, its column in `matching.macro_amounts`; the first one includes the others."""
_CONVERTED, _RATE = "converted_sessions", "conversion_rate"
_CANDIDATES = 5
_VALUES, _PERIODS = 10, 31
_BAR = 20


def tally(analysis: Analysis) -> dict[str, pl.LazyFrame]:
    """Return `sums` (one row), `seconds` (sessions with several interactions, by length in seconds), and the tallies for notes and hints.

    The latter are `candidates` (pages after a form), `errors`, `hosts`, `first_conversions` and `followers`. A breakdown has only the first two,
    because notes cover all sessions.
    """
    timed = analysis.split(analysis.sessions.filter(pl.col("interactions") > 1))
    sums = analysis.beside(_sums(analysis), _amounts(analysis))
    seconds = timed.group_by(*analysis.by, seconds=stats.whole_seconds(pl.col("seconds"))).agg(n=pl.len().cast(pl.Int64))
    if analysis.by:
        return {"sums": sums.with_columns(pl.col("value", "macro_hits", "valued_hits", *_WITHOUT_VALUE).fill_null(0)), "seconds": seconds}
    return {
        "sums": pl.concat([sums, _set_aside(analysis), _shared_values(analysis)], how="horizontal"),
        "seconds": seconds,
        "candidates": _after_forms(analysis),
        "errors": _only_errors(analysis),
        "hosts": _overview_notes.pages_by_host(analysis.hits, analysis.goals.site),
        "first_conversions": _first_conversions.tally(analysis),
        "followers": subrequests.count_paths(analysis.hits),
    }


def _sums(analysis: Analysis) -> pl.LazyFrame:
    """Return counts of sessions, and the counts that notes need."""
    goals = analysis.goals
    last = pl.col("started") + pl.duration(seconds="seconds")
    running = (
        pl.lit(value=False)
        if analysis.ends is None
        else pl.lit(analysis.ends) - last < pl.duration(microseconds=microseconds(goals.site.session_timeout))
    )
    bare = ~pl.col("has_assets")
    return analysis.summed(
        analysis.split(analysis.sessions),
        sessions=pl.len().cast(pl.Int64),
        visitors=pl.col("visitor").n_unique().cast(pl.Int64),
        pageviews=exposure.counted_pages(analysis.sessions).sum().cast(pl.Int64),
        bounces=pl.col("bounced").sum().cast(pl.Int64),
        pageless=(pl.col("pages") == 0).sum().cast(pl.Int64),
        converted=pl.col("converted").sum().cast(pl.Int64),
        **{f"{_CONVERTED}:{goal.name}": pl.col(goal.column).sum().cast(pl.Int64) for goal in goals.separate_macros},
        **_overview_metrics.sums(analysis),
        running=running.sum().cast(pl.Int64),
        assets_known=pl.col("has_assets").is_not_null().sum().cast(pl.Int64),
        bare=bare.sum().cast(pl.Int64),
        bare_converted=(bare & pl.col("converted")).sum().cast(pl.Int64),
        **{f"identified_by{place}": (pl.col("identified_by") == place).sum().cast(pl.Int64) for place, _ in enumerate(goals.site.visitor_rules)},
    )


def _amounts(analysis: Analysis) -> pl.LazyFrame:
    """Return the total value of the counted hits of macro goals."""
    return analysis.summed(
        analysis.split(matching.macro_amounts(analysis.hits, analysis.goals)),
        value=money.total(),
        macro_hits=pl.len().cast(pl.Int64),
        valued_hits=pl.col("amount").is_not_null().sum().cast(pl.Int64),
        **{name: pl.col(column).sum().cast(pl.Int64) for name, column in _WITHOUT_VALUE.items()},
    )


def _set_aside(analysis: Analysis) -> pl.LazyFrame:
    """Return the number of cancelled orders, and of visitors who saw only errors."""
    cancelled = (pl.col("event").cast(pl.String) == CANCELLED_ORDER).sum().cast(pl.Int64)
    orders = analysis.hits.filter("inside").select(cancelled=cancelled)
    return pl.concat([orders, _lost(analysis).select(only_errors=pl.col("visitor").n_unique().cast(pl.Int64))], how="horizontal")


def _shared_values(analysis: Analysis) -> pl.LazyFrame:
    """Return, for each macro goal by its position, how many values it counted once although several visitors have them."""
    macros = analysis.goals.macros
    counted = [matching.goal_hits(analysis.hits, goal).select(matching.shared_values(goal).alias(f"shared{n}")) for n, goal in enumerate(macros)]
    return pl.concat(counted, how="horizontal") if counted else pl.LazyFrame()


def _after_forms(analysis: Analysis) -> pl.LazyFrame:
    """Return `page, form, status, n`: in how many sessions a page was seen right after a form was answered with a redirect."""
    seen = analysis.hits.filter(pl.col("inside") & pl.col("session").is_not_null())
    before = {name: windows.previous(pl.col(name), "session") for name in ("method", "status", "page")}
    is_after = (before["method"] == "POST") & before["status"].is_between(300, 399) & is_kind("page")
    return (
        seen.with_columns(is_after=is_after, form=before["page"].cast(pl.String), answer=before["status"])
        .filter("is_after")
        .group_by(pl.col("page").cast(pl.String), "form", status="answer")
        .agg(n=pl.col("session").n_unique().cast(pl.Int64))
    )


def _only_errors(analysis: Analysis) -> pl.LazyFrame:
    """Return `page, n`: how many of the visitors who saw only errors saw one on that page."""
    return _lost(analysis).group_by(pl.col("page").cast(pl.String)).agg(n=pl.col("visitor").n_unique().cast(pl.Int64))


def _lost(analysis: Analysis) -> pl.LazyFrame:
    """Return the errors of visitors who have no sessions."""
    with_session = analysis.hits.filter(pl.col("session").is_not_null() | pl.col("pageless")).select("visitor").unique()
    alone = analysis.hits.filter(pl.col("inside") & pl.col("session").is_null() & is_kind("error"))
    return alone.join(with_session, on="visitor", how="anti")


def present(tally: dict[str, pl.DataFrame], view: View) -> Report:
    """Return the headline; figures about conversions are empty if no macro goal is known."""
    details = _figures(tally, view)
    columns = (*view.keys, *COLUMNS, *_separate_columns(view), *_overview_metrics.columns(details, view))
    frame = details.select(column.name for column in columns)
    if view.by:
        return Report("overview", columns, frame, lambda *_: [], metrics=True, details=details)
    facts = details.row(0, named=True)
    notes = _overview_notes.notes(tally, view)
    # There may be a million paths, and the screen needs none.
    del tally["followers"]
    return Report("overview", columns, frame, lambda _, screen: _draw(facts, tally, view, screen), notes, metrics=True, details=details)


def _separate_columns(view: View) -> list[Column]:
    """Return the columns for each macro goal that is counted separately."""
    units = {_CONVERTED: "count", _RATE: "rate", f"{_RATE}_low": "rate", f"{_RATE}_high": "rate"}
    return [Column(f"{name}:{goal}", unit) for goal in view.separate_macros for name, unit in units.items()]


def _separate_rates(view: View) -> dict[str, pl.Expr]:
    """Return the rates of the macro goals that are counted separately."""
    rates: dict[str, pl.Expr] = {}
    for goal in view.separate_macros:
        converted, sessions = pl.col(f"{_CONVERTED}:{goal}"), pl.col("sessions")
        low, high = stats.wilson(converted, sessions)
        rates |= {f"{_RATE}:{goal}": stats.ratio(converted, sessions), f"{_RATE}_low:{goal}": low, f"{_RATE}_high:{goal}": high}
    return rates


def _figures(tally: Mapping[str, pl.DataFrame], view: View) -> pl.DataFrame:
    """Return the columns of the report and its sums: one row, or one per value of a breakdown."""
    knows_macro = view.knows_macro
    has_value = any(goal.value is not None for goal in view.goals.macros)
    sessions, converted = pl.col("sessions"), pl.when(knows_macro).then("converted")
    low, high = stats.wilson(pl.col("converted_sessions"), sessions)
    median = stats.weighted_quantile(pl.col("seconds").cast(pl.Float64), pl.col("n"), 0.5).alias("median_session_seconds")
    seconds = tally["seconds"].sort("seconds")
    medians = seconds.group_by(pl.col(view.by).cast(pl.String)).agg(median) if view.by else seconds.select(median)
    sums = breakdown.every_value("sums", tally, view)
    rows = (
        (sums.join(medians, on=view.by, how="left", maintain_order="left") if view.by else pl.concat([sums, medians], how="horizontal"))
        .with_columns(converted_sessions=converted, value=pl.when(knows_macro & has_value).then("value"))
        .with_columns(
            pages_per_session=stats.ratio(pl.col("pageviews"), sessions),
            bounce_rate=stats.ratio(pl.col("bounces"), sessions),
            conversion_rate=stats.ratio(pl.col("converted_sessions"), sessions),
            conversion_rate_low=low,
            conversion_rate_high=high,
            **_separate_rates(view),
        )
    )
    return _overview_metrics.add_figures(rows, view)


def _draw(facts: Mapping[str, int], tally: Mapping[str, pl.DataFrame], view: View, screen: Screen) -> list[Block]:
    """Return four lines: sessions, bounces, conversions, and the lines that were read."""
    has_pageless = bool(tally["sums"]["pageless"].sum())
    bounced = " did one thing and nothing else" if has_pageless else " viewed one page and did nothing else"
    rows = [
        ("Sessions", formatting.count(facts["sessions"]), _sessions(facts, screen, "interactions" if has_pageless else "pages")),
        ("Bounced", formatting.count(facts["bounces"]), _of_sessions(facts["bounces"], facts, bounced)),
        ("Converted", *_converted(facts, view, screen)),
        *((f"  {goal}", *_separate(facts, goal, screen)) for goal in view.separate_macros[:MOST_MACROS]),
        *_overview_metrics.lines(facts, view, screen),
        ("Lines", formatting.count(view.input["lines"]), _lines(view.input, view.without_visitor, screen)),
    ]
    columns = {"name": Shown(), "number": Shown(style="bold"), "words": Shown(left=True)}
    grid = replace(table((dict(zip(columns, row, strict=True)) for row in rows), columns), gap=3)
    first = _first_conversions.draw(tally["first_conversions"]) if screen.verbose and not screen.part and view.knows_macro else []
    return [grid, *(_unknown(tally) if facts["converted_sessions"] is None else []), *first]


def _sessions(facts: Mapping[str, int], screen: Screen, what: str) -> str:
    """Return the number of visitors and the length of sessions, in words; `what` sessions consist of."""
    words = f"by {formatting.plural(facts['visitors'], 'visitor')}"
    if facts["sessions"]:
        words += f", {facts['pages_per_session']:.1f} pages per session"
    if screen.wide and facts["median_session_seconds"] is not None:
        words += f"; half of those with several {what} lasted over {formatting.duration(facts['median_session_seconds'])}"
    return words


def _of_sessions(part: int, facts: Mapping[str, int], words: str) -> str:
    """Return a rate followed by words, or only the words if the base is too small for a rate."""
    return (formatting.share(part, facts["sessions"]) if facts["sessions"] >= formatting.MIN_BASE else "") + words


def _converted(facts: Mapping[str, int], view: View, screen: Screen) -> tuple[str, str]:
    """Return the number of conversions, and their rate, odds and value in words."""
    converted, sessions = facts["converted_sessions"], facts["sessions"]
    if converted is None:
        return "?", "no macro goal is known for this site"
    odds = formatting.one_in(converted, sessions)
    words = [_of_sessions(converted, facts, f", {odds}" if odds else "")]
    if screen.wide and sessions >= formatting.MIN_BASE:
        words[0] += f" (likely {formatting.rate_interval(facts['conversion_rate_low'], facts['conversion_rate_high'], sessions)})"
    if facts["value"] is not None and converted:
        valued, value = facts["valued_hits"], facts["value"]
        total, of_one, of_session = (formatting.money(value / of, view.goals.site.currency) for of in (1, max(valued, 1), sessions))
        words.append(", ".join([total, *([f"{of_one} each"] if valued else []), *([f"{of_session} per session"] if screen.wide else [])]))
    return formatting.count(converted), "; ".join(word for word in words if word)


def _separate(facts: Mapping[str, Any], goal: str, screen: Screen) -> tuple[str, str]:
    """Return how many sessions reached one of several macro goals, and their rate and odds in words."""
    reached, sessions = facts[f"{_CONVERTED}:{goal}"], facts["sessions"]
    odds = formatting.one_in(reached, sessions)
    words = _of_sessions(reached, facts, f", {odds}" if odds else "")
    if screen.wide and sessions >= formatting.MIN_BASE:
        words += f" (likely {formatting.rate_interval(facts[f'{_RATE}_low:{goal}'], facts[f'{_RATE}_high:{goal}'], sessions)})"
    return formatting.count(reached), words


def _lines(fates: Mapping[str, int], without_visitor: int, screen: Screen) -> str:
    """Return how the lines were classified, in words; `without_visitor` is how many of the unparsed ones could be read."""
    named = {"kept": "used", "asset": "static files" if screen.wide else "static", "bot": "by bots" if screen.wide else "bots"}
    counts = {word: fates[fate] for fate, word in named.items()}
    if screen.wide and fates["unparsed"]:
        unread = {"unreadable": fates["unparsed"] - without_visitor, "without a visitor": without_visitor}
        counts |= {"other": 0, **{word: number for word, number in unread.items() if number}}
    counts["other"] = fates["lines"] - sum(counts.values())
    return ", ".join(f"{formatting.count(number)} {word}" for word, number in counts.items())


def _unknown(tally: Mapping[str, pl.DataFrame]) -> list[Block]:
    """Return the hint for a site without a known macro goal."""
    candidates = tally["candidates"].sort("n", "page", "form", "status", descending=[True, False, False, False]).head(_CANDIDATES)
    rows = candidates.rows(named=True)
    columns = {
        "n": Shown(text="count"),
        "page": Shown(left=True),
        "form": Shown(text=lambda row: f"after POST {row['form']} ({row['status']})", style="dim", left=True),
    }
    hint = f"`convkit init LOG` writes a goals.yaml {'with these ' if rows else ''}for you to edit."
    return [
        BlankLine(),
        Line.of("No macro goal yet: what counts as success on this site?" + (" Likely candidates:" if rows else "")),
        *([replace(table(rows, columns), indent=6)] if rows else []),
        Line.of(hint),
    ]


class _HeadlineBreakdown:
    """The headline for all sessions, followed by one row per value or period."""

    def draw(self, whole: Report, fold: Callable[[int | None], Breakdown], view: View, screen: Screen) -> list[Block]:
        """Return the headline, then the rows of the breakdown, if there are any."""
        rows = _breakdown_table(fold, view, screen)
        return [*whole.draw(whole.frame, screen), *([BlankLine()] if rows else []), *rows]


BREAKDOWN = _HeadlineBreakdown()


def _breakdown_table(split: Callable[[int | None], Breakdown], view: View, screen: Screen) -> list[Block]:
    """Return one row per value, with the smallest values merged into one row, or one row for each of the last periods."""
    key = view.key
    by_value = split(None if key in PERIODS else screen.rows(_VALUES))
    rows = detailed_rows(by_value.report).rows(named=True)
    if not rows:
        return []
    # A session can reach several goals, so numbers of sessions cannot be added up across goals: there is no row for the others.
    shown = rows[-(screen.rows(_PERIODS) or 0) :] if key in PERIODS else [row for row in rows if key != "goal" or row[_VALUE] != OTHER]
    some = f"The last {len(shown)} of {len(rows)} {key}s." if key in PERIODS and len(shown) < len(rows) else ""
    most = max(row["sessions"] for row in shown)
    columns = {_VALUE: Shown(f"by {key}", lambda row: by_value.marks.title(row[_VALUE]), title_style="bold"), **_columns(most, view)}
    hidden = {*(() if any(row["value"] is not None for row in shown) else ("value",)), *(() if view.knows_macro else (_CONVERTED,))}
    grid = table(shown, {name: column for name, column in columns.items() if name not in hidden})
    return [grid, *([Line.of(some, "dim")] if some else []), *by_value.marks.legend([row[_VALUE] for row in shown])]


def _columns(most: int, view: View) -> dict[str, Shown]:
    """Return the columns of a breakdown; visitors cannot be added up across values. `most` is how many sessions the longest bar stands for."""
    currency = view.goals.site.currency
    return {
        "sessions": Shown("sessions", "count", style="bold"),
        "visitors": Shown("visitors", lambda row: formatting.count(None if row[_VALUE] == OTHER else row["visitors"]), 5),
        "pageviews": Shown("views", "count", 3),
        "median_session_seconds": Shown("time", "seconds", 2),
        "bounces": Shown("bounced", lambda row: formatting.share(row["bounces"], row["sessions"])),
        **{name: _reached(name, title) for name, title in view.shown_macros(_CONVERTED).items()},
        "value": Shown("value", lambda row: formatting.UNKNOWN if row["value"] is None else formatting.money(row["value"], currency), 4),
        **_overview_metrics.shown(view),
        "bar": Shown(text=lambda row: f"  {formatting.bar(row['sessions'], most, _BAR):{_BAR}}", rank=1, style="bar", left=True),
    }


def _reached(name: str, title: str) -> Shown:
    """Return the column with how many sessions reached a macro goal."""
    return Shown(title, lambda row: formatting.count_and_rate(row[name], row["sessions"]))
