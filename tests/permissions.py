"""Who gets what at every door: the one permission table.

A line is a method, an address, and the status that each role gets for a request that is right in every other way:
anonymous, reader, author, editor, admin, in this order. Records belong to somebody else and are published, where
their type is; what authors may do with their own stands in `OWN`. `(a|b)` stands for a line each.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache

from cms.crud.policy import Role

Row = Mapping[Role, int]

TABLE = """
POST   /api/v1/auth/register                                201 201 201 201 201
POST   /api/v1/auth/login                                   200 200 200 200 200
POST   /api/v1/auth/logout                                  401 204 204 204 204
GET    /api/v1/users/me                                     401 200 200 200 200
PATCH  /api/v1/users/me                                     401 200 200 200 200

GET    /api/v1/(articles|pages)                             200 200 200 200 200
GET    /api/v1/(articles|pages)/{key}                       200 200 200 200 200
POST   /api/v1/articles                                     401 403 201 201 201
POST   /api/v1/pages                                        401 403 403 201 201
PATCH  /api/v1/(articles|pages)/{key}                       401 403 403 200 200
PUT    /api/v1/(articles|pages)/{key}                       401 403 403 200 200
DELETE /api/v1/(articles|pages)/{key}                       401 403 403 204 204
POST   /api/v1/(articles|pages)/{key}/publish               401 403 403 200 200
POST   /api/v1/(articles|pages)/{key}/unpublish             401 403 403 200 200
DELETE /api/v1/(articles|pages)/{key}/schedule              401 403 403 204 204
DELETE /api/v1/(articles|pages)/{key}/draft                 401 403 403 204 204
POST   /api/v1/(articles|pages)/{key}/submit                401 403 403 200 200
POST   /api/v1/(articles|pages)/{key}/(approve|return)      401 403 403 200 200
POST   /api/v1/articles/{key}/restore                       401 403 404 200 200
POST   /api/v1/pages/{key}/restore                          401 403 403 200 200

GET    /api/v1/(categories|tags|menus|redirects)            200 200 200 200 200
GET    /api/v1/(categories|tags|menus|redirects)/{key}      200 200 200 200 200
POST   /api/v1/(categories|tags|menus|redirects)            401 403 403 201 201
PATCH  /api/v1/(categories|tags|menus|redirects)/{key}      401 403 403 200 200
PUT    /api/v1/(categories|tags|menus|redirects)/{key}      401 403 403 200 200
DELETE /api/v1/(categories|tags|menus|redirects)/{key}      401 403 403 204 204

GET    /api/v1/comments                                     200 200 200 200 200
GET    /api/v1/comments/{key}                               200 200 200 200 200
POST   /api/v1/comments                                     201 201 201 201 201
PATCH  /api/v1/comments/{key}                               401 403 403 200 200
PUT    /api/v1/comments/{key}                               401 403 403 200 200
DELETE /api/v1/comments/{key}                               401 403 403 204 204

GET    /api/v1/media                                        200 200 200 200 200
GET    /api/v1/media/{key}                                  200 200 200 200 200
POST   /api/v1/media                                        401 403 201 201 201
PATCH  /api/v1/media/{key}                                  401 403 403 200 200
PUT    /api/v1/media/{key}                                  401 403 403 200 200
DELETE /api/v1/media/{key}                                  401 403 403 204 204
PUT    /api/v1/media/{key}/file                             401 403 403 200 200
POST   /api/v1/media/{key}/restore                          401 403 404 200 200

GET    /api/v1/site                                         200 200 200 200 200
PATCH  /api/v1/site                                         401 403 403 403 200
GET    /api/v1/site/(revisions|diff)                        401 403 403 403 200
GET    /api/v1/site/revisions/{number}                      401 403 403 403 200
POST   /api/v1/site/revisions/{number}/restore              401 403 403 403 200

GET    /api/v1/users                                        401 403 403 403 200
GET    /api/v1/users/{key}                                  401 403 403 403 200
POST   /api/v1/users                                        401 403 403 403 201
PATCH  /api/v1/users/{key}                                  401 403 403 403 200
PUT    /api/v1/users/{key}                                  401 403 403 403 200
DELETE /api/v1/users/{key}                                  401 403 403 403 204

POST   /api/v1/(articles|pages|media)/bulk                  401 403 403 200 200
POST   /api/v1/(categories|tags|comments|menus|redirects)/bulk                                401 403 403 200 200
POST   /api/v1/users/bulk                                   401 403 403 403 200

