"""Moving pictures on the command line: ``animate``, and ``show`` of what moves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from command import call, make_image
from PIL import Image
from pixeldream_plugins import amiga_anim, c64_animation
from tiny import FAST, T, film, folder, recipe_of, rgb

import pixeldream as pd
from pixeldream.plugin.registry import load
from pixeldream.retro.animation import Animation

Capsys = pytest.CaptureFixture[str]

__all__ = ["folder"]  # a fixture that every test here uses

RUN = ("--plugin", "tiny.py", "animate")


def frames_of(name: str) -> list[np.ndarray]:
    """uint8 ``[height, width, 3]`` of each frame that Pillow finds."""
    with Image.open(name) as image:
        result = []
        for number in range(image.n_frames):  # type: ignore[attr-defined]
            image.seek(number)
            result.append(np.asarray(image.convert("RGB")))
        return result


def walk(count: int = 4) -> None:
    """A GIF of a bar that walks over still ground, 50 hundredths a step."""
    ground = np.asarray(film(1)[0])
    images = []
    for step in range(count):
        picture = ground.copy()
        picture[4:20, 2 + 6 * step : 6 + 6 * step] = 255
        images.append(Image.fromarray(picture).quantize(64))
        images[-1].save(f"walk{step}.png")
    images[0].save("walk.gif", save_all=True, append_images=images[1:], duration=500, loop=0)


# ---- animate --------------------------------------------------------------------------------------------------------


def test_a_gif_as_a_gif_and_as_numbered_pictures(capsys: Capsys, folder: Path) -> None:
    walk()
    out = ("-o", "out.gif", "-o", "w-%02d.png", "-o", "all")
    ran = call(capsys, *RUN, "walk.gif", *T, *FAST, *out)
    assert ran.code == 0, ran.err
    assert ran.out.split() == ["out.gif", *(f"{n}{i}.png" for n in ("w-0", "all/000") for i in (1, 2, 3, 4))]
    for number, frame in enumerate(frames_of("out.gif"), 1):
        np.testing.assert_array_equal(frame, rgb(f"w-0{number}.png"))
        assert (folder / f"w-0{number}.png").read_bytes() == (folder / f"all/000{number}.png").read_bytes()
    with Image.open("out.gif") as image:
        assert (image.info["duration"], image.info["loop"]) == (500, 0)
    assert recipe_of("w-03.png")["options"]["frame"] == 3
    assert "the same bytes" in call(capsys, "--plugin", "tiny.py", "rerun", "w-03.png").err


def test_single_pictures_at_a_rate(capsys: Capsys, folder: Path) -> None:
    walk(3)
    assert call(capsys, *RUN, "walk?.png", *T, *FAST, "-o", "s.gif", "--rate", 5).code == 0
    assert len(frames_of("s.gif")) == 3
    with Image.open("s.gif") as image:
        assert image.info["duration"] == 200


@pytest.mark.parametrize("free", [False, True])
def test_one_palette_serves_all_pictures_unless_asked(capsys: Capsys, folder: Path, free: bool) -> None:
    for number, colour in enumerate([(200, 20, 20), (20, 200, 20), (20, 20, 200)]):
        Image.new("RGB", (64, 40), colour).save(f"c{number}.png")
        make_image(folder / f"n{number}.png", seed=number)
    more = ("--free-palettes",) if free else ()
    assert call(capsys, *RUN, "n?.png", "c?.png", "-m", "tiny-free", *FAST, *more, "-o", "%d.png").code == 0
    palettes = []
    for number in range(1, 7):
        with Image.open(f"{number}.png") as image:
            palettes.append(tuple(image.getpalette()[:18]))  # type: ignore[index]
    assert (len(set(palettes)) == 1) == (not free)


def test_drawings_keep_their_colours_and_share_them(capsys: Capsys, folder: Path) -> None:
    """Four colours of the machine in three drawings of the mode's size: nothing is chosen, no pixel changes."""
    shades = np.array([[0, 0, 0], [255, 0, 17], [17, 255, 0], [255, 255, 255]], np.uint8)
    for number in range(3):
        y, x = np.mgrid[0:24, 0:32]
        Image.fromarray(shades[(x // 4 + y // 4 * number) % (2 + number)]).save(f"d{number}.png")
    assert call(capsys, *RUN, "d?.png", "-m", "tiny-free", "-o", "o%d.png").code == 0
    for number in range(3):
        np.testing.assert_array_equal(rgb(f"o{number + 1}.png"), rgb(f"d{number}.png"))


def test_machines_get_their_own_files(capsys: Capsys, folder: Path) -> None:
    walk(3)
    ran = call(capsys, "animate", "walk.gif", "-m", "c64-hires", *FAST)
    assert ran.out.split() == ["walk-c64-hires.prg", "walk-c64-hires.gif"]
    assert "3 pictures take" in ran.err
    program = c64_animation.read((folder / "walk-c64-hires.prg").read_bytes())
    assert program.seconds == (0.5, 0.5, 0.5)
    shown = [each.image() for each in program.pictures]
    np.testing.assert_array_equal(frames_of("walk-c64-hires.gif"), shown)
    # And from there on to another machine, with all pictures.
    ran = call(capsys, "animate", "walk-c64-hires.prg", "-m", "amiga-8", *FAST, "-o", "o.anim", "--rate", 4)
    assert ran.code == 0, ran.err
    moved = amiga_anim.read((folder / "o.anim").read_bytes())
    assert moved.seconds == (0.25, 0.25, 0.25)
    assert (folder / "o.anim").read_bytes().count(b"CMAP") == 1


def test_the_same_picture_may_come_again(capsys: Capsys, folder: Path) -> None:
    walk(2)
    ran = call(capsys, *RUN, "walk0.png", "walk1.png", "walk0.png", *T, *FAST, "-o", "p%d.png")
    assert ran.code == 0, ran.err
    assert (folder / "p1.png").read_bytes() == (folder / "p3.png").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["walk.gif", "-o", "o.png"], "'o.png' holds one picture; mode tiny moves as .gif, or in numbered pictures"),
        (["walk.gif", "-o", "o.anim"], "nothing that moves ends in '.anim' there; mode tiny moves as .gif"),
        (["walk.gif", "-o", "o-%04d.kla"], "mode tiny can't be written as .kla"),
        (["walk.gif", "-o", "o-%d-%d.png"], "is to have one place for a number"),
        (["walk.gif", "-o", "walk.gif"], "would overwrite the input"),
        (["walk.gif", "-o", "no/folder/o.gif"], "there is no folder 'no/folder'"),
        (["walk.gif", "missing.png", "-o", "o.gif"], "'missing.png' does not exist"),
        (["walk.gif", "--rate", "0", "-o", "o.gif"], "a rate of 0 pictures a second; give 0.1 to 60"),
        (["walk.gif", "--rate", "nan", "-o", "o.gif"], "a rate of nan"),
        (["walk.gif", "--aspect", "-o", "o.gif"], "a GIF resampled to the true shape"),
    ],
)
def test_what_is_refused(capsys: Capsys, folder: Path, arguments: list[str], message: str) -> None:
    walk(2)
    before = {path.name for path in folder.iterdir()}
    assert message in call(capsys, *RUN, *arguments, *T, *FAST).error
    assert {path.name for path in folder.iterdir()} == before


