"""Pictures for a GAN from folders and zips: whatever lies in them."""

from __future__ import annotations

import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from command import make_bomb, make_image
from PIL import Image

from pixeldream.cli.gan_data import _merged, collect, square
from pixeldream.cli.options import OptionError

GROUND = (0.0, 0.0, 1.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten pictures of two kinds, formats and many sizes."""
    for number in range(10):
        place = tmp_path / ("cats" if number % 2 else "dogs") / "deep"
        place.mkdir(parents=True, exist_ok=True)
        make_image(place / f"{number}.{'png' if number % 3 else 'jpg'}", (9 + 7 * number, 40), seed=number)
    return tmp_path


def test_mixed_sizes_and_formats_become_squares(folder: Path) -> None:
    found = collect(folder, 32)
    assert found.images.shape == (10, 32, 32, 3)
    assert (found.names, found.skipped) == ((), ())
    assert found.classes.tolist() == [0] * 10


def test_the_outermost_folders_are_classes(folder: Path) -> None:
    found = collect(folder, 16, by_folder=True)
    assert found.names == ("cats", "dogs")
    assert found.classes.tolist() == [0] * 5 + [1] * 5


def test_folders_in_folders_are_classes_of_their_own_if_they_hold_enough() -> None:
    folders = [("item", "potion")] * 8 + [("item", "ring")] * 3 + [("item",)] * 2 + [("wall", "old", "red")] * 5
    folders += [("wall", "old", "blue")] * 4 + [()]
    assert Counter(_merged(folders)) == {"item/potion": 8, "item": 5, "wall/old": 9, "": 1}


def test_a_zip_gives_what_its_folder_gives(folder: Path, tmp_path: Path) -> None:
    packed = tmp_path / "packed.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(folder.rglob("*.*")):
            if path != packed:
                archive.write(path, path.relative_to(folder))
        archive.writestr("__MACOSX/cats/._0.png", b"nothing")
        archive.writestr("read me.txt", "no picture")
    ours, theirs = collect(folder, 16, by_folder=True), collect(packed, 16, by_folder=True)
    np.testing.assert_array_equal(ours.images, theirs.images)
    np.testing.assert_array_equal(ours.classes, theirs.classes)
    assert theirs.skipped == ()


def test_broken_files_are_skipped_and_named(folder: Path) -> None:
    (folder / "torn.png").write_bytes((folder / "cats" / "deep" / "1.png").read_bytes()[:60])
    (folder / "bomb.png").write_bytes(make_bomb(60_000, 60_000))
    (folder / "empty.gif").write_bytes(b"")
    found = collect(folder, 16)
    assert len(found.images) == 10
    assert [line.split(" ")[0] for line in found.skipped] == ["bomb.png", "empty.gif", "torn.png"]


def test_a_broken_member_of_a_zip_is_skipped(folder: Path, tmp_path: Path) -> None:
    packed = tmp_path / "packed.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(folder.rglob("*.png")) * 2 + sorted(folder.rglob("*.jpg")):
            if path.name not in archive.namelist():
                archive.write(path, path.name)
    data = bytearray(packed.read_bytes())
    start = data.index(b"IDAT")
    data[start + 10 : start + 14] = b"\0\0\0\0"
    packed.write_bytes(data)
    found = collect(packed, 16)
    assert (len(found.images), len(found.skipped)) == (9, 1)


@pytest.mark.parametrize(
    ("count", "words"), [(0, "holds no pictures"), (1, "holds 1 picture: too few"), (7, "holds 7 pictures: too few")]
)
def test_too_few_pictures_are_refused(tmp_path: Path, count: int, words: str) -> None:
    for number in range(count):
        make_image(tmp_path / f"{number}.png", seed=number)
    with pytest.raises(OptionError, match=words):
        collect(tmp_path, 16)


def test_places_that_hold_nothing_are_refused(folder: Path) -> None:
    (folder / "text.zip").write_text("no zip")
    flat = folder / "flat"
    flat.mkdir()
    for number in range(8):
        make_image(flat / f"{number}.png", seed=number)
    for place, words in ((folder / "nowhere", "does not exist"), (folder / "text.zip", "neither a folder nor a zip")):
        with pytest.raises(OptionError, match=words):
            collect(place, 16)
    with pytest.raises(OptionError, match="'greenish' is no colour"):
        collect(folder, 16, background="greenish")
    with pytest.raises(OptionError, match="no two folders"):
        collect(flat, 16, by_folder=True)


def test_transparent_pixels_show_the_background(tmp_path: Path) -> None:
    for number in range(8):
        Image.new("RGBA", (8, 8), (255, 0, 0, 0 if number % 2 else 255)).save(tmp_path / f"{number}.png")
    found = collect(tmp_path, 16, background="00ff00")
    assert [tuple(image[3, 3]) for image in found.images[:2]] == [(255, 0, 0), (0, 255, 0)]


def test_pixel_art_keeps_its_pixels() -> None:
    art = np.random.default_rng(0).integers(0, 2, (8, 8, 3)).astype(np.float32)
    exact = np.rint(art * 255).astype(np.uint8)
    np.testing.assert_array_equal(square(art, 32, GROUND, "contain"), exact.repeat(4, 0).repeat(4, 1))
    enlarged = art.repeat(6, 0).repeat(6, 1)
    np.testing.assert_array_equal(square(enlarged, 16, GROUND, "contain"), exact.repeat(2, 0).repeat(2, 1))
    inside = square(art, 20, GROUND, "contain")
    np.testing.assert_array_equal(inside[2:18, 2:18], exact.repeat(2, 0).repeat(2, 1))
    assert (inside[:2] == (0, 0, 255)).all()


def test_wide_pictures_are_cut_or_stand_on_the_ground() -> None:
    wide = np.zeros((10, 30, 3), np.float32)
    wide[:, 10:20] = 1
    assert (square(wide, 16, GROUND, "cover")[2:-2, 2:-2] > 250).all()
    contained = square(wide, 16, GROUND, "contain")
    assert (contained[0] == (0, 0, 255)).all()
    assert (contained[8, 0] < 30).all()
