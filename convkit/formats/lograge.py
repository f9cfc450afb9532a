"""Rails requests as JSON from Lograge, with `controller` and `action`."""

from __future__ import annotations

from convkit.formats.parsers import fields
from convkit.formats.parsers.json_log import JsonLog

SAMPLES = (
    (
        '{"method":"GET","path":"/cart?a=1","format":"html","controller":"CartController","action":"show","status":200,"duration":58.33,"view":40.43,'
        '"db":15.26,"@timestamp":"2026-10-10T13:55:36.123Z","ip":"203.0.113.7","host":"shop.example","user_agent":"Mozilla/5.0"}'
    ),
    (
        '{"method":"GET","path":"/logo.png","format":"png","controller":"FilesController","action":"show","status":304,"duration":1.5,"view":0.0,'
        '"@timestamp":"2026-10-10T13:55:37.123Z","ip":"2001:db8::7","host":"shop.example","user_agent":""}'
    ),
)
FORMAT = JsonLog(
    names={name: names for name, names in fields.usual_names().items() if name not in {"seconds", "milliseconds"}} | {"milliseconds": "duration"},
    needed=(*fields.request_names(), "controller", "action", "duration"),
    is_loose=True,
)
