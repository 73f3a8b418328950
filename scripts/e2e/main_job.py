"""The main job: a user's documents are imported, worked on through the tools, and read back."""

import secrets
from dataclasses import dataclass, field

from e2e.callers import Rest, Tools, connected, token
from e2e.documents import Document, awkward_texts, markdown_files
from e2e.report import expect
from e2e.stack import Json, Stack
from e2e.workbench import KINDS, NEW_FIELDS, Item, Workbench, actions

PAGE = 7


@dataclass
class Import:
    """One user's imported documents, and what must be stored of them."""

    stack: Stack
    user: str = "importer"
    marker: str = field(default_factory=lambda: f"marker-{secrets.token_hex(8)}")
    documents: list[Document] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)

    @property
    def bearer(self) -> str:
        return token(self.stack, self.user)

    def of(self, kind: str) -> list[Item]:
        return [item for item in self.items if item.kind == kind]

    async def documents_become_items(self) -> str:
        files = markdown_files(self.stack.repository)
        expect(files, "git tracks no Markdown file")
        self.documents = [*files, *awkward_texts(self.marker)]
        async with connected(self.stack.gateway, self.bearer) as tools:
            for document in self.documents:
                await _import(Workbench(tools, self.items), document)
        counts = ", ".join(f"{len(self.of(kind))} {kind.replace('_', ' ')}s" for kind in KINDS)
        return f"{len(files)} files of the repository and {len(self.documents) - len(files)} others: {counts}"

    async def texts_are_the_same_through_rest(self) -> str:
        size = 0
        async with Rest(self.stack, self.bearer) as rest:
            for document, note in zip(self.documents, self.of("note"), strict=True):
                stored = (await rest.get("note", note.uid))["payload"]
                expect(stored["title"] == document.name, f"{document.name}: another title")
                text = stored["content"].encode()
                expect(text == document.text.encode(), f"{document.name}: another text")
                size += len(text)
        expect(self.documents, "nothing was imported")
        return f"{len(self.documents)} texts, {size} bytes"

    async def pages_hold_each_item_once(self) -> str:
        pages = 0
        async with connected(self.stack.gateway, self.bearer) as tools:
            for kind in KINDS:
                for deleted_too in (False, True):
                    wanted = [item.uid for item in self.of(kind) if deleted_too or not item.deleted]
                    listed = await _walk(tools, kind, include_deleted=deleted_too)
                    pages += len(listed)
                    uids = [item["uid"] for page in listed for item in page]
                    expect(len(uids) == len(set(uids)), f"a {kind} was listed twice")
                    expect(set(uids) == set(wanted), f"{len(uids)} {kind}s were listed, not {len(wanted)}")
                    full = all(len(page) == PAGE for page in listed[:-1])
                    expect(full, f"a page of {kind}s before the last was not full")
        expect(self.items, "nothing was imported")
        return f"{pages} pages of {PAGE}"

    async def work_is_done(self) -> str:
        async with connected(self.stack.gateway, self.bearer) as tools:
            bench = Workbench(tools, self.items)
            for number, item in enumerate(list(self.items)):
                await _work_on(bench, item, number)
            await _work_below_deleted_parents(bench)
        expect(self.items, "nothing was imported")
        changes = sum(item.version - 1 for item in self.items)
        deleted = sum(item.deleted for item in self.items)
        return f"{changes} changes to {len(self.items)} items, {deleted} of them deleted"

    async def everything_is_as_expected(self) -> str:
        async with Rest(self.stack, self.bearer) as rest:
            for kind in KINDS:
                uids = await rest.all_uids(kind, limit=PAGE)
                wanted = sorted(item.uid for item in self.of(kind))
                expect(sorted(uids) == wanted, f"{len(uids)} {kind}s are stored, not {len(wanted)}")
            for item in self.items:
                item.compare(await rest.get(item.kind, item.uid))
        expect(self.items, "nothing was imported")
        return f"{len(self.items)} items, {sum(item.version for item in self.items)} versions"


async def _import(bench: Workbench, document: Document) -> None:
    """A note, a task for each heading with a comment, a comment on the note, a chat with messages."""
    note = await bench.create("note", title=document.name, content=document.text, tags=["imported"])
    await bench.create("comment", parent_type="note", parent_uid=note.uid, content=f"Read {document.name}")
    chat = await bench.create("chat", title=f"About {document.name}", participants=["ann", "bob"])
    for number, heading in enumerate(document.headings):
        task = await bench.create("task", title=heading, description=document.name, due_date="2027-01-31")
        await bench.create("comment", parent_type="task", parent_uid=task.uid, content=heading, author="ann")
        await bench.create("chat_message", chat_uid=chat.uid, content=f"{number}: {heading}", sender="bob")
    await bench.create("chat_message", chat_uid=chat.uid, content=document.text[-500:])


async def _walk(tools: Tools, kind: str, *, include_deleted: bool) -> list[list[Json]]:
    pages: list[list[Json]] = []
    cursor: Json = {}
    while True:
        page = await tools.call(f"list_{kind}s", limit=PAGE, include_deleted=include_deleted, **cursor)
        pages.append(page["items"])
        if not page.get("nextCursor"):
            return pages
        cursor = {"cursor": page["nextCursor"]}


SMALL_CHANGES: tuple[Json, ...] = (
    {"tags": ["imported", "read"]},
    {"reading": {"minutes": 3, "by": None, "share": 0.1}},
    {"tags": [], "like JSON": '{"a": [1, 2]}'},
)


async def _work_on(bench: Workbench, item: Item, number: int) -> None:
    """Every item is changed; what happens to it beyond that depends on its number."""
    await bench.patch(item, SMALL_CHANGES[number % len(SMALL_CHANGES)])
    if number % 3 == 0:
        await bench.replace(item, if_match=item.version, **NEW_FIELDS[item.kind])
        await bench.replace_stale(item, **NEW_FIELDS[item.kind])
    for action in actions(item.kind)[: 1 + number % 4]:
        await bench.process(item, action)
    if number % 4 == 0:
        await bench.archive(item)
    if number % 5 == 0:
        await bench.delete(item)


async def _work_below_deleted_parents(bench: Workbench) -> None:
    """What belongs to something deleted can still be changed."""
    gone = {item.uid for item in bench.items if item.deleted}
    orphans = [item for item in bench.items if item.parent in gone and not item.deleted]
    expect(orphans, "no deleted item has a comment or message")
    for item in orphans:
        await bench.patch(item, {"orphan": True})
