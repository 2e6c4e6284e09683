"""IFF ANIM: a file worked out by hand, changes by chance, damage, and what ffmpeg shows of each picture."""

from __future__ import annotations

import struct
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import judges
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import pattern
from pixeldream_plugins import amiga, amiga_anim, amiga_delta, amiga_ilbm, iff
from pixeldream_plugins.amiga_modes import MODES
from tiny import rgb

import pixeldream as pd

PLAIN = pd.WriteOptions()
SMALL = replace(MODES["amiga-2"], size=(16, 4))


def chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack(">I", len(data)) + data + bytes(len(data) % 2)


def anhd(operation: int = 5, start: int = 0, jiffies: int = 6, back: int = 0, flags: int = 0) -> bytes:
    size = struct.pack(">BBHHhhIIBBI", operation, 0, 16, 4, 0, 0, start, jiffies, back, 0, flags)
    return chunk(b"ANHD", size + bytes(16))


def delta(*planes: bytes) -> bytes:
    """Each plane's change, empty for none."""
    places, body = [], b""
    for plane in planes:
        places.append(64 + len(body) if plane else 0)
        body += plane
    return chunk(b"DLTA", struct.pack(">16I", *places, *[0] * (16 - len(planes))) + body)


def still(pixels: list[int], colours: tuple[int, int] = (0x000, 0xFFF)) -> pd.Picture:
    """16x4 pixels in two colours, each row as the bits of a word."""
    rows = np.unpackbits(np.array(pixels, ">u2").view(np.uint8)).reshape(4, 16)
    return pd.Picture(SMALL, SMALL.gamut, rows, tuple(np.full((1, 1), each) for each in colours), border=colours[0])


