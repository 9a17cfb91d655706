"""The command line, from end to end on the tiny set."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from bench import cli, experiments
from bench.cli import app
from bench.config import RunConfig
from bench.experiments import first_light
from bench.record import Environment, Run, Trace
from bench.store import Store, read_export
from cuda_kernels.errors import DeviceError
from mongoose.ops.backend import using

ROOT = Path(__file__).parents[2]


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """One run of the whole path, shared by the tests below."""
    folder = tmp_path_factory.mktemp("reproduced")
    places = ["--store", f"{folder}/results", "--site", f"{folder}/site", "--notebooks", f"{folder}/notebooks"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(first_light.SECONDS, "smoke", 0.3)
        return folder, invoke("reproduce", "first-light", "--scale", "smoke", *places)


@pytest.mark.timeout(600)
def test_reproduce_ends_with_a_report_and_a_notebook(reproduced: tuple[Path, Result]) -> None:
    folder, result = reproduced
    assert result.exit_code == 0, result.output
    assert f"Report: {folder}/site/index.html" in result.output
    assert "8 runs: 0 done before, 8 to do" in result.output
    page = (folder / "site" / "index.html").read_text()
    assert "MONGOOSE" in page
    notebook = json.loads((folder / "notebooks" / "first_light.ipynb").read_text())
    assert any(cell.get("outputs") for cell in notebook["cells"])


def test_status_and_export_show_every_run(reproduced: tuple[Path, Result], tmp_path: Path) -> None:
    store = f"{reproduced[0]}/results"
    listed = json.loads(invoke("status", "--store", store, "--json").output)
    assert {row["method"] for row in listed} == {*first_light.TRAINED, *first_light.LINES}
    assert invoke("export", str(tmp_path / "out"), "--store", store, "--scale", "smoke").exit_code == 0
    assert len((tmp_path / "out" / "runs.csv").read_text().splitlines()) == 9


def test_claims_print_json(reproduced: tuple[Path, Result]) -> None:
    claims = json.loads(invoke("claims", "--store", f"{reproduced[0]}/results", "--json").output)
    assert {"id", "words", "source", "tag", "verdict", "effect", "interval", "unit", "n", "scale", "rows"} <= claims[
        0
    ].keys()


def test_a_store_that_is_not_there_is_named_and_not_made(tmp_path: Path) -> None:
    for command in (["status"], ["export", str(tmp_path / "out")]):
        result = invoke(*command, "--store", str(tmp_path / "typo"))
        assert result.exit_code == 1
        assert "no store at" in result.output
    assert not list(tmp_path.iterdir())


def test_nothing_is_exported_from_nothing(reproduced: tuple[Path, Result], tmp_path: Path) -> None:
    result = invoke("export", str(tmp_path / "out"), "--store", f"{reproduced[0]}/results", "--scale", "paper")
    assert result.exit_code == 1
    assert "no runs of scale paper" in result.output
    assert not list(tmp_path.iterdir())
    assert "no results at" in invoke("export", str(tmp_path), "--store", f"{reproduced[0]}/results", "--add").output


def store_of(folder: Path, *runs: tuple[str, int, str]) -> str:
    """A store of runs, each a method, a seed and a code; later letters are newer."""
    for method, seed, code in runs:
        key, where = f"{method}-{seed}-{code}", Environment(code=code, backend="cpu")
        run = Run(key, "item", "quick", method, "tiny", seed, "ok", budget_s=0.1 + 0.2, started=code, environment=where)
        Store(folder).append(run, [Trace(key, method, "tiny", seed, "evaluation", 1, 0.5, 1.5)])
    return str(folder)


def test_rows_of_several_stores_are_exported_together_and_added_to_others(tmp_path: Path) -> None:
    """One seed more of a method joins its others; a method made anew takes the place of what was."""
    first = store_of(tmp_path / "a", ("dense", 0, "a"), ("slide", 0, "a"))
    second = store_of(tmp_path / "b", ("dense", 1, "a"))
    out = tmp_path / "out"
    assert invoke("export", str(out), "--store", first, "--store", second).exit_code == 0
    assert read_export(out).runs["key"].tolist() == ["dense-0-a", "dense-1-a", "slide-0-a"]
    before = [path.read_bytes() for path in sorted(out.iterdir())]
    assert invoke("export", str(out), "--store", first, "--add").exit_code == 0
    assert [path.read_bytes() for path in sorted(out.iterdir())] == before
    renewed = store_of(tmp_path / "c", ("slide", 0, "b"), ("dense", 2, "a"))
    told = invoke("export", str(out), "--add", "--store", renewed).output
    assert "1 that lay there gave way to newer ones" in told
    found = read_export(out)
    assert found.runs["key"].tolist() == ["dense-0-a", "dense-1-a", "dense-2-a", "slide-0-b"]
    assert found.traces["key"].tolist() == found.runs["key"].tolist()


def test_unknown_items_are_refused() -> None:
    result = invoke("reproduce", "figure-99")
    assert result.exit_code == 2
    assert "first-light" in result.output


def test_items_run_on_other_sets_of_their_kind() -> None:
    """The last of an item's own sets is the one that gives way; all else of its runs stays."""
    question, text = (experiments.get(name) for name in ("question", "byte-lm"))
    ours = [config for config in question.runs("paper", 2) if config.dataset == "amazon-670k-twin"]
    theirs = cli._runs(question, "paper", 2, "amazon-670k")
    assert [config.model_copy(update={"dataset": "amazon-670k-twin"}) for config in theirs] == ours
    assert {config.dataset for config in cli._runs(text, "quick", 1, "enwik8")} == {"enwik8"}
    for item, name, told in (
        ("byte-lm", "wordnet", "enwik8"),
        ("question", "enwik8", "amazon-670k"),
        ("policies", "halos", "wordnet"),
        ("copy-task", "wordnet", "made up"),
    ):
        result = invoke("reproduce", item, "--dataset", name)
        assert result.exit_code == 2
        assert told in result.output


