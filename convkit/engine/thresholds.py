"""Thresholds: tests like `purchase.rate < 0.02` that end a run with a code of its own, so that cron can wake somebody.

Chance alone must rarely wake anybody. A rate misses its bound only if its whole likely range does, and `fell` and `rose` ask for more than a verdict
does, as cron looks again and again. `silent` counts sessions instead of hours: nights are quiet anyway.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import exp, sqrt
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit import reports as convkit_reports
from convkit.core import formatting, stats, verdicts
from convkit.core.collect import collect_frame
from convkit.core.document import Outcome
from convkit.core.durations import parse_duration
from convkit.core.schema import FATES
from convkit.errors import GoalsFileError, Problem, UsageError, suggestion

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from convkit.analysis.analysis import Analysis, View
    from convkit.core.document import Report, Tallies
    from convkit.core.model import Goal, Goals
    from convkit.core.options import Options

SILENT, TARGET, FELL, ROSE = WORDS = ("silent", "target", "fell", "rose")
_MOVES = (FELL, ROSE)
_OVERVIEW, _GOALS, _FUNNEL, _INPUT, _LOG, _COMPARE = "overview", "goals", "funnel", "input", "log", "compare"
_LOG_AGE, _LINES = "log_age", "lines"
_RATES = {
    _OVERVIEW: {"bounce_rate": ("bounces", "sessions"), "conversion_rate": ("converted_sessions", "sessions")},
    _GOALS: {"rate": ("reached", "sessions")},
    _FUNNEL: {"of_first": ("reached", "entered"), "went_on_rate": ("went_on", "reached"), "drop_off_rate": ("drop_offs", "reached")},
}
"""For each rate of a report, the columns of its count and of its base."""
_NO_FIGURES = re.compile("target|_low|_high")
"""Matches the names of columns that qualify a figure."""
_TEST = re.compile(r"(?P<name>[^<>]*[^<>\s])\s*(?P<sign>[<>])\s*(?P<value>[^<>=\s]+)")
_NUMBER = re.compile(r"-?(?:\d+(?:\.\d*)?|\.\d+)")
_FEWEST, _LONGEST_WAIT = 5, 12
"""A goal with fewer conversions is never called silent, and a silence must be so long that it comes once in so many months at most."""
_MOST_EXPECTED = 50
"""The largest number of missed conversions that the exponent takes."""
_MONTH, _MILLION = 30, 1_000_000
_CRON_Z = 3.0
"""The quantile of `fell` and `rose`: tested every night at 95%, a goal would wake somebody six times a year for nothing."""
_FEW_MONTHS, _MANY_YEARS = 36, 100
"""The time between two silences is given in months up to the first, in years up to the second, and not exactly beyond it."""
_NO_VALUE = "there is no value in this period"
_TALLY, _HOURS = "thresholds", "hours"


@dataclass(frozen=True)
class Threshold:
    """A test of one figure: a number that is compared with a bound, or a word."""

    expr: str
    """The test as it was written."""
    report: str
    """The report, or the other source, that has the figure."""
    row: tuple[tuple[str, str | int], ...] = ()
    """The columns that identify the figure's row, with their values."""
    metric: str = ""
    unit: str = "count"
    sign: str = ""
    bound: float = 0
    word: str = ""

    @property
    def goal(self) -> str:
        """The name of the goal that a word is about."""
        return str(dict(self.row)["goal"])


def of_report(options: Options, goals: Goals) -> tuple[Threshold, ...]:
    """Return the thresholds of a run with reports. Raises UsageError for those that cannot be understood, or that only a comparison knows."""
    return _chosen(options, goals, "only `convkit compare` knows what {}; use it there", moves=False)


def of_comparison(options: Options, goals: Goals) -> tuple[Threshold, ...]:
    """Return the thresholds of a comparison. Raises UsageError for those that cannot be understood, or that do not compare."""
    return _chosen(options, goals, "a comparison knows only GOAL.fell and GOAL.rose; use this with `convkit report`", moves=True)


