"""Typed requests to a paper venue over a link, every failure classified.

Sent and unanswered, or answered with something unreadable or a server error: ambiguous. Refused by the link before the venue looked at it
(malformed, unknown): a definite no. Never connected, or refused for coming too late: as good as not sent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol, TypeVar

from shared.brokers.contract import Accepted, Ambiguous, NotSent, Outcome, Permit, ReadFailed, Refused, always
from shared.bus.link import LinkClient, LinkDown, LinkRefused, LinkTimeout
from shared.events import ErrorClass
from shared.venue import protocol as p

M = TypeVar("M", bound=p.Message)

_UNPROVEN: Final = frozenset({"server_error", "answer_too_large"})  # refusals that do not say what became of the request


class Link(Protocol):
    """What a client needs of its line: `shared.bus.link.LinkClient`, or one without a network."""

    def request(self, method: str, payload: bytes, timeout_s: float, permit: Callable[[], str] | None = None) -> bytes: ...
    def tell(self, method: str, payload: bytes) -> bool: ...
    def pushes(self, timeout_s: float) -> list[bytes]: ...
    def close(self) -> None: ...


class VenueClient:
    """One connection. Used by one thread. link: in place of a connection to the endpoint."""

    def __init__(self, endpoint: str, *, timeout_s: float, subscribe: bool = False, link: Link | None = None) -> None:
        self.link: Link = link if link is not None else LinkClient(endpoint, subscribe=subscribe)
        self._timeout_s = timeout_s

    def change(self, method: str, message: p.Message, permit: Permit = always) -> Outcome:
        """Submit, cancel, replace: one request, one outcome."""
        try:
            raw = self.link.request(method, p.encode(message), self._timeout_s, permit)
            answer = p.decode(p.OrderAnswer, raw)
        except LinkDown as down:
            return NotSent(str(down))
        except LinkTimeout as late:
            return Ambiguous(ErrorClass.TIMEOUT, str(late))
        except p.ProtocolError as error:
            return Ambiguous(ErrorClass.SCHEMA, str(error))
        except LinkRefused as refused:
            if refused.code in _UNPROVEN:
                return Ambiguous(ErrorClass.UNKNOWN, str(refused))
            if refused.code == "expired":
                return NotSent(str(refused))
            return Refused(ErrorClass.SCHEMA, refused.code, refused.text)
        return outcome_of(answer)

    def read(self, query: str, message: p.Message, kind: type[M], timeout_s: float | None = None) -> M:
        """One reading. Raises ReadFailed, whatever went wrong."""
        try:
            return p.decode(kind, self.link.request(query, p.encode(message), self._timeout_s if timeout_s is None else timeout_s))
        except LinkDown as down:
            raise ReadFailed(query, ErrorClass.NETWORK, str(down)) from None
        except LinkTimeout as late:
            raise ReadFailed(query, ErrorClass.TIMEOUT, str(late)) from None
        except p.ProtocolError as error:
            raise ReadFailed(query, ErrorClass.SCHEMA, str(error)) from None
        except LinkRefused as refused:
            error_class = ErrorClass.UNKNOWN if refused.code in _UNPROVEN else ErrorClass.SCHEMA
            raise ReadFailed(query, error_class, str(refused)) from None

    def close(self) -> None:
        self.link.close()


def outcome_of(answer: p.OrderAnswer) -> Outcome:
    """The venue's word on a change, in the words of the broker contract."""
    if answer.code:
        return Refused(ErrorClass.REJECTION, answer.code, answer.text, answer.order, answer.head)
    return Accepted(answer.order, answer.head)
