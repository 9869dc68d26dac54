"""A campaign: one search, from settings to a certified front, in one run directory.

    campaign = Campaign.create(Settings(problem="my.py", budget_s=300), Path("runs/my"))   # or Campaign.resume(path)
    result = campaign.run(observer)                                                        # blocks; Ctrl-C stops it

The journal is the truth: `State` is a function of its records, whether they were just written or read again.
"""

from egg_search.campaign.budget import format_duration, parse_duration
from egg_search.campaign.campaign import Campaign
from egg_search.campaign.events import Observer, Progress
from egg_search.campaign.result import Result, load_result
from egg_search.campaign.settings import Settings

__all__ = [
    "Campaign",
    "Observer",
    "Progress",
    "Result",
    "Settings",
    "format_duration",
    "load_result",
    "parse_duration",
]
