"""The back office: SQLAdmin screens over the same declarations, services and read plans as REST.

In reading order: `site` (the application and its routes), `auth` and `security` (the door), `shell` (what every page
stands in), `views` and `overrides` (the screens of a type), `listing`, `lists`, `filters`, `stepping`, `steps`,
`keeping` and `exporting` (lists), `editing`, `forms`, `fields` and `choices`, `reading`, `boards` and `changes` (all
that touches the database), `pages` (the screens that are no list and no form), `targets`, `telling`, `comparing` and
`trashed` (history), `cells`, `notices`, `oversize`.
"""

from admin.oversize import answer_too_large
from admin.site import mount_admin

__all__ = ["answer_too_large", "mount_admin"]
