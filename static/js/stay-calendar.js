// #calendar td[data-date]: days become buttons that fill the fields for check-in and check-out.
// The first click sets the arrival, the second the departure: all nights in between must be free, the night of the
// departure need not be. Arrow keys move between days. #calendar-words shows the choice or why it is refused; refused
// dates are marked as invalid in their field. The server validates every stay again.

const MS_PER_DAY = 86_400_000;
const checkIn = document.querySelector("#id_check_in");
const checkOut = document.querySelector("#id_check_out");
const fields = [checkIn, checkOut];
const words = document.querySelector("#calendar-words");
const cells = [...document.querySelectorAll("#calendar td[data-date]")];
const DAYS_BY_KEY = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 };

const dayOf = (cell) => cell.dataset.date;
const isFree = (cell) => cell.classList.contains("free");
const valueOf = (field) => (field.validity.valid ? field.value : ""); // "" for a day that can't be booked

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
  words.classList.remove("refusal");
}

function refuse(text, days) {
  say(text, days);
  words.classList.add("refusal");
}

function set(first, last) {
  checkIn.value = first;
  checkOut.value = last;
  for (const field of fields) field.dispatchEvent(new Event("input"));
}

/** Returns the cell of the first visible taken night in [first, last). */
function takenBetween(first, last) {
  return cells.find((cell) => dayOf(cell) >= first && dayOf(cell) < last && !isFree(cell));
}

function isTaken(day) {
  return cells.some((cell) => dayOf(cell) === day && !isFree(cell));
}

/** Returns the chosen arrival that has no departure yet (a departure before it does not count), or "". */
function openArrival() {
  const first = valueOf(checkIn);
  return valueOf(checkOut) > first || isTaken(first) ? "" : first;
}

function choose(cell) {
  const day = dayOf(cell);
  const first = openArrival();
  const barrier = first && takenBetween(first, day);
  if (day === first) set("", "");
  else if (first && day > first && !barrier) set(first, day);
  else if (!isFree(cell)) refuse(words.dataset.taken, { day });
  else if (barrier) refuse(words.dataset.crossed, { day: dayOf(barrier), first });
  else set(day, "");
}

function show() {
  const [first, last] = fields.map(valueOf);
  const isOwn = words.dataset.ownStay === `${first} ${last}`;
  const [refusal, field] = isOwn ? [] : refusalOf(first, last);
  draw(isOwn || !isTaken(first) ? first : "", last > first && !refusal ? last : "");
  field?.setAttribute("aria-invalid", "true");
  if (refusal) refuse(refusal);
  else if (isOwn) say(words.dataset.own);
  else if (first && last > first) say(words.dataset.stay, { first, last });
  else if (first) say(words.dataset.arrive, { day: first });
  else say(words.dataset.start);
}

/** Returns the refusal of a stay and the field to change, or an empty array. */
function refusalOf(first, last) {
  const { refused, most, many } = words.dataset;
  const season = cells.find((cell) => dayOf(cell) === first && cell.dataset.least); // asks for more nights
  const { least, few } = season?.dataset ?? words.dataset;
  const nights = (new Date(last) - new Date(first)) / MS_PER_DAY; // NaN while a date is missing
  if (isTaken(first) || (first && takenBetween(first, last))) return [refused, checkIn];
  if (nights >= 1 && nights < least) return [few, checkOut];
  if (nights > most) return [many, checkOut];
  return [];
}

function draw(first, last) {
  for (const cell of cells) {
    const day = dayOf(cell);
    const isEnd = day === first || day === last;
    cell.classList.toggle("chosen", isEnd);
    cell.classList.toggle("within", Boolean(first) && first < day && day < last);
    cell.firstElementChild.setAttribute("aria-pressed", isEnd);
  }
}

/** Removes errors that refer to the previous dates. */
function unmark() {
  for (const field of fields) {
    field.removeAttribute("aria-invalid");
    field.closest(".field").querySelector(".error")?.remove();
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
  button.setAttribute("aria-label", fill(words.dataset.label, { day: inWords(dayOf(cell)), state }));
  button.addEventListener("click", () => choose(cell));
  button.addEventListener("keydown", (event) => {
    const next = cells[index + DAYS_BY_KEY[event.key]];
    if (!next) return;
    event.preventDefault();
    focusOn(next);
  });
  button.tabIndex = index ? -1 : 0; // roving tabindex: one tab stop
  cell.append(button);
}

words.hidden = false;
for (const field of fields) {
  field.addEventListener("input", () => {
    unmark();
    show();
  });
}
show();
