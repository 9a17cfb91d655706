"""The page and the README: escaped, complete, and the same from the same rows."""

import json
import re
from pathlib import Path

import pytest

from bench.store import Rows, read_export
from reports.readme import (
    ATTENTION,
    ELSEWHERE,
    GPU,
    QUESTION,
    RESULTS,
    SPEED,
    SWEEP,
    attention,
    elsewhere,
    marks,
    on_gpu,
    question,
    rewrite,
    speed,
    sweep,
    table,
)
from reports.site import build
from reports.tables import at_equal_seconds, at_equal_steps, scores

HOSTILE = "<script>alert('x')</script>"
REFERENCE = Path("reports/results/wordnet")
KERNEL_TIMES = Path("reports/results/kernels/times.json")
REFERENCE_DEBIAN = Path("reports/results/debian")
REFERENCE_QUESTION = Path("reports/results/question")
REFERENCE_ATTENTION = Path("reports/results/attention")
REFERENCE_SPEED = Path("reports/results/speed")


def test_page_holds_every_figure_and_every_file_it_names(make_rows, tmp_path):
    page = build(make_rows(seeds=[0]), make_rows(scale="paper"), tmp_path)
    named = re.findall(r'(?:src|href)="([^"#]+)"', page.read_text())
    assert len([name for name in named if name.endswith(".csv")]) == 12
    assert all((tmp_path / name).is_file() for name in named)


def test_page_is_byte_identical_twice(make_rows, tmp_path):
    for folder in ("a", "b"):
        build(make_rows(seeds=[0]), make_rows(scale="paper", failed=[("slide", 1)]), tmp_path / folder)
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert len(files) > 30
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in files)


def test_page_escapes_text_from_rows(make_rows, tmp_path):
    columns = ["reason", "method", "env_cpu", "env_platform", "dataset", "scale", "experiment"]
    rows = make_rows(seeds=[0], failed=[("slide", 0)])
    runs = rows.runs[rows.runs["method"] == "slide"].assign(
        **{column: f"<script>{column}</script>" for column in columns}
    )
    page = build(Rows(runs, rows.traces), None, tmp_path).read_text()
    assert "<script" not in page
    assert all(f"&lt;script&gt;{column}&lt;/script&gt;" in page for column in columns)


def test_page_runs_no_script_and_loads_nothing_from_elsewhere(make_rows, tmp_path):
    page = build(make_rows(seeds=[0]), None, tmp_path).read_text()
    assert "default-src 'none'" in page
    assert not re.search(r"<script|javascript:|https?:|style=", page)


def test_a_data_set_cannot_name_a_folder_outside_the_report(make_rows, tmp_path):
    rows = make_rows(seeds=[0])
    build(Rows(rows.runs.assign(dataset="../../escaped"), rows.traces), None, tmp_path / "report")
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_page_names_absent_rows(no_rows, make_rows, tmp_path):
    assert "No rows from this machine" in build(no_rows, make_rows(scale="paper"), tmp_path).read_text()
    nothing = build(None, None, tmp_path).read_text()
    assert "No rows from committed reference" in nothing
    assert "not run" in nothing


def test_page_lists_failures_with_their_reason(make_rows, tmp_path):
    page = build(make_rows(failed=[("slide", 1)], reason="loss was infinite at step 7"), None, tmp_path).read_text()
    assert "loss was infinite at step 7" in page
    assert "SLIDE: 1 of 3 runs failed (diverged)" in page


def test_claims_file_is_strict_json(make_rows, tmp_path):
    build(make_rows(seeds=[0]), None, tmp_path)
    found = json.loads((tmp_path / "claims.json").read_text(), parse_constant=pytest.fail)
    assert {finding["verdict"] for finding in found["this machine"]} <= {"inconclusive", "not run"}


def test_tables_are_blank_beyond_what_a_method_reached(make_rows):
    steps = at_equal_steps(make_rows()).set_index("method")
    assert steps.loc["dense softmax"].iloc[-1] == "—"
    assert "±" in steps.loc["sampled softmax, uniform"].iloc[-1]


def test_equal_seconds_end_where_all_methods_have_been(make_rows):
    seconds = at_equal_seconds(make_rows()).set_index("method")
    assert seconds.columns[-1].startswith("end (60")
    assert seconds.iloc[:, -1].str.contains("±").all()
    assert seconds.columns.is_unique


def test_scores_show_n_for_every_method(make_rows):
    shown = scores(make_rows(without=["dense"], failed=[("slide", 0)])).set_index("method")["n"]
    assert (shown["dense softmax"], shown["SLIDE"], shown["MONGOOSE"]) == ("0", "2", "3")


def test_tables_of_no_rows_are_empty(no_rows):
    assert all(make(no_rows).empty for make in (scores, at_equal_seconds, at_equal_steps))


def test_readme_block_is_rewritten_once(make_rows, tmp_path):
    readme, (begin, end) = tmp_path / "README.md", marks(RESULTS)
    readme.write_text(f"before\n{begin}\nold\n{end}\nafter\n")
    assert rewrite(readme, RESULTS, table(make_rows(scale="paper")))
    assert not rewrite(readme, RESULTS, table(make_rows(scale="paper")))
    text = readme.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "| MONGOOSE | 3 |" in text


def test_readme_without_marks_says_which(make_rows, tmp_path):
    (tmp_path / "README.md").write_text("nothing here\n")
    with pytest.raises(ValueError, match="results:begin"):
        rewrite(tmp_path / "README.md", RESULTS, table(make_rows()))


def test_readme_table_cannot_be_broken_out_of(make_rows):
    rows = make_rows(scale="paper")
    hostile = Rows(rows.runs.assign(env_cpu=HOSTILE, dataset=f"{HOSTILE}|x"), rows.traces)
    assert "<script" not in table(hostile)


def test_readme_says_when_nothing_is_committed(no_rows):
    assert "No reference rows" in table(no_rows)


def test_readme_is_in_step_with_the_committed_rows(tmp_path):
    copy = tmp_path / "README.md"
    copy.write_text(Path("README.md").read_text())
    reason = "README.md is out of date: run `python -m bench readme`"
    assert not rewrite(copy, RESULTS, table(read_export(REFERENCE))), reason
    assert not rewrite(copy, QUESTION, question(read_export(REFERENCE_QUESTION))), reason
    assert not rewrite(copy, ATTENTION, attention(read_export(REFERENCE_ATTENTION))), reason
    assert not rewrite(copy, ELSEWHERE, elsewhere(read_export(REFERENCE_DEBIAN))), reason
    kept = {path.stem: json.loads(path.read_text()) for path in REFERENCE_SPEED.glob("*.json")}
    assert not rewrite(copy, SPEED, speed(kept["amazon-670k"])), reason
    assert not rewrite(copy, SWEEP, sweep(kept["labels"])), reason
    assert not rewrite(copy, GPU, on_gpu(json.loads(KERNEL_TIMES.read_text()))), reason
