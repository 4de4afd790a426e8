"use strict";
// Shows what moves: the gates of recurrent layers over time, the text colored by a unit, the heads of attention, any point of an image.

const content = JSON.parse(document.getElementById("content").textContent);
const bytes = (packed) => Uint8Array.from(atob(packed), (sign) => sign.charCodeAt(0)).buffer;
const palette = new Uint8Array(bytes(content.palette)); // of no number, then of the levels -127 to 127
const seen = { " ": "␣", "\n": "↵", "\t": "⇥", "\r": "␍" };
const show = (unit) => seen[unit] ?? unit;
const write = (value, digits = 3) => (Number.isFinite(value) ? value.toFixed(digits).replace("-", "−") : "no number");
const clamp = (value, most) => Math.min(most, Math.max(0, value));
const PART = 600; // units of a text that stand in the page at once
const WIDEST = 4000; // columns of a map; a column of a longer sequence stands for several steps

function element(kind, text, parent, name) {
  const made = document.createElement(kind);
  made.textContent = text;
  if (name) made.className = name;
  parent.append(made);
  return made;
}

class Walk {
  constructor(place, data) {
    this.place = place;
    this.data = data;
    this.step = 0;
    this.unit = data.unit;
    this.part = -1;
    this.most = data.bits === 16 ? 32767 : 127;
    this.gates = {};
    for (const [name, gate] of Object.entries(data.gates)) {
      const levels = data.bits === 16 ? new Int16Array(bytes(gate.data)) : new Int8Array(bytes(gate.data));
      this.gates[name] = { levels, maximum: gate.maximum, units: levels.length / data.steps };
    }
    if (data.most) {
      this.guesses = new Uint32Array(bytes(data.guesses));
      this.chances = new Uint8Array(bytes(data.chances));
    }
    this.listen();
    for (const neuron of data.interpretable) {
      const button = element("button", `${neuron.unit}: ${neuron.about}`, this.find("interpretable"));
      button.value = neuron.unit;
      button.addEventListener("click", () => this.choose(this.row(neuron.unit)));
    }
    for (const canvas of place.querySelectorAll("canvas")) this.draw(canvas);
    this.choose(this.unit);
  }

  find(name) {
    return this.place.querySelector(`.${name}`);
  }

  name(row) {
    return this.data.units ? this.data.units[row] : row;
  }

  row(unit) {
    return this.data.units ? this.data.units.indexOf(unit) : unit;
  }

  value(gate, step, unit) {
    const { levels, maximum, units } = this.gates[gate];
    if (unit >= units) return NaN;
    const level = levels[unit * this.data.steps + step];
    return level < -this.most ? NaN : (level / this.most) * maximum;
  }

  mean(gate, step) {
    let sum = 0;
    let count = 0;
    for (let unit = 0; unit < this.gates[gate].units; unit++) {
      const value = this.value(gate, step, unit);
      if (Number.isFinite(value)) {
        sum += value;
        count += 1;
      }
    }
    return count ? sum / count : NaN;
  }

  draw(canvas) {
    const { levels, maximum, units } = this.gates[canvas.dataset.gate];
    const { steps } = this.data;
    const columns = Math.min(steps, WIDEST);
    canvas.width = columns;
    canvas.height = units;
    canvas.style.height = `${clamp(Math.max(70, 4 * units), 240)}px`;
    canvas.dataset.maximum = maximum;
    const image = new ImageData(columns, units);
    for (let unit = 0; unit < units; unit++) {
      for (let x = 0; x < columns; x++) {
        const level = levels[unit * steps + Math.floor((x * steps) / columns)];
        const at = 3 * (level < -this.most ? 0 : Math.round((level / this.most) * 127) + 128);
        image.data.set([palette[at], palette[at + 1], palette[at + 2], 255], 4 * (unit * columns + x));
      }
    }
    canvas.getContext("2d").putImageData(image, 0, 0);
  }