def _chosen(options: Options, goals: Goals, why_not: str, *, moves: bool) -> tuple[Threshold, ...]:
    """Return the thresholds of the options that are about moves, or not, and the alerts that are. Raises UsageError if an option is not."""
    given = [one for text in _texts(options) for one in _parse_option(text, goals)]
    for threshold in given:
        if (threshold.word in _MOVES) != moves:
            raise UsageError(f"--fail-if {threshold.expr}: {why_not.format(threshold.word)}")
    alerts = [one for one in _alerts(options, goals) if (one.word in _MOVES) == moves]
    return tuple(dict.fromkeys((*given, *alerts)))


def check_alerts(goals: Goals) -> None:
    """Raise GoalsFileError for the alerts of a goals file that cannot be understood."""
    problems = []
    for alert in goals.alerts:
        try:
            parse(alert.text, goals)
        except UsageError as error:
            problems.append(Problem(alert.line, alert.column, str(error)))
    if problems:
        raise GoalsFileError(goals.file or "goals", problems)


def reports_of(thresholds: Iterable[Threshold]) -> tuple[str, ...]:
    """Return the reports that thresholds need."""
    return tuple(dict.fromkeys(one.report for one in thresholds if one.report in _RATES))


def _texts(options: Options) -> tuple[str, ...]:
    return (options.fail_if,) if isinstance(options.fail_if, str) else tuple(options.fail_if)


def _parse_option(text: str, goals: Goals) -> list[Threshold]:
    """Return the thresholds of one `--fail-if`. Raises UsageError."""
    try:
        return parse(text, goals)
    except UsageError as error:
        raise UsageError(f"--fail-if {error}") from None


def _alerts(options: Options, goals: Goals) -> list[Threshold]:
    """Return the alerts of the goals file if they are wanted. Raises UsageError if there are none."""
    if not options.alerts:
        return []
    if not goals.alerts:
        raise UsageError("--alerts: the goals file has no `alerts`; add some, like `alerts: [purchase.silent]`")
    return [one for alert in goals.alerts for one in parse(alert.text, goals)]


def parse(text: str, goals: Goals) -> list[Threshold]:
    """Return the thresholds that a text describes: one, or one per macro goal for a word alone. Raises UsageError."""
    expr = " ".join(text.split())
    name, _, word = expr.rpartition(".")
    if expr in WORDS:
        return [_word(f"{goal.name}.{expr}", goal.name, expr) for goal in _macros_with(expr, goals)]
    if word in WORDS and name:
        _check_word(expr, name, word, goals)
        return [_word(expr, name, word)]
    test = _TEST.fullmatch(expr)
    if test is None:
        hint = suggestion(word, WORDS, "Words") if name and not set("<>") & set(expr) else ""
        if hint:
            raise UsageError(f"{expr}: unknown word {word!r}{hint}")
        raise UsageError(f"{expr!r} is no test; write NAME < VALUE, NAME > VALUE or GOAL.silent, like 'purchase.rate < 0.02'")
    report, row, metric, unit = _figure(expr, test["name"], goals)
    return [Threshold(expr, report, row, metric, unit, test["sign"], _bound(expr, test["value"], unit))]


def _word(expr: str, goal: str, word: str) -> Threshold:
    return Threshold(expr, _COMPARE if word in _MOVES else _GOALS, (("goal", goal),), word=word)


def _macros_with(word: str, goals: Goals) -> list[Goal]:
    """Return the macro goals that a word alone is about. Raises UsageError if there are none."""
    chosen = [goal for goal in goals.macros if word != TARGET or goal.target is not None]
    if not chosen:
        what = "no macro goal has a target; add `target: 1.5%` to one" if word == TARGET else "the goals file has no macro goal; name a goal"
        raise UsageError(f"{word}: {what}")
    return chosen


def _check_word(expr: str, name: str, word: str, goals: Goals) -> None:
    """Raise UsageError if a word is about a goal that does not exist or that has no target."""
    named = {goal.name: goal for goal in goals.goals}
    if name not in named:
        raise UsageError(f"{expr}: unknown goal {name!r}{suggestion(name, named, 'Goals')}")
    if word == TARGET and named[name].target is None:
        raise UsageError(f"{expr}: {name} has no target; add one to the goals file, like `target: 1.5%`")


