"""Other names and spellings of arguments that models use, taken where only one thing can be meant.

What a tool declares always holds: a name is looked up here only if the tool has no argument of that name. The
published schema has the declared names alone.
"""

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError, from_json

from toolbridge_mcp.entities.circumstances import Circumstances
from toolbridge_mcp.entities.uids import read_reference

Given: TypeAlias = Mapping[str, Any]
Decoded = TypeVar("Decoded")

ALIASES: Mapping[str, tuple[str, ...]] = {
    "uid": ("id", "uuid", "item", "item_id", "item_uid", "identifier", "ids", "uids", "items"),
    "item": ("uid", "id", "uuid", "item_id", "item_uid", "ref"),
    "items": ("item", "ids", "id", "uids", "uid", "refs"),
    "content": ("text", "body", "message", "contents", "markdown"),
    "description": ("desc", "details", "notes", "body"),
    "title": ("name", "subject"),
    "sender": ("from", "author"),
    "participants": ("members", "users"),
    "due_date": ("due", "deadline", "due_on"),
    "status": ("state",),
    "tag": ("tags", "label", "labels"),
    "tags": ("tag", "labels", "label"),
    "query": ("q", "search_query", "search", "keywords", "term"),
    "q": ("query", "search_query", "search", "keywords", "term"),
    "kinds": ("kind", "types", "type", "entities", "entity"),
    "kind": ("type", "entity"),
    "limit": ("count", "max_results", "page_size", "per_page", "num_results", "size", "top", "n"),
    "cursor": ("next_cursor", "page_token", "page_cursor"),
    "updated_since": ("since", "updated_after", "modified_since", "changed_since"),
    "since": ("updated_since", "updated_after", "modified_since", "changed_since"),
    "include_deleted": ("deleted", "with_deleted", "show_deleted"),
    "order": ("sort_order", "direction"),
    "if_match": ("version", "etag", "expected_version"),
    "action": ("operation", "op"),
    "op": ("operation", "action"),
    "operations": ("ops", "actions"),
    "updates": ("fields", "changes", "patch", "data", "payload", "properties"),
    "additional_fields": ("extra_fields", "custom_fields", "other_fields"),
    "find": ("old_str", "old_string", "old_text", "search", "old"),
    "replace": ("new_str", "new_string", "new_text", "replacement", "replace_with", "new"),
    "heading": ("section",),
    "change": ("change_id", "batch_id", "id"),
    "due_within_days": ("days",),
    "dry_run": ("preview", "simulate"),
}
"""For an argument, the names that models use instead. A name of two arguments of a tool counts for none."""

WRAPPERS = frozenset({"arguments", "args", "input", "kwargs", "params", "parameters", "request"})
"""Names of an object that holds all the arguments."""

WRAPPED_FIELDS = frozenset({"data", "fields", "item", "payload", "properties"})
"""Names of an object that holds the fields of a new item."""

MAX_ARGUMENTS = 100
LONGEST_NAME = 64

_SINGLE = frozenset({"item", "tag", "uid"})
_PLAIN_WORD = re.compile(r"[\w#@./:+-]{1,100}")
_NO_PLAIN_WORDS = frozenset({"none", "undefined"})


class Name(NamedTuple):
    """The argument that another name stands for, and how that is counted."""

    declared: str
    counted: str


def understood(model: type[BaseModel], given: Given, circumstances: Circumstances) -> Given:
    """The given arguments of `model` under their declared names, as far as only one thing can be meant; the
    others stay as they are. Raises `PydanticCustomError` for two names of one argument."""
    if not given.keys() <= model.__pydantic_fields__.keys():
        given = _Renaming(model, circumstances).of(given)
    if circumstances.typed:
        given = with_kinds(given, circumstances)
    return with_declared_words(model, given)


def with_declared_words(model: type[BaseModel], given: Given) -> Given:
    """With `Open` and `in-progress` as they are declared: `open`, `in_progress`."""
    for name, words in _choices(model).items():
        value = given.get(name)
        if isinstance(value, str) and value not in words.declared:
            word = words.squeezed.get(squeezed(value))
            given = given if word is None else {**given, name: word}
    return given


def with_declared_fields(model: type[BaseModel], given: Given, circumstances: Circumstances) -> Given:
    """Fields of an item under their declared names, as far as only one thing can be meant. A field that is
    given under its declared name too leaves the other name what it is, since other fields are welcome.

    Raises `PydanticCustomError` for two other names of one field with different values.
    """
    if given.keys() <= model.__pydantic_fields__.keys():
        return given
    names, api_names = names_of(model), {field.alias for field in model.__pydantic_fields__.values()}
    taken = {name: value for name, value in given.items() if name in model.__pydantic_fields__}
    for name, value in given.items():
        if name in taken:
            continue
        known = names.get(squeezed(name)) or _parent_field(name, value, circumstances)
        if known is None or known.declared in given:
            taken[name] = value
            continue
        _put(taken, known.declared, name, value)
        if name not in api_names:
            circumstances.taken(known.counted)
        if known.counted == "kind_id" and squeezed(name) != "parent":
            _put_kind(taken, known.declared, name, circumstances)
    return taken


