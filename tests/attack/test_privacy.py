"""Nothing that identifies people or grants access is shown where lines are: no address in any notation, no e-mail address, password or token."""

from __future__ import annotations

import json
import re
import time
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from small_logs import FIREFOX, conversions, figures, line, written

from convkit.core.secret_names import is_secret
from convkit.formats.parsers.masked_addresses import mask_addresses
from convkit.formats.parsers.masking import mask_people

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

ROWS = {
    "F12": "test_addresses_are_masked_in_every_notation",
    "A65": "tests/traffic/test_visitors.py::test_the_client_behind_a_trusted_proxy_is_identified",
    "A66": "test_formats_errors_and_rejects_show_no_address",
    "A67": "test_secrets_are_masked_in_paths_and_check_says_so",
    "A68": "tests/traffic/test_paths.py::test_a_path_is_normalised",
    "A71": "tests/traffic/test_hits.py::test_the_first_rule_that_fits_decides_the_kind",
}
MASK = "x.x.x.x"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("::ffff:203.0.113.88", MASK),
        ("[::ffff:203.0.113.88]:80", f"[{MASK}]:80"),
        ("0:0:0:0:0:ffff:203.0.113.88", MASK),
        ("64:ff9b::203.0.113.5", MASK),
        ("2001:db8:dead:beef:0:0:0:42:8080", MASK),
        ("2001:db8:dead:beef:0:0:0:42:54321", MASK),
        ("2001:db8::1", MASK),
        ("[::1]:8080", f"[{MASK}]:8080"),
        ("fe80::1%eth0", MASK),
        ("fe80::1%25en0.", MASK),
        ("203.0.113.7:8080", f"{MASK}:8080"),
        ("203.0.113.7.8080", f"{MASK}.8080"),
        ("_203.0.113.7_", f"_{MASK}_"),
        ("v203.0.113.7", f"v{MASK}"),
        ("client203.0.113.7port", f"client{MASK}port"),
        ("localhost/203.0.113.7", f"localhost/{MASK}"),
        ("v2001:db8::1x", f"v{MASK}x"),
        ("203.0.113.7,198.51.100.2, 2001:db8::1", f"{MASK},{MASK}, {MASK}"),
        ("203.0.113.7%2C%20198.51.100.2", f"{MASK}%2C%20{MASK}"),
        ("ip=2001%3Adb8%3A%3A1&x=1", f"ip={MASK}&x=1"),
        ("ip=2001%3adb8%3a%3a1%2C%3A%3Affff%3A203.0.113.9", f"ip={MASK}%2C{MASK}"),
        ("ip=203%2E0%2E113%2E7", f"ip={MASK}"),
        ("http://203.0.113.7/a http://[2001:db8::1]/", f"http://{MASK}/a http://[{MASK}]/"),
        ("203-0-113-77.dyn.example", f"{MASK}.dyn.example"),
        ("ip-10-0-0-1.ec2.internal", f"ip-{MASK}.ec2.internal"),
        ("host203_0_113_77", f"host{MASK}"),
        ("77.113.0.203.in-addr.arpa", f"{MASK}.in-addr.arpa"),
        ("00:1a:2b:3c:4d:5e", MASK),
        ("203.000.113.007", MASK),
        ("2001:db8:1:2:", f"{MASK}"),
        ("1.2.3.4.5", MASK),
        ("Foo/203.0.113.7", f"Foo/{MASK}"),
    ],
)
def test_addresses_are_masked_in_every_notation(text: str, shown: str) -> None:
    assert mask_people(text) == shown
    assert mask_people(f'"{text}"') == f'"{shown}"'
    assert mask_people(f" {text} ") == f" {shown} "


@pytest.mark.parametrize(
    "text",
    [
        "13:55:36", "[10/Oct/2026:13:55:36 +0200]", "2026-10-10T13:55:36.123456+02:00", "2026:10:10:13:55:36", "00:00:01:23", "10:20", ":8080", "::",
        FIREFOX, "Chrome/120.0.0.0 Safari/537.36", "Chrome%2F120.0.0.0", '"Chromium";v="120.0.6099.109"', "rv:1.9.2.13",
        "Edg/120.0.0.0", "SamsungBrowser/23.0.1.1", "999.1.1.1", "300.400.500.600", "1.2.3", "nginx/1.25.3", "3.10.0-1160.71.1.el7", "120.0.6099.109",
        "2026-10-12-05", "555-0199", "std::string", "Foo::Bar::baz", "arn:aws:s3:::bucket", "arn:aws:elasticloadbalancing:us-east-1:123456789012:x/1",
        "dead:beef:cafe", "10/30/109/0 0/0/0/0", "app.3f2a9c1b.js", "how-to-choose-the-best-running-shoes-in-2026-edition-10", "/logo@2x.png",
        "/npm/vue@3.4/vue.js", "6ec45f6e-a18b-11f0-8bde-0242ac120002", "Root=1-58337262-36d228ad5d99923122bbe354", "user_id=u17 country_code=DE",
        '{"code":200,"status_code":404,"key":"a"}', "author=Brecht&authors=2", "basic training",
        "https://shop.example/@ann/a?b=c:d", "session=-&token=",
        "Amazon-Route53-Health-Check-Service (ref 4; report http://amzn.example)", "monkey=banana turkey: keyboard=abcdefgh", "4:3 16:9 1080p",
    ],
)  # fmt: skip
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert mask_people(text) == text


