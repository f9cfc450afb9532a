"""Heroku router log: names and values, with the time in the prefix of each line."""

from __future__ import annotations

from convkit.formats.parsers.regex import Template

SAMPLES = (
    (
        '2026-10-10T13:55:36.078581+00:00 heroku[router]: at=info method=GET path="/cart?id=1" host=shop.example '
        'request_id=8601b555-6a83-4c12-8269-97c8e32cdb22 fwd="203.0.113.7" dyno=web.1 connect=1ms service=18ms status=200 bytes=2326 protocol=https'
    ),
    (
        '2026-10-10T13:55:37.100000+00:00 heroku[router]: at=error code=H12 desc="Request timeout" method=GET path=/a b host=shop.example '
        'fwd="203.0.113.9, 10.0.0.1" dyno=web.1 connect= service=30000ms status=503 bytes=0'
    ),
)
_REST = r"dyno=[!-~]* connect=[!-~]* service=(?P<milliseconds>[!-~]*) status=(?P<status>[!-~]*) bytes=(?P<bytes>[!-~]*)"
FORMAT = Template(
    r'^at=[!-~]+ (?:code=[!-~]+ desc="[ !#-~]*" )?method=(?P<method>[!-~]+) path="?(?P<target>[^" ]+)"? host=(?P<host>[!-~]+) '
    rf'(?:request_id=[!-~]* )?fwd="(?P<address>[ !#-~]*)" {_REST}',
    # A space in the path, pairs added by other tools, and lines whose prefix was not removed.
    otherwise=r"^(?:(?P<time>[!-~]+) (?:[!-~]+ )?heroku\[router\]: )?(?:sock=[!-~]* )?at=[!-~]+ (?:[^=]*=.*? )??"
    r'method=(?P<method>[!-~]+) path="?(?P<target>[^"]*?)"? host="?(?P<host>[^ "]+)"? '
    rf'(?:[^=]*=.*? )??fwd="?(?P<address>[^"]*?)"? (?:[^=]*=.*? )??{_REST}',
)
