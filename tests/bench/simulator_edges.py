"""Scripts for edge cases, a few acts each: gaps, windows, reloads, errors, users, downloads and listed paths.

Ordinary behaviour produces these cases too rarely to test them.
"""

from __future__ import annotations

from collections.abc import Callable

from .simulator_acts import Device
from .simulator_crowd import Crowd
from .simulator_shop import Shop
from .simulator_site import TIMEOUT, WEEK

Script = Callable[[Crowd, Shop, int], None]


def gaps(crowd: Crowd, _shop: Shop, clock: int) -> None:
    """Pause for exactly 1,799, 1,800 and 1,801 seconds."""
    for gap in (TIMEOUT - 1, TIMEOUT, TIMEOUT + 1):
        crowd.person(clock).see("/").wait(gap).see("/shipping-costs").wait(9).see("/product/oak-table", "product")


def tours(crowd: Crowd, _shop: Shop, clock: int) -> None:
    """Produce chains around a window of ten seconds; in the first one, the earliest start is the wrong choice."""
    one, two, three = (("/tour/one", "tour_one"), ("/tour/two", "tour_two"), ("/tour/three", "tour_three"))
    for moments in (
        ((one, 0), (two, 10), (one, 90), (two, 5), (three, 4)),
        ((one, 0), (two, 4), (three, 6)),
        ((one, 0), (two, 4), (three, 7)),
        ((one, 0), (two, 11), (three, 1)),
        ((two, 0), (one, 5), (three, 5)),
        ((one, 0), (one, 0), (two, 0), (two, 0), (three, 0)),
        ((one, 0), (two, 6), (one, 3), (three, 2), (two, 3), (three, 4)),
    ):
        guest = crowd.person(clock)
        for (path, tag), seconds in moments:
            guest.wait(seconds).see(path, tag)


def repeats(crowd: Crowd, shop: Shop, clock: int) -> None:
    """Take every step of the shop's funnel at least twice, then reload the receipt, also on another day and as another visitor."""
    guest = crowd.person(clock)
    for name in ("oak-table", "oak-table", "desk-lamp"):
        guest.see(f"/product/{name}", "product").wait(7)
    for _ in range(2):
        guest.post("/cart/add", 302, "cart").see("/cart", "coupon", query={"coupon": "SPRING"}).wait(0, 9)
    guest.see("/checkout", "checkout").wait(12).see("/checkout", "checkout").wait(40).post("/checkout", 302)
    query = shop.receive(guest)
    guest.wait(2).see("/checkout/thank-you", "receipt", query=query)
    guest.wait(TIMEOUT + 77).see("/checkout/thank-you", "receipt", query=query)
    guest.wait(86_400).see("/checkout/thank-you", "receipt", query=query).wait(5).see("/")
    crowd.person(guest.clock).see("/checkout/thank-you", "receipt", query=query)


def receipts(crowd: Crowd, _shop: Shop, clock: int) -> None:
    """View receipts without an order, without a total, and with totals that are not plain numbers."""
    guest = crowd.person(clock)
    nameless: tuple[dict[str, str], ...] = ({}, {"total": "15.5"})
    for query in (*nameless, {"order": "a1", "total": "free"}, {"order": "a2", "total": "12,50"}, {"order": "a3", "total": "-3.25"}):
        guest.wait(6).see("/checkout/thank-you", "receipt", query=query)


def errors(crowd: Crowd, _shop: Shop, clock: int) -> None:
    """Get errors before, between and after sessions, at various distances from them."""
    for before in (60, TIMEOUT - 1, TIMEOUT, TIMEOUT + 1):
        crowd.person(clock).fail("/old/shop", "lost").wait(before).see("/search", "search").wait(3).fail("/old/map", "lost")
    guest = crowd.person(clock).see("/").wait(1_000).fail("/old/a", "lost").wait(1_000).see("/search", "search")
    guest.wait(TIMEOUT - 1).fail("/old/b", "lost", status=404).wait(1).see("/")
    guest.wait(TIMEOUT).fail("/old/c", "lost").wait(5).see("/old/c").wait(4).fail("/old/c", status=410)
    crowd.person(clock).redirected("/home", status=301).wait(0).see("/").wait(TIMEOUT).redirected("/home").wait(TIMEOUT).see("/")


def neighbours(crowd: Crowd, shop: Shop, clock: int) -> None:
    """Let a bot and a human share an IP address, and then let two browsers share one."""
    guest = crowd.person(clock)
    address = guest.device.addresses[0]
    robot = crowd.robot(clock, address)
    crawl(robot.wait(3).see, 4)
    shop.visit(guest)
    office = crowd.address()
    for agent in ("Mozilla/5.0 (Linux; Android 14; wv) ShopApp/1.0 (first)", "Mozilla/5.0 (Linux; Android 14; wv) ShopApp/1.0 (second)"):
        shop.visit(crowd.person(clock, addresses=(office,), agent=agent))