SECRETS = {
    "/a?token=abc&x=1": "/a?token=***&x=1",
    "/a?access_token=abc HTTP/1.1": "/a?access_token=*** HTTP/1.1",
    "/a?sid=12ab56&key=a1b2c3d4": "/a?sid=***&key=***",
    "/go?to=https%3A%2F%2Fx.example%2F%3Ftoken%3Dabc%26y%3D1": "/go?to=https%3A%2F%2Fx.example%2F%3Ftoken%3D***%26y%3D1",
    '{"api_key":"s3cr3t","password": "a b","n":{"client_secret":"x"}}': '{"api_key":"***","password": "***","n":{"client_secret":"***"}}',
    r'{"m":"{\"token\":\"abc\",\"a\":1}"}': r'{"m":"{\"token\":\"***\",\"a\":1}"}',
    '{"text":"?token=abc"}': '{"text":"?token=***"}',
    "password: hunter2 ok": "password: *** ok",
    "https://ann:pw@shop.example/x": "https://***@shop.example/x",
    "u=https%3A%2F%2Fann%3Apw%40shop.example%2F": "u=https%3A%2F%2F***%40shop.example%2F",
    "Basic YW5uOnB3": "Basic ***",
    "auth Bearer%20abc123def": "auth Bearer%20***",
    '"Authorization": "Bearer abcdef123456"': '"Authorization": "***"',
    "/x/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_x/y": "/x/***/y",
    "/reset/0123456789abcdef0123456789abcdef/a": "/reset/***/a",
    "/reset/dGhpcyBpcyBhIHRva2VuMTIz": "/reset/***",
    "/a/Kx7MDENGbPxRfiCYEX4mPLEKEYab": "/a/***",
    "X-Amz-Credential=AKIA%2F2026&X-Amz-Date=20261010T000000Z": "X-Amz-Credential=***&X-Amz-Date=***",
    "PHPSESSID=ab12cd; a=b": "PHPSESSID=***; a=b",
    "JSESSIONID=ab12cd": "JSESSIONID=***",
    "/verify?email=ann%2Bnews%40shop.example": "/verify?email=x@x.x",
    "ann@shop.example <bob.lee@mail.example>": "x@x.x <x@x.x>",
    "ann@203.0.113.7": "x@x.x",
    "ann%2540shop.example": "x@x.x",
    r"ann\x40shop.example": "x@x.x",
}


@pytest.mark.parametrize(("text", "shown"), SECRETS.items())
def test_secrets_and_e_mail_addresses_are_masked(text: str, shown: str) -> None:
    assert mask_people(text) == shown


def test_which_names_are_secret() -> None:
    secret = "token csrf_token accessToken pwd passwd password client_secret api-key apikey api_key key sig code auth oauth_verifier sid"  # noqa: S105
    more = "Authorization sessionid PHPSESSID mail e-mail jwt X-Amz-Date signature credentials"
    assert [name for name in f"{secret} {more}".split() if not is_secret(name)] == []
    plain = "author authors authority authored keyboard monkey codec design page q utm_source gclid ref user_id side count order total country"
    assert [name for name in plain.split() if is_secret(name)] == []


FOUR = st.ip_addresses(v=4).map(str)
SIX = st.ip_addresses(v=6)
WORDS = st.text(st.sampled_from("abzGx_ -/\"'=&?,;()[]<>|ü日"), max_size=12)
AROUND = st.tuples(WORDS, WORDS)


def in_notations(address: IPv6Address) -> list[str]:
    """Return an address in all its notations."""
    embedded = address.exploded.rsplit(":", 2)[0] + ":" + str(IPv4Address(int(address) & 0xFFFFFFFF))
    plain = [str(address), address.exploded, str(address).upper(), embedded]
    return [text for one in plain for text in (one, f"[{one}]:8080", one.replace(":", "%3A"), one.replace(":", "%3a"), f"{one}%eth0")]


