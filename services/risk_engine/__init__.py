"""Risk engine: approves or denies every order, holds the trading state, marks the account, closes it on command."""
