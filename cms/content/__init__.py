"""The content types, one module each; the registry names them in menu order.

To add one: write its module, name it here, make a migration.
"""

from cms.auth.users import user
from cms.content.articles import article
from cms.content.categories import category
from cms.content.comments import comment
from cms.content.menus import menu
from cms.content.pages import page
from cms.content.redirects import redirect
from cms.content.site import site
from cms.content.tags import tag
from cms.crud.registry import Registry
from cms.media.records import media

registry = Registry(article, page, category, tag, comment, media, menu, redirect, site, user)
