"""The laws that every mode, palette, format and dither keeps; shipped, so that a plugin's own tests run them too.

Each law is a function of one registered thing that raises ``AssertionError`` and says what is broken::

    from pixeldream.plugin import testing
    import my_plugin

    def test_my_mode():
        for law in testing.MODE_LAWS:
            law(my_plugin.MODE, my_plugin.PALETTE)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pixeldream.plugin import places
from pixeldream.plugin.testing_neural import LOSS_LAWS as LOSS_LAWS
from pixeldream.plugin.testing_neural import NETWORK_LAWS as NETWORK_LAWS
from pixeldream.retro import dithering, legal
from pixeldream.retro import solve as solver
from pixeldream.retro.candidates import Candidates
from pixeldream.retro.colour import srgb_to_linear, srgb_to_oklab
from pixeldream.retro.constrain import Schedule, constrain
from pixeldream.retro.dither import NONE, Diffusion, Dither, Ordered, shaped
from pixeldream.retro.format import Format, FormatError, WriteOptions
from pixeldream.retro.mode import Mode, Picture, Tiles
from pixeldream.retro.palette import Gamut, Palette


def random_picture(mode: Mode, palette: Palette | Gamut, seed: int = 0) -> Picture:
    """A legal picture with random pixels and random slot colours."""
    random = np.random.default_rng(seed)
    colours = []
    for number, slot in enumerate(mode.slots):
        columns, rows = mode.grid(number)
        if slot.allowed is None:
            held = random.integers(0, palette.count, (rows, columns))
        else:
            held = random.choice(np.asarray(slot.allowed), (rows, columns))
        if mode.blocked_colour is not None and slot.area is not None:
            held[:, : mode.blocked // slot.area[0]] = mode.blocked_colour
        colours.append(held)
    pixels = random.integers(0, mode.pixel_values, mode.pixel_shape).astype(np.uint8)
    if mode.tiles is not None:
        pixels = _from_few_tiles(pixels, mode.tiles, random)
    colours, pixels = in_one_group(mode, colours), in_one_sub_palette(mode, pixels)
    pixels[..., : mode.blocked_pixels] = 0
    return Picture(mode, palette, pixels, tuple(colours))


def in_one_group(mode: Mode, colours: list[np.ndarray]) -> list[np.ndarray]:
    """The slots' colours, those that may not stand together replaced: the largest area's first slot names the group."""
    if mode.colour_groups is None:
        return colours
    first = mode.levels[0].slots[0]
    group = np.zeros(colours[first].shape, np.int64)
    for number, members in reversed(list(enumerate(mode.colour_groups))):
        group[np.isin(colours[first], members)] = number
    result = []
    for held in colours:
        wanted = np.kron(group, np.ones(np.floor_divide(held.shape, group.shape), np.int64))
        for number, members in enumerate(mode.colour_groups):
            moved = np.asarray(members)[held % len(members)]
            held = np.where((wanted == number) & ~np.isin(held, members), moved, held)
        result.append(held)
    return result


def in_one_sub_palette(mode: Mode, pixels: np.ndarray) -> np.ndarray:
    """``pixels``, those that may not stand together replaced: an area's first pixel names its sub-palette."""
    if mode.sub_palettes is None:
        return pixels
    slots, (across, down) = np.asarray(mode.sub_palettes.slots), mode.sub_palettes.area
    owner = pixels[::down, ::across].repeat(down, 0).repeat(across, 1) % len(slots)
    return slots[owner, pixels % slots.shape[1]].astype(np.uint8)


def _from_few_tiles(pixels: np.ndarray, tiles: Tiles, random: np.random.Generator) -> np.ndarray:
    """Every area replaced by one of the first ``tiles.count`` areas."""
    (height, width), (across, down) = pixels.shape, tiles.area
    columns, rows = width // across, height // down
    tile = random.integers(0, min(tiles.count, columns * rows), (rows, columns))
    row, column = (np.repeat(np.repeat(part, down, 0), across, 1) for part in np.divmod(tile, columns))
    y, x = np.mgrid[0:height, 0:width]
    return pixels[row * down + y % down, column * across + x % across]