GET    /api/v1/(articles|pages|categories|tags)/{key}/revisions                           401 403 403 200 200
GET    /api/v1/(comments|menus|redirects|media)/{key}/revisions                           401 403 403 200 200
GET    /api/v1/(articles|pages|categories|tags)/{key}/revisions/{number}                  401 403 403 200 200
GET    /api/v1/(comments|menus|redirects|media)/{key}/revisions/{number}                  401 403 403 200 200
GET    /api/v1/(articles|pages|categories|tags)/{key}/diff                                401 403 403 200 200
GET    /api/v1/(comments|menus|redirects|media)/{key}/diff                                401 403 403 200 200
POST   /api/v1/(articles|pages|categories|tags)/{key}/revisions/{number}/restore          401 403 403 200 200
POST   /api/v1/(comments|menus|redirects|media)/{key}/revisions/{number}/restore          401 403 403 200 200
GET    /api/v1/users/{key}/(revisions|diff)                 401 403 403 403 200
GET    /api/v1/users/{key}/revisions/{number}               401 403 403 403 200
POST   /api/v1/users/{key}/revisions/{number}/restore       401 403 403 403 200
GET    /api/v1/changes                                      401 403 403 200 200
POST   /api/v1/changes/{id}/undo                            401 403 403 200 200

GET    /media/{first}/{second}/{name}                       200 200 200 200 200
GET    /media/{media_id}/{name}                             200 200 200 200 200
GET    /preview/{token}                                     200 200 200 200 200
GET    /(healthz|readyz|openapi.json|docs)                  200 200 200 200 200

GET    /admin                                               307 307 307 307 307
GET    /admin/                                              303 303 200 200 200
GET    /admin/search                                        303 303 200 200 200
POST   /admin/presence/(article|media)/{pk}                 303 303 200 200 200
POST   /admin/presence/(page|category|tag|comment|menu|redirect)/{pk}  303 303 403 200 200
POST   /admin/presence/(site|user)/{pk}                     303 303 403 403 200
GET    /admin/session                                       303 303 200 200 200
GET    /admin/thumbs                                        303 303 400 400 400
GET    /admin/moderation                                    303 303 403 200 200
POST   /admin/moderation/decide                             303 303 403 303 303
POST   /admin/moderation/reply                              303 303 403 201 201
POST   /admin/moderation/unreply                            303 303 403 200 200
GET    /admin/media-library                                 303 303 200 200 200
GET    /admin/media-library/items                           303 303 200 200 200
GET    /admin/media-library/{pk}                            303 303 200 200 200
POST   /admin/media-library/{pk}                            303 303 403 200 200
POST   /admin/media-library/{pk}/file                       303 303 403 200 200
POST   /admin/media/trash                                   303 303 403 200 200
POST   /admin/media/upload                                  303 303 422 422 422
GET    /admin/invitations                                   303 303 403 403 200
POST   /admin/invitations                                   303 303 403 403 200
POST   /admin/invitations/revoke                            303 303 403 403 303
GET    /admin/invitation/{token}                            200 200 200 200 200
POST   /admin/invitation/{token}                            303 303 303 303 303
GET    /admin/profile                                       303 303 200 200 200
POST   /admin/profile                                       303 303 303 303 303
POST   /admin/profile/password                              303 303 422 422 422
POST   /admin/profile/(end|end-others)                      303 303 303 303 303
POST   /admin/preview-markdown                              303 303 200 200 200
GET    /admin/login                                         200 200 303 303 303
POST   /admin/login                                         303 303 303 303 303
POST   /admin/logout                                        303 303 303 303 303
GET    /admin/static/{path}                                 200 200 200 200 200
POST   /admin/undo/{change_id}                              303 303 403 303 303

