"""Settings: the only reader of the environment. Read once; refuses to run unsafe in production."""

import re
from base64 import b64decode
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AnyHttpUrl, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

DEV_SECRET = "development-only-secret-never-use-it-in-production"  # noqa: S105 - refused in production, below
STATE_DIRECTORY = Path("var")
"""Where a default installation keeps all of its state."""

CommaSeparated = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    """What an installation can choose, as `CMS_…` environment variables or in `.env`."""

    model_config = SettingsConfigDict(env_prefix="CMS_", env_file=".env", extra="ignore", frozen=True)

    environment: Literal["development", "production"] = "development"
    secret_key: SecretStr = SecretStr(DEV_SECRET)
    """Signs tokens and cursors; at least 32 characters."""
    database_url: str = "sqlite+aiosqlite:///var/cms.db"
    redis_url: str | None = None
    """Shared counters for rate limits; in the process itself where unset."""
    public_url: AnyHttpUrl | None = None
    """Where readers and editors reach this installation."""
    site_name: str = "Masthead"
    media_url: str = "var/media"
    """A directory, or `s3://bucket/prefix`."""
    trusted_proxies: CommaSeparated = ()
    """Networks whose `X-Forwarded-For` is believed, separated by commas."""
    cors_origins: CommaSeparated = ()
    """Exact origins whose scripts may read the API, separated by commas."""
    trash_days: int = Field(30, ge=0, le=36_500)
    """How long what was deleted can be restored; 0 for ever."""
    revisions_kept: int = Field(100, ge=0, le=1_000_000)
    """How many revisions of each record are kept; 0 for all."""
    revisions_days: int = Field(0, ge=0, le=36_500)
    """How long revisions are kept; 0 for ever."""
    webhook_url: AnyHttpUrl | None = None
    """Who is told of everything that happens."""
    webhook_secret: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    """Signs what is told: `whsec_` and Base64 of 24 to 64 bytes; while it changes, the new, a comma, the old one."""
    log_level: Literal["TRACE", "DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_directory: Path | None = STATE_DIRECTORY / "log"
    """Where log files go; none are written where it is empty."""
    docs: bool | None = None
    """Whether `/docs` and `/openapi.json` answer; by default only in development."""

    @field_validator("trusted_proxies", "cors_origins", "webhook_secret", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            ip_network(network, strict=False)
        return value

    @field_validator("webhook_secret")
    @classmethod
    def _are_secrets(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for secret in value:
            if not 24 <= len(_key_of(secret)) <= 64:
                raise ValueError("write whsec_ and 24 to 64 random bytes in Base64")
        return value

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, value: str | None) -> str | None:
        if value and not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("it has to start with redis://, rediss:// or unix://")
        return value or None

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            if not re.fullmatch(r"https?://[^/\s]+/?", origin):
                raise ValueError(f"“{origin}” is no origin; write one such as https://example.org")
        return tuple(origin.removesuffix("/") for origin in value)

    @field_validator("database_url")
    @classmethod
    def _is_supported(cls, value: str) -> str:
        if not value.startswith(("sqlite+aiosqlite:///", "postgresql+asyncpg://")):
            raise ValueError("it has to start with sqlite+aiosqlite:/// or postgresql+asyncpg://")
        return value

    @field_validator("log_directory", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return None if value == "" else value

    @model_validator(mode="after")
    def _is_signed(self) -> Self:
        if self.webhook_url is not None and not self.webhook_secret:
            raise ValueError("CMS_WEBHOOK_SECRET has to be set where CMS_WEBHOOK_URL is.")
        return self

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        if self.environment != "production":
            return self
        secret = self.secret_key.get_secret_value()
        if secret == DEV_SECRET or len(secret) < 32:
            raise ValueError("CMS_SECRET_KEY has to be set in production, to at least 32 random characters.")
        if self.public_url is None:
            raise ValueError("CMS_PUBLIC_URL has to be set in production, such as https://example.org.")
        return self

    @property
    def is_production(self) -> bool:
        """Whether this serves the public."""
        return self.environment == "production"

    @property
    def shows_docs(self) -> bool:
        """Whether the OpenAPI document and its reader answer."""
        return self.docs if self.docs is not None else not self.is_production

    @property
    def is_https(self) -> bool:
        """Whether readers come over TLS, so that cookies and headers may insist on it."""
        return self.public_url is not None and self.public_url.scheme == "https"

    @property
    def webhook_keys(self) -> tuple[bytes, ...]:
        """`webhook_secret`, parsed."""
        return tuple(_key_of(secret) for secret in self.webhook_secret)

    @property
    def proxy_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """`trusted_proxies`, parsed."""
        return tuple(ip_network(network, strict=False) for network in self.trusted_proxies)


def _key_of(secret: SecretStr) -> bytes:
    """The bytes that a secret stands for; none where it is no secret."""
    prefix, _, text = secret.get_secret_value().partition("_")
    try:
        return b64decode(text, validate=True) if prefix == "whsec" else b""
    except ValueError:
        return b""


class SettingsError(Exception):
    """The environment does not describe a runnable installation; `str()` says why, a sentence per setting."""


def load_settings() -> Settings:
    """Read the settings from the environment and `.env`.

    :raises SettingsError: with a sentence for each setting that is wrong.
    """
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError(
            "\n".join(_sentence(details["loc"], details["msg"]) for details in error.errors())
        ) from None


def _sentence(location: tuple[int | str, ...], message: str) -> str:
    message = message.removeprefix("Value error, ")
    return f"CMS_{str(location[0]).upper()}: {message}" if location else message
