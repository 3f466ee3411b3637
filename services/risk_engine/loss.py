"""Loss limits of the account and of strategies: judged within the event that moves a price or books a fill.

A watch keeps one book's day base and peak. On the hot path it moves a float estimate and compares it with one number, the highest equity
at which anything would follow; only near that number are exact sums made. Money that comes or goes other than by trading moves base and
peak along: a withdrawal is no loss. A level that was met is noted and not met again until the day, or an operator, clears it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from math import inf
from typing import Final, NamedTuple

import msgspec

from shared.domain.exact import ONE, ZERO, add, multiply, of_float, plain, share, subtract, text
from shared.domain.instrument import signed
from shared.domain.ledger import Ledger
from shared.events import Envelope, LimitBreached, OrderFilled, Reason, TradingState

from .prices import Prices
from .settings import FREE, RiskSettings
from .valuation import AccountValue, StrategyValue

ACCOUNT: Final = ""
GUARD: Final = 1e-8  # of equity: far wider than what float sums lose, far narrower than a cent of a loss limit


class WatchState(msgspec.Struct):
    """base: equity at the day's start, None before the account is known. met: "<key>:soft" and "<key>:hard" of levels met."""

    base: Decimal | None = None
    peak: Decimal = ZERO
    met: dict[str, bool] = msgspec.field(default_factory=dict)


class Level(NamedTuple):
    """One limit: money lost from `origin` against `limit` x `scale` (1 for a limit in money, the origin for one in fractions)."""

    reason: Reason
    key: str
    limit: Decimal
    origin: Decimal
    scale: Decimal
    state: TradingState

    def met_at(self, fraction: Decimal) -> Decimal:
        """Equity at which that fraction of the limit is lost."""
        return subtract(self.origin, multiply(fraction, multiply(self.limit, self.scale)))

    def used(self, equity: Decimal) -> Decimal:
        """Loss in the limit's own unit."""
        return share(subtract(self.origin, equity), ONE, self.scale)


