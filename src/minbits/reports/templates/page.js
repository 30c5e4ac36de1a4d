"use strict";
(() => {
  const specs = JSON.parse(document.getElementById("specs").textContent);
  const root = document.documentElement;
  const axis = {
    labelColor: "var(--ink)", titleColor: "var(--ink)", gridColor: "var(--line)",
    domainColor: "var(--muted)", tickColor: "var(--muted)", labelFontSize: 12, titleFontSize: 12,
    titleFontWeight: "normal", labelOverlap: "greedy", labelSeparation: 8,
  };
  const config = {
    background: null, font: 'system-ui, "DejaVu Sans", sans-serif', view: { stroke: null }, axis,
    axisX: {}, axisY: {}, legend: { labelColor: "var(--ink)", titleColor: "var(--ink)", labelFontSize: 12 },
  };

  // --- charts: drawn when they come into view, the others one by one when the page is at rest.
  const waiting = [...document.querySelectorAll(".chart")];
  const isHidden = (chart) => chart.closest("details:not([open])") !== null;

  async function draw(chart) {
    const place = waiting.indexOf(chart);
    if (place < 0) return;
    waiting.splice(place, 1);
    const number = Number(chart.dataset.chart);
    // Names on the left take a part of the width, on a phone as on a desk.
    config.axisY.labelLimit = Math.max(90, 0.34 * chart.clientWidth);
    config.axisX.labelLimit = 120;
    config.axisX.titleLimit = chart.clientWidth - 60;
    config.legend.columns = chart.clientWidth < 600 ? 1 : 3;
    config.legend.labelLimit = 0.6 * chart.clientWidth;
    await vegaEmbed(chart, specs[number], {
      mode: "vega-lite", renderer: "svg", actions: false, config,
      tooltip: { theme: "custom" },
    });
    chart.dataset.drawn = "yes";
    const view = chart.querySelector("svg");
    view.setAttribute("aria-label", chart.getAttribute("aria-label"));
    values(chart, document.getElementById(`readout-${number}`));
    untangle(chart);
    new ResizeObserver(() => requestAnimationFrame(() => untangle(chart))).observe(view);
  }

  // --- names at points: above, below or beside, where no other name or point is, or not at all.
  // Pointer, keyboard and table tell those that have no room.
  function untangle(chart) {
    const names = [...chart.querySelectorAll(".mark-text.role-mark > text")];
    if (names.length === 0) return;
    const meets = (a, b) =>
      a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
    const taken = [...chart.querySelectorAll(".mark-symbol.role-mark > [aria-label]")]
      .map((mark) => mark.getBoundingClientRect());
    const frame = chart.querySelector(".background").getBoundingClientRect();
    for (const name of names) {
      name.style.translate = "";
      const box = name.getBoundingClientRect();
      const side = box.width / 2 + 10;
      const place = [[0, 0], [0, 26], [side, 13], [-side, 13]].find(([right, down]) => {
        const moved = new DOMRect(box.x + right, box.y + down, box.width, box.height);
        const isFree = moved.left >= frame.left && moved.right <= frame.right
          && !taken.some((other) => meets(moved, other));
        if (isFree) taken.push(moved);
        return isFree;
      });
      name.style.visibility = place ? "" : "hidden";
      if (place) name.style.translate = `${place[0]}px ${place[1]}px`;
    }
  }

  async function drawNext() {
    const next = waiting.find((chart) => !isHidden(chart));
    if (next === undefined) { root.dataset.ready = "yes"; return; }
    await draw(next);
    setTimeout(drawNext);
  }

  // --- values: by the pointer, and by the arrow keys of a chart that has the focus.
  function values(chart, readout) {
    const marks = [...chart.querySelectorAll(".role-mark > [aria-label]")];
    let place = -1;
    const show = (next) => {
      if (place >= 0) marks[place].classList.remove("current");
      place = next;
      if (place >= 0) marks[place].classList.add("current");
      readout.textContent = place >= 0 ? marks[place].getAttribute("aria-label") : "";
    };
    chart.addEventListener("pointerover", (event) => {
      const found = marks.indexOf(event.target.closest("[aria-label]"));
      if (found >= 0) show(found);
    });
    chart.addEventListener("keydown", (event) => {
      const last = marks.length - 1;
      const next = {
        ArrowRight: Math.min(place + 1, last), ArrowDown: Math.min(place + 1, last),
        ArrowLeft: Math.max(place - 1, 0), ArrowUp: Math.max(place - 1, 0),
        Home: 0, End: last, Escape: -1,
      }[event.key];
      if (next === undefined) return;
      event.preventDefault();
      show(next);
    });
    chart.addEventListener("blur", () => show(-1));
  }

  // --- light and dark: as the system has it, until somebody chooses.
  document.getElementById("theme").addEventListener("click", () => {
    const isDark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = isDark ? "light" : "dark";
  });

  // --- on paper nobody unfolds a table: those that stand for themselves are open there.
  addEventListener("beforeprint", () => {
    for (const table of document.querySelectorAll("section > details.behind")) table.open = true;
  });

  // --- a link to a data set unfolds it.
  function unfold() {
    const target = location.hash ? document.getElementById(location.hash.slice(1)) : null;
    if (target instanceof HTMLDetailsElement) target.open = true;
  }
  addEventListener("hashchange", unfold);
  document.addEventListener("toggle", () => drawNext(), true);

  // --- while a search runs: the page reads itself again, and keeps what is unfolded.
  const seconds = Number(root.dataset.refresh);
  if (seconds > 0) {
    const pause = document.getElementById("pause");
    const open = JSON.parse(sessionStorage.getItem("minbits-open") ?? "[]");
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    pause.addEventListener("click", () => {
      const isPaused = pause.getAttribute("aria-pressed") !== "true";
      pause.setAttribute("aria-pressed", String(isPaused));
    });
    setInterval(() => {
      if (pause.getAttribute("aria-pressed") === "true") return;
      const ids = [...document.querySelectorAll("details.set[open]")].map((set) => set.id);
      sessionStorage.setItem("minbits-open", JSON.stringify(ids));
      location.reload();
    }, 1000 * seconds);
  }

  unfold();
  drawNext();
})();
