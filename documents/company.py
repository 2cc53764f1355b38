"""The company behind the site: name, numbers and licences, as the settings have them."""

from dataclasses import dataclass

from django.conf import settings

_SIGNS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""Of a unified social credit code (GB 32100): no I, O, S, V or Z."""


@dataclass(frozen=True, slots=True)
class Company:
    name: str
    credit_code: str
    icp_number: str
    police_number: str
    licences: tuple[str, ...]

    def __bool__(self) -> bool:
        return any((self.name, self.credit_code, self.icp_number, self.police_number, self.licences))

    @property
    def police_digits(self) -> str:
        """The number alone, as the address of its register wants it: 35020002000001."""
        return "".join(filter(str.isdigit, self.police_number))


def company() -> Company:
    return Company(
        name=settings.COMPANY_NAME,
        credit_code=settings.COMPANY_CREDIT_CODE,
        icp_number=settings.ICP_NUMBER,
        police_number=settings.POLICE_NUMBER,
        licences=tuple(settings.COMPANY_LICENCES),
    )


def check_sign(credit_code: str) -> str:
    """Return the 18th sign of a unified social credit code from the first 17. Raises ValueError."""
    total = sum(_SIGNS.index(sign) * pow(3, place, 31) for place, sign in enumerate(credit_code[:17]))
    return _SIGNS[-total % 31]
