"""`data list | stats | check | get`: tables and JSON, and one plain message on a fault."""

import json

import pytest
from typer.testing import CliRunner

import datasets.text
from bench.data import app
from datasets.wordnet import WordNet

runner = CliRunner()


def run(*arguments: object):
    return runner.invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def xmc_file(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text("3 10 5\n0,3 1:0.5 4:1e-3\n 2:1\n4 9:1\n")
    return path


def test_list_names_every_data_set():
    done = run("list")
    assert done.exit_code == 0
    assert "tiny\tyes\t600\t200\t500\t300" in done.stdout
    assert "debian-files\tno\t329,801" in done.stdout
    assert {row["name"] for row in json.loads(run("list", "--json").stdout)} >= {"tiny", "wordnet"}


def test_stats_as_json():
    found = json.loads(run("stats", "tiny", "--json").stdout)
    assert (found["name"], found["train"], found["test"]) == ("tiny", 600, 200)
    assert set(found["power_law"]) == {"zipf_slope", "alpha_mle", "singletons"}


def test_stats_in_a_pipe_are_plain_lines():
    assert "labels per point\t1.96\n" in run("stats", "tiny").stdout


def test_a_file_can_be_brought_once(monkeypatch, tmp_path):
    monkeypatch.setenv("MONGOOSE_DATA", str(tmp_path))
    done = run("get", "enwik8", "--from", tmp_path / "nowhere")
    assert (done.exit_code, "nowhere is missing" in done.stderr) == (1, True)
    assert "Accepted are" in done.stderr
    folder = datasets.text.get("enwik8").entry.folder
    folder.mkdir(parents=True)
    (folder / "meta.json").write_text("{}")
    done = run("get", "enwik8", "--from", tmp_path)
    assert (done.exit_code, done.stderr) == (1, f"enwik8 is here already; remove {folder} to bring another.\n")
    assert "not downloaded" in run("get", "tiny", "--from", tmp_path).stderr


def test_baselines_are_for_labels():
    assert run("get", "tiny-text").exit_code == 0
    assert "no labels" in run("stats", "tiny-text", "--baselines", 10).stderr


def test_a_mistyped_set_is_answered_with_the_names():
    assert "nor is it a data set; those are: amazon-670k," in run("check", "wordnte").stderr


def test_prune_frees_what_older_recipes_built(monkeypatch, tmp_path):
    monkeypatch.setenv("MONGOOSE_DATA", str(tmp_path))
    older = tmp_path / "debian-tags" / "0123"
    older.mkdir(parents=True)
    (older / "meta.json").write_bytes(bytes(3_000_000))
    done = run("prune")
    assert (done.exit_code, done.stdout) == (0, "debian-tags: 3 MB freed.\n")
    assert not older.exists()


def test_an_unknown_name_is_one_message():
    done = run("stats", "amazon")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "the names are: " in done.stderr


def test_check_describes_a_file(xmc_file):
    found = json.loads(run("check", xmc_file, "--json").stdout)
    assert (found["points"], found["features"], found["labels"], found["nnz"]) == (3, 10, 5, 4)
    assert "points\t3\n" in run("check", xmc_file).stdout


def test_check_without_header_and_from_1(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text("1 1:1\n2 3:1\n")
    found = json.loads(run("check", path, "--no-header", "--index-base", 1, "--json").stdout)
    assert (found["points"], found["features"], found["labels"]) == (2, 3, 2)


def test_a_fault_is_one_message_with_file_and_line(xmc_file):
    xmc_file.write_text(xmc_file.read_text().replace("9:1", "12:1"))
    done = run("check", xmc_file)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == f"{xmc_file}, line 4: feature 12 is out of range, accepted are 0 to 9.\n"


def test_a_missing_file_is_one_message(tmp_path):
    done = run("check", tmp_path / "nowhere.txt")
    assert done.exit_code == 1
    assert done.stderr == f"{tmp_path / 'nowhere.txt'}: No such file or directory.\n"


def test_get_says_that_wordnet_is_shipped():
    assert "wordnet is here: shipped with the checkout" in run("get", "wordnet").stdout


def test_get_says_that_tiny_is_generated():
    assert "generated" in run("get", "tiny").stdout
    assert run("get", "tiny", "--rebuild").exit_code == 1


@pytest.mark.parametrize(("same", "code", "says"), [(True, 0, "the same content"), (False, 1, "DIFFERS")])
def test_rebuild_compares(same, code, says, monkeypatch):
    monkeypatch.setattr(WordNet, "rebuild_matches", lambda self: {"train.txt.xz": same})
    done = run("get", "wordnet", "--rebuild")
    assert done.exit_code == code
    assert says in done.stdout
