// [data-print]: a button that prints the page. Hidden without scripts: the browser's menu prints, too.

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