GET    /admin/changes                                       303 303 403 200 200
GET    /admin/trash                                         303 303 200 200 200
POST   /admin/trash/restore                                 303 303 404 303 303
POST   /admin/trash/(delete|empty)                          303 303 403 403 303
GET    /admin/history/(article|media|page|category|tag|comment|menu|redirect)/{pk}            303 303 403 200 200
GET    /admin/history/(user|site)/{pk}                      303 303 403 403 200
GET    /admin/preview/(article|page)/{pk}                   303 303 403 200 200
GET    /admin/preview/(article|page)/{pk}/page              303 303 403 200 200
POST   /admin/preview/(article|page)/{pk}                   303 303 403 200 200
POST   /admin/preview/(article|page)/{pk}/revoke            303 303 403 303 303
GET    /admin/preview/media/{pk}                            303 303 404 404 404
GET    /admin/preview/media/{pk}/page                       303 303 404 404 404
POST   /admin/preview/media/{pk}                            303 303 404 404 404
POST   /admin/preview/media/{pk}/revoke                     303 303 404 404 404
GET    /admin/preview/(category|tag|comment|menu|redirect)/{pk}                               303 303 403 404 404
GET    /admin/preview/(category|tag|comment|menu|redirect)/{pk}/page                          303 303 403 404 404
POST   /admin/preview/(category|tag|comment|menu|redirect)/{pk}                               303 303 403 404 404
POST   /admin/preview/(category|tag|comment|menu|redirect)/{pk}/revoke                        303 303 403 404 404
GET    /admin/preview/(user|site)/{pk}                      303 303 403 403 404
GET    /admin/preview/(user|site)/{pk}/page                 303 303 403 403 404
POST   /admin/preview/(user|site)/{pk}                      303 303 403 403 404
POST   /admin/preview/(user|site)/{pk}/revoke               303 303 403 403 404
POST   /admin/history/(article|media|page|category|tag|comment|menu|redirect)/{pk}/restore    303 303 403 303 303
POST   /admin/history/user/{pk}/restore                     303 303 403 403 303
POST   /admin/history/site/{pk}/restore                     303 303 403 403 404

GET    /admin/(article|media)/(list|create|lookup)          303 303 200 200 200
GET    /admin/(article|media)/details/{pk}                  303 303 200 200 200
GET    /admin/(article|media)/edit/{pk}                     303 303 403 200 200
POST   /admin/(article|media)/create                        303 303 303 303 303
POST   /admin/(article|media)/bulk                          303 303 403 303 303
POST   /admin/(article|media)/edit/{pk}                     303 303 403 303 303

GET    /admin/(page|category|tag|comment|menu|redirect)/(list|create)                         303 303 403 200 200
GET    /admin/(page|category|comment)/lookup                303 303 403 200 200
GET    /admin/(tag|menu|redirect)/lookup                    303 303 403 400 400
GET    /admin/(page|category|tag|comment|menu|redirect)/(details|edit)/{pk}                   303 303 403 200 200
POST   /admin/(page|category|tag|comment|menu|redirect)/(create|bulk)                         303 303 403 303 303
POST   /admin/(page|category|tag|comment|menu|redirect)/edit/{pk}                             303 303 403 303 303

POST   /admin/article/(publish|unpublish)/{pk}              303 303 403 303 303
POST   /admin/article/restore/{pk}                          303 303 404 303 303
POST   /admin/page/(publish|unpublish|restore)/{pk}         303 303 403 303 303
POST   /admin/media/(publish|unpublish)/{pk}                303 303 403 404 404
POST   /admin/media/restore/{pk}                            303 303 404 303 303
POST   /admin/(category|tag|comment|menu|redirect)/(publish|unpublish|restore)/{pk}           303 303 403 404 404

POST   /admin/(article|media)/quick-create                  303 303 404 404 404
POST   /admin/(page|comment|redirect)/quick-create          303 303 403 404 404
POST   /admin/(category|tag|menu)/quick-create              303 303 403 422 422
POST   /admin/(site|user)/quick-create                      303 303 403 403 404

GET    /admin/article/slug                                  303 303 200 200 200
GET    /admin/media/slug                                    303 303 404 404 404
GET    /admin/(page|category|tag|menu)/slug                 303 303 403 200 200
GET    /admin/(comment|redirect)/slug                       303 303 403 404 404
GET    /admin/(site|user)/slug                              303 303 403 403 404
POST   /admin/article/autosave                              303 303 200 200 200
POST   /admin/article/autosave/{pk}                         303 303 403 200 200
POST   /admin/page/autosave                                 303 303 403 200 200
POST   /admin/page/autosave/{pk}                            303 303 403 200 200
POST   /admin/media/autosave                                303 303 404 404 404
POST   /admin/media/autosave/{pk}                           303 303 404 404 404
POST   /admin/(category|tag|comment|menu|redirect)/autosave       303 303 403 404 404
POST   /admin/(category|tag|comment|menu|redirect)/autosave/{pk}  303 303 403 404 404
POST   /admin/(site|user)/autosave                          303 303 403 403 404
POST   /admin/(site|user)/autosave/{pk}                     303 303 403 403 404

