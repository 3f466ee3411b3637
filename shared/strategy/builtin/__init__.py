"""Strategies that ship with the engine, with RegimeFlow's names and parameters."""
