"""Ordinary image files of every kind, and the sizes that a mode wants."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from command import make_bomb
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from pixeldream import images
from pixeldream.images import ImageError, as_float, fit, limit, read_image
from pixeldream.plugin.registry import Registry

RED = (200, 30, 40)


def save(image: Image.Image, path: Path, **options: object) -> Path:
    image.save(path, **options)
    return path


def plain(size: tuple[int, int] = (8, 6), colour: tuple[int, ...] = RED, mode: str = "RGB") -> Image.Image:
    return Image.new(mode, size, colour)


def test_an_ordinary_picture_comes_out_as_float32_in_its_own_size(tmp_path: Path) -> None:
    image = read_image(save(plain(), tmp_path / "a.png"))
    assert image.dtype == np.float32
    assert image.shape == (6, 8, 3)
    np.testing.assert_allclose(image[0, 0] * 255, RED, atol=1e-3)


@pytest.mark.parametrize("extension", ["png", "jpg", "gif", "bmp", "tif", "webp", "ppm", "tga", "jp2"])
def test_common_formats_are_read(tmp_path: Path, extension: str) -> None:
    image = read_image(save(plain((16, 16)), tmp_path / f"a.{extension}"))
    assert np.abs(image.mean((0, 1)) * 255 - RED).max() < 12


def test_palette_pictures_are_read(tmp_path: Path) -> None:
    path = save(plain().convert("P", palette=Image.Palette.ADAPTIVE), tmp_path / "a.png")
    np.testing.assert_allclose(read_image(path)[2, 2] * 255, RED, atol=1)


def test_cmyk_is_read(tmp_path: Path) -> None:
    path = save(plain(colour=(0, 255, 255, 0), mode="CMYK"), tmp_path / "a.jpg")
    red, green, blue = read_image(path)[3, 3]
    assert red > 0.9
    assert max(green, blue) < 0.15


def test_one_bit_and_grey_are_read(tmp_path: Path) -> None:
    assert read_image(save(Image.new("1", (4, 4), 1), tmp_path / "a.png")).min() == 1
    np.testing.assert_allclose(read_image(save(Image.new("L", (4, 4), 51), tmp_path / "b.png")), 0.2, atol=1e-6)


@pytest.mark.parametrize("extension", ["png", "tif"])
def test_sixteen_bits_are_scaled_and_keep_their_depth(tmp_path: Path, extension: str) -> None:
    values = np.linspace(0, 65535, 1000).astype(np.uint16).reshape(10, 100)
    image = read_image(save(Image.fromarray(values), tmp_path / f"a.{extension}"))
    np.testing.assert_allclose(image[..., 1], values / 65535, atol=1e-6)
    assert len(np.unique(image)) == 1000


def test_float_pictures_are_read(tmp_path: Path) -> None:
    values = np.linspace(0, 1, 64).astype(np.float32).reshape(8, 8)
    np.testing.assert_allclose(read_image(save(Image.fromarray(values), tmp_path / "a.tif"))[..., 0], values, atol=1e-6)
    with pytest.raises(ImageError, match="no numbers"):
        read_image(save(Image.fromarray(values * np.nan), tmp_path / "b.tif"))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparency_shows_the_background(tmp_path: Path, mode: str) -> None:
    image = Image.new("RGBA", (4, 4), (0, 0, 0, 0)).convert(mode)
    path = save(image, tmp_path / ("a.tif" if mode == "PA" else "a.png"))
    assert read_image(path).min() == 1
    np.testing.assert_allclose(read_image(path, background=(0, 0.5, 1))[1, 1], [0, 0.5, 1])


def test_a_transparent_palette_entry_shows_the_background(tmp_path: Path) -> None:
    image = Image.new("P", (4, 4), 0)
    image.putpalette([0, 0, 0, 255, 0, 0])
    assert read_image(save(image, tmp_path / "a.png", transparency=0)).min() == 1


def test_half_transparency_mixes(tmp_path: Path) -> None:
    path = save(Image.new("RGBA", (4, 4), (255, 0, 0, 51)), tmp_path / "a.png")
    np.testing.assert_allclose(read_image(path)[0, 0], [1, 0.8, 0.8], atol=1e-6)


def test_an_animation_gives_its_first_frame(tmp_path: Path) -> None:
    frames = [plain(colour=RED), plain(colour=(0, 255, 0))]
    for extension in ("gif", "png", "webp"):
        path = save(frames[0], tmp_path / f"a.{extension}", save_all=True, append_images=frames[1:], duration=50)
        assert np.abs(read_image(path)[2, 2] * 255 - RED).max() < 16


@pytest.mark.parametrize(("orientation", "corner"), [(1, (0, 0)), (2, (0, 7)), (3, (5, 7)), (6, (0, 5)), (8, (7, 0))])
def test_exif_turns_the_picture(tmp_path: Path, orientation: int, corner: tuple[int, int]) -> None:
    pixels = np.zeros((6, 8, 3), np.uint8)
    pixels[0, 0] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = read_image(save(Image.fromarray(pixels), tmp_path / "a.png", exif=exif))
    assert np.argwhere(image[..., 0] > 0.5).tolist() == [list(corner)]
    assert image.shape[:2] == ((8, 6) if orientation > 4 else (6, 8))


def test_exif_that_is_rubbish_turns_nothing(tmp_path: Path) -> None:
    path = save(plain(), tmp_path / "a.jpg", exif=b"Exif\x00\x00rubbish that is no TIFF header at all")
    assert read_image(path).shape == (6, 8, 3)


def test_a_colour_profile_is_converted(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    assert read_image(save(plain(), tmp_path / "odd.png", icc_profile=profile)).shape == (6, 8, 3)
    assert read_image(save(plain(), tmp_path / "rubbish.png", icc_profile=b"rubbish")).shape == (6, 8, 3)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    np.testing.assert_allclose(
        read_image(save(plain(), tmp_path / "same.png", icc_profile=srgb))[0, 0] * 255, RED, atol=1
    )


def test_a_missing_file_a_folder_and_an_empty_file_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    for name, reason in (("missing.png", "does not exist"), (".", "is a folder"), ("empty.png", "is empty")):
        with pytest.raises(ImageError, match=reason) as caught:
            read_image(tmp_path / name)
        assert str(tmp_path) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_text_named_png_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("this is no picture\n" * 100)
    with pytest.raises(ImageError, match="no format that Pillow reads; save it as PNG or JPEG"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize("extension", ["png", "jpg", "gif", "tif", "bmp"])
def test_every_truncation_is_refused_or_read(tmp_path: Path, extension: str) -> None:
    random = np.random.default_rng(0).integers(0, 255, (24, 24, 3)).astype(np.uint8)
    data = save(Image.fromarray(random), tmp_path / f"a.{extension}").read_bytes()
    refused = 0
    for length in range(1, len(data) - 1, max(1, len(data) // 60)):
        try:
            images.decode(data[:length], "a")
        except ImageError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > 50


@given(st.data())
def test_mutated_files_raise_nothing_but_image_errors(data: st.DataObject) -> None:
    from io import BytesIO

    file = BytesIO()
    plain().save(file, data.draw(st.sampled_from(["PNG", "GIF", "JPEG", "TIFF", "BMP", "ICO", "PPM"])))
    content = bytearray(file.getvalue())
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert images.decode(bytes(content), "a").shape[2] == 3
    except ImageError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize("side", [6000, 12_000, 30_000])
def test_a_bomb_is_refused_by_its_header(tmp_path: Path, side: int) -> None:
    (tmp_path / "bomb.png").write_bytes(make_bomb(side, side))
    with pytest.raises(ImageError, match=f"{side * side:,} pixels.*--large"):
        read_image(tmp_path / "bomb.png")


def test_a_large_picture_is_read_when_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAXIMUM_PIXELS", 40)
    path = save(plain((8, 6)), tmp_path / "a.png")
    with pytest.raises(ImageError, match="48 pixels, more than 40; shrink it, or ask for it: --large"):
        read_image(path)
    assert read_image(path, large=True).shape == (6, 8, 3)


def test_a_large_file_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAXIMUM_BYTES", 60)
    with pytest.raises(ImageError, match="larger than"):
        read_image(save(plain(), tmp_path / "a.png"))


def test_thirty_thousand_pixels_in_a_row_fit_any_mode(tmp_path: Path, registry: Registry) -> None:
    image = read_image(save(plain((30_000, 1)), tmp_path / "a.png"))
    for how in images.FITS:
        assert fit(image, registry.modes["c64-multicolor"], how).shape == (200, 320, 3)


def test_as_float_takes_bytes_and_floats() -> None:
    eight = np.full((2, 3, 3), 51, np.uint8)
    np.testing.assert_allclose(as_float(eight), 0.2, atol=1e-6)
    np.testing.assert_allclose(as_float(eight / 255.0), 0.2, atol=1e-6)
    assert as_float(plain()).dtype == np.float32


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((4, 4)), r"shape \[height, width, 3\], not \[4, 4\]"),
        (np.zeros((4, 4, 4), np.uint8), r"not \[4, 4, 4\]"),
        (np.zeros((0, 4, 3), np.uint8), r"not \[0, 4, 3\]"),
        (np.zeros((4, 4, 3), np.int64), "not int64"),
        (np.full((4, 4, 3), np.nan), "not finite"),
        (np.full((4, 4, 3), 255.0), "0 to 1, not 255 to 255"),
        (np.full((4, 4, 3), -0.5), "not -0.5 to -0.5"),
    ],
)
def test_as_float_refuses_what_is_no_image(array: np.ndarray, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        as_float(array)


def test_cover_cuts_both_sides_equally(registry: Registry) -> None:
    mode = registry.modes["c64-hires"]
    wide = np.zeros((100, 400, 3), np.float32)
    wide[:, 200:] = 1
    image = fit(wide, mode)
    assert image.shape == (200, 320, 3)
    assert image[:, :150].max() < 0.01
    assert image[:, 170:].min() > 0.99


def test_contain_shows_everything_between_black_bars(registry: Registry) -> None:
    image = fit(np.ones((100, 100, 3), np.float32), registry.modes["c64-hires"], "contain")
    columns = np.flatnonzero(image[100, :, 0] > 0.5)
    # A square is as wide as 200 lines are tall; a PAL pixel is 59/63 as wide as it is tall.
    assert len(columns) == pytest.approx(200 * 63 / 59, abs=1)
    assert abs((columns[0] + columns[-1]) / 2 - 159.5) <= 0.5
    assert image[:, 160].min() > 0.99


def test_stretch_uses_everything(registry: Registry) -> None:
    image = np.zeros((50, 50, 3), np.float32)
    image[0], image[-1] = 1, 1
    shown = fit(image, registry.modes["c64-hires"], "stretch")
    assert shown[0].min() > 0.8
    assert shown[-1].min() > 0.8


def test_an_unknown_fit_is_named(registry: Registry) -> None:
    with pytest.raises(ImageError, match="fit 'crop' is none of cover, contain, stretch"):
        fit(np.zeros((4, 4, 3), np.float32), registry.modes["c64-hires"], "crop")


def test_limit_shrinks_only() -> None:
    image = np.zeros((100, 50, 3), np.float32)
    assert limit(image, 200) is image
    assert limit(image, 40).shape == (40, 20, 3)
    assert limit(np.zeros((1, 3000, 3), np.float32), 10).shape == (1, 10, 3)


def test_a_png_of_ours_comes_back(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (5, 7, 3)) / np.float32(255)
    np.testing.assert_allclose(images.decode(images.to_png(image), "a"), image, atol=1e-6)
