from __future__ import annotations

import io
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from minbits.data import load
from minbits.errors import DataError


def save(path: Path, array: np.ndarray, mode: str | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(path)


def pictures(folder: Path, shape: tuple[int, ...] = (6, 5), suffix: str = "png") -> np.ndarray:
    generator = np.random.default_rng(0)
    made = generator.integers(0, 256, (10, *shape)).astype(np.uint8)
    for index, image in enumerate(made):
        save(folder / ("cat", "dog")[index % 2] / f"{index}.{suffix}", image)
    return made


def test_grey_images_one_folder_a_class(tmp_path: Path) -> None:
    made = pictures(tmp_path)
    data = load(tmp_path)
    assert data.class_names == ("cat", "dog")
    assert data.input_shape == (1, 6, 5)
    assert data.input_exponent == 8
    found = np.concatenate([data.train_inputs, data.test_inputs])[:, 0]
    assert {image.tobytes() for image in found} == {image.tobytes() for image in made}
    assert load(tmp_path).digest == data.digest


def test_colour_images_and_jpeg(tmp_path: Path) -> None:
    pictures(tmp_path, (8, 7, 3), "jpg")
    assert load(tmp_path).input_shape == (3, 8, 7)


def test_train_and_test_folders_give_the_split(tmp_path: Path) -> None:
    pictures(tmp_path / "train")
    pictures(tmp_path / "test")
    data = load(tmp_path)
    assert (len(data.train_labels), len(data.test_labels)) == (10, 10)
    assert data.split == "as given"


def test_images_are_resized_only_when_asked(tmp_path: Path) -> None:
    pictures(tmp_path)
    save(tmp_path / "cat" / "z.png", np.full((12, 10), 7, np.uint8))
    with pytest.raises(DataError, match=r"z\.png: got 12 x 10 pixels.*`resize` 6x5"):
        load(tmp_path)
    data = load(tmp_path, resize="3x5")
    assert data.input_shape == (1, 3, 5)
    assert "resized to 3x5" in data.origin


def test_opaque_alpha_palettes_and_one_bit_images(tmp_path: Path) -> None:
    for index in range(4):
        image = np.full((4, 4, 4), 255, np.uint8)
        image[..., index % 3] = 0
        save(tmp_path / "ab"[index % 2] / f"{index}.png", image)
    save(tmp_path / "a" / "p.png", np.zeros((4, 4, 3), np.uint8), "P")
    assert load(tmp_path).input_shape == (3, 4, 4)
    save(tmp_path / "a" / "q.png", np.zeros((4, 4, 4), np.uint8))
    with pytest.raises(DataError, match=r"q\.png: got transparent"):
        load(tmp_path)


def test_mixed_grey_and_colour_are_refused(tmp_path: Path) -> None:
    pictures(tmp_path)
    save(tmp_path / "dog" / "z.png", np.zeros((6, 5, 3), np.uint8))
    with pytest.raises(DataError, match=r"z\.png: got a colour image"):
        load(tmp_path)


def test_sixteen_bits_are_refused(tmp_path: Path) -> None:
    pictures(tmp_path)
    save(tmp_path / "cat" / "0.png", np.zeros((6, 5), np.uint16))
    with pytest.raises(DataError, match=r"0\.png: got pixels of mode I;16"):
        load(tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.8])
def test_a_truncated_png_is_named(tmp_path: Path, share: float) -> None:
    pictures(tmp_path, (40, 40))
    path = tmp_path / "dog" / "1.png"
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match=r"1\.png"):
        load(tmp_path)


