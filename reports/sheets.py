"""A data sheet for every data set, in Markdown, with a plot of its label frequencies, from what was measured."""

import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import style
from matplotlib.figure import Figure as Canvas

from bench.store import write_atomically
from reports.drawing import STYLE, canvas

KS = (1, 3, 5)
BASELINES = ("most frequent", "10-NN")
INDEX = "README.md"
HEAD = """# Data sheets

One page a data set: where it is from, how its labels arise, what it looks like, what no training at all scores on it,
and what to beware of. `python -m bench sheets NAME…` measures and writes them. Debian's archive moves: a set that you
build may differ by some per cent.
"""

Sheet = Mapping[str, Any]


def write(kept: Path, destination: Path) -> list[Path]:
    """Pages, plots and an index from the sheets kept in a folder; the same sheets give the same bytes."""
    sheets = read(kept)
    files = {INDEX: index(sheets).encode()}
    for sheet in sheets:
        files[f"{sheet['name']}.md"] = page(sheet).encode()
        if "frequencies" in sheet.get("measured", {}):
            files[f"{sheet['name']}.svg"] = _svg(plot(sheet))
    destination.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        write_atomically(destination / name, content)
    return [destination / name for name in files]


def read(kept: Path) -> list[Sheet]:
    """The sheets of a folder, by name."""
    return [
        json.loads(path.read_text(encoding="utf-8")) for path in sorted(kept.glob("*.json"), key=lambda path: path.stem)
    ]


def index(sheets: list[Sheet]) -> str:
    """What there is, side by side."""
    tables = [sheet for sheet in sheets if "sizes" in sheet]
    texts = [sheet for sheet in sheets if "sizes" not in sheet]
    columns = ["data set", "train", "features", "labels", "features a point", "labels a point", "points a label"]
    columns += ["once only, %", *(f"10-NN P@{k}, %" for k in KS), "10-NN PSP@1, %", "most frequent P@1, %"]
    parts = [HEAD, _table(columns, [_index_row(sheet) for sheet in tables])]
    parts += ["\n## Text\n", _table(["corpus", "bytes", "gzip, bits a byte", "xz"], [_text_row(one) for one in texts])]
    return "\n".join([*parts, "\n– : not measured, since the set was not here.\n"])


def page(sheet: Sheet) -> str:
    """The sheet of one set."""
    measured = sheet.get("measured")
    parts = [
        f"# {sheet['name']}\n\n{sheet['title']}.\n\n{sheet['how']}",
        _table(["", ""], _facts(sheet)),
        "## What it looks like",
        _looks(sheet, measured)
        if measured
        else f"Not measured here. Get it, then `python -m bench sheets {sheet['name']}`.",
        "## Beware",
        "\n".join(f"- {caution}" for caution in sheet["cautions"]),
    ]
    return "\n\n".join(parts) + "\n"


def plot(sheet: Sheet) -> Canvas:
    """Points a label by the label's rank, both logarithmic, and the power of the rank that is nearest."""
    ranks, counts = np.array(sheet["measured"]["frequencies"], float).T
    slope = sheet["measured"]["power_law"]["zipf_slope"]
    height = np.exp(np.mean(np.log(counts) + slope * np.log(ranks)))  # least squares, as the slope is
    with style.context(STYLE):
        figure, (axes,) = canvas(7, 4)
        axes.loglog(ranks, counts, color="#0072B2", lw=1.8, label=sheet["name"])
        axes.loglog(ranks, height * ranks**-slope, color="#5F6B6D", ls="--", label=f"rank^−{slope:.2f}")
        axes.set(xlabel="rank of the label", ylabel="training points with it", ylim=(0.7, None))
        axes.legend()
        return figure


def _facts(sheet: Sheet) -> list[list[str]]:
    facts = [["get it", f"`python -m bench data get {sheet['name']}`"], ["source", sheet["source"]]]
    facts.append(["licence", sheet["licence"]])
    if "addresses" in sheet:
        facts.append(["addresses", " ".join(sheet["addresses"])])
        facts.append(["or bring it", f"`python -m bench data get {sheet['name']} --from FILE`. {sheet['accepted']}"])
    if "sizes" in sheet:
        facts.append(["expected sizes", ", ".join(f"{value:,} {name}" for name, value in sheet["sizes"].items())])
    else:
        facts.append(["size", f"{sheet['bytes']:,} bytes"])
    measured = sheet.get("measured", {})
    when = [["measured", measured["measured"]]] if measured else []
    return facts + list(_flat(measured.get("provenance", {}))) + when


