"""What a page says about the step before it: one of a few sentences, named by a code in a cookie, shown once.

The cookie holds a code and not a text, so that nobody can have a page say what is not written here.
"""

import re
from typing import Final, NamedTuple

SENTENCES: Final = {
    "created": "Created.",
    "saved": "Saved.",
    "unchanged": "Nothing was changed, so nothing was saved.",
    "published": "Published: readers see it now.",
    "unpublished": "Unpublished: it is a draft again.",
    "scheduled": "Scheduled: readers see it at its time.",
    "expires": "Readers see it until its time.",
    "submitted": "Submitted: an editor will look at it.",
    "returned": "Returned to its author.",
    "unscheduled": "Called off: it does not go public by itself any more.",
    "endless": "It has no end any more.",
    "discarded": "Your changes are discarded; readers see what they saw.",
    "trashed": "Moved to the trash.",
    "deleted": "Deleted.",
    "restored": "Restored from the trash.",
    "uploaded": "Uploaded.",
    "known": "This file was uploaded before; here it is.",
    "marked": "Marked.",
    "undone": "Undone.",
    "revived": "Restored: this is a new revision, with what was there then.",
    "drafted": "Put into the working draft: readers see nothing of it yet.",
    "purged": "Deleted for good.",
    "emptied": "The trash is empty.",
    "half_emptied": "The trash was emptied, but for what is still in use.",
    "withdrawn": "Withdrawn: this invitation can't be accepted any more.",
    "welcome": "Welcome. Your account is made, and you are signed in.",
    "new_password": "Your password is changed, and all other devices are signed out.",
    "device_ended": "That device is signed out.",
    "all_ended": "All your other devices are signed out.",
    "user_signed_out": "Signed out everywhere.",
    "link_revoked": "The link shows nothing any more.",
    "approved": "Approved: readers see it now.",
    "rejected": "Rejected.",
    "marked_spam": "Marked as spam.",
    "waits_again": "Waiting again.",
    "view_saved": "This view is saved.",
    "view_renamed": "The view has its new name.",
    "view_moved": "Moved.",
    "view_deleted": "This view is deleted. What it showed is still listed here, to be saved anew.",
    "none_chosen": "Tick at least one record first.",
    "signed_out": "You are signed out.",
    "ended": "Your session has ended. Sign in again.",
}
SECONDS: Final = 60
_COOKIE = re.compile(
    r"([a-z_]{1,20})(?:\.([a-z_]{1,60})\.([0-9a-f-]{36}))?(?:\.(\d{1,3}))?"
    r"(?:!([0-9a-f-]{36}))?\Z",
    re.ASCII,
)


class Notice(NamedTuple):
    """A sentence about what was just done.

    :param identity: the type of the record that can be taken back out of the trash, if any.
    :param pk: its id.
    :param many: how many records it is about, where there were several.
    :param change_id: the change-set that can be undone, if there is one.
    """

    code: str
    identity: str | None = None
    pk: str | None = None
    many: int | None = None
    change_id: str | None = None

    @property
    def text(self) -> str:
        """The sentence."""
        sentence = SENTENCES[self.code]
        return f"{self.many} records: {sentence[0].lower()}{sentence[1:]}" if self.many else sentence

    def write(self) -> str:
        """The cookie's value."""
        record = f".{self.identity}.{self.pk}" if self.identity else ""
        many = f".{self.many}" if self.many else ""
        return f"{self.code}{record}{many}" + (f"!{self.change_id}" if self.change_id else "")


def read_notice(cookie: str) -> Notice | None:
    """The notice of a cookie; None where it names none of ours."""
    match = _COOKIE.match(cookie)
    if match is None or match[1] not in SENTENCES:
        return None
    return Notice(match[1], match[2], match[3], int(match[4]) if match[4] else None, match[5])