def crawl(see: Callable[[str], object], pages: int) -> None:
    """Request some pages, as a crawler does."""
    for number in range(pages):
        see(f"/blog/page-{number}")


def listed_paths(crowd: Crowd, _shop: Shop, clock: int) -> None:
    """Request listed paths that goals name (stock calls, the feed, the pixel), and others that remain background requests or assets."""
    guest = crowd.person(clock).see("/product/wool-rug", "product").load("/px.gif", "pixel").wait(0)
    for name in ("wool-rug", "oak-table", "wool-rug", "oak-table"):
        guest.call(f"/api/stock/{name}", "stock").wait(0, 3)
    guest.call("/api/stock/none", status=404).call("/api/track", method="POST", status=204).call("/data/menu.json")
    guest.wait(40).call("/feed.xml", "feed").wait(60).call("/feed.xml", "feed", status=304).call("/sitemap.xml")
    guest.load("/px.gif", "pixel", status=304).call("/wp-admin/admin-ajax.php", method="POST").call("/?wc-ajax=refresh", method="POST")
    guest.call("/cdn-cgi/trace").call("/ping", status=204).load("/Image/LOGO.PNG").load("/image/none.jpg", status=404)
    guest.load("/static/site.css?v=2", method="HEAD").wait(1).call("/internal/clock").wait(1).call("/admin/orders/7")
    guest.call("/contact", method="DELETE", status=200).wait(2).see("/search", "search", query={"q": "a.js"})


def sessions_without_a_page(crowd: Crowd, _shop: Shop, clock: int) -> None:
    """Produce sessions without a page view: they are set aside, so a later session can still reach their goals."""
    till = crowd.person(clock, agent="Mozilla/5.0 (Windows NT 10.0) StockClient/1.4 (till)")
    for _ in range(3):
        till.call("/api/stock/oak-table", "stock").wait(20)
    till.post("/contact", 302, "enquiry").wait(2 * TIMEOUT)
    till.see("/contact").wait(30).post("/contact", 422).wait(30).post("/contact", 302, "enquiry").wait(1).see("/contact/thanks")
    till.wait(2 * TIMEOUT).see("/contact").wait(8).post("/contact", 302, "enquiry")


def users(crowd: Crowd, shop: Shop, clock: int) -> None:
    """Sign in during a session, be recognised on another device later, and sign out there."""
    guest = crowd.person(clock).redirected("/start").see("/").wait(8).see("/product/day-bed", "product").wait(20).post("/login", 302)
    guest.user = f"user{shop.orders}_{clock % 997}"
    guest.wait(0).see("/account").wait(9).post("/cart/add", 302, "cart").see("/cart").wait(30).see("/checkout", "checkout")
    guest.wait(25).post("/checkout", 302)
    query = shop.receive(guest)
    phone = crowd.person(guest.clock + 9_000)
    phone.user = guest.user
    phone.see("/account").wait(5).see("/checkout/thank-you", "receipt", query=query)
    phone.user = ""
    phone.wait(60).see("/").wait(4).see("/stores/berlin", "store")
    guest.clock = phone.clock + 9_000
    guest.see("/account")


def downloads(crowd: Crowd, _shop: Shop, clock: int) -> None:
    """Download ranges and repeats of one file, each within the session timeout of the previous one, then once more after the timeout."""
    guest = crowd.person(clock).see("/size-guide").wait(5).fetch("/files/size-guide.pdf", "guide", status=206)
    for gap in (0, 1, TIMEOUT - 1):
        guest.wait(gap).fetch("/files/size-guide.pdf", "guide", status=206)
    guest.see("/size-guide").wait(TIMEOUT).fetch("/files/size-guide.pdf", "guide", status=304).wait(3).see("/")
    guest.fetch("/files/catalogue.zip").wait(2).fetch("/files/fabrics.pdf", "guide").fetch("/media/tour.mp4", status=206)
    crowd.person(clock).see("/size-guide").fetch("/files/size-guide.pdf", "guide").wait(1).fail("/files/none.pdf")


def long_visits(crowd: Crowd, shop: Shop, clock: int) -> None:
    """Visit from an email and buy: the request that adds to the cart comes 299, 300 or 301 seconds after the start."""
    for seconds in (299, 300, 301):
        guest = crowd.person(clock).see("/product/bar-stool", "product", query={"utm_medium": "email"}).wait(seconds)
        guest.post("/cart/add", 302, "cart").see("/cart").wait(20).see("/checkout", "checkout").wait(20).post("/checkout", 302)
        shop.receive(guest)
    guest = crowd.person(clock).see("/", query={"utm_medium": "email", "x": "1"}).wait(2)
    guest.call("/api/stock/day-bed", "stock").see("/product/day-bed", "product")


