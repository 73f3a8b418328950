package httpapi

import (
	"maps"
	"reflect"
	"strings"

	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/item"
)

const (
	exampleUID  = "123e4567-e89b-42d3-a456-426614174000"
	exampleTime = "2026-11-20T06:15:34.04Z"
)

const stringLimits = "`limits` of `/v1/sync/info` bound a string (`maxStringBytes`) and a key (`maxKeyBytes`), in bytes of UTF-8."

func schemas() object {
	text, moment := object{"type": "string"}, object{"type": "string", "format": "date-time"}
	uid, count := object{"type": "string", "format": "uuid"}, object{"type": "integer", "format": "int64"}
	head := object{"uid": uid, "version": count, "updatedAt": moment, "deletedAt": moment}
	payload := object{"type": "object", "description": "What was stored. The server owns `uid`, `updatedTs` and `sync`."}
	all := object{
		"Error": closed(object{
			"error": describedAs(text, "A sentence for people."), "code": describedAs(text, "Stable, for programs."),
			"correlation_id": text, "details": object{"type": "object"},
			"epoch": describedAs(count, "With epoch_mismatch: the current one."), "deletedAt": describedAs(moment, "With deleted."),
		}, "error", "code", "correlation_id"),
		"Item": closed(merged(head, object{"payload": payload}), "uid", "version", "updatedAt", "payload"),
		"ReducedItem": describedAs(closed(merged(head, object{
			"size": describedAs(count, "Bytes of the payload."), "note": text,
		}), "uid", "version", "updatedAt", "size", "note"), "An item whose payload is larger than `maxBytes`."),
		"Tombstone": closed(head, "uid", "version", "updatedAt", "deletedAt"),
		"Page": closed(object{
			"items": listOf(object{"anyOf": []object{schemaRef("Item"), schemaRef("ReducedItem"), schemaRef("Summary")}}),
			"total": describedAs(count, "With `total=true`: how many items match, counted to 10000."),
			"more":  object{"const": true, "description": "More than the total match."}, "nextCursor": describedAs(text, "Absent on the last page."),
		}, "items"),
		"Summary":          summarySchema(),
		"Overview":         overviewSchema(),
		"Results":          resultsSchema(),
		"NamedItems":       namedSchema(),
		"Changes":          changesSchema(uid, moment),
		"Batch":            batchSchema(),
		"Acknowledgements": listOf(schemaOf(reflect.TypeFor[item.Acknowledgement]())),
		"ReplacingPayload": object{"type": "object", "description": "The whole payload. Parent keys that are left out keep their values. " + stringLimits},
		"PatchingPayload":  object{"type": "object", "description": "Top-level keys to write. " + stringLimits},
		"TextEdit":         textEditSchema(),
		"Edited":           editedSchema(head),
		"TagChange":        tagChangeSchema(),
		"Tagged":           taggedSchema(head),
		"Written":          writtenSchema(head),
		"Session":          schemaOf(reflect.TypeFor[sessionBody]()),
		"State":            schemaOf(reflect.TypeFor[stateBody]()),
		"Info":             schemaOf(reflect.TypeFor[infoBody]()),
		"Confirmation":     object{"type": "object", "properties": object{"confirm": object{"const": "WIPE"}}, "required": []string{"confirm"}},
		"Wiped":            closed(object{"epoch": count, "deleted": object{"type": "object", "additionalProperties": count}}, "epoch", "deleted"),
	}
	maps.Copy(all, batchSchemas(uid, count))
	maps.Copy(all, pastSchemas(moment))
	for _, e := range entity.Table {
		all[camel(string(e.Kind))+"Payload"] = payloadSchema(e)
		all[camel(string(e.Kind))+"Action"] = closed(
			object{"action": oneOfSchema(e.ActionNames()...), "metadata": object{"type": []string{"object", "null"}}}, "action")
	}
	return all
}

// summarySchema is an item as view=summary lists it.
// resultsSchema is a page of a search: summaries with a snippet.
func resultsSchema() object {
	text, found := object{"type": "string"}, summarySchema()
	snippet := describedAs(text, "The part of the text, about 160 characters in one line, that has most of the words; else its beginning.")
	found["properties"] = merged(found["properties"].(object), object{"snippet": snippet})
	found["required"] = append(found["required"].([]string), "snippet")
	return closed(object{"items": listOf(found), "nextCursor": describedAs(text, "Absent on the last page.")}, "items")
}

func summarySchema() object {
	text, moment := object{"type": "string"}, object{"type": "string", "format": "date-time"}
	uid, count := object{"type": "string", "format": "uuid"}, object{"type": "integer", "format": "int64"}
	members := object{
		"uid": uid, "kind": oneOfSchema(kindNames()...), "version": count, "createdAt": moment, "updatedAt": moment, "deletedAt": moment,
		"title": text, "preview": describedAs(text, "The beginning of the text."), "bytes": describedAs(count, "Of the payload."),
		"status": text, "dueDate": text, "tags": listOf(text),
		"parent": closed(object{"kind": oneOfSchema(kindNames()...), "uid": uid, "title": text}, "kind", "uid"),
	}
	for _, e := range entity.Table {
		for _, f := range e.Filters {
			if !f.Flag {
				members[f.Name] = text
			}
		}
	}
	return describedAs(closed(members, "uid", "kind", "version", "createdAt", "updatedAt", "bytes"),
		"An item without its payload: only what the item has is there.")
}

