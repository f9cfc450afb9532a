"""What qualifies the headline: how sessions and visitors are told, who may be no visitor, and what was cut or set aside.

It stands alone because notes are sentences, with rules of their own: a count before a rate, no causes, no word that frightens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from convkit.core import figures
from convkit.core.definitions import USER
from convkit.core.tables import Note
from convkit.goals import visitor_rules
from convkit.reports import _several_hosts, _traffic_notes
from convkit.traffic import bots

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from convkit.analysis.analysis import View

_MANY_MACROS = 2
_MOST_BARE = 0.9
"""Share of sessions without assets above which the log rather than the visitors lacks them."""


def notes(tally: Mapping[str, pl.DataFrame], view: View) -> tuple[Note, ...]:
    """Return the notes in the order in which they are read."""
    sums = tally["sums"].row(0, named=True)
    found = [
        _definitions(sums, view),
        _several_hosts.note(tally["hosts"]),
        _built_in(view),
        _macros(view),
        _bare(sums, view),
        *_traffic_notes.notes(tally, view),
        _running(sums),
        _aside(sums, view),
        _values(sums),
        _only_errors(sums, tally["errors"]),
        _local_times(view),
        of_bots(view.bots),
    ]
    return tuple(note for note in found if note)


def _definitions(sums: Mapping[str, int], view: View) -> Note:
    """Say what a session and a visitor are, and which rule served what share."""
    site = view.goals.site
    timeout, sessions = figures.length(site.session_timeout), sums["sessions"]
    served = {rule: sums[f"told_by{place}"] for place, rule in enumerate(site.visitor_rules) if sums[f"told_by{place}"]}
    most = site.address_rule if site.address_rule in served or not served else max(served, key=lambda rule: served[rule])
    others = [f"in {figures.plural(n, 'session')} ({figures.share(n, sessions)}) {_a(rule)}" for rule, n in served.items() if rule != most]
    told_by = ", ".join([_a(most), *others])
    unused = [_a(rule) for rule in site.preferred_rules if rule != USER and rule not in served]
    nobody = f" {' and '.join(unused)} told nobody." if unused and sessions else ""
    return Note("definitions", f"A session ends after {timeout} without a page or goal; a visitor is {told_by}.{nobody}")


def _a(rule: str) -> str:
    """Return what tells a visitor, in a sentence."""
    return f"a {visitor_rules.named(rule)}" if rule == USER else visitor_rules.named(rule)


def _built_in(view: View) -> Note | None:
    if view.goals.file is not None:
        return None
    return Note("built-in-goals", "The goals are built in, guessed from common shops and lead sites; convkit init writes a goals.yaml of your own.")


def _macros(view: View) -> Note | None:
    if not view.knows_macro:
        return Note("no-macro", "No macro goal is known for this site, so nothing is said of conversions.", is_drawn=True)
    number = len(view.goals.macros)
    if view.goals.file is None or number <= _MANY_MACROS:
        return None
    return Note("many-macros", f"{number} macro goals are many: a site has one or two things that it is for; the rest are micro goals.")


def _bare(sums: Mapping[str, int], view: View) -> Note | None:
    """Say how many sessions look like programs that load no assets; nothing where the log has none of anybody."""
    bare, sessions = sums["bare"], sums["sessions"]
    if view.bots == "only" or not bare or not sums["assets_known"] or bare > _MOST_BARE * sessions:
        return None
    text = f"{figures.plural(bare, 'session')} ({figures.share(bare, sessions)}) loaded no image or style: perhaps bots."
    if view.knows_macro and len(view.goals.macros) == 1:
        without = figures.share(sums["converted"] - sums["bare_converted"], sessions - bare)
        text += f" Without them {view.goals.macros[0].name} is {without}."
    return Note("no-assets", text)


def _running(sums: Mapping[str, int]) -> Note | None:
    if not sums["running"]:
        return None
    return Note("cut-sessions", f"{figures.plural(sums['running'], 'session')} may have gone on: sessions are cut where the log ends.")


def _aside(sums: Mapping[str, int], view: View) -> Note | None:
    number = sums["macros_aside"]
    if not number:
        return None
    names = view.goals.macros[0].name if len(view.goals.macros) == 1 else "conversion"
    return Note("no-page", f"{figures.times(number, names)} came without a page and counted nowhere: an API?")


def _values(sums: Mapping[str, int]) -> Note | None:
    number = sums["without_value"]
    return Note("no-value", f"{figures.plural(number, 'conversion')} had no plain number as value and added nothing to it.") if number else None


def _only_errors(sums: Mapping[str, int], errors: pl.DataFrame) -> Note | None:
    if not sums["only_errors"]:
        return None
    page, number = errors.sort("n", "page", descending=[True, False]).select("page", "n").row(0)
    return Note("only-errors", f"{figures.plural(sums['only_errors'], 'visitor')} met only errors, most often at {page} ({figures.count(number)}).")


def _local_times(view: View) -> Note | None:
    if not view.has_local_times or view.goals.site.timezone != "UTC":
        return None
    return Note("no-zone", "Times that say no zone are taken as UTC; --tz names another.")


def of_bots(mode: str) -> Note:
    """Say how bots are told, and what becomes of them."""
    told = f"told by {bots.list_version()}, by agents that say nothing and by what they do"
    texts = {"drop": f"Bots are {told}.", "keep": "Bots are counted like people.", "only": f"Only bots are counted, {told}."}
    return Note("bots", texts[mode])
