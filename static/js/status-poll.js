// [data-status-url][data-order]: polls the order's status and reloads the page when it has changed.
// data-order: the status that the page shows. Polls with growing pauses, and not while the page is hidden.
// data-mark: other state of the page that may change: a refund in progress, or a payment being confirmed. Every
// LOOK_EVERY_MS the page itself is fetched to compare it.
// [data-while-polling]: text that is only true while this script runs; it is unhidden here.
// form[data-check]: posted every CHECK_EVERY_MS while an attempt is open, so that Alipay is queried: both the return
// and the notice may be lost. A page that does not know the result (data-mark="unknown") posts it at once: its reader
// may just have paid, or given up. After each check the page itself is fetched.

const FIRST_WAIT_MS = 2_000;
const LONGEST_WAIT_MS = 15_000;
const CHECK_EVERY_MS = 10_000;
const LOOK_EVERY_MS = 10_000;
const LEAVING_MS = 30_000;

const { statusUrl, order: shownOrder, mark } = document.querySelector("[data-status-url]").dataset;
const checkForm = document.querySelector("form[data-check]");
let shownPayment;
let wait = mark === "unknown" ? 0 : FIRST_WAIT_MS;
let checkAt = 0;
let lookAt = Date.now() + LOOK_EVERY_MS;
let timer;
let isLeaving = false;

function call() {
  const options = { headers: { Accept: "application/json" }, redirect: "manual" };
  const mayBePaid = shownPayment === "OPEN" || mark === "unknown";
  if (!checkForm || !mayBePaid || Date.now() < checkAt) return fetch(statusUrl, options);
  checkAt = Date.now() + CHECK_EVERY_MS;
  lookAt = 0;
  return fetch(checkForm.action, { ...options, method: "POST", body: new FormData(checkForm) });
}

async function saysOtherwise() {
  if (!mark || Date.now() < lookAt) return false;
  lookAt = Date.now() + LOOK_EVERY_MS;
  const page = await fetch(location.href, { redirect: "manual" });
  return page.ok && !(await page.text()).includes(`data-mark="${mark}"`);
}

// Returns whether to reload the page; null if further polling is pointless.
async function hasMovedOn() {
  const response = await call();
  if (response.status === 403) return true; // signed in again in another tab: the page's token is no longer valid
  if (response.type === "opaqueredirect" || (!response.ok && response.status < 500)) return null; // signed out, or not the renter's order
  if (!response.ok) return false;
  const { order, payment } = await response.json();
  shownPayment ??= payment;
  // The page was restored with the Back button, after the user had pressed Pay.
  const wentToPay = shownOrder === "WAIT_PAYMENT" && payment && !checkForm;
  return wentToPay || order !== shownOrder || payment !== shownPayment || saysOtherwise();
}

async function ask() {
  let moved = false;
  try {
    moved = await hasMovedOn();
  } catch {
    // No network: try again later.
  }
  if (moved === null || isLeaving) return;
  if (moved) {
    location.reload();
    return;
  }
  wait = Math.min(Math.max(wait * 1.5, FIRST_WAIT_MS), LONGEST_WAIT_MS);
  askLater();
}

function askLater() {
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(ask, wait);
}

function startAfresh() {
  clearTimeout(timer);
  isLeaving = false;
  wait = FIRST_WAIT_MS;
  lookAt = 0;
  if (!document.hidden) ask();
}

// A form was sent, perhaps to Alipay: a reload would cancel that navigation.
addEventListener("submit", (event) => {
  if (event.defaultPrevented) return;
  clearTimeout(timer);
  isLeaving = true;
  timer = setTimeout(startAfresh, LEAVING_MS); // the navigation failed
});
// Back from the wallet app, or with the Back button: poll at once.
document.addEventListener("visibilitychange", startAfresh);
addEventListener("pageshow", (event) => {
  if (event.persisted) startAfresh();
});
askLater();
for (const words of document.querySelectorAll("[data-while-polling]")) words.hidden = false;