class Watch:
    """One book watched; key: ACCOUNT or a strategy id. floor: equity (float) from which exact sums are worth making."""

    def __init__(self, key: str, value: AccountValue | StrategyValue, settings: RiskSettings, state: WatchState) -> None:
        self.key = key
        self.value = value
        self.note = value.sums.note
        self.state = state
        self.floor = -inf
        self._ceiling = inf
        self._highest = -inf
        self._levels_of: tuple[Decimal | None, Decimal, frozenset[str]] = (None, ZERO, frozenset())
        self._settings = settings
        self._estimate = 0.0
        self._holdings: dict[str, tuple[float, float]] = {}  # (units x multiplier, their worth at the mark)

    def might_breach(self, symbol: str, bid: float, ask: float) -> bool:
        """Whether a price of the symbol could meet a level: never no where it does."""
        holding = self._holdings.get(symbol)
        if holding is None:
            return False
        units, worth = holding
        return self._estimate + units * (bid if units > 0.0 else ask) - worth <= self.floor

    def fill_might_breach(self, e: OrderFilled, mark: float | None) -> bool:
        """Whether booking the fill, its holding then marked at `mark`, could meet a level: never no where it does."""
        estimate = self._estimate - float(self.value.worth(e.commission, e.currency))
        if mark is not None:
            units, worth = self._holdings.get(e.symbol, (0.0, 0.0))
            change = float(multiply(signed(e.side, e.quantity), self.value.multiplier(e.symbol)))
            estimate += (units + change) * mark - worth - change * float(e.price)
        return estimate <= self.floor

    def holds(self, symbol: str) -> bool:
        return symbol in self._holdings

    def direction(self, symbol: str) -> float:
        holding = self._holdings.get(symbol)
        return 0.0 if holding is None else holding[0]

    def moved(self, symbol: str, bid: float, ask: float) -> bool:
        """A price was stored: what longs and shorts are marked at now. Whether the symbol is held."""
        self.note(symbol)
        holding = self._holdings.get(symbol)
        if holding is None:
            return False
        units, worth = holding
        new = units * (bid if units > 0.0 else ask)
        self._holdings[symbol] = (units, new)
        self._estimate = estimate = self._estimate + (new - worth)
        if estimate >= self._ceiling:
            self.settle()
        return True

    def follow(self, symbol: str, price: float) -> bool:
        """`moved` by a price that neither meets a level nor makes a peak; False where it might: then nothing was done."""
        holding = self._holdings.get(symbol)
        if holding is not None:
            units, worth = holding
            new = units * price
            estimate = self._estimate + (new - worth)
            if not self.floor < estimate < self._ceiling:
                return False
            self._holdings[symbol] = (units, new)
            self._estimate = estimate
        self.note(symbol)
        return True

    def rebook(self, symbol: str) -> bool:
        """Holdings of a symbol may have changed; whether it is held."""
        self.value.sums.note(symbol)
        quantity = self.value.quantity(symbol)
        if quantity:
            self._holdings[symbol] = (float(multiply(quantity, self.value.multiplier(symbol))), float(self.value.held(symbol)))
        else:
            self._holdings.pop(symbol, None)
        return bool(quantity)

    def settle(self) -> Decimal:
        """Exact equity; the estimate, peak and floor follow it."""
        equity = self.value.equity()
        self._estimate = float(equity)
        if self.state.base is not None:
            if equity > self.state.peak:
                self.state.peak = plain(equity)  # state: spelled alike however the sum was made
                self.state.met = {name: True for name in self.state.met if "drawdown_max:" not in name}
            guard = GUARD * (abs(self._estimate) + 1.0)
            self.floor = self._highest_level() + guard
            self._ceiling = float(self.state.peak) - guard
        return equity

    def _highest_level(self) -> float:
        """Equity of the level that is met first. Levels move with base, peak and what is met only, so mostly it is known."""
        state = self.state
        levels = (state.base, state.peak, frozenset(state.met))
        if levels != self._levels_of:
            self._levels_of = levels
            self._highest = max((float(at) for _, _, at in self._open_levels()), default=-inf)
        return self._highest

    def start(self) -> None:
        """The account is known, or a new day begins: losses of a day count from here."""
        equity = plain(self.value.equity())
        self.state.base = equity
        self.state.peak = max(self.state.peak, equity)
        self.state.met = {name: True for name in self.state.met if "drawdown_max:" in name}
        self.settle()

    def fund(self, amount: Decimal) -> None:
        """Money came in (or went out) that is no trading profit."""
        if self.state.base is not None:
            self.state.base = plain(add(self.state.base, amount))  # as the peak in `settle`
            self.state.peak = plain(add(self.state.peak, amount))
        self.settle()

    def levels(self) -> Iterator[Level]:
        s, base = self._settings, self.state.base
        if base is None:
            return
        if self.key != ACCOUNT:
            entry = s.strategy(self.key)
            own = FREE if entry is None else entry.limits
            day_loss = s.strategy_day_loss_max if own.day_loss_max is None else own.day_loss_max
            yield from self._levels(f"strategies.{self.key}.", base, day_loss, own.day_loss_pct_max, own.drawdown_max)
            return
        yield from self._levels("", base, s.day_loss_max, s.day_loss_pct_max, s.drawdown_max)

    def _levels(self, name: str, base: Decimal, money: Decimal | None, part: Decimal | None, drawdown: Decimal | None) -> Iterator[Level]:
        s, peak = self._settings, self.state.peak
        if money is not None:
            yield Level(Reason.DAY_LOSS, f"{name}day_loss_max", money, base, ONE, s.day_loss_state)
        if part is not None and base > 0:
            yield Level(Reason.DAY_LOSS, f"{name}day_loss_pct_max", part, base, base, s.day_loss_state)
        if drawdown is not None and peak > 0:
            yield Level(Reason.DRAWDOWN, f"{name}drawdown_max", drawdown, peak, peak, s.drawdown_state)

    def breaches(self, equity: Decimal) -> list[tuple[Level, LimitBreached]]:
        """Levels newly met at this equity, a hard one standing for its soft one."""
        if float(equity) > self.floor:
            return []
        found: dict[str, tuple[Level, LimitBreached]] = {}
        for level, name, at in self._open_levels():
            if equity <= at and equity < level.origin:
                hard = name.endswith(":hard")
                if hard or level.key not in found:
                    event = LimitBreached(level.reason, level.key, text(level.limit), text(level.used(equity)), hard)
                    found[level.key] = (level, event)
        return list(found.values())

    def standing(self, equity: Decimal) -> list[LimitBreached]:
        """Hard levels met at this equity, noted before or not: while one stands, no operator resumes."""
        return [
            LimitBreached(level.reason, level.key, text(level.limit), text(level.used(equity)), hard=True)
            for level in self.levels()
            if equity <= level.met_at(ONE) and equity < level.origin
        ]

    def clear(self) -> None:
        """An operator resumed: what is met again is told again."""
        self.state.met = {}
        self.settle()

    def meet(self, e: LimitBreached) -> None:
        if any(level.key == e.key for level in self.levels()):
            self.state.met |= dict.fromkeys((f"{e.key}:soft", f"{e.key}:hard") if e.hard else (f"{e.key}:soft",), True)
            self.settle()

    def equity_at(self, symbol: str, mark: float) -> Decimal:
        """Exact equity if the symbol's mark were this."""
        quantity, multiplier = self.value.quantity(symbol), self.value.multiplier(symbol)
        worth = multiply(multiply(quantity, multiplier), of_float(mark))
        return add(self.value.equity(), subtract(worth, self.value.held(symbol)))

    def equity_at_rate(self, currency: str, change: Decimal, symbols: Sequence[str]) -> Decimal:
        """Exact equity if a unit of the currency, which the symbols are priced in, were worth so much more."""
        abroad = self.value.balance(currency)
        for symbol in symbols:
            abroad = add(abroad, self.value.abroad(symbol))
        return add(self.value.equity(), multiply(abroad, change))

    def equity_after_fill(self, e: OrderFilled, mark: float | None) -> Decimal:
        """Exact equity once the fill is booked, the whole holding marked at `mark` (its fee alone while no price is known)."""
        equity = subtract(self.value.equity(), self.value.worth(e.commission, e.currency))
        if mark is None:
            return equity
        quantity, multiplier, change = self.value.quantity(e.symbol), self.value.multiplier(e.symbol), signed(e.side, e.quantity)
        worth = multiply(multiply(add(quantity, change), multiplier), of_float(mark))
        paid = multiply(multiply(change, multiplier), e.price)
        return add(equity, subtract(subtract(worth, self.value.held(e.symbol)), paid))

    def _open_levels(self) -> Iterator[tuple[Level, str, Decimal]]:
        """(level, its name, equity that meets it) of what is not met yet."""
        for level in self.levels():
            for kind, fraction in (("soft", self._settings.soft_fraction), ("hard", ONE)):
                name = f"{level.key}:{kind}"
                if name not in self.state.met:
                    yield level, name, level.met_at(fraction)


