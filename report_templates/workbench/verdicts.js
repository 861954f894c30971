"use strict";
/*
 * What the gate says of past audits at other limits. Whether a number passes, is open or lies wholly
 * outside was decided in Python, for every limit that a slider takes: here steps are looked up,
 * claims are made together (Holm, as analysis/holm.py), and results are combined (as
 * policy/decide_rules.py and policy/evaluate.py). No interval and no power is computed.
 *
 * An audit's rule is [places of its numbers in data.slid, for each slider the limits between which
 * its prompts are enough]. A number is [subject, slider of the rule, what was measured, steps]; a
 * step is four values: where it begins, its code, among how many claims a fail stands, its number.
 */
const Verdicts = (() => {
  const RANK = { fail: 0, inconclusive: 1, pass: 2 };
  const STEP = 4;

  /** The step that a slider's place lies in. */
  function stepAt(steps, place) {
    let low = 0, high = steps.length / STEP;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (steps[middle * STEP] <= place) low = middle; else high = middle;
    }
    return low * STEP;
  }

  const RESULTS = { p: "pass", f: "fail", i: "inconclusive", x: "inconclusive", b: "" };

  /** One number at the limits of now, before claims are made together. */
  function held(data, rule, slidPlace, at) {
    const [subject, side, numbers, steps] = data.slid[slidPlace];
    const slider = rule.sliders[side];
    const step = stepAt(steps, at[slider]);
    const number = numbers[steps[step + 3]];
    return {
      subject, slider, code: steps[step + 1], still: steps[step + 2], stands: false,
      number: number < 0 ? null : data.number[number], result: RESULTS[steps[step + 1]],
    };
  }

  /** A rule's numbers, and those of them that a fail may be claimed of; kept until a slider moves. */
  function numbersOf(data, audit, index, at, memory) {
    const rule = data.rules[index], places = rule.sliders.map((slider) => at[slider]);
    const kept = memory[index];
    if (kept && kept.places.every((place, i) => place === places[i])) return kept;
    const numbers = audit.rules[index][0].map((place) => held(data, rule, place, at));
    const claims = numbers.filter((one) => one.code === "b");
    memory[index] = { places, numbers, claims, outcome: null };
    return memory[index];
  }

  /** Which claims stand, of which each stands among so many that are still open. */
  function stepDown(claims, count) {
    let made = 0;
    for (;;) {
      const still = Math.max(count - made, 1);
      const more = claims.filter((claim) => !claim.stands && claim.still >= still);
      if (!more.length) return;
      for (const claim of more) claim.stands = true;
      made += more.length;
    }
  }

  function decideNumbers(data, rules) {
    const family = [];
    let count = 0;
    rules.forEach(({ numbers, claims }, i) => {
      for (const claim of claims) claim.stands = false;
      if (data.rules[i].joins) {
        family.push(...claims);
        count += numbers.length;
      } else stepDown(claims, numbers.length);
    });
    stepDown(family, count);
    for (const { claims } of rules) {
      for (const claim of claims) claim.result = claim.stands ? "fail" : "inconclusive";
    }
  }

  /** Orders by result; then what no limit was held against; then the worst value. */
  function before(data, a, b) {
    if (a.result !== b.result) return RANK[a.result] < RANK[b.result];
    if ((a.code === "x") !== (b.code === "x")) return a.code === "x";
    return worst(data, a) < worst(data, b);
  }

  function worst(data, one) {
    if (one.number === null) return 0;
    return data.sliders[one.slider].side === "max" ? -one.number[0] : one.number[0];
  }

  /** How a rule comes out, and the number that decides it. */
  function outcome(data, audit, rule, index) {
    if (rule.outcome && !rule.claims.length) return rule.outcome;
    let decisive = rule.numbers[0];
    for (const one of rule.numbers) if (before(data, one, decisive)) decisive = one;
    const raw = decisive.result;
    const waived = raw !== "pass" && audit.waived.includes(index);
    rule.outcome = { rule: index, raw, result: waived ? "waived" : raw, decisive };
    return rule.outcome;
  }

  function isShort(data, audit, index, at) {
    const rule = data.rules[index];
    return rule.blocks && audit.rules[index][1].some(
      ([first, last], side) => at[rule.sliders[side]] < first || at[rule.sliders[side]] > last);
  }

  /** Pass, fail or inconclusive, from needs and rules. */
  function resultOf(data, audit, outcomes, unmet, measured) {
    const blocking = outcomes.filter((one) => data.rules[one.rule].blocks);
    if (blocking.some((one) => one.result === "fail")) return "fail";
    const fine = blocking.every((one) => one.result === "pass" || one.result === "waived");
    if (unmet || !measured || !fine) return "inconclusive";
    return audit.failOn === "warn" && warned(data, outcomes) ? "fail" : "pass";
  }

  function warned(data, outcomes) {
    return outcomes.some((one) => !data.rules[one.rule].blocks
      && (one.result === "fail" || one.result === "inconclusive"));
  }

  function headline(data, audit, outcomes, result) {
    if (result === "pass") {
      return outcomes.some((one) => one.result === "waived") ? "passed by exception" : "passed";
    }
    if (result !== "fail") return "inconclusive";
    const blocked = outcomes.some((one) => data.rules[one.rule].blocks && one.result === "fail");
    return audit.failOn === "warn" && !blocked ? "failed on warnings" : "failed";
  }

  /**
   * The verdict of one audit, with each slider at a place among its values. What the memory, of this
   * audit alone, holds of rules whose sliders did not move is used again.
   */
  function judge(data, audit, at, memory = []) {
    const rules = audit.rules.map((_, i) => numbersOf(data, audit, i, at, memory));
    decideNumbers(data, rules);
    const outcomes = rules.map((rule, i) => outcome(data, audit, rule, i));
    const short = data.rules.map((_, i) => i).filter((i) => isShort(data, audit, i, at));
    const measured = rules.some(({ numbers }) => numbers.every((one) => one.number !== null));
    const unmet = audit.unmet.length > 0 || short.length > 0;
    const result = resultOf(data, audit, outcomes, unmet, measured);
    return { headline: headline(data, audit, outcomes, result), outcomes, short };
  }

  /** Pairs of limits that the gate would refuse beside each other. */
  function refused(data, at) {
    return data.pairs.filter(([one, other, smaller, alike, larger]) => {
      const a = data.sliders[one].values[at[one]], b = data.sliders[other].values[at[other]];
      return a < b ? smaller : a > b ? larger : alike;
    });
  }

  return { judge, refused };
})();
