"""``pixeldream weights``: what weights there are, fetching them, converting them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from pixeldream import __version__
from pixeldream.cli import output
from pixeldream.cli.common import blame, open_registry, say, tell
from pixeldream.cli.lists import Entry, list_command
from pixeldream.cli.options import Offline, OptionError, PluginFiles, Quiet, named, option
from pixeldream.cli.output import OutputError
from pixeldream.cli.progress import Bar
from pixeldream.neural.weights import cache
from pixeldream.plugin.registry import Registry

if TYPE_CHECKING:
    from pixeldream.neural.networks.base import Download, Network

EVERY = "all"
"""Stands for every network whose weights can be fetched."""

WRITTEN = (".safetensors", ".npz")

Names = Annotated[
    list[str],
    typer.Argument(metavar="NAME...|all", help="Networks: see 'pixeldream weights list'.", show_default=False),
]
Source = Annotated[
    Path,
    typer.Argument(metavar="IN", help="Weights as .npz, .safetensors, .pth, .h5 or .caffemodel.", show_default=False),
]
Target = Annotated[Path, typer.Argument(metavar="OUT", help="A .safetensors or .npz file.", show_default=False)]
ForNetwork = Annotated[
    str | None,
    option("--network", "-n", metavar="NAME", help="Check that it fits.", autocompletion=named("networks")),
]
Half = Annotated[bool, option("--float16", help="Half the size, at three digits of precision.")]
Raw = Annotated[bool, option("--raw", help="Keep names and layouts as they are in IN.")]


def stay_offline(offline: bool) -> None:
    """``--offline``: for all of this process's run."""
    if offline:
        os.environ[cache.OFFLINE] = "1"


def ready(networks: Iterable[Network], quiet: bool = False) -> None:
    """Fetches the weights that networks lack, and says from where. Raises ``WeightsError``, with a way out."""
    from pixeldream.neural.weights import obtain

    for network in networks:
        download = network.download
        if network.weights is not None or download is None or cache.cached(download) is not None:
            continue
        if not quiet and not cache.is_offline():
            say(f"fetching {network.name}{_size(download)} from {cache.address(download)}; licence: {download.licence}")
        with Bar(f"fetching {network.name}", quiet, "connecting") as bar:
            obtain(network, lambda done, total, bar=bar: _show(bar, done, total))  # type: ignore[misc]


def _show(bar: Bar, done: int, total: int) -> None:
    words = f"{done >> 20} of {total >> 20} MiB" if total else f"{done >> 20} MiB"
    bar.move(done / total if total else 0.0, words)


def _size(download: Download) -> str:
    return f" ({download.size / (1 << 20):.0f} MiB)" if download.size else ""


def describe(registry: Registry, name: str) -> Entry:
    """A network's weights for machines. ``state``: "embedded", "cached", "to fetch", or "none": name a file."""
    network = registry.networks[name]
    download = network.download
    found = None if download is None else cache.cached(download)
    own = network.weights is not None
    state = "embedded" if own else "none" if download is None else "cached" if found else "to fetch"
    return {
        "name": name,
        "state": state,
        "cached": found is not None,
        "file": network.weights if own else found and str(found),
        "size": found.stat().st_size if found else (download.size or None) if download else None,
        "url": download and download.url,
        "digest": download and download.digest,
        "licence": download and download.licence,
        "source": network.source,
        "plugin": registry.networks.origins[name],
    }


def column(entry: Entry) -> Sequence[str]:
    """The words of a line."""
    size = f"{entry['size'] / (1 << 20):.0f} MiB" if entry["size"] else ""
    return entry["state"], size, entry["licence"] or entry["source"]


list_weights = list_command("networks", describe, column, "List the weights of networks: what is there, what is not.")


def fetch(names: Names, offline: Offline = False, plugin: PluginFiles = None, quiet: Quiet = False) -> None:
    """Fetch the weights of networks into the cache, and print where they are.

    What is there already is checked, and fetched anew if it is damaged. PIXELDREAM_CACHE names another folder,
    PIXELDREAM_MIRROR another server, HTTPS_PROXY a proxy.
    """
    from pixeldream.neural import weights

    stay_offline(offline)
    for network in _fetchable(open_registry(plugin), names):
        assert network.download is not None
        if cache.cached(network.download) is None:
            ready([network], quiet)
        tell(str(weights.fetch(network.download)))


def _fetchable(registry: Registry, names: Sequence[str]) -> list[Network]:
    able = {name: network for name, network in registry.networks.values.items() if network.download is not None}
    if EVERY in names:
        return list(able.values())
    for name in names:
        network = registry.networks[name]
        if network.download is None and network.weights is not None:
            raise OptionError(f"network {name!r} brings its weights along; there is nothing to fetch")
        if network.download is None:
            raise OptionError(f"network {name!r} says not where its weights are; name a file: --network {name}=FILE")
    return [able[name] for name in dict.fromkeys(names)]


def path(name: Annotated[str | None, typer.Argument(metavar="NAME", help="A network.")] = None) -> None:
    """Print the folder that weights are fetched into, or the file of a network's weights in it."""
    if name is None:
        tell(str(cache.folder()))
        return
    (network,) = _fetchable(open_registry(), [name])
    assert network.download is not None
    tell(str(cache.place(network.download)))


def convert(
    source: Source,
    target: Target,
    network: ForNetwork = None,
    float16: Half = False,
    raw: Raw = False,
    plugin: PluginFiles = None,
) -> None:
    """Convert weights of another program to our names and layout.

    Known are the files of torchvision, timm, Keras and Caffe for the networks of 'pixeldream networks', by the names in
    them. Arrays of other names are kept as they are.
    """
    registry = open_registry(plugin)
    fits = None if network is None else registry.networks[network]
    if target.suffix.lower() not in WRITTEN:
        raise OptionError(f"weights are written as {' or '.join(WRITTEN)}, not as {str(target)!r}; name it so")
    output.check([target], [source])
    from pixeldream.neural.weights import WeightsError, load_canonical, save_weights

    arrays, written_by, digest = load_canonical(source, raw=raw)
    if fits is not None:
        with blame(registry, ("networks", fits.name)):
            try:
                fits.build(arrays)
            except WeightsError as error:
                raise WeightsError(f"{source} does not fit network {fits.name!r}: {error}") from None
    facts = {"source": f"{source.name} (SHA-256 {digest})", "read as": written_by, "pixeldream": __version__}
    try:
        save_weights(target, _narrowed(arrays) if float16 else arrays, facts)
    except OSError as error:
        raise OutputError(f"output {str(target)!r} can't be written: {error.strerror}; make room") from None
    say(f"{len(arrays)} arrays, read as {written_by}")
    tell(str(target))


def _narrowed(arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """As float16. Raises ``OptionError`` for values beyond its range."""
    with np.errstate(over="ignore"):
        narrow = {name: array.astype(np.float16) for name, array in arrays.items()}
    for name, array in narrow.items():
        if not np.isfinite(array).all():
            raise OptionError(f"{name!r} has values of up to {np.abs(arrays[name]).max():g}, too large for --float16")
    return narrow
