/* Limits of this one audit, moved: the workbench's table and logic, of which nothing is repeated. */
const parts = {
  outcome: element("div", { class: "outcome" }),
  text: element("p", { "aria-hidden": "true" }),
  aloud: element("p", { class: "aloud", role: "status" }),
  odd: element("p", { class: "odd", role: "alert", hidden: true }),
};
const TONES = { passed: "pass", "passed by exception": "waived", failed: "fail",
  "failed on warnings": "fail", inconclusive: "inconclusive" };
const before = data.audits[0].then;

function move(index, place) {
  at[index] = place;
  showSlider(index);
  show();
  clearTimeout(timer);
  timer = setTimeout(later, SOON);
}

/** What is read aloud waits until a slider rests. */
function later() {
  parts.aloud.textContent = parts.text.textContent;
}

function reset() {
  data.sliders.forEach((slider, i) => { at[i] = slider.start; showSlider(i); });
  show();
  later();
}

const word = (headline) => say(`headline_${headline.replaceAll(" ", "_")}`);

function verdictText(row) {
  if (row.now === null) return [say(`untold_${data.audits[0].unsure ? "unsure" : "fixed"}`)];
  const now = element("strong", {}, word(row.now));
  if (atStart()) return [say("what_if_now"), now, " ", say("what_if_unmoved")];
  return [say("what_if_would"), now, " ", row.flips ? say("what_if_instead", { then: word(before) }) : say("what_if_same")];
}

function showRule(row, index) {
  const field = document.getElementById(`tally-${index}`).closest(".rule");
  const one = row.found ? row.found.outcomes[index] : null;
  const moved = data.rules[index].sliders.some((i) => at[i] !== data.sliders[i].start);
  field.className = `rule ${one ? one.result : ""}${moved ? " changed" : ""}`;
  const few = row.found && row.found.short.includes(index);
  document.getElementById(`tally-${index}`).textContent = !one ? ""
    : [`${say(`what_if_sign_${one.result}`)} ${say(`result_${one.result}`)}: ${numberText(one.decisive)}`,
      few ? say("few", { rule: data.rules[index].id }) : ""].filter(Boolean).join(". ");
}

function show() {
  const odd = judgeAll();
  parts.odd.hidden = !odd.length;
  parts.odd.textContent = odd.map(([one, other]) => say("refused", {
    one: data.rules[data.sliders[one].rule].id, other: data.rules[data.sliders[other].rule].id,
  })).join(" ");
  const row = rows[0];
  const needs = data.audits[0].unmet.length ? element("span", { class: "sub" },
    say("what_if_needs", { needs: data.audits[0].unmet.length })) : null;
  parts.text.replaceChildren(...(odd.length ? [say("untold_refused")] : verdictText(row)),
    ...(needs ? [needs] : []));
  parts.outcome.className = `outcome ${row.now === null ? "" : TONES[row.now]}`;
  data.rules.forEach((_, i) => showRule(row, i));
}

trust();
parts.outcome.append(parts.text, parts.aloud, parts.odd, button("reset", reset));
document.getElementById("panel").append(parts.outcome,
  element("div", { class: "what-if-rules" }, ...data.rules.map(ruleField)));
data.sliders.forEach((_, i) => showSlider(i));
show();