def png_bomb(side: int) -> bytes:
    """Return a small valid PNG of ``side`` x ``side`` black pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")
        )

    size = side.to_bytes(4, "big")
    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(side // 8 + 1)) for _ in range(side)) + packer.flush()
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", size + size + bytes([1, 0, 0, 0, 0]))
        + chunk(b"IDAT", rows)
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("side", [10_000, 30_000])
def test_a_decompression_bomb_is_refused_unread(tmp_path: Path, side: int) -> None:
    pictures(tmp_path)
    content = png_bomb(side)
    assert len(content) < 200_000
    (tmp_path / "cat" / "0.png").write_bytes(content)
    with pytest.raises(DataError, match=r"0\.png: got .*pixels"):
        load(tmp_path)


def test_other_files_in_disguise_and_empty_classes(tmp_path: Path) -> None:
    pictures(tmp_path)
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((6, 5), np.uint8)).save(buffer, "TIFF")
    (tmp_path / "cat" / "0.png").write_bytes(buffer.getvalue())
    with pytest.raises(DataError, match=r"0\.png: got no PNG, JPEG"):
        load(tmp_path)
    (tmp_path / "cat" / "0.png").unlink()
    (tmp_path / "empty").mkdir()
    assert [item.text for item in load(tmp_path).remarks] == [
        "Folders without images are left out: empty."
    ]


def test_layouts_that_people_have(tmp_path: Path) -> None:
    pictures(tmp_path / "plain")
    plain = load(tmp_path / "plain")
    pictures(tmp_path / "above" / "set" / "Images")
    (tmp_path / "above" / "set" / "readme.txt").write_text("x")
    above = load(tmp_path / "above")
    assert above.digest == plain.digest
    assert [remark.key for remark in above.remarks] == ["inner_folder"]
    pictures(tmp_path / "split" / "Train")
    pictures(tmp_path / "split" / "TEST")
    assert load(tmp_path / "split").split == "as given"
    pictures(tmp_path / "split" / "val")
    joined = load(tmp_path / "split")
    assert (len(joined.train_labels), len(joined.test_labels)) == (20, 10)
    pictures(tmp_path / "two" / "training")
    pictures(tmp_path / "two" / "valid")
    two = load(tmp_path / "two")
    assert (len(two.test_labels), two.remarks[0].text) == (10, "'valid' is the test set.")
    assert two.digest == load(tmp_path / "two").digest


def flat(folder: Path, names: list[str]) -> Path:
    for index, name in enumerate(names):
        save(folder / f"{name}.png", np.full((3, 2), index, np.uint8))
    return folder


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        (["cat.0", "cat.1", "dog.0", "dog.1"], ("cat", "dog")),
        (["big cat (1)", "big cat (2)", "dog (1)", "dog (2)"], ("big cat", "dog")),
        (["3_a", "3_b", "7_c", "7_d"], ("3", "7")), (["0_3", "1_3", "2_7", "3_7"], ("3", "7")),
    ],
)  # fmt: skip
def test_labels_in_names_of_files(
    tmp_path: Path, names: list[str], classes: tuple[str, ...]
) -> None:
    data = load(flat(tmp_path, names))
    assert data.class_names == classes
    assert [remark.key for remark in data.remarks] == ["labels_of_images"]


def test_names_that_say_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="got 4 images side by side, such as img_0"):
        load(flat(tmp_path, [f"img_{index}" for index in range(4)]))


def test_labels_in_a_table_beside_the_images(tmp_path: Path) -> None:
    names = [f"{index}" for index in range(8)]
    flat(tmp_path, names)
    rows = "".join(f"images/{name}.png,{'xy'[i % 2]},{i}\n" for i, name in enumerate(names[:6]))
    (tmp_path / "labels.csv").write_text("file,class,n\n" + rows)
    data = load(tmp_path)
    assert data.class_names == ("x", "y")
    assert len(data.train_labels) + len(data.test_labels) == 6
    assert data.remarks[0].text == (
        "Labels are those of labels.csv. 2 images that it does not name are left out."
    )
    (tmp_path / "labels.csv").write_text("file,kind,n\n" + rows)
    with pytest.raises(DataError, match="columns file, kind, n"):
        load(tmp_path)
    assert load(tmp_path, label="kind").digest == data.digest


@pytest.mark.parametrize("suffix", ["webp", "bmp", "gif"])
def test_other_kinds_of_images(tmp_path: Path, suffix: str) -> None:
    pictures(tmp_path, (6, 5, 3), suffix)
    assert load(tmp_path).input_shape == (3, 6, 5)
    if suffix == "gif":
        frames = [Image.new("L", (5, 6), value) for value in (9, 200)]
        path = tmp_path / "cat" / "0.gif"
        frames[0].save(path, save_all=True, append_images=frames[1:])
        data = load(tmp_path, colour="grey")
        images = np.concatenate([data.train_inputs, data.test_inputs])
        assert (images == 9).all(axis=(1, 2, 3)).sum() == 1


def test_mixed_images_are_brought_to_one_kind(tmp_path: Path) -> None:
    pictures(tmp_path)
    save(tmp_path / "dog" / "z.png", np.full((6, 5, 3), 50, np.uint8))
    clear = np.zeros((6, 5, 4), np.uint8)
    clear[..., 3] = 128
    save(tmp_path / "cat" / "z.png", clear)
    palette = Image.new("P", (5, 6))
    palette.save(tmp_path / "cat" / "p.png", transparency=0)
    Image.new("CMYK", (5, 6)).save(tmp_path / "cat" / "c.jpg")
    with pytest.raises(DataError, match=r"mode CMYK; .*`colour`"):
        load(tmp_path)
    with pytest.raises(DataError, match=r"transparent pixels; .*`background`"):
        load(tmp_path, colour="rgb")
    for colour, channels in (("grey", 1), ("rgb", 3)):
        data = load(tmp_path, colour=colour, background="white")
        assert data.input_shape == (channels, 6, 5)
        images = np.concatenate([data.train_inputs, data.test_inputs])
        means = {image.mean().round() for image in images if image.min() == image.max()}
        assert {50, 127, 255} <= means
