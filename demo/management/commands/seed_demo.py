"""Fill an empty site with houses, users and orders in every status."""

import json
import time
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from itertools import cycle
from pathlib import Path
from urllib.parse import urljoin, urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.files.base import ContentFile
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts import roles
from accounts.models import User
from demo import channels, differences, guests, homes, prices, reviews
from houses import favourites
from houses.availability import NightsTaken
from houses.models import Area, Facility, House, HousePhoto, RefundPolicy
from orders import booking, transitions
from orders.counters import recount
from orders.models import Order
from payments import checkout, queries
from payments.books import attempts
from payments.models import Payment, subject_of

PASSWORD = "ihome-demo-8"  # noqa: S105  for the demo only; refused in production
RENTER, SECOND_RENTER, STAFF = "13800000001", "13800000002", "13900000000"
OTHER_STAFF = {
    "13900000001": ("小陈", roles.FRONT_DESK),
    "13900000002": ("老方", roles.FINANCE),
    "13900000003": ("杜姐", roles.MANAGER),
}
PHOTOS = Path(__file__).resolve().parents[2] / "photos"
PHOTOS_PER_HOUSE = 4
QUERIES_AT_MOST = 5  # for one payment; a stand-in without faults needs one
REVIEWED_AGO = timedelta(days=10)  # reviewed stays are moved back by this much

AREAS = {
    "厦门": "Xiamen",
    "上海": "Shanghai",
    "北京": "Beijing",
    "大理": "Dali",
    "杭州": "Hangzhou",
    "重庆": "Chongqing",
}
# title, area, address, yuan per night, guests, instant booking, refund policy
HOUSES = [
    ("临海小屋 · 推窗见海", "厦门", "思明区曾厝垵文青路 18 号", 300, 2, True, "FLEXIBLE"),
    ("老弄堂里的阁楼", "上海", "静安区愚园路 608 弄 12 号 3 楼", 428, 2, True, "MODERATE"),
    ("四合院东厢房，枣树下有张茶桌", "北京", "东城区北新桥三条 27 号", 520, 3, False, "MODERATE"),
    ("洱海边的白族院子", "大理", "喜洲镇城北村 41 号", 366, 4, False, "FLEXIBLE"),
    ("西湖山脚 · 茶园木屋", "杭州", "西湖区龙井路双峰村 9 号", 688, 4, True, "STRICT"),
    ("江景高层，夜里看得见桥上的灯", "重庆", "渝中区嘉滨路 219 号 31-4", 259, 2, True, "FLEXIBLE"),
    ("鼓浪屿花园洋房一层", "厦门", "思明区鼓浪屿鸡山路 5 号", 799, 6, False, "STRICT"),
    ("雪山下的藏式民居", "大理", "大理镇玉洱路 66 号", 199, 3, True, "FLEXIBLE"),
]
RULES = "室内不抽烟\n进门请换鞋\n聚会和拍摄请先和我们商量"

# name, English name, icon
FACILITIES = [
    ("无线网络", "Wi-Fi", "wifi"),
    ("厨房", "Kitchen", "kitchen"),
    ("洗衣机", "Washing machine", "washer"),
    ("空调", "Air conditioning", "aircon"),
    ("暖气", "Heating", "heating"),
    ("浴缸", "Bathtub", "bath"),
    ("电视", "Television", "tv"),
    ("免费停车", "Free parking", "parking"),
    ("电梯", "Lift", "lift"),
    ("书桌", "Desk", "desk"),
    ("院子", "Garden", "garden"),
    ("风景", "View", "view"),
    ("茶具", "Tea set", "tea"),
    ("婴儿床", "Cot", "child"),
    ("可带宠物", "Pets welcome", "pets"),
    ("行李寄存", "Luggage storage", "luggage"),
]
# The icons of each house's facilities, in the order of HOUSES.
FACILITIES_OF = [
    "wifi kitchen washer aircon tv view luggage",
    "wifi aircon washer desk tea",
    "wifi heating aircon tea garden parking child",
    "wifi kitchen heating garden view parking pets",
    "wifi aircon bath tea garden view desk",
    "wifi aircon lift washer tv view desk luggage",
    "wifi kitchen aircon bath garden child pets luggage",
    "wifi heating tea view parking",
]


