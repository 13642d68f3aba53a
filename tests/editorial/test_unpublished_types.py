"""Types whose records are edited like others, and never published."""

import pytest

from cms.content.categories import category
from cms.crud.policy import Action, Role
from cms.crud.problems import NotFound
from cms.editorial.workflow import EditorialService
from tests.installation import Installation


async def test_what_is_not_published_can_not_be(installation: Installation) -> None:
    made = await installation.make(category, name="Tides")
    async with installation.work(Role.EDITOR) as work:
        service = work.service(category)
        assert isinstance(service, EditorialService)
        record = await service.get(made.id, Action.UPDATE)
        assert not await service.is_public(record)
        with pytest.raises(NotFound):
            await service.publish(record)
