"""What to do where a law of ``testing`` is broken, by the law's name."""

from __future__ import annotations

MEND = "mend what the message names; --traceback shows where it was raised"
"""What there is to say of an error that no law has foreseen."""

ADVICE = {
    "it_loads": "mend the line that the message names; --traceback shows where it was raised",
    "name_can_be_typed": "rename it, such as thomson-mo5",
    "mode_has_its_palette": (
        "let register_palettes return that palette, put its .gpl file into the folder 'palettes' of the package, or "
        "correct palette= or colours="
    ),
    "mode_is_a_value": (
        "build the mode of numbers, texts, tuples and functions defined once; a function made anew by lambda or "
        "partial in a hook is another one each time"
    ),
    "mode_solves_legally": (
        "correct the own solve: pixels are numbers below the count of values, and each slot's colours are among those "
        "it may hold, int32 [rows, columns] of its areas; render shows exactly what the machine shows"
    ),
    "mode_keeps_legal_pictures": (
        "let solve choose what has no error where there is such a choice; where the machine makes that impossible, say "
        "exact=False"
    ),
    "mode_shows_its_own_drawings": (
        "let solve give a legal picture back exactly, or bring redraw besides an own solve, which tells a drawing apart"
    ),
    "mode_never_loses_to_chance": "measure the error in solve as squared distance in OKLab: pd.srgb_to_oklab",
    "mode_jits_to_the_same": "let nothing depend on the values of traced arrays by Python's own if, int() or numpy",
    "mode_does_not_retrace": (
        "define the functions of a mode once, at the top of the module, and give them nothing but the mode's numbers"
    ),
    "palette_names_its_source": "say who measured the colours: source= or a line '# Source: ...' in the .gpl file",
    "palette_has_distinct_colours": "correct one of the two, or leave it out and say so in the mode's colours=",
    "format_has_a_mode": "correct the name in modes=, or bring that mode",
    "format_reads_what_it_writes": (
        "compare write and read around the place that is named: bit order, the order of the cells, which slot is "
        "which bit"
    ),
    "format_refuses_rubbish": (
        "check the length and the first bytes before anything is taken from the data, and raise pd.FormatError that "
        "says what is expected"
    ),
    "format_reads_the_frames_it_writes": (
        "let read_frames follow write_frames picture by picture, and leave out what only leads back to the start"
    ),
    "format_refuses_rubbish_that_moves": (
        "bound every count, length and address before it is followed, and raise pd.FormatError that says what is wrong"
    ),
    "dither_keeps_the_mean": (
        "let a kernel's weights add up to its divisor, and a matrix hold each rank from 0 up equally often"
    ),
    "loss_is_a_number": "end in .mean(), and add a small number to what is divided by",
    "loss_moves_the_picture": (
        "use smooth functions of the pixels: no rounding, no comparison, no square root or division at 0"
    ),
    "network_names_its_layers": "let build return pd.FeatureNetwork with an apply that is a frozen dataclass",
    "network_sees_pictures": "let apply return {layer: float32 [height, width, channels]}, and say its minimum_side",
    "network_refuses_other_weights": "look at names and shapes of the arrays first; raise pd.WeightsError",
}
