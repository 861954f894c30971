"""Tells which hosts are this machine, and by which proxy of the environment others are reached."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from ipaddress import ip_address
from urllib.parse import urlsplit

import requests

from gatekeeper.errors import UsageError, excerpt


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """A proxy on the way to an endpoint.

    Attributes:
        url: may hold a password.
        named: for messages: its host and the variable that names it.
    """

    url: str
    named: str


def is_local(host: str) -> bool:
    """Whether a host name or address can only be this machine."""
    name = host.lower().removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761, 6.3
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_unspecified)


def proxy_for(url: str) -> Proxy | None:
    """The proxy that the environment wants for this address; none for what is on this machine.

    Raises:
        UsageError: it is of a kind that is not understood here.
    """
    parts = urlsplit(url)
    if is_local(parts.hostname or ""):
        return None
    address = requests.utils.select_proxy(url, requests.utils.get_environ_proxies(url))
    if not address:
        return None
    proxy = address if "://" in address else f"http://{address}"
    names = [f"{parts.scheme}_proxy", f"{parts.scheme}_proxy".upper(), "all_proxy", "ALL_PROXY"]
    variable = next((name for name in names if os.environ.get(name)), "the system's settings")
    try:
        split = urlsplit(proxy)
        host, port, scheme = split.hostname, split.port, split.scheme
        # A password's / ? # ends the host for every reader: what is before it is the user.
        if "@" in proxy.removeprefix(f"{scheme}://{split.netloc}"):
            host = None
    except ValueError:
        host, port, scheme = None, None, ""
    if not host or not (scheme in {"http", "https"} or scheme.startswith("socks")):
        raise UsageError(
            f"{variable} names no proxy that can be used",
            remedy="mend it (in a password / ? # @ are written %2F %3F %23 %40), or unset it",
        )
    if scheme.startswith("socks") and find_spec("socks") is None:
        raise UsageError(
            f"{variable} names a SOCKS proxy, for which the package PySocks is missing",
            remedy="pip install PySocks, or unset it",
        )
    shown = excerpt(host if port is None else f"{host}:{port}")
    return Proxy(url=proxy, named=f"{shown} ({variable})")
