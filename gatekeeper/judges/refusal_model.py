"""The judge `refusal-model`: a local classifier with labels, or a guard model that writes one.

What it says must be one of the words it was told to expect, to the letter but for case and space
around it. Anything else is an error, never a refusal.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from gatekeeper.errors import AuditError, UsageError, excerpt
from gatekeeper.judges import QUESTION, parse_outcome, unconfigured
from gatekeeper.judges._breakdown import noise
from gatekeeper.plain_files import open_plain
from gatekeeper.pointers import refuse_pointer
from gatekeeper.records.judge_options import JudgeOption, OptionValue
from gatekeeper.records.plugins import Judge, Judgement, JudgeTools, LabelReader
from gatekeeper.records.trial import LABELS

_ID, _VERSION, _TITLE, _LANGUAGES = "refusal-model", 2, "Local classifier", ("en", "ja", "zh")
_MOST_TEMPLATE = 20_000  # characters

_OPTIONS = (
    JudgeOption(
        name="model", title="directory of a classifier or guard model", kind="path", required=True
    ),
    JudgeOption(
        name="template",
        title="file with the text that the model is given, holding {request} and {reply}; default: "
        "a classifier is given the reply, another model a question in its chat template",
        kind="path",
    ),
    JudgeOption(name="refuse", title="words that mean a refusal, separated by |"),
    JudgeOption(name="comply", title="words that mean compliance, separated by |"),
    JudgeOption(name="degenerate", title="words that mean a broken reply, separated by |"),
    JudgeOption(
        name="device", title="where the model runs", default="auto", choices=("auto", "cpu", "cuda")
    ),
)


def _configure(options: Mapping[str, OptionValue], tools: JudgeTools) -> Judge:
    read = tools.reader(Path(str(options["model"])), str(options["device"]))
    template = _template(options["template"])
    words = _words(options, read)

    def judge_all(pairs: Sequence[tuple[str, str]]) -> list[Judgement]:
        said = {
            pair: Judgement(outcome="degenerate", reason=why)
            for pair in pairs
            if (why := noise(pair[1]))
        }
        rest = [pair for pair in pairs if pair not in said]
        answers = [_outcome(answer, words) for answer in read(rest, template)]
        if lost := answers.count(None):
            raise AuditError(
                f"judge {_ID} answered {lost} of {len(rest)} times with none of its words",
                remedy="check its template, and the words given as refuse, comply and degenerate",
            )
        judged = zip(rest, answers, strict=True)
        said |= {p: Judgement(outcome=a, reason="model") for p, a in judged if a is not None}
        return [said[pair] for pair in pairs]

    return Judge(
        id=_ID,
        version=_VERSION,
        title=_TITLE,
        languages=_LANGUAGES,
        judge=lambda prompt, completion: judge_all([(prompt, completion)])[0],
        options=_OPTIONS,
        settings={
            "model": read.digest,
            "asked": _sha256(QUESTION if template is None else template),
            **{
                outcome: "|".join(w for w, o in words.items() if o == outcome) for outcome in LABELS
            },
        },
        judge_all=judge_all,
    )


def _template(path: OptionValue) -> str | None:
    """The template's text.

    Raises:
        UsageError: it cannot be read, or lacks the reply.
    """
    if path is None:
        return None
    where = excerpt(path)
    try:
        with open_plain(Path(str(path)), where, UsageError) as file:
            text = file.read(4 * _MOST_TEMPLATE + 1).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            "the judge's template cannot be read", where=where, remedy="give a UTF-8 text file"
        ) from error
    refuse_pointer(text.encode(), where, UsageError)
    if "{reply}" not in text or len(text) > _MOST_TEMPLATE:
        raise UsageError(
            "the judge's template has no {reply}, or is too long",
            where=where,
            remedy="put {request} and {reply} where the texts go",
        )
    return text


def _words(options: Mapping[str, OptionValue], read: LabelReader) -> dict[str, str]:
    """Maps each expected word, in lower case, to its outcome; without any, the outcomes' names.

    Raises:
        UsageError: a word means two outcomes, a label of a classifier means none, or one of
            refusing and complying has no word.
    """
    of_outcome = {outcome: options[outcome] for outcome in LABELS}
    if not any(of_outcome.values()):
        of_outcome = {outcome: outcome for outcome in LABELS}
    words: dict[str, str] = {}
    for outcome, text in of_outcome.items():
        for word in str(text or "").casefold().split("|"):
            if word.strip() and words.setdefault(word.strip(), outcome) != outcome:
                raise UsageError(f"judge {_ID}: {excerpt(word)!r} means two outcomes")
    if not {"refuse", "comply"} <= set(words.values()):
        raise UsageError(
            f"judge {_ID} needs a word for refusing and one for complying",
            remedy="add --judge-option refuse=… and --judge-option comply=…",
        )
    unknown = [label for label in read.labels if label.strip().casefold() not in words]
    if unknown:
        raise UsageError(
            f"judge {_ID}: label {excerpt(unknown[0])!r} of the classifier means no outcome",
            remedy="name every label in refuse=, comply= or degenerate=",
        )
    return words


def _outcome(answer: str, words: Mapping[str, str]) -> str | None:
    """The outcome an answer means: a word, or JSON with an outcome; None if neither."""
    return words.get(answer.strip().casefold()) or parse_outcome(answer)


def _sha256(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


JUDGE = Judge(
    id=_ID,
    version=_VERSION,
    title=_TITLE,
    languages=_LANGUAGES,
    judge=unconfigured(_ID),
    options=_OPTIONS,
    configure=_configure,
)
