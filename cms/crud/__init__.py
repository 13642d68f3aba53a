"""The core: one declaration in; schemas, queries, writes and routes out.

Read in this order: `fields`, `models`, `structure`, `content_type`, `registry`, `policy`, `schemas`, `query`,
`conditions`, `plan`, `service`, `router`. It knows no content, no users library and no back office.
"""
