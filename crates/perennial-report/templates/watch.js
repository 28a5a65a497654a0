// Puts what the server sends in the place of what is there; opened tables stay open.
"use strict";
const part = document.getElementById("part");
const line = document.getElementById("line");
const source = new EventSource("events");
source.addEventListener("part", (event) => {
  const open = new Set();
  part.querySelectorAll("details[open]").forEach((details) => open.add(details.dataset.of));
  part.innerHTML = JSON.parse(event.data);
  part.querySelectorAll("details").forEach((details) => {
    details.open = open.has(details.dataset.of);
  });
  line.textContent = "live";
});
source.addEventListener("end", () => {
  source.close();
  line.textContent = "the run has ended; this page stays as it is";
});
source.onerror = () => {
  line.textContent = "the server does not answer; it is tried again";
};
