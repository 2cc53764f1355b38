"""Sign-up, sign-in and sign-out, and the redirects after them."""

import re
from datetime import timedelta
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import time_machine
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts.models import User
from houses.models import BookedNight
from orders.models import Order, Review
from payments.models import Payment
from tests import make
from tests.proving import code_form, prove

pytestmark = pytest.mark.django_db

LOGIN, SIGNUP, LOGOUT, SETLANG = (
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/logout/",
    "/i18n/setlang/",
)
PASSWORD = "a-good-password"
SPELLINGS = [
    "+8613912345678",
    "8613912345678",
    "008613912345678",
    "+86 139 1234 5678",
    " 139-1234-5678 ",
    "+86-139-1234-5678",
    "(+86)13912345678",
    "１３９１２３４５６７８",
    "＋８６　１３９１２３４５６７８",
    "\u202a13912345678\u202c",
    "\u202d+86 139 1234 5678\u202c",
    "139\u00a01234\u20115678\u200b",
]


@pytest.fixture
def person() -> User:
    return make.user()


def sign_in(client: Client, person: User, password: str = PASSWORD, **fields: str):
    return client.post(LOGIN, {"username": person.mobile, "password": password, **fields})


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


# --- Signing up -------------------------------------------------------------------------------------


def test_signing_up_makes_a_renter_and_signs_them_in(client: Client) -> None:
    page = prove(
        client,
        SIGNUP,
        {"username": "13912345678", "password": PASSWORD, "email": "li@example.com", "next": "/houses/7/"},
    )
    assert (page.status_code, page.url) == (302, "/houses/7/")
    made = User.objects.get(mobile="13912345678")
    assert (made.email, made.is_staff, made.is_superuser) == ("li@example.com", False, False)
    assert made.check_password(PASSWORD)
    assert client.session["_auth_user_id"] == str(made.pk)


def test_the_email_is_optional_and_my_orders_come_next(client: Client) -> None:
    page = prove(client, SIGNUP, {"username": "13912345678", "password": PASSWORD})
    assert page.url == "/orders/"
    assert User.objects.get().email == ""


def test_nobody_makes_themselves_staff(client: Client) -> None:
    more = {"is_staff": "1", "is_superuser": "1"}
    prove(client, SIGNUP, {"username": "13912345678", "password": PASSWORD, **more}, **more)
    made = User.objects.get()
    assert (made.is_staff, made.is_superuser) == (False, False)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"password": "short1x"}, "password"),
        ({"password": "839174650287"}, "password"),
        ({"password": "password"}, "password"),
        ({"password": "13912345678"}, "password"),
        ({"password": ""}, "password"),
        ({"username": "12912345678"}, "username"),
        ({"username": "1391234567"}, "username"),
        ({"username": "139123456789"}, "username"),
        ({"username": "1391234567x"}, "username"),
        ({"username": "١٣٩١٢٣٤٥٦٧٨"}, "username"),
        ({"username": "+8513912345678"}, "username"),
        ({"username": "+86 12912345678"}, "username"),
        ({"username": ""}, "username"),
        ({"email": "li@"}, "email"),
    ],
    ids=str,
)
def test_refusals_stand_beside_the_field_and_keep_the_input(
    client: Client, changes: dict[str, str], field: str
) -> None:
    typed = {"username": "13912345678", "password": PASSWORD, "email": "li@example.com", "next": "/houses/7/"}
    page = client.post(SIGNUP, {**typed, **changes})
    assert page.status_code == 200
    assert list(page.context["form"].errors) == [field]
    assert not User.objects.exists()
    html = page.content.decode()
    kept = {**typed, **changes}
    del kept["password"]
    for value in kept.values():
        assert not value or f'value="{value}"' in html
    assert PASSWORD not in html


