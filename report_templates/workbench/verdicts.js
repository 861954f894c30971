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

  /** One number at the limits of now, before claims are made together. */
  function held(data, rule, slidPlace, at) {
    const [subject, side, numbers, steps] = data.slid[slidPlace];
    const slider = rule.sliders[side];
    const step = stepAt(steps, at[slider]);
    const number = numbers[steps[step + 3]];
    return {
      subject, slider, code: steps[step + 1], still: steps[step + 2],
      number: number < 0 ? null : data.number[number], result: "",
    };
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

  function decideNumbers(rules, data) {
    const family = [];
    rules.forEach((numbers, i) => {
      if (data.rules[i].joins) family.push(...numbers);
      else stepDown(numbers.filter((one) => one.code === "b"), numbers.length);
    });
    stepDown(family.filter((one) => one.code === "b"), family.length);
    const plain = { p: "pass", f: "fail", i: "inconclusive", x: "inconclusive" };
    for (const numbers of rules) {
      for (const one of numbers) {
        one.result = one.code === "b" ? (one.stands ? "fail" : "inconclusive") : plain[one.code];
      }
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
  function outcome(data, audit, numbers, index) {
    let decisive = numbers[0];
    for (const one of numbers) if (before(data, one, decisive)) decisive = one;
    const raw = decisive.result;
    const waived = raw !== "pass" && audit.waived.includes(index);
    return { rule: index, raw, result: waived ? "waived" : raw, decisive };
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

  /** The verdict of one audit, with each slider at a place among its values. */
  function judge(data, audit, at) {
    const rules = audit.rules.map(
      ([slid], i) => slid.map((place) => held(data, data.rules[i], place, at)));
    decideNumbers(rules, data);
    const outcomes = rules.map((numbers, i) => outcome(data, audit, numbers, i));
    const short = data.rules.map((_, i) => i).filter((i) => isShort(data, audit, i, at));
    const measured = rules.some((numbers) => numbers.every((one) => one.number !== null));
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
