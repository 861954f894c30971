"""A page of several sections, each written by a benchmark of its own."""

from __future__ import annotations

from pathlib import Path

HEAD = """# Benchmarks

Made by `make bench` and `make bench-all`. Ratios of time, measured side by side in one run, in
turn; the machine may be shared, so read the median and the spread. Results are held equal first.
"""


def write_section(page: Path, name: str, text: str) -> None:
    """Puts a section into the page, in place of an older one of that name; the others stay.

    A section stands between two HTML comments, which no reader sees. A page without any is begun
    anew.
    """
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    section = f"{begin}\n\n{text.strip()}\n\n{end}\n"
    whole = page.read_text(encoding="utf-8") if page.is_file() else ""
    if "<!-- begin " not in whole:
        whole = HEAD
    before, _, rest = whole.partition(begin)
    after = rest.partition(end)[2].strip()
    whole = f"{before.rstrip()}\n\n{section}" + (f"\n{after}\n" if after else "")
    page.write_text(whole, encoding="utf-8")
