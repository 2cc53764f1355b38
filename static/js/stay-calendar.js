// #calendar td[data-date]: days become buttons that fill the fields of check-in and check-out.
// First the day of arrival, then that of leaving: all nights between must be free, the last day's need not be.
// Arrow keys go from day to day. The server has the last word on every stay.

const checkIn = document.querySelector("#id_check_in");
const checkOut = document.querySelector("#id_check_out");
const words = document.querySelector("#calendar-words");
const cells = [...document.querySelectorAll("#calendar td[data-date]")];
const DAYS_BY_KEY = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 };

const dayOf = (cell) => cell.dataset.date;
const isFree = (cell) => cell.classList.contains("free");

function inWords(day) {
  const at = new Date(day);
  const part = (name) =>
    at.toLocaleDateString(document.documentElement.lang, { [name]: "short", timeZone: "UTC" });
  const parts = { weekday: part("weekday"), month: part("month"), day: at.getUTCDate(), year: at.getUTCFullYear() };
  const isThisYear = parts.year === Number(words.dataset.year);
  return fill(isThisYear ? words.dataset.day : words.dataset.dayOfYear, parts);
}

function fill(text, values) {
  return text.replace(/{(\w+)}/g, (_, name) => values[name]);
}

function say(text, days = {}) {
  const inTheirWords = Object.entries(days).map(([name, day]) => [name, inWords(day)]);
  words.textContent = fill(text, Object.fromEntries(inTheirWords));
}

function set(first, last) {
  checkIn.value = first;
  checkOut.value = last;
  for (const field of [checkIn, checkOut]) field.dispatchEvent(new Event("input"));
}

function nightsOf(first, last) {
  return cells.filter((cell) => dayOf(cell) >= first && dayOf(cell) < last);
}

function choose(cell) {
  const day = dayOf(cell);
  const isLeaving = checkIn.value && !checkOut.value && day > checkIn.value;
  if (isLeaving && nightsOf(checkIn.value, day).every(isFree)) set(checkIn.value, day);
  else if (isFree(cell)) set(day, "");
  else say(words.dataset.taken);
}

function show() {
  const first = checkIn.value;
  const isTaken = Boolean(first) && nightsOf(first, checkOut.value).some((cell) => !isFree(cell));
  const last = checkOut.value > first && !isTaken ? checkOut.value : ""; // what is refused isn't drawn
  for (const cell of cells) {
    const day = dayOf(cell);
    const isEnd = day === first || day === last;
    cell.classList.toggle("chosen", isEnd);
    cell.classList.toggle("within", Boolean(first) && first < day && day < last);
    cell.firstElementChild.setAttribute("aria-pressed", isEnd);
  }
  if (isTaken) say(words.dataset.refused);
  else if (first && last) say(words.dataset.stay, { first, last });
  else if (first) say(words.dataset.arrive, { day: first });
  else say(words.dataset.start);
  // So that other months know, too.
  for (const link of document.querySelectorAll("#calendar a")) {
    const url = new URL(link.href);
    for (const field of [checkIn, checkOut]) url.searchParams.set(field.name, field.value);
    link.href = url;
  }
}

function focusOn(cell) {
  for (const each of cells) each.firstElementChild.tabIndex = each === cell ? 0 : -1;
  cell.firstElementChild.focus();
}

for (const [index, cell] of cells.entries()) {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...cell.childNodes);
  const state = button.querySelector(".visually-hidden").textContent;
  button.setAttribute("aria-label", `${inWords(dayOf(cell))}, ${state}`);
  button.addEventListener("click", () => choose(cell));
  button.addEventListener("keydown", (event) => {
    const next = cells[index + DAYS_BY_KEY[event.key]];
    if (!next) return;
    event.preventDefault();
    focusOn(next);
  });
  button.tabIndex = index ? -1 : 0; // one stop for the Tab key
  cell.append(button);
}

words.hidden = false;
checkIn.addEventListener("input", show);
checkOut.addEventListener("input", show);
show();
