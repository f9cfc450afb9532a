"""Sensitivity: the rate of a funnel's last step under other settings of order, unit, bots and session timeout.

Each alternative is a separate analysis; `differs` marks rates outside the likely range of the chosen setting.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.core import formatting, stats
from convkit.core.blocks import BlankLine, Heading, Paragraph, Shown, table
from convkit.core.document import Column, Note, Report

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from convkit.analysis.analysis import Analysis
    from convkit.core.blocks import Block, Screen
    from convkit.core.model import Funnel, Goals

NAME = "sensitivity"
COLUMNS = (
    Column("funnel", "text"),
    Column("choice", "text"),
    Column("setting", "text"),
    Column("chosen", "flag"),
    Column("entered", "count"),
    Column("reached", "count"),
    Column("rate", "rate"),
    Column("rate_low", "rate"),
    Column("rate_high", "rate"),
    Column("differs", "flag"),
)
_TIMEOUTS = tuple(timedelta(minutes=minutes) for minutes in (15, 30, 60))
_SETTINGS = {"order": ("ordered", "strict"), "per": ("session", "visitor"), "bots": ("drop", "keep")}


@dataclass(frozen=True)
class Alternative:
    """The same analysis with one setting changed."""

    choice: str
    setting: str
    goals: Goals
    bots: str


def alternatives(goals: Goals, bots: str) -> Iterator[Alternative]:
    """Yield the settings to analyze in addition to the chosen ones; each is a separate analysis."""
    for setting in _SETTINGS["order"]:
        turned = tuple(replace(funnel, order=setting) for funnel in goals.funnels if funnel.order != setting and _may_be(funnel, setting))
        yield Alternative("order", setting, replace(goals, funnels=turned), bots)
    for setting in _SETTINGS["per"]:
        turned = tuple(replace(funnel, per=setting) for funnel in goals.funnels if funnel.per != setting)
        yield Alternative("per", setting, replace(goals, funnels=turned), bots)
    yield from (Alternative("bots", setting, goals, setting) for setting in _SETTINGS["bots"] if setting != bots)
    for timeout in _TIMEOUTS:
        if timeout != goals.site.session_timeout:
            site = replace(goals.site, session_timeout=timeout)
            yield Alternative("timeout", formatting.duration_in_words(timeout), replace(goals, site=site), bots)


def _may_be(funnel: Funnel, order: str) -> bool:
    """Return whether a funnel can be counted in an order: a strict one cannot have other conditions on its steps."""
    return order != "strict" or not (funnel.without or funnel.is_open or len(funnel.required) < len(funnel.steps))


def chosen_rows(analysis: Analysis, bots: str) -> pl.LazyFrame:
    """Return the rows of the chosen settings, one per choice, all with the same counts."""
    timeout = formatting.duration_in_words(analysis.goals.site.session_timeout)
    rows = [
        _row(analysis, funnel, choice, setting, is_chosen=True)
        for funnel in analysis.goals.funnels
        for choice, setting in {"order": funnel.order, "per": funnel.per, "bots": bots, "timeout": timeout}.items()
    ]
    return pl.concat(rows)


def alternative_rows(analysis: Analysis, variant: Alternative) -> pl.LazyFrame:
    """Return the rows of an alternative."""
    return pl.concat(_row(analysis, funnel, variant.choice, variant.setting, is_chosen=False) for funnel in analysis.goals.funnels)


def _row(analysis: Analysis, funnel: Funnel, choice: str, setting: str, *, is_chosen: bool) -> pl.LazyFrame:
    """Return how many entered a funnel, and how many reached its last step."""
    last = pl.col(f"row{len(funnel.steps)}").is_not_null()
    return analysis.chains[funnel.name].select(
        funnel=pl.lit(funnel.name),
        choice=pl.lit(choice),
        setting=pl.lit(setting),
        chosen=pl.lit(is_chosen),
        entered=pl.len().cast(pl.Int64),
        reached=last.sum().cast(pl.Int64),
    )


def present(counts: pl.DataFrame, goals: Goals) -> Report:
    """Return the report: per funnel and choice, one row per setting.

    A setting differs if its rate is outside the likely range of the chosen one.
    """
    places = {funnel.name: place for place, funnel in enumerate(goals.funnels)}
    order = [pl.col("funnel").replace_strict(places), pl.col("choice").replace_strict({name: at for at, name in enumerate((*_SETTINGS, "timeout"))})]
    low, high = stats.wilson(pl.col("reached"), pl.col("entered"))
    of_chosen = {bound: pl.col(f"rate_{bound}").filter("chosen").first().over("funnel") for bound in ("low", "high")}
    is_enough = (pl.col("entered") >= formatting.MIN_BASE) & (pl.col("entered").filter("chosen").first().over("funnel") >= formatting.MIN_BASE)
    frame = (
        counts.with_columns(rate=stats.ratio(pl.col("reached"), pl.col("entered")), rate_low=low, rate_high=high)
        .with_columns(differs=pl.when(is_enough).then(~pl.col("rate").is_between(of_chosen["low"], of_chosen["high"])))
        .sort(*order, pl.col("setting").replace_strict(_ranks(), default=9), "setting")
        .select(column.name for column in COLUMNS)
    )
    sentences = {funnel.name: _sentence(frame.filter(funnel=funnel.name)) for funnel in goals.funnels}
    notes = tuple(Note(NAME, f"{name}: {sentence}", is_drawn=True) for name, sentence in sentences.items())

    def draw(rows: pl.DataFrame, _: Screen) -> list[Block]:
        drawn = [_draw(name, rows.filter(funnel=name), sentence) for name, sentence in sentences.items()]
        return [block for number, blocks in enumerate(drawn) for block in ([BlankLine()] if number else []) + blocks]

    return Report(NAME, COLUMNS, frame, draw, notes, beside=("funnel",))


def _ranks() -> dict[str, int]:
    """Return the order of the settings of each choice."""
    lengths = [formatting.duration_in_words(timeout) for timeout in _TIMEOUTS]
    return {setting: place for settings in (*_SETTINGS.values(), lengths) for place, setting in enumerate(settings)}


def _sentence(rows: pl.DataFrame) -> str:
    """Return whether the rate of the last step depends on the settings."""
    chosen = rows.filter("chosen").row(0, named=True)
    if chosen["entered"] < formatting.MIN_BASE:
        return "Too few sessions or visitors entered to tell whether these settings change the rate of the last step."
    likely = formatting.rate_interval(chosen["rate_low"], chosen["rate_high"], chosen["entered"])
    differing = rows.filter("differs").select(pl.format("{} {}", "choice", "setting")).to_series().to_list()
    if differing:
        with_others = f"with {' or '.join(differing)}, it falls outside the likely range, {likely}"
        return f"The rate of the last step depends on these settings: {with_others}."
    return f"The rate of the last step does not depend on these settings: it stays within the likely range, {likely}."


def _draw(name: str, rows: pl.DataFrame, sentence: str) -> list[Block]:
    """Return the settings of one funnel."""
    heading = Heading(f"CHOICES {name}", "the rate of the last step under other settings; * = the settings of this report")
    firsts = rows.filter(pl.col("choice").is_first_distinct()).select("choice", "setting").rows()
    columns = {
        "setting": Shown(text=lambda row: _label(row, is_first=(row["choice"], row["setting"]) in firsts)),
        "entered": Shown("entered", "count"),
        "reached": Shown("last step", "count", style="bold"),
        "rate": Shown("rate", lambda row: formatting.share(row["reached"], row["entered"])),
        "range": Shown("likely range", lambda row: formatting.rate_interval(row["rate_low"], row["rate_high"], row["entered"])),
        "differs": Shown(text=lambda row: "differs" if row["differs"] else "", style="bold", left=True),
    }
    return [heading, table(rows.rows(named=True), columns), BlankLine(), Paragraph(sentence)]


def _label(row: Mapping[str, Any], *, is_first: bool) -> str:
    """Return a setting, preceded by the name of the choice if it is the first one."""
    return f"{row['choice'] if is_first else '':8} {row['setting']}{' *' if row['chosen'] else ''}"
