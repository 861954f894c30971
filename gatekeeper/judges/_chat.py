"""Asks an OpenAI-compatible endpoint one question, with all that can go wrong on the way.

The key goes to the host that was named and to no other, over TLS unless that host is this machine,
which is asked without a proxy. A request ends when its time is up, or is interrupted. Neither the
key nor what was sent is ever part of an error, nor an answer, but for the server's words about it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError
from urllib3.util import Retry

from gatekeeper.errors import AuditError, excerpt
from gatekeeper.judges._answers import Answer, AskAgainError, complaint, read_answer
from gatekeeper.judges._line import Line
from gatekeeper.judges._proxy import Proxy

_MOST_BYTES = 1_000_000  # of an answer
_CHUNK = 16_384
_MANY = "got more than"  # … headers, or bytes of one
#: What a server's bytes can raise below requests, which lets some of it through as it is.
_BROKEN = (requests.exceptions.RequestException, HTTPError, HTTPException, ValueError, OSError)
_TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504, 529})


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """The address of an endpoint, and how to ask it.

    Attributes:
        url: without `/chat/completions`.
        key: bearer token, or None.
        connect, read: seconds until a connection stands, and for the whole answer.
        retries: further attempts after the first.
        backoff: seconds before the second attempt, doubled for each further one.
        longest_wait: seconds that a wait never exceeds, whatever the server asks for.
        interval: least seconds between two requests.
        limit: what the request calls `max_tokens`.
        temperature: None: the server's own.
        proxy: by which it is reached.
    """

    url: str
    model: str
    key: str | None
    connect: float
    read: float
    retries: int
    backoff: float
    longest_wait: float
    interval: float
    max_tokens: int
    limit: str = "max_tokens"
    temperature: int | None = 0
    proxy: Proxy | None = None

    @property
    def host(self) -> str:
        """The host's name for messages, with the proxy on the way to it."""
        host = excerpt(urlsplit(self.url).hostname or "")
        return host if self.proxy is None else f"{host}, by the proxy {self.proxy.named},"


