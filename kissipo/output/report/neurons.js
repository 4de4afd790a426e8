"use strict";
// Shows the data of the page: the text coloured by the chosen neuron, what was expected next, and all neurons at once.

const content = JSON.parse(document.getElementById("content").textContent);
const bytes = (packed) => Uint8Array.from(atob(packed), (sign) => sign.charCodeAt(0)).buffer;
const activity = new Int8Array(bytes(content.activity)); // one neuron after the other
const guesses = new Uint16Array(bytes(content.guesses));
const chances = new Uint8Array(bytes(content.chances));
const { units, words, most, neurons } = content;
const steps = units.length;
const find = (name) => document.getElementById(name);
const seen = { " ": "␣", "\n": "↵", "\t": "⇥", "\r": "␍" };
const show = (unit) => seen[unit] ?? unit;
let chosen = 0;
let at = -1;

const held = (step) => activity[chosen * steps + step] / 127;
const chance = (step, rank) => chances[step * most + rank] / 255;
const guess = (step, rank) => words[guesses[step * most + rank]];

function element(kind, text, parent, name) {
  const made = document.createElement(kind);
  made.textContent = text;
  if (name) made.className = name;
  parent.append(made);
  return made;
}

function write() {
  const all = document.createDocumentFragment();
  units.forEach((unit, step) => {
    const column = element("div", "", all, "unit");
    column.dataset.step = step;
    element("span", unit === " " ? "\u00a0" : show(unit), column);
    for (let rank = 0; rank < most; rank++) {
      const p = chance(step, rank);
      const line = element("i", show(guess(step, rank)), column, p > 0.35 ? "sure" : "");
      line.style.setProperty("--a", p.toFixed(2));
      if (guess(step, rank) === units[step + 1]) line.classList.add("right");
    }
    if (unit === "\n" && units[step + 1] !== "\n") all.append(document.createElement("br"));
  });
  find("text").classList.toggle("spaced", content.spaced);
  find("text").append(all);
}

function choose(neuron) {
  if (!Number.isInteger(neuron)) return;
  chosen = Math.min(neurons - 1, Math.max(0, neuron));
  find("number").value = find("slider").value = chosen;
  const known = content.telling.find((each) => each.neuron === chosen);
  find("why").textContent = chosen === content.neuron ? content.why : known ? known.about : "";
  for (const button of find("telling").children) button.setAttribute("aria-pressed", Number(button.value) === chosen);
  for (const column of find("text").getElementsByClassName("unit")) {
    const h = held(Number(column.dataset.step));
    const letter = column.firstChild;
    letter.className = h >= 0 ? "active" : "quiet";
    letter.style.setProperty("--a", (Math.abs(h) * 0.95).toFixed(2));
  }
  find("line").style.top = `${(100 * chosen) / neurons}%`;
  find("line").style.height = `max(2px, ${100 / neurons}%)`;
  history.replaceState(null, "", `#${chosen}`);
  tell(at);
}

function tell(step) {
  const columns = find("text").getElementsByClassName("unit");
  if (at >= 0 && columns[at]) columns[at].classList.remove("at");
  if (step < 0 || step >= steps) {
    find("here").textContent = "Point at the text, or step through it with the arrow keys.";
    return;
  }
  at = step;
  columns[at].classList.add("at");
  const next = Array.from({ length: most }, (_, rank) => `${show(guess(at, rank))} ${Math.round(100 * chance(at, rank))} %`);
  const value = (held(at) * content.greatest).toFixed(2).replace("-", "−");
  const came = at + 1 < steps ? `   then came ${show(units[at + 1])}` : "";
  find("here").textContent = `${at + 1}: after ${show(units[at])}  h = ${value}   expects ${next.join(", ")}${came}`;
}

function draw() {
  const canvas = find("map");
  const most = Math.min(steps, 4000); // columns; of a longer text each stands for several steps
  canvas.width = most;
  canvas.height = neurons;
  canvas.style.height = `${Math.min(420, Math.max(120, 2 * neurons))}px`;
  const style = getComputedStyle(document.documentElement);
  const [active, quiet] = ["--active", "--quiet"].map((name) => style.getPropertyValue(name).trim().split(/\s+/).map(Number));
  const picture = new ImageData(most, neurons);
  for (let neuron = 0; neuron < neurons; neuron++) {
    for (let x = 0; x < most; x++) {
      const h = activity[neuron * steps + Math.floor((x * steps) / most)];
      picture.data.set([...(h >= 0 ? active : quiet), Math.min(255, 2 * Math.abs(h))], 4 * (neuron * most + x));
    }
  }
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

write();
for (const each of content.telling) {
  const button = element("button", `${each.neuron}: ${each.about}`, find("telling"));
  button.value = each.neuron;
  button.addEventListener("click", () => choose(each.neuron));
}
find("number").addEventListener("input", (event) => choose(parseInt(event.target.value, 10)));
find("slider").addEventListener("input", (event) => choose(Number(event.target.value)));
find("before").addEventListener("click", () => choose(chosen - 1));
find("after").addEventListener("click", () => choose(chosen + 1));
find("text").addEventListener("mouseover", (event) => {
  const column = event.target.closest(".unit");
  if (column) tell(Number(column.dataset.step));
});
find("text").addEventListener("keydown", (event) => {
  const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!move) return;
  event.preventDefault();
  tell(Math.min(steps - 1, Math.max(0, at + move)));
});
find("map").addEventListener("click", (event) => {
  const box = event.target.getBoundingClientRect();
  choose(Math.floor(((event.clientY - box.top) / box.height) * neurons));
  tell(Math.floor(((event.clientX - box.left) / box.width) * steps));
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
const asked = parseInt(location.hash.slice(1), 10);
draw();
choose(Number.isInteger(asked) ? asked : content.neuron);
document.body.dataset.ready = "yes";