def _parent_field(name: str, value: Any, circumstances: Circumstances) -> Name | None:
    """`parent` or `note_id` for the field with the id of the parent, if the value is an id."""
    if not isinstance(value, str) or read_reference(value) is None:
        return None
    for declared, kinds in circumstances.kinds.items():
        if declared != "uid" and (squeezed(name) == "parent" or _kind_in(name, kinds)):
            return Name(declared, "kind_id")
    return None


def _put_kind(taken: dict[str, Any], uid: str, name: str, circumstances: Circumstances) -> None:
    """Says of which kind the parent is, where its name says it."""
    if kind_field := circumstances.typed.get(uid):
        _put(taken, kind_field, name, _kind_in(name, circumstances.kinds[uid]))


def _kind_in(name: str, kinds: Sequence[str]) -> str | None:
    return next((kind for kind in kinds if squeezed(name) in names_of_kind(kind)), None)


def likely_names(model: type[BaseModel]) -> Sequence[str]:
    """What a name that is no argument of `model` may have been meant for: its arguments, and their fields."""
    fields = _fields_of(model).top_level.values()
    return [*model.__pydantic_fields__, *{known.declared for known in fields if known.counted == "spelling"}]


def list_of_words(value: Any) -> Any:
    """A list for one plain word. Any other value is unchanged: a text with a comma or a space may mean one
    thing or several, and `5` or `true` is JSON for no list."""
    if not isinstance(value, str) or not _PLAIN_WORD.fullmatch(value) or value.lower() in _NO_PLAIN_WORDS:
        return value
    try:
        from_json(value)
    except (ValueError, TypeError):  # TypeError: half a character
        return [value]
    return value


class _Renaming:
    """The arguments of one call under their declared names."""

    def __init__(self, model: type[BaseModel], circumstances: Circumstances) -> None:
        self._declared = model.__pydantic_fields__
        self._names = names_of(model)
        self._fields = _fields_of(model)
        self._circumstances = circumstances
        self._taken: dict[str, Any] = {}
        self._moved: dict[str, Any] = {}

    def of(self, given: Given) -> Given:
        given = self._unwrapped(given)
        self._taken = {name: value for name, value in given.items() if name in self._declared}
        for name, value in given.items():
            if name not in self._declared:
                self._take(name, value)
        if self._moved:
            self._merge()
        return self._taken

    def _unwrapped(self, given: Given) -> Given:
        """What the one object in `given` holds, if it is none of the tool's arguments."""
        ((name, value), *others) = given.items()
        if others or name in self._declared or squeezed(name) not in WRAPPERS:
            return given
        inner = _object(value)
        if inner is None or len(inner) > MAX_ARGUMENTS:
            return given
        self._count("wrapped")
        return inner

    def _take(self, name: str, value: Any) -> None:
        """Takes an argument of a name that is not declared."""
        word = squeezed(name)
        if known := self._names.get(word) or self._by_kind(word, name, self._declared, self._taken):
            _put(self._taken, known.declared, name, _fitting(known.declared, value))
            self._count(known.counted)
        elif known := self._fields.top_level.get(word) or self._by_kind(
            word, name, self._fields.declared, self._moved
        ):
            _put(self._moved, known.declared, name, value)
            self._count("top_level")
        elif self._wraps_fields(word) and (fields := _object(value)) is not None:
            self._take_fields(fields)
            self._count("wrapped")
        else:
            self._taken[name] = value

    def _wraps_fields(self, word: str) -> bool:
        kind = "".join(self._circumstances.kinds.get("uid", ()))
        return self._fields.others and (word in WRAPPED_FIELDS or word == squeezed(kind))

    def _take_fields(self, fields: Given) -> None:
        for name, value in fields.items():
            if known := Name(name, "") if name in self._declared else self._names.get(squeezed(name)):
                _put(self._taken, known.declared, name, value)
            else:
                self._moved[name] = value

    def _merge(self) -> None:
        """Puts the fields that were moved into the object for them."""
        into = "additional_fields" if self._fields.others else "updates"
        inner = _object(self._taken.get(into)) or {}
        for name in inner.keys() & self._moved.keys():
            _put(self._moved, name, f"{into}.{name}", inner[name])
        self._taken[into] = {**inner, **self._moved}

    def _by_kind(self, word: str, name: str, among: Container[str], into: dict[str, Any]) -> Name | None:
        """The one `among` the names that may be the id of a note, for `note_id`. If another argument says of
        which kind the item is, that goes `into` the arguments."""
        for declared, kinds in self._circumstances.kinds.items():
            for kind in kinds if declared in among else ():
                if word not in names_of_kind(kind):
                    continue
                if kind_argument := self._circumstances.typed.get(declared):
                    _put(into, kind_argument, name, kind)
                return Name(declared, "kind_id")
        return None

    def _count(self, name: str) -> None:
        self._circumstances.taken(name)