def random_image(mode: Mode, seed: int = 0) -> np.ndarray:
    """float32 ``[height, width, 3]``: smooth colour with noise over it, so that every cell has a choice to make."""
    random = np.random.default_rng(seed)
    width, height = mode.size
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    phase = random.uniform(0, 6, (3, 3))
    waves = [
        np.sin(x / (9 + 7 * a) + a) * np.cos(y / (11 + 5 * b) + b) + np.sin((x + y) / (23 + c)) for a, b, c in phase
    ]
    image = 0.5 + 0.22 * np.stack(waves, -1) + random.normal(0, 0.05, (height, width, 3))
    return np.clip(image, 0, 1).astype(np.float32)


def _solve(mode: Mode, palette: Palette | Gamut, image: Any, dither: Dither = NONE) -> solver.Solution:
    return solver.solve(mode, jnp.asarray(image), jnp.asarray(palette.values()), _free(mode), dither)


_assign = jax.jit(solver.assign, static_argnames=("mode", "dither"))
"""Step by step it takes longer to compile."""


def _free(mode: Mode) -> jax.Array:
    return jnp.asarray(solver.lock_array(mode, {}))


def _error(image: Any, shown: Any) -> float:
    difference = srgb_to_oklab(jnp.asarray(image)) - srgb_to_oklab(jnp.asarray(shown))
    return float(jnp.square(difference).sum())


def mode_is_a_value(mode: Mode, palette: Palette | Gamut) -> None:
    """Equal modes are equal and hash alike: a mode is a static argument of jitted functions."""
    import dataclasses

    again = dataclasses.replace(mode)
    assert again == mode, f"{mode.name}: a mode rebuilt from the same fields is another one"
    assert hash(again) == hash(mode), f"{mode.name}: equal modes hash differently"


def mode_solves_legally(mode: Mode, palette: Palette | Gamut) -> None:
    """The solver's pictures are legal (``Picture`` refuses others) and render as the machine would show them."""
    for dither in (NONE, Diffusion("law", ((1, 0, 7), (-1, 1, 3), (0, 1, 5), (1, 1, 1)), 16)):
        solution = _solve(mode, palette, random_image(mode), dither)
        picture = _checked(mode, palette, solution)
        shown = np.asarray(solver.render(mode, solution, jnp.asarray(palette.values())))
        wrong = np.abs(shown * 255 - picture.image().astype(np.float32)).max(-1)
        assert wrong.max() < 1, (
            f"{mode.name}: render and the picture differ by {wrong.max()} of 255, "
            f"first at {places.first_pixel(mode, wrong >= 1)}"
        )


def _checked(mode: Mode, palette: Palette | Gamut, solution: solver.Solution) -> Picture:
    try:
        return solver.to_picture(mode, palette, solution)
    except ValueError as error:
        pixels, colours = np.asarray(solution.pixels), tuple(np.asarray(c) for c in solution.colours)
        where = places.illegal(mode, palette, pixels, colours)
        raise AssertionError(f"{mode.name}: the solver's picture is illegal: {where or error}") from error


def mode_keeps_legal_pictures(mode: Mode, palette: Palette | Gamut) -> None:
    """A legal picture comes out of the solver as it went in: without error, where the mode is ``exact``."""
    if not mode.exact:
        return
    picture = random_picture(mode, palette, 1)
    image = picture.image().astype(np.float32) / 255
    shown = solver.render(mode, _solve(mode, palette, image), jnp.asarray(palette.values()))
    wrong = np.abs(np.asarray(shown) - image).max(-1) > 1 / 512
    assert not wrong.any(), (
        f"{mode.name}: {int(wrong.sum())} pixels of a legal picture changed, first {places.first_pixel(mode, wrong)}"
    )


