/* A slider and a number field for each limit, and how many audits each rule passes. */
const fields = [];

function sliderField(slider, index) {
  const rule = data.rules[slider.rule].id, id = `limit-${index}`;
  const name = `${rule}, ${say(slider.side === "max" ? "side_max" : "side_min")}`;
  const [first, last] = slider.allowed;
  const range = element("input", {
    type: "range", id, min: first, max: last, step: 1, value: at[index],
    "aria-label": name, "aria-describedby": `${id}-prompts`,
  });
  const number = element("input", {
    type: "number", id: `${id}-number`, step: "any", value: slider.values[at[index]],
    min: slider.values[first], max: slider.values[last], "aria-label": `${name}, ${say("number")}`,
  });
  const back = button("back", () => move(index, slider.start), { "aria-label": `${say("back")}: ${name}` });
  range.addEventListener("input", () => move(index, Number(range.value)));
  number.addEventListener("change", () => move(index, nearest(slider, number.value, at[index])));
  const text = element("span", { class: "limit" });
  const prompts = element("p", { class: "prompts", id: `${id}-prompts` });
  fields.push({ range, number, text, prompts, back });
  return element("div", { class: "slider" },
    element("div", { class: "line" }, text, number, element("span", { class: "unit" }, slider.unit), back),
    range, prompts);
}

/** The place of the allowed limit that is nearest to what was typed. */
function nearest(slider, typed, place) {
  const wanted = Number(typed);
  if (typed.trim() === "" || !Number.isFinite(wanted)) return place;
  let best = slider.allowed[0];
  for (let i = best; i <= slider.allowed[1]; i++) {
    if (Math.abs(slider.values[i] - wanted) < Math.abs(slider.values[best] - wanted)) best = i;
  }
  return best;
}

/** Prompts for a decision at the nearest limit that was counted, and what that says here. */
function promptsText(slider, place) {
  if (slider.marks === undefined) return ""; // none are told of here
  if (slider.marks === null) return say("prompts_unknown");
  const limit = slider.values[place], strict = (a, b) => (slider.side === "max" ? a <= b : a >= b);
  const exact = slider.marks.find(([mark]) => mark === limit);
  const stricter = slider.marks.filter(([mark]) => strict(mark, limit));
  const mark = exact || (stricter.length ? stricter[stricter.length - 1] : slider.marks[0]);
  const of = amount(mark[0], slider.unit);
  if (mark[1] === null) return say(exact || !stricter.length ? "prompts_none" : "prompts_open", { of });
  return say(exact ? "prompts" : stricter.length ? "prompts_most" : "prompts_least", { n: mark[1], of });
}

function ruleField(rule, index) {
  const tally = element("p", { class: "tally", id: `tally-${index}` });
  return element("fieldset", { class: "rule" },
    element("legend", {}, rule.id, " ", element("span", { class: "kind" }, say(rule.blocks ? "blocks" : "warns"))),
    element("p", { class: "about" }, rule.about),
    ...rule.sliders.map((slider) => sliderField(data.sliders[slider], slider)), tally);
}

function showSlider(index) {
  const slider = data.sliders[index], field = fields[index], place = at[index];
  field.range.value = place;
  field.range.setAttribute("aria-valuetext", limitText(slider, place));
  field.number.value = slider.values[place];
  field.text.textContent = limitText(slider, place);
  field.prompts.textContent = promptsText(slider, place);
  field.back.hidden = place === slider.start;
}

function mistakes(passes) {
  let blocked = 0, missed = 0;
  for (const row of rows) {
    if (row.now === null) continue;
    if (row.audit.label === "good" && !passes(row)) blocked++;
    if (row.audit.label === "bad" && passes(row)) missed++;
  }
  return say("mistakes", { blocked, missed });
}

function countsText() {
  const of = (test) => rows.filter((row) => row.now !== null && test(row)).length;
  const parts = [
    say("count_pass", { n: of((row) => passed(row.now)) }),
    say("count_fail", { n: of((row) => row.now.startsWith("failed")) }),
    say("count_open", { n: of((row) => row.now === "inconclusive") }),
    say("count_flips", { n: of((row) => row.flips) }),
  ];
  const untold = rows.filter((row) => row.now === null).length;
  if (untold) parts.push(say("count_untold", { n: untold }));
  if (data.labelled) parts.push(mistakes((row) => passed(row.now)));
  return say("counts", { n: rows.length }) + parts.join(say("comma"));
}

function showTallies() {
  data.rules.forEach((_, i) => {
    const results = rows.map((row) => (row.found ? row.found.outcomes[i].raw : null));
    const of = (result) => results.filter((one) => one === result).length;
    const parts = [
      say("count_pass", { n: of("pass") }), say("count_fail", { n: of("fail") }),
      say("count_open", { n: of("inconclusive") }),
    ];
    if (data.labelled) parts.push(mistakes((row) => row.found && row.found.outcomes[i].raw === "pass"));
    document.getElementById(`tally-${i}`).textContent = say("tally") + parts.join(say("comma"));
  });
}