  choose(unit) {
    if (!Number.isInteger(unit) || unit < 0) return;
    this.unit = clamp(unit, this.data.count - 1);
    const name = this.name(this.unit);
    this.find("number").value = name;
    const known = this.data.interpretable.find((neuron) => neuron.unit === name);
    this.find("why").textContent = this.unit === this.data.unit ? this.data.why : known ? known.about : "";
    for (const button of this.find("interpretable").children) button.setAttribute("aria-pressed", Number(button.value) === name);
    this.go(this.step);
    this.color();
  }

  go(step) {
    this.step = clamp(step, this.data.steps - 1);
    this.find("step").value = this.step;
    const { steps } = this.data;
    for (const map of this.place.querySelectorAll(".map")) {
      const units = this.gates[map.firstChild.dataset.gate].units;
      map.querySelector(".column").style.left = `${(100 * this.step) / steps}%`;
      map.querySelector(".column").style.width = `${100 / steps}%`;
      map.querySelector(".line").style.top = `${(100 * this.unit) / units}%`;
      map.querySelector(".line").style.height = `${100 / units}%`;
    }
    this.sums();
    this.mark();
    const { labels } = this.data;
    const unit = labels.length ? `: ${show(labels[this.step])}` : "";
    const h = `h = ${write(this.value("h", this.step, this.unit))}`;
    let text = `step ${this.step + 1} of ${steps}${unit}   unit ${this.name(this.unit)}   ${h}`;
    if (this.data.most) {
      const next = Array.from({ length: this.data.most }, (_, rank) => {
        const at = this.step * this.data.most + rank;
        return `${show(this.data.words[this.guesses[at]])} ${Math.round((100 * this.chances[at]) / 255)} %`;
      });
      text += `   expects ${next.join(", ")}`;
      if (this.step + 1 < steps) text += `   then came ${show(labels[this.step + 1])}`;
    }
    this.find("here").textContent = text;
  }

  sums() {
    const before = this.step - (this.data.forward ? 1 : -1);
    const there = before >= 0 && before < this.data.steps;
    const at = {};
    for (const gate of Object.keys(this.gates)) at[gate] = this.value(gate, this.step, this.unit);
    const lines = [];
    const kept = this.data.cell === "gru" ? "h" : "c";
    const held = (gate) => (there ? this.value(gate, before, this.unit) : 0);
    const put = { ...at };
    if (at.f !== undefined && at.c !== undefined) {
      Object.assign(put, { before: held("c"), kept: at.f * held("c"), added: at.i * at.g });
      lines.push(`c = f · c before + i · g\n  = ${write(at.f)} · ${write(held("c"))} + ${write(at.i)} · ${write(at.g)} = ${write(at.c)}`);
      lines.push(`h = o · tanh(c)\n  = ${write(at.o)} · ${write(Math.tanh(at.c))} = ${write(at.o * Math.tanh(at.c))}`);
    } else if (at.z !== undefined) {
      Object.assign(put, { before: held("h"), kept: at.z * held("h"), added: (1 - at.z) * at.n });
      lines.push(`h = (1 − z) · n + z · h before\n  = ${write(1 - at.z)} · ${write(at.n)} + ${write(at.z)} · ${write(held("h"))} = ${write(at.h)}`);
    }
    if (!there && lines.length) lines.push(`before the first step ${kept} is taken as 0`);
    const place = this.find("sums");
    place.replaceChildren();
    for (const line of lines) element("p", line, place);
    const made = element("table", "", place);
    const head = element("tr", "", made);
    for (const title of ["", "this unit", "mean of all"]) element("th", title, head, "n");
    for (const gate of Object.keys(this.gates)) {
      const row = element("tr", "", made);
      element("td", gate, row);
      element("td", write(at[gate]), row, "n");
      element("td", write(this.mean(gate, this.step)), row, "n");
    }
    for (const text of this.place.querySelectorAll("[data-put]")) {
      text.textContent = text.dataset.put in put ? write(put[text.dataset.put], 2) : "";
    }
  }

