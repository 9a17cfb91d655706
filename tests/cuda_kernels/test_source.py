"""Texts with their headers put in."""

from pathlib import Path

from cuda_kernels.source import source


def test_a_header_stands_once_and_lines_keep_their_numbers(tmp_path: Path) -> None:
    (tmp_path / "a.cuh").write_text("#pragma once\nint a;\n")
    (tmp_path / "b.cuh").write_text('#include "a.cuh"\nint b;\n')
    (tmp_path / "k.cu").write_text('#include "a.cuh"\n#include "b.cuh"\nint k;\n')
    lines = source("k.cu", tmp_path).splitlines()
    assert lines.count("int a;") == lines.count("int b;") == 1
    assert lines[lines.index("int k;") - 1] == '#line 3 "k.cu"'
    assert not [line for line in lines if "include" in line or "pragma" in line]
