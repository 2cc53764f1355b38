// [data-status-url][data-order]: asks how the order stands, and loads the page again once that has changed.
// data-order: the order's status that the page shows. Asks less and less often, and not while out of sight.

const FIRST_WAIT_MS = 2_000;
const LONGEST_WAIT_MS = 30_000;

const { statusUrl, order: shownOrder } = document.querySelector("[data-status-url]").dataset;
let shownPayment;
let wait = FIRST_WAIT_MS;
let timer;

async function ask() {
  let answer;
  try {
    const response = await fetch(statusUrl, { headers: { Accept: "application/json" }, redirect: "manual" });
    if (response.ok) answer = await response.json();
    else if (response.type === "opaqueredirect" || response.status < 500) return; // signed out meanwhile, or not ours: asking again won't help
  } catch {
    // No network now: the next time may do better.
  }
  if (answer) {
    shownPayment ??= answer.payment;
    if (answer.order !== shownOrder || answer.payment !== shownPayment) {
      location.reload();
      return;
    }
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
  if (!document.hidden) ask();
});
askLater();
