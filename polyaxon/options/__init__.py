"""Options: what administrators change while the platform runs. One typed definition per key, values in the database.

`value(key)` is what readers use: the stored value, or the default. Settings of the process (`POLYAXON_*`) are something
else, but are shown among the options, and one of the same name is an option's default.
"""

from polyaxon.options.definitions import Option, OptionStore
from polyaxon.options.registry import OPTIONS, find
from polyaxon.options.settings_keys import setting_value
from polyaxon.options.store import default, forget_cached, remove, stored, value, write

__all__ = [
    "OPTIONS",
    "Option",
    "OptionStore",
    "default",
    "find",
    "forget_cached",
    "remove",
    "setting_value",
    "stored",
    "value",
    "write",
]
