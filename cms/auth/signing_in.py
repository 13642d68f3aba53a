"""Signing in, the same at every door: the API and the back office share these limits and this one answer."""

from ipaddress import IPv6Address, ip_address, ip_network

from fastapi import Request
from fastapi.security import OAuth2PasswordRequestForm
from loguru import logger

from cms.auth.adapter import UserManager
from cms.auth.throttle import Limit, Throttle
from cms.auth.users import User, normalise_email
from cms.crud.problems import FieldError, Invalid, Unauthorized, suggestion
from cms.crud.service import UnitOfWork

WRONG = "The e-mail address or the password is wrong, or this account may not sign in."

ACCOUNT_FROM_ADDRESS = (Limit(10, 60), Limit(30, 3600))
"""Failures for one account from one address; the second keeps one address from using up `ACCOUNT`."""
ADDRESS = Limit(60, 60)
"""Failures from one address, whatever the account: nobody tries one password on everybody."""
ACCOUNT = Limit(100, 3600)
"""Failures in a row for one account, wherever they come from."""

FORM_FIELDS = ("username", "password", "grant_type", "scope", "client_id", "client_secret")
"""Of the form that OAuth2 prescribes; clients send the last four along, and we have no use for them."""


async def refuse_unknown_fields(request: Request) -> None:
    """Refuse a form to sign in with that has other fields than such a form has.

    :raises Invalid: naming each of them.
    """
    unknown = [name[:100] for name in await request.form() if name not in FORM_FIELDS]
    errors = [FieldError(f"There is no field “{name}”.{suggestion(name, FORM_FIELDS)}", f"/{name}") for name in unknown]
    if errors:
        raise Invalid(" ".join(error.detail for error in errors), errors=errors)


async def sign_in(request: Request, work: UnitOfWork, email: str, password: str) -> User:
    """The account of these credentials; the caller opens its session.

    Nothing of the answer tells whether the address is known. Only failures count against the limits.

    :param request: for the application's state and the caller's address, which no header can change.
    :param work: a unit of work that has not begun to write, so that no writer waits for the hash.
    :raises Unauthorized: if they are wrong. :raises TooManyRequests: after too many failures.
    """
    throttle: Throttle = request.app.state.throttle
    counters = _counters(client_address(request), normalise_email(email[:1000]))
    for key, limit in counters:
        await throttle.check(key, limit)
    manager = UserManager(work, request.app.state.database)
    form = OAuth2PasswordRequestForm(username=email, password=password, scope="")
    user = await manager.authenticate(form)
    if user is None:
        logger.warning("Sign-in refused: address {}", client_address(request))
        raise Unauthorized(WRONG)
    for key, limit in counters:
        await (throttle.give_back(key, limit) if limit is ADDRESS else throttle.reset(key, limit))
    await manager.on_after_login(user, request)
    return user


def client_address(request: Request) -> str:
    """Where a request comes from, for counting: an IPv4 address, or the /64 network of one IPv6 customer."""
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(ip_network((address, 64), strict=False))
    return str(getattr(address, "ipv4_mapped", None) or address)


def _counters(address: str, email: str) -> list[tuple[str, Limit]]:
    both = [(f"sign-in:{address}:{email}", limit) for limit in ACCOUNT_FROM_ADDRESS]
    return [*both, (f"sign-in:address:{address}", ADDRESS), (f"sign-in:account:{email}", ACCOUNT)]
