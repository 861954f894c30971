/* The data, the words, and how elements are made of them. */
const data = JSON.parse(document.getElementById("data").textContent);
const PER_PAGE = 25, SOON = 250;
const at = data.sliders.map((slider) => slider.start);
const rows = [];
let page = 0, shown = "all", timer = 0;

const say = (key, values = {}) =>
  data.words[key].replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
const amount = (value, unit) => say(`unit.${unit}`, { value });
const short = (value) => String(Math.round(value * 10) / 10);
const limitText = (slider, place) =>
  say(slider.key === "max_regression" ? "regression" : slider.side === "max" ? "at_most" : "at_least",
    { limit: amount(slider.values[place], slider.unit) });

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

function button(key, action, attributes = {}) {
  const made = element("button", { type: "button", ...attributes }, say(key));
  made.addEventListener("click", action);
  return made;
}

// -- verdicts of now

const memories = new Map();

function memoryOf(audit) {
  if (!memories.has(audit)) memories.set(audit, []);
  return memories.get(audit);
}

const atStart = () => at.every((place, i) => place === data.sliders[i].start);
const passed = (headline) => headline.startsWith("passed");

/** The same as the gate said at the policy's own limits, or it is not slid at all. */
function trust() {
  for (const audit of data.audits) {
    audit.unsure = Verdicts.judge(data, audit, at, memoryOf(audit)).headline !== audit.now;
  }
}

function judgeAll() {
  const odd = Verdicts.refused(data, at);
  rows.length = 0;
  for (const audit of data.audits) {
    const slid = !odd.length && !audit.unsure && (!audit.fixed || atStart());
    const found = slid ? Verdicts.judge(data, audit, at, memoryOf(audit)) : null;
    const now = found ? found.headline : atStart() ? audit.now : null;
    rows.push({ audit, found, now, flips: now !== null && audit.then !== null && now !== audit.then });
  }
  return odd;
}

/** What was measured, against the limit of now. */
function numberText(one) {
  const slider = data.sliders[one.slider], limit = limitText(slider, at[one.slider]);
  if (one.number === null) return say("not_measured", { limit });
  const [value, low, high, n] = one.number;
  return say("held", {
    value: amount(short(value), slider.unit), low: short(low), high: short(high), n, limit,
    at: data.at[one.subject] ? ` (${data.at[one.subject]})` : "",
  });
}
