/*
 * Draws every chart of Meterbook from data that stands in the page:
 *
 *   <figure class="plotted"><ul class="legend"></ul><div class="plot"><canvas data-chart="ID"></canvas></div></figure>
 *   <script id="ID" type="application/json">{...}</script>      (Django's json_script)
 *
 * The data: {type: "bar"|"line", stacked, labels: [], titles: [], series: [{name, values: ["12.50"], slot, dashed, estimate}],
 * format: "money"|"short"|"count", currency, unit, span: {place, low, high}}. Values are decimal strings: bars are drawn from
 * numbers, but what is read on hover is written from the string, digit by digit. An estimate has a dashed outline, and the
 * span that the sum at one place lies in stands beside it.
 */
(() => {
  "use strict";
  const SLOTS = 6;
  const MOST = 6;
  const LANGUAGE = document.documentElement.lang || "en";
  const drawn = new Map();

  const color = (name) => {
    const probe = document.createElement("span");
    probe.hidden = true;
    probe.style.color = `var(${name})`;
    document.body.append(probe);
    const value = getComputedStyle(probe).color;
    probe.remove();
    return value;
  };

  /* The same name gets the same color on every page, unless two names of one chart would share it. */
  const slots = (series) => {
    const taken = new Set(series.filter((one) => Number.isInteger(one.slot)).map((one) => one.slot % SLOTS));
    const free = (wish) => { for (let i = 0; i < SLOTS; i++) { const slot = (wish + i) % SLOTS; if (!taken.has(slot)) return slot; } return wish % SLOTS; };
    return series.map((one) => {
      if (one.other) return "other";
      if (Number.isInteger(one.slot)) return one.slot % SLOTS;
      let hash = 0;
      for (const letter of one.name) hash = (hash * 31 + letter.codePointAt(0)) >>> 0;
      const slot = free(hash % SLOTS);
      taken.add(slot);
      return slot;
    });
  };

  const total = (one) => one.values.reduce((sum, value) => sum + Number(value), 0);
  /* Charts come with at most six series and "Other"; should one not, the smallest are folded here. */
  const folded = (series) => {
    if (series.length <= MOST + 1) return series;
    const order = [...series].sort((a, b) => total(b) - total(a));
    const rest = order.slice(MOST - 1);
    const values = rest[0].values.map((_, i) => String(rest.reduce((sum, one) => sum + Number(one.values[i]), 0)));
    return [...order.slice(0, MOST - 1), { name: "Other", values, other: true }];
  };

  const writers = (data) => {
    const exactOptions = data.format === "money" ? { style: "currency", currency: data.currency } : { maximumFractionDigits: 18 };
    const exact = new Intl.NumberFormat(LANGUAGE, exactOptions);
    const short = new Intl.NumberFormat(LANGUAGE, data.format === "money"
      ? { style: "currency", currency: data.currency, notation: "compact", maximumFractionDigits: 1 }
      : { notation: data.format === "count" ? "standard" : "compact", maximumFractionDigits: 1 });
    const minus = (text) => text.replace("-", "\u2212");
    return {
      exact: (value) => minus(exact.format(value)) + (data.unit && data.format !== "money" ? ` ${data.unit}` : ""),
      short: (value) => minus(short.format(value)),
    };
  };

  const legend = (canvas, series, colors) => {
    const list = canvas.closest(".plotted")?.querySelector(".legend");
    if (!list) return;
    list.replaceChildren();
    if (series.length < 2) { list.hidden = true; return; }
    series.forEach((one, i) => {
      const item = document.createElement("li");
      const mark = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      mark.setAttribute("viewBox", "0 0 10 10");
      mark.setAttribute("aria-hidden", "true");
      const square = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      const look = one.estimate
        ? [["x", 1], ["y", 1], ["width", 8], ["height", 8], ["fill", "none"], ["stroke", colors[i]], ["stroke-width", 1.5], ["stroke-dasharray", "2.5 1.5"]]
        : [["width", 10], ["height", 10], ["rx", 2.5], ["fill", colors[i]]];
      for (const [name, value] of look) square.setAttribute(name, value);
      mark.append(square);
      item.append(mark, document.createTextNode(one.name));
      list.append(item);
    });
  };

  /* Outlines estimates, and draws the span of the sum that they are part of. */
  const estimates = (series, colors, span, ink) => ({
    id: "estimates",
    afterDatasetsDraw: (chart) => {
      const { ctx, scales } = chart;
      ctx.save();
      ctx.lineWidth = 1.5;
      series.forEach((one, i) => {
        if (!one.estimate) return;
        ctx.setLineDash([4, 3]);
        ctx.strokeStyle = colors[i];
        chart.getDatasetMeta(i).data.forEach((bar, place) => {
          if (Number(one.values[place]) === 0) return;
          const { x, y, base, width } = bar.getProps(["x", "y", "base", "width"], true);
          ctx.strokeRect(x - width / 2 + 0.75, Math.min(y, base), width - 1.5, Math.abs(base - y));
        });
      });
      if (span) {
        const x = chart.getDatasetMeta(0).data[span.place]?.x;
        const [low, high] = [span.low, span.high].map((value) => scales.y.getPixelForValue(Number(value)));
        ctx.setLineDash([]);
        ctx.strokeStyle = ink;
        ctx.beginPath();
        for (const [ax, ay, bx, by] of [[x, low, x, high], [x - 4, low, x + 4, low], [x - 4, high, x + 4, high]]) { ctx.moveTo(ax, ay); ctx.lineTo(bx, by); }
        ctx.stroke();
      }
      ctx.restore();
    },
  });

  const draw = (canvas) => {
    const source = document.getElementById(canvas.dataset.chart);
    if (!source || typeof Chart === "undefined") return;
    const data = JSON.parse(source.textContent);
    const series = folded(data.series);
    const colors = slots(series).map((slot) => color(`--series-${slot}`));
    const write = writers(data);
    const line = data.type === "line";
    const stacked = Boolean(data.stacked);
    const ink = color("--ink-3");
    const surface = color("--surface");
    const font = { family: getComputedStyle(document.body).fontFamily, size: 12 };
    legend(canvas, series, colors);
    drawn.get(canvas)?.destroy();
    drawn.set(canvas, new Chart(canvas, {
      type: line ? "line" : "bar",
      data: {
        labels: data.labels,
        datasets: series.map((one, i) => ({
          label: one.name,
          data: one.values.map(Number),
          exact: one.values,
          backgroundColor: one.estimate ? "transparent" : colors[i],
          borderColor: line ? colors[i] : surface,
          borderWidth: line ? 2 : { top: stacked && series.length > 1 ? 1 : 0, right: 0, bottom: 0, left: 0 },
          borderDash: one.dashed ? [5, 4] : [],
          borderRadius: stacked ? 1 : 3,
          borderSkipped: false,
          pointRadius: 0,
          pointHitRadius: 12,
          pointHoverRadius: 4,
          tension: 0,
          maxBarThickness: 34,
          categoryPercentage: 0.86,
          barPercentage: 0.92,
        })),
      },
      plugins: [estimates(series, colors, data.span, color("--ink-2"))],
      options: {
        responsive: true,
        maintainAspectRatio: false,
        animation: false,
        font,
        interaction: { mode: "index", intersect: false },
        scales: {
          x: { stacked, grid: { display: false }, border: { color: color("--line-strong") }, ticks: { color: ink, font, maxRotation: 0, autoSkip: true, autoSkipPadding: 14 } },
          y: { stacked, beginAtZero: true, suggestedMax: data.span ? Number(data.span.high) : undefined, border: { display: false }, grid: { color: color("--line") }, ticks: { color: ink, font, maxTicksLimit: 5, precision: data.format === "count" ? 0 : undefined, callback: (value) => write.short(value) } },
        },
        plugins: {
          legend: { display: false },
          tooltip: {
            backgroundColor: color("--ink"), titleColor: surface, bodyColor: surface, footerColor: surface, displayColors: series.length > 1,
            titleFont: { ...font, weight: 600 }, bodyFont: font, footerFont: { ...font, weight: 600 }, padding: 10, cornerRadius: 6, boxPadding: 4, boxWidth: 9, boxHeight: 9,
            itemSort: (a, b) => b.raw - a.raw,
            filter: (item, index, items) => series.length < 2 || item.raw !== 0 || items.every((one) => one.raw === 0),
            callbacks: {
              title: (items) => (data.titles || data.labels)[items[0]?.dataIndex] ?? "",
              label: (item) => `${series.length > 1 ? `${item.dataset.label}  ` : ""}${write.exact(item.dataset.exact[item.dataIndex])}`,
              footer: (items) => {
                const place = items[0]?.dataIndex;
                const said = stacked && series.length > 1 && data.totals ? [`Total  ${write.exact(data.totals[place])}`] : [];
                if (data.span?.place === place) said.push(`Likely  ${write.exact(data.span.low)} to ${write.exact(data.span.high)}`);
                return said;
              },
            },
          },
        },
      },
    }));
  };

  const drawAll = (within = document) => {
    for (const [canvas, chart] of drawn) if (!canvas.isConnected) { chart.destroy(); drawn.delete(canvas); }
    for (const canvas of within.querySelectorAll("canvas[data-chart]")) draw(canvas);
  };

  const start = () => document.fonts.ready.then(() => drawAll());
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start); else start();
  document.addEventListener("htmx:afterSettle", () => drawAll());
  document.documentElement.addEventListener("themechange", () => drawAll());
  // The back office's theme switches a class on the root.
  new MutationObserver(() => drawAll()).observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll());
  addEventListener("beforeprint", () => { for (const chart of drawn.values()) chart.resize(); });
})();
