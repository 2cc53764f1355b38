// Photos of a house change places by dragging, or by their buttons, without a request. Saved with the form.
(() => {
  "use strict";
  const list = document.querySelector("[data-photo-order]");
  if (!list) return;
  const rows = () => [...list.querySelectorAll(":scope > [data-stored]")];
  let dragged = null;

  const number = () =>
    rows().forEach((row, place) => {
      row.querySelector("input[name$='-position']").value = place + 1;
    });

  const place = (row, before) => {
    list.insertBefore(row, before);
    number();
  };

  list.addEventListener("click", (event) => {
    const button = event.target.closest("button[name='photos-move']");
    if (!button) return;
    event.preventDefault();
    const row = button.closest("li");
    const all = rows();
    const target = all.indexOf(row) + (button.value.startsWith("up") ? -1 : 2);
    if (target < 0 || target > all.length) return;
    place(row, all[target] || all[all.length - 1].nextSibling);
    button.focus();
  });

  for (const row of rows()) {
    const picture = row.querySelector("img");
    picture.draggable = true;
    picture.addEventListener("dragstart", () => {
      dragged = row;
    });
  }
  list.addEventListener("dragover", (event) => {
    const over = event.target.closest("li[data-stored]");
    if (!dragged || !over) return;
    event.preventDefault();
    const box = over.getBoundingClientRect();
    const isAfter = event.clientY > box.top + box.height / 2;
    if (over !== dragged) place(dragged, isAfter ? over.nextSibling : over);
  });
  list.addEventListener("drop", (event) => event.preventDefault());
  list.addEventListener("dragend", () => {
    dragged = null;
  });
})();
