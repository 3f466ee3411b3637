"""What `currencies` and `instruments` together say of rates, and what they cannot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

from shared.domain.exact import decimals

from .instruments import CurrencyConfig
from .nearest import nearest
from .root import Config
from .tree import Loc

PLACES_MAX: Final = 12  # a venue takes no more
TOO_LONG: Final = f"has more than {PLACES_MAX} places"


def account_currency(config: Config) -> str:
    """The account's own; of a backtest, where the file has no live session."""
    return config.currency if config.live is None else config.paper.currency


def fixed_rates(config: Config) -> dict[str, Decimal]:
    """By currency in order; `instruments.SYMBOL.fx_rate` is the rate of that instrument's currency."""
    found = {item.currency: item.fx_rate for item in config.instruments.values() if item.currency is not None and item.fx_rate is not None}
    found |= {name: item.rate for name, item in config.currencies.items() if item.rate is not None}
    return {name: found[name] for name in sorted(found)}


def check(config: Config) -> Iterator[tuple[Loc, str]]:
    """What the section cannot say, by itself and beside `instruments` and the symbols."""
    own = account_currency(config)
    for name, item in config.currencies.items():
        path: Loc = ("currencies", name)
        if name == own:
            yield path, "is the account's own currency"
        elif item.pair is None:
            yield from _fixed(path, item)
        elif item.rate is not None:
            yield (*path, "pair"), "give `rate` or `pair`, not both"
        else:
            yield from _paired(path, item, config, own)
    yield from _of_instruments(config, own)


def _fixed(path: Loc, item: CurrencyConfig) -> Iterator[tuple[Loc, str]]:
    if item.rate is None:
        yield path, "required key is missing: `rate` or `pair`"
    elif item.inverse:
        yield (*path, "inverse"), "has no meaning with `rate`"
    elif decimals(item.rate) > PLACES_MAX:
        yield (*path, "rate"), TOO_LONG


def _paired(path: Loc, item: CurrencyConfig, config: Config, own: str) -> Iterator[tuple[Loc, str]]:
    """The pair is fed wherever this file trades, and is priced in the currency that its direction says."""
    pair, lists = str(item.pair), [("symbols", config.symbols)]
    if config.live is not None:
        lists.append(("live.symbols", config.live.symbols))
    for key, symbols in lists:
        if symbols and pair not in symbols:
            yield (*path, "pair"), f"{pair} is not in {key}; nearest: {nearest(pair, symbols)[0]}"
            return
    listed = config.instruments.get(pair)
    priced, meant = listed.currency if listed is not None else None, str(path[-1]) if item.inverse else own
    if priced is not None and priced != meant:
        yield (*path, "pair"), f"{pair} is priced in {priced}, not in {meant}{'' if item.inverse else ' (its other way round: `inverse: true`)'}"


def _of_instruments(config: Config, own: str) -> Iterator[tuple[Loc, str]]:
    """One currency has one rate."""
    rates: dict[str, tuple[str, Decimal]] = {}
    given: Mapping[str, CurrencyConfig] = config.currencies
    for symbol, item in config.instruments.items():
        if item.fx_rate is None:
            continue
        path: Loc = ("instruments", symbol, "fx_rate")
        if item.currency in (None, own):
            yield path, f"has no meaning: its prices are in the account's currency, {own}"
            continue
        if decimals(item.fx_rate) > PLACES_MAX:
            yield path, TOO_LONG
        name = str(item.currency)
        if name in given and given[name].rate != item.fx_rate:
            yield path, f"`currencies.{name}` gives {name} another rate; give one of them"
        first, rate = rates.setdefault(name, (symbol, item.fx_rate))
        if rate != item.fx_rate:
            yield path, f"`instruments.{first}.fx_rate` gives {name} another rate; use `currencies.{name}`"
