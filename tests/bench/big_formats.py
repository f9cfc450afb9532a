"""Convert the benchmark's log to the formats of other servers: `python big_formats.py LOG FOLDER [LINES]` writes one file per format.

This is a separate program because the benchmark must not load Polars: a child process's peak memory starts at the amount that its parent used.
Lines without a valid request, or with text that some format would have to escape, are left out of all files, so that all have the same content.
"""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl

TIME, STATUS, BYTES, REFERRER, AGENT, ADDRESS = map(pl.col, ("time", "status", "bytes", "referrer", "agent", "address"))
METHOD, TARGET, PROTOCOL, PATH, QUERY = map(pl.col, ("method", "target", "protocol", "path", "query"))


def _clf() -> pl.Expr:
    return TIME.dt.strftime("%d/%b/%Y:%H:%M:%S +0000")


def _iso() -> pl.Expr:
    return TIME.dt.strftime("%Y-%m-%dT%H:%M:%SZ")


def _day(separator: str) -> pl.Expr:
    return TIME.dt.strftime(f"%Y-%m-%d{separator}%H:%M:%S")


def _encoded(text: pl.Expr, blank: str) -> pl.Expr:
    return text.str.replace_all(" ", blank, literal=True)


def _json(**fields: pl.Expr) -> pl.Expr:
    """Return a JSON object with text and number fields."""
    return pl.struct(**fields).struct.json_encode()