// writtenSchema is what return=minimal makes of the answer to a write.
func writtenSchema(head object) object {
	text := object{"type": "string"}
	members := merged(head, changeSchemas, object{
		"change_id": describedAs(text, "Absent when nothing was written, and in a dry run."),
		"field":     describedAs(text, "Of an edit: the payload key of the text."),
		"diff":      describedAs(text, "Of an edit: as without `return=minimal`."),
		"tags":      describedAs(object{"type": "array"}, "Of a change of tags: the tags as they are stored."),
	})
	delete(members, "deletedAt")
	return describedAs(closed(members, "uid", "version", "updatedAt", "change", "fields"), "With `return=minimal`: what the write did.")
}

// changeSchemas are those of what a write did.
var changeSchemas = object{
	"change": describedAs(oneOfSchema("created", "updated", "archived", "unarchived", "moved", "deleted", "restored", "none"), "`none` when nothing was written."),
	"fields": describedAs(listOf(object{"type": "string"}), "The top-level keys whose values changed, as `/v1/changes` has them."),
}

func batchSchema() object {
	items := listOf(object{"type": []string{"object", "null"}})
	return object{"type": "object", "description": "Items to store. " + stringLimits, "properties": object{"items": items}}
}

func changesSchema(uid, moment object) object {
	deletion := closed(object{"uid": uid, "deletedAt": moment}, "uid", "deletedAt")
	return closed(object{
		"upserts":    listOf(object{"type": "object"}),
		"deletes":    listOf(deletion),
		"nextCursor": object{"type": "string", "description": "Absent when nothing has changed."},
	}, "upserts", "deletes")
}

// payloadSchema is the keys that a new item must have. Other keys are free.
func payloadSchema(e *entity.Entity) object {
	properties := object{"uid": object{"description": "The uid to use, in either case; anything but a UUID counts as none, and one in braces or with a prefix is refused.", "examples": []string{exampleUID}}}
	for key := range e.Formats {
		properties[key] = object{"type": []string{"string", "null"}, "description": "Must be " + item.TimeForm + ", or null."}
	}
	schema := object{"type": "object", "properties": properties, "description": stringLimits}
	if e.Parent == nil {
		return schema
	}
	properties[e.Parent.UIDKey] = describedAs(uidSchema, "A UUID, or the first 8 or more digits of one. It is stored whole.")
	demanded := []string{e.Parent.UIDKey}
	if e.Parent.TypeKey != "" {
		properties[e.Parent.TypeKey] = object{"type": "string", "enum": e.Parent.KindNames()}
		demanded = append(demanded, e.Parent.TypeKey)
	}
	schema["required"] = demanded
	return schema
}

func examplePayload(e *entity.Entity) object {
	payload := object{"title": "Milk"}
	if e.Parent != nil {
		payload[e.Parent.UIDKey] = exampleUID
	}
	if e.Parent != nil && e.Parent.TypeKey != "" {
		payload[e.Parent.TypeKey] = e.Parent.Kinds[0]
	}
	return payload
}

func exampleItem(e *entity.Entity) object {
	owned := object{"uid": exampleUID, "updatedTs": exampleTime, "sync": object{"version": 1, "isDeleted": false}}
	return object{"uid": exampleUID, "version": 1, "updatedAt": exampleTime, "payload": merged(examplePayload(e), owned)}
}

// closed is an object that has these properties and no others.
func closed(properties object, required ...string) object {
	return object{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
}

func listOf(items object) object { return object{"type": "array", "items": items} }

func describedAs(schema object, description string) object {
	return merged(schema, object{"description": description})
}

// schemaOf is the schema of a type as encoding/json encodes it.
func schemaOf(t reflect.Type) object {
	switch t.Kind() {
	case reflect.Pointer:
		return schemaOf(t.Elem())
	case reflect.Struct:
		properties, required := object{}, []string{}
		for _, field := range reflect.VisibleFields(t) {
			name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
			if field.Anonymous {
				continue // its own fields are visible, too
			}
			properties[name] = schemaOf(field.Type)
			if options != "omitempty" {
				required = append(required, name)
			}
		}
		return closed(properties, required...)
	case reflect.Map:
		return object{"type": "object", "additionalProperties": schemaOf(t.Elem())}
	case reflect.Slice:
		return listOf(schemaOf(t.Elem()))
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return object{"type": "integer"}
	}
	return object{} // any value
}

// camel turns "chat_message" into "ChatMessage".
func camel(name string) string {
	var joined strings.Builder
	for part := range strings.SplitSeq(name, "_") {
		joined.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return joined.String()
}
