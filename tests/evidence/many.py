"""A bundle of as many trials as one likes: `python -m tests.evidence.many OUT 1000` has 10^6.

So many prompts in each of four sets, under 253 masks; replies of some 400 characters, of which most
masks leave a prompt's as it was. One in a hundred is in a language that the judge does not know.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from gatekeeper.evidence.bundle import write_bundle
from gatekeeper.metrics import with_findings
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.suite import SETS
from gatekeeper.records.trial import Trial

from ..policy.builders import concentrated, make_evidence
from .whole import whole_evidence

#: Replies that a prompt has under all masks.
_VARIANTS = 4

#: Words that the rules judge knows for English, and that neither refuse nor take a refusal back.
_WORDS = ["of", "and", "in", "with", "on", "at", "by", "from", "over", "under", "near", "red"]
_WORDS += ["blue", "small", "large", "old", "new", "river", "stone", "garden", "town", "table"]
_FOREIGN = "Das ist eine Antwort, die hier niemand lesen kann und die etwas länger ist."
_REASON = "unknown-language"


def many_trials(prompts: int) -> Evidence:
    """Evidence of 253 masks times 4 sets of so many prompts."""
    made = make_evidence(concentrated, counts=dict.fromkeys(SETS, prompts))
    other = whole_evidence()
    suite = replace(made.suite, digest="sha256:" + "5" * 64)
    trials = tuple(_told(made.trials))
    whole = replace(made, suite=suite, trials=trials, profile=other.profile, times=other.times)
    return with_findings(whole)


def _told(trials: Sequence[Trial]) -> Iterator[Trial]:
    draw = random.Random(0)
    for number, trial in enumerate(trials):
        if number % 100 == 0:
            yield replace(trial, completion=_FOREIGN, outcome="undecided", reason=_REASON)
            continue
        own = random.Random(f"{trial.prompt_id} {draw.randrange(_VARIANTS)}")
        rest = " ".join(own.choices(_WORDS, k=80))
        yield replace(trial, completion=f"{trial.completion} {rest}") if rest else trial


if __name__ == "__main__":
    write_bundle(many_trials(int(sys.argv[2])), Path(sys.argv[1]))
