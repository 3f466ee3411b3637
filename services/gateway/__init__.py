"""The market-data gateway: feeds, bars, sessions, freshness. Brings the outside market into the log; trades nothing."""