def _figure(expr: str, name: str, goals: Goals) -> tuple[str, tuple[tuple[str, str | int], ...], str, str]:
    """Return the report, the row, the metric and the unit of a figure. Raises UsageError if there is none of this name."""
    place, _, metric = name.rpartition(".")
    if not place:
        others = {**dict.fromkeys((_LINES, *FATES), (_INPUT, "count")), _LOG_AGE: (_LOG, "age")}
        if name in others:
            return others[name][0], (), name, others[name][1]
        metrics = {metric.name: metric.column for metric in goals.metrics}
        if name in metrics:
            return _OVERVIEW, (), metrics[name], "number"
        return _OVERVIEW, (), name, _unit(expr, _OVERVIEW, name, (*others, *metrics))
    if place in {goal.name for goal in goals.goals}:
        return _GOALS, (("goal", place),), metric, _unit(expr, _GOALS, metric)
    funnel, _, step = place.partition(".")
    steps = {one.name: dict(zip(one.names, one.numbers, strict=True)) for one in goals.funnels}
    if not step:
        raise UsageError(f"{expr}: unknown goal {place!r}{suggestion(place, [goal.name for goal in goals.goals], 'Goals')}")
    if funnel not in steps:
        raise UsageError(f"{expr}: unknown funnel {funnel!r}{suggestion(funnel, steps, 'Funnels')}")
    numbers = steps[funnel] | {str(number): number for number in steps[funnel].values()}
    if step not in numbers:
        raise UsageError(f"{expr}: unknown step {step!r}{suggestion(step, steps[funnel], 'Steps')}")
    return _FUNNEL, (("funnel", funnel), ("step", numbers[step])), metric, _unit(expr, _FUNNEL, metric)


def _unit(expr: str, report: str, metric: str, others: Iterable[str] = ()) -> str:
    """Return the unit of a column of a report. Raises UsageError if it is none, or no figure."""
    columns = [one for one in convkit_reports.load(report).COLUMNS if one.unit not in {"text", "step", "flag"}]
    units = {one.name: one.unit for one in columns if not _NO_FIGURES.search(one.name)}
    if metric not in units:
        raise UsageError(f"{expr}: unknown figure {metric!r}{suggestion(metric, [*units, *others], 'Figures')}")
    return "age" if units[metric] == "time" else units[metric]


def _bound(expr: str, value: str, unit: str) -> float:
    """Return the number that a figure is compared with; ages are in seconds, amounts in millionths. Raises UsageError."""
    if value.endswith("%"):
        number = value.removesuffix("%")
        shown = f"{float(number) / 100:g}" if _NUMBER.fullmatch(number) else "0.02"
        raise UsageError(f"{expr}: write {shown} instead of {value}; cron gives % a meaning of its own")
    if _NUMBER.fullmatch(value) and unit != "age":
        return float(value) * (_MILLION if unit == "money" else 1)
    if unit not in {"age", "seconds"}:
        raise UsageError(f"{expr}: {value!r} is not a number")
    try:
        return parse_duration(value).total_seconds()
    except ValueError as error:
        raise UsageError(f"{expr}: {error}") from None


def tally(analysis: Analysis, thresholds: Iterable[Threshold]) -> Tallies:
    """Return `hour, sessions`, the sessions that began in each hour, if a threshold needs them."""
    if not any(one.word == SILENT for one in thresholds):
        return {}
    hours = analysis.sessions.group_by(hour=pl.col("started").dt.truncate("1h")).agg(sessions=pl.len().cast(pl.Int64))
    return {_TALLY: {_HOURS: collect_frame(hours, analysis.size)}}


def sessions_per_hour(tallies: Tallies) -> pl.DataFrame:
    """Remove what `tally` added to the tallies of reports and return it."""
    return tallies.pop(_TALLY)[_HOURS] if _TALLY in tallies else pl.DataFrame()


def evaluate(thresholds: Sequence[Threshold], reports: Mapping[str, Report], hours: pl.DataFrame, view: View) -> tuple[Outcome, ...]:
    """Return whether each threshold was missed by the figures of a run; `hours` are those of `tally`."""
    return tuple(_outcome(one, reports, hours, view) for one in thresholds)


def _outcome(threshold: Threshold, reports: Mapping[str, Report], hours: pl.DataFrame, view: View) -> Outcome:
    if threshold.report in {_INPUT, _LOG}:
        return _of_run(threshold, view)
    row = _row(threshold, reports)
    if threshold.word == SILENT:
        return _silent(threshold, row, hours, view)
    return _target(threshold, row, view) if threshold.word == TARGET else _of_report(threshold, row, view)


