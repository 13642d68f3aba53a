"""The content that both sides serve: a magazine made from a seed, the same on every machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from random import Random

from cms.editorial.markdown import render

SEED = 20261122
NEWEST = datetime(2026, 11, 1, tzinfo=UTC)
TAGS_EACH = 3

_SYLLABLES = tuple(consonant + vowel for consonant in "bdgklmnprstv" for vowel in "aeio")


@dataclass(frozen=True, slots=True)
class ArticleRow:
    """An article; author, category and tags are places in their lists.

    :param published_at: None for a draft.
    """

    title: str
    slug: str
    excerpt: str
    markdown: str
    html: str
    published_at: datetime | None
    author: int
    category: int
    tags: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CommentRow:
    """A comment under the article at that place."""

    article: int
    name: str
    text: str
    created_at: datetime


@dataclass(frozen=True)
class World:
    """A magazine.

    :param published: how many articles the public sees.
    :param drafts: how many it does not.
    :param paragraphs: of each article; one takes about 500 characters of HTML.
    """

    published: int = 10_000
    drafts: int = 500
    comments: int = 20_000
    authors: int = 50
    categories: int = 30
    tags: int = 200
    media: int = 0
    paragraphs: int = 9

    @cached_property
    def articles(self) -> Sequence[ArticleRow]:
        """Every article, the newest first, the drafts last."""
        random = Random(SEED)  # noqa: S311 - the same content each time
        words = _words(random)
        paragraphs = [_paragraph(random, words) for _ in range(400)]
        return [self._article(i, random, words, paragraphs) for i in range(self.published + self.drafts)]

    @cached_property
    def replies(self) -> Sequence[CommentRow]:
        """The comments, all of them approved."""
        random = Random(SEED + 1)  # noqa: S311 - as above
        words = _words(random)
        return [
            CommentRow(
                random.randrange(self.published),
                random.choice(words).capitalize(),
                _sentence(random, words, 25),
                NEWEST + timedelta(seconds=i),
            )
            for i in range(self.comments)
        ]

    def _article(
        self, i: int, random: Random, words: Sequence[str], paragraphs: Sequence[tuple[str, str]]
    ) -> ArticleRow:
        chosen = random.sample(paragraphs, self.paragraphs)
        category = random.randrange(self.categories)
        usual = [(category * 6 + step) % self.tags for step in range(20)]  # each department has its words
        title = _sentence(random, words, 6)[:-1]
        return ArticleRow(
            title=title,
            slug=f"{title.lower().replace(' ', '-')}-{i}",
            excerpt=_sentence(random, words, 22),
            markdown="\n\n".join(markdown for markdown, _ in chosen),
            html="".join(html for _, html in chosen),
            # Some share their second, so that the order has ties to break.
            published_at=NEWEST - timedelta(minutes=37 * (i - i % 2)) if i < self.published else None,
            author=random.randrange(self.authors),
            category=category,
            tags=tuple(sorted(random.sample(usual, TAGS_EACH))),
        )


def _words(random: Random) -> list[str]:
    return ["".join(random.choices(_SYLLABLES, k=random.randint(1, 4))) for _ in range(3_000)]


def _sentence(random: Random, words: Sequence[str], length: int) -> str:
    return " ".join(random.choices(words, k=length)).capitalize() + "."


def _paragraph(random: Random, words: Sequence[str]) -> tuple[str, str]:
    sentences = [_sentence(random, words, 14) for _ in range(6)]
    linked = random.choice(words)
    sentences.insert(2, f"See [{linked}](/articles/{linked}) for **more**.")
    markdown = " ".join(sentences)
    return markdown, render(markdown)
