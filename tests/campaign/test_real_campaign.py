"""One small campaign with everything real but Ray: the expert, the compiler, the evaluator, SQLite."""

import pytest

from egg_search.campaign import Campaign, Settings
from egg_search.cluster import CampaignWorkshop
from egg_search.core.errors import UserError
from egg_search.core.hardware import detect_cpu
from egg_search.core.problem import Problem
from evaluator.settings import EvaluatorSettings, TimingRule

PROBLEM = """
import torch
import torch.nn as nn

rows, columns = 512, 256

class Model(nn.Module):
    def forward(self, x, y):
        return torch.softmax(torch.relu(x) * y + 1.0, dim=-1)

def get_inputs():
    return [torch.randn(rows, columns), torch.randn(rows, columns)]

def get_init_inputs():
    return []
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "chain.py"
    path.write_text(PROBLEM)
    return path


@pytest.mark.chaos  # as tests/cli/test_a_whole_run.py does by the command
def test_the_expert_and_the_evaluator_end_to_end(file, tmp_path):
    quick = TimingRule(min_rounds=3, max_rounds=6, seconds=0.2, width=0.2)
    evaluator = EvaluatorSettings(
        torch_compile=False, reference_seconds=1.0, variants=1, screen=quick, full=quick, gate_path=tmp_path / "gate"
    )
    workshop = CampaignWorkshop(Problem.from_file(file), detect_cpu(), tmp_path / "build", evaluator)
    settings = Settings(str(file), budget_s=None, max_evaluations=5, ray_address="none")
    campaign = Campaign.create(settings, tmp_path / "run", workshop)
    result = campaign.run()
    assert result.evaluations == 5
    assert result.certified
    assert result.front
    assert set(result.survey.baselines_ms) == {"eager"}
    with campaign.directory.read() as reader:
        assert all(evaluation.verdict.ok for evaluation in reader.evaluations())
        source = reader.candidate(result.front[0].job.candidate).source
    assert "extern" in source  # a kernel was generated
    resumed = Campaign.resume(tmp_path / "run", max_evaluations=6, workshop=workshop).run()
    assert resumed.evaluations == 6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("return torch.softmax", "return 1 / 0 #"), "ZeroDivisionError"),
        (("class Model(", "class Other("), "no class Model|no Model"),
        (("def get_inputs", "def inputs"), "get_inputs"),
    ],
)
def test_unfit_problems_leave_nothing_behind(file, tmp_path, change, message):
    file.write_text(PROBLEM.replace(*change))
    with pytest.raises(UserError, match=message):
        Campaign.create(Settings(str(file)), tmp_path / "run")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["chain.py"]


def test_an_unknown_author_is_refused(file, tmp_path):
    with pytest.raises(UserError, match="no author 'ghost'; there is expert"):
        Campaign.create(Settings(str(file), authors=("ghost",)), tmp_path / "run")
