"""Alipay's errors: each sub code with its gateway code and Alipay's message."""

_MEANINGS = {
    "isp.unknow-error": ("20000", "系统繁忙"),
    "isv.missing-method": ("40001", "缺少方法名参数"),
    "isv.missing-signature": ("40001", "缺少签名参数"),
    "isv.missing-signature-type": ("40001", "缺少签名类型参数"),
    "isv.missing-app-id": ("40001", "缺少appId参数"),
    "isv.missing-timestamp": ("40001", "缺少时间戳参数"),
    "isv.missing-version": ("40001", "缺少版本参数"),
    "isv.missing-biz-content": ("40001", "缺少业务参数"),
    "isv.invalid-app-id": ("40002", "无效的AppID参数"),
    "isv.invalid-method": ("40002", "不存在的方法名"),
    "isv.invalid-format": ("40002", "无效的数据格式"),
    "isv.invalid-signature-type": ("40002", "无效的签名类型"),
    "isv.invalid-signature": (
        "40002",
        "验签出错，请确认charset参数放在了URL查询字符串中，并检查应用私钥与所签内容",
    ),
    "isv.invalid-timestamp": ("40002", "非法的时间戳参数"),
    "isv.invalid-charset": ("40002", "字符集错误"),
    "isv.invalid-version": ("40002", "无效的版本参数"),
    "isv.invalid-parameter": ("40002", "参数无效"),
    "isv.illegal-json": ("40002", "业务参数不是合法的JSON"),
    "isv.suspected-attack": ("40002", "可疑的攻击请求"),
    "isp.bill_not_exist": ("40004", "账单不存在"),
    "invalid_arguments": ("40004", "入参不合法"),
    "SYSTEM_RATE_LIMIT": ("40004", "系统限流，请稍后再试"),
    "USER_RATE_LIMIT": ("40004", "用户限流，请稍后再试"),
    "ACQ.SYSTEM_ERROR": ("40004", "系统错误"),
    "ACQ.INVALID_PARAMETER": ("40004", "参数无效"),
    "ACQ.TRADE_NOT_EXIST": ("40004", "交易不存在"),
    "ACQ.TRADE_HAS_CLOSE": ("40004", "交易已经关闭"),
    "ACQ.TRADE_HAS_SUCCESS": ("40004", "交易已被支付"),
    "ACQ.TRADE_HAS_FINISHED": ("40004", "交易已经完结"),
    "ACQ.CONTEXT_INCONSISTENT": ("40004", "交易信息被篡改"),
    "ACQ.TRADE_BUYER_NOT_MATCH": ("40004", "交易买家不匹配"),
    "ACQ.TRADE_STATUS_ERROR": ("40004", "交易状态不合法"),
    "ACQ.REASON_TRADE_STATUS_INVALID": ("40004", "交易状态异常"),
    "ACQ.REASON_TRADE_REFUND_FEE_ERR": ("40004", "退款金额无效"),
    "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL": (
        "40004",
        "退款金额与订单金额不一致，部分退款须传入退款请求号",
    ),
    "ACQ.DISCORDANT_REPEAT_REQUEST": ("40004", "不一致的请求"),
    "ACQ.TRADE_CANCEL_TIME_OUT": ("40004", "超过撤销时间范围"),
    "ACQ.SELLER_BALANCE_NOT_ENOUGH": ("40004", "卖家余额不足"),
}

_MSG = {
    "20000": "Service Currently Unavailable",
    "40001": "Missing Required Arguments",
    "40002": "Invalid Arguments",
    "40004": "Business Failed",
}


class Refused(Exception):
    """An error answer of Alipay, identified by its sub code ("ACQ.TRADE_NOT_EXIST")."""

    def __init__(self, sub_code: str) -> None:
        self.code, self.sub_msg = _MEANINGS[sub_code]
        self.sub_code = sub_code
        super().__init__(f"{sub_code}: {self.sub_msg}")

    def node(self) -> dict[str, str]:
        """Return the error as the content of an answer's `..._response`."""
        return {
            "code": self.code,
            "msg": _MSG[self.code],
            "sub_code": self.sub_code,
            "sub_msg": self.sub_msg,
        }
