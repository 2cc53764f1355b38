// #quote[data-url]: the price of the chosen stay, line by line, which the server works out: there is no second sum here.
// #quote-total: its total, beside the button. When dates or guests change, both are emptied and asked for anew.
// The server and stay-calendar.js, which must be loaded first, mark invalid dates.

const DELAY_MS = 150; // while somebody types, or chooses two days
const fields = ["check_in", "check_out", "guests"].map((name) => document.querySelector(`#id_${name}`));
const quote = document.querySelector("#quote");
const total = document.querySelector("#quote-total");
const perNight = document.querySelector("#night-price-template").content;
let asked = null; // AbortController of the request under way
let timer = 0;

const valuesNow = () => fields.map((field) => field.value).join(" ");
let shownFor = quote.dataset.stay;

function isRefused(field) {
  return !field.validity.valid || field.getAttribute("aria-invalid") === "true";
}

/** Empties both parts, with the price per night beside the button: nobody books for a price of other dates. */
function forget() {
  const seen = document.createElement("input");
  Object.assign(seen, { type: "hidden", name: "seen_price", value: "" });
  quote.replaceChildren(seen);
  total.replaceChildren(perNight.cloneNode(true));
}

function say(text) {
  const line = document.createElement("p");
  line.className = "small soft";
  line.textContent = text;
  quote.append(line);
}

async function ask() {
  asked = new AbortController();
  const { signal } = asked;
  const query = new URLSearchParams(fields.map((field) => [field.name, field.value]));
  try {
    const answer = await fetch(`${quote.dataset.url}?${query}`, { signal });
    if (!answer.ok) throw new Error(answer.status);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    quote.replaceChildren(...page.querySelector("#quote").childNodes);
    total.replaceChildren(...page.querySelector("#quote-total").childNodes);
  } catch {
    if (!signal.aborted) say(quote.dataset.refused);
  }
}

function show() {
  if (valuesNow() === shownFor) return;
  shownFor = valuesNow();
  asked?.abort();
  clearTimeout(timer);
  forget();
  const [checkIn, checkOut] = fields;
  if (checkIn.value && checkOut.value && !fields.some(isRefused)) timer = setTimeout(ask, DELAY_MS);
}

for (const field of fields) field.addEventListener("input", show);
show(); // browsers may restore dates
