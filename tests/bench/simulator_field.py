"""Scripts for what real logs hold beside visits: addresses written in many ways, requests that nobody viewed, programs, and foreign amounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .simulator_acts import Device

if TYPE_CHECKING:
    from .simulator_crowd import Crowd
    from .simulator_shop import Shop

PROGRAMS = ("ELB-HealthChecker/2.0", "Warehouse-Sync/3.1 (stock@shop.example)", "StockMirror 2.0")
"""User agents of programs that no list of crawlers names."""
FOREIGN = ({"total": "30.00", "currency": "USD"}, {"total": "$12.00"}, {"total": "9.90", "currency": "chf"})
WRITTEN = ("EUR 12.50", "1.234,50", "1,234.50", "€7", "12,-", "2 000,00", "(3.00)")


def senders(crowd: Crowd, shop: Shop, clock: int) -> None:
    """Visit from addresses with a port, with brackets, mapped into IPv6, and at the beginning of a forwarded list."""
    # Of a list, the first public address counts; that of other visitors is from a network reserved for benchmarks, which is not public.
    four = f"192.0.2.{crowd.address().rpartition('.')[2]}"
    spellings = (four, f"{four}:52044", f"::ffff:{four}", f"[::ffff:{four}]:443", f"{four}, 10.0.0.3", f"10.1.2.3, {four}, 10.0.0.3")
    guest = crowd.person(clock, addresses=spellings)
    shop.visit(guest)
    for place in range(len(spellings)):
        guest.wait(9).see(f"/help/page-{place}")
    six, *_ = crowd.network()
    shop.visit(crowd.person(clock, addresses=(six, f"[{six}]", f"[{six}]:52044", f"{six}, 10.0.0.3")))


def subrequests(crowd: Crowd, _shop: Shop, clock: int) -> None:
    """Load parts of pages, prefetched pages and pieces of files, none of which anyone views, and images from an image service."""
    guest = crowd.person(clock).see("/").call("/product/oak-table?_rsc=1a2b3c").call("/checkout?_rsc=77f0").wait(4)
    guest.call("/_next/data/b1/product/oak-table.json").call("/media/story", status=206).wait(0, 2).call("/media/story", status=206)
    guest.load("/_next/image?url=%2Foak-table.jpg&w=640&q=75").load("/cdn-cgi/image/width=80/logo.png").wait(9).see("/product/oak-table", "product")


def programs(crowd: Crowd, _shop: Shop, clock: int) -> None:
    """View pages and order as a program: neither a browser nor on a list."""
    for agent in PROGRAMS:
        program = crowd.use(Device((crowd.address(),), agent, bot=True), clock)
        program.see("/").wait(30).see("/checkout/thank-you", "receipt", query={"order": f"p{len(agent)}", "total": "5.00"}).wait(30).see("/")


def curious_scanners(crowd: Crowd, _shop: Shop, clock: int) -> None:
    """View pages with their images, then request two paths that only scanners request, or the same one twice."""
    crowd.person(clock).see("/").load("/image/logo.svg").wait(3).see("/search", "search").wait(2).fail("/.env").wait(1).fail("/wp-login.php")
    crowd.person(clock).see("/").load("/image/logo.svg").wait(3).see("/search", "search").wait(2).fail("/.env").wait(1).fail("/.env")


def amounts(crowd: Crowd, shop: Shop, clock: int) -> None:
    """Buy for amounts of other currencies, which add nothing, and for amounts written in other ways."""
    for query in (*FOREIGN, *({"total": total} for total in WRITTEN)):
        guest, number = crowd.person(clock).see("/checkout", "checkout").wait(9), shop.orders
        shop.orders += 1
        guest.see("/checkout/thank-you", "receipt", query={"order": f"x{number}", **query})


FIELD = (senders, subrequests, programs, curious_scanners, amounts)
