// [data-deadline][data-now]: at the deadline, by the server's clock, the page is loaded again: the server knows
// what follows. data-deadline, data-now: ISO times, the second one when the page was made.
// data-words, "{left} left": shown with the time that is left, in the last hour. Before that, and without it,
// what the element says stays: until when.

const SECONDS_COUNTED = 3600;
const openedAt = Date.now();

function inWords(seconds) {
  const two = (number) => String(number).padStart(2, "0");
  return `${two(Math.floor(seconds / 60))}:${two(seconds % 60)}`;
}

for (const element of document.querySelectorAll("[data-deadline]")) {
  const { deadline, now, words } = element.dataset;
  const endsAt = Date.parse(deadline) - Date.parse(now) + openedAt;

  const tick = () => {
    const leftMs = endsAt - Date.now();
    if (leftMs <= 0) {
      location.reload();
      return;
    }
    const seconds = Math.floor(leftMs / 1000);
    if (words && seconds < SECONDS_COUNTED) element.textContent = words.replace("{left}", inWords(seconds));
    setTimeout(tick, Math.min(leftMs, 1000));
  };
  tick();
}
