"""What a run looks like on disk and on a terminal: each writer takes (path, record, summary) and leaves a whole file or none."""

from .csv_report import write_csv, write_equity, write_fills, write_trades
from .html_report import write_html
from .json_report import write_json
from .series import benchmark_symbol
from .terminal import print_summary

__all__ = ["benchmark_symbol", "print_summary", "write_csv", "write_equity", "write_fills", "write_html", "write_json", "write_trades"]
