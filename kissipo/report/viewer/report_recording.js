/** A recording that plays: its waveform, the mel bands of its frames, and the frame one looks at. */

import { html, useEffect, useMemo, useRef, useState } from "./vendor/preact.js";
import { Scale } from "./colors.js";
import { penOf, watchTheme, watchWidth } from "./drawing.js";

const [WAVE, BANDS] = [64, 160]; // heights in pixels
const [LEFT, BOTTOM] = [64, 28]; // room for the names of the axes
const TICKS = 4;
const AROUND = 0.1; // seconds that are played before and after a frame

/** The player, both drawings, and the slider of frames. */
export function Recording({ record }) {
  const { seconds, frames, frame_seconds: length, hop_seconds: hop, frequencies } = record;
  const audio = useRef();
  const [frame, setFrame] = useState(record.first_frame);
  const [until, setUntil] = useState(null);
  const [start, end] = [frame * hop, Math.min(seconds, frame * hop + length)];
  const shades = useMemo(() => Uint8Array.from(atob(record.shades), (sign) => sign.charCodeAt(0)), [record]);
  const strongest = bandOf(shades, frame, frequencies.length);
  useEffect(() => {
    if (until === null) return undefined;
    const timer = setInterval(() => {
      if (audio.current.currentTime < until && !audio.current.ended) return;
      audio.current.pause();
      setUntil(null);
    }, 10);
    return () => clearInterval(timer);
  }, [until]);
  const play = (from, to) => {
    audio.current.currentTime = Math.max(0, from);
    setUntil(to);
    audio.current.play();
  };
  const follow = () => setFrame(frameAt(audio.current.currentTime, record));
  const where = `frame ${frame + 1} of ${frames}: ${start.toFixed(3)} to ${end.toFixed(3)} seconds`;
  return html`<figure class="recording">
    <figcaption>${record.name}</figcaption>
    <audio ref=${audio} controls preload="metadata" src=${`data:audio/wav;base64,${record.wav}`}
      aria-label=${`the sound of ${record.name}`} onTimeUpdate=${follow} />
    <${Drawing} record=${record} shades=${shades} frame=${frame}
      onPick=${(at) => { setFrame(at); play(at * hop - AROUND, at * hop + length + AROUND); }} />
    <p class="row"><label>${where}
        <input type="range" min="0" max=${frames - 1} step="1" value=${frame} aria-valuetext=${where}
          onInput=${(event) => setFrame(Number(event.target.value))} /></label>
      <button type="button" onClick=${() => play(start - AROUND, end + AROUND)}>play around this frame</button></p>
    <p class="dim">The strongest band of this frame is at ${frequencies[strongest]} Hz. A click on the drawing plays the sound around its frame.</p>
  </figure>`;
}

/** The waveform above the bands, over one axis of time. */
function Drawing({ record, shades, frame, onPick }) {
  const canvas = useRef();
  const [width, setWidth] = useState(480);
  useEffect(() => watchWidth(canvas.current.parentElement, (wide) => setWidth(Math.min(wide, 720))), []);
  useEffect(() => {
    const redraw = () => draw(canvas.current, { record, shades, frame, width });
    redraw();
    return watchTheme(redraw);
  }, [record, frame, width]);
  const point = (event) => {
    const share = (event.clientX - canvas.current.getBoundingClientRect().left - LEFT) / (width - LEFT);
    if (share >= 0) onPick(frameAt(share * record.seconds, record));
  };
  const { seconds, frequencies } = record;
  return html`<canvas ref=${canvas} role="img" onClick=${point}
    style=${{ width: `${width}px`, height: `${WAVE + BANDS + BOTTOM}px` }}
    aria-label=${`waveform, and the energies of ${frequencies.length} mel bands from ${frequencies[0]} to ${frequencies[frequencies.length - 1]} Hz over ${seconds.toFixed(2)} seconds`} />`;
}

function draw(canvas, { record, shades, frame, width }) {
  const height = WAVE + BANDS + BOTTOM;
  const pen = penOf(canvas, width, height);
  const style = getComputedStyle(canvas);
  const [text, line] = ["--dim", "--series-1"].map((name) => style.getPropertyValue(name) || "gray");
  const inner = width - LEFT;
  const x = (second) => LEFT + (inner * second) / record.seconds;
  drawWave(pen, record.envelope, inner, line);
  drawBands(pen, record, shades, x);
  pen.fillStyle = pen.strokeStyle = text;
  pen.font = `12px ${style.fontFamily}`;
  drawTimes(pen, record, x, height);
  drawFrequencies(pen, record.frequencies);
  drawSpans(pen, record.spans, x);
  pen.strokeStyle = style.getPropertyValue("--text") || "black";
  pen.lineWidth = 1.5;
  const [from, to] = [frame * record.hop_seconds, frame * record.hop_seconds + record.frame_seconds];
  pen.strokeRect(x(from), 1, Math.max(2, x(to) - x(from)), WAVE + BANDS - 2);
}

function drawWave(pen, envelope, inner, color) {
  const middle = WAVE / 2;
  pen.fillStyle = color;
  envelope.forEach(([low, high], part) => {
    const top = middle - high * (middle - 2);
    pen.fillRect(LEFT + (inner * part) / envelope.length, top, Math.max(1, inner / envelope.length),
      Math.max(1, (high - low) * (middle - 2)));
  });
}

/** One rectangle per frame and band; the lowest band is at the bottom. */
function drawBands(pen, record, shades, x) {
  const scale = new Scale(0, 255, false);
  const { frames, bands, hop_seconds: hop } = record;
  const tall = BANDS / bands;
  for (let frame = 0; frame < frames; frame += 1) {
    const [left, right] = [x(frame * hop), x(Math.min(record.seconds, (frame + 1) * hop))];
    for (let band = 0; band < bands; band += 1) {
      pen.fillStyle = `rgb(${scale.color(shades[frame * bands + band]).join()})`;
      pen.fillRect(left, WAVE + BANDS - (band + 1) * tall, Math.ceil(right - left) + 0.5, tall + 0.5);
    }
  }
}

function drawTimes(pen, record, x, height) {
  pen.textAlign = "center";
  for (let tick = 0; tick <= TICKS; tick += 1) {
    const second = (record.seconds * tick) / TICKS;
    pen.textAlign = tick === TICKS ? "right" : tick === 0 ? "left" : "center";
    pen.fillText(`${second.toFixed(2)} s`, x(second), height - BOTTOM + 16);
  }
}

function drawFrequencies(pen, frequencies) {
  pen.textAlign = "right";
  pen.fillText("samples", LEFT - 6, WAVE / 2 + 4);
  for (const share of [0, 0.33, 0.66, 1]) {
    const band = Math.round(share * (frequencies.length - 1));
    const y = WAVE + BANDS - ((band + 0.5) * BANDS) / frequencies.length;
    pen.fillText(`${frequencies[band]} Hz`, LEFT - 6, Math.min(WAVE + BANDS - 2, Math.max(WAVE + 12, y + 4)));
  }
}

function drawSpans(pen, spans, x) {
  pen.textAlign = "left";
  for (const [from, to, name] of spans) {
    pen.strokeRect(x(from), 2, x(to) - x(from), WAVE - 4);
    pen.fillText(name, x(from) + 3, 14);
  }
}

function frameAt(second, { frames, hop_seconds: hop, frame_seconds: length }) {
  return Math.max(0, Math.min(frames - 1, Math.round((second - length / 2) / hop)));
}

function bandOf(shades, frame, bands) {
  const row = shades.subarray(frame * bands, (frame + 1) * bands);
  return row.indexOf(Math.max(...row));
}
