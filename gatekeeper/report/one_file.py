"""A page that is one file: style, scripts and data lie in it, and no other may run or be loaded."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence


def one_file(
    shell: str,
    style: str,
    scripts: Sequence[str],
    data: object | None,
    filled: Mapping[str, str],
) -> str:
    """The page as HTML that asks nothing of a network.

    Args:
        shell: with `{{names}}` for `csp`, `style`, `data`, `scripts` and those in `filled`. It
            alone is searched for them: what is filled in is not read again.
        data: for the scripts, in an element `data`; None: there is no such element.
        filled: markup by name; texts in it are escaped already.
    """
    allowed = " ".join(_hash(script) for script in scripts) or "'none'"
    rules = (
        "default-src 'none'",
        f"script-src {allowed}",
        f"style-src {_hash(style)}",
        "base-uri 'none'",
        "form-action 'none'",
    )
    told = f'<script type="application/json" id="data">{embedded(data)}</script>\n'
    values = {
        **filled,
        "csp": "; ".join(rules),
        "style": style,
        "data": "" if data is None else told,
        "scripts": "".join(f"<script>{script}</script>\n" for script in scripts),
    }
    first, *parts = shell.split("{{")
    ends = (part.split("}}", 1) for part in parts)
    return first + "".join(values[name] + rest for name, rest in ends)


def embedded(data: object) -> str:
    """JSON that no parser of HTML takes for a tag."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
