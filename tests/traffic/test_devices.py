"""Devices: the rules of `convkit/data/devices.txt`, tested with user agents as they are logged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest
from small_logs import line, overview, report

from convkit.core import schema
from convkit.traffic import devices

if TYPE_CHECKING:
    from pathlib import Path

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
AGENTS = {
    "desktop": (
        f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/140.0.0.0 Safari/537.36",
        f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {WEBKIT} Chrome/140.0.0.0 Safari/537.36",
        "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0; SLCC2; Media Center PC 6.0; Tablet PC 2.0)",
        "Mozilla/5.0 (X11; OpenBSD amd64; rv:128.0) Gecko/20100101 Firefox/128.0",
        "Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko",
        "Mozilla/5.0 (X11; Ubuntu; Linux aarch64; rv:139.0) Gecko/20100101 Firefox/139.0",
    ),
    "mobile": (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
        f"Mozilla/5.0 (Linux; Android 15; Pixel 9) {WEBKIT} Chrome/140.0.0.0 Mobile Safari/537.36",
        "Mozilla/5.0 (Android 14; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0",
        f"Mozilla/5.0 (Linux; Android 14; SAMSUNG SM-S911B) {WEBKIT} SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36",
        "Mozilla/5.0 (Windows Phone 10.0; Android 6.0.1; Microsoft; Lumia 950) AppleWebKit/537.36 Chrome/52.0 Mobile Safari/537.36 Edge/15",
        "Opera/9.80 (Android; Opera Mini/36.2/119.132; U; id) Presto/2.12.423 Version/12.16",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/21F79 Instagram 330.0.3.29.99",
        "Mozilla/5.0 (Mobile; Nokia_8110_4G; rv:48.0) Gecko/48.0 Firefox/48.0 KAIOS/2.5",
        "Dalvik/2.1.0 (Linux; U; Android 13; Pixel 7 Build/TQ3A.230805.001)",
        "Mozilla/5.0 (BB10; Touch) AppleWebKit/537.10+ (KHTML, like Gecko) Version/10.0.9.2372 Mobile Safari/537.10+",
    ),
    "tablet": (
        "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1",
        f"Mozilla/5.0 (Linux; Android 14; SM-X710) {WEBKIT} Chrome/140.0.0.0 Safari/537.36",
        "Mozilla/5.0 (Android 13; Tablet; rv:140.0) Gecko/140.0 Firefox/140.0",
        f"Mozilla/5.0 (Linux; Android 11; KFTRWI) {WEBKIT} Silk/138.3 like Chrome/138.0.0.0 Safari/537.36",
        "Mozilla/5.0 (X11; U; Linux armv7l like Android; en-us) AppleWebKit/531.2+ (KHTML, like Gecko) Version/5.0 Safari/533.2+ Kindle/3.0+",
    ),
    "other": (
        "curl/8.5.0",
        "",
        "python-requests/2.32.3",
        "Wget/1.21.4 (linux-gnu)",
        f"Mozilla/5.0 (SMART-TV; Linux; Tizen 7.0) {WEBKIT} SamsungBrowser/4.0 Chrome/94.0.4606.31 TV Safari/537.36",
        f"Mozilla/5.0 (Web0S; Linux/SmartTV) {WEBKIT} Chrome/94.0.4606.128 Safari/537.36 WebAppManager",
        f"Mozilla/5.0 (Linux; Android 9; AFTMM) {WEBKIT} Chrome/120.0.0.0 Mobile Safari/537.36",
        f"Mozilla/5.0 (Linux; Android 12; BRAVIA 4K VH2) {WEBKIT} Chrome/120.0.0.0 Safari/537.36",
        f"Mozilla/5.0 (X11; Linux armv7l) {WEBKIT} Chrome/120.0.0.0 Safari/537.36 CrKey/1.56.500000",
        "Mozilla/5.0 (PlayStation; PlayStation 5/9.00) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/15.4 Safari/605.1.15",
        f"Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox Series X) {WEBKIT} Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
        "Mozilla/5.0 (Nintendo Switch; WifiWebAuthApplet) AppleWebKit/609.4 (KHTML, like Gecko) NF/6.0.3.17.0 NintendoBrowser/5.1.0.23058",
        f"Mozilla/5.0 (X11; Linux x86_64; Quest 3) {WEBKIT} OculusBrowser/35.0 Chrome/128.0 VR Safari/537.36",
    ),
}
CASES = [(device, agent) for device, agents in AGENTS.items() for agent in agents]


@pytest.mark.parametrize(("device", "agent"), CASES)
def test_each_agent_has_its_device(device: str, agent: str) -> None:
    assert pl.select(devices.device(pl.lit(agent))).item() == device


def test_every_device_is_tested_and_a_missing_agent_is_other() -> None:
    assert set(AGENTS) == set(schema.DEVICES)
    assert pl.select(devices.device(pl.lit(None, dtype=pl.String))).item() == "other"


def test_a_funnel_may_require_a_device(tmp_path: Path) -> None:
    """Devices are determined if a funnel or a filter needs them."""
    agents = [agents[0] for agents in AGENTS.values()]
    lines = [line(f"GET {path}", number, who=f"192.0.2.{number} - -", agent=agent) for number, agent in enumerate(agents) for path in ("/a", "/b")]
    goals = "macro: {b: /b}\nfunnels: {phones: {steps: [/a, b], where: device=mobile}}\n"
    assert [row["reached"] for row in report(tmp_path, lines, goals)["reports"]["funnel"]] == [1, 1]


def test_sessions_are_filtered_by_device(tmp_path: Path) -> None:
    lines = [line("GET /a", number, who=f"192.0.2.{number} - -", agent=agent) for number, (_, agent) in enumerate(CASES) if agent]
    for device in schema.DEVICES:
        expected = sum(agent != "" for agent in AGENTS[device])
        assert overview(report(tmp_path, lines, where=[f"device={device}"], bots="keep"))["sessions"] == expected
