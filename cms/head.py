"""HEAD, for every route that answers GET."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadAsGet:
    """Answers HEAD as GET would be answered, without the body: routes declare GET alone.

    :param except_under: paths whose routes answer HEAD themselves, such as those of files.
    """

    def __init__(self, app: ASGIApp, *, except_under: tuple[str, ...] = ()) -> None:
        self.app = app
        self._except_under = except_under

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "HEAD" or scope["path"].startswith(self._except_under):
            await self.app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        await self.app({**scope, "method": "GET"}, receive, send_without_body)
