"""One handmade log of 40 lines; every figure is worked out in the comments.

    line   time              visitor and request
     1     09:00:00          A  GET /home 301                         redirect before the landing page
     2-4   09:00:02 02 40    A  GET /, /style.css (an asset), /product/1
     5     09:01:00          M  GET / from 203.0.113.9                the ignored monitor
     6     09:01:10          A  GET /product/2
     7     09:02:00          A  POST /cart 302
     8     09:02:05          A  GET /checkout
     9-10  09:03:05 45       A  POST /checkout 422 (the form shown again), then 303
    11     09:03:46          A  GET /thanks, order 71 for 19.99
    12     09:05:00          B  GET /                                 A's address, another browser
    13     09:10:00          Googlebot
    14     09:20:00          A  GET /thanks, order 71: reloaded
    15     09:35:00          B  GET /                                 exactly 1800 s after line 12: a new session
    16     09:35:30          B  GET /product/2
    17     09:50:00          C  GET /product/1
    18-19  09:50:20 20       C  POST /cart 302, GET /checkout         one second, in this order
    20     09:51:20          C  POST /checkout 422                    the form shown again
    21-22  09:52:00 30       C  GET /checkout, GET /help
    23     10:00:00          D  GET /product/2                        IPv6; lines 24 and 26 from another address of its /64
    24     10:00:30          D  POST /cart 302
    25     10:00:31          D  GET /checkout 500
    26     10:05:31          D  GET /product/2
    27-28  10:10:00 02       E  GET /prices.pdf 206, two ranges of one download
    29     10:10:30          E  GET /
    30-32  10:15:00 01 02    F  GET /blog, POST /api/track (background), HEAD / (other)
    33     10:20:00          X  GET /wp-login.php 404                 a scanner: X requested nothing else
    34     10:21:00          I  POST /cart 302                        a session without a page: set aside
    35-36                    a line that is not a record, and a blank one
    37     11:00:00          H  GET /product/1                        not signed in yet
    38     11:01:00          H  GET /account as ann
    39     11:30:00          A  GET /thanks, order 71: reloaded once more, in another session
    40     11:40:00          H  GET /thanks as ann, order 72 for 0.1  from her phone

Sessions: the lines of their interactions (pages, and events in brackets), their duration, and their other lines.

    A1  2 4 6 (7) 8 11 14   1198 s  redirect 1, error 9; bought
    A2  39                     -    a reloaded receipt is not a purchase
    B1  12                     -
    B2  15 16                 30 s
    C1  17 (18) 19 21 22     150 s  error 20
    D1  23 (24) 26           331 s  error 25
    E1  (27) 29               30 s  download 28
    F1  30                     -    background 31 changes nothing
    H1  37 38                 60 s
    H2  40                     -    bought
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
import runs
from places import DATA

LOG, GOALS = DATA / "by_hand.log", DATA / "by_hand.yaml"

INPUT = {
    "lines": 40,
    "blank": 1,  # 36
    "comment": 0,
    "asset": 1,  # 3
    "unparsed": 1,  # 35
    "duplicate": 0,
    "excluded": 1,  # 5
    "bot": 2,  # 13, 33
    "other": 1,  # 32
    "background": 2,  # 31 by its path; 10 as a POST that no goal names and that is on no list
    "outside": 0,
    "kept": 31,  # all 40 lines except these 9; line 34 is kept although it is in no session
}

OVERVIEW = """
metric,value
# A1 A2 B1 B2 C1 D1 E1 F1 H1 H2
sessions,10
# A B C D E F H; I has no session
visitors,7
# 6 + 1 + 1 + 2 + 4 + 2 + 1 + 1 + 2 + 1, in the order of the sessions above
pageviews,21
pages_per_session,2.100000
# A2 B1 F1 H2: one interaction each
bounces,4
bounce_rate,0.400000
# 30 30 60 150 331 1198: between 60 and 150
median_session_seconds,105
# A1 H2
converted_sessions,2
conversion_rate,0.200000
# Wilson, 2 of 10: (0.2 + 3.8415/20 -+ 1.96 * sqrt(0.16/10 + 3.8415/400)) / (1 + 3.8415/10)
conversion_rate_low,0.056682
conversion_rate_high,0.509838
# 19.99 once, and 0.1
value,20.09
"""

GOALS_REPORT = """
goal,type,conversions,reached,reached_visitors,rate,rate_low,rate_high,then_converted,value,median_seconds,last_reached,target,target_met,per_month,target_per_month
# lines 11 and 40 (14 and 39 repeat order 71); after 224 s and 0 s; 0.2 is not below the target of 20 %
purchase,macro,2,2,2,0.200000,0.056682,0.509838,,20.09,112,2026-03-10T11:40:00+01:00,0.200000,true,,
# first in A1 4, B2 16, C1 17, D1 23, H1 37: after 38 30 0 0 0 s; only A buys in the same session
saw_product,micro,5,5,5,0.500000,0.236593,0.763407,1,,0,2026-03-10T11:00:00+01:00,,,,
# A1 7, C1 18, D1 24: after 118 20 30 s; line 34 is in no session
cart,micro,3,3,3,0.300000,0.107791,0.603222,1,,30,2026-03-10T10:00:30+01:00,,,,
# A1 14 after 1198 s, which is after the purchase, D1 26 after 331 s
long_visit,micro,2,2,2,0.200000,0.056682,0.509838,0,,764.5,2026-03-10T10:05:31+01:00,,,,
# D1 25, an error that a goal names, after 31 s
broken,micro,1,1,1,0.100000,0.017876,0.404150,0,,31,2026-03-10T10:00:31+01:00,,,,
# A1 6 after 68 s; D saw the same product twice
compared,micro,1,1,1,0.100000,0.017876,0.404150,1,,68,2026-03-10T09:01:10+01:00,,,,
# E1 27; line 28 is a range of the same download
price_list,micro,1,1,1,0.100000,0.017876,0.404150,0,,0,2026-03-10T10:10:00+01:00,,,,
"""

# Chains of `checkout`: A1 4 7 8 11; C1 17 18 19; D1 23 24; B2 16; H1 37.
# Chains of `comeback`: A 4 11; H 37 40, in two sessions; B 16; C 17; D 23.
FUNNEL = """
funnel,step,name,reached,of_first,went_on,went_on_rate,drop_offs,drop_off_rate,drop_off_low,drop_off_high,\
q1_seconds_to_next,median_seconds_to_next,q3_seconds_to_next,entries,incomplete
# to the cart: A 80 s, C 20 s, D 30 s; 20 30 80 has its quartiles at 25 and 55
checkout,1,saw_product,5,1.000000,3,0.600000,2,0.400000,0.117621,0.769276,25,30,55,,
# to /checkout: A 5 s, C 0 s
checkout,2,cart,3,0.600000,2,0.666667,1,0.333333,0.061492,0.792340,1.25,2.5,3.75,,
# to the purchase: A 101 s
checkout,3,/checkout,2,0.400000,1,0.500000,1,0.500000,0.094531,0.905469,101,101,101,,
checkout,4,purchase,1,0.200000,,,,,,,,,,,
# to the purchase: A 186 s, H 2400 s; at 11:40 the two-hour windows of C (until 11:50) and D (until 12:00) are still open, B's is not
comeback,1,saw_product,5,1.000000,2,0.400000,3,0.600000,0.230724,0.882379,739.5,1293,1846.5,,2
comeback,2,purchase,2,0.400000,,,,,,,,,,,
"""

DROP_OFF = """
funnel,step,name,what,item,dropped,dropped_share,went_on,went_on_share,more
# Dropped off: B2 H1; went on: A1 C1 D1. Next: B2 left, D1 saw products only; H1 38; A1 8, C1 19
checkout,1,saw_product,next,(left),1,0.500000,1,0.333333,false
checkout,1,saw_product,next,/account,1,0.500000,0,0.000000,false
checkout,1,saw_product,next,/checkout,0,0.000000,2,0.666667,false
# B2 16 and D1 26; H1 38; C1 22; A1 14
checkout,1,saw_product,last_page,/product/2,1,0.500000,1,0.333333,false
checkout,1,saw_product,last_page,/account,1,0.500000,0,0.000000,false
checkout,1,saw_product,last_page,/help,0,0.000000,1,0.333333,false
checkout,1,saw_product,last_page,/thanks,0,0.000000,1,0.333333,false
# H1 38; A1 6 on the way to the cart
checkout,1,saw_product,met,/account,1,0.500000,0,0.000000,false
checkout,1,saw_product,met,/product/2,0,0.000000,1,0.333333,false
# Dropped off: D1; went on: A1 C1. Next: D1 26; A1 8, C1 19
checkout,2,cart,next,/product/2,1,1.000000,0,0.000000,false
checkout,2,cart,next,/checkout,0,0.000000,2,1.000000,false
checkout,2,cart,last_page,/product/2,1,1.000000,0,0.000000,false
checkout,2,cart,last_page,/help,0,0.000000,1,0.500000,false
checkout,2,cart,last_page,/thanks,0,0.000000,1,0.500000,false
checkout,2,cart,met,/product/2,1,1.000000,0,0.000000,false
# D1 25, over all paths and by path
checkout,2,cart,error,(any),1,1.000000,0,0.000000,false
checkout,2,cart,error,/checkout,1,1.000000,0,0.000000,false
# Dropped off: C1; went on: A1. Next: C1 22, because 21 is the step again; A1 11
checkout,3,/checkout,next,/help,1,1.000000,0,0.000000,false
checkout,3,/checkout,next,/thanks,0,0.000000,1,1.000000,false
checkout,3,/checkout,last_page,/help,1,1.000000,0,0.000000,false
checkout,3,/checkout,last_page,/thanks,0,0.000000,1,1.000000,false
# C1 21 22
checkout,3,/checkout,met,/checkout,1,1.000000,0,0.000000,false
checkout,3,/checkout,met,/help,1,1.000000,0,0.000000,false
# C1 20 and A1 9 are not errors as well; the response to A1 10 was a redirect
checkout,3,/checkout,form_again,(any),1,1.000000,1,1.000000,false
checkout,3,/checkout,form_again,/checkout,1,1.000000,1,1.000000,false
# Dropped off: B C D; went on: A H (in session H1). Next: B and D left; C 19, A 8; H 38
comeback,1,saw_product,next,(left),2,0.666667,0,0.000000,false
comeback,1,saw_product,next,/checkout,1,0.333333,1,0.500000,false
comeback,1,saw_product,next,/account,0,0.000000,1,0.500000,false
# B 16, D 26; C 22; H 38; A 14
comeback,1,saw_product,last_page,/product/2,2,0.666667,0,0.000000,false
comeback,1,saw_product,last_page,/help,1,0.333333,0,0.000000,false
comeback,1,saw_product,last_page,/account,0,0.000000,1,0.500000,false
comeback,1,saw_product,last_page,/thanks,0,0.000000,1,0.500000,false
# C 19 21, A 8; D 26, A 6; C 22; H 38
comeback,1,saw_product,met,/checkout,1,0.333333,1,0.500000,false
comeback,1,saw_product,met,/product/2,1,0.333333,1,0.500000,false
comeback,1,saw_product,met,/help,1,0.333333,0,0.000000,false
comeback,1,saw_product,met,/account,0,0.000000,1,0.500000,false
# D 25
comeback,1,saw_product,error,(any),1,0.333333,0,0.000000,false
comeback,1,saw_product,error,/checkout,1,0.333333,0,0.000000,false
# C 20, A 9
comeback,1,saw_product,form_again,(any),1,0.333333,1,0.500000,false
comeback,1,saw_product,form_again,/checkout,1,0.333333,1,0.500000,false
"""

PAGES = """
page,sessions,pageviews,landings,bounces,bounce_rate,landings_converted,exits,exits_converted,exit_rate,median_seconds,timed_share
# 2 12 15 29; all landings, of which B1 bounced and A1 bought; exits B1 E1; 2 took 38 s, 15 took 30 s
/,4,4,4,1,0.250000,1,2,0,0.500000,34,0.500000
# 6 16 23 26; D1 landed; exits B2 D1; 6 took 50 s, 23 took 30 s
/product/2,3,4,1,0,0.000000,0,2,0,0.500000,40,0.500000
# 11 14 39 40; A2 and H2 landed and bounced, H2 bought; exits A1 A2 H2; 11 took 974 s
/thanks,3,4,2,2,1.000000,1,3,2,0.750000,974,0.250000
# 38
/account,1,1,0,0,,0,1,0,1.000000,,0.000000
# 30
/blog,1,1,1,1,1.000000,0,1,0,1.000000,,0.000000
# 22
/help,1,1,0,0,,0,1,0,1.000000,,0.000000
# 8 19 21 took 101 s, 100 s (the error between them is not an interaction) and 30 s
/checkout,2,3,0,0,,0,0,0,0.000000,100,1.000000
# 4 17 37 took 30 s, 20 s and 60 s; C1 and H1 landed
/product/1,3,3,2,0,0.000000,0,0,0,0.000000,30,1.000000
"""


def rows_of(text: str) -> list[str]:
    """Return the rows of a table without its comments."""
    return [line for line in text.strip().splitlines() if not line.startswith("#")]


def document() -> dict[str, Any]:
    """Return the JSON output of all reports."""
    reports: dict[str, Any] = json.loads(runs.render(runs.document([LOG], goals=GOALS), "json"))
    return reports


@pytest.mark.parametrize(
    ("report", "expected"),
    [("overview", OVERVIEW), ("goals", GOALS_REPORT), ("funnel", FUNNEL), ("drop-off", DROP_OFF), ("pages", PAGES)],
)
def test_every_row_is_as_worked_out_by_hand(report: str, expected: str) -> None:
    text = runs.render(runs.document([LOG], [report], goals=GOALS), "csv")
    assert text.removesuffix("\r\n").split("\r\n") == rows_of(expected)


def test_every_line_is_classified_as_worked_out_by_hand() -> None:
    counts = document()["input"]
    assert {fate: counts[fate] for fate in INPUT} == INPUT
    assert sum(count for fate, count in INPUT.items() if fate != "lines") == INPUT["lines"]
    assert sum(counts["bot_by_reason"].values()) == INPUT["bot"]
    assert sum(counts["unparsed_by_reason"].values()) == INPUT["unparsed"]


def test_the_period_is_from_the_first_to_the_last_line() -> None:
    period = document()["period"]
    assert datetime.fromisoformat(period["from"]) == datetime.fromisoformat("2026-03-10T09:00:00+01:00")
    assert datetime.fromisoformat(period["to"]) == datetime.fromisoformat("2026-03-10T11:40:00+01:00")
    assert period["timezone"] == "Europe/Berlin"


def test_json_has_the_rows_of_csv() -> None:
    """A missing value is null in JSON and empty in CSV."""
    columns, *lines = rows_of(PAGES)
    header = columns.split(",")
    for row, line in zip(document()["reports"]["pages"], lines, strict=True):
        texts = ["" if value is None else value for value in row.values()]
        assert list(row) == header
        assert texts == [type(text)(cell) for text, cell in zip(texts, line.split(","), strict=True)]
