/* The new policy, the link, and the page as a whole. */
function yaml() {
  const changed = data.rules.filter((rule) => rule.sliders.some((i) => at[i] !== data.sliders[i].start));
  if (!changed.length) return say("yaml_same");
  const limit = (i) => `${data.sliders[i].values[at[i]]} ${data.sliders[i].unit}`;
  const line = (rule) => {
    const [first, second] = rule.sliders;
    if (second === undefined) return `${data.sliders[first].key}: ${limit(first)}`;
    return `between: [${limit(first)}, ${limit(second)}]`;
  };
  const rules = data.tier === null
    ? ["rules:", ...changed.flatMap((rule) => [`  - id: ${rule.id}`, `    ${line(rule)}`])]
    : ["tiers:", `  ${data.tier}:`, "    rules:",
      ...changed.map((rule) => `      ${rule.id}: {${line(rule)}}`)];
  return `${data.head}${rules.join("\n")}\n`;
}

async function copy(text, field) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    field.focus();
    field.select();
    document.execCommand("copy");
  }
  note(say("copied"));
}

const note = (text) => { parts.note.textContent = text; };

const nameOf = (slider) => {
  const rule = data.rules[slider.rule];
  return rule.sliders.length > 1 ? `${rule.id}.${slider.side}` : rule.id;
};

function fragment() {
  return data.sliders
    .map((slider, i) => (at[i] === slider.start ? "" : `${nameOf(slider)}=${slider.values[at[i]]}`))
    .filter(Boolean).join("&");
}

/** The places that a fragment names; null if it is none of ours. */
function places(text) {
  const found = data.sliders.map((slider) => slider.start);
  for (const part of text.split("&").filter(Boolean)) {
    const match = /^([a-z0-9-]+(?:\.(?:min|max))?)=(-?[0-9.]+)$/.exec(part);
    const index = match ? data.sliders.findIndex((slider) => nameOf(slider) === match[1]) : -1;
    if (index < 0) return null;
    const slider = data.sliders[index], place = slider.values.indexOf(Number(match[2]));
    if (place < slider.allowed[0] || place > slider.allowed[1]) return null;
    found[index] = place;
  }
  return found;
}

function readLink() {
  let found = null;
  try {
    found = places(decodeURIComponent(location.hash.slice(1)));
  } catch { /* no text that was ever encoded */ }
  note(found ? "" : say("bad_link"));
  (found || data.sliders.map((slider) => slider.start)).forEach((place, i) => { at[i] = place; });
  fields.forEach((_, i) => showSlider(i));
  show();
  later();
}

function writeLink() {
  const text = fragment();
  history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
  parts.link.value = location.href;
}

// -- all together

const parts = {
  counts: element("p", { class: "counts", role: "status" }),
  odd: element("p", { class: "odd", role: "alert", hidden: true }),
  note: element("p", { class: "note", role: "status" }),
  list: element("ol", { class: "audits" }),
  empty: element("p", {}, say("nothing")),
  page: element("span", {}),
  before: button("before", () => turn(-1)),
  after: button("after", () => turn(1)),
  yaml: element("textarea", { id: "yaml", readonly: true, rows: 14, spellcheck: "false" }),
  link: element("input", { id: "link", type: "text", readonly: true }),
};
parts.pager = element("p", { class: "pager" }, parts.before, parts.page, parts.after);

function move(index, place) {
  at[index] = place;
  showSlider(index);
  show();
  clearTimeout(timer);
  timer = setTimeout(later, SOON);
}

function show() {
  const odd = judgeAll();
  parts.odd.hidden = !odd.length;
  parts.odd.textContent = odd.map(([one, other]) => say("refused", {
    one: data.rules[data.sliders[one].rule].id, other: data.rules[data.sliders[other].rule].id,
  })).join(" ");
  parts.sum.textContent = countsText();
  showTallies();
  showAudits();
  parts.yaml.value = odd.length ? say("yaml_refused") : yaml();
}

/** What need not follow each step of a slider: what is read aloud, and the link. */
function later() {
  parts.counts.textContent = countsText();
  writeLink();
}

function reset() {
  data.sliders.forEach((slider, i) => { at[i] = slider.start; showSlider(i); });
  note("");
  show();
  later();
}

function choice() {
  const select = element("select", { id: "shown" },
    ...["all", "flips", "blocked"].map((key) => element("option", { value: key }, say(`show_${key}`))));
  select.addEventListener("change", () => {
    [shown, page] = [select.value, 0];
    showAudits();
  });
  return element("p", { class: "choice" }, element("label", { for: "shown" }, say("show")), " ", select);
}

function build() {
  // What is seen changes with each step; what is read aloud waits until a slider rests.
  parts.sum = element("p", { class: "sum", "aria-hidden": "true" });
  parts.counts.classList.add("aloud");
  const limits = element("section", { class: "limits", "aria-labelledby": "limits" },
    element("h2", { id: "limits" }, say("limits")), element("p", {}, say("limits_lead")),
    button("reset", reset), ...data.rules.map(ruleField));
  const audits = element("section", { class: "results", "aria-labelledby": "audits" },
    element("h2", { id: "audits" }, say("audits")), choice(), parts.list, parts.empty, parts.pager,
    broken());
  document.getElementById("page").append(
    element("p", { class: "lead" }, say("lead")),
    element("div", { class: "top" }, parts.sum, parts.counts, parts.odd, parts.note),
    element("div", { class: "columns" }, limits, element("div", {}, audits, output())));
}

function broken() {
  if (!data.broken.length) return null;
  return element("div", {}, element("h3", {}, say("broken")),
    element("ul", {}, ...data.broken.map((name) => element("li", {}, name))));
}

function output() {
  return element("section", { class: "output", "aria-labelledby": "output" },
    element("h2", { id: "output" }, say("output")), element("p", {}, say("output_lead", { file: data.file })),
    element("label", { for: "yaml" }, say("yaml")), parts.yaml,
    button("copy_yaml", () => copy(parts.yaml.value, parts.yaml)),
    element("p", {}, element("label", { for: "link" }, say("link"))), parts.link,
    button("copy_link", () => copy(parts.link.value, parts.link)));
}

trust();
build();
readLink();
window.addEventListener("hashchange", readLink);
