"""Memory as control groups leave it: fake trees of /proc and /sys as containers see them."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatekeeper.engine.model import spread
from gatekeeper.engine.model.host_memory import available_memory, total_memory

MIB = 1 << 20
HOST = 20_000 * MIB
V1 = "32 31 0:35 {root} /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory"
V2 = "30 23 0:26 {root} {at} rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate"
UNLIMITED = 9223372036854771712


def tree(root: Path, mounts: str, groups: str, files: dict[str, object]) -> Path:
    """A machine with 20,000 MiB available, and these files."""
    told = {
        "proc/meminfo": f"MemTotal: {2 * HOST // 1024} kB\nMemAvailable:   {HOST // 1024} kB\n",
        "proc/self/mountinfo": f"22 1 8:1 / / rw - ext4 /dev/sda1 rw\n{mounts}\n",
        "proc/self/cgroup": groups,
        **files,
    }
    for name, text in told.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{text}\n")
    return root


def v1(path: str, limit: int, used: int, cache: int = 0, active: int = 0) -> dict[str, object]:
    folder = f"sys/fs/cgroup/memory{path}"
    return {
        f"{folder}/memory.limit_in_bytes": limit,
        f"{folder}/memory.usage_in_bytes": used,
        f"{folder}/memory.stat": f"inactive_file 7\ntotal_inactive_file {cache}\n"
        f"active_file 5\ntotal_active_file {active}\nrss 1",
    }


def v2(path: str, limit: object, used: int, at: str = "/sys/fs/cgroup", **more: object):
    folder = f"{at}{path}".lstrip("/")
    stat = f"anon 1\ninactive_file {more.pop('cache', 0)}\nactive_file {more.pop('active', 0)}"
    files = {"memory.max": limit, "memory.current": used, "memory.stat": stat}
    return {f"{folder}/{n}": v for n, v in files.items()} | {
        f"{folder}/memory.{n}": v for n, v in more.items()
    }


GROUPS = {
    "v1": ("/", "4:memory:/job\n3:cpuset:/\n0::/\n", v1("/job", 700 * MIB, 50 * MIB)),
    "v1, with others": ("/", "4:cpu,memory:/job\n", v1("/job", 700 * MIB, 50 * MIB)),
    "v1, cache given back": ("/", "4:memory:/job\n", v1("/job", 700 * MIB, 650 * MIB, 600 * MIB)),
    "v1, read twice": (
        "/",
        "4:memory:/job\n",
        v1("/job", 700 * MIB, 650 * MIB, 0, 600 * MIB),
    ),
    "v1, of the parent": (
        "/",
        "4:memory:/job/step\n",
        v1("/job", 700 * MIB, 50 * MIB) | v1("/job/step", UNLIMITED, 9 * MIB),
    ),
    "v1, of a container": ("/docker/ab", "4:memory:/docker/ab\n", v1("", 700 * MIB, 50 * MIB)),
    "v1, seen from outside": ("/../../ab", "4:memory:/\n", v1("", 700 * MIB, 50 * MIB)),
    "v2": ("/", "0::/job\n", v2("/job", 700 * MIB, 50 * MIB)),
    "v2, a name with spaces": ("/", "0::/my job:1\n", v2("/my job:1", 700 * MIB, 50 * MIB)),
    "v2, cache given back": ("/", "0::/job\n", v2("/job", 700 * MIB, 650 * MIB, cache=600 * MIB)),
    "v2, read twice": ("/", "0::/job\n", v2("/job", 700 * MIB, 650 * MIB, active=600 * MIB)),
    "v2, throttled": ("/", "0::/job\n", v2("/job", "max", 50 * MIB, high=700 * MIB)),
    "v2, of the parent": (
        "/",
        "0::/job/step/task\n",
        v2("/job", 700 * MIB, 50 * MIB)
        | v2("/job/step", "max", 9 * MIB)
        | v2("/job/step/task", 900 * MIB, 9 * MIB),
    ),
    "v2, of a container": ("/", "0::/\n", v2("", 700 * MIB, 50 * MIB)),
    "v2, not below the mount": ("/a/b", "0::/c\n", v2("", 700 * MIB, 50 * MIB)),
    "v2, a group that is gone": ("/", "0::/gone (deleted)\n", v2("", 700 * MIB, 50 * MIB)),
    "v2, above its own": ("/", "0::/../x\n", v2("", 700 * MIB, 50 * MIB)),
}


@pytest.mark.parametrize("name", GROUPS)
def test_a_limit_counts(name: str, tmp_path: Path) -> None:
    mounted, groups, files = GROUPS[name]
    mount = V1.format(root=mounted)
    if name.startswith("v2"):
        mount = V2.format(root=mounted, at="/sys/fs/cgroup")
    root = tree(tmp_path, mount, groups, files)
    assert available_memory(root) == 650 * MIB
    assert total_memory(root) == 700 * MIB


def test_both_versions_at_once(tmp_path: Path) -> None:
    """As on hosts in between: memory is counted by version 1, version 2 is mounted beside it."""
    mounts = f"{V1.format(root='/')}\n{V2.format(root='/', at='/sys/fs/cgroup/unified')}"
    groups = "4:memory:/job\n0::/job\n"
    files = v1("/job", 700 * MIB, 50 * MIB)
    assert available_memory(tree(tmp_path / "a", mounts, groups, files)) == 650 * MIB
    mounts = V2.format(root="/", at="/mnt/a\\040b")
    files = v2("/job", 700 * MIB, 50 * MIB, at="/mnt/a b")
    assert available_memory(tree(tmp_path / "b", mounts, groups, files)) == 650 * MIB


@pytest.mark.parametrize(
    ("groups", "files"),
    [
        ("", {}),
        ("0::/job\n", {}),
        ("0::/job\n", v2("/job", "max", 50 * MIB)),
        ("0::/job\n", v2("/job", "garbage", 50 * MIB)),
        ("0::/job\n", v2("/job", "", 50 * MIB)),
        ("0::/job\n", v2("/job", "9" * 40, 50 * MIB)),
        ("0::/job\n", v2("/job", HOST * 2, 50 * MIB)),
        ("no colons here\n::::\n", v2("", "max", 0)),
    ],
)
def test_without_a_limit_the_machine_counts(groups: str, files: dict, tmp_path: Path) -> None:
    root = tree(tmp_path, V2.format(root="/", at="/sys/fs/cgroup"), groups, files)
    assert available_memory(root) == HOST
    root = tree(tmp_path, V1.format(root="/"), "4:memory:/job\n", v1("/job", UNLIMITED, 1))
    assert available_memory(root) == HOST


def test_a_group_that_is_full_has_nothing_left(tmp_path: Path) -> None:
    files = v2("/job", 700 * MIB, 705 * MIB)
    root = tree(tmp_path, V2.format(root="/", at="/sys/fs/cgroup"), "0::/job\n", files)
    assert available_memory(root) == 0


def test_a_system_that_tells_nothing(tmp_path: Path) -> None:
    assert available_memory(tmp_path) is None
    assert total_memory(tmp_path) > 0


def test_this_machine() -> None:
    here = available_memory()
    assert here is None or 0 < here <= total_memory()


def test_a_model_that_is_spread_keeps_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spread, "available_memory", lambda: 1000)
    assert spread._limited(0)["max_memory"]["cpu"] == 900
    assert spread._limited(300)["max_memory"]["cpu"] == 700  # what an audit works in is left free
    assert spread._limited(2000)["max_memory"]["cpu"] == 0
    monkeypatch.setattr(spread, "available_memory", lambda: 1 << 62)
    assert spread._limited(0) == {}


def test_a_limit_on_the_process_counts(tmp_path: Path) -> None:
    files: dict[str, object] = {
        "proc/self/limits": "Limit                     Soft Limit           Hard Limit   Units\n"
        f"Max address space         {900 * MIB}           unlimited            bytes",
        "proc/self/status": f"Name:\tpython\nVmSize:\t{200 * 1024} kB\nVmRSS:\t 7 kB",
    }
    root = tree(tmp_path / "a", "", "", files)
    assert available_memory(root) == 700 * MIB
    assert total_memory(root) == 900 * MIB
    files["proc/self/limits"] = "Max address space    unlimited      unlimited    bytes"
    assert available_memory(tree(tmp_path / "b", "", "", files)) == HOST
