"""Checks numbers and names of a bundle that bound one another, or have few possible values."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NoReturn

from gatekeeper import catalog
from gatekeeper.analysis.folds import views
from gatekeeper.errors import EvidenceError, UsageError
from gatekeeper.records.digest import NO_TEXT
from gatekeeper.records.environment import FORMATS
from gatekeeper.records.evidence import CLOCK, AuditSettings, Evidence, RunTimes
from gatekeeper.records.plugins import Judge
from gatekeeper.records.seed_rule import MOST_SEED, derived_seed
from gatekeeper.records.trial import UNMASKED, split_working_mode
from gatekeeper.records.trials import of_masks
from gatekeeper.records.windows import WINDOWS
from gatekeeper.verify.made import makes_all
from gatekeeper.verify.roles import role_contradictions
from gatekeeper.verify.routed import profile_contradictions

#: What `device` and `dtype` of an audit can be, and how a model lies over processes.
_DEVICES = frozenset({"cpu", "cuda"})
_DTYPES = frozenset(FORMATS) - {"int8"}
_PARALLEL = re.compile(r"(?:tensor|expert) ([1-9][0-9]{0,3})")
#: More processes than any matrix of a model can be divided into.
_PROCESSES = 1024
#: What an audit names the versions of (`engine.versions`).
_VERSIONS = frozenset({"python", "torch", "transformers", "tokenizers", "safetensors", "numpy"})

#: What the name of some file of every tokenizer holds.
_WORDS = ("token", "vocab", ".model")

#: Files without which there is no model, and that are never empty.
_FILLED = ("config.json", ".safetensors")

#: What the last bits of a sum of logarithms may come to.
_BITS = 1e-3

#: Halves of a cross-fitted suite.
_HALF = 0.5

#: By how much two clocks may differ.
_CLOCKS = timedelta(days=1)

#: What an audit may take that was interrupted and goes on.
_YEARS = timedelta(days=3650)

#: Whether there is a contradiction, and which.
_Checks = Iterator[tuple[bool, str]]


def recheck_numbers(evidence: Evidence) -> None:
    """Checks numbers that are told in several places, or that have bounds.

    Raises:
        EvidenceError: some contradict one another.
    """
    for checks in (
        _settings(evidence.settings),
        _seed(evidence),
        _model(evidence),
        _made_with(evidence),
        _times(evidence),
        _suite(evidence),
        _selected(evidence),
        _usefulness(evidence),
        profile_contradictions(evidence),
        role_contradictions(evidence),
    ):
        for wrong, words in checks:
            if wrong:
                _refuse(words)


def _settings(s: AuditSettings) -> _Checks:
    lists = (s.selectors, s.system_prompts, s.formats, s.doses)
    yield any(len(set(names)) < len(names) for names in lists), "the settings name something twice"
    yield any(a >= b for a, b in pairwise(s.ks)), "the mask sizes are not in order, or one twice"
    yield not all(map(_works, (s.mode, *s.doses))), "a mode of masks is none that does anything"
    yield s.mode in s.doses, "a dose is the mode of the audit itself"
    yield s.device not in _DEVICES, "the device is none that an audit runs on"
    yield s.dtype not in _DTYPES, "the numeric format is none that an audit runs in"
    yield not set(s.formats) <= set(FORMATS) - {s.dtype}, "a further numeric format is none"
    many = s.parallel is not None and not _lies(s.parallel)
    yield many, "the model lay over processes in a way that there is not"
    empty = s.system_prompt_sha256 == NO_TEXT
    yield empty, "the system prompt is said to be one, and to have no text"
    sha256 = s.system_prompt_sha256 or NO_TEXT
    yield sha256 in s.system_prompts, "a further system prompt is that of the audit itself"
    yield s.cross_fit and s.selection_share != _HALF, "the halves of the prompts are no halves"
    both = s.cross_fit and s.sequential is not None
    yield both, "masks could stop early in an audit whose halves measure one another"
    yield s.clock not in {None, CLOCK}, "today's date is none that a chat template is given"
    marks = () if s.reasoning is None else s.reasoning.marks
    yield not _are_marks(marks), "the marks of reasoning are none that tell it from a reply"
    judges = [(s.judge, s.judge_settings)]
    judges += [(s.second.judge, s.second.settings)] if s.second is not None else []
    options = any(settings and not _takes_options(name) for name, settings in judges)
    yield options, "a judge was told options, and takes none"


def _seed(evidence: Evidence) -> _Checks:
    s = evidence.settings
    yield not 0 <= s.seed <= MOST_SEED, "the seed is none that an audit takes"
    if s.seed_from is None:
        yield s.nonce is not None, "there is a nonce, and a seed that follows from none"
        return
    digests = evidence.suite.digest, evidence.checkpoint.digest
    derived = derived_seed(s.seed_from, *digests, s.nonce)
    yield s.seed != derived, "the seed does not follow from what it is said to be derived from"


def _model(evidence: Evidence) -> _Checks:
    model = evidence.model
    layers = [site.layer for site in model.sites]
    yield len(set(layers)) < len(layers), "the model has two mixtures of experts in one layer"
    yield any(layer >= model.layers for layer in layers), "experts are in no layer of the model"
    impossible = any(not 1 <= site.top_k <= site.experts for site in model.sites)
    yield impossible, "a router picks more experts than there are, or none"
    yield model.active_parameters > model.parameters, "more parameters work than there are"


def _made_with(evidence: Evidence) -> _Checks:
    """Checks that libraries are named, and the files without which there is no model to load."""
    if not makes_all(evidence):
        return
    lacking = not evidence.settings.versions.keys() >= _VERSIONS
    yield lacking, "versions of libraries that the numbers hang on are left out"
    files = evidence.checkpoint.files
    yield "config.json" not in files, "the checkpoint has no config.json"
    empty = any(digest == NO_TEXT for name, digest in files.items() if name.endswith(_FILLED))
    yield empty, "a file of the checkpoint that holds a model is said to be empty"
    weights = any(name.endswith(".safetensors") for name in files)
    yield not weights, "the checkpoint has no weights"
    words = any(part in name for name in files for part in _WORDS)
    yield not words, "the checkpoint has no tokenizer"


def _times(evidence: Evidence) -> _Checks:
    times = evidence.times
    if times is None:
        return
    yield times.finished < times.started, "the audit was finished before it began"
    late = times.finished > datetime.now(UTC) + _CLOCKS
    yield late, "the audit was finished at a time that is still to come, or the clock here is wrong"
    spent = times.seconds.values()
    yield not all(math.isfinite(s) and s >= 0 for s in spent), "a stage took no possible time"
    # Earlier sessions of a resumed audit count too; and one may have been cut short while loading.
    most = times.finished - times.started + (_CLOCKS if times.rows_resumed == 0 else _YEARS)
    longer = max(spent, default=0.0) > most.total_seconds()
    yield longer, "a stage took longer than the whole audit"
    if makes_all(evidence):
        yield not spent, "no stage of the audit took any time"
        rows = times.rows_computed + times.rows_resumed
        yield bool(evidence.trials) and not rows, "there are trials, and no row was computed"
    yield _lists_no_seed(times, evidence.settings), "the seeds of earlier audits are not those"


def _lists_no_seed(times: RunTimes, settings: AuditSettings) -> bool:
    """Whether the audits that were counted lack this one, or are fewer than their seeds."""
    if not times.audits:
        return bool(times.seeds)
    seeds = set(times.seeds)
    consistent = settings.seed in seeds and len(seeds) == len(times.seeds)
    return not consistent or len(seeds) > times.audits


def _suite(evidence: Evidence) -> _Checks:
    prompts, most = evidence.suite.prompts, evidence.settings.max_prompts
    counts = Counter(p.set for p in prompts)
    many = most is not None and any(count > most for count in counts.values())
    yield many, "there are more prompts of a set than were to be run"
    yield any(p.text_sha256 == NO_TEXT for p in prompts), "a prompt is said to have no text"
    texts = {(p.text_sha256, p.folded_sha256) for p in prompts if p.folded_sha256 is not None}
    unlike = len({text for text, _ in texts}) < len(texts)
    yield unlike, "the same text is levelled in two ways"


def _selected(evidence: Evidence) -> _Checks:
    settings = evidence.settings
    for view in views(evidence) if makes_all(evidence) else ():
        there = Counter(p.set for p in view.suite.prompts if p.selects)
        for r in view.selections:
            other = (r.seed, r.size) != (settings.seed, settings.size)
            yield other, "a ranking was made by another seed or size than the settings tell"
            yield r.window not in WINDOWS, "a ranking is of a token window that there is not"
            yield r.forwards > settings.budget, "a selector measured more rows than it might"
            more = any(count > there[name] for name, count in r.prompts.items())
            yield more, "a selector used more prompts than select"


def _usefulness(evidence: Evidence) -> _Checks:
    tokens = {t.prompt_id: t.tokens for t in of_masks(evidence.trials, UNMASKED.name)}
    for u in evidence.usefulness:
        lengths = dict(zip(u.prompts, u.tokens, strict=True))
        other = any(tokens.get(prompt) != count for prompt, count in lengths.items())
        yield other, "usefulness is of replies of other lengths than the unmasked model gave"
        values = (*u.plain, *u.masked, *u.divergence)
        yield any(value < -_BITS for value in values), "usefulness is of a negative surprise"


def _works(mode: str) -> bool:
    try:
        split_working_mode(mode)
    except UsageError:
        return False
    return True


def _lies(parallel: str) -> bool:
    match = _PARALLEL.fullmatch(parallel)
    return match is not None and int(match[1]) <= _PROCESSES


def _are_marks(marks: tuple[str, ...]) -> bool:
    """Whether these are no marks of reasoning, or two that an audit takes."""
    if not marks:
        return True
    usable = all(mark.strip() and mark.isprintable() for mark in marks)
    return usable and len(marks) == 2 and marks[0].casefold() != marks[1].casefold()


def _takes_options(name: str) -> bool:
    """Whether a judge can be told any; of one that is not known here, that is not known."""
    if name not in catalog.names("judge"):
        return True
    judge: Judge = catalog.load("judge", name)
    return bool(judge.options)


def _refuse(message: str) -> NoReturn:
    raise EvidenceError(
        message,
        where="evidence",
        remedy="do not trust this bundle; get it again from where the audit wrote it",
    )
