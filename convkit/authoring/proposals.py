"""Goals proposed from evidence, guessed from the words in `data/goal_words.txt`; each kind of goal is an entry in KINDS."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import chain, count
from typing import TYPE_CHECKING

import polars as pl

from convkit.authoring.evidence import has_ending, has_segment, has_word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from convkit.authoring.evidence import Evidence
    from convkit.authoring.goals_file import YamlValue

FEWEST = 3
"""The number of sessions needed for a proposal."""
_MOST = 3
"""The maximum number of patterns in one goal."""
_SURELY = 0.8
"""The share of a page's sessions that must have viewed it after a form, for the page to count as the form's confirmation."""
_DEPTH = 3
_OF_YEARS = r"/(?:19|20)\d\d/(?:\d\d/)?\*"
_WORDS = pl.col("words")
_DONE = ("newsletter", "signup", "lead", "purchase")
"""Actions, the most specific first, so that /checkout/newsletter/thanks is not taken for a purchase."""


@dataclass(frozen=True)
class Proposal:
    """A goal with its name, the reason for proposing it, and whether it may be a macro goal."""

    name: str
    goal: YamlValue
    reason: str = ""
    may_be_macro: bool = False


def propose(evidence: Evidence) -> list[Proposal]:
    """Return the proposed goals, possible macro goals first; none of them have been counted yet."""
    goals: dict[str, Proposal] = {}
    for kind, find in KINDS.items():
        for proposal in find(kind, evidence):
            names = chain([proposal.name], (f"{proposal.name}_{number}" for number in count(2)))
            name = next(name for name in names if name not in goals)
            goals[name] = replace(proposal, name=name)
    return list(goals.values())


def _done(name: str, evidence: Evidence) -> Iterator[Proposal]:
    """Propose whatever confirms an action: a confirmation page, or else an event, or else a form answered with a redirect."""
    pages = _confirmations(evidence).filter(class_=name)
    if pages.height:
        after_forms = evidence.after.filter(pl.col("pattern").is_in(pages["pattern"].implode()))
        reason = f"viewed after POST {after_forms['form'][0]}" if after_forms.height else ""
        yield Proposal(name, _goal("page", pages), reason, may_be_macro=True)
        return
    events = _events(evidence, "bought" if name == "purchase" else name)
    forms = _few(evidence.forms.filter(_class(_WORDS) == name, ~has_word(_WORDS, "not", "aside", "cart")))
    if events.height:
        yield Proposal(name, _goal("event", events), may_be_macro=True)
    elif forms.height:
        yield Proposal(name, {"request": _one_or_list([f"POST {path}" for path in forms["pattern"]]), "status": "3xx"}, may_be_macro=True)


@lru_cache(maxsize=1)
def _confirmations(evidence: Evidence) -> pl.DataFrame:
    """Return the pages that confirm an action, as `pattern, n, class_`, starting with those viewed after a form.

    A page without a word like `thanks` also counts if it is nearly always viewed after a purchase form.
    """
    after = evidence.after.group_by("pattern", maintain_order=True).agg(pl.col("form_words").first(), sent=pl.col("n").sum())
    pages = evidence.pages.filter(pl.col("n") >= FEWEST, ~has_word(_WORDS, "not")).join(after, on="pattern", how="left")
    action = _class(pl.concat_str(_WORDS, pl.col("form_words").fill_null("")))
    bare = pl.lit("purchase" if _is_shop(evidence) else "lead")
    is_bought = (action == "purchase") & (pl.col("sent") >= _SURELY * pl.col("n")) & ~has_word(_WORDS, "aside", "cart", "checkout")
    return (
        pages.filter(has_ending(_WORDS, "thanks") | is_bought)
        .with_columns(class_=action.fill_null(bare))
        .sort(pl.col("sent").fill_null(0), "n", "pattern", descending=[True, True, False], maintain_order=True)
    )


def _class(text: pl.Expr) -> pl.Expr:
    """Return the action that the words name, or null if they name none."""
    return pl.coalesce(*(pl.when(has_word(text, kind)).then(pl.lit(kind)) for kind in _DONE))


def _is_shop(evidence: Evidence) -> bool:
    """Return whether the site has a cart or a checkout."""
    return any(frame.select(has_word(_WORDS, "cart", "checkout").any()).item() for frame in (evidence.pages, evidence.forms, evidence.events))


def _other_forms(_: str, evidence: Evidence) -> Iterator[Proposal]:
    """Propose forms whose paths do not show what they are for."""
    is_known = has_word(_WORDS, "not", "aside", "search", "cart", *_DONE)
    for pattern in _few(evidence.forms.filter(~is_known))["pattern"]:
        last = next((part for part in reversed(pattern.split("/")) if part.isascii() and part.replace("-", "").replace("_", "").isalnum()), "form")
        yield Proposal(f"sent_{last.replace('-', '_').lower()}"[:40], {"request": f"POST {pattern}", "status": "3xx"})


def _seen(name: str, evidence: Evidence, *, with_forms: bool = False) -> Iterator[Proposal]:
    """Propose pages and events named with a word for this kind; `with_forms` adds forms, because sending one is the action itself."""
    # The pattern of grouped pages contains only what they have in common, not the words in individual pages.
    pages = _few(evidence.pages.filter(has_segment(_WORDS, name), ~has_ending(_WORDS, "thanks"), ~has_word(_WORDS, "not", "aside")))
    forms = _few(evidence.forms.filter(has_segment(_WORDS, name), ~has_word(_WORDS, "not", "aside"))) if with_forms else pages.clear()
    events = _events(evidence, name)
    goals: list[YamlValue] = [*(f"POST {pattern}" for pattern in forms["pattern"]), *pages["pattern"]]
    goals += [{"event": _one_or_list(events["pattern"].to_list())}] if events.height else []
    if goals:
        yield Proposal(name, goals[0] if len(goals) == 1 else goals)


def _form_page(name: str, evidence: Evidence, *, of: str) -> Iterator[Proposal]:
    """Propose the page that contains a form."""
    yield from (Proposal(name, proposal.goal) for proposal in _seen(of, evidence))


def _downloads(name: str, evidence: Evidence) -> Iterator[Proposal]:
    files = _few(evidence.downloads)
    if files.height:
        patterns = files["pattern"].to_list()
        yield Proposal(name, {"download": "/**" if evidence.downloads.height > 2 * _MOST else _one_or_list(patterns)})


def _depth(_: str, evidence: Evidence) -> Iterator[Proposal]:
    """Propose viewing several pages of the largest group, and reading one or several articles."""
    groups = evidence.pages.filter("is_group", pl.col("n") >= FEWEST, ~has_word(_WORDS, "aside"))
    is_article = has_segment(_WORDS, "article") | pl.col("pattern").str.contains(_OF_YEARS)
    articles = groups.filter(is_article)["pattern"].head(1).to_list()
    for pattern in articles:
        yield Proposal("reader", {"page": pattern, "at_least": _DEPTH})
        yield Proposal("read_one", pattern)
    largest = [pattern for pattern in groups["pattern"].head(1) if pattern not in articles]
    yield from (Proposal("looked_around", {"page": pattern, "at_least": _DEPTH}) for pattern in largest)


def _long_visit(name: str, evidence: Evidence) -> Iterator[Proposal]:
    if evidence.pages.height or evidence.events.height:
        yield Proposal(name, {"stayed": "5m"})


def _events(evidence: Evidence, kind: str) -> pl.DataFrame:
    """Return the events of a kind."""
    if evidence.events.is_empty():
        return evidence.events
    return _few(evidence.events.filter(has_word(_WORDS, kind), ~has_word(_WORDS, "not")))


def _few(evidence: pl.DataFrame) -> pl.DataFrame:
    """Return the most frequent patterns, each once."""
    return evidence.filter(pl.col("n") >= FEWEST).unique("pattern", keep="first", maintain_order=True).head(_MOST)


def _goal(key: str, evidence: pl.DataFrame) -> YamlValue:
    """Return a goal with the most frequent patterns under this key."""
    patterns = _one_or_list(_few(evidence)["pattern"].to_list())
    return patterns if key == "page" else {key: patterns}


def _one_or_list(texts: list[str]) -> YamlValue:
    return texts[0] if len(texts) == 1 else [*texts]


KINDS: dict[str, Callable[[str, Evidence], Iterator[Proposal]]] = {
    "purchase": _done,
    "lead": _done,
    "signup": _done,
    "newsletter": _done,
    "product": _seen,
    "cart": partial(_seen, with_forms=True),
    "checkout": _seen,
    "search": _seen,
    "pricing": _seen,
    "contact": partial(_form_page, of="lead"),
    "form": _other_forms,
    "download": _downloads,
    "depth": _depth,
    "long_visit": _long_visit,
}
"""The kinds of proposals, which are also the names of most goals; those that may be macro goals come first, the likeliest at the top."""
