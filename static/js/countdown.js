// [data-turns][data-now]: reloads the page, or opens data-renew, at the time data-turns, by the server's clock. Both are ISO times; data-now
// is the time at which the page was rendered. The reload waits while the browser is offline (it would show its error
// page) and while a field has unsent input.
// data-deadline, data-words ("{left} left"): in the last hour before the deadline the element shows the remaining time.
// Before that, and without scripts, it keeps its own text, which names the deadline.

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
  const { turns, deadline, now, words, renew } = element.dataset;
  const here = (time) => Date.parse(time) - Date.parse(now) + openedAt;

  const tick = () => {
    const untilItTurnsMs = here(turns) - Date.now();
    const hasTurned = untilItTurnsMs <= 0;
    if (hasTurned && navigator.onLine && !isTyping()) {
      if (renew) location.replace(renew);
      else location.reload();
      return;
    }
    const seconds = Math.max(0, Math.floor((here(deadline) - Date.now()) / 1000));
    if (seconds < SECONDS_COUNTED) element.textContent = words.replace("{left}", inWords(seconds));
    setTimeout(tick, hasTurned ? 1000 : Math.min(untilItTurnsMs, 1000));
  };
  tick();
}