def test_pictures_that_do_not_fit_leave_no_file(capsys: Capsys, folder: Path) -> None:
    random = np.random.default_rng(0)
    for number in range(5):
        Image.fromarray(random.integers(0, 2, (200, 320), np.uint8) * 255).save(f"n{number}.png")
    ran = call(capsys, "animate", "n?.png", "-m", "c64-hires", *FAST, "-o", "o.prg", "-o", "o.gif", "-q")
    assert "5 pictures take" in ran.error
    assert not (folder / "o.gif").exists()


# ---- show -----------------------------------------------------------------------------------------------------------


def test_show_decodes_picture_by_picture(capsys: Capsys, folder: Path) -> None:
    from test_amiga_anim import moving

    animation = moving("amiga-32", 3)
    (folder / "in.anim").write_bytes(amiga_anim.write(animation, pd.WriteOptions()))
    ran = call(capsys, "show", "in.anim", "-o", "o.gif", "-o", "o-%d.png", "-o", "sheet.png", "-o", "again.anim")
    assert ran.code == 0, ran.err
    assert "3 pictures in 0.23 seconds" in ran.err
    expected = [each.image() for each in animation.pictures]
    np.testing.assert_array_equal(frames_of("o.gif"), expected)
    np.testing.assert_array_equal([rgb(f"o-{number}.png") for number in (1, 2, 3)], expected)
    assert (folder / "again.anim").read_bytes() == (folder / "in.anim").read_bytes()
    assert rgb("sheet.png").shape[1] > 2 * 320
    (folder / "cut.anim").write_bytes((folder / "in.anim").read_bytes()[:-9])
    assert "'cut.anim' is broken or of another kind" in call(capsys, "show", "cut.anim").error


# ---- the value and GIF ----------------------------------------------------------------------------------------------


def test_pictures_of_an_animation_are_alike(folder: Path) -> None:
    from pictures import pattern

    registry = load()
    first, other = (pattern(registry.modes[name]) for name in ("c64-hires", "c64-multicolor"))
    with pytest.raises(ValueError, match=r"picture 2 .* is in mode c64-multicolor, the first in c64-hires"):
        Animation.at([first, other])
    with pytest.raises(ValueError, match="no pictures"):
        Animation.at([])
    with pytest.raises(ValueError, match="lasts 0 seconds"):
        Animation((first,), (0.0,))


@pytest.mark.parametrize("name", ["c64-multicolor", "amiga-aga", "amiga-ehb", "zx-spectrum", "cpc-mode0"])
def test_a_gif_has_exactly_the_colours(name: str, folder: Path) -> None:
    from dataclasses import replace

    from pictures import pattern

    registry = load()
    first = pattern(registry.modes[name])
    pictures = [first, replace(first, pixels=np.roll(first.pixels, 8, 0)), first]
    write = registry.formats["gif"].write_frames
    assert write is not None
    (folder / "o.gif").write_bytes(write(Animation.at(pictures), pd.WriteOptions()))
    across, down = pd.repeats(first.mode)
    expected = [each.image().repeat(down, 0).repeat(across, 1) for each in pictures]
    np.testing.assert_array_equal(frames_of("o.gif"), expected)
