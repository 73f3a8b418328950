package httpapi

import (
	"maps"
	"reflect"
	"slices"

	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/fault"
)

// pastRoutes are what was written, and taking it back.
func (a *API) pastRoutes() []route {
	place := []parameter{sinceParameter, placeParameter, linesParameter}
	changes := append([]parameter{kindsParameter, clientParameter}, place...)
	return []route{
		{
			method: "GET", pattern: "/v1/changes", guards: a.synced(auth.Read), handle: a.changes,
			id: "listChanges", tag: "journal", summary: "What changed, of all kinds, in the order of storing",
			parameters: changes, success: success{schema: schemaRef("ListedChanges"), example: exampleChanges},
		},
		{
			method: "GET", pattern: "/v1/journal", guards: a.synced(auth.Read), handle: a.journal,
			id: "readJournal", tag: "journal", summary: "Every line of the journal, with its hashes",
			parameters: place, success: success{schema: schemaRef("Journal")},
		},
		{
			method: "POST", pattern: "/v1/undo", guards: a.synced(auth.Write), handle: a.undo,
			id: "undo", tag: "journal", summary: "Take back a write or a batch, that of an id or the last own one",
			parameters: []parameter{dryRunParameter},
			body:       &body{schema: schemaRef("UndoRequest"), example: object{"change_id": "c12"}},
			success:    success{schema: schemaRef("Undone"), headers: []header{changeHeader}},
			codes: []fault.Code{
				fault.InvalidIfMatch,
				fault.ChangeNotFound, fault.ChangeNotKept, fault.NotUndoable, fault.UndoConflict, fault.ParentNotFound,
				fault.InvalidField, fault.BatchTooLarge, fault.QuotaExceeded, fault.DiskFull,
			},
		},
	}
}

// historyRoutes are what was written to the items of an entity, and bringing it back.
func (a *API) historyRoutes(e *entity.Entity) []route {
	items, word := newCollection(a, e), e.Word()
	cursor := inline(queryParameter("cursor", "The nextCursor of the page before.", object{"type": "string", "format": "cursor"}, fault.InvalidCursor))
	return a.routesOf(e, []route{
		{
			name: "history", method: "GET", pattern: "/v1/{plural}/{uid}/history", handle: items.history,
			summary:    "What was written to a " + word + ", newest first; also of a deleted one",
			parameters: []parameter{linesParameter, cursor},
			success:    success{schema: schemaRef("History")},
		},
		{
			name: "restore", method: "POST", pattern: "/v1/{plural}/{uid}/restore", handle: items.restore,
			summary:    "Make an earlier version of a " + word + " the newest one; revives a deleted one",
			parameters: editParameters,
			body:       &body{schema: schemaRef("Restoration"), example: object{"version": 3}, optional: true},
			success:    success{schema: schemaRef("Item"), example: exampleItem(e)},
			codes:      append(payloadCodes(e), fault.VersionNotKept),
		},
	})
}

var exampleChanges = object{
	"changes": []object{{
		"at": exampleTime, "kind": "note", "uid": exampleUID, "version": 2, "title": "Milk", "change": "updated",
		"fields": []string{"title"}, "by": "ann", "client": "claude/2.1", "tool": "patch_note", "change_id": "c12",
	}},
	"nextCursor": "j12.0a1b2c", "more": false,
}

// pastSchemas are those of the routes above.
func pastSchemas(moment object) object {
	id := func(pattern string) object { return object{"type": []string{"string", "null"}, "pattern": pattern} }
	last := object{"type": []string{"boolean", "null"}, "enum": []any{true, nil},
		"description": "The last write or batch of the token's subject with the client of `X-TB-Client`, whatever its version, that is no undo."}
	request := exactlyOne(object{"change_id": id("^c[1-9][0-9]{0,17}$"), "batch_id": id("^b[1-9][0-9]{0,17}$"), "last": last})
	changes := schemaOf(reflect.TypeFor[changesBody]())
	history := schemaOf(reflect.TypeFor[historyBody]())
	begins := describedAs(moment, "When what is kept begins, if earlier changes were asked for.")
	changes["properties"].(object)["begins"] = begins
	history["properties"].(object)["droppedBefore"] = describedAs(moment, "On the last page, if the item has earlier changes: they are not kept.")
	lines := schemaOf(reflect.TypeFor[journalBody]())
	lines["properties"].(object)["begins"] = begins
	return object{
		"ListedChanges": changes,
		"History":       history,
		"Journal":       lines,
		"NewestLines":   schemaOf(reflect.TypeFor[newestLinesBody]()),
		"UndoRequest":   request,
		"Undone":        schemaOf(reflect.TypeFor[undoBody]()),
		"Restoration":   closed(object{"version": versionSchema}),
	}
}

// exactlyOne is an object that has one of these members, and the others as null at most.
func exactlyOne(members object) object {
	schema, alternatives := closed(members), []object{}
	delete(schema, "required")
	names := slices.Sorted(maps.Keys(members))
	for _, name := range names {
		only := object{}
		for _, other := range names {
			only[other] = object{"type": "null"}
		}
		only[name] = object{"not": object{"type": "null"}}
		alternatives = append(alternatives, object{"required": []string{name}, "properties": only})
	}
	schema["oneOf"] = alternatives
	return schema
}

// versionSchema is the version to restore.
var versionSchema = object{
	"type": []string{"integer", "null"}, "minimum": 1, "maximum": 1 << 53,
	"description": "Needed unless the item is deleted: then the version before the deletion is usual.",
}
