"""What each technique of the sweep is worth, one at a time, against the naive peer.

    make bench
    python -m benchmarks.ladder --only deep --page docs/benchmarks.md

Equality first: every rung gives the peer's tokens. The ratio is the peer's time over that of a
rung, the peer at whichever of its four settings is fastest.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import click
import torch

from benchmarks import peer
from benchmarks.climbed import Climbed, section
from benchmarks.page import write_section
from benchmarks.timing import Spent, once, rounds
from benchmarks.workloads import AUDIT, Workload, audited, load, short, sized, whole
from gatekeeper import catalog
from gatekeeper.engine.generate.row_plan import SweepSettings, Work, plan_rows
from gatekeeper.engine.generate.sweep import judged, sweep
from gatekeeper.engine.generate.techniques import PLAIN, Techniques
from gatekeeper.engine.model.load import LoadedModel, quiet_transformers
from gatekeeper.evidence.trial_store import TrialStore
from gatekeeper.records.plugins import Judge

#: Replies side by side; the demo's own setting.
_ROWS = 1024
#: The batch that anyone would write down, and those tried for a better one.
_USUAL, _TRIED = 16, (32, 64, 128, 256, 512)
#: Those tried where a run takes minutes: small ones are far behind by then.
_LONG = (256,)

#: Replies per mask and prompt: tokens, and what the judge says.
Found = dict[tuple[str, str], tuple[tuple[int, ...], str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """A set of techniques, one more than the rung below."""

    name: str
    rows: int
    techniques: Techniques


def rungs(audited: Techniques) -> tuple[Rung, ...]:
    """From one mask at a time to everything, and what an audit does of that.

    Args:
        audited: what the self-test found exact on the model.
    """
    steps: tuple[tuple[str, int, dict[str, bool]], ...] = (
        ("own decode loop, one mask a batch", _ROWS, {}),
        ("+ longest prompts first", _ROWS, {"sort_lengths": True}),
        ("+ rows of all masks in one batch", _ROWS, {"fold": True}),
        ("+ prefix sharing", _ROWS, {"share_prefix": True}),
        ("+ deep masks together", _ROWS, {"sort_depth": True}),
        ("+ one attention in front of the mask", _ROWS, {"share_attention": True}),
        ("+ try the unmasked reply first", _ROWS, {"draft": True}),
        ("+ rows enter as others end", _ROWS, {"refill": True}),
        ("+ what prompts begin with once", _ROWS, {"cache_prompts": True}),
    )
    found, on = [], PLAIN
    for name, rows, more in steps:
        on = replace(on, **more)
        found.append(Rung(name=name, rows=rows, techniques=on))
    return (*found, Rung(name=AUDIT, rows=_ROWS, techniques=audited))


class Swept:
    """Replies of a sweep, in a store of their own, as an audit has them."""

    def __init__(
        self, loaded: LoadedModel, load_: Workload, rung: Rung, judge: Judge, work: Sequence[Work]
    ) -> None:
        """Runs it."""
        self._settings = SweepSettings(
            base="bench",
            new_tokens=load_.new_tokens,
            batch_rows=rung.rows,
            techniques=rung.techniques,
        )
        self._work, self._folder = work, tempfile.TemporaryDirectory()
        with TrialStore(Path(self._folder.name) / "store") as store:
            replies, _ = sweep(loaded, work, self._settings, store, lambda _done, _total: None)
        self._trials = judged(replies, judge)

    def found(self) -> Found:
        """By mask and prompt; not part of what is timed."""
        _, keys = plan_rows(self._work, self._settings.base, self._settings.techniques)
        with TrialStore(Path(self._folder.name) / "store") as store:
            kept = store.get(set(keys.values()))
        return {
            (t.mask, t.prompt_id): (kept[keys[t.mask, t.prompt_id]].ids, t.outcome)
            for t in self._trials
        }


def walk(
    loaded: LoadedModel, load_: Workload, judge: Judge, batch: int, *, by_length: bool
) -> Found:
    """The peer's share of the workload."""
    runs = [
        (load_.masks[i].experts, [prompt.ids for prompt in load_.asked[i]]) for i in load_.sampled
    ]
    said = peer.audit(
        loaded.model,
        loaded.tokenizer,
        runs,
        lambda text: judge.judge("", text).outcome,
        batch=batch,
        by_length=by_length,
        new_tokens=load_.new_tokens,
    )
    return {
        (load_.masks[i].name, prompt.prompt.id): (one.ids, one.outcome)
        for i, replies in zip(load_.sampled, said, strict=True)
        for prompt, one in zip(load_.asked[i], replies, strict=True)
    }


def check_equal(expected: Found, found: Found, name: str) -> None:
    """Every reply that the peer gave is the same here, token by token.

    Raises:
        AssertionError: some are not, with their number.
    """
    unlike = sum(found[pair][0] != reply[0] for pair, reply in expected.items())
    assert not unlike, f"{name}: {unlike} of {len(expected)} replies are not those of the peer"


