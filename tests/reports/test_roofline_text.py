"""How near a call comes to its GPU's limits, in tables and texts: for GPU runs, and nothing new for others."""

from __future__ import annotations

import io
from dataclasses import replace

import fabricated_run
from fabricated_run import fabricate, ok
from rich.console import Console

from egg_search.core.survey import Survey
from egg_search.reports.roofline import roofline_cell, roofline_lines
from egg_search.reports.status import status_report
from egg_search.reports.summary import summarize
from egg_search.reports.table import result_table
from egg_search.reports.verdict import verdict_text

KERNEL = {"name": "rows", "microseconds": 685.2, "launches": 1, "grid": [4096, 1, 1], "registers": 40, "occupancy": 0.5}
MEMORY = {
    "launch_us": 9.0,
    "roofline": {
        "gb_s": 3112.0,
        "tflop_s": 0.0,
        "fraction": 0.727,
        "fp32_fraction": 0.0,
        "bound": "memory",
        "ceiling": "tf32 / 3",
    },
    "kernels": {"launches": 1, "us": 685.2, "longest": [KERNEL]},
    "diagnosis": {"bottleneck": "memory", "evidence": ["moves 3.11 TB/s, 73 % of the bandwidth of 4.28 TB/s"]},
}
COMPUTE = {
    "roofline": {**MEMORY["roofline"], "bound": "compute", "tflop_s": 91.6, "fraction": 0.7, "fp32_fraction": 1.8}
}


def shown(renderable) -> str:
    console = Console(file=io.StringIO(), width=260, highlight=False, no_color=True)
    console.print(renderable)
    return console.file.getvalue()


def test_a_verdict_on_a_gpu_says_how_near_it_comes():
    lines = verdict_text(replace(ok(2.0), resources=MEMORY), Survey()).splitlines()
    assert "reached: 3.11 TB/s, 0 TFLOP/s; 73% of the memory roof" in lines
    assert "held up by memory: moves 3.11 TB/s, 73 % of the bandwidth of 4.28 TB/s" in lines
    assert "launching takes 9 us" in lines
    assert "kernel rows, 685.2 us in 1, grid 4096x1x1, occupancy 50%, 40 registers" in lines


def test_a_compute_roof_is_named_with_the_way_to_it():
    verdict = replace(ok(2.0), resources=COMPUTE)
    expected = "reached: 3.11 TB/s, 91.6 TFLOP/s; 70% of the compute roof (tf32 / 3), 180% of what float32 units reach"
    assert roofline_lines(verdict) == [expected]
    assert roofline_cell(verdict) == "91.6 TFLOP/s 70% compute"


def test_a_verdict_on_a_cpu_says_nothing_new():
    assert roofline_lines(ok(2.0)) == [] and roofline_cell(ok(2.0)) == ""


def test_tables_have_a_column_on_a_gpu_only(tmp_path, monkeypatch):
    on_cpu = fabricate(tmp_path / "cpu")
    monkeypatch.setattr(fabricated_run, "ok", lambda *a, **k: replace(ok(*a, **k), resources=MEMORY))
    on_gpu = fabricate(tmp_path / "gpu")
    for make in (lambda run: result_table([summarize(run)], {}), status_report):
        assert "roofline" not in shown(make(on_cpu))
        assert "3.11 TB/s 73% memory" in shown(make(on_gpu))
    both = shown(result_table([summarize(on_cpu), summarize(on_gpu)], {}))
    assert both.count("TB/s") == 1