def _flat(provenance: Mapping[str, Any], of: str = "") -> Iterator[list[str]]:
    """Where the measured set came from; digests and the like named by what they are of."""
    for name, value in provenance.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{name} of ")
        else:
            yield [f"{of}{name}", f"{value}"]


def _looks(sheet: Sheet, measured: Mapping[str, Any]) -> str:
    if "bits_per_byte" in measured:
        bits = [[name, f"{value:.2f}"] for name, value in measured["bits_per_byte"].items()]
        sizes = ", ".join(f"{measured[part]:,} {part}" for part in ("train", "validation", "test"))
        return f"Bytes: {sizes}. What a model has to beat, in bits a byte of the test part:\n\n{_table(['', ''], bits)}"
    return "\n\n".join([_statistics(sheet, measured), _scores(measured), f"![label frequencies]({sheet['name']}.svg)"])


def _statistics(sheet: Sheet, measured: Mapping[str, Any]) -> str:
    law = measured["power_law"]
    rows = [
        ["points: train, validation, test", ", ".join(f"{measured[p]:,}" for p in ("train", "validation", "test")), ""],
        ["features", f"{measured['features']:,}", ""],
        ["labels", f"{measured['labels']:,}", ""],
        ["features a point", f"{measured['nnz_per_point']:.1f}", "nnz_per_point"],
        ["labels a point", f"{measured['labels_per_point']:.2f}", "labels_per_point"],
        ["points a label that occurs", f"{measured['points_per_label']:.2f}", "points_per_label"],
        ["labels of one training point", f"{100 * law['singletons']:.0f} %", ""],
        ["labels of no training point", f"{100 * measured['unseen']:.1f} %", ""],
        ["points with the most frequent label", f"{100 * measured['most_frequent_share']:.1f} %", ""],
        ["Zipf slope; exponent by maximum likelihood", f"{law['zipf_slope']:.2f}; {law['alpha_mle']:.2f}", ""],
    ]
    target = sheet.get("target")
    if not target:
        return _table(["training part", ""], [row[:2] for row in rows])
    rows = [[*row[:2], f"{target[row[2]]:.4g}" if row[2] else ""] for row in rows]
    return _table(["training part", "", f"{sheet['of']}, of as many points"], rows)


def _scores(measured: Mapping[str, Any]) -> str:
    rows = [
        [name, *(_percent(measured["baselines"][name][f"{metric}_at_{k}"]) for metric in ("p", "psp") for k in KS)]
        for name in BASELINES
    ]
    header = [f"% on {measured['asked']:,} test points", *(f"{metric}@{k}" for metric in ("P", "PSP") for k in KS)]
    left_out = measured["features"] - measured["telling"]
    common = f"\n\nNeighbours are looked for without the {left_out:,} features of more than 3 % of the points."
    return _table(header, rows) + (common if left_out else "")


def _index_row(sheet: Sheet) -> list[str]:
    sizes, measured = sheet["sizes"], sheet.get("measured")
    named = [f"[{sheet['name']}]({sheet['name']}.md)"]
    if not measured:
        return [*named, *(f"{sizes[key]:,}" for key in ("train", "features", "labels")), *["–"] * 9]
    found = measured["baselines"]
    return [
        *named,
        *(f"{measured[key]:,}" for key in ("train", "features", "labels")),
        *(f"{measured[key]:.2f}" for key in ("nnz_per_point", "labels_per_point", "points_per_label")),
        f"{100 * measured['power_law']['singletons']:.0f}",
        *(_percent(found["10-NN"][f"p_at_{k}"]) for k in KS),
        _percent(found["10-NN"]["psp_at_1"]),
        _percent(found["most frequent"]["p_at_1"]),
    ]


def _text_row(sheet: Sheet) -> list[str]:
    bits = sheet.get("measured", {}).get("bits_per_byte", {})
    told = [f"{bits[name]:.2f}" if name in bits else "–" for name in ("gzip", "xz")]
    return [f"[{sheet['name']}]({sheet['name']}.md)", f"{sheet['bytes']:,}", *told]


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _svg(figure: Canvas) -> bytes:
    buffer = io.BytesIO()
    with style.context(STYLE | {"svg.fonttype": "none"}):  # text as text: a fifth of the size
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()
