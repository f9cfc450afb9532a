"""The keys of a goal, one a file. A key's module says

- `ROLE`: `what` (one a goal), `which` (all hold on the same hit), `how` (the hit that completes a state), `count`, or `beside` (more about another),
- `EXAMPLE`: a goal in YAML that uses it,
- `SCHEMA`: what it takes, as a fragment of JSON Schema (see `values`),
- `read(node, problems)`: the value of the key, or None with the problems it found,
- `names(value, context)`: the hits it names, as an expression, for what and which (see `values.GoalContext`), or
- `turns(value, named, context)`: the hits on which it comes true, for how, count, and a which that is decided on sessions,
- `answered()`: for a what, the statuses it takes where the goal names none,
- `OF`: for a key that stands beside another, that one; its value is in the context.
"""
