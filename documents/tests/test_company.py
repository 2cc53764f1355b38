"""The company's name and numbers: checked at start, shown in the footer."""

import pytest
from django.core.checks import CheckMessage
from django.test import Client
from pytest_django import Settings

from documents.checks import check_company, check_that_a_company_is_named
from documents.company import check_sign

CODE = "91350200MA2XYUCC0A"
"""Made up; its last sign fits."""


def ids(messages: list[CheckMessage]) -> list[str | None]:
    return [message.id for message in messages]


@pytest.mark.parametrize("code", ["91110000100000001X", "91350100M000100Y43", "91330106673959654P"])
def test_the_check_sign_is_that_of_gb_32100(code: str) -> None:
    assert (check_sign(code) == code[17]) == (code != "91110000100000001X")


def test_a_made_up_code_passes(settings: Settings) -> None:
    settings.COMPANY_CREDIT_CODE = CODE[:17] + check_sign(CODE)
    assert ids(check_company(None)) == []


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("COMPANY_CREDIT_CODE", "91350200MA2XYUCC0", "documents.E001"),
        ("COMPANY_CREDIT_CODE", "91350200MA2XYUCCOI", "documents.E001"),
        ("COMPANY_CREDIT_CODE", "91330106673959654Q", "documents.E002"),
        ("ICP_NUMBER", "12345678", "documents.E003"),
        ("POLICE_NUMBER", "闽公网安备1号", "documents.E004"),
    ],
)
def test_a_mistyped_number_stops_the_site(settings: Settings, name: str, value: str, problem: str) -> None:
    setattr(settings, name, value)
    assert ids(check_company(None)) == [problem]


def test_usual_spellings_pass(settings: Settings) -> None:
    settings.ICP_NUMBER, settings.POLICE_NUMBER = "闽ICP备12345678号-1", "闽公网安备 35020002000001号"
    assert ids(check_company(None)) == []


def test_a_site_for_real_money_is_warned_without_a_company(settings: Settings) -> None:
    settings.REHEARSAL = False
    assert ids(check_that_a_company_is_named(None)) == ["documents.W001"]


@pytest.mark.django_db
def test_the_footer_names_the_company_and_links_to_the_registers(client: Client, settings: Settings) -> None:
    assert "beian" not in client.get("/").content.decode()
    settings.COMPANY_NAME, settings.ICP_NUMBER = "虚构的公司", "闽ICP备00000000号"
    settings.POLICE_NUMBER, settings.COMPANY_LICENCES = "闽公网安备35020002000001号", ["许可证一", "许可证二"]
    page = client.get("/").content.decode()
    for text in ("虚构的公司", "许可证二", 'href="https://beian.miit.gov.cn/"', "code=35020002000001"):
        assert text in page
