// [data-reload-after]: loads the page again after that many seconds; for a waiting page whose viewer isn't signed in.

const { reloadAfter } = document.querySelector("[data-reload-after]").dataset;
setTimeout(() => location.reload(), Number(reloadAfter) * 1000);
