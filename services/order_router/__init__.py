"""The order router: sends what risk approved, once, and books what the broker says happened. The only author of outcomes and fills."""