@pytest.mark.same_statements
@pytest.mark.parametrize("typed", SPELLINGS)
def test_D3_ROW06_a_number_in_any_spelling_signs_up_and_in(client: Client, typed: str) -> None:
    assert prove(client, SIGNUP, {"username": typed, "password": PASSWORD}).status_code == 302
    assert User.objects.get().mobile == "13912345678"
    browser = Client()
    assert browser.post(LOGIN, {"username": typed, "password": PASSWORD}).status_code == 302
    assert is_signed_in(browser)


@pytest.mark.parametrize("page", [LOGIN, SIGNUP, "/admin/login/"])
def test_D3_the_input_takes_a_number_with_its_country_code(client: Client, page: str) -> None:
    assert 'maxlength="40"' in client.get(page).content.decode()


@pytest.mark.parametrize(
    "typed",
    [
        "li@qq.com\u202c",
        "li@qq.com。",
        "\u202ali@qq.com\u202c",
        "ｌｉ＠ｑｑ．ｃｏｍ",
        "<li@qq.com>,",
        "li@qq。com",
        "li@qq.com·",
        "li@qq.com\ufe0f",
        "li@q\u034fq.com\u180b",
    ],
)
def test_D3_ROW06_an_email_is_cleaned(client: Client, typed: str) -> None:
    prove(client, SIGNUP, {"username": "13912345678", "password": PASSWORD, "email": typed})
    assert User.objects.get().email == "li@qq.com"
    client.post("/accounts/me/", {"name": "Li", "email": f"{typed} "})
    assert User.objects.get().email == "li@qq.com"


def test_ACC02_a_number_that_is_taken_is_refused_only_to_who_holds_it(client: Client, person: User) -> None:
    asked = {"username": person.mobile, "password": "another-password"}
    known = client.post(SIGNUP, asked)
    unknown = Client().post(SIGNUP, {**asked, "username": "13999999999"})
    html = [page.content.decode() for page in (known, unknown)]
    fields = r'value="[^"]*"|<strong class="figures">[0-9]{6}'  # tokens, proofs and the code of the rehearsal
    assert len({re.sub(fields, "", page).replace(person.mobile, "13999999999") for page in html}) == 1
    page = client.post(SIGNUP, code_form(known))
    assert page.status_code == 200
    assert list(page.context["form"].errors) == ["code"]
    assert not is_signed_in(client)
    person.refresh_from_db()
    assert person.check_password(PASSWORD)


def test_ACC02_an_account_exists_only_after_the_code(client: Client) -> None:
    client.cookies["django_language"] = "en"
    page = client.post(SIGNUP, {"username": "13912345678", "password": PASSWORD, "email": "li@example.com"})
    assert not User.objects.exists()
    assert PASSWORD not in page.content.decode()
    assert "We've sent a code of six digits to 13912345678." in page.content.decode()
    wrong = client.post(SIGNUP, {**code_form(page), "code": "12345"})
    assert wrong.context["form"].errors == {"code": ["Wrong code. Please try again."]}
    assert not User.objects.exists()
    elsewhere = {**code_form(page), "username": "13987654321"}
    assert list(client.post(SIGNUP, elsewhere).context["form"].errors) == ["code"]
    forged = {**code_form(page), "draft": code_form(page)["draft"] + "x"}
    assert list(client.post(SIGNUP, forged).context["form"].errors) == ["code"]
    assert not User.objects.exists()
    code = code_form(page)["code"]
    spaced = f" {code[:3]} " + "".join(chr(ord(digit) + 0xFEE0) for digit in code[3:])
    assert client.post(SIGNUP, {**code_form(page), "code": spaced}).status_code == 302
    made = User.objects.get()
    assert (made.mobile, made.email, made.check_password(PASSWORD)) == ("13912345678", "li@example.com", True)
    assert made.mobile_verified_at is not None


def test_a_new_code_is_sent_and_the_one_before_stays_valid_if_that_is_refused(client: Client) -> None:
    client.cookies["django_language"] = "en"
    page = client.post(SIGNUP, {"username": "13912345678", "password": PASSWORD})
    again = client.post(SIGNUP, {**code_form(page), "again": "1"})
    assert "A code was sent a moment ago." in again.content.decode()
    assert code_form(again) == code_form(page)
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        again = client.post(SIGNUP, {**code_form(page), "again": "1"})
        assert code_form(again)["code"] != code_form(page)["code"]
        assert client.post(SIGNUP, code_form(again)).status_code == 302
    assert User.objects.get().check_password(PASSWORD)


