"""Visitors who cannot be distinguished by their addresses, and the note on them."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from convkit.core.document import Note
from convkit.core.formatting import count, plural

TRUSTED, PRIVATE, BUSY = "trusted", "private", "busy"
"""The reasons: all addresses are those of trusted proxies, all are private, or one with many user agents sends half of the requests."""
_WHAT_TO_LOG = "log the client's address (nginx: $http_x_forwarded_for, Apache: %{X-Forwarded-For}i) and set site.trusted_proxy"


@dataclass(frozen=True)
class Crowd:
    """Visitors who cannot be distinguished by their addresses, in numbers; `reason` is empty if there are none."""

    reason: str = ""
    requests: int = 0
    of_requests: int = 0
    sources: int = 0
    """The number of addresses."""
    agents: int = 0
    busy: str | None = field(default=None, repr=False)
    """The part of the address that sends half of the requests: personal data."""

    def holds(self) -> pl.Expr:
        """Return whether a client (with `part`) is in the crowd."""
        if self.reason == BUSY:
            return (pl.col("part") == self.busy).fill_null(value=False)
        return pl.lit(value=bool(self.reason))

    @property
    def note(self) -> Note | None:
        """The note on the crowd, or None if there is none."""
        sent = plural(self.of_requests, "request")
        texts = {
            TRUSTED: f"site.trusted_proxy covers the IP addresses of all {sent}, and no line names a client",
            PRIVATE: f"All {sent} come from {plural(self.sources, 'private IP address', 'private IP addresses')}, as behind a proxy",
            BUSY: f"One IP address sent {count(self.requests)} of {sent} with {count(self.agents)} user agents, as a proxy does",
        }
        if self.reason not in texts:
            return None
        effect = "its visitors are" if self.reason == BUSY else "visitors are"
        return Note(
            "one-address",
            f"{texts[self.reason]}, so {effect} distinguished by browser only, several people may count as one, and bots are not recognised by "
            f"behaviour there; to distinguish them, {_WHAT_TO_LOG}.",
        )


NO_CROWD = Crowd()