def late_purchases(crowd: Crowd, shop: Shop, clock: int) -> None:
    """Buy exactly at the end of the visitor funnel's window, and one second after it."""
    for late in (0, 1):
        guest = crowd.person(clock).see("/register").wait(30).post("/register", 302, "registered").wait(0)
        start = guest.clock
        guest.see("/account").wait(3 * 86_400).see("/blog/small-flats", "article").wait(50).see("/product/wool-rug", "product")
        guest.wait(9).post("/cart/add", 302, "cart").see("/cart")
        guest.clock = start + WEEK + late - 30
        guest.see("/checkout", "checkout").wait(30).post("/checkout", 302)
        shop.receive(guest)


def odd_requests(crowd: Crowd, _shop: Shop, clock: int) -> None:
    """Send requests that are not visits (HEAD, OPTIONS, garbage), and paths with unusual spellings."""
    guest = crowd.person(clock).see("/help/%FF").wait(4).other("HEAD / HTTP/1.1").other("OPTIONS * HTTP/1.1", 204)
    guest.other(r"\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03", 400).other("-", 400).other("PROPFIND /dav HTTP/1.1", 405)
    guest.wait(8).see("/help/a%2Fb").wait(1).see("/index.php", query={"route": "delivery", "page": "2"})
    guest.wait(3).see("/index.php", query={"page": "2"}).see("/Stores/Berlin").see("/stores/berlin", "store").see("/stores/bonn", "store")
    guest.wait(9).see("/stores/berlin", "store").wait(1).see("/blog/archive").see("/blog/café-style-at-home", "article")


def probes(crowd: Crowd, _shop: Shop, clock: int) -> None:
    """Send probes without a user agent: they are bots, whatever they request."""
    probe = crowd.use(Device((crowd.address(),), "-", bot=True), clock)
    probe.other(r"\x16\x03\x01\x00\xEE", 400).wait(1).other("-", 408).wait(1).other("HEAD / HTTP/1.0").load("/favicon.ico", status=404)


def midnight_visit(crowd: Crowd, shop: Shop, clock: int) -> None:
    """Visit the shop across midnight (`clock` is shortly before it)."""
    guest = crowd.person(clock).see("/").wait(70).see("/product/mirror-round", "product").wait(60)
    guest.post("/cart/add", 302, "cart").see("/cart").wait(900).see("/checkout", "checkout").wait(20).post("/checkout", 302)
    shop.receive(guest)
    guest.wait(TIMEOUT).see("/shipping-costs")


def random_acts(crowd: Crowd, shop: Shop, clock: int) -> None:
    """Do random acts in random order, with gaps of zero or at a limit, to cover what no script anticipates."""
    guest = crowd.person(clock)
    acts: tuple[Callable[[], object], ...] = (
        lambda: guest.see("/tour/one", "tour_one"),
        lambda: guest.see("/tour/two", "tour_two"),
        lambda: guest.see("/tour/three", "tour_three"),
        lambda: guest.see("/search", "search", query={"utm_medium": "email"}),
        lambda: shop.see_product(guest),
        lambda: shop.put_in_cart(guest),
        lambda: guest.see("/checkout", "checkout"),
        lambda: guest.see("/checkout/thank-you", "receipt", query={"order": guest.rng.choice("xyz"), "total": "0.07"}),
        lambda: guest.see("/blog/small-flats", "article"),
        lambda: guest.post("/register", 302, "registered"),
        lambda: guest.fail("/old/page", "lost"),
        lambda: guest.redirected("/checkout"),
        lambda: guest.fetch("/files/size-guide.pdf", "guide", status=206),
        lambda: guest.call("/api/stock/day-bed", "stock"),
        lambda: guest.post("/api/track", 204),
    )
    while guest.clock < clock + 6 * 3_600 and guest.rng.random() < 0.96:
        guest.rng.choice(acts)()
        guest.wait(guest.rng.choice((0, 0, 0, 1, 4, 5, 10, 11, 60, 299, 300, TIMEOUT - 1, TIMEOUT, TIMEOUT + 1)))


ANY_TIME: tuple[Script, ...] = (
    *(gaps, tours, repeats, receipts, errors, neighbours, listed_paths, sessions_without_a_page, users, downloads, long_visits, odd_requests, probes),
    *(random_acts, random_acts, random_acts, random_acts, random_acts, random_acts),
)
"""Scripts that end within two days and whose sessions do not cross midnight."""
