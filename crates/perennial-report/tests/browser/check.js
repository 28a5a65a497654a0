// Looks for text that overlaps, is cut, or melts into its ground, in every frame of the page.
"use strict";

/** Pixels by which boxes may touch: fonts are taller than their letters. */
const SLACK = 2.5;

function boxes(root, frame) {
  const all = [];
  const walker = frame.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (!node.data.trim() || node.parentElement.closest("style, script, title")) continue;
    const range = frame.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) {
      if (box.width > 0 && box.height > 0) all.push({ box, node, text: node.data.trim() });
    }
  }
  return all;
}

function meet(a, b) {
  const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
  const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  return across > SLACK / 2 && down > SLACK;
}

function channels(colour) {
  const numbers = colour.match(/[\d.]+/g).map(Number);
  return { rgb: numbers.slice(0, 3), alpha: numbers.length > 3 ? numbers[3] : 1 };
}

function luminance(rgb) {
  const [r, g, b] = rgb.map((c) => {
    const value = c / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function ground(element, view) {
  for (let at = element; at; at = at.parentElement) {
    const { rgb, alpha } = channels(view.getComputedStyle(at).backgroundColor);
    if (alpha > 0.99) return rgb;
  }
  return [255, 255, 255];
}

function contrast(element, view) {
  const style = view.getComputedStyle(element);
  const ink = element.closest("svg") ? style.fill : style.color;
  const [a, b] = [channels(ink).rgb, ground(element, view)].map(luminance);
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

function check(frame, width, found) {
  const view = frame.defaultView;
  frame.querySelectorAll("details").forEach((details) => (details.open = true));
  const say = (kind, what) => found.push({ kind, width, what });
  const root = frame.documentElement;
  if (root.scrollWidth > root.clientWidth + 1) {
    const wide = boxes(frame.body, frame).find(({ box }) => box.right > root.clientWidth + 1);
    say("sideways", `${root.scrollWidth} of ${root.clientWidth}: ${wide ? wide.text : "?"}`);
  }
  for (const svg of frame.querySelectorAll("svg")) {
    const edge = svg.getBoundingClientRect();
    const texts = boxes(svg, frame);
    texts.forEach(({ box, text }, i) => {
      const out = box.left < edge.left - 1 || box.right > edge.right + 1;
      if (out || box.top < edge.top - SLACK || box.bottom > edge.bottom + SLACK) say("cut", text);
      for (const other of texts.slice(i + 1)) {
        if (meet(box, other.box)) say("overlap", `${text} | ${other.text}`);
      }
    });
  }
  const seen = new Set();
  for (const { node, text } of boxes(frame.body, frame)) {
    const element = node.parentElement;
    // Text on a map's cell is on a shape, not on a ground; its colours are computed and tested.
    if (seen.has(element) || element.classList.contains("on")) continue;
    seen.add(element);
    const ratio = contrast(element, view);
    if (ratio < 4.5) say("contrast", `${ratio.toFixed(2)}: ${text}`);
  }
}

window.addEventListener("load", () => {
  const found = [];
  for (const frame of document.querySelectorAll("iframe")) {
    check(frame.contentDocument, frame.width, found);
  }
  document.getElementById("found").textContent = JSON.stringify(found.slice(0, 40));
});
