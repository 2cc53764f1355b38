"""SMS by Alibaba Cloud, with its own SDK. Needs requirements-sms.txt."""

import json
import logging
from collections.abc import Mapping

from alibabacloud_dysmsapi20170525.client import Client
from alibabacloud_dysmsapi20170525.models import SendSmsRequest, SendSmsResponse
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException, ServerException
from alibabacloud_tea_openapi.utils_models import Config
from darabonba.runtime import RuntimeOptions

CONNECT_MS, READ_MS = 2000, 5000
"""A visitor waits for the call."""

# At DEBUG it logs whole addresses, which contain number and code.
logging.getLogger("urllib3").setLevel(logging.INFO)


class Refused(Exception):
    """Alibaba Cloud answered with an error code."""


class Unreachable(Exception):
    """No answer, or none that can be read. Texts of the SDK's own errors contain the number and the code."""


def send_code(account: Mapping[str, str], mobile: str, code: str) -> None:
    """Send the template of the account with the code in it. Raises Refused or Unreachable."""
    request = SendSmsRequest(
        phone_numbers=mobile,
        sign_name=account["sign"],
        template_code=account["template"],
        template_param=json.dumps({"code": code}),
    )
    try:
        answer = _client(account).send_sms_with_options(request, RuntimeOptions(autoretry=False))
        refusal = _refusal(answer)
    except ServerException as error:
        raise Unreachable(str(error.code)) from None
    except AlibabaCloudException as error:
        raise Refused(str(error.code)) from None
    except Exception as error:  # no common base, and any kind for an answer that it can't read
        raise Unreachable(type(error).__name__) from None
    if refusal:
        raise Refused(refusal)


def _refusal(answer: SendSmsResponse) -> str:
    return "" if answer.body.code == "OK" else str(answer.body.code)


def _client(account: Mapping[str, str]) -> Client:
    return Client(
        Config(
            access_key_id=account["key_id"],
            access_key_secret=account["secret"],
            endpoint=account["endpoint"],
            protocol="http" if account["endpoint"].startswith("127.0.0.1:") else "https",
            connect_timeout=CONNECT_MS,
            read_timeout=READ_MS,
        )
    )
