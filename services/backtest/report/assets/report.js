"use strict";
// Reads values out under the pointer and zooms. Without it the page is whole: charts are drawn already. Axes repeat axes.py.
(() => {
  const { charts, moments, daily } = JSON.parse(document.getElementById("data").textContent);
  for (const chart of charts) Object.assign(chart, moments[chart.at]);
  const SVG = "http://www.w3.org/2000/svg", BOX = 1000, PADDING = 0.05, VALUE_TICKS = 5, TIME_TICKS_MAX = 10, DRAG_PX_MIN = 6, POINTS_MIN = 4;
  const DAY = 86400000, HOUR = 3600000, MINUTE = 60000;
  const make = (name, css) => Object.assign(document.createElement(name), { className: css });
  const fixed = (v, least, most) => v.toLocaleString("en-US", { minimumFractionDigits: least, maximumFractionDigits: most }).replace("-", "\u2212");
  const signed = (text) => text.replace("-", "\u2212");
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

  const short = (v) => {
    for (const [size, unit, by] of [[1e12, "T", 1e12], [1e9, "B", 1e9], [1e6, "M", 1e6], [1e4, "k", 1e3]])
      if (Math.abs(v) >= size) return signed(String(+(v / by).toPrecision(4))) + unit;
    return signed((+v.toPrecision(6)).toLocaleString("en-US", { maximumFractionDigits: 6 }));
  };
  const axisText = (chart, v) => (chart.unit === "percent" ? `${short(v * 100)} %` : short(v));
  const valueText = (chart, v) => {
    if (v === null) return "-";
    if (chart.unit === "percent") return `${fixed(v * 100, 2, 2)} %`;
    if (chart.unit === "money") return `${fixed(v, 2, 2)} ${chart.currency}`;
    return fixed(v, 2, chart.unit === "price" ? 6 : 2);
  };
  const timeText = (ms) => new Date(ms).toISOString().replace("T", " ").slice(0, daily ? 10 : ms % MINUTE ? 19 : 16);

  const month = (n) => (ms) => { const d = new Date(ms); return Math.floor((d.getUTCFullYear() * 12 + d.getUTCMonth()) / n); };
  const millis = (n, shift = 0) => (ms) => Math.floor((ms + shift) / n);
  const dayText = (ms) => { const d = new Date(ms); return `${d.getUTCDate()} ${MONTHS[d.getUTCMonth()]}`; };
  const UNITS = [
    ...[50, 20, 10, 5, 2, 1].map((n) => [month(n * 12), (ms) => String(new Date(ms).getUTCFullYear())]),
    ...[6, 3, 1].map((n) => [month(n), (ms) => `${MONTHS[new Date(ms).getUTCMonth()]} ${new Date(ms).getUTCFullYear()}`]),
    [millis(7 * DAY, 3 * DAY), dayText],
    [millis(DAY), dayText],
    ...[12, 6, 3, 2, 1].map((n) => [millis(n * HOUR), null]),
    ...[30, 15, 5, 1].map((n) => [millis(n * MINUTE), null]),
  ];
  const timeTicks = (chart, from, to) => {
    let best = [from], text = dayText;
    for (const [key, label] of UNITS) {
      const found = [];
      for (let i = from + 1; i <= to && found.length <= TIME_TICKS_MAX; i++) if (key(chart.t[i]) !== key(chart.t[i - 1])) found.push(i);
      if (found.length > TIME_TICKS_MAX) break;
      if (found.length) [best, text] = [found, label];
    }
    return best.map((i) => {
      const newDay = i === from || Math.floor(chart.t[i] / DAY) !== Math.floor(chart.t[i - 1] / DAY);
      return [chart.x[i], text ? text(chart.t[i]) : newDay ? dayText(chart.t[i]) : new Date(chart.t[i]).toISOString().slice(11, 16)];
    });
  };
  const valueTicks = (low, high) => {
    const least = (high - low) / VALUE_TICKS, power = 10 ** Math.floor(Math.log10(least));
    const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= least * 0.999999);
    const ticks = [];
    for (let n = Math.ceil(low / step); n <= Math.floor(high / step); n++) ticks.push(+(n * step).toPrecision(12));
    return ticks;
  };
  const nearest = (xs, rank) => { // index of the point closest to a rank
    let lo = 0, hi = xs.length - 1;
    while (lo < hi) { const mid = (lo + hi) >> 1; if (xs[mid] < rank) lo = mid + 1; else hi = mid; }
    return lo && rank - xs[lo - 1] < xs[lo] - rank ? lo - 1 : lo;
  };

  const draw = (view) => {
    const { chart, from, to, plot, figure } = view;
    const first = Math.max(nearest(chart.x, from) - 1, 0), last = Math.min(nearest(chart.x, to) + 1, chart.x.length - 1);
    const inside = (rank) => rank >= from && rank <= to;
    const values = chart.series.flatMap((s) => s.y.slice(first, last + 1)).filter((v) => v !== null);
    for (const [rank, value] of chart.markers) if (inside(rank)) values.push(value);
    let low = values.reduce((a, b) => Math.min(a, b), Infinity), high = values.reduce((a, b) => Math.max(a, b), -Infinity);
    if (!values.length) [low, high] = [0, 0];
    if (chart.zero) [low, high] = [Math.min(low, 0), Math.max(high, 0)];
    const room = (high - low) * PADDING || Math.abs(high) * PADDING || 1;
    if (chart.zero && low === high) high = room;
    else [low, high] = [chart.zero && !low ? 0 : low - room, chart.zero && !high ? 0 : high + room];
    const px = (rank) => ((rank - from) / (to - from)) * BOX, py = (v) => ((high - v) / (high - low)) * BOX;
    const paths = plot.querySelectorAll(".curves path");
    let next = 0;
    for (const s of chart.series) {
      let d = "", pen = "M";
      for (let i = first; i <= last; i++) {
        if (s.y[i] === null) { pen = "M"; continue; }
        d += `${pen}${px(chart.x[i]).toFixed(1)} ${py(s.y[i]).toFixed(1)}`; pen = "L";
      }
      const base = Math.min(Math.max(py(0), 0), BOX);
      if (s.area) paths[next++].setAttribute("d", d && `${d}L${px(chart.x[last]).toFixed(1)} ${base}L${px(chart.x[first]).toFixed(1)} ${base}Z`);
      paths[next++].setAttribute("d", d);
    }
    plot.querySelectorAll(".marks use").forEach((use, i) => {
      const [rank, value] = chart.markers[i];
      use.style.display = inside(rank) ? "" : "none";
      use.setAttribute("x", `${px(rank) / 10}%`); use.setAttribute("y", `${py(value) / 10}%`);
    });
    const rows = valueTicks(low, high), columns = timeTicks(chart, first, last).filter(([rank]) => inside(rank));
    const lines = [
      ...rows.map((v) => ({ x1: "0", x2: "100%", y1: `${py(v) / 10}%`, y2: `${py(v) / 10}%` })),
      ...columns.map(([rank]) => ({ y1: "0", y2: "100%", x1: `${px(rank) / 10}%`, x2: `${px(rank) / 10}%` })),
    ];
    plot.querySelector(".grid").replaceChildren(...lines.map((at) => {
      const line = document.createElementNS(SVG, "line");
      for (const [key, value] of Object.entries(at)) line.setAttribute(key, value);
      return line;
    }));
    const labels = (box, items, side) => box.replaceChildren(...items.map(([at, text]) => {
      const span = make("span", ""); span.textContent = text; span.style[side] = `${at / 10}%`; return span;
    }));
    labels(figure.querySelector(".ys"), rows.map((v) => [BOX - py(v), axisText(chart, v)]), "bottom");
    labels(figure.querySelector(".xs"), columns.map(([rank, text]) => [px(rank), text]), "left");
    view.reset.hidden = from === 0 && to === chart.size - 1;
  };

  const views = [];
  const linked = (view) => views.filter((v) => v.chart.group === view.chart.group);
  const zoom = (view, from, to) => {
    const end = view.chart.size - 1;
    [from, to] = [Math.max(0, from), Math.min(end, to)];
    const points = view.chart.x.filter((x) => x >= from && x <= to).length;
    if (points < POINTS_MIN && !(from === 0 && to === end)) return;
    for (const v of linked(view)) { v.from = from; v.to = to; draw(v); hide(v); }
  };
  const hide = (view) => { for (const v of linked(view)) v.cursor.hidden = v.tip.hidden = true; };
  const show = (view, index) => {
    const { chart, tip, plot } = view;
    view.index = index;
    const rank = chart.x[index], at = (rank - view.from) / (view.to - view.from);
    for (const v of linked(view)) { v.cursor.hidden = false; v.cursor.style.left = `${at * 100}%`; v.tip.hidden = true; }
    const reach = (view.to - view.from) * 0.006;
    const lines = [timeText(chart.t[index]), ...chart.series.map((s) => `${s.name}: ${valueText(chart, s.y[index])}`)];
    lines.push(...chart.markers.filter(([r]) => Math.abs(r - rank) <= reach).slice(0, 4).map((m) => m[3]));
    tip.replaceChildren(...lines.map((text, i) => { const row = make(i ? "div" : "b", ""); row.textContent = text; return row; }));
    tip.hidden = false;
    tip.style.left = at < 0.5 ? `calc(${at * 100}% + 10px)` : "auto";
    tip.style.right = at < 0.5 ? "auto" : `calc(${100 - at * 100}% + 10px)`;
  };

  for (const chart of charts) {
    const figure = document.querySelector(`[data-chart="${chart.id}"]`), plot = figure.querySelector(".plot");
    const view = { chart, figure, plot, from: 0, to: Math.max(chart.size - 1, 1), index: 0, start: null };
    view.cursor = make("div", "cursor"); view.choice = make("div", "choice"); view.tip = make("div", "tip"); view.reset = make("button", "reset");
    view.tip.setAttribute("role", "status");
    view.reset.type = "button"; view.reset.textContent = "Whole run";
    for (const part of [view.cursor, view.choice, view.tip, view.reset]) part.hidden = true;
    plot.append(view.cursor, view.choice, view.tip);
    figure.querySelector("figcaption").append(view.reset);
    views.push(view);

    const share = (e) => { const box = plot.getBoundingClientRect(); return Math.min(Math.max((e.clientX - box.left) / box.width, 0), 1); };
    const rankAt = (s) => view.from + s * (view.to - view.from);
    plot.addEventListener("pointermove", (e) => {
      show(view, nearest(chart.x, rankAt(share(e))));
      if (view.start === null) return;
      const [a, b] = [view.start, share(e)].sort((x, y) => x - y);
      view.choice.hidden = false; view.choice.style.left = `${a * 100}%`; view.choice.style.width = `${(b - a) * 100}%`;
    });
    plot.addEventListener("pointerdown", (e) => { view.start = share(e); if (e.pointerType === "mouse") plot.setPointerCapture(e.pointerId); });
    plot.addEventListener("pointerup", (e) => {
      const [a, b] = [view.start ?? 0, share(e)].sort((x, y) => x - y);
      const dragged = view.start !== null && (b - a) * plot.clientWidth >= DRAG_PX_MIN;
      view.start = null; view.choice.hidden = true;
      if (dragged) zoom(view, rankAt(a), rankAt(b));
    });
    plot.addEventListener("pointercancel", () => { view.start = null; view.choice.hidden = true; hide(view); });
    plot.addEventListener("pointerleave", () => { if (view.start === null) hide(view); });
    plot.addEventListener("dblclick", () => zoom(view, 0, chart.size - 1));
    view.reset.addEventListener("click", () => zoom(view, 0, chart.size - 1));
    plot.addEventListener("keydown", (e) => {
      const width = view.to - view.from, rank = chart.x[view.index], last = chart.x.length - 1;
      const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -25, PageDown: 25 };
      if (e.key in steps) show(view, Math.min(Math.max(view.index + steps[e.key], 0), last));
      else if (e.key === "Home" || e.key === "End") show(view, e.key === "Home" ? 0 : last);
      else if (e.key === "+" || e.key === "=") zoom(view, rank - width / 4, rank + width / 4);
      else if (e.key === "-") zoom(view, rank - width, rank + width);
      else if (e.key === "Escape") zoom(view, 0, chart.size - 1);
      else return;
      e.preventDefault();
    });
  }
  document.documentElement.dataset.ready = String(views.length);
})();