  text() {
    const part = Math.floor(this.step / PART);
    if (part === this.part) return false;
    this.part = part;
    const { labels, steps, most, words } = this.data;
    const all = document.createDocumentFragment();
    for (let step = part * PART; step < Math.min(steps, (part + 1) * PART); step++) {
      const column = element("div", "", all, "unit");
      column.dataset.step = step;
      element("span", labels[step] === " " ? "\u00a0" : show(labels[step]), column);
      for (let rank = 0; rank < most; rank++) {
        const word = words[this.guesses[step * most + rank]];
        const p = this.chances[step * most + rank] / 255;
        const line = element("i", show(word), column, p > 0.35 ? "sure" : "");
        line.style.setProperty("--a", p.toFixed(2));
        if (word === labels[step + 1]) line.classList.add("right");
      }
      if (labels[step] === "\n" && labels[step + 1] !== "\n") all.append(document.createElement("br"));
    }
    this.find("text").classList.toggle("spaced", this.data.spaced);
    this.find("text").replaceChildren(all);
    const last = Math.min(steps, (part + 1) * PART);
    this.find("part").textContent = steps > PART ? ` ${part * PART + 1} to ${last} of ${steps} ` : "";
    this.find("earlier").hidden = this.find("later").hidden = steps <= PART;
    return true;
  }

  mark() {
    if (!this.data.labels.length) return;
    if (this.text()) this.color();
    for (const column of this.place.querySelectorAll(".unit.at")) column.classList.remove("at");
    const column = this.place.querySelector(`.unit[data-step="${this.step}"]`);
    if (column) column.classList.add("at");
  }

  color() {
    if (!this.data.labels.length) return;
    const gate = this.find("by").value;
    const { maximum } = this.gates[gate];
    for (const column of this.place.getElementsByClassName("unit")) {
      const value = this.value(gate, Number(column.dataset.step), this.unit) / Math.max(1, maximum);
      const letter = column.firstChild;
      letter.className = Number.isFinite(value) ? (value >= 0 ? "active" : "quiet") : "";
      letter.style.setProperty("--a", Number.isFinite(value) ? (Math.abs(value) * 0.95).toFixed(2) : 0);
    }
  }

  listen() {
    const on = (name, kind, deed) => this.find(name) && this.find(name).addEventListener(kind, deed);
    on("step", "input", (event) => this.go(Number(event.target.value)));
    on("back", "click", () => this.go(this.step - 1));
    on("on", "click", () => this.go(this.step + 1));
    on("number", "input", (event) => this.choose(this.row(parseInt(event.target.value, 10))));
    on("before", "click", () => this.choose(Math.max(0, this.unit - 1)));
    on("after", "click", () => this.choose(this.unit + 1));
    on("by", "change", () => this.color());
    on("earlier", "click", () => this.go((this.part - 1) * PART));
    on("later", "click", () => this.go((this.part + 1) * PART));
    on("text", "mouseover", (event) => {
      const column = event.target.closest(".unit");
      if (column) this.go(Number(column.dataset.step));
    });
    const move = (event, units) => {
      const steps = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      const rows = units ? { ArrowDown: 1, ArrowUp: -1 }[event.key] : undefined;
      if (!steps && !rows) return;
      event.preventDefault();
      if (steps) this.go(this.step + steps);
      else this.choose(clamp(this.unit + rows, this.data.count - 1));
    };
    on("text", "keydown", (event) => move(event, false));
    on("maps", "keydown", (event) => move(event, true));
    on("maps", "click", (event) => {
      if (event.target.tagName !== "CANVAS") return;
      const box = event.target.getBoundingClientRect();
      this.step = clamp(Math.floor(((event.clientX - box.left) / box.width) * this.data.steps), this.data.steps - 1);
      this.choose(clamp(Math.floor(((event.clientY - box.top) / box.height) * this.gates[event.target.dataset.gate].units), this.data.count - 1));
    });
  }
}

// Images are read back into numbers: every level has a color of its own.
const levels = new Map();
for (let at = 0; at < 256; at++) levels.set((palette[3 * at] << 16) | (palette[3 * at + 1] << 8) | palette[3 * at + 2], at - 128);
const read = new WeakMap();

