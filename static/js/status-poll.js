// [data-status-url][data-order]: asks how the order stands, and loads the page again once that has changed.
// data-order: the order's status that the page shows. Asks less and less often, and not while out of sight.
// data-mark: what else the page says that may change: the money that is on its way back, or that a payment is being
// confirmed. The page itself is looked at for it now and then.
// [data-while-polling]: words that are true only so, shown from then on.
// form[data-check]: while a payment is open it is sent now and then, as its button would, so that Alipay is
// asked too: both of its own messages may be lost.

const FIRST_WAIT_MS = 2_000;
const LONGEST_WAIT_MS = 15_000;
const CHECK_EVERY_MS = 10_000;
const LOOK_EVERY_MS = 10_000;

const { statusUrl, order: shownOrder, mark } = document.querySelector("[data-status-url]").dataset;
const checkForm = document.querySelector("form[data-check]");
let shownPayment;
let wait = FIRST_WAIT_MS;
let checkAt = 0;
let lookAt = Date.now() + LOOK_EVERY_MS;
let timer;

function call() {
  const options = { headers: { Accept: "application/json" }, redirect: "manual" };
  if (!checkForm || shownPayment !== "OPEN" || Date.now() < checkAt) return fetch(statusUrl, options);
  checkAt = Date.now() + CHECK_EVERY_MS;
  return fetch(checkForm.action, { ...options, method: "POST", body: new FormData(checkForm) });
}

async function saysOtherwise() {
  if (!mark || Date.now() < lookAt) return false;
  lookAt = Date.now() + LOOK_EVERY_MS;
  const page = await fetch(location.href, { redirect: "manual" });
  return page.ok && !(await page.text()).includes(`data-mark="${mark}"`);
}

// Whether the page is to be loaded again; null where asking again won't help.
async function hasMovedOn() {
  const response = await call();
  if (response.status === 403) return true; // signed in anew in another tab: the page's token is old
  if (response.type === "opaqueredirect" || (!response.ok && response.status < 500)) return null; // signed out, or not ours
  if (!response.ok) return false;
  const { order, payment } = await response.json();
  shownPayment ??= payment;
  // From a page that came back with the browser's button.
  const wentToPay = shownOrder === "WAIT_PAYMENT" && payment && !checkForm;
  return wentToPay || order !== shownOrder || payment !== shownPayment || saysOtherwise();
}

async function ask() {
  let moved = false;
  try {
    moved = await hasMovedOn();
  } catch {
    // No network now: the next time may do better.
  }
  if (moved === null) return;
  if (moved) {
    location.reload();
    return;
  }
  wait = Math.min(wait * 1.5, LONGEST_WAIT_MS);
  askLater();
}

function askLater() {
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(ask, wait);
}

// Back from the wallet: look at once.
document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  wait = FIRST_WAIT_MS;
  lookAt = 0;
  if (!document.hidden) ask();
});
askLater();
for (const words of document.querySelectorAll("[data-while-polling]")) words.hidden = false;