GET    /admin/(article|media)/(export|matching)             303 303 200 200 200
GET    /admin/(article|media)/peek/{pk}                     303 303 200 200 200
POST   /admin/(article|media)/(views|columns)               303 303 303 303 303
POST   /admin/article/step/{pk}                             303 303 403 200 200
POST   /admin/media/step/{pk}                               303 303 403 404 404
GET    /admin/(page|category|tag|comment|menu|redirect)/(export|matching)                     303 303 403 200 200
GET    /admin/(page|category|tag|comment|menu|redirect)/peek/{pk}                             303 303 403 200 200
POST   /admin/(page|category|tag|comment|menu|redirect)/(views|columns)                       303 303 403 303 303
POST   /admin/page/step/{pk}                                303 303 403 200 200
POST   /admin/(category|tag|comment|menu|redirect)/step/{pk}                                  303 303 403 404 404
GET    /admin/(site|user)/(export|matching)                 303 303 403 403 200
GET    /admin/(site|user)/peek/{pk}                         303 303 403 403 200
POST   /admin/(site|user)/(views|columns)                   303 303 403 403 303
POST   /admin/(site|user)/step/{pk}                         303 303 403 403 404

GET    /admin/(article|media)/tree                          303 303 404 404 404
GET    /admin/(page|category)/tree                          303 303 403 200 200
GET    /admin/(tag|comment|menu|redirect)/tree              303 303 403 404 404
GET    /admin/(site|user)/tree                              303 303 403 403 404
POST   /admin/(article|media)/move/{pk}                     303 303 404 404 404
POST   /admin/(page|category)/move/{pk}                     303 303 403 200 200
POST   /admin/(tag|comment|menu|redirect)/move/{pk}         303 303 403 404 404
POST   /admin/(site|user)/move/{pk}                         303 303 403 403 404

GET    /admin/site/list                                     303 303 403 403 303
GET    /admin/site/create                                   303 303 403 403 403
GET    /admin/site/(details|edit)/{pk}                      303 303 403 403 200
POST   /admin/site/(create|bulk)                            303 303 403 403 403
POST   /admin/site/edit/{pk}                                303 303 403 403 303

GET    /admin/user/(list|create)                            303 303 403 403 200
GET    /admin/user/(details|edit)/{pk}                      303 303 403 403 200
POST   /admin/user/(create|bulk)                            303 303 403 403 303
POST   /admin/user/edit/{pk}                                303 303 403 403 303
POST   /admin/user/sign-out/{pk}                            303 303 403 403 303
GET    /admin/(site|user)/lookup                            303 303 403 403 400
POST   /admin/(site|user)/(publish|unpublish|restore)/{pk}  303 303 403 403 404
"""

OWN = """
PATCH  /api/v1/(articles|media)/{key}                       200
PUT    /api/v1/(articles|media)/{key}                       200
DELETE /api/v1/(articles|media)/{key}                       204
POST   /api/v1/articles/{key}/publish                       403
POST   /api/v1/articles/{key}/unpublish                     403
DELETE /api/v1/articles/{key}/schedule                      403
DELETE /api/v1/articles/{key}/draft                         204
POST   /api/v1/articles/{key}/submit                        200
POST   /api/v1/articles/{key}/(approve|return)              403
GET    /api/v1/(articles|media)/{key}/(revisions|diff)      200
GET    /api/v1/(articles|media)/{key}/revisions/{number}    200
POST   /api/v1/(articles|media)/{key}/revisions/{number}/restore                              200
"""
"""What authors get at their own unpublished articles, and at their own files."""


@cache
def permissions() -> dict[tuple[str, str], Row]:
    """The table: the status of each role by method and address."""
    return {where: dict(zip(Role, statuses, strict=True)) for where, statuses in rows(TABLE)}


@cache
def own_permissions() -> dict[tuple[str, str], int]:
    """What authors get at what is theirs, by method and address."""
    return {where: statuses[0] for where, statuses in rows(OWN)}


def rows(table: str) -> Iterator[tuple[tuple[str, str], list[int]]]:
    """The lines of a table, each alternative spelled out: method and address, and the statuses."""
    for line in filter(None, table.splitlines()):
        method, address, *statuses = line.split()
        for path in _spelled_out(address):
            yield (method, path), [int(status) for status in statuses]


def _spelled_out(address: str) -> list[str]:
    found = re.search(r"\(([^)]*)\)", address)
    if found is None:
        return [address]
    return [path for name in found[1].split("|") for path in _spelled_out(address.replace(found[0], name, 1))]
