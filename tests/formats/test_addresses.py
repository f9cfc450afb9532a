"""IP addresses: the part that identifies a visitor, and membership in networks."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from profiles import share_of_examples
from small_logs import FIREFOX, line, overview, report

from convkit.formats.parsers import addresses

if TYPE_CHECKING:
    from pathlib import Path

NETWORKS = ("203.0.113.0/24", "10.0.0.0/8", "198.51.100.7", "0.0.0.0/5", "2001:db8::/32", "::1", "fe80::/10")


def values_of(expression: pl.Expr, *texts: str) -> list[object]:
    """Return the value of an expression, which may use `sorted` and `part`, for each address."""
    frame = pl.LazyFrame({"address": texts}, schema={"address": pl.String}).unique()
    values = dict(addresses.add_address_parts(frame).select("address", value=expression).collect().rows())
    return [values[text] for text in texts]


def parts(*texts: str) -> list[object]:
    """Return the part of each address that identifies a visitor."""
    return values_of(pl.col("part"), *texts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:DB8::7", "2001:0db8:0000:0000"),
        ("[2001:db8:1:2:3::7]", "2001:0db8:0001:0002"),
        ("fe80::1%eth0", "fe80:0000:0000:0000"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("::FFFF:203.0.113.7", "203.0.113.7"),
        ("Proxy.Example", "proxy.example"),
    ],
)
def test_the_part_that_identifies_a_visitor(text: str, expected: str) -> None:
    assert parts(text) == [expected]


def of_networks(*texts: str) -> list[object]:
    """Return whether each address is in one of NETWORKS."""
    return values_of(addresses.in_networks(pl.col("sorted"), NETWORKS), *texts)


@share_of_examples(0.5)
@given(st.lists(st.ip_addresses(), min_size=1, max_size=20), st.sampled_from(NETWORKS), st.integers(0, 3))
def test_networks_agree_with_python(drawn: list[object], network: str, away: int) -> None:
    """The addresses tested include both ends of each network and their neighbours."""
    whole = ip_network(network)
    ends = [int(whole.network_address) - away, int(whole.broadcast_address) + away]
    drawn = [*drawn, *(type(whole.network_address)(number) for number in ends if 0 <= number < 2**whole.max_prefixlen)]
    expected = [any(address in ip_network(text) for text in NETWORKS) for address in drawn]
    mapped = [f"::ffff:{text}" if "." in text else IPv6Address(text).exploded for text in map(str, drawn)]
    assert of_networks(*map(str, drawn)) == of_networks(*mapped) == expected


def test_host_names_and_garbage_are_in_no_network() -> None:
    names = ["proxy.example", "unix:", "", "203.0.113", "203.0.113.7.8", "a.b.c.d", ":", ":::", "10:20:30"]
    assert of_networks(*names) == [False] * len(names)
    assert values_of(addresses.in_networks(pl.col("sorted"), ()), "203.0.113.7") == [False]


@given(st.ip_addresses(v=6), st.integers(0, 2**64 - 1))
def test_the_first_64_bits_of_an_ipv6_address_identify_a_visitor(address: IPv6Address, rest: int) -> None:
    neighbour = IPv6Address((int(address) >> 64 << 64) | rest)
    other = IPv6Address(int(address) ^ (1 << 64))
    identifying = parts(str(address), neighbour.exploded, neighbour.compressed, str(other))
    assert identifying[0] == identifying[1] == identifying[2] != identifying[3]


@given(st.ip_addresses(v=4))
def test_all_of_an_ipv4_address_identifies_a_visitor(address: object) -> None:
    assert parts(str(address)) == [str(ip_address(str(address)))]


@pytest.mark.parametrize(
    ("senders", "expected"),
    [
        (["203.0.113.7", "203.0.113.7"], 1),
        (["203.0.113.7", "203.0.113.8"], 2),
        (["2001:db8::7", "2001:db8::8", "2001:DB8:0:0:ffff::1"], 1),
        (["2001:db8::7", "2001:db8:0:1::7"], 2),
        (["203.0.113.7", "::ffff:203.0.113.7"], 1),
    ],
)
def test_visitors_by_address(tmp_path: Path, senders: list[str], expected: int) -> None:
    lines = [line("GET /a", number, who=f"{sender} - -") for number, sender in enumerate(senders)]
    assert overview(report(tmp_path, lines, "macro: {sale: /b}"))["visitors"] == expected


def test_two_browsers_at_one_address_are_two_visitors_unless_the_address_decides(tmp_path: Path) -> None:
    lines = [line("GET /a"), line("GET /b", 1, agent=FIREFOX.replace("140", "141"))]
    assert overview(report(tmp_path, lines, "macro: {sale: /b}"))["visitors"] == 2
    assert overview(report(tmp_path, lines, "macro: {sale: /b}\nsite: {visitor: [address]}"))["visitors"] == 1


def test_a_user_is_one_visitor_everywhere_including_the_hits_before_signing_in(tmp_path: Path) -> None:
    lines = [line("GET /a"), line("GET /in", 5, who="198.51.100.1 - ann"), line("GET /b", 9, who="203.0.113.7 - ann")]
    metrics = overview(report(tmp_path, lines, "macro: {sale: /b}"))
    assert (metrics["visitors"], metrics["sessions"], metrics["pageviews"]) == (1, 1, 3)
    assert overview(report(tmp_path, lines, "macro: {sale: /b}\nsite: {visitor: [address+browser]}"))["visitors"] == 2
