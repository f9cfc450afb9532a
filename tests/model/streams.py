"""Goals files drawn by Hypothesis, and examples: a stream of hits with a goals file.

Goals are drawn from a few shapes, each with the YAML that a user would write.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import yaml
from hypothesis import strategies as st

from model.goals import Funnel, Goal, GoalsFile, Step, Without
from model.hits import Hit, Site
from model.lines import Stream, events, row_of, shown_variants, streams
from model.variants import Variant

PATTERNS = (
    "/", "/a", "/a", "/a", "/b", "/b", "/b", "/c", "/c", "/*", "/**", "/p/*", "/p/*", "/d", "/d",
    "/x.json", "/*.json", "/api/x", "/api/*", "/f.pdf",
)  # fmt: skip
REQUESTS = (
    "POST /a", "POST /a", "POST /b", "POST /*", "POST /**", "GET /c", "GET /a",
    "GET /api/x", "GET /api/**", "GET /x.json", "GET /**",
)  # fmt: skip
STATUSES = (("3xx",), ("404",), ("422",), ("2xx",), ("200", "404"), ("4xx", "5xx"), ("204",), ("302",))
QUERIES = (("order", ""), ("order", "1"), ("total", "*.*"), ("total", ""))
REFERRERS = (
    ("www.google.com",), ("*.google.com/**",), ("news.example/post",), ("news.example/*",), ("t.co", "com.x"), ("www.google.com/",), ("**",),
    ("*.example",),
)  # fmt: skip
HOW = (("at_least", 2), ("at_least", 2), ("at_least", 3), ("stayed", 20), ("stayed", 60), ("visits", 1), ("visits", 2), ("visits", 3))
WITHIN = (None, None, 21, 1799, 1800, 1800, 1801, 3600, 3620, 86400)
ONCE = ("session", "visitor", "visitor", "hit", "hit", "path", "query.order", "query.order", ("visitor", "path"), ("visitor", "query.order"))
VALUES = ("5", "0.25", "query.total", "query.total")
WINDOWS = (None, None, 10, 20, 1800)


def durations(seconds: int) -> str:
    """Return a duration as a user would write it."""
    return f"{seconds // 60}m" if seconds % 60 == 0 else f"{seconds}s"


def simple(pattern: str) -> Goal:
    """Return the goal described by a short string like `/a` or `POST /a`."""
    method, _, path = pattern.rpartition(" ")
    return Goal(pattern, what="request" if method else "page", pattern=path, method=method or "GET")


texts = st.sampled_from((*PATTERNS, *PATTERNS, *REQUESTS)).map(simple)
paths = st.sampled_from(PATTERNS).map(simple)
paths_of_walks = st.sampled_from(("/a", "/b", "/c", "/*")).map(simple)


def visiting(draw: st.DrawFn, visits: int) -> dict[str, Any]:
    """Draw `visits`, with or without `within`, as the fields of a goal with their YAML."""
    within = draw(st.sampled_from(WITHIN))
    limit = {} if within is None else {"within": durations(within)}
    return {"visits": visits, "within": within, "written": {"visits": visits, **limit}}


@st.composite
def hows(draw: st.DrawFn) -> Goal:
    """Draw a list item whose condition is about more than one hit: a stay, visits, a number of hits, or an earlier goal."""
    how = draw(st.sampled_from(("stayed", "visits", "at_least", "at_least", "after")))
    if how == "stayed":
        seconds = draw(st.sampled_from((1, 20, 60)))
        return Goal({"stayed": durations(seconds)}, stayed=seconds)
    if how == "visits":
        return Goal(**visiting(draw, draw(st.integers(1, 3))))
    number, pattern = draw(st.tuples(st.integers(2, 3), st.sampled_from(PATTERNS)))
    if how == "after":
        other = draw(texts)
        return Goal({"page": pattern, "after": other.written}, what="page", pattern=pattern, after=((other,),))
    return Goal({"page": pattern, "at_least": number}, what="page", pattern=pattern, at_least=number)


@st.composite
def lists(draw: st.DrawFn) -> Goal:
    """Draw a list of goals, of which any one may be reached."""
    parts = draw(st.lists(st.one_of(texts, texts, hows()), min_size=1, max_size=3))
    return Goal([part.written for part in parts], what="any", parts=tuple(parts))


def earlier_goals(draw: st.DrawFn, goals: dict[str, Goal]) -> tuple[tuple[Goal, ...], Any]:
    """Draw the goals of `after` and their YAML: a goal's name, a goal written out, or a list."""
    named = st.sampled_from(sorted(goals)).map(lambda name: (goals[name], name)) if goals else st.nothing()
    inline = st.one_of(texts, hows()).map(lambda goal: (goal, goal.written))
    drawn = draw(st.lists(st.one_of(named, named, inline), min_size=1, max_size=2))
    written = [text for _, text in drawn]
    return tuple(goal for goal, _ in drawn), written if len(written) > 1 else written[0]


