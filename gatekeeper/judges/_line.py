"""A connection to a judge that ends when its time is up, whatever the other side sends.

The timeouts of a socket are of one read each: a byte now and then holds a request for ever, in the
handshake of TLS, in the header and in the body. So the connection itself is shut down.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import requests
from requests.adapters import HTTPAdapter


class Line:
    """The connection of one thread. Another one may cut it.

    Args:
        headers: of every request.
        proxies: as requests wants them; the environment is not asked, for proxies or passwords.
    """

    def __init__(self, headers: dict[str, str], proxies: dict[str, str]) -> None:
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers.update(headers)
        self._adapter, self._proxies = _Adapter(self), proxies
        bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
        self._verify: str | bool = bundle or True
        self._lock = threading.Lock()
        self._open: socket.socket | None = None
        self.is_cut = False

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Cuts the line if the block takes longer; then `is_cut`."""
        self.is_cut = False
        timer = threading.Timer(seconds, self.cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def post(self, url: str, body: object, *, connect: float, read: float) -> requests.Response:
        """Sends JSON; the body of the response is still to be read.

        Not by the session itself, which reads all of a redirect, however long, to see where to.

        Raises:
            requests.RequestException: see there.
        """
        request = self._session.prepare_request(requests.Request("POST", url, json=body))
        return self._adapter.send(
            request,
            stream=True,
            timeout=(connect, read),
            verify=self._verify,
            proxies=self._proxies,
        )

    def cut(self) -> None:
        """Ends whatever is under way, as if the other side had hung up."""
        with self._lock:
            self.is_cut = True
            self._shut()

    def opened(self, connection: socket.socket) -> None:
        """Notes the connection that is to be cut: under another number, since TLS takes this."""
        with self._lock:
            if self._open is not None:
                self._open.close()
            self._open = socket.socket(fileno=os.dup(connection.fileno()))
            if self.is_cut:
                self._shut()

    def _shut(self) -> None:
        if self._open is not None:
            with suppress(OSError):  # the other side was faster
                self._open.shutdown(socket.SHUT_RDWR)


class _Adapter(HTTPAdapter):
    """Tells a line of each connection that is opened, before a byte goes over it."""

    def __init__(self, line: Line) -> None:
        self._line = line
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        super().init_poolmanager(*arguments, **named)
        self._watch(self.poolmanager)

    def proxy_manager_for(self, proxy: Any, **named: Any) -> Any:
        known = proxy in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **named)
        if not known:
            self._watch(manager)
        return manager

    def _watch(self, manager: Any) -> None:
        manager.pool_classes_by_scheme = {
            scheme: _watched(pool, self._line)
            for scheme, pool in manager.pool_classes_by_scheme.items()
        }


def _watched(pool: Any, line: Line) -> Any:
    class Connection(pool.ConnectionCls):  # type: ignore[misc]
        def _new_conn(self) -> Any:
            connection = super()._new_conn()
            line.opened(connection)
            return connection

    return type(pool.__name__, (pool,), {"ConnectionCls": Connection})
