"""The main job: a user's documents are imported, worked on through the tools, and read back."""

import secrets
from dataclasses import dataclass, field

import pytest

from tests.harness.clients import Tools, over_sse
from tests.harness.deployment import Deployment, ExistingApi
from tests.harness.processes import REPOSITORY
from tests.harness.published import KINDS, Json
from tests.journeys.documents import Document, awkward_texts, markdown_files
from tests.journeys.workbench import Item, Workbench

pytestmark = [pytest.mark.anyio, pytest.mark.e2e]

USER = "importer"
PAGE = 7
SMALL_CHANGES: tuple[Json, ...] = (
    {"tags": ["imported", "read"]},
    {"reading": {"minutes": 3, "by": None, "share": 0.1}},
    {"tags": [], "like JSON": '{"a": [1, 2]}'},
)


async def test_documents_are_imported_worked_on_and_read_back(deployment: Deployment) -> None:
    marker = f"marker-{secrets.token_hex(20)}"
    documents = [*markdown_files(REPOSITORY), *awkward_texts(marker)]
    deployment.confide([marker, *(line for document in documents for line in document.text.splitlines())])
    async with over_sse(deployment.url, deployment.token_of(USER)) as tools:
        journey = Journey(deployment, Workbench(tools, []), await everything_listed(tools))
        await journey.imports(documents)
        await journey.reads_the_same_texts(documents)
        await journey.finds_each_item_once_on_the_pages()
        await journey.works()
        await journey.finds_each_item_once_on_the_pages()
        await journey.reads_everything_as_expected()
        await journey.bench.delete_everything()


async def everything_listed(tools: Tools, limit: int = 200) -> dict[tuple[str, bool], list[str]]:
    """The uids of all items of each kind, without and with tombstones."""
    return {
        (name, deleted): [item["uid"] for page in pages for item in page]
        for name, kind in KINDS.items()
        for deleted in (False, True)
        for pages in [await tools.pages(f"list_{kind.plural}", limit=limit, include_deleted=deleted)]
    }


@dataclass
class Journey:
    """One user's import, and what must be stored of it beside what was there before."""

    deployment: Deployment
    bench: Workbench
    before: dict[tuple[str, bool], list[str]]
    _notes: list[Item] = field(default_factory=list)

    async def imports(self, documents: list[Document]) -> None:
        for document in documents:
            self._notes.append(await _import(self.bench, document))
        assert all(self.bench.of(kind) for kind in KINDS)

    async def reads_the_same_texts(self, documents: list[Document]) -> None:
        async with self.deployment.reader(USER) as reader:
            for document, note in zip(documents, self._notes, strict=True):
                stored = (await reader.item(note.kind, note.uid))["payload"]
                assert stored["title"] == document.name
                assert stored["content"].encode() == document.text.encode(), f"{document.name}: another text"

    async def finds_each_item_once_on_the_pages(self) -> None:
        for name, kind in KINDS.items():
            for deleted in (False, True):
                expected = [item.uid for item in self.bench.of(name) if deleted or not item.deleted]
                pages = await self.bench.tools.pages(
                    f"list_{kind.plural}", limit=PAGE, include_deleted=deleted
                )
                uids = [item["uid"] for page in pages for item in page]
                assert sorted(uids) == sorted([*expected, *self.before[name, deleted]])
                assert len(uids) == len(set(uids))
                assert all(0 < len(page) <= PAGE for page in pages[:-1])  # fewer where items are long

    async def works(self) -> None:
        frozen = isinstance(self.deployment, ExistingApi)  # are the children of deleted parents there
        for number, item in enumerate(sorted(self.bench.items, key=lambda item: frozen and not item.parent)):
            await _work_on(self.bench, item, number)
        if not frozen:
            await _work_below_deleted_parents(self.bench)

    async def reads_everything_as_expected(self) -> None:
        async with self.deployment.reader(USER) as reader:
            for name, kind in KINDS.items():
                expected = [*self.before[name, True], *(item.uid for item in self.bench.of(name))]
                assert sorted(await reader.all_uids(kind)) == sorted(expected)
            for item in self.bench.items:
                item.compare(await reader.item(item.kind, item.uid))


async def _import(bench: Workbench, document: Document) -> Item:
    """A note, a task for each heading with a comment, a comment on the note, and a chat with messages.

    One item is made of every kind that has no part in this.
    """
    note = await bench.create("note", title=document.name, content=document.text, tags=["imported"])
    await bench.create("comment", parent_type="note", parent_uid=note.uid, content=f"Read {document.name}")
    chat = await bench.create("chat", title=f"About {document.name}", participants=["ann", "bob"])
    for number, heading in enumerate(document.headings):
        task = await bench.create("task", title=heading, description=document.name, due_date="2027-01-31")
        await bench.create("comment", parent_type="task", parent_uid=task.uid, content=heading, author="ann")
        await bench.create("chat_message", chat_uid=chat.uid, content=f"{number}: {heading}", sender="bob")
    await bench.create("chat_message", chat_uid=chat.uid, content=document.text[-500:])
    for kind in KINDS.keys() - {"note", "comment", "chat", "task", "chat_message"}:
        await bench.sample(kind)
    return note


async def _work_on(bench: Workbench, item: Item, number: int) -> None:
    """Every item is changed; what happens to it beyond that depends on its number."""
    await bench.patch(item, SMALL_CHANGES[number % len(SMALL_CHANGES)])
    if number % 3 == 0:
        fields = item.kind.arguments(required_only=number % 2 == 0)
        await bench.replace(item, if_match=item.version, **fields)
        await bench.replace_stale(item, **fields)
    for action in list(item.kind.actions)[: 1 + number % 4]:
        await bench.process(item, action)
    if number % 4 == 0:
        await bench.archive(item)
    if number % 5 == 0:
        await bench.delete(item)


async def _work_below_deleted_parents(bench: Workbench) -> None:
    """An item whose parent was deleted can still be changed."""
    gone = {item.uid for item in bench.items if item.deleted}
    orphans = [item for item in bench.items if item.parent in gone and not item.deleted]
    assert orphans
    for item in orphans:
        await bench.patch(item, {"orphan": True})
