// [data-viewer]: a gallery whose links [data-photo] open the <dialog> with that id. The back button of a phone closes it.
// In the dialog, [data-track] gets the photos, which scroll sideways; [data-count] shows "3 / 8"; [data-step] goes on.

const gallery = document.querySelector("[data-viewer]");
const viewer = document.getElementById(gallery.dataset.viewer);
const track = viewer.querySelector("[data-track]");
const links = [...gallery.querySelectorAll("a[data-photo]")];
let opener = null;

function slide(link) {
  const figure = document.createElement("figure");
  const picture = figure.appendChild(link.querySelector("picture").cloneNode(true));
  for (const sized of picture.querySelectorAll("[sizes]")) {
    sized.sizes = "100vw";
  }
  const photo = picture.querySelector("img");
  photo.loading = "lazy";
  photo.removeAttribute("fetchpriority");
  if (link.dataset.caption) {
    const caption = figure.appendChild(document.createElement("figcaption"));
    caption.textContent = link.dataset.caption;
    caption.lang = link.lang;
  }
  return figure;
}

function shown() {
  return Math.round(track.scrollLeft / track.clientWidth);
}

function count() {
  const text = `${shown() + 1} / ${links.length}`;
  const counter = viewer.querySelector("[data-count]");
  if (counter.textContent !== text) {
    counter.textContent = text;
  }
  for (const button of viewer.querySelectorAll("[data-step]")) {
    const next = shown() + Number(button.dataset.step);
    button.setAttribute("aria-disabled", String(next < 0 || next >= links.length));
  }
}

function go(number, behavior = "auto") {
  const last = links.length - 1;
  track.scrollTo({ left: Math.min(Math.max(number, 0), last) * track.clientWidth, behavior });
}

function open(event) {
  if (event.ctrlKey || event.metaKey || event.shiftKey) {
    return; // a new tab
  }
  event.preventDefault();
  opener = event.currentTarget;
  if (!track.children.length) {
    track.append(...links.map(slide));
  }
  viewer.showModal();
  history.pushState({ viewer: true }, "");
  go(Number(opener.dataset.photo), "instant");
  count();
  track.focus();
}

for (const link of [...links, ...document.querySelectorAll("a.all-photos[data-photo]")]) {
  link.addEventListener("click", open);
}
// Browsers don't scroll to a focused photo of which an edge is in sight.
for (const link of links) {
  link.addEventListener("focus", () => link.scrollIntoView({ inline: "center", block: "nearest" }));
}
for (const button of viewer.querySelectorAll("[data-step]")) {
  button.addEventListener("click", () => go(shown() + Number(button.dataset.step)));
}
track.addEventListener("scroll", count);
window.addEventListener("resize", count);
viewer.addEventListener("keydown", (event) => {
  const to = { ArrowLeft: shown() - 1, ArrowRight: shown() + 1, Home: 0, End: links.length - 1 }[event.key];
  if (to !== undefined) {
    event.preventDefault();
    go(to);
  }
});
viewer.addEventListener("close", () => {
  opener.focus();
  if (history.state?.viewer) {
    history.back();
  }
});
window.addEventListener("popstate", () => {
  if (viewer.open) {
    viewer.close();
  }
});
