"""What the environment says of proxies and passwords, and where keys and prompts go."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from gatekeeper.engine.judges.judging import open_judge
from gatekeeper.errors import AuditError, UsageError
from gatekeeper.judges._proxy import is_local, proxy_for

from .chat_server import Server, serving

KEY = "sk-hush-0123456789"
VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEKEEPER_API_KEY", KEY)
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def judge(url: str, **more: str) -> str:
    told = {"url": url, "model": "m", "retries": "0", "connect-timeout": "2", "timeout": "2"}
    told |= more
    return open_judge("refusal-api", told).judge("a request", "Here is how it is done.").outcome


def refused(url: str, **told: str) -> str:
    with pytest.raises((AuditError, UsageError)) as caught:
        judge(url, **told)
    text = str(caught.value)
    assert KEY not in text
    assert "secret" not in text
    assert "hid" not in text
    assert "\n" not in text
    return text


def at(server: Server, user: str = "") -> str:
    return f"http://{user}127.0.0.1:{server.server_address[1]}"


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST"])
def test_a_judge_on_this_machine_is_asked_directly(
    variable: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(lambda h, _: h.say("refuse")) as real, serving(lambda h, _: h.say("?")) as proxy:
        monkeypatch.setenv(variable, at(proxy))
        assert judge(real.url.replace("127.0.0.1", host)) == "refuse"
    assert proxy.requests == []
    assert real.requests[0].headers["Authorization"] == f"Bearer {KEY}"


def test_an_encrypted_judge_elsewhere_is_asked_through_a_tunnel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The proxy learns the host and nothing else; the error names it, and not its password."""
    with serving(lambda h, _: h.say("refuse")) as proxy:
        monkeypatch.setenv("https_proxy", at(proxy, "me:secret@"))
        text = refused("https://judge.invalid/v1")
        named = f"127.0.0.1:{proxy.server_address[1]} (https_proxy)"
    assert f"the judge at judge.invalid, by the proxy {named}, broke the connection" in text
    assert proxy.requests == []  # no POST


def test_without_a_key_an_unencrypted_one_elsewhere_may_go_through_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("GATEKEEPER_API_KEY")
    with serving(lambda h, _: h.say("refuse", status=407)) as proxy:
        monkeypatch.setenv("http_proxy", at(proxy))
        text = refused("http://judge.invalid/v1", unencrypted="yes")
    assert "(http_proxy), cannot be used: it answered with status 407; that is the proxy's" in text
    assert "Authorization" not in proxy.requests[0].headers


def test_no_proxy_is_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.invalid:3128")
    monkeypatch.setenv("no_proxy", "judge.invalid,10.0.0.0/8")
    assert proxy_for("https://judge.invalid/v1") is None
    assert proxy_for("https://10.1.2.3/v1") is None
    found = proxy_for("https://other.invalid/v1")
    assert found is not None
    assert found.named == "proxy.invalid:3128 (https_proxy)"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("socks5://127.0.0.1:1080", "https_proxy names a SOCKS proxy"),
        ("socks5h://me:secret@127.0.0.1:1080", "package PySocks is missing"),
        ("ftp://127.0.0.1:21", "https_proxy names no proxy that can be used"),
        ("http://[::1", "https_proxy names no proxy that can be used"),
        ("http://:secret@:3128", "https_proxy names no proxy that can be used"),
        ("http://hidden:12/34secret@127.0.0.1:9", "https_proxy names no proxy that can be used"),
        ("http://hid#den:secret@127.0.0.1:9", "https_proxy names no proxy that can be used"),
        ("HTTP://hid?den:secret@127.0.0.1:9", "https_proxy names no proxy that can be used"),
        ("http:/hidden:secret@127.0.0.1:9", "https_proxy names no proxy that can be used"),
        ("hidden:1/2@127.0.0.1:9", "https_proxy names no proxy that can be used"),
        ("http://127.0.0.1:99999", "https_proxy names no proxy that can be used"),
    ],
)
def test_proxies_that_cannot_be_used(
    value: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", value)
    if "PySocks" in told and importlib.util.find_spec("socks") is not None:
        pytest.skip("PySocks is here: the proxy could be used")
    assert told in refused("https://judge.invalid/v1")


def test_a_password_file_changes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("default login me password other-secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with serving(lambda h, _: h.say("refuse")) as real:
        assert judge(real.url) == "refuse"
    assert real.requests[0].headers["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True),
        ("localhost.", True),
        ("LocalHost", True),
        ("judge.localhost", True),
        ("127.0.0.1", True),
        ("127.9.8.7", True),
        ("0.0.0.0", True),  # noqa: S104
        ("::1", True),
        ("::", True),
        ("::ffff:127.0.0.1", True),
        ("localhost.example.com", False),
        ("notlocalhost", False),
        ("127.0.0.1.example.com", False),
        ("128.0.0.1", False),
        ("10.0.0.1", False),
        ("192.168.1.1", False),
        ("::ffff:10.0.0.1", False),
        ("2130706433", False),
        ("", False),
    ],
)
def test_which_hosts_are_this_machine(host: str, local: bool) -> None:
    assert is_local(host) is local
