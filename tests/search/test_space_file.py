from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minbits.codec.architecture import class_count
from minbits.data import load
from minbits.errors import ArgumentError
from minbits.networks.zoo import architecture_for
from minbits.search.family import Choices, Range
from minbits.search.ladder import family_behind, ladder
from minbits.search.sampled import RandomPoints
from minbits.search.space_file import parse_space, read_space
from minbits.types import DataSet, TrialConfig

SMALL = """
version = 1
[[family]]
name = "tiny"
architecture = ["conv {width} k3", { layers = "pointwise {width} relu", repeat = "deep" },
  "avgpool all", "linear {classes}"]
[family.architecture_values]
width = { from = 2, to = 5 }
deep = [0, 2]
[family.compression]
rate_weight = { from = 0.5, to = 2.0, log = true }
[family.training]
float_epochs = 3
quantized_epochs = 2
batch_size = [32, 64]
"""


@pytest.fixture(scope="module")
def sets(mnist: DataSet, tiny: DataSet) -> dict[str, DataSet]:
    return {"mnist": mnist, "tiny": tiny, "mnist1d": load("mnist1d"), "iris": load("iris")}


@pytest.mark.parametrize(
    ("name", "family"),
    [("mnist", "large images"), ("tiny", "small images"), ("mnist1d", "sequences"),
     ("iris", "vectors")],
)  # fmt: skip
def test_every_point_of_the_default_space_is_a_network(
    sets: dict[str, DataSet], name: str, family: str
) -> None:
    data = sets[name]
    found = read_space().family_for(data)
    assert found.name == family
    source = RandomPoints(0)
    keys = set()
    for _ in range(60):
        _, point = source.ask(found)
        candidate = found.candidate(point, data)
        architecture = architecture_for(candidate.architecture, data)
        assert class_count(architecture) == data.class_count
        config = TrialConfig(candidate.architecture, candidate.recipe, 0)
        assert found.point_of(config, data.class_count) == point
        keys.add(candidate.key)
    assert len(keys) > 50


def test_rungs_of_the_ladder_are_points_of_the_default_space(sets: dict[str, DataSet]) -> None:
    for data in sets.values():
        family = read_space().family_for(data)
        points = [
            family.point_of(TrialConfig(rung.architecture, rung.recipe, 0), data.class_count)
            for rung in ladder(data)
        ]
        assert sum(point is not None for point in points) >= len(points) // 2


@given(st.integers(0, 2**31))
@settings(max_examples=30)
def test_values_stay_in_their_ranges(seed: int) -> None:
    family = parse_space(SMALL, "small").families[0]
    _, point = RandomPoints(seed).ask(family)
    assert point["deep"] in (0, 2)
    assert 2 <= int(point["width"]) <= 5
    assert ("width.2" in point) == (point["deep"] == 2)
    assert 0.5 <= float(point["rate_weight"]) <= 2.0
    assert point["batch_size"] in (32, 64)


def test_what_a_template_becomes() -> None:
    family = parse_space(SMALL, "small").families[0]
    point = {"deep": 2, "width": 3, "width.1": 4, "width.2": 5}
    assert family.text(point, 7) == (
        "conv 3 k3; pointwise 4 relu; pointwise 5 relu; avgpool all; linear 7"
    )


def test_domains_of_the_file() -> None:
    family = parse_space(SMALL, "small").families[0]
    assert family.architecture["width"] == Range(2, 5, True, False)
    assert family.architecture["deep"] == Choices((0, 2))
    assert family.recipe["rate_weight"] == Range(0.5, 2.0, False, True)
    assert not family.architecture["width"].holds(6)
    assert not family.architecture["width"].holds(2.5)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("version = 1", "version = 2", "got version 2; expected version = 1"),
        ("version = 1", "version = ", "no TOML"),
        ("[[family]]", "[[families]]", "got 'families'; expected one of family, version"),
        ('name = "tiny"', 'name = "tiny"\nwidth = 3', "family 'tiny': got 'width'"),
        ("{width} k3", "{widht} k3", r"architecture: got \{widht\}"),
        ("from = 2, to = 5", "from = 5, to = 2", "width: got from 5 to 2; expected from below to"),
        ("from = 2, to = 5", "from = 2", "width: got None; expected from and to"),
        ("from = 2, to = 5", "from = 2, to = 5, step = 1", "got 'step'"),
        ("from = 0.5, to = 2.0", "from = 0.0, to = 2.0", "expected a range above 0"),
        ("from = 0.5, to = 2.0", "from = 'a', to = 2.0", "expected from and to"),
        ("deep = [0, 2]", "deep = [0, 2.5]", "got 2.5; expected whole number or text"),
        ("deep = [0, 2]", "deep = [0, -2]", "expected whole numbers from 0 to 64"),
        ("deep = [0, 2]", "deep = []", "expected one value at least"),
        ("batch_size = [32, 64]", "batch_size = 32.5", "got 32.5; expected whole number"),
        ("batch_size = [32, 64]", "batch = 32", "training: got 'batch'"),
        ("batch_size = [32, 64]", "rate_weight = 1.0", "training: got 'rate_weight'"),
        ("float_epochs = 3", "float_epochs = [3, 4]", "float_epochs: got no one number"),
        ("float_epochs = 3", "", "float_epochs: got no one number"),
        ("deep = [0, 2]", "deep = [0, 2]\nother = 3", "'other', which no layer uses"),
        ('"avgpool all"', "3", "expected text, or"),
    ],
)
def test_bad_files_are_told_where_and_what(old: str, new: str, message: str) -> None:
    assert old in SMALL
    with pytest.raises(ArgumentError, match=message):
        parse_space(SMALL.replace(old, new, 1), "small")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"`space` .*none\.toml"):
        read_space(tmp_path / "none.toml")


