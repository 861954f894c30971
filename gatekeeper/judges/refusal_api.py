"""The judge `refusal-api`: refusal as a model behind an OpenAI-compatible endpoint sees it.

Requests and replies leave this machine. What the model answers must be a label and nothing else;
after the last attempt anything else is an error, never a refusal. Every answer is kept, so that a
stopped audit asks and pays for nothing twice.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

from gatekeeper._process import uninterrupted
from gatekeeper.errors import AuditError, UsageError
from gatekeeper.evidence.judge_store import JudgeStore
from gatekeeper.judges import QUESTION, parse_outcome, unconfigured
from gatekeeper.judges._address import USUAL_KEY, check_url, is_encrypted, key_of
from gatekeeper.judges._answers import Answer, AskAgainError
from gatekeeper.judges._breakdown import noise
from gatekeeper.judges._chat import Chat, Endpoint
from gatekeeper.judges._proxy import proxy_for
from gatekeeper.records.judge_options import JudgeOption, OptionValue
from gatekeeper.records.plugins import Judge, Judgement, JudgeTools
from gatekeeper.records.trial import LABELS

_ID, _VERSION, _TITLE, _LANGUAGES = "refusal-api", 2, "Remote model", ("en", "ja", "zh")

_MILLION = 1_000_000
#: Tokens that a chat template may add around what is sent.
_WRAPPING = 64

_OPTIONS = (
    JudgeOption(name="url", title="address without /chat/completions", required=True),
    JudgeOption(name="model", title="the model to ask", required=True),
    JudgeOption(
        name="key-variable",
        title=f"environment variable with the key; by default {USUAL_KEY}, and none if not set",
    ),
    JudgeOption(
        name="unencrypted",
        title="send prompts and replies over http to another machine",
        default="no",
        choices=("no", "yes"),
    ),
    JudgeOption(
        name="connect-timeout", title="seconds", kind="number", default="10", low=0.01, high=600
    ),
    JudgeOption(
        name="timeout",
        title="seconds for an answer",
        kind="number",
        default="60",
        low=0.01,
        high=3600,
    ),
    JudgeOption(name="retries", title="further attempts", kind="whole", default="4", high=20),
    JudgeOption(
        name="backoff",
        title="seconds before the first retry, doubled for each further one",
        kind="number",
        default="1",
        high=600,
    ),
    JudgeOption(
        name="longest-wait",
        title="seconds that no wait exceeds, whatever the server asks for",
        kind="number",
        default="60",
        high=3600,
    ),
    JudgeOption(name="rate", title="requests a minute", kind="number", low=0.01),
    JudgeOption(
        name="parallel", title="requests at a time", kind="whole", default="4", low=1, high=64
    ),
    JudgeOption(
        name="max-tokens", title="tokens of an answer", kind="whole", default="32", low=1, high=8192
    ),
    JudgeOption(
        name="limit",
        title="what the request calls max-tokens",
        default="max_tokens",
        choices=("max_tokens", "max_completion_tokens"),
    ),
    JudgeOption(
        name="temperature",
        title="temperature that is sent",
        default="0",
        choices=("0", "none"),
    ),
    JudgeOption(
        name="max-characters",
        title="characters of request and of reply that are sent",
        kind="whole",
        default="8000",
        low=100,
        high=1_000_000,
    ),
    JudgeOption(name="price-in", title="price of a million tokens sent", kind="number"),
    JudgeOption(name="price-out", title="price of a million tokens answered", kind="number"),
    JudgeOption(name="max-cost", title="most to spend, in that currency", kind="number"),
)


def _configure(options: Mapping[str, OptionValue], tools: JudgeTools) -> Judge:
    key = key_of(options["key-variable"])
    number = {o.name: float(str(v)) for o in _OPTIONS if (v := _number(o, options)) is not None}
    if "max-cost" in number and not {"price-in", "price-out"} <= number.keys():
        raise UsageError(
            f"judge {_ID}: max-cost needs price-in and price-out",
            remedy="give both, in the same currency",
        )
    unencrypted = options["unencrypted"] == "yes"
    url = check_url(str(options["url"]), has_key=key is not None, unencrypted=unencrypted)
    endpoint = Endpoint(
        url=url,
        proxy=proxy_for(url),
        model=str(options["model"]),
        key=key,
        connect=number["connect-timeout"],
        read=number["timeout"],
        retries=int(number["retries"]),
        backoff=number["backoff"],
        longest_wait=number["longest-wait"],
        interval=60 / number["rate"] if "rate" in number else 0.0,
        max_tokens=int(number["max-tokens"]),
        limit=str(options["limit"]),
        temperature=None if options["temperature"] == "none" else 0,
    )
    asker = _Asker(endpoint, JudgeStore(tools.store), number)
    return Judge(
        id=_ID,
        version=_VERSION,
        title=_TITLE,
        languages=_LANGUAGES,
        judge=asker.judge,
        options=_OPTIONS,
        settings=asker.settings,
        judge_all=asker.judge_all,
    )


def _number(option: JudgeOption, options: Mapping[str, OptionValue]) -> OptionValue:
    return options[option.name] if option.kind in {"whole", "number"} else None


class _Asker:
    """Asks for labels, within the budget."""

    def __init__(self, endpoint: Endpoint, store: JudgeStore, number: Mapping[str, float]) -> None:
        self._endpoint, self._store = endpoint, store
        self._chat = Chat(endpoint)
        self._characters = int(number["max-characters"])
        self._parallel = int(number["parallel"])
        self._budget = number.get("max-cost")
        self._price_in = number.get("price-in", 0.0) / _MILLION
        self._price_out = number.get("price-out", 0.0) / _MILLION
        self._dearest = 0.0
        self.settings = {
            "url": endpoint.url,
            "model": endpoint.model,
            "asked": "sha256:" + hashlib.sha256(QUESTION.encode()).hexdigest(),
            "max-tokens": str(endpoint.max_tokens),
            "max-characters": str(self._characters),
        }
        # Told where they differ only: earlier evidence, cards and stores do not know them.
        if endpoint.limit != "max_tokens":
            self.settings["limit"] = endpoint.limit
        if endpoint.temperature is None:
            self.settings["temperature"] = "none"
        if not is_encrypted(endpoint.url):
            self.settings["unencrypted"] = "yes"

    def judge_all(self, pairs: Sequence[tuple[str, str]]) -> list[Judgement]:
        """The labels of (prompt, completion) pairs, several asked for at a time.

        Raises:
            AuditError: as `judge`; what was answered until then is kept.
        """
        failed = threading.Event()
        # Written in C, as the locks that the threads share are not: an interrupt just after such a
        # lock was taken would leave it taken, and the threads waiting for ever.
        ended: SimpleQueue[object] = SimpleQueue()

        def ask(pair: tuple[str, str]) -> Judgement | None:
            if failed.is_set():
                return None
            try:
                return self.judge(*pair)
            except BaseException:
                failed.set()
                raise

        with ThreadPoolExecutor(self._parallel) as pool:
            try:
                with uninterrupted():
                    futures = [pool.submit(ask, pair) for pair in pairs]
                    for future in futures:
                        future.add_done_callback(ended.put)
                for _ in futures:
                    ended.get()
                judgements = [future.result() for future in futures]
            except KeyboardInterrupt:
                self._chat.stop()
                raise
            finally:
                # Nothing more is asked then; what is under way is waited for and kept.
                failed.set()
        return [judgement for judgement in judgements if judgement is not None]

    def judge(self, prompt: str, completion: str) -> Judgement:
        """The label of a reply.

        Raises:
            AuditError: there is none to be had, or the budget does not allow to ask.
        """
        if why := noise(completion):
            return Judgement(outcome="degenerate", reason=why)
        # Escaped, so that no reply can end its own string and go on in our voice.
        user = json.dumps(
            {"request": prompt[: self._characters], "reply": completion[: self._characters]}
        )
        text = json.dumps([_VERSION, self.settings, user], sort_keys=True)
        key = hashlib.sha256(text.encode()).hexdigest()
        outcome = self._store.get(key)
        if outcome not in LABELS:
            outcome = self._ask(user, (prompt, completion))
            self._store.put(key, outcome)
        return Judgement(outcome=outcome, reason="model")

    def _ask(self, user: str, secrets: tuple[str, ...]) -> str:
        """Asks for the outcome until there is one or the attempts are used up."""
        why = "no attempt was made"
        for attempt in range(1, self._endpoint.retries + 2):
            most = self._most(user)
            # Set aside before it is spent, so that a kill in between does not lose the count.
            if not self._store.reserve(most, self._budget):
                raise self._over_budget(most)
            try:
                answer = self._chat.attempt(QUESTION, user, secrets=secrets)
            except AskAgainError as failure:
                if not failure.billed:
                    self._store.spend(-most)
                why = str(failure)
                if attempt <= self._endpoint.retries:
                    self._chat.wait(attempt + 1, failure)
                continue
            cost = self._cost(answer, most)
            self._store.spend(cost - most)
            self._dearest = max(self._dearest, cost)
            outcome = None if answer.text is None else parse_outcome(answer.text)
            if outcome is not None:
                return outcome
            why = f"answered with something else than a label ({', '.join(LABELS)})"
        raise AuditError(
            f"the judge at {self._endpoint.host} {why}, {self._endpoint.retries + 1} times",
            remedy=f"{self._kept()}run the same command again when it works",
        )

    def _kept(self) -> str:
        return "answers so far are kept: " if self._store.keeps else ""

    def _most(self, user: str) -> float:
        """The most tokens that an attempt can cost: no token is shorter than a byte.

        A server that adds tokens of its own may count more: then what it counted most so far.
        """
        sent = len(QUESTION.encode()) + len(user.encode()) + _WRAPPING
        bound = sent * self._price_in + self._endpoint.max_tokens * self._price_out
        return max(bound, self._dearest)

    def _cost(self, answer: Answer, most: float) -> float:
        if answer.tokens_in is None or answer.tokens_out is None:
            return most
        return answer.tokens_in * self._price_in + answer.tokens_out * self._price_out

    def _over_budget(self, most: float) -> AuditError:
        return AuditError(
            f"the judge has spent {self._store.spent:.4g}, and the next question could cost "
            f"{most:.4g} more: max-cost is {self._budget:g}",
            remedy=f"{self._kept()}run the same command again with a larger max-cost",
        )


JUDGE = Judge(
    id=_ID,
    version=_VERSION,
    title=_TITLE,
    languages=_LANGUAGES,
    judge=unconfigured(_ID),
    options=_OPTIONS,
    configure=_configure,
)
