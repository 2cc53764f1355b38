import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from core.passwords import SiteWordsValidator

validator = SiteWordsValidator(host="stay-with-us.example")


@pytest.mark.parametrize(
    "password",
    [
        *(
            "ihome2026",
            "iHome!2026",
            "1h0me-2026",
            "IHOMEihome",
            "ｉｈｏｍｅ２０２６",
            "爱家租房2026",
            "爱家租房密码1",
        ),
        *("alipay888888", "zhifubao-520", "Aijia12345678", "zufang_zufang", "password-ihome", "admin@ihome1"),
        *("stay-with-us1", "ihomeabc1234"),
    ],
)
def test_passwords_of_the_sites_words_are_refused(password: str) -> None:
    with pytest.raises(ValidationError) as refused:
        validator.validate(password)
    assert refused.value.code == "password_of_the_site"


@pytest.mark.parametrize(
    "password",
    ["quiet-sea-8", "ihome-quiet-sea", "爱家是我的好地方", "82649173506", "greenhouse-window", "x"],
)
def test_others_are_not(password: str) -> None:
    validator.validate(password)


def test_the_site_uses_it() -> None:
    with pytest.raises(ValidationError, match=r"本站|this site"):
        validate_password("ihome-20261127")


@pytest.mark.parametrize("number", ["19900101", "13800138000", "110101199003071234"])
def test_numbers_of_people_are_refused_and_longer_ones_are_passwords_like_others(number: str) -> None:
    with pytest.raises(ValidationError):
        validate_password(number)
    validate_password(f"{number[:8]}7240915836204"[:20])


@pytest.mark.parametrize(
    "password", ["7240915836204915736", "quietseahouse", "QUIETSEAHOUSE", "安静的海边房子呀", "#!?*~%&(-"]
)
def test_passwords_of_any_composition_are_taken(password: str) -> None:
    validate_password(password)


@pytest.mark.parametrize("host", ["", "127.0.0.1", "::1", "a.example"])
def test_a_host_without_a_name_adds_nothing(host: str) -> None:
    SiteWordsValidator(host=host).validate("127-0-0-1-a")
