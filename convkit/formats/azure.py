"""Azure Front Door, Application Gateway and App Service access logs as JSON."""

from __future__ import annotations

from convkit.formats.parsers.json_log import JsonLog

SAMPLES = (
    (
        '{"category":"FrontDoorAccessLog","operationName":"Microsoft.Cdn/Profiles/AccessLog/Write","properties":{"clientIp":"203.0.113.7","httpMethod":'
        '"GET","httpStatusCode":"200","httpVersion":"2.0.0.0","requestUri":"https://shop.example:443/cart?id=1","responseBytes":"2326","timeTaken":"0.384",'
        '"userAgent":"Mozilla/5.0","referer":"https://www.example.org/"},"resourceId":"/SUBSCRIPTIONS/A","time":"2026-10-10T13:55:36.6479719Z"}'
    ),
    (
        '{"timeStamp":"2026-10-10T13:55:37+00:00","category":"ApplicationGatewayAccessLog","properties":{"clientIP":"2001:db8::7","clientPort":53,'
        '"httpMethod":"GET","requestUri":"/cart","requestQuery":"id=1","userAgent":"curl/8.11.1","httpStatus":200,"httpVersion":"HTTP/1.1","sentBytes":'
        '184,"timeTaken":0.012,"host":"shop.example"}}'
    ),
    (
        '{"time":"2026-10-10T13:55:38Z","category":"AppServiceHTTPLogs","properties":{"CIp":"203.0.113.9","CsHost":"shop.example","CsMethod":"POST",'
        '"CsUriStem":"/cart/add","CsUriQuery":"","CsUsername":"ann","ScStatus":302,"ScBytes":0,"TimeTaken":31,"UserAgent":"Opera/12.0","Referer":""}}'
    ),
)
FORMAT = JsonLog(
    names={
        "time": "properties.timeStamp time timeStamp",
        "address": "properties.clientIp properties.CIp",
        "user": "properties.CsUsername",
        "host": "properties.originalHost properties.host properties.hostName properties.CsHost",
        "method": "properties.httpMethod properties.CsMethod",
        "target": "properties.originalRequestUriWithArgs properties.requestUri properties.CsUriStem",
        "query": "properties.requestQuery properties.CsUriQuery",
        "protocol": "properties.httpVersion properties.Protocol",
        "status": "properties.httpStatusCode properties.httpStatus properties.ScStatus",
        "bytes": "properties.responseBytes properties.sentBytes properties.ScBytes",
        "referrer": "properties.referer properties.referrer",
        "agent": "properties.userAgent",
        "cookies": "properties.Cookie",
    },
    needed=("properties.clientIp properties.CIp", "properties.requestUri properties.CsUriStem", "category operationName"),
)
