"""The form of an account, with the devices on which its user is signed in."""

from collections.abc import Mapping
from typing import Any, ClassVar

from admin.devices import device_of
from admin.editing import Editor
from admin.reading import Opened
from admin.telling import ago
from cms.auth.sessions import open_sessions
from cms.crud.fields import utc_now


class AccountEditor(Editor):
    """One request of an account's form."""

    template: ClassVar[str] = "user_form.html"

    async def further(self, opened: Opened | None) -> Mapping[str, Any]:
        """Where the account's user is signed in."""
        devices = await self.state.database.read(open_sessions, opened.item["id"]) if opened else []
        return {"devices": devices, "device_of": device_of, "ago": ago, "now": utc_now()}