W3C = "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status time-taken"
CLOUDFRONT = (
    "#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) "
    "x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken"
)
ZEEK = "#fields\tts\tuid\tid.orig_h\tid.orig_p\tmethod\thost\turi\treferrer\tversion\tuser_agent\tresponse_body_len\tstatus_code"
CSV = "time,client_ip,method,url,protocol,status,bytes,referrer,user_agent"
HEADS = {"csv-log": CSV, "w3c": W3C, "w3c-quoted": W3C, "cloudfront": CLOUDFRONT, "zeek": ZEEK}
FORMATS: dict[str, pl.Expr] = {
    "combined": pl.format('{} - - [{}] "{} {} {}" {} {} "{}" "{}"', ADDRESS, _clf(), METHOD, TARGET, PROTOCOL, STATUS, BYTES, REFERRER, AGENT),
    "vhost-combined": pl.format(
        'shop.example:443 {} - - [{}] "{} {} {}" {} {} "{}" "{}"', ADDRESS, _clf(), METHOD, TARGET, PROTOCOL, STATUS, BYTES, REFERRER, AGENT
    ),
    "traefik": pl.format(
        '{} - - [{}] "{} {} {}" {} {} "{}" "{}" 7 "web@docker" "http://172.17.0.2:80" 3ms',
        *(ADDRESS, _clf(), METHOD, TARGET, PROTOCOL, STATUS, BYTES, REFERRER, AGENT),
    ),
    "aws-alb": pl.format(
        'h2 {} app/shop/50dc {}:2817 10.0.0.1:80 0.000 0.001 0.000 {} {} 34 {} "{} https://shop.example:443{} {}" "{}" ECDHE TLSv1.2 arn:x '
        '"Root=1-58" "shop.example" "-" 0 {} "forward" "-" "-" "10.0.0.1:80" "200" "-" "-"',
        *(_iso(), ADDRESS, STATUS, STATUS, BYTES, METHOD, TARGET, PROTOCOL, AGENT, _iso()),
    ),
    "aws-elb": pl.format(
        '{} shop {}:2817 10.0.0.1:80 0.000073 0.001048 0.000057 {} {} 0 {} "{} https://shop.example:443{} {}" "{}" ECDHE TLSv1.2',
        *(_iso(), ADDRESS, STATUS, STATUS, BYTES, METHOD, TARGET, PROTOCOL, AGENT),
    ),
    "aws-s3": pl.format(
        '79a5 bucket [{}] {} - 3E57427F3EXAMPLE REST.GET.OBJECT key "{} {} {}" {} - {} 113 7 5 "{}" "{}" - s9lz= SigV2 ECDHE AuthHeader shop.example '
        "TLSv1.2",
        *(_clf(), ADDRESS, METHOD, TARGET, PROTOCOL, STATUS, BYTES, REFERRER, AGENT),
    ),
    "haproxy": pl.format(
        'Oct 10 13:55:36 lb haproxy[7]: {}:53332 [{}] web~ shop/app1 0/0/1/48/49 {} {} - - ---- 3/2/0/0/0 0/0 {} "{} {} {}"',
        *(ADDRESS, TIME.dt.strftime("%d/%b/%Y:%H:%M:%S.000"), STATUS, BYTES),
        *(pl.concat_str([pl.lit("{"), AGENT, pl.lit("} {}")]), METHOD, TARGET, PROTOCOL),
    ),
    "envoy": pl.format(
        '[{}] "{} {} {}" {} - 0 {} 5 4 "{}" "{}" "c219f6da" "shop.example" "10.0.0.1:80"',
        *(TIME.dt.strftime("%Y-%m-%dT%H:%M:%S.000Z"), METHOD, TARGET, PROTOCOL, STATUS, BYTES, ADDRESS, AGENT),
    ),
    "nginx-proxy-manager": pl.format(
        '[{}] - {} {} - {} https shop.example "{}" [Client {}] [Length {}] [Gzip -] [Sent-to 10.0.0.3] "{}" "{}"',
        *(_clf(), STATUS, STATUS, METHOD, TARGET, ADDRESS, BYTES, AGENT, REFERRER),
    ),
    "bunny": pl.format(
        "HIT|{}|{}|{}|390|{}|{}|https://shop.example{}|WA|{}|322b688bd63fb63f|DE",
        *(STATUS, TIME.dt.epoch("ms"), BYTES, ADDRESS, REFERRER, TARGET, AGENT),
    ),
    "heroku": pl.format(
        '{} heroku[router]: at=info method={} path="{}" host=shop.example request_id=8601b555 fwd="{}" dyno=web.1 connect=1ms service=18ms status={} '
        "bytes={} protocol=https",
        *(TIME.dt.strftime("%Y-%m-%dT%H:%M:%S.078581+00:00"), METHOD, TARGET, ADDRESS, STATUS, BYTES),
    ),
    "logfmt": pl.format(
        'time={} level=info msg="request done" method={} path={} status={} bytes={} remote_addr={} user_agent="{}" referer={} duration=0.25s',
        *(_iso(), METHOD, TARGET, STATUS, BYTES, ADDRESS, AGENT, REFERRER),
    ),
    "ltsv": pl.format(
        "time:[{}]\thost:{}\treq:{} {} {}\tstatus:{}\tsize:{}\treferer:{}\tua:{}\treqtime:0.25",
        *(_clf(), ADDRESS, METHOD, TARGET, PROTOCOL, STATUS, BYTES, REFERRER, AGENT),
    ),
    "uwsgi": pl.format(
        "[pid: 8|app: 0|req: 1/1] {} () {} [{}] {} {} => generated {} bytes in 9 msecs ({} {}) 9 headers in 378 bytes",
        *(ADDRESS, pl.lit("{38 vars in 696 bytes}"), TIME.dt.strftime("%a %b %e %H:%M:%S %Y"), METHOD, TARGET, BYTES, PROTOCOL, STATUS),
    ),
    "squid": pl.format(
        "{}.327 2864 {} TCP_MISS/{} {} {} http://shop.example{} - HIER_DIRECT/192.0.2.9 text/html",
        *(TIME.dt.epoch("s"), ADDRESS, STATUS, BYTES, METHOD, TARGET),
    ),
    "csv-log": pl.format('{},{},{},"{}",{},{},{},"{}","{}"', _iso(), ADDRESS, METHOD, TARGET, PROTOCOL, STATUS, BYTES, REFERRER, AGENT),
    "zeek": pl.format(
        "{}.452687\tCwFs1P2UcUdlSxD2La\t{}\t52026\t{}\tshop.example\t{}\t{}\t1.1\t{}\t{}\t{}",
        *(TIME.dt.epoch("s"), ADDRESS, METHOD, TARGET, REFERRER, AGENT, BYTES, STATUS),
    ),
    "w3c-quoted": pl.format(
        '"{}" "{}" "10.0.0.1" "{}" "{}" "{}" "443" "-" "{}" "{}" "{}" "{}" "49"',
        *(TIME.dt.strftime("%Y-%m-%d"), TIME.dt.strftime("%H:%M:%S"), METHOD, PATH, QUERY, ADDRESS, AGENT, REFERRER, STATUS),
    ),
    "w3c": pl.format(
        "{} 10.0.0.1 {} {} {} 443 - {} {} {} {} 49",
        *(_day(" "), METHOD, PATH, QUERY, ADDRESS, _encoded(AGENT, "+"), REFERRER, STATUS),
    ),
    "cloudfront": pl.format(
        "{}\tSEA19\t{}\t{}\t{}\td1.cloudfront.net\t{}\t{}\t{}\t{}\t{}\t-\tHit\tIKaD==\tshop.example\thttps\t127\t0.004",
        *(_day("\t"), BYTES, ADDRESS, METHOD, PATH, STATUS, REFERRER, _encoded(AGENT, "%20"), QUERY),
    ),
    "nginx-json": _json(
        time_iso8601=_iso(),
        remote_addr=ADDRESS,
        request=pl.format("{} {} {}", METHOD, TARGET, PROTOCOL),
        status=STATUS,
        body_bytes_sent=BYTES,
        http_referer=REFERRER,
        http_user_agent=AGENT,
        request_time=pl.lit("0.012"),
    ),
    "caddy": _json(
        level=pl.lit("info"),
        ts=TIME.dt.epoch("s").cast(pl.Float64) + 0.25,
        logger=pl.lit("http.log.access.log0"),
        msg=pl.lit("handled request"),
        request=pl.struct(
            remote_ip=ADDRESS,
            client_ip=ADDRESS,
            proto=PROTOCOL,
            method=METHOD,
            host=pl.lit("shop.example"),
            uri=TARGET,
            headers=pl.struct(**{"User-Agent": pl.concat_list(AGENT), "Referer": pl.concat_list(REFERRER), "Accept": pl.concat_list(pl.lit("*/*"))}),
        ),
        duration=pl.lit(0.0004),
        size=BYTES.cast(pl.Int64),
        status=STATUS.cast(pl.Int64),
    ),
    "traefik-json": _json(
        ClientHost=ADDRESS,
        DownstreamContentSize=BYTES.cast(pl.Int64),
        DownstreamStatus=STATUS.cast(pl.Int64),
        Duration=pl.lit(1_208_000),
        RequestHost=pl.lit("shop.example"),
        RequestMethod=METHOD,
        RequestPath=TARGET,
        RequestProtocol=PROTOCOL,
        StartUTC=_iso(),
        level=pl.lit("info"),
        **{"request_User-Agent": AGENT, "request_Referer": REFERRER},
    ),
    "google": _json(
        httpRequest=pl.struct(
            latency=pl.lit("0.012s"),
            protocol=PROTOCOL,
            referer=REFERRER,
            remoteIp=ADDRESS,
            requestMethod=METHOD,
            requestUrl=pl.concat_str([pl.lit("https://shop.example"), TARGET]),
            responseSize=BYTES,
            status=STATUS.cast(pl.Int64),
            userAgent=AGENT,
        ),
        timestamp=_iso(),
        severity=pl.lit("INFO"),
    ),
    "cloudflare": _json(
        ClientIP=ADDRESS,
        ClientRequestHost=pl.lit("shop.example"),
        ClientRequestMethod=METHOD,
        ClientRequestURI=TARGET,
        ClientRequestUserAgent=AGENT,
        ClientRequestReferer=REFERRER,
        EdgeResponseBytes=BYTES.cast(pl.Int64),
        EdgeResponseStatus=STATUS.cast(pl.Int64),
        EdgeStartTimestamp=TIME.dt.epoch("ns"),
        RayID=pl.lit("87a1b2c3d4e5f001"),
    ),
}
"""One line of the log in each format, as an expression over the parsed fields."""


