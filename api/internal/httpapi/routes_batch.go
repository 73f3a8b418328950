package httpapi

import (
	"slices"

	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/item"
)

// batchRoute makes operations on items of all entities.
func (a *API) batchRoute() route {
	return route{
		method: "POST", pattern: "/v1/batch", guards: a.synced(auth.Write), handle: a.batch,
		id: "batch", tag: "batch", summary: "Make 1 to 100 operations in one transaction: all or none",
		parameters: []parameter{idempotencyKeyParameter, dryRunParameter},
		body:       &body{schema: schemaRef("Operations"), example: exampleBatch},
		success:    success{schema: schemaRef("Outcomes"), example: exampleOutcomes, headers: []header{changeHeader}},
		codes: []fault.Code{
			fault.InvalidOperation, fault.InvalidUID, fault.AmbiguousUID, fault.InvalidIfMatch, fault.InvalidFilter, fault.InvalidAction, fault.InvalidField,
			fault.NotFound, fault.Deleted, fault.EditMismatch, fault.VersionNotKept, fault.UIDExists, fault.ParentNotFound, fault.TooManyMatches, fault.VersionMismatch,
			fault.BatchTooLarge, fault.QuotaExceeded, fault.DiskFull,
		},
	}
}

var exampleBatch = object{"operations": []object{
	{"op": "create", "kind": "note", "payload": object{"title": "Milk"}},
	{"op": "create", "kind": "comment", "payload": object{"parentType": "note", "parentUid": "$1", "content": "Two bottles"}},
	{"op": "process", "kind": "task", "action": "complete", "where": object{"tag": "shop", "status": "open"}, "atMost": 20},
}}

var exampleOutcomes = object{"batch_id": "b41", "results": []object{
	{"op": "create", "kind": "note", "uid": exampleUID, "version": 1, "change_id": "c41", "changed": true, "change": "created", "fields": []string{"title", "uid"}},
	{"op": "create", "kind": "comment", "uid": "9b2f0c64-52a7-4f0e-8a53-0d0f3b1c7e11", "version": 1, "change_id": "c42", "changed": true, "change": "created", "fields": []string{"content", "parentType", "parentUid", "uid"}},
	{"op": "process", "kind": "task", "matched": 1, "items": []object{
		{"uid": "3f9a01bc-7f10-4d11-9d0e-6a1f2b3c4d5e", "version": 4, "change_id": "c43", "changed": true, "change": "updated", "fields": []string{"status"}},
	}},
}}

// batchSchemas are those of the request and the answer of a batch.
func batchSchemas(uid, count object) object {
	text, changed := object{"type": "string"}, object{"type": "boolean"}
	one := object{"uid": uid, "version": count, "change_id": describedAs(text, "Absent when the item was not changed, and in a dry run."), "changed": changed,
		"change": describedAs(changeSchemas["change"].(object), "Absent when the item was not changed."),
		"fields": describedAs(changeSchemas["fields"].(object), "The top-level keys whose values changed, as `/v1/changes` has them. Absent when the item was not changed, and when the items before it have more than 64 kB of names."),
	}
	kind := oneOfSchema(kindNames()...)
	all := object{
		"OneOutcome": closed(merged(object{"op": text, "kind": kind}, one), "op", "kind", "uid", "version", "changed"),
		"Matches": closed(object{
			"op": text, "kind": kind, "matched": count, "items": listOf(closed(one, "uid", "version", "changed")),
		}, "op", "kind", "matched", "items"),
		"Outcomes": closed(object{
			"batch_id": describedAs(text, "Absent when nothing was written."),
			"results":  listOf(object{"oneOf": []object{schemaRef("OneOutcome"), schemaRef("Matches")}}),
		}, "results"),
	}
	for _, e := range entity.Table {
		all[camel(string(e.Kind))+"Filters"] = filtersSchema(e)
	}
	operations := []object{}
	for _, row := range operationRows {
		name := camel(row.name) + "Operation"
		all[name] = row.schema(kind)
		operations = append(operations, schemaRef(name))
	}
	list := merged(listOf(object{"oneOf": operations}), object{"minItems": 1, "maxItems": item.MaxOperations})
	all["Operations"] = closed(object{"operations": list, "dryRun": describedAs(object{"type": []string{"boolean", "null"}}, "As the parameter.")}, "operations")
	return all
}

func kindNames() []string {
	names := make([]string, len(entity.Table))
	for i, e := range entity.Table {
		names[i] = string(e.Kind)
	}
	return names
}

// schema describes an operation. It is about the item of a uid or, mostly, of those that
// match.
func (row operationRow) schema(kind object) object {
	uid := object{"type": "string", "description": "A UUID, or `$1` for the item that operation 1 of the batch makes."}
	properties := merged(object{"op": object{"const": row.name}, "kind": kind, "uid": uid}, row.schemas)
	required := slices.Concat([]string{"op", "kind"}, row.demanded)
	example := merged(object{"op": row.name, "kind": entity.Table[0].Kind}, row.example)
	if !row.creates {
		properties["ifMatch"] = object{"anyOf": []object{{"type": "integer"}, ifMatchParameter.schema}, "description": "Do it only at this version."}
		example["uid"] = exampleUID
	}
	if !row.oneItem {
		properties["where"] = object{"type": "object"}
		properties["atMost"] = object{"type": "integer", "minimum": 1, "maximum": item.MaxBatchItems, "default": defaultAtMost, "description": "How many items may match."}
	}
	schema := merged(closed(properties, required...), object{"description": row.summary, "examples": []object{example}})
	switch {
	case row.creates:
	case row.oneItem:
		schema["required"] = append(required, "uid")
	default:
		schema["oneOf"] = []object{{"required": []string{"uid"}}, {"required": []string{"where"}}}
		schema["anyOf"] = whereByKind()
	}
	return schema
}

// whereByKind says which filters where may have, which depends on the kind.
func whereByKind() (kinds []object) {
	for _, e := range entity.Table {
		filters := schemaRef(camel(string(e.Kind)) + "Filters")
		kinds = append(kinds, object{"properties": object{"kind": object{"const": e.Kind}, "where": filters}})
	}
	return kinds
}

// filtersSchema is the filters of the list of an entity as where has them.
func filtersSchema(e *entity.Entity) object {
	properties := object{}
	for _, p := range filterParameters(e) {
		properties[p.name] = describedAs(filterValue(p.schema), p.description)
	}
	return merged(closed(properties), object{
		"description":   "In place of `uid`: every item that matches all of these, when it is the operation's turn, is changed.",
		"minProperties": 1,
	})
}

// filterValue is the schema of a filter's value, whose texts may stand for a list of one
// and for true and false.
func filterValue(schema object) object {
	words, _ := schema["enum"].([]string)
	switch {
	case schema["type"] == "array":
		return object{"anyOf": []object{schema, {"type": "string"}}}
	case slices.Equal(words, []string{"true", "false"}):
		return object{"enum": []any{true, false, "true", "false"}}
	}
	return schema
}
