"""Headless Chromium, spoken to by the WebDriver protocol: nothing to install but the two programs.

https://www.w3.org/TR/webdriver2/
"""

from __future__ import annotations

import base64
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

_ARGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
    "--force-prefers-reduced-motion", "--disable-background-networking",
)  # fmt: skip


class Browser:
    """One window."""

    def __init__(self, address: str) -> None:
        options = {"args": list(_ARGS), "binary": _program()}
        capabilities = {"alwaysMatch": {"goog:chromeOptions": options, "goog:loggingPrefs": {
            "browser": "ALL"}}}  # fmt: skip
        self._address = address
        made = self._send("POST", "/session", {"capabilities": capabilities})
        self._session = f"/session/{made['sessionId']}"

    def _send(self, method: str, path: str, body: Any = None) -> Any:
        answer = requests.request(method, self._address + path, json=body, timeout=120)
        value = answer.json()["value"]
        if answer.status_code != 200:
            raise AssertionError(value["message"])
        return value

    def size(self, width: int, height: int) -> None:
        """Gives the page's area so many pixels."""
        self._send("POST", f"{self._session}/goog/cdp/execute", {
            "cmd": "Emulation.setDeviceMetricsOverride",
            "params": {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        })  # fmt: skip

    def open(self, address: str) -> None:
        """Opens a page."""
        self._send("POST", f"{self._session}/url", {"url": "about:blank"})
        self._send("POST", f"{self._session}/url", {"url": address})

    def run(self, script: str, *args: Any) -> Any:
        """What a script returns, awaited if it is a promise."""
        body = {"script": script, "args": list(args)}
        return self._send("POST", f"{self._session}/execute/sync", body)

    def keys(self, *keys: str) -> None:
        """Presses keys one after the other, wherever the focus is."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        source = {"type": "key", "id": "keys", "actions": actions}
        self._send("POST", f"{self._session}/actions", {"actions": [source]})

    def scripts(self, *, on: bool) -> None:
        """Whether scripts run in pages opened from now on; those of `run` do in any case."""
        self._send("POST", f"{self._session}/goog/cdp/execute", {
            "cmd": "Emulation.setScriptExecutionDisabled", "params": {"value": not on},
        })  # fmt: skip

    def picture(self, path: Path) -> None:
        """What is seen, as PNG."""
        path.write_bytes(base64.b64decode(self._send("GET", f"{self._session}/screenshot")))

    def complaints(self) -> list[str]:
        """What the page wrote to the console since the last time."""
        found = self._send("POST", f"{self._session}/se/log", {"type": "browser"})
        return [entry["message"] for entry in found]

    def close(self) -> None:
        """Ends it."""
        self._send("DELETE", self._session)


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser; the test is skipped where none is installed."""
    if not (_program() and (driver := shutil.which("chromedriver"))):
        pytest.skip("no chromium and chromedriver on PATH (Debian: chromium, chromium-driver)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = subprocess.Popen(
        [driver, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait(port)
        window = Browser(f"http://127.0.0.1:{port}")
        try:
            yield window
        finally:
            window.close()
    finally:
        running.terminate()
        running.wait(30)


def axe_findings(window: Browser) -> list[Any]:
    """What axe-core finds serious in the page; the test is skipped where it is not installed."""
    folders = [f"{sys.prefix}/axe/node_modules", *os.environ.get("NODE_PATH", "").split(":")]
    scripts = (Path(folder) / "axe-core/axe.min.js" for folder in folders if folder)
    script = next((path for path in scripts if path.is_file()), None)
    if script is None:
        pytest.skip("no axe-core: `make axe` (needs npm) was not run")
    window.run(script.read_text(encoding="utf-8") + "; window.axe = axe;")
    found = window.run("return axe.run().then((all) => all.violations.map(({id, impact, nodes}) =>"
                       " [impact, id, nodes.map((node) => node.html)]))")  # fmt: skip
    return [one for one in found if one[0] in {"serious", "critical"}]


def _program() -> str | None:
    return shutil.which("chromium") or shutil.which("google-chrome")


def _wait(port: int) -> None:
    for _ in range(200):
        try:
            if requests.get(f"http://127.0.0.1:{port}/status", timeout=5).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.05)
    raise AssertionError("chromedriver did not start")
