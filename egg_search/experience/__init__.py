"""What principles brought in all of a user's campaigns: one SQLite file in the user's data folder.

    store = Store(store_path())
    store.write(CampaignRecord(...))             # replaces what it had of the same campaign
    prior(store.read("tiles-in-l1"), here, ...)  # what a new campaign may expect

It advises: a campaign without it, or with a broken one, is as good as the first.
"""

from egg_search.experience.features import dtype_in, kinds_in
from egg_search.experience.prior import prior
from egg_search.experience.records import CampaignRecord, Outcome, Situation, Told
from egg_search.experience.store import Store, StoreError, store_path
from egg_search.experience.text import record_lines, standing

__all__ = [
    "CampaignRecord",
    "Outcome",
    "Situation",
    "Store",
    "StoreError",
    "Told",
    "dtype_in",
    "kinds_in",
    "prior",
    "record_lines",
    "standing",
    "store_path",
]
