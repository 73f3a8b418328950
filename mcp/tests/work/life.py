"""What a person has stored: documents, tasks, chats and comments, the same in every run.

Between many documents of chance there are those that the journeys are about.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any
from uuid import UUID

from tests.work import phrases

Payload = dict[str, Any]

NOTES, TASKS, CHATS, COMMENTS = 260, 240, 17, 60
BYTES_A_NOTE = 3_000
OVERDUE, DUE_THIS_WEEK = 26, 12
"""How many open tasks are overdue, and due within 7 days."""

OLD_TAG, TAGGED_NOTES = "q3-review", 29
GARDEN_OVERDUE = 9
BUDGET_TASKS = 31

LIFT = "Walk through Harbour Street"
"""The note in which the goods lift is out of service."""

PACKING, ROOMS = "Office move: packing list", "Inventory of meeting rooms"
PROJECTOR = "The projector of room 4 shows a dead row; the supplier wants it back by Friday."
CAKE = "Grandmother's plum cake"
ROOF = "Roof repair"
FIVE_TITLES = (
    "Keys and alarm codes",
    "Lease of the corner shop",
    "Vaccinations of the dog",
    "Insurance of the van",
    "Contract with the beekeeper",
)
OWNERS = ("Farida", "Henrik", "Sanne", "Kofi", "Zofia")
"""Who answers for each of the five."""


@dataclass(frozen=True)
class Item:
    kind: str
    uid: str
    payload: Payload


class Chance:
    """Texts and uids that look like chance and are the same every time."""

    def __init__(self, seed: str) -> None:
        self.random = Random(seed)

    def uid(self) -> str:
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def text(self, pattern: str) -> str:
        """The pattern with each {name} replaced by one of its choices."""
        head, *rest = pattern.split("{")
        parts = [part.split("}", 1) for part in rest]
        return head + "".join(self.random.choice(phrases.CHOICES[name]) + after for name, after in parts)

    def one_of(self, patterns: tuple[str, ...]) -> str:
        text = self.text(self.random.choice(patterns))
        return text[0].upper() + text[1:]

    def document(self, headings: tuple[str, ...], sentences: tuple[str, ...], size: int) -> str:
        """A Markdown document of about `size` bytes with these sections, some of them as lists."""
        sections = []
        for heading in headings:
            lines, length = [f"## {heading}", ""], 0
            mark = self.random.choice(("- ", ""))
            while length < size // len(headings):
                lines.append(mark + self.one_of(sentences))
                length += len(lines[-1].encode())
            sections.append("\n".join(lines))
        return "\n\n".join(sections) + "\n"


def life(today: date) -> list[Item]:
    """Everything, parents before children, in the order in which it was stored."""
    chance = Chance("a life")
    notes = list(_notes(chance))
    tasks = list(_tasks(chance, today))
    chats = [Item("chat", chance.uid(), {"title": title}) for title in _chat_titles(chance)]
    messages = [message for chat in chats for message in _messages(chance, chat, today)]
    comments = list(_comments(chance, notes, tasks))
    return [*notes, *tasks, *chats, *messages, *comments]


def _notes(chance: Chance) -> Iterator[Item]:
    """The notes of chance with those that the journeys are about spread between them."""
    special = list(_special_notes(chance))
    each = NOTES // len(special)
    titles: set[str] = set()
    for place in range(NOTES):
        if place % each == each // 2 and place // each < len(special):
            payload = special[place // each]
        else:
            payload = _note(chance, place)
        payload["title"] = _unique(payload["title"], titles)
        yield Item("note", chance.uid(), payload)


def _unique(title: str, taken: set[str]) -> str:
    """The title, with a number if another note has it already."""
    number = 1
    while (numbered := title if number == 1 else f"{title} ({number})") in taken:
        number += 1
    taken.add(numbered)
    return numbered


def _note(chance: Chance, place: int) -> Payload:
    if place % 6 == 0:
        language = chance.random.choice(list(phrases.OTHER_LANGUAGES))
        titles, headings, sentences = phrases.OTHER_LANGUAGES[language]
        payload = {
            "title": chance.one_of(titles),
            "content": chance.document(headings, sentences, BYTES_A_NOTE),
        }
    else:
        form = chance.random.choice(list(phrases.TITLES))
        sentences = phrases.FOOD_SENTENCES if form == "recipe" else phrases.WORK_SENTENCES
        content = chance.document(phrases.HEADINGS[form], sentences, BYTES_A_NOTE)
        payload = {"title": chance.one_of(phrases.TITLES[form]), "content": content}
    tags = chance.random.sample(
        ["house", "people", "money", "food", "ideas", "club"], chance.random.randint(0, 2)
    )
    old = (
        [OLD_TAG]
        if place % (NOTES // TAGGED_NOTES) == 1 and place // (NOTES // TAGGED_NOTES) < TAGGED_NOTES
        else []
    )
    return {**payload, "tags": [*tags[:1], *old, *tags[1:]]}


def _special_notes(chance: Chance) -> Iterator[Payload]:
    work = phrases.WORK_SENTENCES

    def document(title: str, said: str, *headings: str, sentences: tuple[str, ...] = work) -> Payload:
        size = BYTES_A_NOTE - len(said)
        return {
            "title": title,
            "content": f"{said}\n\n{chance.document(headings, sentences, size)}",
            "tags": [],
        }

    lift = "The goods lift stays out of service until the inspector has seen the new brake."
    yield document(LIFT, lift, "Seen", "Next steps", "Photos")
    yield document(PACKING, "Boxes are numbered by room.", "Rooms", "Next steps")
    yield document(ROOMS, "Counted by hand, with the serial numbers.", "Ground floor", "First floor")
    for title, owner in zip(FIVE_TITLES, OWNERS, strict=True):
        yield document(title, f"Responsible: {owner}.", "Facts", "Next steps")
    plums = "Two pounds of plums, halved, on a yeast dough that rested in the cold pantry."
    yield document(CAKE, plums, "Ingredients", "Method", sentences=phrases.FOOD_SENTENCES)


def _tasks(chance: Chance, today: date) -> Iterator[Item]:
    for place in range(TASKS):
        due, status = _due(chance, place, today)
        tags = chance.random.sample(["house", "people", "club"], chance.random.randint(0, 1))
        tags += ["garden"] if place < GARDEN_OVERDUE or (place >= OVERDUE and place % 20 in (18, 19)) else []
        tags += ["budget"] if place % 7 == 3 and place // 7 < BUDGET_TASKS else []
        payload: Payload = {
            "title": chance.one_of(phrases.TASKS),
            "description": " ".join(chance.one_of(phrases.WORK_SENTENCES) for _ in range(place % 3)),
            "status": status,
            "priority": ("low", "medium", "high", "medium")[place % 4],
            "tags": tags,
        }
        yield Item("task", chance.uid(), {**payload, **({"dueDate": due} if due else {})})


def _due(chance: Chance, place: int, today: date) -> tuple[str | None, str]:
    """When a task is due, and its state: first those that are overdue, then those due this week."""
    if place < OVERDUE:
        return str(today - timedelta(days=2 + place)), "open"
    if place < OVERDUE + DUE_THIS_WEEK:
        return str(today + timedelta(days=1 + place % 6)), "open"
    later = str(today + timedelta(days=chance.random.randint(15, 200)))
    past = str(today - timedelta(days=chance.random.randint(5, 200)))
    return ((later, "open"), (None, "open"), (past, "completed"), (later, "in_progress"))[place % 4]


def _chat_titles(chance: Chance) -> list[str]:
    taken = {ROOF}
    titles = [_unique(chance.one_of(("{place}", "{thing}", "{team}")), taken) for _ in range(CHATS - 1)]
    return [*titles[:6], ROOF, *titles[6:]]


def roof_messages(today: date) -> list[tuple[str, str]]:
    """Who said what about the roof."""
    first, second = today + timedelta(days=6), today + timedelta(days=10)
    return [
        ("Ingrid", "The roofer was here. Two rows of tiles over the kitchen are loose."),
        ("Davide", "How bad is it? It has been dry so far."),
        ("Ingrid", "It will come in with the next storm, he says. Tiles or sheet metal?"),
        ("Amara", "Metal is cheaper, but the neighbours would hear every drop."),
        ("Ingrid", "Decision: we repair with clay tiles, as before."),
        ("Davide", "Then who climbs up with him? I am afraid of heights."),
        ("Bram", "I can. The scaffold should stay until the gutter is done too."),
        ("Ingrid", "Decision: the gutter is replaced in the same week."),
        ("Amara", f"To do: Amara asks the bank for 4,000 euros by {first}."),
        ("Bram", f"To do: Bram orders the scaffold by {second}."),
        ("Davide", "And the birds' nest under the ridge?"),
        ("Ingrid", "Decision: nothing happens before the swallows have left."),
    ]


def _messages(chance: Chance, chat: Item, today: date) -> Iterator[Item]:
    """Their uids ascend: messages that are stored at the same moment are in the order of their uids."""
    said = [(chance.one_of(("{person}",)), chance.one_of(phrases.MESSAGES)) for _ in range(12)]
    lines = roof_messages(today) if chat.payload["title"] == ROOF else said
    for uid, (sender, content) in zip(sorted(chance.uid() for _ in lines), lines, strict=True):
        yield Item("chat_message", uid, {"chatUid": chat.uid, "content": content, "sender": sender})


def _comments(chance: Chance, notes: list[Item], tasks: list[Item]) -> Iterator[Item]:
    packing = next(note for note in notes if note.payload["title"] == PACKING)
    for place in range(COMMENTS):
        parent = packing if place == COMMENTS // 2 else chance.random.choice(notes if place % 2 else tasks)
        content = PROJECTOR if place == COMMENTS // 2 else chance.one_of(phrases.COMMENTS)
        author = chance.one_of(("{person}",))
        payload = {"parentType": parent.kind, "parentUid": parent.uid, "content": content, "author": author}
        yield Item("comment", chance.uid(), payload)
