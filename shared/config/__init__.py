"""Configuration: one YAML file to one frozen, checked `Config`, or every reason against it in one line each.

`load` is the way in; `Config` and its sections are what services read; `Redactor` keeps its secrets out of every text.
"""

from .digest import config_hashes
from .loading import Loaded, load
from .problems import ConfigError, Note, Problem
from .redaction import Redactor, is_secret_name
from .root import Config
from .schema import schema

__all__ = ["Config", "ConfigError", "Loaded", "Note", "Problem", "Redactor", "config_hashes", "is_secret_name", "load", "schema"]