def test_data_that_no_family_fits_are_told(sets: dict[str, DataSet]) -> None:
    space = parse_space(SMALL.replace('name = "tiny"', 'name = "tiny"\nleast_side = 9'), "small")
    with pytest.raises(ArgumentError, match="inputs of one of: tiny"):
        space.family_for(sets["tiny"])
    assert space.family_for(sets["mnist"]).name == "tiny"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = " + "[" * 5000 + "]" * 5000, "nested too deep"),
        ("a = " + "{b = " * 5000 + "1" + "}" * 5000, "nested too deep"),
        ("version = " + "9" * 5000, "digits"),
        ("version = 0x" + "f" * 5000, "version a number of too many digits"),
        (SMALL.replace("= 3", "= 0x" + "f" * 5000), "a number of too many digits"),
        (SMALL.replace("[32, 64]", "[32, " + "9" * 400 + "]"), "a number of too many digits"),
        (SMALL.replace("0.5,", "9" * 400 + ","), "from and to, each"),
        (SMALL.replace("width", "1 width").replace("1 width =", '"1 width" ='), "expected"),
        ("\0", "no TOML"),
    ],
)
def test_hostile_numbers_and_nesting_are_one_short_error(text: str, message: str) -> None:
    with pytest.raises(ArgumentError, match=message) as caught:
        parse_space(text, "s.toml")
    assert len(str(caught.value)) < 1000


def test_names_that_no_pattern_can_hold_are_refused() -> None:
    text = SMALL.replace("{width}", "{1width}").replace("width =", "1width =")
    with pytest.raises(ArgumentError, match=r"1width.*a name of letters"):
        parse_space(text, "s.toml")


def test_a_space_that_is_no_small_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    os.mkfifo(path)
    with pytest.raises(ArgumentError, match="a pipe and no regular file"):
        read_space(path)
    path.unlink()
    path.write_bytes(b"#" * 2**21)
    with pytest.raises(ArgumentError, match="more than 1,048,576 bytes"):
        read_space(path)
    path.write_bytes(b"\xff")
    with pytest.raises(ArgumentError, match="utf-8"):
        read_space(path)


LAYERS_IN_PLACE = """
version = 1

[[family]]
architecture = [
  "conv 4 k3 relu",
  { layers = "{norm}{spatial} k3 p1; pointwise {width}", repeat = "blocks" },
  "avgpool all; linear {classes}",
]

[family.architecture_values]
blocks = { from = 1, to = 2 }
norm = ["", "rmsnorm; "]
spatial = ["depthwise", "shared"]
width = { from = 2, to = 9 }

[family.training]
float_epochs = 1
quantized_epochs = 1
"""


def test_a_value_may_be_layers_or_nothing(tiny: DataSet) -> None:
    (family,) = parse_space(LAYERS_IN_PLACE, "a space").families
    source = RandomPoints(0)
    texts = set()
    for _ in range(60):
        point = source.ask(family)[1]
        found = family.candidate(point, tiny)
        texts.add(found.architecture)
        config = TrialConfig(found.architecture, found.recipe, 0)
        assert family.point_of(config, tiny.class_count) == point
    assert any("relu; rmsnorm; shared k3 p1; pointwise" in text for text in texts)
    assert any("relu; depthwise k3 p1; pointwise" in text for text in texts)


def test_each_network_of_the_ladder_behind_a_front_end_is_a_point_of_its_family(
    mnist: DataSet,
) -> None:
    family = family_behind(mnist, "moments 28")
    rungs = ladder(mnist, "moments 28")
    assert family.ladder is not None
    for rung, named in zip(rungs, family.ladder.points, strict=True):
        point = family.point_of(TrialConfig(rung.architecture, rung.recipe, 0), 10)
        assert point is not None
        # An earlier trial is known for what it was by all that the rung names.
        assert {name: point.get(name) for name in named} == named
        assert family.text(point, 10) == rung.architecture
    kinds = {
        kind for kind in ("depthwise", "shared") for rung in rungs if kind in rung.architecture
    }
    assert kinds == {"depthwise", "shared"}
    # What is shared cannot be normalised by batches.
    for rung in rungs:
        assert rung.recipe.batch_normalisation != ("rmsnorm" in rung.architecture)
