"""Check of the company's numbers at start: a wrong one in the footer misleads people, and the authorities."""

import re

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from documents.company import check_sign, company

_CREDIT_CODE = re.compile(r"[0-9A-HJ-NP-RTUW-Y]{18}")
_ICP = re.compile(r"[\u4e00-\u9fff]ICP[备证]\d{6,10}号(-\d{1,3})?")


@register()
def check_company(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    code, icp, police = settings.COMPANY_CREDIT_CODE, settings.ICP_NUMBER, company().police_digits
    if code and not _CREDIT_CODE.fullmatch(code):
        problem = "COMPANY_CREDIT_CODE doesn't have 18 digits and capitals, without I, O, S, V and Z."
        found.append(Error(problem, id="documents.E001"))
    elif code and check_sign(code) != code[17]:
        problem = "COMPANY_CREDIT_CODE is mistyped: its last sign doesn't fit the 17 before it."
        found.append(Error(problem, id="documents.E002"))
    if icp and not _ICP.fullmatch(icp):
        found.append(Error("ICP_NUMBER is not written like 闽ICP备12345678号-1.", id="documents.E003"))
    if settings.POLICE_NUMBER and len(police) != 14:
        problem = "POLICE_NUMBER has no 14 digits, as in 闽公网安备35020002000001号."
        found.append(Error(problem, id="documents.E004"))
    return found


@register(deploy=True)
def check_that_a_company_is_named(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    if settings.REHEARSAL or settings.COMPANY_NAME:
        return []
    problem = "COMPANY_NAME is not set: the terms and the privacy policy don't say whom they are by."
    return [Warning(problem, hint="docs/operations.md", id="documents.W001")]