# --- Signing in with a code ---------------------------------------------------------------------------

BY_CODE = "/accounts/login/code/"


def test_signing_in_with_a_code_redirects_to_next_and_verifies_the_number(client: Client) -> None:
    person = make.user(mobile_verified_at=None)
    page = prove(client, BY_CODE, {"username": f"+86 {person.mobile}", "next": "/accounts/me/"})
    assert (page.status_code, page.url) == (302, "/accounts/me/")
    assert client.session["_auth_user_id"] == str(person.pk)
    person.refresh_from_db()
    assert person.mobile_verified_at is not None


def test_ACC02_the_first_code_ends_what_others_knew_of_an_old_account(client: Client) -> None:
    person = make.user(mobile_verified_at=None, email="stranger@example.com")
    stranger = Client()
    sign_in(stranger, person)
    client.cookies["django_language"] = "en"
    prove(client, BY_CODE, {"username": person.mobile})
    assert stranger.get("/accounts/me/").status_code == 302
    assert sign_in(Client(), person).status_code == 200
    person.refresh_from_db()
    assert (person.has_usable_password(), person.email_verified_at) == (False, None)
    page = client.get("/accounts/me/").content.decode()
    assert "The earlier password no longer works." in page
    assert 'class="thumb" href="/accounts/password/reset/"' in page


def test_a_later_code_ends_nothing(client: Client, person: User) -> None:
    elsewhere = Client()
    sign_in(elsewhere, person)
    prove(client, BY_CODE, {"username": person.mobile})
    assert elsewhere.get("/accounts/me/").status_code == 200
    person.refresh_from_db()
    assert person.check_password(PASSWORD)
    assert person.email_verified_at is not None


def test_ACC01_the_owner_signs_in_with_a_code_while_passwords_are_guessed(
    client: Client, person: User
) -> None:
    for n in range(12):
        Client(REMOTE_ADDR=f"203.0.113.{n}").post(LOGIN, {"username": person.mobile, "password": "wrong"})
    assert sign_in(client, person).status_code == 429
    assert prove(client, BY_CODE, {"username": person.mobile}).status_code == 302
    assert is_signed_in(client)


def test_ACC02_a_code_tells_only_who_holds_the_number_that_it_has_no_account(
    client: Client, person: User
) -> None:
    client.cookies["django_language"] = "en"
    for mobile in (person.mobile, "13999999999"):
        assert "We've sent a code" in client.post(BY_CODE, {"username": mobile}).content.decode()
    page = prove(Client(), BY_CODE, {"username": "13988888888"})
    assert list(page.context["form"].errors) == ["code"]


@pytest.mark.parametrize("fields", [{"is_active": False}, {"is_staff": True}])
def test_a_code_opens_no_closed_account_and_no_back_office(client: Client, fields: dict[str, bool]) -> None:
    page = prove(client, BY_CODE, {"username": make.user(**fields).mobile})
    assert list(page.context["form"].errors) == ["code"]
    assert not is_signed_in(client)


def test_a_code_signs_in_once(client: Client, person: User) -> None:
    page = client.post(BY_CODE, {"username": person.mobile})
    assert client.post(BY_CODE, code_form(page)).status_code == 302
    second = Client()
    assert list(second.post(BY_CODE, code_form(page)).context["form"].errors) == ["code"]
    assert not is_signed_in(second)


def test_a_failed_sign_in_leads_to_the_code_with_its_number(client: Client, person: User) -> None:
    html = sign_in(client, person, "wrong").content.decode()
    assert f'formaction="{BY_CODE}" formnovalidate name="from_sign_in"' in html
    page = client.post(BY_CODE, {"username": person.mobile, "next": "/orders/", "from_sign_in": "1"})
    assert f'value="{person.mobile}"' in page.content.decode()


