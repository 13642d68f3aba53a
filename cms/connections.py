"""Connections: what comes in heads, and how slowly, before it is a request of the application.

Those that ask for nothing are closed: uvicorn waits for the head of a request for ever, however long it is. And who
is sent away is sent away here, where it costs a quarter of what it costs once uvicorn has parsed the head, made a task
and called the application.
"""

from asyncio import TimerHandle, Transport
from http import HTTPStatus
from typing import Any, Final, Protocol

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

PATIENCE: Final = 20.0
"""Seconds within which the head of a request has to have come, from its first byte or from connecting."""
LARGEST_HEAD: Final = 64 * 1024
"""Bytes."""


class Doorkeeper(Protocol):
    """Decides who is let in."""

    def welcome(self) -> None:
        """Be told of a new connection."""

    def refuse_unread(self, data: bytes) -> bytes | None:
        """The whole answer to a head that need not be parsed, since there is no place for its request.

        :returns: None where there may be one.
        """


class TimelyConnection(HttpToolsProtocol):
    """One connection. A head that comes too slowly ends it; one that is too large is answered 400 first.

    Whoever is refused unread may keep the connection: a new one would cost more.

    :param doorkeeper: decides who is let in.
    """

    def __init__(self, *args: Any, doorkeeper: Doorkeeper, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._doorkeeper = doorkeeper
        self._refused_at = 0.0
        self._is_between_messages = True
        self._head_size = 0
        self._head_deadline: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # uvicorn narrows it too
        super().connection_made(transport)
        self._doorkeeper.welcome()
        self._await_head()

    def data_received(self, data: bytes) -> None:
        cycle: Any = self.cycle  # None before the first request, whatever uvicorn's annotation says
        # What comes amid a message is the sender's to choose: the rest of a body may look like a request.
        if self._is_between_messages and (cycle is None or cycle.response_complete):
            refusal = self._doorkeeper.refuse_unread(data)
            if refusal is not None:
                self._refuse(refusal)
                return
        super().data_received(data)
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            self._stop_waiting()
            return
        self._head_size += len(data)
        if self._head_size > LARGEST_HEAD and not self.transport.is_closing():
            self.send_400_response(f"{HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE.phrase}.")
        if self._head_deadline is None:
            self._await_head()

    def on_message_begin(self) -> None:
        self._is_between_messages = False
        super().on_message_begin()

    def on_message_complete(self) -> None:
        self._is_between_messages = True
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _refuse(self, refusal: bytes) -> None:
        if self.flow.write_paused:  # nobody takes in what is said here
            self.transport.abort()
            return
        self.transport.write(refusal)
        self._unset_keepalive_if_required()
        self._refused_at = self.loop.time()
        if self._head_deadline is None:
            self._await_head()

    def _await_head(self, patience: float | None = None) -> None:
        self._head_deadline = self.loop.call_later(PATIENCE if patience is None else patience, self._hang_up)

    def _hang_up(self) -> None:
        """Close the connection, or wait on: to have it wait anew at each refusal would cost as much as the refusal."""
        rest = self._refused_at + PATIENCE - self.loop.time()
        if rest > 0:
            self._await_head(rest)
        else:
            self.transport.close()

    def _stop_waiting(self) -> None:
        self._head_size = 0
        if self._head_deadline is not None:
            self._head_deadline.cancel()
            self._head_deadline = None