class Chat:
    """Asks an endpoint, not faster than allowed. Threads may share it.

    Args:
        sleep, clock: for tests of waiting.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        sleep: Callable[[float], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._endpoint = endpoint
        self._stopped = threading.Event()
        self._sleep, self._clock = sleep or self._stopped.wait, clock
        self._own = threading.local()
        self._lines: list[Line] = []
        self._lock = threading.Lock()
        self._next = 0.0

    @property
    def _line(self) -> Line:
        """This thread's line: requests does not promise that a session may be shared."""
        line: Line | None = getattr(self._own, "line", None)
        if line is None:
            key, proxy = self._endpoint.key, self._endpoint.proxy
            line = self._own.line = Line(
                {} if key is None else {"Authorization": f"Bearer {key}"},
                {} if proxy is None else {"all": proxy.url},
            )
            with self._lock:
                self._lines.append(line)
        return line

    def stop(self) -> None:
        """Ends all that is under way in other threads, and asks nothing more."""
        self._stopped.set()
        with self._lock:
            for line in self._lines:
                line.cut()

    def attempt(self, system: str, user: str, *, secrets: Sequence[str] = ()) -> Answer:
        """Makes one request.

        Args:
            secrets: what no error may repeat, beside the key.

        Raises:
            AskAgainError: another attempt may do better.
            AuditError: no attempt will.
        """
        self._pace()
        body = {
            "model": self._endpoint.model,
            "messages": [
                {"role": "system", "content": system},
                {"role": "user", "content": user},
            ],
            self._endpoint.limit: self._endpoint.max_tokens,
            "stream": False,
        }
        if self._endpoint.temperature is not None:
            body["temperature"] = self._endpoint.temperature
        line = self._line
        with line.within(self._endpoint.connect + self._endpoint.read):
            if self._stopped.is_set():  # read after `within`, which forgets that the line was cut
                raise self._refused("interrupted")
            answer = self._posted(line, body, secrets)
        if line.is_cut:  # a cut header looks like one that ends
            raise AskAgainError("did not end its answer in time")
        return read_answer(answer)

    def _posted(self, line: Line, body: dict[str, Any], secrets: Sequence[str]) -> bytes:
        try:
            with line.post(
                f"{self._endpoint.url}/chat/completions",
                body,
                connect=self._endpoint.connect,
                read=self._endpoint.read,
            ) as response:
                self._check(response, secrets)
                return self._body(response)
        except _BROKEN as error:
            if line.is_cut:
                raise AskAgainError("did not end its answer in time") from error
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> AskAgainError | AuditError:
        if isinstance(error, requests.exceptions.SSLError):
            return self._refused("no TLS with a certificate that can be trusted")
        if isinstance(error, requests.exceptions.ConnectTimeout):
            return AskAgainError("did not take the connection in time", billed=False)
        if isinstance(error, requests.exceptions.Timeout):
            return AskAgainError("did not answer in time")
        if isinstance(error, requests.exceptions.ContentDecodingError):
            return AskAgainError("sent what its content encoding does not unpack")
        if _is_long_header(error):
            return AskAgainError("sent too many or too long headers")
        return AskAgainError(f"broke the connection ({type(error).__name__})")

    def wait(self, attempt: int, failure: AskAgainError) -> None:
        """Waits before attempt number `attempt` (2 or more)."""
        seconds = failure.wait
        grown = self._endpoint.backoff * 2.0 ** min(attempt - 2, 20)
        self._sleep(min(grown if seconds is None else seconds, self._endpoint.longest_wait))

    def _pace(self) -> None:
        with self._lock:
            now = self._clock()
            turn = max(now, self._next)
            self._next = turn + self._endpoint.interval
        if turn > now:
            self._sleep(turn - now)

    def _check(self, response: requests.Response, secrets: Sequence[str]) -> None:
        status = response.status_code
        if status in _TRY_AGAIN:
            wait = _retry_after(response.headers.get("Retry-After"))
            raise AskAgainError(f"answered with status {status}", wait=wait, billed=False)
        if 300 <= status < 400:
            raise self._refused("it redirects; give the address it redirects to, if you trust it")
        if status != 200:
            hint = {401: "; check the key", 403: "; check the key", 404: "; check url and model"}
            hint[407] = "; that is the proxy's, which wants a password"
            said = self._complaint(response, secrets) if 400 <= status < 500 else ""
            said = f" and says: {said}" if said else ""
            raise self._refused(f"it answered with status {status}{hint.get(status, '')}{said}")

    def _complaint(self, response: requests.Response, secrets: Sequence[str]) -> str:
        try:
            body = self._body(response)
        except (*_BROKEN, AskAgainError):
            return ""
        return complaint(body, secrets, self._endpoint.key or "")

    def _body(self, response: requests.Response) -> bytes:
        """Reads the whole body of a response, within a size."""
        parts, size = [], 0
        for chunk in response.iter_content(_CHUNK):
            size += len(chunk)
            if size > _MOST_BYTES:
                raise AskAgainError(f"sent more than {_MOST_BYTES // 1000} kB")
            parts.append(chunk)
        return b"".join(parts)

    def _refused(self, why: str) -> AuditError:
        return AuditError(f"the judge at {self._endpoint.host} cannot be used: {why}")


def _is_long_header(error: BaseException | None) -> bool:
    """Whether http.client gave up on headers, which it tells by text below those that wrap it."""
    while error is not None:
        if isinstance(error, HTTPException) and _MANY in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _retry_after(text: str | None) -> float | None:
    """Seconds asked for, as a number or a date (RFC 9110, 10.2.3); None if neither."""
    try:
        return None if text is None else Retry().parse_retry_after(text)
    except (HTTPError, ValueError, OverflowError):
        return None
