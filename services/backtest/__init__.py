"""The live actors in one process on recorded data: backtest and replay."""