class Watches:
    """The account's watch and one for each strategy that has a loss limit. active: by symbol with holdings or orders, who is concerned."""

    def __init__(self, settings: RiskSettings, ledger: Ledger, account: AccountValue, prices: Prices, states: dict[str, WatchState]) -> None:
        self._prices = prices
        watched = {s.id for s in settings.strategies if settings.strategy_day_loss_max is not None or s.limits.limits_loss}
        for key in states.keys() - watched - {ACCOUNT}:
            del states[key]  # the day of a limit that comes back begins with it
        self.account = Watch(ACCOUNT, account, settings, states.setdefault(ACCOUNT, WatchState()))
        self.strategies = {
            s.id: Watch(s.id, StrategyValue(s.id, ledger, prices), settings, states.setdefault(s.id, WatchState()))
            for s in settings.strategies
            if s.id in watched
        }
        self.active: dict[str, tuple[Watch, ...]] = {}

    def all(self) -> list[Watch]:
        return [self.account, *self.strategies.values()]

    def begin(self) -> None:
        """Whoever has no base yet starts its day here: all when the account is found, later a strategy whose limit is new."""
        for watch in self.all():
            if watch.state.base is None:
                watch.start()

    def forget(self, limit: str) -> None:
        """What was met of a limit (`day_loss_max`), account's or strategy's, is told again if it is met again: it is another limit."""
        for watch in self.all():
            watch.state.met = {name: True for name in watch.state.met if name.rpartition(".")[2].partition(":")[0] != limit}
            watch.settle()

    def lost(self, strategy: str) -> Reason | None:
        """Why a strategy's holdings are lost ground: a limit of its own or of the account that is met and not lifted."""
        for watch in self.of(strategy):
            for name in watch.state.met:
                if name.endswith(":hard"):
                    return Reason.DRAWDOWN if "drawdown_max:" in name else Reason.DAY_LOSS
        return None

    def of(self, owner: str) -> list[Watch]:
        """Who is concerned by a fill of this owner's order."""
        watch = self.strategies.get(owner)
        return [self.account] if watch is None else [self.account, watch]

    def track(self, symbol: str, working: bool) -> None:
        """Orders or holdings of a symbol changed; working: it has open orders."""
        held = self.account.rebook(symbol)
        holders = [watch for watch in self.strategies.values() if watch.rebook(symbol)]
        if held or working or holders:
            self.active[symbol] = (self.account, *holders)
        else:
            self.active.pop(symbol, None)

    def reorder(self, symbol: str, working: bool) -> None:
        """As `track`, where orders changed and holdings did not."""
        self.account.note(symbol)
        if working:
            self.active.setdefault(symbol, (self.account,))
        elif self.active.get(symbol) == (self.account,) and not self.account.holds(symbol):
            del self.active[symbol]

    def settle(self) -> None:
        """Holdings or cash changed: exact sums for everyone."""
        for watch in self.all():
            watch.settle()

    def judge(self, e: Envelope) -> list[tuple[Watch, Level, LimitBreached]]:
        """Levels that the datum meets, before it is stored."""
        symbol = e.event.symbol  # type: ignore[attr-defined]  # market data has one
        found = []
        for watch in self.active[symbol]:
            direction = watch.direction(symbol)
            mark = self._prices.mark_after(e, direction) if direction else None
            if mark is not None:
                found += [(watch, level, event) for level, event in watch.breaches(watch.equity_at(symbol, mark))]
        return found

    def judge_fill(self, e: OrderFilled) -> list[tuple[Watch, Level, LimitBreached]]:
        """Levels that booking the fill meets."""
        found = []
        for watch in self.of(e.strategy):
            quantity = add(watch.value.quantity(e.symbol), signed(e.side, e.quantity))
            mark = self._prices.mark(e.symbol, float(quantity))
            if watch.fill_might_breach(e, mark):
                found += [(watch, level, event) for level, event in watch.breaches(watch.equity_after_fill(e, mark))]
        return found

    def moved(self, symbol: str) -> bool:
        """A price of an active symbol was stored; whether anyone watched holds it."""
        marks = self._prices.marks(symbol)
        held = False
        if marks is not None:
            for watch in self.active[symbol]:
                held |= watch.moved(symbol, marks[0], marks[1])
        return held