@given(FOUR, AROUND, st.sampled_from(".-_"))
def test_no_ipv4_address_passes(address: str, around: tuple[str, str], separator: str) -> None:
    """Wherever it stands, neither the address nor three of its numbers are left."""
    written_out = address.replace(".", separator)
    assume(not around[0].endswith(separator) and not around[1].startswith(separator))
    for text in (written_out, f"::ffff:{address}", f"{address}:443", f"%20{address}%20", f"http://{address}/", address.replace(".", "%2E")):
        masked = mask_people(f"{around[0]}{text}{around[1]}")
        numbers = address.split(".")
        for three in (numbers[:3], numbers[1:]):
            assert not re.search(rf"(?<!\d){'(?:[._-]|%2E)'.join(three)}(?!\d)", masked)


@given(SIX, AROUND)
def test_no_ipv6_address_passes(address: IPv6Address, around: tuple[str, str]) -> None:
    assume(any(character.isdigit() for character in str(address)))
    for text in in_notations(address):
        masked = mask_people(f"{around[0]} {text} {around[1]}")
        assert text not in masked
        assert mask_addresses(f" {text} ").strip(" []:80") == MASK, text


@given(
    SIX,
    st.sampled_from(["", "v", "x_", "_", "client", "=", '"', "(", "%20", ",", "/"]),
    st.sampled_from(["", "x", "_", "z1", '"', ")", ",", "/", "&"]),
)
def test_letters_beside_an_ipv6_address_do_not_protect_it(address: IPv6Address, before: str, after: str) -> None:
    assume(any(character.isdigit() for character in str(address)))
    masked = mask_people(f"a {before}{address}{after} b")
    assert str(address) not in masked
    assert MASK in masked


FIRST = datetime(1970, 1, 1)  # noqa: DTZ001 (as Hypothesis wants it)
PLAIN = {
    "path": st.lists(st.sampled_from(["shop", "a-b", "item_7", "12", "2026", "v2", "x.html"]), max_size=4).map(lambda parts: f"/{'/'.join(parts)}"),
    "version": st.tuples(st.integers(0, 999), st.integers(0, 99), st.integers(0, 9)).map(lambda numbers: ".".join(map(str, numbers))),
    "moment": st.datetimes(FIRST).map(lambda moment: moment.strftime("- [%d/%b/%Y:%H:%M:%S +0000]")),
    "iso": st.datetimes(FIRST).map(lambda moment: moment.isoformat()),
    "clock": st.times().map(lambda moment: moment.strftime("%H:%M:%S")),
    "size": st.integers(0, 10**12).map(str),
    "time": st.floats(0, 1000).map(lambda seconds: f"{seconds:.3f}"),
    "status": st.sampled_from(["200", "404", "-"]),
    "query": st.tuples(st.sampled_from(["q", "page", "utm_source"]), st.integers(0, 999)).map(lambda pair: f"?{pair[0]}={pair[1]}"),
    "browser": st.integers(1, 300).map(lambda number: f"Chrome/{number}.0.0.0 Safari/537.36 Edg/{number}.0.0.0"),
    "uuid": st.uuids().map(str),
}  # fmt: skip


@given(st.lists(st.one_of(*PLAIN.values()), min_size=1, max_size=8))
def test_ordinary_lines_stay_as_they_are(parts: list[str]) -> None:
    text = " ".join(parts)
    assert mask_people(text) == text


UNITS = [
    "a", ":", "1", "1.", "a@", "a%40", "%2B", "://", "eyJ", 'user="', "user ", "token=", "token", "key", " ", "203-", "::", "%3A", "-", "@a.", "-_",
    "'", "http://a:", "a b [", "x.x.x.x", "\\x3A", "a%2Ba", "1.1.1.1111", "basic a", "-auth",
]  # fmt: skip


@pytest.mark.parametrize("unit", UNITS)
def test_masking_takes_time_in_proportion_to_the_text(unit: str) -> None:
    """Twenty times the text takes much less than four hundred times the time; the fastest of a few tries counts."""

    def seconds(size: int) -> float:
        text, tries = (unit * size)[:size], []
        for _ in range(3):
            begin = time.process_time()
            mask_people(text)
            tries.append(time.process_time() - begin)
        return min(tries)

    assert seconds(40_000) < 100 * max(seconds(2_000), 0.001)


def shown_by_formats(log: Path, run: Run) -> str:
    """Return what `formats` prints about a log."""
    code, out, err = run("formats", str(log))
    assert code == 0
    return out + err


NOTATIONS = ["203.0.113.77", "::ffff:203.0.113.77", "2001:db8:dead:beef::77", "203-0-113-77.dyn.example", "ann.lee.example", "203.0.113.77:4711"]


