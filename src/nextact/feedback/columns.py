"""Column names of the feedback table, each written once; ids and event types are those of the events."""

RANK = "rank"  # place in the shown list, 1 is the first
SHOWN_AT = "shown_at"  # UTC, microseconds
OUTCOME = "outcome"  # the event type that followed, null where none did
RESPONDED_AT = "responded_at"  # UTC, microseconds; null where nothing followed or the time is unknown
PROPENSITY = "propensity"  # probability of this item at this rank, given the items above it; in (0, 1]
RUN_ID = "run_id"  # run whose recommendations were shown
MODEL = "model"
SLOT = "slot"  # where on the page or in the app
REQUEST_ID = "request_id"  # one list shown at once
