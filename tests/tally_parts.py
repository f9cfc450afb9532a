"""An analysis split into parts of its visitors, and the check that their tallies add up to the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import runs

from convkit.analysis import tallies as analysis_tallies
from convkit.core import plugins
from convkit.engine.partial_result import add_tallies

if TYPE_CHECKING:
    from runs import Analyzed

    from convkit.analysis.analysis import Analysis
    from convkit.core.document import Tallies

REPORTS = plugins.names("reports")
OUTPUTS = plugins.names("outputs")


def parts_of(analysis: Analysis, count: int) -> list[Analysis]:
    """Split an analysis into parts by visitor, never dividing a visitor; parts may be empty."""
    hits, sessions = pl.collect_all([analysis.hits, analysis.sessions])
    conditions = [pl.col("visitor").reinterpret(signed=False) % count == number for number in range(count)]
    return [
        analysis_tallies.build_analysis(hits.filter(in_part), sessions.filter(in_part), analysis.goals, analysis.ends, analysis.identities)
        for in_part in conditions
    ]


def outputs_of(analyzed_logs: Analyzed, tallies: Tallies) -> dict[tuple[str, str], str]:
    """Return all reports in every output format, together and one by one."""
    documents = {"report": runs.finish(analyzed_logs, tallies, is_whole=True)}
    documents |= {report: runs.finish(analyzed_logs, {report: tallies[report]}) for report in REPORTS}
    return {(name, output): runs.render(document, output, limit=0) for name, document in documents.items() for output in OUTPUTS}


def check(analyzed_logs: Analyzed, count: int) -> None:
    """Check that the tallies of the parts add up to those of the whole, whatever the order."""
    whole = outputs_of(analyzed_logs, analysis_tallies.tally(analyzed_logs.run.analysis, REPORTS))
    parts = [analysis_tallies.tally(part, REPORTS) for part in parts_of(analyzed_logs.run.analysis, count)]
    added = outputs_of(analyzed_logs, add_tallies(parts))
    assert {place: text for place, text in added.items() if text != whole[place]} == {}
    backwards = runs.finish(analyzed_logs, add_tallies(parts[::-1]), is_whole=True)
    assert runs.render(backwards, "json") == whole["report", "json"]
