"""Column names of the event and item tables, each written once."""

USER_ID = "user_id"
ITEM_ID = "item_id"
EVENT_TYPE = "event_type"
TIMESTAMP = "timestamp"  # UTC, microseconds
VALUE = "value"
SESSION_ID = "session_id"
POSITION = "position"  # order of events at one moment, and of all events where there is no time
SOURCE = "source"  # the table a row was read from

REJECTED_REASON = "rejected_reason"
REJECTED_CELLS = "rejected_cells"  # times, positions and values that were rejected, as the raw table writes them
SOURCE_ROW = "source_row"  # 0-based, within its source

STEP = "step"  # 0-based: the user's baskets, or events where baskets are off, oldest first
SPLIT = "split"  # "train", "validation" or "test"
IS_TARGET = "is_target"
PLACE = "place"  # 0-based: of an event among its user's, oldest first

ITEM_TEXT = "item_text"
TOKENS = "tokens"  # the words of an item's text, joined by blanks
ITEM_INDEX = "item_index"  # 1 .. n_items; 0 is padding
USER_INDEX = "user_index"  # 0 .. n_users - 1
NOBODY = ""  # user_id in the place of a user who was erased; no raw row is accepted with it
N_TRAINING_EVENTS = "n_training_events"
