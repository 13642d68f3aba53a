"""Places for requests that are worked on, and turns among those that have one."""

import asyncio
from collections import deque
from typing import Final

FREE_ROUNDS: Final = 20
"""The most rounds of the event loop that are left to new connections before the next request is begun."""


class Lane:
    """Places for requests that are worked on, and for some that wait, first come, first served.

    :param number: tells it apart at the turnstile.
    :param places: requests worked on at once.
    :param queue: requests that may wait; whoever comes after them is sent away at once.
    :param patience: seconds after which one that waits is sent away.
    """

    def __init__(self, number: int, places: int, queue: int, patience: float) -> None:
        self.number = number
        self.places = places
        self.queue = queue
        self.patience = patience
        self.taken = 0
        self._waiting: deque[asyncio.Future[bool]] = deque()

    @property
    def room(self) -> int:
        """How many more can come in, be it to wait."""
        free = 0 if self._waiting else max(0, self.places - self.taken)
        return free + self.queue - len(self._waiting)

    async def enter(self) -> bool:
        """Take a place, waiting for one if need be; False if there is none to be had. `leave` gives it back."""
        if self.taken < self.places and not self._waiting:
            self.taken += 1
            return True
        if self.room <= 0:
            return False
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[bool] = loop.create_future()
        self._waiting.append(turn)
        deadline = loop.call_later(self.patience, self._give_up, turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave()
            raise
        finally:
            deadline.cancel()

    def leave(self) -> None:
        """Give the place back, to whoever waits longest."""
        self.taken -= 1
        while self._waiting and self.taken < self.places:
            turn = self._waiting.popleft()
            if not turn.done():
                self.taken += 1
                turn.set_result(True)

    def resume(self) -> None:
        """Take back a place that was lent: what has been begun is finished, in a full lane too."""
        self.taken += 1

    def _give_up(self, turn: asyncio.Future[bool]) -> None:
        if not turn.done():
            self._waiting.remove(turn)
            turn.set_result(False)


class Turnstile:
    """Lets one request of each lane in turn begin in a round of the event loop.

    What is worked on without waiting would otherwise be done all at once, and the loop look at the network too seldom.
    It takes in one new connection a round: while some come, rounds are left free for them, lest a crowd wait outside,
    where nobody is told to come again and an editor can't be told from a reader.
    """

    def __init__(self, lanes: int) -> None:
        self._waiting = deque(deque[asyncio.Future[None]]() for _ in range(lanes))
        self._queues = tuple(self._waiting)
        self._is_taken = False
        self._is_sought = False
        self._free_rounds = FREE_ROUNDS

    async def enter(self, lane: int) -> None:
        """Wait for the turn of the lane of that number; nobody waits who comes alone."""
        loop = asyncio.get_running_loop()
        if not self._is_taken:
            self._is_taken = True
            loop.call_soon(self._turn, loop)
            return
        turn: asyncio.Future[None] = loop.create_future()
        self._queues[lane].append(turn)
        await turn

    def welcome(self) -> None:
        """Be told of a new connection."""
        self._is_sought = True

    def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._is_sought and self._free_rounds:
            self._is_sought = False
            self._free_rounds -= 1
            loop.call_soon(self._turn, loop)
            return
        self._free_rounds = FREE_ROUNDS
        for _ in self._queues:
            self._waiting.rotate(-1)
            while self._waiting[0]:
                turn = self._waiting[0].popleft()
                if not turn.done():
                    turn.set_result(None)
                    loop.call_soon(self._turn, loop)
                    return
        self._is_taken = False
