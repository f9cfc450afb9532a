"""Any key of `site:` can be set for one run, as strictly as in the file."""

from __future__ import annotations

from datetime import timedelta

import pytest

from convkit.errors import UsageError
from convkit.goals.loader import load_goals, parse_goals

FILE = "site: {timezone: Europe/Berlin, currency: EUR, ignore: {paths: [/old/**]}}\nmacro: {sale: /b}\nmicro: {guide: {download: /a.pdf}}\n"


def test_keys_are_set_and_all_others_stay() -> None:
    site = parse_goals(FILE, "goals.yaml", ["session_timeout=10m", "ignore.addresses=[203.0.113.0/24]", "group=/product/*", "timezone=UTC"]).site
    assert (site.session_timeout, site.ignore_addresses, site.group) == (timedelta(minutes=10), ("203.0.113.0/24",), ("/product/*",))
    assert (site.timezone, site.currency, site.ignore_paths) == ("UTC", "EUR", ("/old/**",))


def test_the_last_of_two_settings_counts_and_applies_to_built_in_goals_too() -> None:
    assert load_goals(settings=["currency=EUR", "currency=USD"]).site.currency == "USD"


def test_goals_are_read_with_the_settings() -> None:
    assert str(parse_goals(FILE, "goals.yaml", ["session_timeout=7m"]).goals[1].named) != str(parse_goals(FILE, "goals.yaml").goals[1].named)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("timezone", "--set timezone: write it as key=value, like session_timeout=10m"),
        ("timezone=", "--set timezone=: write it as key=value"),
        ("timezone=Mars/Base", "--set timezone=Mars/Base: unknown time zone 'Mars/Base'"),
        ("timezon=UTC", "--set timezon=UTC: unknown key 'timezon' in `site`; did you mean 'timezone'"),
        ("ignore.path=/x", "--set ignore.path=/x: unknown key 'path' in `ignore`; did you mean 'paths'"),
        ("bots.kep=[x]", "--set bots.kep=[x]: unknown key 'kep' in `bots`; did you mean 'keep'"),
        ("session_timeout=soon", "--set session_timeout=soon: "),
        ("notes={7.10.: new checkout}", "--set notes={7.10.: new checkout}: '7.10.' is not a day; write it like 2026-10-07"),
        ("consent=leed", "--set consent=leed: unknown goal 'leed' in `consent`; did you mean 'lead'"),
        ("consent.given=gone", "--set consent.given=gone: unknown goal 'gone' in `consent`"),
        ("group=[/a", "--set group="),
        ("a.b.c=1", "--set a.b.c=1: unknown key 'a'"),
    ],
)
def test_a_wrong_setting_is_reported_with_the_fix(setting: str, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        load_goals(settings=[setting])
    assert str(raised.value).startswith(message)
