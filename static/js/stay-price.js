// #stay-price[data-price-fen][data-one][data-words]: shows nights × price = total for the chosen dates.
// Without two valid dates, #night-price is shown instead. The server and stay-calendar.js, which must be loaded first,
// mark invalid dates. The server computes the price again.

const MS_PER_DAY = 86_400_000;
const checkIn = document.querySelector("#id_check_in");
const checkOut = document.querySelector("#id_check_out");
const stayPrice = document.querySelector("#stay-price");
const nightPrice = document.querySelector("#night-price");
const { priceFen, one, words } = stayPrice.dataset;

function yuan(fen) {
  return `￥${Math.floor(fen / 100).toLocaleString("en")}.${String(fen % 100).padStart(2, "0")}`;
}

function isRefused(field) {
  return !field.validity.valid || field.getAttribute("aria-invalid") === "true";
}

function show() {
  const nights = (checkOut.valueAsNumber - checkIn.valueAsNumber) / MS_PER_DAY; // NaN while a date is missing
  const isStay = nights >= 1 && ![checkIn, checkOut].some(isRefused);
  stayPrice.hidden = !isStay;
  nightPrice.hidden = isStay;
  if (!isStay) return;
  stayPrice.querySelector("#stay-nights").textContent = nights === 1 ? one : words.replace("{nights}", nights);
  stayPrice.querySelector("#stay-total").textContent = yuan(nights * Number(priceFen));
}

checkIn.addEventListener("input", show);
checkOut.addEventListener("input", show);
show(); // browsers may restore dates