# --- Accounts from before numbers were proven ------------------------------------------------------------


def test_an_unverified_renter_signs_in_as_before_and_is_asked_to_confirm(client: Client) -> None:
    client.cookies["django_language"] = "en"
    person = make.user(mobile_verified_at=None)
    assert sign_in(client, person, next="/accounts/me/").url == "/accounts/me/"
    html = client.get("/accounts/me/").content.decode()
    assert "/accounts/verify/?next=%2Faccounts%2Fme%2F" in html
    page = prove(client, "/accounts/verify/", {"next": "/orders/"})
    assert page.url == "/orders/"
    person.refresh_from_db()
    assert person.mobile_verified_at is not None
    client.post(LOGOUT)
    sign_in(client, person)
    assert "/accounts/verify/" not in client.get("/accounts/me/").content.decode()


def test_ACC02_nobody_confirms_a_number_with_the_code_for_another(client: Client) -> None:
    person = make.user(mobile_verified_at=None)
    client.force_login(person)
    page = client.post("/accounts/verify/", {})
    assert page.context["mobile"] == person.mobile
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        own = client.post("/accounts/verify/", {**code_form(page), "again": "1", "username": "13912345678"})
        refused = client.post("/accounts/verify/", code_form(own))
    assert list(refused.context["form"].errors) == ["code"]
    person.refresh_from_db()
    assert person.mobile_verified_at is None


# --- Signing in and out -----------------------------------------------------------------------------


def test_signing_in_redirects_to_next(client: Client, person: User) -> None:
    sent = client.get("/orders/26112200000001/?x=1")
    assert sent.status_code == 302
    assert sent.url == f"{LOGIN}?next={quote('/orders/26112200000001/?x=1')}"
    form = client.get(sent.url)
    assert 'name="next" value="/orders/26112200000001/?x=1"' in form.content.decode()
    page = sign_in(client, person, next="/orders/26112200000001/?x=1")
    assert page.url == "/orders/26112200000001/?x=1"


def test_signing_in_redirects_to_my_orders_without_next(client: Client, person: User) -> None:
    assert sign_in(client, person).url == "/orders/"


def test_the_link_to_sign_up_keeps_next(client: Client) -> None:
    page = client.get(f"{LOGIN}?next=/houses/7/%3Fcheck_in%3D2027-03-05%26guests%3D2")
    link = f"{SIGNUP}?next={quote('/houses/7/?check_in=2027-03-05&guests=2')}"
    assert f'href="{link}"' in page.content.decode()
    assert 'value="/houses/7/?check_in=2027-03-05&amp;guests=2"' in client.get(link).content.decode()


@pytest.mark.parametrize("password", ["wrong", "", PASSWORD.upper()])
def test_a_wrong_password_is_refused_and_the_number_kept(client: Client, person: User, password: str) -> None:
    page = sign_in(client, person, password)
    assert page.status_code == 200
    assert page.context["form"].errors
    assert f'value="{person.mobile}"' in page.content.decode()
    assert not is_signed_in(client)


def test_an_unknown_number_is_refused_with_the_same_message(client: Client, person: User) -> None:
    wrong = sign_in(client, person, "wrong").context["form"].errors
    unknown = client.post(LOGIN, {"username": "13999999999", "password": "wrong"}).context["form"].errors
    assert wrong == unknown


def test_a_closed_account_stays_out(client: Client, person: User) -> None:
    User.objects.update(is_active=False)
    assert sign_in(client, person).status_code == 200
    assert not is_signed_in(client)


def test_signed_in_users_are_redirected_at_once(client: Client, person: User) -> None:
    client.force_login(person)
    assert client.get(f"{LOGIN}?next=/accounts/me/").url == "/accounts/me/"


def test_signing_out_is_a_post(client: Client, person: User) -> None:
    client.force_login(person)
    opened = client.get(LOGOUT)
    assert (opened.status_code, opened.headers["Allow"]) == (405, "POST")
    assert 'href="/accounts/me/"' in opened.content.decode()
    assert is_signed_in(client)
    page = client.post(LOGOUT)
    assert (page.status_code, page.url) == (302, "/")
    assert not is_signed_in(client)
    assert client.get("/orders/").status_code == 302