def rows(log: Path, number: int) -> pl.LazyFrame:
    """Return the fields of a log's lines; all are text except `time`."""
    lines = pl.scan_csv(log, separator="\x1f", has_header=False, schema={"line": pl.String}, quote_char=None, encoding="utf8-lossy")
    word, part = pl.col("word").struct, pl.col("part").struct
    plain = lines.filter(~pl.col("line").str.contains(r"\\|[^\x20-\x7e]|\{|\}|[\t]")).select(part=pl.col("line").str.split_exact('"', 6))
    split = plain.select("part", word=part[1].str.split_exact(" ", 2), answer=part[2].str.strip_chars().str.split_exact(" ", 1))
    fields = split.select(
        time=part[0].str.extract(r"\[([^ ]+) ").str.to_datetime("%d/%b/%Y:%H:%M:%S", strict=False),
        address=part[0].str.extract("^([^ ]+)"),
        method=word[0],
        target=word[1],
        protocol=word[2],
        status=pl.col("answer").struct[0],
        bytes=pl.col("answer").struct[1],
        referrer=part[3],
        agent=part[5],
    )
    side = TARGET.str.splitn("?", 2).struct
    return fields.drop_nulls().filter(~pl.col("protocol").str.contains(" ")).head(number).with_columns(path=side[0], query=side[1].fill_null("-"))


def write(log: Path, folder: Path, number: int) -> list[Path]:
    """Write one file per format and return the paths."""
    fields = rows(log, number).collect()
    paths = []
    for name, line in FORMATS.items():
        path = folder / f"{name}.log"
        with path.open("wb") as file:
            file.write(f"{HEADS[name]}\n".encode() if name in HEADS else b"")
            fields.select(line).write_csv(file, include_header=False, quote_style="never", separator="\x1f")
        paths.append(path)
    return paths


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