class Command(BaseCommand):
    help = "Make demo houses with photos, renters, four members of staff and orders in every status."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--orders", type=int, default=0, metavar="N", help="also make N past orders of the second renter"
        )

    def handle(self, *args: object, orders: int, **options: object) -> None:
        renter, second, staff = _person(RENTER, "林小满"), _person(SECOND_RENTER, "周远"), _staff()
        _staff_with_roles()
        houses = [_house(number, *row) for number, row in enumerate(HOUSES)]
        prices.set_prices(houses)
        if not renter.orders.exists():
            standin = _standin()
            pay = partial(_pay_at, standin) if standin else pay_in_our_books
            _orders_in_every_status(renter, second, staff, houses, pay)
            guests.make(_person, book, pay, houses)
            reviews.make(second, book, pay, houses[-1])
            channels.make(houses)
            if not standin:
                self.stderr.write("No stand-in Alipay answers: the paid orders can't be refunded.")
        if not any(order.is_payable for order in renter.orders.filter(status=Order.Status.WAIT_PAYMENT)):
            transitions.accept(book(renter, houses[2], 14, 2), by=staff)
        if orders:
            _past_orders(second, houses, orders)
        self.stdout.write(
            f"renters  {RENTER} and {SECOND_RENTER}, staff {STAFF} (at /admin/), password {PASSWORD}\n"
            f"roles    {_roles_in_words()}, same password\n"
            f"{House.objects.count()} houses, {Order.objects.count()} orders"
        )


def _person(mobile: str, name: str) -> User:
    return User.objects.filter(mobile=mobile).first() or User.objects.create_user(
        mobile,
        f"{mobile}@example.com",
        PASSWORD,
        name=name,
        mobile_verified_at=timezone.now(),
        email_verified_at=timezone.now(),
    )


def _staff() -> User:
    return User.objects.filter(mobile=STAFF).first() or User.objects.create_superuser(
        STAFF, password=PASSWORD, name="管家", mobile_verified_at=timezone.now()
    )


def _staff_with_roles() -> None:
    roles.add_missing()
    for mobile, (name, role) in OTHER_STAFF.items():
        if not User.objects.filter(mobile=mobile).exists():
            user = User.objects.create_user(mobile, password=PASSWORD, name=name, is_staff=True)
            user.groups.add(Group.objects.get(name=role))


def _roles_in_words() -> str:
    return ", ".join(f"{role} {mobile}" for mobile, (name, role) in OTHER_STAFF.items())


def _house(
    number: int, title: str, area: str, address: str, yuan: int, guests: int, instant: bool, policy: str
) -> House:
    found = House.objects.filter(title=title).first()
    if found:
        return found
    house = House.objects.create(
        title=title,
        area=Area.objects.get_or_create(name=area, defaults={"name_en": AREAS[area]})[0],
        address=address,
        rules=RULES,
        price_fen=yuan * 100,
        capacity=guests,
        instant_book=instant,
        refund_policy=RefundPolicy(policy),
        **homes.details_of(number),
    )
    house.facilities.set(
        Facility.objects.get_or_create(name=name, defaults={"name_en": name_en, "icon": icon})[0]
        for name, name_en, icon in FACILITIES
        if icon in FACILITIES_OF[number].split()
    )
    for scene in range(PHOTOS_PER_HOUSE):
        picture = ContentFile(photo_of(number, scene).read_bytes(), name=f"demo-{number}-{scene}.webp")
        caption, english = homes.CAPTIONS[scene]
        HousePhoto.objects.create(
            house=house, position=scene, image=picture, caption=caption, caption_en=english
        )
    return house


def photo_of(number: int, scene: int) -> Path:
    """Return the photo of house `number` in HOUSES: the outside (scene 0), then its rooms."""
    return PHOTOS / f"house-{number + 1}-{scene + 1}.webp"


def book(renter: User, house: House, from_day: int, nights: int) -> Order:
    """Book the first free stay that starts `from_day` or more days from now."""
    for day in range(from_day, from_day + 300):
        check_in = timezone.localdate() + timedelta(days=day)
        try:
            return booking.book(
                house,
                renter=renter,
                check_in=check_in,
                check_out=check_in + timedelta(days=nights),
                guests=2,
            )
        except NightsTaken:
            continue
    raise CommandError(f"{house} has no free nights left.")


