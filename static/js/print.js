// [data-print]: a button that prints the page, shown where scripts run. Without them, the browser's own menu does it.

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
