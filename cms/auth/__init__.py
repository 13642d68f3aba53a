"""Who is asking. In reading order:

users (accounts, and the one service that writes them), strength and passwords (which are refused; argon2 off the
event loop), sessions and tokens (rows, and the signed pointers to them), actors (from token or cookie to an actor in
one statement), throttle, redis and signing_in (limits and the one answer, the same at every door), adapter
(fastapi-users over all this), dependencies, schemas and router (the REST side), accounts (the command line's).
"""

import sys

if "redis" not in sys.modules:
    # FastAPI Users imports Redis' client for a way to keep tokens that is not ours: 7 MB of every process.
    sys.modules["redis"] = None  # type: ignore[assignment]  # so that importing it fails, which FastAPI Users expects
    import fastapi_users.authentication  # noqa: F401 - for its imports

    del sys.modules["redis"]