def test_only_the_user_sees_the_full_number(client: Client, person: User) -> None:
    assert client.get("/accounts/me/").url == f"{LOGIN}?next=/accounts/me/"
    client.force_login(person)
    assert person.mobile in client.get("/accounts/me/").content.decode()


def test_others_see_a_masked_number() -> None:
    assert str(User(mobile="13912345678")) == "139****5678"
    assert str(User(mobile="13912345678", name="Li")) == "Li"


def test_SEC06_the_session_has_a_new_id_after_signing_in(client: Client, person: User) -> None:
    session = client.session
    session["kept"] = "yes"
    session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
    sign_in(client, person)
    assert client.cookies[settings.SESSION_COOKIE_NAME].value != session.session_key
    stranger = Client()
    stranger.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
    assert not is_signed_in(stranger)


def test_SEC06_the_session_has_a_new_id_after_signing_up(client: Client) -> None:
    session = client.session
    session["kept"] = "yes"
    session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
    prove(client, SIGNUP, {"username": "13912345678", "password": PASSWORD})
    assert is_signed_in(client)
    assert client.cookies[settings.SESSION_COOKIE_NAME].value != session.session_key


# --- Open redirects: next= to another site ------------------------------------------------------------

FOREIGN = [
    "https://evil.example/",
    "http://evil.example/",
    "//evil.example/",
    "///evil.example/",
    "/\\evil.example/",
    "\\\\evil.example/",
    "https:evil.example",
    "https:///evil.example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,x",
    "http://testserver@evil.example/",
    "http://testserver.evil.example/",
    "\thttps://evil.example/",
    " //evil.example/",
    "/\t/evil.example/",
]


@pytest.mark.same_statements
@pytest.mark.parametrize("target", FOREIGN)
def test_SEC03_signing_in_stays_on_the_site(client: Client, person: User, target: str) -> None:
    assert target not in client.get(LOGIN, {"next": target}).content.decode()
    assert sign_in(client, person, next=target).url == "/orders/"


@pytest.mark.same_statements
@pytest.mark.parametrize("target", FOREIGN)
def test_SEC03_signing_in_twice_stays_on_the_site(client: Client, person: User, target: str) -> None:
    client.force_login(person)
    assert client.get(LOGIN, {"next": target}).url == "/orders/"


@pytest.mark.same_statements
@pytest.mark.parametrize("target", FOREIGN)
def test_SEC03_signing_up_stays_on_the_site(client: Client, target: str) -> None:
    assert target not in client.get(SIGNUP, {"next": target}).content.decode()
    page = prove(client, SIGNUP, {"username": "13912345678", "password": PASSWORD, "next": target})
    assert page.url == "/orders/"


@pytest.mark.same_statements
@pytest.mark.parametrize("target", FOREIGN)
def test_SEC03_signing_out_stays_on_the_site(client: Client, person: User, target: str) -> None:
    client.force_login(person)
    there = client.post(LOGOUT, {"next": target}).url
    assert urlsplit(there).netloc == ""
    assert "evil" not in there
    assert "script" not in there


@pytest.mark.same_statements
@pytest.mark.parametrize("target", FOREIGN)
def test_SEC03_choosing_a_language_stays_on_the_site(client: Client, target: str) -> None:
    headers = {"Referer": "https://evil.example/page"}
    assert client.post(SETLANG, {"language": "en", "next": target}, headers=headers).url == "/"


# --- A POST while signed out ---------------------------------------------------------------------------


def test_a_post_while_signed_out_leads_to_sign_in_and_then_to_the_page_of_its_form(
    client: Client,
) -> None:
    order = make.order()
    for address in (f"/payments/{order.number}/pay/", f"/payments/{order.number}/check/"):
        assert client.post(address).url == f"{LOGIN}?next=/orders/{order.number}/"
    reviewed = client.post(f"/orders/{order.number}/review/", {"rating": "5", "text": "Fine"})
    assert reviewed.url == f"{LOGIN}?next=/orders/{order.number}/%23review"
    assert not Payment.objects.exists()
    assert not Review.objects.exists()


