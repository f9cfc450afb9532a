"""Amazon S3 server access log: owner, bucket, time, IP address, operation, request, status, bytes, duration, referrer, user agent."""

from __future__ import annotations

import polars as pl

from convkit.formats.parsers.regex import Template

SAMPLES = (
    (
        "79a59df900b949e55d96a1e698fbaced shop-example [10/Oct/2026:13:55:36 +0000] 203.0.113.7 - 3E57427F3EXAMPLE REST.GET.OBJECT index.html "
        '"GET /index.html?id=1 HTTP/1.1" 200 - 2326 2326 27 26 "https://shop.example/" "Mozilla/5.0 (X11; Linux x86_64)" - '
        "s9lzHYrFp76ZVxRcpX9+5cjAnEH2ROuNkd2BHfIa6UkFVdtjf5mKR3= SigV4 ECDHE-RSA-AES128-GCM-SHA256 AuthHeader shop-example.s3.amazonaws.com "
        "TLSv1.2 - -"
    ),
    (
        "79a59df900b949e55d96a1e698fbaced shop-example [10/Oct/2026:13:55:37 +0000] 2001:db8::7 arn:aws:iam::179580289999:user/ann EB3502676500C6BE "
        'WEBSITE.GET.OBJECT a%22b "GET /a"b HTTP/1.1" 403 AccessDenied 243 - 8 - "-" "curl "8"" -'
    ),
    (
        "79a59df900b949e55d96a1e698fbaced shop-example [10/Oct/2026:13:55:38 +0000] - AmazonS3 7ACC4BE89EXAMPLE S3.EXPIRE.OBJECT old.html "
        '"-" - - - 1718 - - "-" "-" - -'
    ),
)
FORMAT = Template(
    r"^[!-~]+ (?P<bucket>[!-~]+) \[(?P<time>[0-9A-Za-z/: +-]+)\] (?P<address>[!-~]+) (?P<user>[!-~]+) [!-~]+ [A-Z0-9]+\.[!-~]+ [!-~]+ "
    r'"(?P<request>[^"]*)" (?P<status>[0-9]+|-) [!-~]+ (?P<bytes>[0-9]+|-) [!-~]+ (?P<milliseconds>[0-9]+|-) [!-~]+ '
    r'"(?P<referrer>[^"]*)" "(?P<agent>[^"]*)" [!#-~]+(?: [!#-~]+ [!#-~]+ [!#-~]+ [!#-~]+ (?P<endpoint>[!#-~]+)(?: [!#-~]+)*)?$',
    # Quotes within quoted fields, the oldest logs, and empty fields written as `-` or `"-"`.
    otherwise=r"^[!-~]+ (?P<bucket>[!-~]+) \[(?P<time>[^\]]+)\] (?P<address>[!-~]+) (?P<user>[!-~]+) [!-~]+ [A-Z0-9]+\.[!-~]+ [!-~]+ "
    r'(?:"(?P<request>.*?)"|-) "?(?P<status>[0-9]{3}|-)"? [!-~]+ "?(?P<bytes>[0-9]+|-)"? [!-~]+ "?(?P<milliseconds>[0-9]+|-)"? [!-~]+'
    r'(?: (?:"(?P<referrer>.*?)"|-)(?: (?:"(?P<agent>.*?)"|-)"?(?:(?: [!-~]+){5} "?(?P<endpoint>[^ "]+)"?(?: [!-~]+)*|(?: [^ "]+| "-"){0,5})?)?)?$',
    made={"host": pl.coalesce(pl.when(pl.col("endpoint") != "-").then("endpoint"), "bucket")},
    escapes_quotes=False,
    names_month=True,
)
