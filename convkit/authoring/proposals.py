"""Goals proposed from evidence, guessed from the words in `data/goal_words.txt`; each kind of goal is an entry in KINDS."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import chain, count
from typing import TYPE_CHECKING

import polars as pl

from convkit.authoring.evidence import has_ending, has_segment, has_word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from convkit.authoring.evidence import Evidence
    from convkit.authoring.goals_file import YamlValue

FEWEST = 3
"""The number of sessions needed for a proposal."""
_MOST = 3
"""The maximum number of patterns in one goal."""
_SURELY = 0.8
"""The share of a page's sessions that must have viewed it after a form, for the page to count as the form's confirmation."""
_DEPTH = 3
_SMALL = 100
"""A log with fewer views of pages than this (a page counts once per session) is small."""
_MOST_EVENTS, _LONGEST_NAME = 8, 40
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
    fewest: int = FEWEST
    """The number of sessions that must have reached it; an event that is named like an action is one, however rare."""
    is_bare: bool = False
    """Whether it confirms an action that no word names."""


def propose(evidence: Evidence) -> list[Proposal]:
    """Return the proposed goals, possible macro goals first; none of them have been counted yet."""
    goals: dict[str, Proposal] = {}
    for proposal in chain(
        chain.from_iterable(find(kind, evidence) for kind, find in KINDS.items()),
        _other_events(evidence, goals.values()),
    ):
        names = chain([proposal.name], (f"{proposal.name}_{number}" for number in count(2)))
        name = next(name for name in names if name not in goals)
        goals[name] = replace(proposal, name=name)
    return list(goals.values())


def _done(name: str, evidence: Evidence) -> Iterator[Proposal]:
    """Propose whatever confirms an action: a confirmation page, or else an event, or else a form answered with a redirect, or with such a page."""
    pages = _confirmations(evidence).filter(class_=name)
    if pages.height:
        after_forms = evidence.after.filter(pl.col("pattern").is_in(pages["pattern"].implode()))
        reason = f"viewed after POST {after_forms['form'][0]}" if after_forms.height else ""
        is_bare = bool(pages["is_bare"].all())
        yield Proposal(name, _goal("page", pages), reason, may_be_macro=True, fewest=_fewest(evidence), is_bare=is_bare)
        return
    sent = evidence.posts.filter(_class_of_confirmation(evidence) == name, ~has_word(_WORDS, "not"))
    events, posts = _done_events(name, evidence), _few(sent, _fewest(evidence))
    forms = _few(evidence.forms.filter(_class(_WORDS) == name, ~has_word(_WORDS, "not", "aside", "cart", "partway")))
    if events.height:
        yield Proposal(name, _goal("event", events), may_be_macro=True, fewest=1)
    elif forms.height:
        yield Proposal(name, {"request": _one_or_list([f"POST {path}" for path in forms["pattern"]]), "status": "3xx"}, may_be_macro=True)
    elif posts.height:
        request: YamlValue = {"request": _one_or_list([f"POST {path}" for path in posts["pattern"]])}
        yield Proposal(name, request, may_be_macro=True, fewest=_fewest(evidence))


def _done_events(name: str, evidence: Evidence) -> pl.DataFrame:
    """Return the events of an action; a purchase is also a word of purchase together with a word of confirmation, like payment_done."""
    if evidence.events.is_empty():
        return evidence.events
    is_bought = has_segment(_WORDS, "sold") | (has_word(_WORDS, "purchase") & has_word(_WORDS, "thanks", "settled"))
    is_done = has_word(_WORDS, "bought") | is_bought if name == "purchase" else has_word(_WORDS, name) & (_class(_WORDS) == name)
    return _few(evidence.events.filter(is_done, ~has_word(_WORDS, "not", "partway")), fewest=1)


@lru_cache(maxsize=1)
def _confirmations(evidence: Evidence) -> pl.DataFrame:
    """Return the pages that confirm an action, as `pattern, n, class_, is_bare`, starting with those viewed after a form.

    A page without a word like `thanks` also counts if it is nearly always viewed after a purchase form, unless it is the page of a form itself.
    """
    forms = evidence.forms["pattern"].implode()
    after = evidence.after.group_by("pattern", maintain_order=True).agg(pl.col("form_words").first(), sent=pl.col("n").sum())
    pages = evidence.pages.filter(pl.col("n") >= _fewest(evidence), ~has_word(_WORDS, "not")).join(after, on="pattern", how="left")
    action = _class(pl.concat_str(_WORDS, pl.col("form_words").fill_null("")))
    is_after_form = (pl.col("sent") >= _SURELY * pl.col("n")) & ~pl.col("pattern").is_in(forms)
    is_bought = (action == "purchase") & is_after_form & ~has_word(_WORDS, "aside", "cart", "checkout")
    return (
        pages.filter(has_ending(_WORDS, "thanks") | is_bought)
        .with_columns(class_=action.fill_null(_bare_class(evidence)), is_bare=action.is_null())
        .sort(pl.col("sent").fill_null(0), "n", "pattern", descending=[True, True, False], maintain_order=True)
    )


def _class(text: pl.Expr) -> pl.Expr:
    """Return the action that the words name, or null if they name none."""
    return pl.coalesce(*(pl.when(has_word(text, kind)).then(pl.lit(kind)) for kind in _DONE))


def _fewest(evidence: Evidence) -> int:
    """Return the number of sessions needed for a confirmation: in a small log, it is one even if it occurs once."""
    return 1 if evidence.pages["n"].sum() < _SMALL else FEWEST


def _class_of_confirmation(evidence: Evidence) -> pl.Expr:
    """Return the action that the words of a confirmation name, or else the usual one of the site."""
    return _class(_WORDS).fill_null(_bare_class(evidence))


def _bare_class(evidence: Evidence) -> pl.Expr:
    """Return the action that a bare word of thanks confirms."""
    return pl.lit("purchase" if _is_shop(evidence) else "lead")


def _is_shop(evidence: Evidence) -> bool:
    """Return whether the site has a cart or a checkout, or products and no way to enquire about them."""
    frames = (evidence.pages, evidence.forms, evidence.posts, evidence.events)

    def has_any(*kinds: str) -> bool:
        return any(frame.select(has_word(_WORDS, *kinds).any()).item() for frame in frames)

    return has_any("cart", "checkout") or (evidence.pages.select(has_segment(_WORDS, "product").any()).item() and not has_any("lead"))


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
    events = _seen_events(evidence, name)
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


def _seen_events(evidence: Evidence, kind: str) -> pl.DataFrame:
    """Return the events of a step, without those of the steps after it: checkout_completed is no checkout, and product_added no product."""
    if evidence.events.is_empty():
        return evidence.events
    steps = evidence.events.filter(~has_word(_WORDS, "not"))
    if kind == "product":
        viewed = _few(steps.filter(has_segment(_WORDS, "viewed")))
        return viewed if viewed.height else _few(steps.filter(has_word(_WORDS, kind), ~has_word(_WORDS, "cart", "checkout", "bought", "thanks")))
    return _few(steps.filter(has_word(_WORDS, kind), ~(has_word(_WORDS, "thanks", "settled") & ~has_word(_WORDS, "partway"))))


def _other_events(evidence: Evidence, goals: Iterable[Proposal]) -> Iterator[Proposal]:
    """Propose the most frequent other events, each named after itself: they may be steps, whatever they mean."""
    if evidence.events.is_empty():
        return
    used = {pattern for proposal in goals for pattern in _event_patterns(proposal.goal)}
    others = evidence.events.filter(pl.col("n") >= FEWEST, ~has_word(_WORDS, "not", "aside")).filter(~pl.col("pattern").is_in([*used]))
    for pattern in others["pattern"].head(_MOST_EVENTS):
        name = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", pattern).lower()).strip("_")[:_LONGEST_NAME]
        if name:
            yield Proposal(name, {"event": pattern})


def _event_patterns(goal: YamlValue) -> list[YamlValue]:
    """Return the events that a goal names."""
    if isinstance(goal, list):
        return [pattern for inner in goal for pattern in _event_patterns(inner)]
    events = goal.get("event", []) if isinstance(goal, dict) else []
    return events if isinstance(events, list) else [events]


def _few(evidence: pl.DataFrame, fewest: int = FEWEST) -> pl.DataFrame:
    """Return the most frequent patterns, each once."""
    return evidence.filter(pl.col("n") >= fewest).unique("pattern", keep="first", maintain_order=True).head(_MOST)


def _goal(key: str, evidence: pl.DataFrame) -> YamlValue:
    """Return a goal with the most frequent patterns under this key."""
    patterns = _one_or_list(_few(evidence, fewest=1)["pattern"].to_list())
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
