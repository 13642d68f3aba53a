"""A browser without a screen: keeps cookies, reads pages, fills in their forms and sends them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import httpx

Fields = dict[str, list[str]]


@dataclass
class Form:
    """A form of a page, as a browser would send it untouched."""

    action: str
    method: str
    fields: Fields = field(default_factory=dict)
    buttons: list[dict[str, str]] = field(default_factory=list)

    def add(self, name: str | None, value: str) -> None:
        if name:
            self.fields.setdefault(name, []).append(value)


class Page(HTMLParser):
    """A page: its status, its text, its links and its forms."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__()
        self.response = response
        self.status = response.status_code
        self.html = response.text
        self.texts: list[str] = []
        self.links: list[str] = []
        self.forms: list[Form] = []
        self._textareas: list[dict[str, str]] = []
        self._form: Form | None = None
        self._textarea: str | None = None
        self._select: dict[str, Any] | None = None
        self.feed(response.text)

    @property
    def text(self) -> str:
        """What can be read on it, on one line."""
        return " ".join(" ".join(self.texts).split())

    def form(self, action: str) -> Form:
        """The form that is sent to an address ending like this."""
        return next(form for form in self.forms if form.action.endswith(action))

    @property
    def undo(self) -> Form:
        """What takes back the step that a notice tells of."""
        return next(form for form in self.forms if form.action.startswith("/admin/undo/"))

    @property
    def edit(self) -> Form:
        """The form of a record."""
        return next(form for form in self.forms if "_base" in form.fields)

    def textareas(self, name: str) -> list[dict[str, str]]:
        """The attributes of the text areas of that name."""
        return [values for values in self._textareas if values.get("name") == name]

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "a":
            self.links.append(values.get("href", ""))
        elif tag == "form":
            self._form = Form(values.get("action", ""), values.get("method", "get"))
            self.forms.append(self._form)
        elif self._form is not None:
            self._in_form(tag, values)

    def _in_form(self, tag: str, values: Mapping[str, str]) -> None:
        form = self._form
        assert form is not None
        if (
            tag == "input"
            and (values.get("type") != "checkbox" or "checked" in values)
            and values.get("type") != "file"
        ):
            form.add(values.get("name"), values.get("value", ""))
        elif tag == "textarea" and values.get("name"):  # one without a name is not sent
            self._textarea = values["name"]
            self._textareas.append(dict(values))
            form.fields[self._textarea] = [""]
        elif tag == "select":
            self._select = {"name": values.get("name"), "first": None, "chosen": [], "many": "multiple" in values}
        elif tag == "option" and self._select is not None:
            self._select["first"] = values.get("value") if self._select["first"] is None else self._select["first"]
            self._select["chosen"] += [values.get("value", "")] if "selected" in values else []
        elif tag == "button":
            form.buttons.append(dict(values))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "textarea" and self._form is not None and self._textarea is not None:
            # A browser drops the newline that follows the tag.
            self._form.fields[self._textarea][0] = self._form.fields[self._textarea][0].removeprefix("\n")
            self._textarea = None
        elif tag == "select" and self._form is not None and self._select is not None:
            chosen = self._select["chosen"]
            default = [] if self._select["many"] or self._select["first"] is None else [self._select["first"]]
            for value in (chosen or default) if self._select["many"] else (chosen or default)[-1:]:
                self._form.add(self._select["name"], value)
            self._select = None

    def handle_data(self, data: str) -> None:
        if self._textarea is not None and self._form is not None:
            self._form.fields[self._textarea][0] += data
        self.texts.append(data)


class Visitor:
    """Somebody at the back office.

    :param client: a client of the application; its own cookies are not used.
    :param cookie: the secret of a session.
    """

    def __init__(self, client: httpx.AsyncClient, cookie: str | None = None, name: str = "masthead") -> None:
        self._client = client
        self.cookies = {name: cookie} if cookie else {}

    async def get(self, path: str, **options: Any) -> Page:
        """Open a page below `/admin`, without following where it leads."""
        return await self.call("GET", path, **options)

    async def call(self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **options: Any) -> Page:
        """Send any request below `/admin`."""
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = {**({"Cookie": cookie} if cookie else {}), **(headers or {})}
        address = path if path.startswith("/admin") else f"/admin{path}"
        response = await self._client.request(method, address, headers=sent, **options)
        self._client.cookies.clear()
        self._keep(response)
        return Page(response)

    async def send(self, form: Form, /, **changes: str | list[str] | None) -> Page:
        """Send a form with some fields filled in otherwise; None leaves a field out, as an unticked box is."""
        return await self.send_to(form.action, form, **changes)

    async def send_to(self, address: str, form: Form, /, **changes: str | list[str] | None) -> Page:
        """Send a form to another address, as a button of it does."""
        fields: dict[str, Any] = {**form.fields, **changes}
        return await self.call("POST", address, data={n: v for n, v in fields.items() if v is not None})

    async def token(self) -> str:
        """A CSRF token of this browser."""
        page = await self.get("/")
        if page.status != 200:
            page = await self.get("/login")
        return page.forms[0].fields["csrf_token"][0]

    async def post(self, path: str, /, **data: Any) -> Page:
        """Send fields of one's own making, with a good token."""
        return await self.call("POST", path, data={"csrf_token": await self.token(), **data})

    def _keep(self, response: httpx.Response) -> None:
        for header in response.headers.get_list("set-cookie"):
            name, _, rest = header.partition("=")
            value = rest.partition(";")[0].strip('"')
            if value and "max-age=0" not in header.lower():
                self.cookies[name] = value
            else:
                self.cookies.pop(name, None)
