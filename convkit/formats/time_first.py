"""Lines that begin with an ISO 8601 time: time, IP address, user, method, target, a number, status, bytes, referrer, user agent."""

from __future__ import annotations

from convkit.formats.parsers.regex import Template

SAMPLES = (
    '2026-10-10T13:55:36 203.0.113.7 - GET "/cart" -1 200 2326 "-" "Mozilla/5.0 (X11; Linux x86_64)"',
    '2026-10-10T13:55:36.120+02:00 203.0.113.7 ann POST /cart/add 4 302 - "https://shop.example/" "Opera/12.0"',
)
FORMAT = Template(
    r'^(?P<time>\d{4}-\d\d-\d\dT[^ ]+) (?P<address>[^ ]+) (?P<user>[^ ]+) (?P<method>[A-Z]+) "?(?P<target>[^ "]+)"? -?\d+ '
    r'(?P<status>\d{3}|-) (?P<bytes>\d+|-) "(?P<referrer>[^"]*)" "(?P<agent>[^"]*)"'
)
