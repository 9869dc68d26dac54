"""The build stage: real compiler, cached by content, failures named in one line."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest
from evaluator_samples import NORM_SOFTMAX

from egg_search.core.errors import UserError
from egg_search.core.verdict import Outcome
from evaluator.build import build
from evaluator.build.messages import REASON_CHARACTERS, reason_of
from evaluator.build.store import BuildStore
from evaluator.gate import Gate
from evaluator.isolation.base import MAKES_WAY
from evaluator.settings import Effort


def _compiled_source(code: str) -> str:
    return f"""
import os, subprocess
from pathlib import Path
target = Path(os.environ["EGG_BUILD_DIR"]) / "k.so"
subprocess.run(["g++", "-shared", "-fPIC", "-x", "c++", "-", "-o", str(target)], input={code!r}, text=True, check=True)
"""


def test_compiles_once(tmp_path):
    source = (
        _compiled_source("extern int x; int x = 1;") + "with open(target.with_name('runs'), 'a') as f: f.write('.')\n"
    )
    first, second = build(source, tmp_path), build(source, tmp_path)
    assert first.ok and not first.cached and second.ok and second.cached and second.seconds < 0.05
    output = BuildStore(tmp_path).output(source)
    assert (output / "runs").read_text() == "." and (tmp_path / "store" / "k.so").samefile(output / "k.so")


def test_a_build_writes_to_its_own_output_only(tmp_path):
    first, second = _compiled_source("int f() { return 1; }"), _compiled_source("int f() { return 2; }")
    assert build(first, tmp_path).ok and build(second, tmp_path).ok  # both want the name k.so
    store = BuildStore(tmp_path)
    assert (tmp_path / "store" / "k.so").samefile(store.output(first) / "k.so")
    assert not (store.output(second) / "k.so").samefile(store.output(first) / "k.so")
    before = {path: path.read_bytes() for path in (tmp_path / "store" / "k.so", store.output(first) / "k.so")}
    for path in (*before, tmp_path / "built" / "x", tmp_path / "new"):
        build(
            f"import os\nfor act in (os.unlink, lambda p: open(p, 'wb').write(b'x')):\n  try: act({str(path)!r})\n"
            "  except OSError: pass",
            tmp_path,
        )
    assert all(path.read_bytes() == content for path, content in before.items())
    assert not (tmp_path / "built" / "x").exists() and not (tmp_path / "new").exists()
    assert build(f"import os\nos.symlink({str(tmp_path)!r}, os.environ['EGG_BUILD_DIR'] + '/a.so')", tmp_path).ok
    assert not (tmp_path / "store" / "a.so").exists()


def test_a_hanging_import_is_cut_short_and_a_compiler_is_waited_for(tmp_path):
    for body in ("import time; time.sleep(60)", "while True: pass"):
        report = build(body, tmp_path, timeout_s=60)
        assert report.outcome is Outcome.BUILD_TIMEOUT and report.seconds < 10 and "compiler" in report.reason
    loop = "import time\nwhile time.process_time() < 3: pass"
    busy = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {loop!r}])"
    assert build(busy, tmp_path, timeout_s=60).ok


def test_a_fork_bomb_is_counted(tmp_path):
    report = build("import os\nwhile True:\n    os.fork()", tmp_path, timeout_s=60)
    assert report.outcome is Outcome.BUILD_FAILED and "fork bomb" in report.reason


def test_compiler_error_is_one_line(tmp_path):
    report = build(_compiled_source("int f() {\n  return undefined_name;\n}\n" * 40), tmp_path)
    assert report.outcome is Outcome.BUILD_FAILED
    assert "undefined_name" in report.reason and "\n" not in report.reason
    assert len(report.reason) <= REASON_CHARACTERS
    assert not build(_compiled_source("int f() { return undefined_name; }"), tmp_path).cached


@pytest.mark.parametrize(
    ("source", "outcome", "reason"),
    [
        ("while True: pass", Outcome.BUILD_TIMEOUT, "no answer within 0.5 s"),
        ("import os; os._exit(3)", Outcome.BUILD_FAILED, "status 3"),
        ("import os; os.abort()", Outcome.BUILD_FAILED, "SIGABRT"),
        ("import nothing_like_this", Outcome.BUILD_FAILED, "nothing_like_this"),
        ("print('x' * (1 << 20)); raise ValueError('é' * 9999)", Outcome.BUILD_FAILED, "ValueError"),
    ],
)
def test_failures(tmp_path, source, outcome, reason):
    report = build(source, tmp_path, timeout_s=0.5)
    assert report.outcome is outcome and reason in report.reason


def test_builds_run_beside_each_other(tmp_path):
    reports = {}
    sources = [_compiled_source(f"int f{i}() {{ return {i}; }}") + f"X = {i}\n" for i in range(4)]
    threads = [
        threading.Thread(target=lambda i=i: reports.setdefault(i, build(sources[i], tmp_path / str(i))))
        for i in range(4)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert all(reports[i].ok for i in range(4))


def test_gate_keeps_builds_and_timings_apart(tmp_path):
    gate, log = Gate(tmp_path / "gate"), []
    inside, leave = threading.Event(), threading.Event()

    def timing():
        with Gate(tmp_path / "gate").exclusive():
            inside.set()
            leave.wait(5)
            log.append("timing over")

    def building():
        with Gate(tmp_path / "gate").shared():
            log.append("build")

    with gate.shared(), Gate(tmp_path / "gate").shared():  # builds share
        pass
    threads = [threading.Thread(target=timing), threading.Thread(target=building)]
    threads[0].start()
    inside.wait(5)
    threads[1].start()
    threads[1].join(0.2)
    assert log == []
    leave.set()
    for each in threads:
        each.join(5)
    assert log == ["timing over", "build"]


def test_reason_prefers_the_compilers_error():
    printed = "In file included from a\nk.cpp:3:1: error: expected ';'\nk.cpp:9:1: error: later"
    assert reason_of("CalledProcessError: g++ failed", printed).startswith("k.cpp:3:1: error: expected ';'")
    assert reason_of("", "") == "no message"


def test_a_full_disk_is_not_the_candidates_fault(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=0))
    with pytest.raises(UserError, match="the disk is full"):
        build(_compiled_source("int f() { return undefined_name; }"), tmp_path)


@pytest.mark.parametrize("capability", [0, 90])
def test_builds_for_a_gpu_make_way_for_what_is_measured(tmp_path, capability):
    source = "import os\nraise RuntimeError(f'niceness {os.getpriority(os.PRIO_PROCESS, 0)}')"
    assert f"niceness {MAKES_WAY if capability else 0}" in build(source, tmp_path, capability=capability).reason


def test_who_makes_way_already_builds_too(tmp_path):
    """Ray's workers may be nicer than builds have to be, and nobody may take less of it."""
    told = "import os\nraise RuntimeError(f'niceness {os.getpriority(os.PRIO_PROCESS, 0)}')"
    code = f"""
import os, sys
os.setpriority(os.PRIO_PROCESS, 0, {MAKES_WAY + 5})
from evaluator.build import build
print(build({told!r}, {str(tmp_path)!r}, capability=90).reason)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert f"niceness {MAKES_WAY + 5}" in done.stdout


def test_new_inputs_come_with_new_builds_that_have_begun(compiled, evaluator_for, tmp_path):
    evaluator = evaluator_for(NORM_SOFTMAX)
    bound = compiled.bound(compiled.default_configuration)
    stores = []
    for _ in range(2):
        evaluator.renew([bound])
        (store,) = evaluator._root.glob("renewed-*")
        stores.append(store)
        assert BuildStore(store).built(bound)
    assert stores[0] != stores[1]
    assert evaluator.judge(compiled, compiled.default_configuration, Effort.SCREEN).ok