@st.composite
def bases(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the *what* of a mapping, as the fields of a goal with their YAML."""
    what = draw(st.sampled_from(("page", "page", "request", "request", "download", "any", "any", None, None, None)))
    if what == "page":
        pattern = draw(st.sampled_from(PATTERNS))
        return {"what": "page", "pattern": pattern, "written": {"page": pattern}}
    if what == "request":
        text = draw(st.sampled_from(REQUESTS))
        method, _, pattern = text.partition(" ")
        return {"what": "request", "method": method, "pattern": pattern, "written": {"request": text}}
    if what == "download":
        pattern = draw(st.sampled_from(("/f.pdf", "/*.pdf", "/**")))
        return {"what": "download", "pattern": pattern, "written": {"download": pattern}}
    if what == "any":
        parts = draw(st.lists(st.one_of(texts, texts, hows()), min_size=1, max_size=2))
        return {"what": "any", "parts": tuple(parts), "written": {"any": [part.written for part in parts]}}
    return draw(circumstances())


@st.composite
def circumstances(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a goal without a *what*, as its fields with their YAML."""
    key = draw(st.sampled_from(("query", "query", "referrer", "stayed", "visits")))
    if key == "stayed":
        seconds = draw(st.sampled_from((1, 10, 20, 60, 1799)))
        return {"stayed": seconds, "written": {"stayed": durations(seconds)}}
    if key == "visits":
        return visiting(draw, draw(st.integers(1, 3)))
    if key == "referrer":
        patterns = draw(st.sampled_from(REFERRERS))
        return {"referrers": (patterns,), "written": {"referrer": [*patterns] if len(patterns) > 1 else patterns[0]}}
    name, pattern = draw(st.sampled_from(QUERIES))
    return {"query": ((name, pattern),), "written": {"query": {name: pattern} if pattern else name}}


@st.composite
def conditions(draw: st.DrawFn, base: dict[str, Any], goals: dict[str, Goal]) -> dict[str, Any]:
    """Draw the *which* and *how* keys of a mapping."""
    fields: dict[str, Any] = {"written": dict(base["written"])}
    written = fields["written"]
    if base.get("what") in {"page", "request"} and draw(st.integers(0, 3)) == 0:
        fields["status"] = draw(st.sampled_from(STATUSES))
        numbers = [int(text) if text.isdigit() else text for text in fields["status"]]
        written["status"] = numbers if len(numbers) > 1 else numbers[0]
    if "what" in base and draw(st.integers(0, 4)) == 0:
        name, pattern = draw(st.sampled_from(QUERIES))
        fields["query"] = ((name, pattern),)
        written["query"] = {name: pattern} if pattern else name
    if "what" in base and draw(st.integers(0, 4)) == 0:
        exception = draw(texts)
        fields["exceptions"] = (exception,)
        written["except"] = exception.written
    if "what" in base and draw(st.integers(0, 5)) == 0:
        patterns = draw(st.sampled_from(REFERRERS))
        fields["referrers"] = (patterns,)
        written["referrer"] = [*patterns]
    if draw(st.integers(0, 4)) == 0:
        others, written["after"] = earlier_goals(draw, goals)
        fields["after"] = (others,)
    if not {"stayed", "visits"} & {*base} and draw(st.integers(0, 3)) == 0:
        fields |= how(draw, written)
    return fields


def how(draw: st.DrawFn, written: dict[str, Any]) -> dict[str, Any]:
    """Draw a *how* key, and add it to the YAML."""
    key, number = draw(st.sampled_from(HOW))
    if key == "visits":
        fields = visiting(draw, number)
        written |= fields.pop("written")
        return fields
    written[key] = durations(number) if key == "stayed" else number
    return {key: number}


@st.composite
def mappings(draw: st.DrawFn, goals: dict[str, Goal], *, counts: bool = True) -> Goal:
    """Draw a goal as a mapping, which may name some of the `goals` in `after`; `counts` allows keys about how matches are counted."""
    base = draw(bases())
    fields = base | draw(conditions(base, goals))
    written = fields["written"]
    if counts and draw(st.booleans()):
        fields["once_per"] = once_per = draw(st.sampled_from(ONCE))
        written["once_per"] = once_per if isinstance(once_per, str) else [*once_per]
    if counts and draw(st.booleans()):
        fields["value"] = draw(st.sampled_from(VALUES))
        written["value"] = fields["value"] if fields["value"].startswith("query.") else float(fields["value"])
    if counts and draw(st.integers(0, 3)) == 0:
        fields["target"] = written["target"] = draw(st.sampled_from(("50%", "1.5%", "100%")))
    if counts and draw(st.integers(0, 5)) == 0:
        fields["passive"] = written["passive"] = True
    return Goal(**fields)


@st.composite
def steps(draw: st.DrawFn, goals: dict[str, Goal]) -> Step:
    """Draw a step: a goal's name, a goal written out, or a list of both."""
    named = st.sampled_from(sorted(goals)).map(lambda name: Step((goals[name],), name))
    inline = st.one_of(paths, paths, texts, mappings(goals, counts=False)).map(lambda goal: Step((goal,), goal.written))
    alone = st.one_of(named, inline)
    if draw(st.integers(0, 4)) > 0:
        return draw(alone)
    parts = draw(st.lists(alone, min_size=2, max_size=2))
    return Step(tuple(goal for part in parts for goal in part.goals), [part.written for part in parts])


@st.composite
def shared(draw: st.DrawFn) -> Step:
    """Draw a step that is a condition, or a page step that may share its hit with a condition before it."""
    late = draw(st.sampled_from((1, 10, 20)))
    stayed = Goal({"stayed": durations(late)}, stayed=late)
    ordered = Goal({"query": "order"}, query=(("order", ""),))
    goal = draw(st.sampled_from((stayed, ordered, ordered, simple("/d"), simple("/*"))))
    return Step((goal,), goal.written)


@st.composite
def with_options(draw: st.DrawFn, step: Step, *, may_be_optional: bool, may_be_limited: bool) -> Step:
    """Draw the options of a step in addition to its goal."""
    within = draw(st.sampled_from((None, None, None, 1, 10, 20))) if may_be_limited else None
    is_optional = may_be_optional and draw(st.integers(0, 3)) == 0
    written: dict[str, Any] = {"goal": step.written}
    written |= {"within": durations(within)} if within is not None else {}
    written |= {"optional": True} if is_optional else {}
    return Step(step.goals, written if len(written) > 1 else step.written, within, is_optional)


@st.composite
def bans(draw: st.DrawFn, steps: tuple[Step, ...]) -> tuple[tuple[Without, ...], Any]:
    """Draw the exclusions between steps, with their YAML."""
    places = [number for number, step in enumerate(steps) if not step.is_optional]
    exclusions, written = [], []
    for _ in range(draw(st.integers(1, 2))):
        goal = draw(st.one_of(paths_of_walks, paths_of_walks, texts))
        after = draw(st.sampled_from(places[:-1]))
        before = draw(st.sampled_from([place for place in places if place > after]))
        is_whole = after == 0 and before == len(steps) - 1 and draw(st.booleans())
        exclusions.append(Without((goal,), after, before))
        written.append(goal.written if is_whole else {"goal": goal.written, "after": after + 1, "before": before + 1})
    return tuple(exclusions), written if len(written) > 1 else written[0]


@st.composite
def rules(draw: st.DrawFn, steps: tuple[Step, ...], order: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Draw a funnel's rules for chains, as fields with their YAML."""
    fields: dict[str, Any] = {"order": order}
    written: dict[str, Any] = {} if order == "ordered" else {"order": order}
    if order == "ordered" and draw(st.integers(0, 3)) == 0:
        fields["is_open"] = written["open"] = True
    if order == "ordered" and draw(st.integers(0, 3)) == 0:
        fields["without"], written["without"] = draw(bans(steps))
    if draw(st.integers(0, 4)) == 0:
        fields["same"] = written["same"] = draw(st.sampled_from(("query.order", "path")))
    if draw(st.integers(0, 4)) == 0:
        fields["landing"] = draw(st.sampled_from(("/a", "/*", "/p/*")))
        written["where"] = draw(st.sampled_from((f"landing={fields['landing']}", {"landing": fields["landing"]})))
    return fields, written


@st.composite
def funnels(draw: st.DrawFn, goals: dict[str, Goal]) -> Funnel:
    """Draw a funnel of two to four steps, chosen from only a few, so that some steps are equal."""
    walk = paths_of_walks.map(lambda goal: Step((goal,), goal.written))
    few = draw(st.lists(draw(st.sampled_from((steps(goals), steps(goals), walk, walk, shared()))), min_size=1, max_size=3))
    count = draw(st.integers(2, 4))
    chosen = draw(st.lists(st.sampled_from(few), min_size=count, max_size=count))
    per = draw(st.sampled_from(("session", "session", "visitor")))
    window = draw(st.sampled_from(WINDOWS))
    # Passive hits are no interactions, and a strict funnel consists of nothing else.
    is_passive = any(goal.passive for step in chosen for goal in step.goals)
    order = draw(st.sampled_from(("ordered", "ordered", "ordered", "ordered" if is_passive else "strict", "any")))
    fields: dict[str, Any] = {}
    written: dict[str, Any] = {}
    if draw(st.booleans()):
        limits = [(order == "ordered" and 0 < number < count - 1, order != "any" and number > 0) for number in range(count)]
        chosen = [
            draw(with_options(step, may_be_optional=optional, may_be_limited=limited))
            for step, (optional, limited) in zip(chosen, limits, strict=True)
        ]
        fields, written = draw(rules(tuple(chosen), order))
    written = {"steps": [step.written for step in chosen], **written}
    if per == "visitor" or draw(st.booleans()):
        written["per"] = per
    if window is not None:
        written["window"] = durations(window)
    return Funnel(tuple(chosen), written if len(written) > 1 else written["steps"], per, window, **fields)


RULES = (
    ("user",), ("user",), (), ("query.uid",), ("jsessionid",), ("user", "query.uid"), ("query.uid", "user"), ("jsessionid", "query.uid", "user"),
)  # fmt: skip
"""Visitor rules that take precedence over IP address and browser."""


@st.composite
def sites(draw: st.DrawFn, *, with_users: bool = False) -> Site:
    """Draw the settings of a site that affect figures."""
    return Site(
        preferred=draw(st.sampled_from(RULES)) if with_users else ("user",),
        timeout=draw(st.sampled_from((1800, 1800, 1800, 21, 3600))),
        ignored_paths=draw(st.sampled_from(((), (), ("/c",), ("/p/**",)))),
        ignored_addresses=draw(st.sampled_from(((), (), ("192.0.2.2",)))),
        groups=draw(st.sampled_from(((), ("/p/*",), ("/a", "/p/*")))),
        bots_kept=draw(st.sampled_from(((), (), (), ("googlebot",), ("windows nt", "CURL")))),
        bots_dropped=draw(st.sampled_from(((), (), (), ("linux",), ("curl", "nobody")))),
        pageless=draw(st.sampled_from((False, False, True))),
    )


@st.composite
def goals_files(draw: st.DrawFn, *, with_users: bool = False) -> GoalsFile:
    """Draw a goals file with one or two macro goals, and funnels."""
    macros, micros = draw(st.sampled_from((("bought",), ("bought", "asked")))), ("saw", "sent", "took")[: draw(st.integers(0, 3))]
    drawn_goals: dict[str, Goal] = {}
    # In any order, so that `after` may name a goal that is defined further down.
    for name in draw(st.permutations((*macros, *micros))):
        drawn_goals[name] = draw(st.one_of(texts, paths, lists(), mappings(drawn_goals), mappings(drawn_goals)))
    macro, micro = ({name: drawn_goals[name] for name in names} for names in (macros, micros))
    drawn = {name: draw(funnels({**macro, **micro})) for name in ("first", "second")[: draw(st.integers(1, 2))]}
    return GoalsFile(macro, micro, drawn, draw(sites(with_users=with_users)))


def to_yaml(goals: GoalsFile) -> str:
    """Write a goals file as YAML."""
    site: dict[str, Any] = {"timezone": "UTC", "session_timeout": durations(goals.site.timeout)}
    ignore = {"paths": [*goals.site.ignored_paths], "addresses": [*goals.site.ignored_addresses]}
    if any(ignore.values()):
        site["ignore"] = {key: values for key, values in ignore.items() if values}
    if goals.site.preferred != Site.preferred:
        site["visitor"] = [*goals.site.preferred, "address+browser"]
    if goals.site.groups:
        site["group"] = [*goals.site.groups]
    if goals.site.pageless:
        site["pageless_sessions"] = True
    if goals.variants:
        site["variants"] = {name: variant.written for name, variant in goals.variants.items()}
    bots = {"keep": [*goals.site.bots_kept], "drop": [*goals.site.bots_dropped]}
    if any(bots.values()):
        site["bots"] = {key: values for key, values in bots.items() if values}
    document: dict[str, Any] = {"site": site, "macro": {name: goal.written for name, goal in goals.macro.items()}}
    if goals.micro:
        document["micro"] = {name: goal.written for name, goal in goals.micro.items()}
    if goals.funnels:
        document["funnels"] = {name: funnel.written for name, funnel in goals.funnels.items()}
    return yaml.dump(document, Dumper=_Plain, sort_keys=False, default_flow_style=None, width=200)


class _Plain(yaml.SafeDumper):
    """A dumper that writes equal steps twice, as a user would, instead of using anchors."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401, ARG002 (the signature is PyYAML's)
        return True


@dataclass(frozen=True, repr=False)
class Example:
    """A log and a goals file."""

    stream: Stream
    goals: GoalsFile

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ANN401, ARG002, FBT001 (the signature is Hypothesis's)
        """Show both as files in Hypothesis's output too."""
        printer.text(f"Example({self!r})")

    def __repr__(self) -> str:
        """Show both as files."""
        return "\n".join(["", "access.log:", *self.stream.lines, "", "goals.yaml:", to_yaml(self.goals)])


@st.composite
def examples(draw: st.DrawFn, *, with_users: bool = False) -> Example:
    """Draw a log and a goals file."""
    return Example(draw(streams(with_users=with_users)), draw(goals_files(with_users=with_users)))


def variant(what: str, name: str = "", patterns: tuple[str, ...] = (), split: Any = (), **more: Any) -> Variant:  # noqa: ANN401 (YAML)
    """Return a variant as a mapping, or as a string where that is enough."""
    of_paths = "path" if not patterns else [*patterns] if len(patterns) > 1 else patterns[0]
    written: dict[str, Any] = {what: name or of_paths}
    written |= {"where": {key: [*texts] if len(texts) > 1 else texts[0] for key, texts in more.get("where", ())}} if more.get("where") else {}
    written |= {"split": dict(sorted(split)) if isinstance(split, frozenset) else [*split]} if split else {}
    short = f"{what}.{name}" if name else "path"
    return Variant(
        short if len(written) == 1 and not patterns and more.get("is_short", True) else written,
        what,
        name,
        patterns,
        split=split,
        **{key: value for key, value in more.items() if key == "where"},
    )


SPLITS = ((), (), (90, 10), (1, 3), frozenset({("a", 70), ("b", 20), ("c", 10)}), frozenset({("a", 1), ("b", 1)}))


@st.composite
def variants(draw: st.DrawFn) -> Variant:
    """Draw how a variant is recognised."""
    what = draw(st.sampled_from(("query", "query", "query", "cookie", "path")))
    if what == "path":
        return variant("path", patterns=draw(st.sampled_from(((), ("/p/*",), ("/b", "/*"), ("/p/*", "/b", "/c")))))
    return variant(what, "v", split=draw(st.sampled_from(SPLITS)), is_short=draw(st.booleans()))


@st.composite
def experiments(draw: st.DrawFn, *, with_users: bool = False) -> Example:
    """Draw a log that shows variants and a goals file with one or two of them: `test`, and sometimes `other`."""
    example = draw(examples(with_users=with_users))
    stream = draw(shown_variants(example.stream))
    names = ("test", "other")[: draw(st.integers(1, 2))]
    goals = replace(example.goals, variants={name: draw(variants()) for name in names})
    if draw(st.integers(0, 2)) == 0:
        goals = replace(goals, funnels={name: draw(funnels_of_variants(funnel, names)) for name, funnel in goals.funnels.items()})
    return Example(stream, goals)


@st.composite
def funnels_of_variants(draw: st.DrawFn, funnel: Funnel, names: tuple[str, ...]) -> Funnel:
    """Draw a condition on a variant, in addition to those that a funnel has."""
    name, value, is_inverted = draw(st.tuples(st.sampled_from(names), st.sampled_from(("a", "b", "/b")), st.booleans()))
    written = dict(funnel.written) if isinstance(funnel.written, dict) else {"steps": funnel.written}
    others = written.get("where", [])
    if isinstance(others, dict):
        others = [f"{field}={pattern}" for field, pattern in others.items()]
    tests = [*([others] if isinstance(others, str) else others), f"variant.{name}{'!=' if is_inverted else '='}{value}"]
    return replace(funnel, variant=(name, value, is_inverted), written=written | {"where": tests if len(tests) > 1 else tests[0]})


WHERE = ((), (("experiment", ("checkout",)),), (("experiment", ("check*",)),), (("experiment", ("checkout", "price")),))


@dataclass(frozen=True, repr=False)
class Export:
    """An export of events and a goals file."""

    hits: tuple[Hit, ...]
    goals: GoalsFile

    @property
    def lines(self) -> list[str]:
        """Return the rows of the export."""
        return [row_of(hit) for hit in self.hits]

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ANN401, ARG002, FBT001 (the signature is Hypothesis's)
        """Show both as files in Hypothesis's output too."""
        printer.text(f"Export({self!r})")

    def __repr__(self) -> str:
        """Show both as files."""
        return "\n".join(["", "events.jsonl:", *self.lines, "", "goals.yaml:", to_yaml(self.goals)])


@st.composite
def goals_of_events(draw: st.DrawFn) -> Goal:
    """Draw a goal that a page or an event of an export reaches."""
    name = draw(st.sampled_from(("signup", "experiment_viewed", "*", "")))
    base = Goal({"event": name}, what="event", pattern=name) if name else draw(paths_of_walks)
    fields: dict[str, Any] = {"once_per": draw(st.sampled_from(("session", "hit", "visitor", "query.order")))}
    written = ({"page": base.pattern} if base.what == "page" else dict(base.written)) | fields
    if draw(st.integers(0, 3)) == 0:
        fields["at_least"] = written["at_least"] = 2
    return replace(base, written=written, **fields)


@st.composite
def exports(draw: st.DrawFn) -> Export:
    """Draw an export that shows variants, and a goals file that says which of its rows do."""
    bought, signed_up = draw(goals_of_events()), draw(goals_of_events())
    walk = st.sampled_from((Step((bought,), "bought"), Step((signed_up,), "signed_up"))) | paths_of_walks.map(
        lambda goal: Step((goal,), goal.written)
    )
    steps = tuple(draw(st.lists(walk, min_size=2, max_size=3)))
    per, order = draw(st.sampled_from(("session", "visitor"))), draw(st.sampled_from(("ordered", "ordered", "strict")))
    funnel = Funnel(steps, {"steps": [step.written for step in steps], "per": per, "order": order}, per, order=order)
    name, split = draw(st.sampled_from(("variant", "variant", "experiment"))), draw(st.sampled_from(SPLITS))
    test = variant("prop", name, split=split, where=draw(st.sampled_from(WHERE)))
    site = Site(timeout=draw(st.sampled_from((1800, 21))), pageless=True)
    return Export(draw(events()), GoalsFile({"bought": bought}, {"signed_up": signed_up}, {"first": funnel}, site, {"test": test}))
