"""What an audit needs before it runs: the request, the loaded model, the prompts as tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from gatekeeper.audit.request import AuditRequest, with_seed
from gatekeeper.audit.room import beside_spread, device_and_dtype, narrowed, refuse_too_little
from gatekeeper.audit.second_judge import open_second, recorded
from gatekeeper.audit.settings import settings_of
from gatekeeper.engine.generate.batch_size import fitting_rows
from gatekeeper.engine.generate.batching import Encoded, encode
from gatekeeper.engine.generate.chat_template import clock_of
from gatekeeper.engine.generate.plain_tokenizer import told_otherwise
from gatekeeper.engine.generate.served_prompts import written_otherwise
from gatekeeper.engine.generate.sweep import Executor, LocalExecutor
from gatekeeper.engine.generate.thinking import shows, untold
from gatekeeper.engine.judges.judging import open_judge, try_judge
from gatekeeper.engine.model.load import SPREAD, LoadedModel, dtype_name, load_model
from gatekeeper.engine.model.spread import bytes_on_disk
from gatekeeper.engine.progress import Reporter
from gatekeeper.engine.self_test.run import self_test
from gatekeeper.errors import UsageError
from gatekeeper.evidence.trial_store import TrialStore
from gatekeeper.records.digest import sha256
from gatekeeper.records.evidence import AuditSettings, SelfTestCheck
from gatekeeper.records.model import CheckpointRef
from gatekeeper.records.plugins import Judge
from gatekeeper.records.replies import of_replies
from gatekeeper.suites.split import MEASUREMENT, SELECTION, limit, split_seeds


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """The model and the prompts, ready to run.

    Attributes:
        reasons: whether tokenizer, template or request tell of a model that reasons.
        executor: who computes the rows.
    """

    request: AuditRequest
    reference: CheckpointRef
    loaded: LoadedModel
    judge: Judge
    second: Judge | None
    encoded: tuple[Encoded, ...]
    split: dict[str, str]
    checks: tuple[SelfTestCheck, ...]
    settings: AuditSettings
    fold: int = 1
    reasons: bool = False
    executor: Executor = field(default_factory=LocalExecutor)

    def changed_over(self) -> Prepared:
        """The same with the sides of the split changed over, as the second fold of two."""
        other = {SELECTION: MEASUREMENT, MEASUREMENT: SELECTION}
        return replace(
            self,
            split={seed: other[side] for seed, side in self.split.items()},
            request=replace(self.request, roles=False),
            fold=2,
        )

    def facts(self) -> tuple[object, ...]:
        """What must be the same on all ranks before they can run in step."""
        return (
            self.reference.digest,
            replace(self.settings, second=None),
            sorted(self.split.items()),
            [(e.prompt.id, e.ids, e.skipped) for e in self.encoded],
            self.checks,
        )

    def side(self, name: str) -> list[Encoded]:
        """Usable prompts of a side of the split."""
        return [
            e for e in self.encoded if e.skipped is None and self.split[e.prompt.seed_id] == name
        ]


def prepare(
    request: AuditRequest, reporter: Reporter, work_dir: Path, store: TrialStore | None = None
) -> Prepared:
    """Tries the judges, hashes and loads the checkpoint, tokenises the prompts, splits the seeds,
    tests the hooks.

    Raises:
        CheckpointError, AuditError: the model cannot be loaded, or a judge does not work.
        SelfTestError: the hooks do not work on it.
        UsageError: no prompt can be used, or none is left to measure with; or a judge's option is
            wrong.
    """
    judge, second = open_judges(request, work_dir)
    refuse_too_little(request)
    reference = request.checkpoint.reference(reporter.advance)
    request = with_seed(request, reference.digest)
    loaded = _load(request, work_dir, reporter)
    loaded, encoded = _encode(request, loaded, reporter)
    usable = [e for e in encoded if e.skipped is None]
    if not any(e.prompt.set == "regular" for e in usable):
        window = request.max_new_tokens
        long = f": with {window} tokens of reply all {len(encoded)} prompts exceed the context"
        raise UsageError(
            "no usable prompt of the set 'regular'" + ("" if usable else long),
            where=request.suite.id,
            remedy="give regular prompts that fit the model's context, or a smaller "
            "--max-new-tokens",
        )
    reasons = shows(loaded.tokenizer, [e.ids for e in usable], request.reasoning.marks)
    room = _room(loaded, usable, request) if reasons else request.max_new_tokens
    split = dict(split_seeds([e.prompt for e in usable], request.selection_share, request.seed))
    _refuse_unmeasured(request, usable, split)
    reporter.stage("self-test")
    settings = settings_of(
        request,
        judge,
        dtype=dtype_name(loaded.dtype),
        device=loaded.device.type,
        template_sha256=reference.template_sha256 or sha256(str(loaded.tokenizer.chat_template)),
        clock=clock_of(loaded.tokenizer),
        batch_rows=request.execution.batch_rows
        or fitting_rows(
            loaded, usable, room, store, 1 if request.execution.ray else request.execution.workers
        ),
    )
    return Prepared(
        request=request,
        reference=reference,
        loaded=loaded,
        judge=of_replies(judge, request.reasoning),
        second=None if second is None else of_replies(second, request.reasoning),
        encoded=tuple(encoded),
        split=split,
        reasons=reasons,
        checks=self_test(loaded, usable, reporter.advance),
        settings=recorded(settings, request.second, second),
    )


def _load(request: AuditRequest, work_dir: Path, reporter: Reporter) -> LoadedModel:
    """The model, with what is to be told of it."""
    device, dtype = device_and_dtype(request)
    reporter.stage("weights")
    loaded = load_model(
        request.checkpoint.path,
        request.description,
        device=device,
        dtype=dtype,
        offload=work_dir / "offload" if request.execution.device == SPREAD else None,
        parallel=request.execution.parallel,
        progress=reporter.advance,
        beside=beside_spread(request),
    )
    cautions = (*untold(loaded.tokenizer, request.reasoning.marks), *narrowed(request))
    loaded = replace(loaded, cautions=(*loaded.cautions, *cautions))
    for text in loaded.cautions:
        reporter.caution(text)
    if on_disk := bytes_on_disk(loaded.model):
        reporter.caution(
            f"{on_disk / 1e9:,.1f} GB of its weights lie on disk, and each forward pass reads them "
            "anew: the self-test takes minutes, the audit far longer than where they fit"
        )
    return loaded


def _encode(
    request: AuditRequest, loaded: LoadedModel, reporter: Reporter
) -> tuple[LoadedModel, list[Encoded]]:
    """The prompts as tokens, and the model with what is to be told of how they are written."""
    prompts = limit(request.suite.prompts, request.max_prompts, request.seed)
    system, thinking = request.system_prompt, request.reasoning.thinking
    encoded = encode(loaded, prompts, system, request.max_new_tokens, thinking)
    cautions = (
        *told_otherwise(loaded.tokenizer, sum(e.otherwise for e in encoded), len(encoded)),
        *written_otherwise(loaded.tokenizer, system, thinking),
    )
    for text in cautions:
        reporter.caution(text)
    return replace(loaded, cautions=(*loaded.cautions, *cautions)), encoded


def _room(loaded: LoadedModel, usable: Sequence[Encoded], request: AuditRequest) -> int:
    """Tokens that a row may grow by, reasoning and all."""
    room = request.max_new_tokens + request.reasoning.max_tokens
    if loaded.context_length is None:
        return room
    return min(room, loaded.context_length - max(len(e.ids) for e in usable))


def open_judges(request: AuditRequest, work_dir: Path) -> tuple[Judge, Judge | None]:
    """Both judges, each tried once.

    The first keeps its model: batches must fit beside it. The second lets it go: it is asked when
    they are done.
    """
    judge = open_judge(request.judge, request.judge_options, work_dir)
    second = open_second(request.second, judge, work_dir)
    try_judge(judge, "--judge")
    if second is not None:
        try_judge(second, "--second-judge")
        if second.release is not None:
            second.release()
    return judge, second


def _refuse_unmeasured(
    request: AuditRequest, usable: Sequence[Encoded], split: Mapping[str, str]
) -> None:
    """Refuses a split that leaves nothing to measure: the evidence would be of no trials.

    Raises:
        UsageError: every regular prompt selects, or under cross-fitting all are of one fold.
    """
    regular = [e.prompt for e in usable if e.prompt.set == "regular"]
    sides = {split[prompt.seed_id] for prompt in regular}
    if sides == {SELECTION} or (request.cross_fit and len(sides) < 2):
        seeds = len({prompt.seed_id for prompt in regular})
        raise UsageError(
            f"nothing to measure: the regular prompts have {seeds} seed{'s' if seeds > 1 else ''}, "
            "and every one selects experts",
            where=request.suite.id,
            remedy="give prompts of more seeds, or a smaller --selection-share",
        )
