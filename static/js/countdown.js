// [data-turns][data-now]: at that moment, by the server's clock, the page is loaded again: the server knows what
// follows. Both are ISO times, the second one when the page was made. Offline, where the browser's own page would
// come instead, and while somebody types what was not sent yet, it waits.
// data-deadline, data-words, "{left} left": shown with the time that is left until then, in the last hour. Before
// that, and without it, what the element says stays: until when.

const SECONDS_COUNTED = 3600;
const openedAt = Date.now();

function inWords(seconds) {
  const two = (number) => String(number).padStart(2, "0");
  return `${two(Math.floor(seconds / 60))}:${two(seconds % 60)}`;
}

function isTyping() {
  const field = document.activeElement;
  return field?.matches("input, textarea") && field.value !== field.defaultValue;
}

for (const element of document.querySelectorAll("[data-turns]")) {
  const { turns, deadline, now, words } = element.dataset;
  const here = (time) => Date.parse(time) - Date.parse(now) + openedAt;

  const tick = () => {
    const untilItTurnsMs = here(turns) - Date.now();
    const hasTurned = untilItTurnsMs <= 0;
    if (hasTurned && navigator.onLine && !isTyping()) {
      location.reload();
      return;
    }
    const seconds = Math.max(0, Math.floor((here(deadline) - Date.now()) / 1000));
    if (seconds < SECONDS_COUNTED) element.textContent = words.replace("{left}", inWords(seconds));
    setTimeout(tick, hasTurned ? 1000 : Math.min(untilItTurnsMs, 1000));
  };
  tick();
}
