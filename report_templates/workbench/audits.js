/* The audits, with what decides each of them. */
function outcomeText(one) {
  return `${data.rules[one.rule].id}: ${say(`result_${one.result}`)}. ${numberText(one.decisive)}`;
}

/** Reasons of a verdict, the weightiest first. */
function reasons(row) {
  if (!row.found) return [];
  const counts = (one) => data.rules[one.rule].blocks || row.audit.failOn === "warn";
  const open = row.found.outcomes.filter((one) => counts(one) && one.result !== "pass");
  const rank = { fail: 0, inconclusive: 1, waived: 2 };
  open.sort((a, b) => rank[a.result] - rank[b.result]);
  const needs = row.audit.unmet.map((i) => say("unmet", { need: data.unmet[i] }));
  const few = row.found.short.map((i) => say("few", { rule: data.rules[i].id }));
  return [...open.map(outcomeText), ...few, ...needs];
}

function meaning(row) {
  if (row.now === null) {
    return Verdicts.refused(data, at).length ? say("untold_refused")
      : say(row.audit.unsure ? "untold_unsure" : "untold_fixed");
  }
  if (row.audit.then === null) return say("no_then");
  if (!row.flips) return say("as_before");
  if (passed(row.now) === passed(row.audit.then)) return say("otherwise");
  return say(passed(row.now) ? "released" : "blocked");
}

const head = (headline) => (headline === null ? say("none") : say(`headline_${headline.replaceAll(" ", "_")}`));

function auditItem(row) {
  const { audit } = row, all = reasons(row);
  const kind = row.now === null ? "untold" : passed(row.now) ? "passed" : row.now.split(" ")[0];
  const [first, ...rest] = all;
  return element("li", { class: `audit ${kind}${row.flips ? " flips" : ""}` },
    element("p", { class: "name" }, element("strong", {}, audit.id), ` ${audit.date} ${audit.model}`,
      audit.label ? element("span", { class: "label" }, say(`label_${audit.label}`)) : null),
    element("p", { class: "verdict" }, `${head(audit.then)} → `, element("strong", {}, head(row.now)),
      `: ${meaning(row)}`),
    element("p", { class: "why" }, first || (row.found ? say("all_pass") : "")),
    rest.length ? element("details", {}, element("summary", {}, say("more", { n: rest.length })),
      element("ul", {}, ...rest.map((text) => element("li", {}, text)))) : null);
}

function listed() {
  if (shown === "flips") return rows.filter((row) => row.flips);
  if (shown === "blocked") return rows.filter((row) => row.now !== null && !passed(row.now));
  return rows;
}

function showAudits() {
  const found = listed(), pages = Math.max(1, Math.ceil(found.length / PER_PAGE));
  page = Math.min(page, pages - 1);
  const part = found.slice(page * PER_PAGE, (page + 1) * PER_PAGE);
  parts.list.replaceChildren(...part.map(auditItem));
  parts.empty.hidden = part.length > 0;
  parts.pager.hidden = pages < 2;
  parts.page.textContent = say("page", { page: page + 1, pages });
  parts.before.disabled = page === 0;
  parts.after.disabled = page === pages - 1;
}

function turn(step) {
  page += step;
  showAudits();
}