def mode_never_loses_to_chance(mode: Mode, palette: Palette | Gamut) -> None:
    """The solver's slot colours leave no more error than ones chosen at random (or than slots solved for elsewhere)."""
    image = random_image(mode, 2)
    values = jnp.asarray(palette.values())
    best = _error(image, solver.render(mode, _solve(mode, palette, image), values))
    for seed in range(3):
        if mode.solve is not None and mode.follow is None:
            other = _error(image, random_picture(mode, palette, seed).image().astype(np.float32) / 255)
            assert best <= other, f"{mode.name}: error {best} where a random picture (seed {seed}) leaves {other}"
            continue
        colours = tuple(jnp.asarray(c, jnp.int32) for c in random_picture(mode, palette, seed).colours)
        pixels = _assign(mode, jnp.asarray(image), values, colours)
        other = _error(image, solver.render(mode, solver.Solution(pixels, colours), values))
        assert best <= other * (1 + 1e-5), f"{mode.name}: error {best} where random colours (seed {seed}) leave {other}"


def mode_jits_to_the_same(mode: Mode, palette: Palette | Gamut) -> None:
    """With and without jit the picture is the same."""
    image = random_image(mode, 3)
    jitted = _solve(mode, palette, image)
    with jax.disable_jit():
        plain = _solve(mode, palette, image)
    # Sums are taken in another order: a tie may fall the other way, the error may not grow.
    values = jnp.asarray(palette.values())
    first, second = (_error(image, solver.render(mode, s, values)) for s in (jitted, plain))
    assert abs(first - second) <= 1e-3 * first + 1e-6, f"{mode.name}: error {first} with jit, {second} without"


def mode_does_not_retrace(mode: Mode, palette: Palette | Gamut) -> None:
    """Another image, another palette, other locks or an equal mode cause no new compilation; nor do equal canvases."""
    import dataclasses

    traced: Any = solver.solve
    values = jnp.asarray(palette.values())
    traced(mode, jnp.asarray(random_image(mode, 4)), values, _free(mode), NONE)
    before = traced._cache_size()
    traced(dataclasses.replace(mode), jnp.asarray(random_image(mode, 5)), values[::-1], _free(mode) * 1, NONE)
    after = traced._cache_size()
    assert after == before, f"{mode.name}: {after - before} new compilations for equal arguments"
    first, second = (
        constrain(m, palette, Schedule.parse("straight-through")) for m in (mode, dataclasses.replace(mode))
    )
    assert first.show is second.show, f"{mode.name}: equal canvases show by different functions"
    assert first.settle is second.settle, f"{mode.name}: equal canvases settle by different functions"


def mode_shows_its_own_drawings(mode: Mode, palette: Palette | Gamut) -> None:
    """What a mode shows is found legal, alone or among whole pixels repeated, and the picture made of it shows the same
    to the pixel; a drawing whose pixels are torn is not. Only a solver that is not ``exact`` is excused."""
    image = random_picture(mode, palette, 9).image()
    found = legal.check(image, mode, [palette])
    if found.picture is None:
        excused = mode.redraw is None and not mode.exact
        assert excused, f"{mode.name}: a legal picture clashes: {found.clashes[0].why}"
        return
    assert np.array_equal(found.picture.image(), image), f"{mode.name}: the picture of a drawing shows something else"
    again = legal.check(image.repeat(2, 0).repeat(2, 1), mode, [palette]).picture
    assert again is not None, f"{mode.name}: a drawing of repeated pixels is not legal"
    assert np.array_equal(again.pixels, found.picture.pixels), f"{mode.name}: the same drawing makes other pixels"
    torn = image.repeat(2, 0).repeat(2, 1)
    torn[-1, -1] ^= 255
    assert not legal.check(torn, mode, [palette]).legal, f"{mode.name}: a torn pixel is found legal"


MODE_LAWS: tuple[Callable[[Mode, Palette | Gamut], None], ...] = (
    mode_is_a_value,
    mode_solves_legally,
    mode_keeps_legal_pictures,
    mode_shows_its_own_drawings,
    mode_never_loses_to_chance,
    mode_jits_to_the_same,
    mode_does_not_retrace,
)


def palette_names_its_source(palette: Palette) -> None:
    """Numbers without a source can't be checked by anybody."""
    assert palette.source, f"palette {palette.name!r} does not say where its values come from"


def palette_has_distinct_colours(palette: Palette) -> None:
    """Two indices of one colour: a typing mistake in every palette that we have seen it in."""
    twice = [colour for colour in palette.colours if palette.colours.count(colour) > 1]
    indices = [index for index, colour in enumerate(palette.colours) if colour in twice[:1]]
    assert not twice, f"palette {palette.name!r} holds {twice[0]} twice, at indices {' and '.join(map(str, indices))}"


