"""Bitbucket access log: client, protocol, ID, user, time, request, referrer, user agent, status, bytes, separated by vertical bars."""

from __future__ import annotations

from convkit.formats.parsers.regex import Template

SAMPLES = (
    (
        '203.0.113.7,10.0.0.1 | https | o@9K7Z3NNx6x3112x1 | ann | 2026-10-10 13:55:36,838 | "GET /git/shop.git HTTP/1.1" | '
        '"" "git/2.44.0" | 200 | 13 | 52 | refs, cache:hit | 101 | tmpqqw | '
    ),
    '2001:db8::7 | ssh | o@1APC3V1x9 | ben | 2026-10-10 13:55:37,907 | "SSH - git-upload-pack" | "" "git/2.38.1" | 0 | 0 | 98 | push | 47 | abc | ',
)
FORMAT = Template(
    r"^(?P<address>[!-~]+) \| [a-z]+ \| o@[!-~]+ \| (?P<user>[^|]+) \| (?P<time>[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:,]+) \| "
    r'"(?P<request>[^"]*)" \| (?:"(?P<referrer>[^"]*)" "(?P<agent>[^"]*)"|-) \| (?P<status>[-0-9]+) \| [-0-9]+ \| (?P<bytes>[-0-9]+) \| '
    r"[^|]* \| (?P<milliseconds>[-0-9]+) \|",
    # A request is logged when it arrives and again when it is answered; only the second line counts.
    ignored=r"^[!-~]+ \| [a-z]+ \| i@",
)
