"""Masthead: an admin-first CMS on a generic CRUD core. In reading order:

`crud` is the core, where one declaration becomes schemas, queries, writes and routes. `editorial` makes it a CMS.
`events`, `auth` and `media` are what every site needs, `content` holds the content types, `exchange` brings content
in and out as files. `database`, `config`, `logs` and `middleware` lie below all of that; `main` puts it together, and
`cli` is the `cms` command.
"""

__version__ = "0.1.0"
