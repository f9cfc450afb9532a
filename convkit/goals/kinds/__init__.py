"""The keys of a goal, one per file. The module of a key defines

- `ROLE`: `what` (one per goal), `which` (all must hold on the same hit), `how` (the hit that completes a state), `count`, `modifier` (of
  a key), or `effect` (on the hits that the goal names),
- `EXAMPLE`: a goal in YAML that uses it,
- `SCHEMA`: the values it accepts, as a fragment of JSON Schema (see `values`),
- `read(node, problems)`: returns the value of the key, or None after adding to the problems,
- `names(value, context)`: returns the expression for the hits it names, for what and which (see `values.GoalContext`), or
- `turns(value, named, context)`: returns the expression for the hits on which it becomes true, for how, count, and a session-level which,
- `answered()`: for a what, the response statuses it accepts if the goal has no `status`,
- `OF`: for a modifier, the key that it modifies; its value is in the context.
"""
