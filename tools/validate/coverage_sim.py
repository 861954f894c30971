"""Coverage of every interval the gate uses, simulated where the truth is known.

Each cell draws data anew, calls what the gate calls, and counts how often the interval holds the
truth. Cells outside 93 to 97 % are flagged; none is left out.
"""

from __future__ import annotations

from tools.validate import (
    coverage_clustered,
    coverage_excess,
    coverage_independent,
    coverage_phi,
    coverage_population,
)
from tools.validate.table import Table


def run(*, quick: bool = False) -> list[Table]:
    """All tables of coverage; `quick` has fewer sizes and repetitions."""
    parts = (
        coverage_independent,
        coverage_clustered,
        coverage_population,
        coverage_excess,
        coverage_phi,
    )
    return [table for part in parts for table in part.tables(quick=quick)]
