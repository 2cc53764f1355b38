// [data-deadline][data-now][data-words]: in the last hour, shows how much time is left, by the server's clock.
// Before that, what the element says stays: until when.
// data-deadline, data-now: ISO times, the second one when the page was made; data-words: "{left} left".
// At the end the page is loaded again: the server knows what follows.

const SECONDS_COUNTED = 3600;
const openedAt = Date.now();

function inWords(seconds) {
  const two = (number) => String(number).padStart(2, "0");
  return `${two(Math.floor(seconds / 60))}:${two(seconds % 60)}`;
}

for (const element of document.querySelectorAll("[data-deadline]")) {
  const serverAhead = Date.parse(element.dataset.now) - openedAt;
  const deadline = Date.parse(element.dataset.deadline) - serverAhead;

  const tick = () => {
    const left = Math.floor((deadline - Date.now()) / 1000);
    if (left < 0) {
      clearInterval(timer);
      location.reload();
      return;
    }
    if (left < SECONDS_COUNTED) element.textContent = element.dataset.words.replace("{left}", inWords(left));
  };
  const timer = setInterval(tick, 1000);
  tick();
}