def _put(taken: dict[str, Any], declared: str, name: str, value: Any) -> None:
    if declared in taken and taken[declared] != value:
        names = {"first": declared, "second": name[:LONGEST_NAME]}
        raise PydanticCustomError("twice", "{first} and {second} are the same; give {first} alone", names)
    taken[declared] = value


def _fitting(declared: str, value: Any) -> Any:
    """The one of a list with one value, where the argument has the name of one."""
    if declared not in _SINGLE:
        return value
    many = _decoded(value, list)
    return many[0] if many and len(many) == 1 else value


def with_kinds(given: Given, circumstances: Circumstances) -> Given:
    """With the kind that an id such as `note:3f9a01bc` names, if the argument for the kind is left out."""
    for uid, kind_argument in circumstances.typed.items():
        value = given.get(uid) or given.get(_camel(uid))
        if not isinstance(value, str) or ":" not in value[:LONGEST_NAME]:
            continue
        kind = value.partition(":")[0]
        if kind not in circumstances.kinds[uid]:
            continue
        if given.get(kind_argument, given.get(_camel(kind_argument), kind)) != kind:
            names = {"uid": uid, "kind": kind, "argument": kind_argument}
            raise PydanticCustomError("other_type", "{uid} names a {kind}, {argument} says otherwise", names)
        given = given if _camel(kind_argument) in given else {**given, kind_argument: kind}
    return given


_camel = cache(to_camel)


def _object(value: Any) -> dict[str, Any] | None:
    """The object that a value is, or that its JSON text is."""
    return _decoded(value, dict)


def _decoded(value: Any, kind: type[Decoded]) -> Decoded | None:
    if isinstance(value, str):
        try:
            value = from_json(value, allow_inf_nan=False)
        except (ValueError, TypeError):  # TypeError: half a character
            return None
    return value if isinstance(value, kind) else None


@cache
def names_of(model: type[BaseModel]) -> Mapping[str, Name]:
    """The squeezed names for each argument of `model` that only one of them has."""
    declared = model.__pydantic_fields__.keys()
    found: dict[str, Name] = {}
    twice: set[str] = set()
    for name in declared:
        for alias in ALIASES.get(name, ()):
            word = squeezed(alias)
            if word in found and found[word].declared != name:
                twice.add(word)
            found[word] = Name(name, alias)
    own = {squeezed(name): Name(name, "spelling") for name in declared}
    return {**{word: known for word, known in found.items() if word not in twice}, **own}


class _Fields(NamedTuple):
    """The names of the fields that `updates` takes, and whether there are `additional_fields`."""

    top_level: Mapping[str, Name]
    declared: frozenset[str]
    others: bool


@cache
def _fields_of(model: type[BaseModel]) -> _Fields:
    updates = model.__pydantic_fields__.get("updates")
    parts = [part for part in _parts(updates.annotation) if isinstance(part, type)] if updates else []
    models = [part for part in parts if issubclass(part, BaseModel)]
    names = names_of(models[0]) if models else {}
    declared = frozenset(models[0].__pydantic_fields__ if models else ())
    return _Fields(names, declared, "additional_fields" in model.__pydantic_fields__)


class _Choice(NamedTuple):
    """The words that an argument may be."""

    declared: frozenset[str]
    squeezed: Mapping[str, str]


@cache
def _choices(model: type[BaseModel]) -> Mapping[str, _Choice]:
    """The arguments that are one of a few words, under each of their names."""
    found: dict[str, _Choice] = {}
    for name, field in model.__pydantic_fields__.items():
        words = [word for part in _parts(field.annotation) for word in _words(part)]
        meant = {squeezed(word): word for word in words}
        if words and len(meant) == len(words):
            found |= dict.fromkeys((name, field.alias or name), _Choice(frozenset(words), meant))
    return found


def _words(part: Any) -> Iterable[str]:
    values = get_args(part) if get_origin(part) is Literal else ()
    return [value for value in values if isinstance(value, str)]


def _parts(annotation: Any) -> Iterable[Any]:
    """The alternatives of a union, without what is annotated to them."""
    if get_origin(annotation) is Annotated:
        return _parts(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [part for option in get_args(annotation) for part in _parts(option)]
    return [annotation]


@cache
def names_of_kind(kind: str) -> frozenset[str]:
    """The squeezed names of the id of such an item: `message_id` is one of a chat message, too."""
    words = {squeezed(kind), kind.rpartition("_")[2]}
    return frozenset({word + end for word in words for end in ("id", "uid", "uuid")} | {squeezed(kind)})


def squeezed(name: str) -> str:
    """The name without case, hyphens, underscores and spaces."""
    return "".join(filter(str.isalnum, name[: LONGEST_NAME + 1])).lower()
