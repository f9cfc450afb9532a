"""Hand-written traces like `A B:10 X`, as matched hits, and funnels to run on them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl
from model.chains import Ban, Fill, Rules, best_chain

from convkit.core.model import Exclusion, Funnel, Step
from convkit.core.schema import KIND
from convkit.funnels import chains as funnels_chains

if TYPE_CHECKING:
    from model.chains import Chain

Trace = list[tuple[int, str, str, int]]
"""The hits of one visitor: time in seconds, matched letters (`!`: an error, `<`: the session may not enter the funnel), value and session."""

LETTERS = "ABCX"


def hits_of(trace: Trace) -> pl.LazyFrame:
    """Return the matched hits of a trace."""
    frame = pl.DataFrame(
        {
            "visitor": pl.Series([7] * len(trace), dtype=pl.Int64),
            "session": pl.Series([session for *_, session in trace], dtype=pl.Int64),
            "inside": pl.Series([True] * len(trace), dtype=pl.Boolean),
            "time": pl.Series([timedelta(seconds=time) for time, *_ in trace], dtype=pl.Duration("us")).cast(pl.Int64).cast(pl.Datetime("us")),
            "kind": pl.Series(["error" if "!" in letters else "page" for _, letters, *_ in trace], dtype=KIND),
            "page": pl.Series([f"/{letters}" for _, letters, *_ in trace], dtype=pl.Categorical()),
            "event": pl.Series([None] * len(trace), dtype=pl.Categorical()),
            "path": pl.Series([value for _, _, value, _ in trace], dtype=pl.Categorical()),
            "enters": pl.Series(["<" not in letters for _, letters, *_ in trace], dtype=pl.Boolean),
            **{f"goal:{letter}": pl.Series([letter in letters for _, letters, *_ in trace], dtype=pl.Boolean) for letter in LETTERS},
        }
    )
    return frame.with_row_index("row").lazy()


def chain_of(trace: Trace, funnel: Funnel) -> dict[int, Chain]:
    """Return the chain of each unit in the notation of the model."""
    hits = funnels_chains.fitting_hits(hits_of(trace), funnel).collect().lazy()
    chains = funnels_chains.best_chains(hits, funnel).collect().rows(named=True)
    rows = [f"row{number}" for number in funnel.numbers]
    return {row["unit"]: tuple((step, row[name]) for step, name in enumerate(rows) if row[name] is not None) for row in chains}


def trace_of(text: str) -> Trace:
    """Return the trace described by a string like `A:0 x:10`; without times, there is one hit per second."""
    words = [word.partition(":") for word in text.split()]
    return [(int(seconds or number), letters.strip("x"), "", 1) for number, (letters, _, seconds) in enumerate(words)]


def funnel_of(names: str, *, window: int | None = None, within: int | None = None, without: tuple[int, int] | None = None) -> Funnel:
    """Return a funnel with these steps; `within` applies to the last one."""
    chosen = [Step(name, (f"goal:{name}",)) for name in names.split()]
    if within is not None:
        chosen[-1] = replace(chosen[-1], within=timedelta(seconds=within))
    exclusions = (Exclusion("X", ("goal:X",), *without),) if without else ()
    return Funnel("traced", tuple(chosen), window=None if window is None else timedelta(seconds=window), without=exclusions)


def model_of(trace: Trace, funnel: Funnel) -> dict[int, Chain]:
    """Return the chain of each unit that the model chooses from all possible chains."""
    units = {session if funnel.per == "session" else 7 for *_, session in trace}
    chains = {
        unit: best_of(trace, funnel, [position for position, row in enumerate(trace) if funnel.per == "visitor" or row[3] == unit]) for unit in units
    }
    return {unit: chain for unit, chain in chains.items() if chain}


def best_of(trace: Trace, funnel: Funnel, rows: list[int]) -> Chain:
    """Return the chain that counts for one unit."""

    def matched(columns: tuple[str, ...]) -> frozenset[int]:
        letters = {column.removeprefix("goal:") for column in columns}
        return frozenset(number for number, row in enumerate(rows) if letters & set(trace[row][1]))

    def seconds(length: timedelta | None) -> int | None:
        return None if length is None else int(length.total_seconds())

    fills = [Fill(matched(step.columns), step.is_condition, seconds(step.within), step.is_optional) for step in funnel.steps]
    rules = Rules(
        window=seconds(funnel.window),
        order=funnel.order,
        is_open=funnel.is_open,
        bans=tuple(Ban(matched(one.columns), one.after - 1, one.before - 1) for one in funnel.without),
        acts=frozenset(number for number, row in enumerate(rows) if "!" not in trace[row][1]),
        values=[trace[row][2] or None for row in rows] if funnel.same else None,
        entries=frozenset(number for number, row in enumerate(rows) if "<" not in trace[row][1]) if funnel.where else None,
    )
    return tuple((step, rows[number]) for step, number in best_chain(fills, [trace[row][0] for row in rows], rules))
