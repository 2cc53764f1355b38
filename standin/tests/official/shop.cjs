// A shop with Alipay's official Node SDK: pays, queries, refunds, verifies. Run by test_official_sdks.py.
//
//     NODE_PATH=<its node_modules> node shop.cjs http://127.0.0.1:8001/gateway.do KEYS
//
// KEYS holds app_private_key.pem (PKCS#1) and alipay_public_key.pem. The first failure ends it with an error.
const assert = require("node:assert/strict");
const { readFileSync } = require("node:fs");
const { join } = require("node:path");
const { AlipaySdk } = require("alipay-sdk");

const [gateway, keys] = process.argv.slice(2);
const origin = gateway.replace("/gateway.do", "");
const sdk = new AlipaySdk({
  appId: "9021000000000001",
  privateKey: readFileSync(join(keys, "app_private_key.pem"), "utf8"),
  alipayPublicKey: readFileSync(join(keys, "alipay_public_key.pem"), "utf8"),
  gateway,
  endpoint: origin, // for V3
});

// The content of the answer, whose signature the SDK has verified
const call = (method, bizContent) => sdk.exec(method, { bizContent }, { validateSign: true });

const order = (number, more) => ({
  out_trade_no: number,
  total_amount: 300, // a number, as JavaScript has it
  subject: "爱家租房 订单",
  ...more,
});

// Where a browser is sent on to
async function visit(link, body) {
  const headers = body ? { "Content-Type": "application/x-www-form-urlencoded" } : {};
  const answer = await fetch(link.replace("localhost", "127.0.0.1"), {
    method: body ? "POST" : "GET",
    body,
    headers,
    redirect: "manual",
  });
  assert.equal(answer.status, 302);
  return answer.headers.get("location");
}

// Verify a return's query string or a notice's body
function verify(encoded) {
  const params = Object.fromEntries(new URLSearchParams(encoded));
  assert.ok(sdk.checkNotifySignV2(params));
  return params;
}

async function control(path, fields) {
  const answer = await fetch(`${origin}/_standin/${path}`, { method: "POST", body: JSON.stringify(fields) });
  return answer.json();
}

async function payOnTheDesktop(number) {
  const pay = {
    bizContent: order(number, { product_code: "FAST_INSTANT_TRADE_PAY" }),
    return_url: "http://127.0.0.1:9/back/",
    notify_url: "http://127.0.0.1:9/notify/",
  };
  assert.ok(sdk.pageExecute("alipay.trade.page.pay", "POST", pay).includes(`action="${gateway}?`));
  const back = await visit(await visit(sdk.pageExecute("alipay.trade.page.pay", "GET", pay)), "action=pay");
  assert.equal(verify(new URL(back).search).out_trade_no, number);
  const notice = verify(await control("signed_notify", { out_trade_no: number }));
  assert.deepEqual([notice.trade_status, notice.subject], ["TRADE_SUCCESS", "爱家租房 订单"]);
}

async function queryAndRefund(number) {
  const queried = await call("alipay.trade.query", { out_trade_no: number, query_options: ["fund_bill_list"] });
  assert.equal(queried.tradeStatus, "TRADE_SUCCESS");
  assert.equal(queried.fundBillList[0].amount, "300.00");
  const refund = { out_trade_no: number, out_request_no: "R1" };
  const refunded = await call("alipay.trade.refund", { ...refund, refund_amount: 100 });
  assert.equal(refunded.fundChange, "Y");
  const found = await call("alipay.trade.fastpay.refund.query", refund);
  assert.equal(found.refundStatus, "REFUND_SUCCESS");
  assert.equal((await call("alipay.trade.cancel", { out_trade_no: number })).action, "refund");
  const refused = await call("alipay.trade.close", { out_trade_no: number });
  assert.deepEqual([refused.subCode, refused.outTradeNo], ["ACQ.REASON_TRADE_STATUS_INVALID", number]);
}

async function otherWays() {
  const precreated = await call("alipay.trade.precreate", order("precreate-1"));
  assert.ok(precreated.qrCode.startsWith("http://localhost:"));
  const created = await call("alipay.trade.create", order("create-1", { buyer_id: "2088722000000001" }));
  assert.ok(created.tradeNo);
  assert.equal((await call("alipay.trade.close", { out_trade_no: "create-1" })).code, "10000");
  for (const [way, code] of [["wap", "QUICK_WAP_WAY"], ["app", "QUICK_MSECURITY_PAY"]]) {
    const bizContent = order(`${way}-1`, { product_code: code });
    assert.match(await visit(`${gateway}?${sdk.sdkExecute(`alipay.trade.${way}.pay`, { bizContent })}`), /cashier/);
  }
  const bill = { bill_type: "trade", bill_date: "2020-01-01" };
  const refused = await call("alipay.data.dataservice.bill.downloadurl.query", bill);
  assert.deepEqual([refused.subCode, refused.subMsg], ["isp.bill_not_exist", "账单不存在"]);
  const v3 = sdk.curl("POST", "/v3/alipay/trade/query", { body: { out_trade_no: "desktop-1" } });
  await assert.rejects(v3, { code: "v3-not-supported", message: /gateway\.do/, responseHttpStatus: 404 });
}

async function main() {
  await payOnTheDesktop("desktop-1");
  await queryAndRefund("desktop-1");
  await otherWays();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