def moving(name: str, count: int = 4, colours: bool = False) -> pd.Animation:
    """A pattern that moves; every third picture is the one before; ``colours``: base colours that change as well."""
    first = pattern(MODES[name])
    shown = [
        replace(
            first,
            pixels=np.roll(first.pixels, (3 * (step - step // 3), 40 * (step - step // 3)), (0, 1)),
            colours=tuple((held + colours * step * 0x111) % first.palette.count for held in first.colours),
        )
        for step in range(count)
    ]
    return pd.Animation.at([replace(each, border=int(each.colours[0][0, 0])) for each in shown], 12.5)


# ---- bytes ----------------------------------------------------------------------------------------------------------


def test_a_file_by_hand() -> None:
    """Two pictures: a row's left byte is set in the second. The third form leads back to the first, the fourth on to
    the second; each relates to the one two back, so nothing changes in them."""
    head = struct.pack(">HHhhBBBBHBBhh", 16, 4, 0, 0, 1, 0, 1, 0x80, 0, 44, 44, 16, 4)
    first = chunk(b"BMHD", head) + chunk(b"CMAP", b"\0\0\0\xff\xff\xff") + chunk(b"CAMG", b"\0\2\x10\0")
    first += chunk(b"BODY", b"\xff\0" * 4)
    # Column 0: two steps, leave a row, list one; column 1: none.
    change = b"\x02\x01\x81\xff\x00"
    forms = [
        first,
        anhd(start=6) + delta(change),
        anhd(start=18, jiffies=12) + delta(b""),
        anhd(start=24) + delta(b""),
    ]
    expected = chunk(b"FORM", b"ANIM" + b"".join(chunk(b"FORM", b"ILBM" + form) for form in forms))
    animation = pd.Animation((still([0, 0, 0, 0]), still([0, 0xFF00, 0, 0])), (0.1, 0.2))
    assert amiga_anim.write(animation, PLAIN) == expected
    back = amiga_anim.read(expected)
    assert back.seconds == (0.1, 0.2)
    assert [each.pixels.sum() for each in back.pictures] == [0, 8]


def test_other_colours_come_with_their_picture() -> None:
    animation = moving("amiga-16", 3, colours=True)
    data = amiga_anim.write(animation, PLAIN)
    assert data.count(b"CMAP") == 5  # two pictures lead back to the start
    for ours, theirs in zip(amiga_anim.read(data).pictures, animation.pictures, strict=True):
        assert [int(held[0, 0]) for held in ours.colours] == [int(held[0, 0]) for held in theirs.colours]
    assert amiga_anim.write(moving("amiga-16", 3), PLAIN).count(b"CMAP") == 1


def test_whole_pictures_brushes_and_other_distances_are_read() -> None:
    first = amiga_ilbm.write(still([0xF00F, 0, 0, 0]), PLAIN)
    exclusive = delta(b"\x01\x81\x3c" + b"\x01\x00\x04\xff")
    body = chunk(b"BODY", b"".join(iff.pack(row.to_bytes(2, "big")) for row in (1, 2, 3, 4)))
    later = [anhd(back=1, flags=2) + exclusive, anhd(back=1, flags=2) + exclusive, anhd(operation=0) + body]
    later.append(anhd(back=3) + delta(b"\x01\x00\x04\x07" + b"\x00"))
    data = iff.form(b"ANIM", first, *(iff.form(b"ILBM", form) for form in later))
    words = [np.packbits(each.pixels).tobytes().hex() for each in amiga_anim.read(data).pictures]
    assert words == [
        "f00f000000000000", "ccf000ff00ff00ff", "f00f000000000000", "0001000200030004", "07f007ff07ff07ff",
    ]  # fmt: skip


@given(seed=st.integers(0, 2**32 - 1), height=st.integers(1, 400), values=st.integers(1, 4), stays=st.floats(0, 1))
def test_columns_change_as_they_should(seed: int, height: int, values: int, stays: float) -> None:
    random = np.random.default_rng(seed)
    old, new = (random.integers(0, values, height).astype(np.uint8) for _ in range(2))
    new = np.where(random.random(height) < stays, old, new).astype(np.uint8)
    change = amiga_delta.column_change(old.tobytes(), new.tobytes())
    assert len(change) <= 1 + height + -(-height // 127)
    got = amiga_delta.patched(old[:, None], b"??" + change, 2)
    np.testing.assert_array_equal(got[:, 0], new)
    np.testing.assert_array_equal(spelt_out(old, change), new)


def spelt_out(old: np.ndarray, change: bytes) -> np.ndarray:
    """The column after a change, from the description of operation 5 and not from the code under test."""
    rows: list[int | None] = []
    rest = list(change)
    for _ in range(rest.pop(0)):
        code = rest.pop(0)
        if code == 0:
            count, value = rest.pop(0), rest.pop(0)
            rows += [value] * count
        elif code < 128:
            rows += [None] * code
        else:
            rows += [rest.pop(0) for _ in range(code - 128)]
    assert not rest
    rows += [None] * (len(old) - len(rows))
    return np.array([was if now is None else now for was, now in zip(old, rows, strict=True)])


def test_more_steps_than_a_byte_can_count() -> None:
    """Every fourth of 1024 rows changes: 512 steps would be the shortest."""
    old = np.arange(1024) % 251
    new = np.where(np.arange(1024) % 4, old, 255).astype(np.uint8)
    change = amiga_delta.column_change(old.astype(np.uint8).tobytes(), new.tobytes())
    np.testing.assert_array_equal(spelt_out(old, change), new)


def test_times_add_up() -> None:
    """12.5 pictures a second are 4.8 jiffies each: what is rounded in one is made up for in the next."""
    assert moving("amiga-2", 5).ticks(60) == (5, 5, 4, 5, 5)
    assert sum(moving("amiga-2", 5).ticks(60)) == 24


# ---- damage ---------------------------------------------------------------------------------------------------------


def refused(data: bytes) -> bool:
    try:
        amiga_anim.read(data)
    except pd.FormatError as error:
        assert 0 < len(str(error)) < 200
        assert "\n" not in str(error)
        return True
    return False


def test_every_truncation_is_refused() -> None:
    pictures = [still([word, word * 3 & 0xFFFF, 0x0FF0, word]) for word in (1, 0x8001, 0x5555)]
    data = amiga_anim.write(pd.Animation.at(pictures), PLAIN)
    assert not refused(data)
    assert all(refused(data[:length]) for length in range(len(data)))


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 30))
def test_damage_is_refused_or_is_pictures(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    pictures = [still([word, word * 3 & 0xFFFF, 0x0FF0, word]) for word in (1, 0x8001, 0x5555)]
    data = bytearray(amiga_anim.write(pd.Animation.at(pictures), PLAIN))
    for place in random.integers(12, len(data), count):
        data[place] = random.integers(0, 256)
    refused(bytes(data))


@pytest.mark.parametrize(
    ("form", "why"),
    [
        (anhd(operation=7) + delta(b""), "operation 7 are not read"),
        (anhd(), "there is no DLTA chunk"),
        (anhd(operation=0), "there is no BODY chunk"),
        (chunk(b"ANHD", bytes(10)) + delta(b""), "ANHD chunk has 10 of 40"),
        (anhd() + chunk(b"DLTA", b"\0"), "has no place for 1 planes"),
        (anhd() + delta(b"\x01\x05\x00"), "leads out of its column"),
        (anhd() + chunk(b"DLTA", struct.pack(">16I", 9999, *[0] * 15)), "behind its 64 bytes"),
    ],
)
def test_what_is_wrong_is_said(form: bytes, why: str) -> None:
    data = iff.form(b"ANIM", amiga_ilbm.write(still([0, 0, 0, 0]), PLAIN), iff.form(b"ILBM", form))
    with pytest.raises(pd.FormatError, match=f"picture 2: .*{why}"):
        amiga_anim.read(data)


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    first = amiga_ilbm.write(replace(pattern(MODES["amiga-2"])), PLAIN)
    nothing = iff.form(b"ILBM", anhd() + delta(b""))
    with pytest.raises(pd.FormatError, match=r"2001 pictures of 320x256 are 163921920 pixels"):
        amiga_anim.read(iff.form(b"ANIM", first, *[nothing] * 2000))
    with pytest.raises(pd.FormatError, match="more than 4096 chunks"):
        amiga_anim.read(iff.form(b"ANIM", first, *[nothing] * 5000))


# ---- others ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "colours"),
    [("amiga-2", False), ("amiga-32", False), ("amiga-32", True), ("amiga-hires-16", False), ("amiga-ham6", False),
     ("amiga-aga", False), ("amiga-ham8", True)],
)  # fmt: skip
def test_ffmpeg_shows_every_picture_as_we_do(name: str, colours: bool, tmp_path: Path) -> None:
    animation = moving(name, colours=colours)
    shown = film(amiga_anim.write(animation, PLAIN), tmp_path)
    expected = [each.image() for each in (*animation.pictures, *animation.pictures[:2])]
    np.testing.assert_array_equal(shown, expected)
    assert any((a != b).any() for a, b in pairwise(expected))


def test_ffmpeg_halves_as_the_later_machines_do(tmp_path: Path) -> None:
    """Halfbrite halves four bits of each colour, as the first machines do it, and 24 bits on AGA: ffmpeg does the
    latter. All else is equal."""
    animation = moving("amiga-ehb")
    shown = film(amiga_anim.write(animation, PLAIN), tmp_path)
    for each, found in zip((*animation.pictures, *animation.pictures[:2]), shown, strict=True):
        base = each.palette.rgb([int(held[0, 0]) for held in each.colours])
        later = np.concatenate([base, base >> 1]).astype(np.uint8)
        np.testing.assert_array_equal(found, later[each.pixels])
        half = each.pixels >= 32
        assert half.any()
        np.testing.assert_array_equal(found[~half], each.image()[~half])
        assert np.abs(found.astype(int) - each.image())[half].max() == 8  # 255 >> 1 against 15 >> 1 times 17


def film(data: bytes, folder: Path) -> np.ndarray:
    """uint8 ``[pictures, height, width, 3]``: what ffmpeg makes of each."""
    (folder / "a.anim").write_bytes(data)
    judges.run(
        "ffmpeg", "-v", "error", "-i", folder / "a.anim", "-fps_mode", "passthrough", "-pix_fmt", "rgb24",
        folder / "%04d.png",
    )  # fmt: skip
    return np.stack([rgb(str(path)) for path in sorted(folder.glob("*.png"))])


def test_the_format_is_found_by_its_name() -> None:
    form = next(form for form in amiga.register_formats() if form.name == "anim")
    assert form.write is None
    assert form.read is not None
    data = amiga_anim.write(moving("amiga-32", 2), PLAIN)
    np.testing.assert_array_equal(form.read(data).pixels, pattern(MODES["amiga-32"]).pixels)
