"""What the routes of authentication take and answer. Allow-lists: a role or an id that is sent is refused."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from cms.auth.strength import LONGEST, SHORTEST
from cms.auth.users import EMAIL_LENGTH, EMAIL_PATTERN, NAME_LENGTH, ZONE_HINT
from cms.crud.fields import Matching, refuse_unstorable
from cms.crud.policy import Role
from cms.crud.zones import ZONE_EXAMPLE, ZONE_LENGTH


def _refuse_unstorable_secret(value: SecretStr) -> SecretStr:
    refuse_unstorable(value.get_secret_value())
    return value


EmailText = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=EMAIL_LENGTH),
    Matching(EMAIL_PATTERN, "Write an e-mail address, such as ada@example.org."),
    Field(description="The e-mail address to sign in with.", examples=["ada@example.org"]),
]
NameText = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=NAME_LENGTH),
    AfterValidator(refuse_unstorable),
    Field(description="How everybody sees you; nobody else has the same name.", examples=["Ada"]),
]
ZoneText = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=ZONE_LENGTH),
    AfterValidator(refuse_unstorable),
]
NewPassword = Annotated[
    SecretStr,
    AfterValidator(_refuse_unstorable_secret),
    Field(min_length=SHORTEST, max_length=LONGEST, description="Hard to guess, and not your own data."),
]


class Registration(BaseModel):
    """Who wants an account."""

    model_config = ConfigDict(extra="forbid")

    email: EmailText
    password: NewPassword
    name: NameText


class Registered(BaseModel):
    """What was asked for; the same whether or not the address had an account already."""

    email: str = Field(description="The e-mail address to sign in with.")
    name: str = Field(description="How everybody sees you.")
    role: Role = Field(Role.READER, description="What a new account may do.")
    detail: str = Field(
        "You can sign in now. If this address had an account already, it keeps its own password.",
        description="What to do next.",
    )


class AccessToken(BaseModel):
    """What to send with every request, as `Authorization: Bearer …`."""

    access_token: str = Field(description="The token; it ends with its session.")
    token_type: str = Field("bearer", description="How the token is sent.", examples=["bearer"])


class Account(BaseModel):
    """Your own account."""

    id: UUID = Field(description="Your id.")
    email: str = Field(description="The e-mail address to sign in with; only you and administrators see it.")
    name: str = Field(description="How everybody sees you.")
    role: Role = Field(description="What you may do.")
    time_zone: str | None = Field(description=ZONE_HINT)
    version: int = Field(description="Counts the changes.")
    created_at: datetime = Field(description="When the account was made.")
    updated_at: datetime = Field(description="When it was last changed.")


class AccountUpdate(BaseModel):
    """What to change of your own account; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    # Told apart from what was sent by `model_fields_set`; a factory keeps these defaults out of OpenAPI.
    email: EmailText = Field(default_factory=str)
    name: NameText = Field(default_factory=str)
    time_zone: ZoneText | None = Field(default_factory=lambda: None, description=ZONE_HINT, examples=[ZONE_EXAMPLE])
    password: NewPassword = Field(default_factory=lambda: SecretStr(""))
    current_password: SecretStr | None = Field(
        None,
        max_length=LONGEST,
        description="Your present password; needed to change it or the e-mail address.",
    )
    version: int | None = Field(
        None, ge=1, le=2**31 - 1, description="The version this change was made from; stands for If-Match."
    )
