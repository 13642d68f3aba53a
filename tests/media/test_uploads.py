"""A file comes in through one door only, whoever opens it: the same bytes are one record and one stored file."""

import asyncio
from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import func, select

from cms.crud.models import Base
from cms.crud.policy import SYSTEM, Action, Role
from cms.crud.problems import (
    Conflict,
    ContentTooLarge,
    Forbidden,
    Invalid,
    Problem,
    Unauthorized,
    Unavailable,
    UnsupportedMedia,
)
from cms.crud.schemas import update_schema
from cms.crud.service import UnitOfWork
from cms.media.inspection import DEFAULT_LIMITS
from cms.media.pending import KeptFile
from cms.media.records import Media, MediaService, media
from cms.media.storage import DirectoryStorage, StorageError
from cms.media.sweeping import sweep
from cms.media.uploads import store_upload
from tests.media.conftest import ACTORS, DISGUISED, PDF, Site, png
from tests.statements import recorded


class FullDisk(DirectoryStorage):
    """A place without room."""

    async def write(self, key: str, source: Path | bytes) -> None:
        raise StorageError("The file can't be kept in “/srv/files”: No space left on device.")


async def count(site: Site, model: type[Base] = Media) -> int:
    async with site.work() as work:
        return (await work.session.execute(select(func.count()).select_from(model))).scalar_one()


async def refused(site: Site, content: bytes, expected: type[Problem], **values: str) -> Problem:
    """Check that a file is refused, and that nothing of it remains."""
    before = site.stored()
    with pytest.raises(expected) as caught:
        async with site.work() as work:
            await store_upload(work, site.storage, BytesIO(content), "x.png", **values)
    assert site.stored() == before
    assert await count(site) == 0
    return caught.value


async def test_a_file_becomes_a_record_and_a_stored_file(site: Site) -> None:
    async with site.work() as work:
        record, is_new = await store_upload(
            work, site.storage, BytesIO(png()), "Été à Rome.PNG", alt=" A street ", caption="Rome"
        )
        assert is_new
    assert (record.path, record.mime_type, record.width, record.height) == ("ete-a-rome.png", "image/png", 6, 4)
    assert (record.alt, record.caption, record.owner_id) == ("A street", "Rome", ACTORS[Role.AUTHOR].id)
    assert record.storage_key == f"{record.sha256[:2]}/{record.sha256[2:4]}/{record.sha256}.png"
    assert site.stored() == [f"media/{record.storage_key}"]
    assert record.search_text == "ete-a-rome.png a street rome"


async def test_a_path_is_a_source_as_good_as_an_open_file(site: Site, tmp_path: Path) -> None:
    (tmp_path / "any").write_bytes(PDF)
    async with site.work() as work:
        record, _ = await store_upload(work, site.storage, tmp_path / "any", "any", path="papers/Tide-Table.pdf")
    assert record.path == "papers/Tide-Table.pdf"
    assert (record.mime_type, record.width) == ("application/pdf", None)


async def test_the_system_owns_nothing(site: Site) -> None:
    async with site.database.session() as session:
        work = UnitOfWork(session, SYSTEM, site.app.state.reader)
        record, _ = await store_upload(work, site.storage, BytesIO(png()), "x.png")
    assert record.owner_id is None


async def test_the_same_bytes_are_the_same_record(site: Site) -> None:
    async with site.work() as work:
        first, _ = await store_upload(work, site.storage, BytesIO(png()), "one.png", alt="One")
    async with site.work(Role.EDITOR) as work:
        second, is_new = await store_upload(work, site.storage, BytesIO(png()), "two.png", alt="Two", path="two.png")
    assert not is_new
    assert (second.id, second.path, second.alt, second.version) == (first.id, "one.png", "One", 1)


async def test_f14_fifty_uploads_at_once_of_one_file_are_one_row_and_one_file(site: Site) -> None:
    async def upload() -> tuple[object, bool]:
        async with site.work() as work:
            record, is_new = await store_upload(work, site.storage, BytesIO(png()), "same.png")
            return record.id, is_new

    outcomes = await asyncio.gather(*(upload() for _ in range(50)))
    assert len({record_id for record_id, _ in outcomes}) == 1
    assert [is_new for _, is_new in outcomes].count(True) == 1
    assert await count(site) == 1
    assert len(site.stored()) == 1


async def test_f14_fifty_files_of_one_name_get_fifty_paths(site: Site) -> None:
    few = asyncio.Semaphore(10)  # at a time, so that on a slow machine none waits too long for a connection

    async def upload(number: int) -> str:
        async with few, site.work() as work:
            record, _ = await store_upload(work, site.storage, BytesIO(png(number)), "same.png")
            return record.path

    paths = await asyncio.gather(*(upload(number) for number in range(50)))
    assert len(set(paths)) == 50
    assert {"same.png", "same-2.png", "same-3.png"} <= set(paths)
    assert len(site.stored()) == 50


async def test_a_chosen_path_that_is_taken_is_refused_and_never_changed(site: Site) -> None:
    async with site.work() as work:
        await store_upload(work, site.storage, BytesIO(png(1)), "x.png", path="lights/fog.png")
    with pytest.raises(Conflict, match=r"“lights/fog\.png”") as caught:
        async with site.work() as work:
            await store_upload(work, site.storage, BytesIO(png(2)), "x.png", path="lights/fog.png")
    assert [error.pointer for error in caught.value.errors] == ["/path"]


