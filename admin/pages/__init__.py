"""The screens that are no lists and forms of a content type, one module each, joined into one table."""

from admin.pages import (
    changes,
    dashboard,
    history,
    invitations,
    markdown,
    media_library,
    moderation,
    presence,
    preview,
    profile,
    search,
    session,
    signing_out,
    thumbs,
    trash,
    undo,
)
from admin.screens import Page

PAGES: tuple[Page, ...] = (
    *dashboard.PAGES,
    *presence.PAGES,
    *search.PAGES,
    *session.PAGES,
    *signing_out.PAGES,
    *thumbs.PAGES,
    *changes.PAGES,
    *history.PAGES,
    *markdown.PAGES,
    *media_library.PAGES,
    *invitations.PAGES,
    *moderation.PAGES,
    *preview.PAGES,
    *profile.PAGES,
    *trash.PAGES,
    *undo.PAGES,
)
"""Every such screen. Their addresses win over those of content types."""