@pytest.mark.parametrize("address", NOTATIONS)
def test_formats_errors_and_rejects_show_no_address(address: str, tmp_path: Path, convkit_command: Run) -> None:
    """The field `address` is always the mask, and no sample line, rejected line or error has more of the address."""
    request = f"GET /from/{address}?ip={address.replace(':', '%3A')}&token=topsecret"
    lines = [line(request, number, who=f"{address} - -", referrer=f"http://{address}/?email=ann%40lee.example") for number in range(5)]
    odd = [f'{address} odd {address} token=topsecret "{request}']
    log = written(tmp_path / "access.log", [*lines, *odd])
    out = shown_by_formats(log, convkit_command)
    assert re.search(r"address +x\.x\.x\.x\n", out)
    assert convkit_command("overview", str(log), "--rejects", str(tmp_path / "rejects.ndjson"), "-q")[0] == 0
    rejects = [json.loads(text) for text in (tmp_path / "rejects.ndjson").read_text(encoding="utf-8").splitlines()]
    assert [row["line"] for row in rejects] == [6]
    code, _, err = convkit_command("overview", str(written(tmp_path / "odd.log", odd * 3)))
    assert code == 3
    assert "  x" in err or "ann.lee" in address
    for text in (out.replace("ann.lee.example", "") if "ann" in address else out, rejects[0]["text"], err):
        assert not re.search(r"203\W0\W113|113\W77|db8|beef|topsecret|ann(?:@|%40)", text)


@pytest.mark.parametrize("command", ["formats", "overview"])
def test_a_line_that_is_cut_shows_no_part_of_an_address(command: str, tmp_path: Path, convkit_command: Run) -> None:
    for width in (489, 493, 496, 499, 500):
        text = "odd " + "ab " * ((width - 4) // 3) + "a" * ((width - 4) % 3)
        log = written(tmp_path / "odd.log", [f"{text[: width - 1]} 203.0.113.77 and more"] * 3)
        _, out, err = convkit_command(command, str(log))
        assert not re.search(r"203\.", out + err), width


def test_rejected_lines_that_are_cut_show_no_part_of_an_address(tmp_path: Path, convkit_command: Run) -> None:
    odd = [f"{'ä ' * 160}{'b' * width} 203.0.113.77 and more" for width in range(5, 22)]
    log = written(tmp_path / "access.log", [*(line("GET /", number) for number in range(40)), *odd])
    assert convkit_command("overview", str(log), "--rejects", str(tmp_path / "rejects.ndjson"), "-q")[0] == 0
    texts = [json.loads(text)["text"] for text in (tmp_path / "rejects.ndjson").read_text(encoding="utf-8").splitlines()]
    assert len(texts) == len(odd)
    assert not any("203" in text for text in texts)
    assert all(480 <= len(text.encode()) <= 500 for text in texts)


KEPT = "micro: {confirm: '/confirm?token=*', sale: {query: {code: SALE}, page: '/**'}}\nsite: {keep_query: [token, page, code]}\n"


def test_secrets_are_masked_in_paths_and_check_says_so(tmp_path: Path, convkit_command: Run) -> None:
    """Goals still see that a parameter is there, and test its value with `query`; other parameters are shown."""
    requests = ("/confirm?token=topsecret7&page=2", "/confirm?token=topsecret8", "/list?page=3&code=SALE", "/list?page=3")
    log = written(tmp_path / "access.log", [line(f"GET {request}", number) for number, request in enumerate(requests)])
    goals = tmp_path / "goals.yaml"
    goals.write_text(KEPT, encoding="utf-8")
    shown = ""
    for command in ("report", "hits", "pages", "paths", "sessions", "explain", "formats", "check"):
        _, out, err = convkit_command(command, str(log), "-g", str(goals))
        assert "topsecret" not in out + err, command
        shown += out
    assert "/confirm?token=***&page=2" in shown
    assert "/list?page=3&code=***" in shown
    assert conversions(figures(log, goals=goals)) == {"confirm": 1, "sale": 1}
    check = "".join(convkit_command("check", "-g", str(goals))[1:])
    assert re.search(r"token in `site\.keep_query` may be a secret, so paths show \*{3} as its value; test the value with `query`, or", check)
    assert "page in `site.keep_query`" not in check


def test_user_agents_that_are_shown_name_nobody(tmp_path: Path, convkit_command: Run) -> None:
    """Those of bots with `-v` and in JSON, and those of programs in a note."""
    agents = ("curl/8.5.0 ann@lee.example 203.0.113.77", "sync-203.0.113.77/1.0", "Foobot/1.0 (+http://foo.example/?token=topsecret1; 2001:db8::77)")
    lines = [line("GET /thanks?order=1", number, agent=agent) for number, agent in enumerate(agents)]
    log = written(tmp_path / "access.log", lines)
    goals = tmp_path / "goals.yaml"
    goals.write_text("macro: {sale: /thanks}\n", encoding="utf-8")
    shown = "".join(text for more in (("-v",), ("-f", "json")) for text in convkit_command("report", str(log), "-g", str(goals), *more)[1:])
    assert "curl" in shown
    assert "Foobot/1.0" in shown
    assert not re.search(r"203\.0|lee|topsecret|db8", shown)
