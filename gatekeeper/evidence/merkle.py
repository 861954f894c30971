"""A commitment to every trial of an audit, so that single ones can be opened later.

The trials are the leaves of a Merkle tree as in RFC 6962, 2.1: a leaf is hashed behind a byte 0,
two hashes behind a byte 1. Each leaf carries a salt of its own, made from a secret of the bundle:
a reply is often one of a few, and could be guessed from its hash otherwise.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

#: Bytes of secrets, salts and hashes.
SIZE = 32
_SALTED = b"gatekeeper/trials/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Commitment:
    """The root of the tree, in hex, and how many leaves it has."""

    root: str
    leaves: int


def salt_of(secret: bytes, index: int) -> bytes:
    """The salt of a leaf (HMAC-SHA256): those of others do not tell it."""
    return hmac.digest(secret, _SALTED + index.to_bytes(8, "big"), "sha256")


def leaf_hash(salt: bytes, row: bytes) -> bytes:
    """The hash of a leaf: a row of trials.jsonl.gz, without the end of its line."""
    return hashlib.sha256(b"\x00" + salt + row).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class TreeBuilder:
    """Takes rows one by one and keeps as many hashes as the tree is high.

    Args:
        secret: of the bundle.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret, self._count, self._peaks = secret, 0, list[tuple[int, bytes]]()

    def add(self, row: bytes) -> None:
        """Adds a row, in the order of the file."""
        size, top = 1, leaf_hash(salt_of(self._secret, self._count), row)
        while self._peaks and self._peaks[-1][0] == size:
            top = _node(self._peaks.pop()[1], top)
            size *= 2
        self._peaks.append((size, top))
        self._count += 1

    def commitment(self) -> Commitment:
        """The commitment to all rows that were added."""
        if not self._peaks:
            return Commitment(root=hashlib.sha256(b"").hexdigest(), leaves=0)
        root = self._peaks[-1][1]
        for _, peak in reversed(self._peaks[:-1]):
            root = _node(peak, root)
        return Commitment(root=root.hex(), leaves=self._count)


def commit(secret: bytes, rows: Iterable[bytes]) -> Commitment:
    """The commitment to rows."""
    builder = TreeBuilder(secret)
    for row in rows:
        builder.add(row)
    return builder.commitment()


def path_to(hashes: Sequence[bytes], index: int) -> list[bytes]:
    """The hashes beside the way from a leaf to the root (RFC 6962, 2.1.1), the lowest first.

    Args:
        hashes: of all leaves.
    """
    if len(hashes) < 2:
        return []
    half = _half(len(hashes))
    if index < half:
        return [*path_to(hashes[:half], index), _root(hashes[half:])]
    return [*path_to(hashes[half:], index - half), _root(hashes[:half])]


def root_from(leaf: bytes, index: int, leaves: int, path: Sequence[bytes]) -> bytes | None:
    """The root that a leaf and its path lead to; None where no path of such a tree is so long."""
    left: list[bool] = []  # whether the leaf is in the left part, from the root down
    while leaves > 1:
        half = _half(leaves)
        left.append(index < half)
        index, leaves = (index, half) if index < half else (index - half, leaves - half)
    if len(path) != len(left):
        return None
    for beside, is_left in zip(path, reversed(left), strict=True):
        leaf = _node(leaf, beside) if is_left else _node(beside, leaf)
    return leaf


def _half(count: int) -> int:
    """The largest power of two below a count."""
    return 1 << ((count - 1).bit_length() - 1)


def _root(hashes: Sequence[bytes]) -> bytes:
    if len(hashes) == 1:
        return hashes[0]
    half = _half(len(hashes))
    return _node(_root(hashes[:half]), _root(hashes[half:]))
