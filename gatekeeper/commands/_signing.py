"""The options `--sign-key` and `--key`: signatures beside the statements that they sign."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatekeeper.errors import AuditError, EvidenceError, UsageError, excerpt
from gatekeeper.plain_files import read_plain
from gatekeeper.records.bundle_files import (
    BUNDLE,
    MANIFEST,
    OUTPUTS,
    POLICY,
    VERDICT,
    signature_name,
)

if TYPE_CHECKING:
    from securesystemslib.signer import CryptoSigner, SSlibKey

    from gatekeeper.records.evidence import Evidence
    from gatekeeper.records.policy import Policy

#: Of a statement or its signature: names and digests.
_MOST_BYTES = 10_000_000


def _private(_: click.Context, option: click.Parameter, path: Path | None) -> CryptoSigner | None:
    """Reads the key before the command begins: at once, and not after hours of work."""
    from gatekeeper.evidence.signing import read_private

    return None if path is None else read_private(_there(path, option))


def _public(_: click.Context, option: click.Parameter, path: Path | None) -> SSlibKey | None:
    from gatekeeper.evidence.signing import read_public

    return None if path is None else read_public(_there(path, option))


def _there(path: Path, option: click.Parameter) -> Path:
    if not path.exists():
        raise UsageError("no such file", where=f"{option.opts[0]} {excerpt(path)}")
    return path


sign_key_option = click.option(
    "--sign-key",
    "signer",
    type=click.Path(path_type=Path),
    callback=_private,
    help="Sign evidence and outputs with this private key (gatekeeper keys new makes one).",
)
key_option = click.option(
    "--key",
    type=click.Path(path_type=Path),
    callback=_public,
    help="Public key that evidence and outputs must be signed with; anything else exits with 12.",
)


def sign_outputs(
    out: Path,
    evidence: Evidence,
    signer: CryptoSigner | None,
    policy: Policy,
    baseline_path: Path | None = None,
    *,
    made_here: bool = False,
) -> None:
    """Signs the evidence in a folder, and the statement of what lies beside it if there is one.

    Nothing without a key. Reports are made again first, as by `verify`: they may lie there from a
    job that is trusted less than the one that signs.

    Args:
        policy: of the verdict that lies there, if none lies beside it.
        made_here: all that lies there was made by this command.

    Raises:
        UsageError: there is no evidence.
        EvidenceError: a file beside it is not as the statement says, or a verdict or report not
            what the evidence gives.
    """
    if signer is None:
        return
    from gatekeeper.commands._verify_again import check_again
    from gatekeeper.commands._verify_outputs import check_outputs
    from gatekeeper.commands._verify_verdict import derive_verdict

    bundle = out / BUNDLE if (out / BUNDLE / MANIFEST).is_file() else out
    if not (bundle / MANIFEST).is_file():
        raise UsageError(
            "no evidence lies there: what is signed is the evidence, and what lies beside it",
            where=f"--sign-key {excerpt(out)}",
            remedy="leave --out away, or sign where the evidence is",
        )
    sign(bundle / MANIFEST, signer)
    if (out / OUTPUTS).is_file():
        stated = check_outputs(out, bundle, evidence)
        derived = None
        if not made_here and (out / VERDICT).is_file():
            named = None if (out / POLICY).is_file() else policy
            derived = derive_verdict(evidence, out / VERDICT, named, None, baseline_path)
        for what in () if made_here else check_again(stated, evidence, bundle, derived):
            click.echo(f"– signed as it lies there: {what}")
        sign(out / OUTPUTS, signer)


def sign(statement: Path, signer: CryptoSigner | None) -> None:
    """Writes the signature of a statement beside it; nothing without a key.

    Raises:
        AuditError: it cannot be written there.
    """
    if signer is None:
        return
    from gatekeeper.evidence.bundle import write_bytes
    from gatekeeper.evidence.signing import signature_of

    path = statement.with_name(signature_name(statement.name))
    try:
        write_bytes(path, signature_of(statement.read_bytes(), signer))
    except OSError as error:
        raise AuditError(
            f"the signature cannot be written: {error.strerror}", where=excerpt(path)
        ) from error
    click.echo(f"signed: {excerpt(statement)} with the key {signer.public_key.keyid[:16]}")


def tell_signature(statement: Path, key: SSlibKey | None) -> bool:
    """Prints a line about the signature of a statement.

    Returns:
        Whether it was checked, and is the key's.

    Raises:
        EvidenceError: a key is given, and this was not signed with it.
    """
    from gatekeeper.evidence.signing import check_signature, signers

    path = statement.with_name(signature_name(statement.name))
    if not path.is_file():
        if key is not None:
            raise EvidenceError(
                "not signed",
                where=excerpt(statement),
                remedy="sign it where it was made (--sign-key), or verify it without --key",
            )
        click.echo("– signature: none; digests alone do not show who wrote the bundle")
        return False
    signature = read_plain(path, excerpt(path), EvidenceError, _MOST_BYTES)
    if key is None:
        names = ", ".join(excerpt(name[:16]) for name in signers(signature, excerpt(path)))
        click.echo(f"– signature: by the key {names}, not checked: give its public part with --key")
        return False
    data = read_plain(statement, excerpt(statement), EvidenceError, _MOST_BYTES)
    check_signature(signature, data, key, excerpt(path))
    click.echo(f"✓ signature: {statement.name} was signed with the key {key.keyid[:16]}")
    return True
