// Shows the photos that were chosen, before they are sent. Drawn on a canvas: our policy has no blob: pictures.
(() => {
  "use strict";
  const input = document.querySelector("[data-photo-preview]");
  if (!input) return;
  const list = document.getElementById(input.dataset.photoPreview);
  const HEIGHT = 96;

  const draw = async (file, item) => {
    try {
      const picture = await createImageBitmap(file, { resizeHeight: HEIGHT, resizeQuality: "medium" });
      const canvas = document.createElement("canvas");
      canvas.width = picture.width;
      canvas.height = picture.height;
      canvas.getContext("2d").drawImage(picture, 0, 0);
      item.prepend(canvas);
    } catch {
      // A format that this browser can't show, such as HEIC: its name stays.
    }
  };

  input.addEventListener("change", () => {
    list.replaceChildren();
    for (const file of [...input.files].slice(0, 50)) {
      const item = document.createElement("li");
      item.append(file.name);
      list.append(item);
      draw(file, item);
    }
  });
})();
