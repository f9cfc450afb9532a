"""What bots sent: lines by class, and the agents that sent most.

It stands alone because an agent's class is asked of the few distinct agents of bots, and never of a line.
"""

from __future__ import annotations

import polars as pl

from convkit.core.quality import BotAgent, Quality
from convkit.traffic import bots

_MOST = 5
"""How many agents are told."""


def tally(met: pl.DataFrame) -> pl.DataFrame:
    """Return `user_agent, reason, is_out, lines` of what bots sent, of what became of lines: `fate, reason, user_agent`."""
    is_sent = pl.col("reason").is_not_null() & ~pl.col("fate").is_in(["asset", "excluded"])
    counted = met.filter(is_sent).group_by("user_agent", "reason", is_out=pl.col("fate") == "bot").agg(lines=pl.len().cast(pl.Int64))
    return counted.with_columns(pl.col("user_agent", "reason").cast(pl.String))


def of_bots(counted: pl.DataFrame) -> Quality:
    """Return what is known of bots, of a tally."""
    agents = counted.with_columns(class_=bots.class_of(pl.col("user_agent"), pl.col("reason")))
    left_out = agents.filter("is_out").group_by("class_").agg(pl.col("lines").sum()).sort("lines", "class_", descending=[True, False])
    most = agents.group_by("user_agent", "reason", "class_").agg(pl.col("lines").sum())
    most = most.sort("lines", "user_agent", "reason", descending=[True, False, False]).head(_MOST)
    return Quality(
        bot_list=bots.list_version(),
        bot_classes=dict(left_out.rows()),
        bot_agents=tuple(BotAgent(agent or "", lines, reason, class_) for agent, reason, class_, lines in most.rows()),
    )
