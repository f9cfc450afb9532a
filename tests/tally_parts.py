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
    """Split the visitors of an analysis, whole visitors only; parts may be empty."""
    hits, sessions = pl.collect_all([analysis.hits, analysis.sessions])
    of_part = [pl.col("visitor").reinterpret(signed=False) % count == number for number in range(count)]
    return [
        analysis_tallies.build_analysis(hits.filter(here), sessions.filter(here), analysis.goals, analysis.ends, analysis.identities)
        for here in of_part
    ]


def outputs_of(made: Analyzed, tallies: Tallies) -> dict[tuple[str, str], str]:
    """Return all reports in every output, together and each alone."""
    documents = {"report": runs.finish(made, tallies, is_whole=True)}
    documents |= {report: runs.finish(made, {report: tallies[report]}) for report in REPORTS}
    return {(name, output): runs.render(document, output, limit=0) for name, document in documents.items() for output in OUTPUTS}


def check(made: Analyzed, count: int) -> None:
    """Compare the sum of the parts with the whole, and the sum in another order with both."""
    whole = outputs_of(made, analysis_tallies.tally(made.run.analysis, REPORTS))
    parts = [analysis_tallies.tally(part, REPORTS) for part in parts_of(made.run.analysis, count)]
    added = outputs_of(made, add_tallies(parts))
    assert {place: text for place, text in added.items() if text != whole[place]} == {}
    backwards = runs.finish(made, add_tallies(parts[::-1]), is_whole=True)
    assert runs.render(backwards, "json") == whole["report", "json"]