function pixels(image) {
  if (!read.has(image)) {
    const canvas = document.createElement("canvas");
    canvas.width = image.naturalWidth;
    canvas.height = image.naturalHeight;
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    pen.drawImage(image, 0, 0);
    read.set(image, pen.getImageData(0, 0, canvas.width, canvas.height).data);
  }
  return read.get(image);
}

function valueAt(image, x, y) {
  const data = pixels(image);
  const at = 4 * (y * image.naturalWidth + x);
  const level = levels.get((data[at] << 16) | (data[at + 1] << 8) | data[at + 2]);
  return level === undefined || level === -128 ? NaN : (level / 127) * Number(image.dataset.maximum);
}

function describePoint(image, x, y) {
  const { kind, columns, across, down, stride } = image.dataset;
  const value = write(valueAt(image, x, y), 4);
  if (kind === "strip") return `number ${y * image.naturalWidth + x}: ${value}`;
  if (kind === "plane") return `row ${y * stride}, column ${x * stride}: ${value}`;
  const [wide, high] = [Number(across) + 2, Number(down) + 2];
  if (x % wide >= across || y % high >= down) return "";
  const map = Math.floor(y / high) * columns + Math.floor(x / wide);
  return `map ${map}, row ${(y % high) * stride}, column ${(x % wide) * stride}: ${value}`;
}

function pointed(event) {
  const image = event.target;
  const place = document.getElementById("point");
  place.hidden = true;
  if (!image.classList || !image.classList.contains("heat") || image.dataset.kind === "photo" || !image.naturalWidth) return;
  const box = image.getBoundingClientRect();
  const x = clamp(Math.floor(((event.clientX - box.left) / box.width) * image.naturalWidth), image.naturalWidth - 1);
  const y = clamp(Math.floor(((event.clientY - box.top) / box.height) * image.naturalHeight), image.naturalHeight - 1);
  const heads = image.closest(".attention");
  let text = describePoint(image, x, y);
  if (heads) {
    const labels = heads.dataset.labels ? heads.dataset.labels.split("\u001f") : [];
    const stride = Number(image.dataset.stride);
    const name = (index) => (labels.length ? `${index * stride} ${show(labels[index * stride])}` : `${index * stride}`);
    text = `query ${name(y)} looks at key ${name(x)}: ${write(valueAt(image, x, y), 4)}`;
    heads.querySelector(".here").textContent = text;
  }
  place.textContent = text;
  place.hidden = !text;
}

function attend(place) {
  const slider = place.querySelector(".head");
  if (!slider) return;
  const heads = [...place.querySelectorAll("[data-head]")];
  const all = place.querySelector(".all");
  const choose = () => {
    const pressed = all.getAttribute("aria-pressed") === "true";
    place.querySelector(".heads").classList.toggle("all", pressed);
    heads.forEach((head, number) => (head.hidden = !pressed && number !== Number(slider.value)));
    place.querySelector("output").textContent = pressed ? "all" : slider.value;
  };
  slider.addEventListener("input", () => {
    all.setAttribute("aria-pressed", "false");
    choose();
  });
  all.addEventListener("click", () => {
    all.setAttribute("aria-pressed", all.getAttribute("aria-pressed") !== "true");
    choose();
  });
}

function open(hash) {
  const place = hash && document.getElementById(decodeURIComponent(hash.slice(1)));
  if (place && place.tagName === "DETAILS") place.open = true;
}

const layers = new Map();
for (const place of document.querySelectorAll(".walk")) {
  const start = () => {
    if (place.open && !layers.has(place)) layers.set(place, new Walk(place, content.layers[Number(place.dataset.walk)]));
  };
  place.addEventListener("toggle", start);
  start();
}
document.querySelectorAll(".attention").forEach(attend);
document.addEventListener("mousemove", pointed);
addEventListener("hashchange", () => open(location.hash));
open(location.hash);
document.body.dataset.ready = "yes";