def _orders_in_every_status(
    renter: User, second: User, staff: User, houses: list[House], pay: Callable[[Order], Order]
) -> None:
    sea, loft, court, lake, tea, river, garden, snow = houses
    review = "房间和照片一样，窗外真的能看见海。房东留了热水和一小碟点心，很用心。"
    stay = _moved_back(pay(book(renter, sea, 3, 2)))
    written = transitions.review(stay, by=renter, rating=5, text=review, **reviews.MARKS)
    reviews.adorn(written, PHOTOS, by=staff)
    steep = "楼梯有点陡，别的都很好。"
    transitions.review(_moved_back(pay(book(second, loft, 4, 1))), by=second, rating=4, text=steep)
    transitions.reject(book(renter, garden, 6, 3), by=staff, reason="这几天院子里修水管，怕打扰您休息。")
    pay(book(renter, river, 8, 1))
    differences.make(pay(book(renter, sea, 24, 2)), by=staff)
    book(renter, lake, 12, 2)
    transitions.accept(book(renter, court, 14, 1), by=staff)
    transitions.accept(book(renter, lake, 20, 3), by=staff)
    book(second, tea, 5, 2)
    book(second, snow, 9, 4)
    for house in (river, lake):
        favourites.keep(renter, house.pk)


def _moved_back(order: Order) -> Order:
    """Move an order into the past, so that its stay is over. Past days can't be booked."""
    return guests.move(order, order.check_in - REVIEWED_AGO)


_open = build_opener(ProxyHandler({})).open


def _standin() -> str:
    """Return the control API of the stand-in at ALIPAY_GATEWAY_URL, "" if none answers."""
    if urlsplit(settings.ALIPAY_GATEWAY_URL).hostname not in ("127.0.0.1", "localhost"):
        return ""
    control = urljoin(settings.ALIPAY_GATEWAY_URL, "/_standin/")
    try:
        _open(urljoin(control, "health"), timeout=5).close()
    except OSError:
        return ""
    return control


def _pay_at(standin: str, order: Order) -> Order:
    """Pay an order at the stand-in, without the browser's return. Raises CommandError."""
    address = checkout.press_pay(order, Payment.Product.PAGE)
    payment = Payment.objects.get(live_for=order)
    body = json.dumps({"out_trade_no": payment.out_trade_no}).encode()
    try:
        _open(address, timeout=5).close()
        _open(Request(urljoin(standin, "pay"), body), timeout=5).close()  # noqa: S310  on this machine
    except OSError as error:
        raise CommandError(f"The stand-in Alipay does not accept {payment}: {error}") from error
    for _ in range(QUERIES_AT_MOST):
        queries.query_trade(payment)
        if payment.is_settled:
            order.refresh_from_db()
            return order
        time.sleep(queries.MIN_QUERY_INTERVAL.total_seconds())
    raise CommandError(
        f"The stand-in Alipay does not report {payment} as paid. Remove this data and start again."
    )


def pay_in_our_books(order: Order) -> Order:
    """Record a payment in our books only; Alipay has no such trade."""
    payment = Payment.objects.create(
        order=order,
        out_trade_no=f"{order.number}_1",
        subject=subject_of(order),
        amount_fen=order.amount_fen,
        expires_at=order.pay_by or timezone.now(),
    )
    trade_no = f"{timezone.localdate():%Y%m%d}2200140000{order.number[-8:]}"
    attempts.settle(payment, attempts.Received(trade_no, order.amount_fen, None, Payment.Evidence.QUERY))
    order.refresh_from_db()
    return order


def _past_orders(renter: User, houses: list[House], count: int) -> None:
    """Make orders that were cancelled long ago, for long lists; they hold no nights."""
    start = date(2025, 1, 1)
    Order.objects.bulk_create(
        (
            Order(
                number=f"250101{50_000_000 + n:08d}",
                renter=renter,
                house=house,
                house_title=house.title,
                check_in=start,
                check_out=start + timedelta(days=1),
                nights=1,
                price_per_night_fen=house.price_fen,
                amount_fen=house.price_fen,
                status=Order.Status.CANCELED,
                created_at=timezone.now() - timedelta(days=400, seconds=n),
            )
            for n, house in zip(range(count), cycle(houses), strict=False)
        ),
        batch_size=1000,
        ignore_conflicts=True,
    )
    for house in houses:
        recount(house)