def best_batch(loaded: LoadedModel, load_: Workload, judge: Judge) -> int:
    """The peer's fastest batch by processor time, one run of each, up to a mask's prompts."""
    most = max(len(prompts) for prompts in load_.asked)
    tried = [*(b for b in (_LONG if load_.rungs else (_USUAL, *_TRIED)) if b < most), most]
    time = {b: once(partial(walk, loaded, load_, judge, b, by_length=True)).cpu for b in tried}
    return min(time, key=lambda b: time[b])


def measure(loaded: LoadedModel, load_: Workload, judge: Judge, audited_: Techniques) -> Climbed:
    """Times all of them in turn, and checks that they give the same.

    Raises:
        AssertionError: replies differ, or no mask changes the refusal rate.
    """
    peers, best = _peers(loaded, load_, judge)
    chosen = [r for r in rungs(audited_) if not load_.rungs or r.name in load_.rungs]
    work_ = load_.work()
    own: dict[str, Callable[[], Found | Swept]] = {
        r.name: partial(Swept, loaded, load_, r, judge, work_) for r in chosen
    }
    kept: dict[str, Found | Swept] = {}

    def keeping(name: str, run: Callable[[], Found | Swept]) -> Callable[[], None]:
        def work() -> None:
            kept[name] = run()

        return work

    variants = {name: keeping(name, run) for name, run in {**peers, **own}.items()}
    first = rounds(variants, 1, warm_up=False)
    found = {name: run.found() if isinstance(run, Swept) else run for name, run in kept.items()}
    expected = found[next(iter(peers))]
    for name in peers:
        check_equal(expected, found[name], name)
    for rung in chosen:
        check_equal(expected, found[rung.name], rung.name)
    rates = load_.refused(_outcomes(load_, found[chosen[-1].name]))
    rest = rounds(variants, load_.repetitions - 1, warm_up=False)
    spent = {name: (*first[name], *rest[name]) for name in variants}
    return Climbed(
        load=load_,
        rates=rates,
        best=best,
        peers={name: _scaled(spent[name], load_.scale) for name in peers},
        rungs={name: spent[name] for name in own},
    )


def _peers(
    loaded: LoadedModel, load_: Workload, judge: Judge
) -> tuple[dict[str, Callable[[], Found]], int]:
    """The peer at its usual and at its best batch; of a long workload at the best one only."""
    best = best_batch(loaded, load_, judge)
    found: dict[str, Callable[[], Found]] = {}
    for size in dict.fromkeys((best,) if load_.rungs else (_USUAL, best)):
        for by_length in (False, True):
            name = f"peer, batch {size}{', by length' if by_length else ''}"
            found[name] = partial(walk, loaded, load_, judge, size, by_length=by_length)
    return found, best


def _scaled(spent: Sequence[Spent], scale: float) -> tuple[Spent, ...]:
    return tuple(replace(s, wall=s.wall * scale, cpu=s.cpu * scale) for s in spent)


def _outcomes(load_: Workload, found: Found) -> list[list[str]]:
    return [
        [found[mask.name, prompt.prompt.id][1] for prompt in prompts]
        for mask, prompts in zip(load_.masks, load_.asked, strict=True)
    ]


_NAMES = ("shallow", "deep", "random", "single", "mixed", "whole")


@click.command()
@click.option("--only", multiple=True, type=click.Choice(_NAMES), help="These workloads.")
@click.option("--threads", default=1, show_default=True)
@click.option("--repetitions", type=int, help="Other than each workload's own.")
@click.option(
    "--bundle",
    type=click.Path(path_type=Path, exists=True),
    help="Evidence of the demo audit, for `whole`: benchmarks.estimates makes one.",
)
@click.option("--page", type=click.Path(path_type=Path), help="Write it to this file.")
def main(**options: Any) -> None:
    """Measure what each technique of the sweep is worth."""
    torch.set_num_threads(options["threads"])
    quiet_transformers()
    loaded, judge = load(), catalog.load("judge", "refusal-rules")
    few = sized(loaded, 4)
    Swept(loaded, few, rungs(Techniques())[-1], judge, few.work())  # what is made on first use
    exact = audited(loaded)
    wanted = options["only"] or _NAMES
    found = short(loaded)
    if "whole" in wanted and options["bundle"]:
        found.append(whole(loaded, options["bundle"]))
    for load_ in (w for w in found if w.name in wanted):
        rounds_ = options["repetitions"] or load_.repetitions
        text = section(measure(loaded, replace(load_, repetitions=rounds_), judge, exact))
        print(text, flush=True)
        if options["page"]:
            write_section(options["page"], f"ladder {load_.name}", text)


if __name__ == "__main__":
    main()
