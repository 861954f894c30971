"""Names of the files that an audit and its verdict leave behind."""

from __future__ import annotations

EVIDENCE, PROFILE, TRIALS, RUN = "evidence.json", "profile.npz", "trials.jsonl.gz", "run.json"
#: The digests of the others.
MANIFEST = "manifest.json"
LISTED = (EVIDENCE, PROFILE, TRIALS, RUN)
#: Every file of a bundle.
BUNDLE_FILES = (*LISTED, MANIFEST)


def signature_name(statement: str) -> str:
    """The name of the file that holds the signature of a statement, beside it."""
    return statement.removesuffix(".json") + ".dsse.json"


#: Of a bundle that was signed.
SIGNATURE = signature_name(MANIFEST)

#: What `run` writes beside its reports: the bundle's directory, the verdict and its policy.
BUNDLE, VERDICT, POLICY = "evidence", "verdict.json", "policy.yaml"
#: The file of waivers that its verdict was given with, where there was one.
WAIVERS = "waivers.yaml"
#: The digests of what lies beside the evidence, and how each report was made.
OUTPUTS = "outputs.json"
#: The report that people read, and may sign.
PDF = "report.pdf"
#: The audit beside that of the last release, where reports were made with a baseline.
COMPARED = "comparison.json"
#: Inside a PDF: what its disclosure level leaves of the evidence.
DISCLOSED = "disclosed.json"
#: Audits that an output directory has seen.
LEDGER = "audits.jsonl"
