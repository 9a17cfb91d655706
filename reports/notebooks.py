"""Executed notebooks from py:percent sources: the same source and rows give the same bytes."""

import os
from collections.abc import Mapping
from pathlib import Path

import bleach
import jupytext
import nbformat
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from pygments.formatters import HtmlFormatter

from bench.store import write_atomically
from reports.site import style_digest, template

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT_S = 300
TEXT = {"a", "b", "br", "code", "em", "h1", "h2", "h3", "h4", "hr", "i", "p", "pre", "span", "strong", "sub", "sup"}
ALLOWED_TAGS = TEXT | {"div", "li", "ol", "ul", "table", "tbody", "td", "th", "thead", "tr"}
ALLOWED_ATTRIBUTES = {"*": ["class"], "a": ["href"]}


def execute(source: Path, destination: Path, parameters: Mapping[str, str], timeout_s: int = TIMEOUT_S) -> Path:
    """Run a source with these parameters, from the root of the checkout, and write the notebook with its outputs.

    Args:
        source: py:percent; its cell tagged `parameters` holds the defaults.
        destination: the `.ipynb` to write.
        parameters: names and paths that replace the defaults; one inside the checkout is written relative to it.
        timeout_s: the longest that one cell may take.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell raised; nothing is written.
    """
    notebook = _with_parameters(jupytext.read(source, fmt="py:percent"), parameters)
    _name_cells(notebook)
    client = NotebookClient(
        notebook, timeout=timeout_s, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}}
    )
    if os.name == "posix":
        client.create_kernel_manager().transport = "ipc"  # no open port while the kernel runs
    client.execute(env=_environment())
    _strip(notebook)
    destination.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(destination, (nbformat.writes(notebook) + "\n").encode())
    return destination


def to_html(notebook: Path, destination: Path) -> Path:
    """Write an executed notebook as one page without scripts or outside addresses; its HTML outputs are sanitised."""
    exporter = HTMLExporter(
        template_name="basic",
        filters={"clean_html": _clean},  # nbconvert's own also escapes headings, paragraphs and table heads
        sanitize_html=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
    )
    body, _ = exporter.from_filename(str(notebook))
    style = (ROOT / "reports/templates/style.css").read_text() + _code_style()
    title = notebook.stem.replace("_", " ").capitalize()
    html = template("notebook.html.j2").render(title=title, body=body, style=style, style_hash=style_digest(style))
    destination.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(destination, html.encode())
    return destination


def _with_parameters(notebook: NotebookNode, parameters: Mapping[str, str]) -> NotebookNode:
    """Put the given values into the cell of defaults; an unknown name is an error, not a silent extra."""
    cell = next(cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
    known = dict(line.split(" = ", 1) for line in cell.source.splitlines())
    if unknown := sorted(set(parameters) - set(known)):
        raise ValueError(f"the notebook has no parameter {', '.join(unknown)}; it takes {', '.join(known)}.")
    given = {name: repr(_from_root(value)) for name, value in parameters.items()}
    cell.source = "\n".join(f"{name} = {value}" for name, value in (known | given).items())
    return notebook


def _from_root(path: str) -> str:
    """A path as it may be published: where the checkout lies is nobody's business."""
    absolute = Path(path).resolve()
    return absolute.relative_to(ROOT).as_posix() if absolute.is_relative_to(ROOT) else path


def _environment() -> dict[str, str]:
    """The kernel finds this checkout, whatever it was started from."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths), "PYTHONHASHSEED": "0"}


def _name_cells(notebook: NotebookNode) -> None:
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number:02d}"


def _strip(notebook: NotebookNode) -> None:
    """Drop what differs between runs on the same rows: times of execution, versions, tool metadata."""
    notebook.metadata = NotebookNode(
        {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    )
    for cell in notebook.cells:
        cell.metadata = NotebookNode({key: value for key, value in cell.metadata.items() if key == "tags"})
        for output in cell.get("outputs", []):
            output.get("metadata", {}).pop("execution", None)


def _clean(element: object) -> str:
    text = element.decode() if isinstance(element, bytes) else str(element)
    return str(bleach.clean(text, tags=ALLOWED_TAGS, attributes=ALLOWED_ATTRIBUTES))


def _code_style() -> str:
    light, dark = (str(HtmlFormatter(style=name).get_style_defs(".highlight")) for name in ("default", "github-dark"))
    return f"{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n.highlight {{ background: none; }}\n"