def _of_run(threshold: Threshold, view: View) -> Outcome:
    """Return the outcome for a count of lines, or for the time since the last line of the log."""
    if threshold.report == _INPUT:
        return _plain(threshold, view.input[threshold.metric], formatting.count(view.input[threshold.metric]))
    if view.ends is None:
        return Outcome(threshold.expr, None, "the log is empty", bound=threshold.bound)
    age = (datetime.now(UTC) - view.ends).total_seconds()
    return _plain(threshold, age, f"the log ends {formatting.duration(max(age, 0))} ago")


def _of_report(threshold: Threshold, row: Mapping[str, Any], view: View) -> Outcome:
    """Return the outcome for a figure of a report."""
    value, rates = row[threshold.metric], _RATES[threshold.report]
    if threshold.metric in rates:
        part, whole = (row[name] for name in rates[threshold.metric])
        return _rate(threshold.expr, part, whole, threshold.sign, threshold.bound)
    metric = next((one for one in view.goals.metrics if threshold.report == _OVERVIEW and one.column == threshold.metric), None)
    if metric and row[metric.is_share]:
        outcome = _rate(threshold.expr, row[metric.counts[0]], row[metric.counts[1]], threshold.sign, threshold.bound / metric.factor)
        value, low, high = (None if one is None else one * metric.factor for one in (outcome.value, outcome.low, outcome.high))
        return replace(outcome, value=value, low=low, high=high, bound=threshold.bound)
    if threshold.unit == "age":
        return _last_reached(threshold, value, view)
    if value is None:
        return Outcome(threshold.expr, None, _NO_VALUE, bound=threshold.bound)
    words = formatting.money(value, view.goals.site.currency) if threshold.unit == "money" else formatting.in_unit(value, threshold.unit)
    return _plain(threshold, value, words)


def _row(threshold: Threshold, reports: Mapping[str, Report]) -> dict[str, Any]:
    """Return the figures of a threshold's row."""
    report = reports[threshold.report]
    frame = report.frame if report.details is None else report.details
    return frame.filter(**dict(threshold.row)).row(0, named=True)


def _plain(threshold: Threshold, value: float, words: str) -> Outcome:
    """Return the outcome for a figure that is compared as it is."""
    missed = value < threshold.bound if threshold.sign == "<" else value > threshold.bound
    shown = (float(value) / _MILLION, threshold.bound / _MILLION) if threshold.unit == "money" else (float(value), threshold.bound)
    return Outcome(threshold.expr, missed, words, shown[0], bound=shown[1])


def _rate(expr: str, part: int | None, whole: int | None, sign: str, bound: float) -> Outcome:
    """Return the outcome for a rate, which misses its bound if its whole likely range does."""
    if part is None or whole is None or whole < formatting.MIN_BASE:
        return Outcome(expr, None, f"{formatting.count(part)} of {formatting.count(whole)}", bound=bound)
    low, high = stats.evaluated(stats.wilson(pl.lit(part), pl.lit(whole)))
    likely = f"{formatting.percent(part / whole)}, likely {formatting.rate_interval(low, high, whole)}"
    missed = high < bound if sign == "<" else low > bound
    return Outcome(expr, missed, f"{formatting.count(part)} of {formatting.count(whole)} ({likely})", part / whole, low, high, bound)


def _last_reached(threshold: Threshold, last: datetime | None, view: View) -> Outcome:
    """Return the outcome for the time from the last conversion to the end of the log; if there was none, from the beginning of the period."""
    since = last or view.period.begin
    if view.ends is None or since is None:
        return Outcome(threshold.expr, None, "the log is empty", bound=threshold.bound)
    age = (view.ends - since).total_seconds()
    words = f"last on {_moment(last)}, {formatting.duration(age)} before the log ends" if last else f"never in these {formatting.duration(age)}"
    return _plain(threshold, age, words)


def _moment(time: datetime) -> str:
    return f"{time.day} {time:%b, %H:%M}"


