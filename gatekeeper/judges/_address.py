"""Where a remote judge is asked, and with which key: what must not go unencrypted does not."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from gatekeeper.errors import UsageError, excerpt
from gatekeeper.judges._proxy import is_local

#: The environment variable with the key, unless another one is named.
USUAL_KEY = "GATEKEEPER_API_KEY"


def is_encrypted(url: str) -> bool:
    """Whether nobody on the way can read what is sent to an address: TLS, or this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or is_local(parts.hostname or "")


def check_url(url: str, *, has_key: bool, unencrypted: bool) -> str:
    """Checks an address, and gives it without a slash at its end.

    Args:
        unencrypted: whether prompts and replies may go in the clear to another machine. The key
            never does.

    Raises:
        UsageError: not http(s), or it holds what belongs elsewhere, or it would carry in the clear
            what must not be.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in {"http", "https"} or not host:
        raise UsageError("the judge's url is no http or https address")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise UsageError(
            "the judge's url holds a user, a query or a fragment",
            remedy="give the plain address; the key comes from an environment variable",
        )
    if not is_encrypted(url) and (has_key or not unencrypted):
        key = "the key, prompts" if has_key else "prompts"
        raise UsageError(
            f"the judge's url would carry {key} and replies unencrypted to another machine",
            remedy="use https" if has_key else "use https, or tell the judge unencrypted=yes",
        )
    return url.rstrip("/")


def key_of(named: object) -> str | None:
    """The key; None where no variable was named and the usual one is not set.

    Raises:
        UsageError: it was named and is not set, or holds what is no key.
    """
    variable = USUAL_KEY if named is None else str(named)
    key = os.environ.get(variable) or None
    if key is None and named is not None:
        raise UsageError(
            f"the environment variable {excerpt(variable)} of the judge's key is not set, or empty",
            remedy="put the key into it, or leave key-variable out to send none",
        )
    if key is not None and not (key.isascii() and key.isprintable() and " " not in key):
        raise UsageError(f"the key in {excerpt(variable)} holds characters that no key has")
    return key
