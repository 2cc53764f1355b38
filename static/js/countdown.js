// [data-deadline][data-now][data-words]: shows how much time is left, by the server's clock.
// data-deadline, data-now: ISO times, the second one when the page was made; data-words: "{left} left".
// At the end the page is loaded again: the server knows what follows.

const openedAt = Date.now();

function inWords(seconds) {
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${two(minutes)}:${two(seconds % 60)}`;
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
    element.textContent = element.dataset.words.replace("{left}", inWords(left));
  };
  const timer = setInterval(tick, 1000);
  tick();
}