def test_booking_while_signed_out_keeps_the_dates(client: Client, person: User) -> None:
    house = make.house()
    day = timezone.localdate()
    stay = {"check_in": f"{day:%Y-%m-%d}", "check_out": "2030-01-01", "guests": "2"}
    sent = client.post(f"/houses/{house.pk}/book/", {**stay, "other": "x"})
    (after,) = parse_qs(urlsplit(sent.url).query)["next"]
    assert urlsplit(after).path == f"/houses/{house.pk}/"
    assert parse_qs(urlsplit(after).query) == {name: [value] for name, value in stay.items()}
    assert not Order.objects.exists()
    assert not BookedNight.objects.exists()
    landed = client.get(sign_in(client, person, next=after).url).content.decode()
    for value in (stay["check_in"], stay["check_out"]):
        assert f'value="{value}"' in landed


def test_booking_while_signed_out_without_dates(client: Client) -> None:
    house = make.house()
    assert client.post(f"/houses/{house.pk}/book/").url == f"{LOGIN}?next=/houses/{house.pk}/%23book"


def test_a_post_only_address_answers_405_to_an_anonymous_get(client: Client) -> None:
    house = make.house()
    for address, page in (
        ("/orders/26112200000001/review/", "/orders/26112200000001/#review"),
        ("/payments/26112200000001/pay/", "/orders/26112200000001/"),
        (f"/houses/{house.pk}/book/", f"/houses/{house.pk}/#book"),
        ("/houses/999999/book/", "/"),
    ):
        opened = client.get(address)
        assert (opened.status_code, opened.headers["Allow"]) == (405, "POST")
        assert f'class="button" href="{page}"' in opened.content.decode()


def test_anonymous_users_cant_tell_whether_an_order_exists(client: Client) -> None:
    known = make.order().number
    answers = {client.post(f"/payments/{number}/pay/").status_code for number in (known, "26010100000000")}
    assert answers == {302}


def test_the_number_of_a_failed_sign_in_prefills_sign_up_without_being_in_an_address(client: Client) -> None:
    client.cookies["django_language"] = "en"
    typed = {"username": "13912345678", "password": "wrong", "next": "/orders/"}
    html = client.post(LOGIN, typed).content.decode()
    assert 'formaction="/accounts/signup/" formnovalidate name="from_sign_in"' in html
    assert "signup/?" not in html
    page = client.post("/accounts/signup/", {**typed, "from_sign_in": "1"})
    html = page.content.decode()
    assert page.status_code == 200
    assert page.context["form"].errors == {}
    assert 'value="13912345678"' in html
    assert 'name="next" value="/orders/"' in html
    assert "wrong" not in html
    assert not User.objects.exists()
    [here] = re.findall('<footer>.*name="next" value="([^"]*)"', html, re.DOTALL)
    assert here == "/accounts/signup/?next=/orders/"  # the language form's; without the number
    assert client.get(here).context["next"] == "/orders/"


@pytest.mark.parametrize(
    ("next_page", "hint"),
    [
        ("/orders/", "Sign in to view and pay for your orders"),
        ("/orders/26010100000000/", "Sign in to view and pay for your orders"),
        ("/payments/26010100000000/cancel/", "Sign in to view and pay for your orders"),
        ("/orders/26010100000000/%23review", "We've saved what you wrote."),
        ("/accounts/me/", None),
        ("", None),
    ],
)
def test_the_sign_in_page_says_what_it_is_for(client: Client, next_page: str, hint: str | None) -> None:
    client.cookies["django_language"] = "en"
    for address in (LOGIN, "/accounts/signup/"):
        html = client.get(f"{address}?next={next_page}").content.decode()
        assert ('class="notice info"' in html) is (hint is not None)
        assert hint is None or hint in html