def test_the_emulator_is_a_backend_where_there_is_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> str:
        raise DeviceError("no C++ compiler.")

    with using("reference"):
        assert cli._backend("emulated") == "emulated"
        monkeypatch.setattr("cuda_kernels.emulator.build.compiler", fail)
        with pytest.raises(typer.Exit):
            cli._backend("emulated")
    assert "--backend" in invoke("reproduce", "--help").output


def test_doctor_speaks_of_torch_and_the_gpu() -> None:
    printed = invoke("doctor").output
    assert "torch:" in printed
    assert "GPU:" in printed


def test_every_scale_gives_all_methods_the_same_budget() -> None:
    for scale in first_light.SECONDS:
        runs: list[RunConfig] = first_light.runs(scale, 3)  # type: ignore[arg-type]
        assert len({config.seconds for config in runs}) == 1
        assert len(runs) == 3 * len(first_light.TRAINED) + len(first_light.LINES)


def test_the_readme_shows_commands_that_tox_knows() -> None:
    readme, tox = (ROOT / "README.md").read_text(), (ROOT / "tox.ini").read_text()
    for name in ("reproduce", "test", "full"):
        assert f"tox -e {name}" in readme
        assert f"[testenv:{name}]" in tox
    assert cli.REFERENCE.relative_to(ROOT).as_posix() in readme


def test_data_that_must_be_built_are_asked_for_before_the_first_run(tmp_path: Path) -> None:
    result = invoke("reproduce", "debian", "--store", str(tmp_path / "results"))
    assert result.exit_code == 1
    assert "python -m bench data get debian-depends" in result.output
    assert not (tmp_path / "results").exists()
    assert "debian" not in experiments.usual()


def test_what_needs_a_gpu_says_so_before_the_first_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mongoose.ops.backend._no_gpu", lambda: "there is none.")
    result = invoke("reproduce", "attention-cost-gpu", "--store", str(tmp_path / "results"))
    assert result.exit_code == 1
    assert "backend 'cuda' cannot run here: there is none." in result.output
    assert not (tmp_path / "results").exists()
    assert "attention-cost-gpu" not in experiments.usual()
    assert {config.backend for config in experiments.get("attention-cost-gpu").runs("paper", 1)} == {"cuda"}


def test_kernels_are_timed_on_a_gpu_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mongoose.ops.backend._no_gpu", lambda: "there is none.")
    result = invoke("kernels", "--device", "cuda", "--out", str(tmp_path / "times.json"))
    assert result.exit_code == 1
    assert "there is none." in result.output
    assert not list(tmp_path.iterdir())
