"""The few content types whose screens are not quite like all others: media, comments, the site, users."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import Response

from admin.accounts import AccountEditor
from admin.auth import actor_of, open_work
from admin.cells import UNKNOWN
from admin.changes import Verb, set_values
from admin.forms import Group
from admin.notices import Notice
from admin.reading import Row
from admin.security import form_of
from admin.shell import shell_of
from admin.telling import ago
from admin.views import ContentView
from cms.auth.sessions import last_seen
from cms.auth.users import User
from cms.content.comments import Comment, CommentStatus, comment
from cms.content.site import SITE_ID, Site
from cms.crud.fields import utc_now
from cms.crud.problems import FieldError, Invalid, Problem
from cms.media.inspection import DEFAULT_LIMITS
from cms.media.records import Media
from cms.media.uploads import store_upload
from cms.outages import DatabaseUnavailable


class MediaView(ContentView):
    """Media: a record is made by uploading its file."""

    list_template = "media_list.html"

    async def show_create(self, request: Request) -> Response:
        """The form of an upload."""
        self.require_create(actor_of(request))
        return await self._upload_page(request, FormData())

    async def create(self, request: Request) -> Response:
        """Take a file in."""
        self.require_create(actor_of(request))
        form = form_of(request)
        texts = {name: str(form.get(name, "")) for name in ("alt", "caption")}
        try:
            upload = form.get("file")
            if not isinstance(upload, UploadFile) or not upload.filename:
                raise Invalid("Choose a file.", errors=[FieldError("Choose a file.", "/file")])
            async with open_work(request, actor_of(request)) as work:
                storage = request.app.state.storage
                record, is_new = await store_upload(work, storage, upload.file, upload.filename, **texts)
        except (Problem, DatabaseUnavailable) as error:
            return await self._upload_page(request, form, error)
        notice = Notice("uploaded" if is_new else "known")
        return shell_of(request).go(f"/admin/{self.identity}/edit/{record.id}", notice)

    async def _upload_page(self, request: Request, form: FormData, error: Exception | None = None) -> Response:
        errors = error.errors if isinstance(error, Problem) else ()
        context = {
            "view": self,
            "limits": DEFAULT_LIMITS,
            "texts": {name: str(form.get(name, "")) for name in ("alt", "caption")},
            "messages": {(item.pointer or "").strip("/"): item.detail for item in errors},
            "error": error,
        }
        status = 200 if error is None else error.status if isinstance(error, Problem) else 503
        return await shell_of(request).render(request, "upload.html", context, status)


class CommentView(ContentView):
    """Comments: moderators decide about them, one by one or many at once, and meet the newest first."""

    usual_sort = "-created_at"

    marks: ClassVar[Mapping[str, Verb]] = {
        "approve": set_values(comment, {"status": CommentStatus.APPROVED}),
        "reject": set_values(comment, {"status": CommentStatus.REJECTED}),
        "spam": set_values(comment, {"status": CommentStatus.SPAM}),
    }


class UserView(ContentView):
    """Users: most are invited, and choose their own passwords."""

    list_template = "user_list.html"
    editor = AccountEditor

    async def further(self, request: Request, rows: Sequence[Row]) -> Mapping[str, Any]:
        """When those in the list were last seen."""
        seen = await request.app.state.database.read(last_seen, [row.item["id"] for row in rows])
        return {"seen": seen, "unknown": UNKNOWN, "ago": ago, "now": utc_now()}


class SiteView(ContentView):
    """The settings of the site: one record, so its list is its form."""

    can_create = False
    can_delete = False
    groups = (
        Group(
            "General",
            "What the site is called, and what readers, search engines and shared links are told about it.",
            ("title", "tagline", "description"),
        ),
        Group("Language and time", "What the site is written in, and where its clocks go.", ("language", "timezone")),
        Group("Reading", "How much of a list a page of the site shows.", ("posts_per_page",)),
        Group(
            "Comments",
            "Who may comment without waiting for a moderator, and how often.",
            (
                "allow_anonymous_comments", "comments_trust_known_authors", "comments_max_links",
                "comments_flood_limit", "comments_flood_minutes", "comments_duplicate_minutes",
            ),
        ),
        Group(
            "Spam",
            "Comments that are never shown. They are kept apart, where a moderator can still find them.",
            ("comments_blocked_words", "comments_blocked_addresses"),
        ),
    )  # fmt: skip

    async def show_list(self, request: Request) -> Response:
        """Lead to the one record."""
        return shell_of(request).go(f"/admin/{self.identity}/edit/{SITE_ID}")


KINDS: Mapping[type[Any], type[ContentView]] = {
    Media: MediaView,
    Comment: CommentView,
    Site: SiteView,
    User: UserView,
}
"""The views that differ, by mapped class."""