PALETTE_LAWS: tuple[Callable[[Palette], None], ...] = (palette_names_its_source, palette_has_distinct_colours)


def seen(picture: Picture) -> np.ndarray:
    """What a picture shows: hardware indices, or colours where no index says it."""
    return picture.indices() if picture.mode.render is None else picture.image()


def format_reads_what_it_writes(form: Format, mode: Mode, palette: Palette | Gamut) -> None:
    """A written picture shows the same colours, by hardware index, when it is read back; twice the same bytes."""
    if form.write is None:
        return
    picture = random_picture(mode, palette, 6)
    data = form.write(picture, WriteOptions())
    again = form.write(picture, WriteOptions())
    assert isinstance(data, bytes), f"format {form.name!r} writes {type(data).__name__}, not bytes"
    assert data == again, (
        f"format {form.name!r} writes other bytes the second time, first at {places.first_byte(data, again)}"
    )
    if form.read is not None:
        back = form.read(data)
        assert back.mode.size == mode.size, f"format {form.name!r} reads back size {back.mode.size}, not {mode.size}"
        wrong = seen(back) != seen(picture)
        count, places_wrong = int(wrong.sum()), wrong if wrong.ndim == 2 else wrong.any(-1)
        assert count == 0, (
            f"format {form.name!r}: {count} pixels of {mode.name} changed on the way, first "
            f"{places.first_pixel(mode, places_wrong)}"
        )


def format_refuses_rubbish(form: Format, mode: Mode, palette: Palette | Gamut) -> None:
    """Truncated and random bytes raise ``FormatError`` in one line, nothing else."""
    if form.read is None:
        return
    data = b"" if form.write is None else form.write(random_picture(mode, palette, 7), WriteOptions())
    refuses_rubbish(form, form.read, data)


def refuses_rubbish(form: Format, read: Callable[[bytes], Any], data: bytes) -> None:
    """Whether one of a format's readers does so. ``data``: a file that is cut short; empty where there is none."""
    random = np.random.default_rng(8)
    samples = [b"", b"\0", random.bytes(100), random.bytes(20_000)]
    samples += [data[: len(data) * part // 16] for part in range(16)] if data else []
    for sample in samples:
        try:
            read(sample)
        except FormatError as error:
            assert "\n" not in str(error), f"format {form.name!r}: the message has more than one line: {error}"
        except Exception as error:
            raise AssertionError(
                f"format {form.name!r} raises {type(error).__name__} ({error}), not FormatError, for "
                f"{places.sample(sample)}"
            ) from error


FORMAT_LAWS: tuple[Callable[[Format, Mode, Palette | Gamut], None], ...] = (
    format_reads_what_it_writes,
    format_refuses_rubbish,
)


def dither_keeps_the_mean(dither: Dither) -> None:
    """Half light stays half light in black and white, within 0.05, for a dither that hands on the whole error; a
    matrix has no bias. On square, wide and tall pixels."""
    levels = jnp.asarray([0.0, 1.0], jnp.float32)[:, None] * jnp.ones((1, 3), jnp.float32)
    everything = Candidates(srgb_to_oklab(levels)[None, None], srgb_to_linear(levels)[None, None])
    grey = jnp.full((64, 64, 3), 0.5, jnp.float32)
    for fitting in dict.fromkeys(shaped(dither, repeats) for repeats in ((1, 1), (2, 1), (1, 2))):
        if isinstance(fitting, Ordered):
            mean = float(fitting.thresholds().mean())
            assert abs(mean) < 1e-6, f"dither {dither.name!r}: thresholds have a mean of {mean}"
        elif not isinstance(fitting, Diffusion) or sum(tap[2] for tap in fitting.taps) == fitting.divisor:
            mean = float(dithering.choose(grey, everything, fitting).mean())
            assert abs(mean - 0.5) < 0.05, f"dither {dither.name!r} turns half light into {mean}"


DITHER_LAWS: tuple[Callable[[Dither], None], ...] = (dither_keeps_the_mean,)