def _silent(threshold: Threshold, row: Mapping[str, Any], hours: pl.DataFrame, view: View) -> Outcome:
    """Return whether a goal has not been reached for so many sessions that chance would do it less than once a year."""
    last, reached = row["last_reached"], int(row["reached"])
    if last is None or view.period.begin is None or reached < _FEWEST:
        return Outcome(threshold.expr, None, f"reached {formatting.plural(reached, 'time')}; {_FEWEST} are needed")
    hour = last.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    since = int(hours.filter(pl.col("hour") > hour)["sessions"].sum())
    before = int(hours["sessions"].sum()) - since
    days = max((last - view.period.begin) / timedelta(days=1), 1)
    a_month = reached * _MONTH / days
    months = exp(min(reached / before * since, _MOST_EXPECTED)) / a_month
    words = (
        f"nobody of {formatting.plural(since, 'session')} since {_moment(last)}; before, {formatting.count(reached)} of {formatting.count(before)}. "
        f"So long a silence comes {_seldom(months)}"
    )
    return Outcome(threshold.expr, months >= _LONGEST_WAIT, words, months, bound=float(_LONGEST_WAIT))


def _seldom(months: float) -> str:
    """Return how often something comes that happens once in so many months."""
    if months < _FEW_MONTHS:
        return f"about once in {formatting.plural(max(round(months), 1), 'month')}"
    return f"about once in {formatting.months(months)}" if months < _MANY_YEARS * 12 else f"less than once in {_MANY_YEARS} years"


def _target(threshold: Threshold, row: Mapping[str, Any], view: View) -> Outcome:
    """Return whether a goal misses its target: the whole likely range of a rate or of a number of conversions, or the value as it is."""
    target = next(goal.target for goal in view.goals.goals if goal.name == threshold.goal)
    if target is None or target.of == "rate":
        return _rate(threshold.expr, row["reached"], row["sessions"], "<", row["target"])
    months, bound = view.period.days / _MONTH, row["target_per_month"]
    if row["per_month"] is None:
        return Outcome(threshold.expr, None, _NO_VALUE, bound=bound)
    if target.of == "value":
        currency = view.goals.site.currency
        words = f"{formatting.money(row['per_month'] * _MILLION, currency)} in 30 days; the target is {formatting.money(bound * _MILLION, currency)}"
        return Outcome(threshold.expr, row["per_month"] < bound, words, row["per_month"], bound=bound)
    low, high = (one / months for one in _likely_count(row["conversions"]))
    words = f"{formatting.per_month(row['per_month'])} in 30 days (likely {low:,.0f} – {high:,.0f}); the target is {formatting.per_month(bound)}"
    return Outcome(threshold.expr, high < bound, words, row["per_month"], low, high, bound)


def _likely_count(number: int) -> tuple[float, float]:
    """Return the 95% range of the expected number of independent events of which so many came: the bounds of the score test of Poisson's rate."""
    z = stats.Z_95
    return tuple(number + z * z / 2 + sign * z * sqrt(number + z * z / 4) for sign in (-1, 1))  # type: ignore[return-value]


def evaluate_moves(thresholds: Collection[Threshold], rows: pl.DataFrame) -> tuple[Outcome, ...]:
    """Return whether goals rose or fell in a comparison; `rows` have `what, item, now, now_of, before, before_of`."""
    return tuple(_move(one, rows.filter(what="goal", item=one.goal)) for one in thresholds)


def _move(threshold: Threshold, rows: pl.DataFrame) -> Outcome:
    """Return whether a goal moved in one direction, with less doubt than a verdict needs."""
    row = rows.row(0, named=True)
    now, before = (formatting.count_of(int(row[side]), int(row[f"{side}_of"]), "session") for side in ("now", "before"))
    words = f"{now} after {before}"
    if not verdicts.has_enough_data(row):
        return Outcome(threshold.expr, None, words)
    counts = [pl.lit(int(row[name])) for name in ("now", "now_of", "before", "before_of")]
    low, high = stats.evaluated(stats.newcombe(counts[0], counts[1], counts[2], counts[3], _CRON_Z))
    missed = high < 0 if threshold.word == FELL else low > 0
    return Outcome(threshold.expr, missed, words, row["now"] / row["now_of"] - row["before"] / row["before_of"], low, high, 0.0)