@pytest.mark.parametrize(
    ("role", "problem"), [(Role.ANONYMOUS, Unauthorized), (Role.READER, Forbidden)], ids=["anonymous", "reader"]
)
async def test_who_may_not_upload_is_told_before_the_file_is_looked_at(
    site: Site, role: Role, problem: type[Problem]
) -> None:
    file = BytesIO(png())
    with pytest.raises(problem):
        async with site.work(role) as work:
            await store_upload(work, site.storage, file, "x.png")
    assert file.tell() == 0


@pytest.mark.parametrize("kind", DISGUISED)
async def test_f03_f04_what_is_not_a_picture_is_refused_whatever_its_name(site: Site, kind: str) -> None:
    problem = await refused(site, DISGUISED[kind], UnsupportedMedia if "GIF" not in kind else Problem)
    assert [error.pointer for error in problem.errors] == ["/file"]
    assert problem.status in {415, 422}


@pytest.mark.parametrize("content", [b"", png()[:-20], png()[:40]], ids=["empty", "cut", "only a head"])
async def test_a_damaged_file_is_refused(site: Site, content: bytes) -> None:
    problem = await refused(site, content, Invalid)
    assert [error.pointer for error in problem.errors] == ["/file"]


async def test_a_file_that_is_too_large_is_refused(site: Site) -> None:
    problem = await refused(site, png() + bytes(DEFAULT_LIMITS.max_bytes), ContentTooLarge)
    assert "25 MB" in problem.detail


@pytest.mark.parametrize(
    ("values", "pointer"),
    [
        ({"alt": "x" * 501}, "/alt"),
        ({"caption": "\0"}, "/caption"),
        ({"path": "../x.png"}, "/path"),
        ({"path": "/etc/x.png"}, "/path"),
        ({"path": "a/./x.png"}, "/path"),
        ({"path": "a//x.png"}, "/path"),
        ({"path": "a\\x.png"}, "/path"),
        ({"path": ".htaccess"}, "/path"),
        ({"path": ""}, "/path"),
        ({"path": "x" * 201}, "/path"),
    ],
)
async def test_what_comes_with_a_file_obeys_the_rules_of_its_field(
    site: Site, values: dict[str, str], pointer: str
) -> None:
    problem = await refused(site, png(), Invalid, **values)
    assert [error.pointer for error in problem.errors] == [pointer]


async def test_a_storage_that_fails_is_a_sentence_without_the_folder(site: Site) -> None:
    with pytest.raises(Unavailable) as caught:
        async with site.work() as work:
            await store_upload(work, FullDisk(site.storage.root), BytesIO(png()), "x.png")
    assert "/srv" not in caught.value.detail
    assert await count(site) == 0


async def test_a_refused_file_and_the_way_to_the_storage_cost_no_statement(site: Site) -> None:
    with recorded() as statements, pytest.raises(UnsupportedMedia):
        async with site.work() as work:
            await store_upload(work, site.storage, BytesIO(b"text"), "x.png")
    assert statements == []


async def test_a_record_cannot_be_made_without_a_file(site: Site) -> None:
    async with site.work() as work:
        with pytest.raises(Invalid, match="Upload the file itself"):
            await work.service(media).create(update_schema(media)(path="x.png"))


async def discard(site: Site, record: Media) -> None:
    """Delete a record for good."""
    async with site.work(Role.ADMIN) as work:
        service = work.service(media)
        assert isinstance(service, MediaService)
        await service.delete(await service.get(record.id, Action.DELETE), record.version)
    async with site.work(Role.ADMIN) as work:
        service = work.service(media)
        assert isinstance(service, MediaService)
        await service.purge(await service.get_doomed(record.id), record.version + 1)


async def test_only_a_file_that_no_record_has_is_removed(site: Site) -> None:
    async with site.work() as work:
        record, _ = await store_upload(work, site.storage, BytesIO(png()), "x.png")
    await sweep(site.database, site.storage)
    assert site.stored() == [f"media/{record.storage_key}"]
    await discard(site, record)
    async with site.work() as work:
        again, _ = await store_upload(work, site.storage, BytesIO(png()), "x.png")
    await sweep(site.database, site.storage)
    assert site.stored() == [f"media/{record.storage_key}"], "another record has these bytes by now"
    await discard(site, again)
    await sweep(site.database, site.storage)
    assert site.stored() == []
    assert await count(site, KeptFile) == 0


async def test_a_removal_and_uploads_at_once_never_leave_a_record_without_its_file(site: Site) -> None:
    async def upload() -> None:
        async with site.work() as work:
            await store_upload(work, site.storage, BytesIO(png()), "x.png")

    async def delete() -> None:
        async with site.work(Role.ADMIN) as work:
            record = (await work.session.execute(select(Media).with_for_update())).scalars().first()
            if record is not None:
                await work.session.delete(record)
        await sweep(site.database, site.storage)

    await upload()
    for _ in range(10):
        await asyncio.gather(delete(), upload(), upload(), delete(), upload())
        assert await count(site) <= len(site.stored())


async def test_a_removal_that_fails_is_tried_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(_: str) -> None:
        raise StorageError("no room")

    async with site.work() as work:
        record, _ = await store_upload(work, site.storage, BytesIO(png()), "x.png")
    await discard(site, record)
    with monkeypatch.context() as patched:
        patched.setattr(DirectoryStorage, "delete", lambda _, key: fail(key))
        with pytest.raises(StorageError):
            await sweep(site.database, site.storage)
    await sweep(site.database, site.storage)
    assert site.stored() == []
