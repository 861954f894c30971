"""Holds reports against validators of others; run by their Python, which knows no Gatekeeper.

    check.py KIND FILE…    KIND: oscal, cyclonedx or in-toto

Prints what is wrong, a line each, and how many files were read.
"""

from __future__ import annotations

import sys
from pathlib import Path


def oscal(path: Path) -> str | None:
    """Read by compliance-trestle, whose models are NIST's of OSCAL 1.2.1."""
    from trestle.oscal.assessment_results import AssessmentResults

    try:
        return None if AssessmentResults.oscal_read(path) else "not read"
    except Exception as error:  # whatever it has to say
        return str(error)


def cyclonedx(path: Path) -> str | None:
    """Strictly validated by CycloneDX's own library."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    error = JsonStrictValidator(SchemaVersion.V1_7).validate_str(path.read_text("utf-8"))
    return str(error) if error else None


def in_toto(path: Path) -> str | None:
    """Read into in-toto's own message type, which refuses unknown fields, and validated by it."""
    from google.protobuf import json_format
    from in_toto_attestation.v1 import statement_pb2
    from in_toto_attestation.v1.statement import Statement

    try:
        message = json_format.Parse(path.read_text("utf-8"), statement_pb2.Statement())
        Statement.copy_from_pb(message).validate()
    except (json_format.ParseError, ValueError) as error:
        return str(error)
    return None


def main(kind: str, files: list[str]) -> None:
    """Checks each file."""
    check = {"oscal": oscal, "cyclonedx": cyclonedx, "in-toto": in_toto}[kind]
    for name in files:
        if problem := check(Path(name)):
            print(f"{name}: {' '.join(problem.split())[:400]}")
    print(f"{len(files)} read")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
