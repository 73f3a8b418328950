package httpapi

import (
	"reflect"
	"strings"

	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/item"
)

const exampleTime = "2026-11-20T06:15:34.04Z"

const stringLimits = "`limits` of `/v1/sync/info` bound a string (`maxStringBytes`) and a key (`maxKeyBytes`), in bytes of UTF-8."

func (a *API) tags() []object {
	tags := []object{{"name": "service"}, {"name": "sessions"}, {"name": "account"}}
	for _, e := range entity.Table {
		tags = append(tags, object{"name": e.Segment})
	}
	return tags
}

func (a *API) components() object {
	return object{
		"securitySchemes": object{
			"bearer":          object{"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "Who the user is: `sub`. `exp` is demanded."},
			"tenantId":        headerKey("X-TB-Tenant-ID", "The tenant that this API serves."),
			"tenantTimestamp": headerKey("X-TB-Timestamp", "Unix time in milliseconds, at most 300 s away."),
			"tenantSignature": headerKey("X-TB-Signature", "Lower-case hex of HMAC-SHA-256 over `<tenant id>:<timestamp>`."),
		},
		"parameters": a.parameters(),
		"headers":    headers(),
		"schemas":    schemas(),
	}
}

func headerKey(name, description string) object {
	return object{"type": "apiKey", "in": "header", "name": name, "description": description}
}

func (a *API) parameters() object {
	session := "A session of POST /v1/sync/sessions."
	if a.InBandSessions {
		session += " The word `" + inBandWord + "` opens one with this very request; the answer names it."
	}
	return object{
		"uid":            required(parameter("path", "uid", "A UUID in any of its usual spellings.", object{"type": "string", "format": "uuid"}), exampleUID),
		"id":             required(parameter("path", "id", "A session.", object{"type": "string"}), exampleUID),
		"XSyncSession":   required(parameter("header", "X-Sync-Session", session, object{"type": "string"}), inBandWord),
		"XSyncEpoch":     parameter("header", "X-Sync-Epoch", "The epoch the client knows of. Needed with a session that was opened before.", object{"type": "integer", "format": "int64", "minimum": 1}),
		"XCorrelationId": parameter("header", "X-Correlation-Id", "Names the request in logs and in the answer: 1 to 128 visible ASCII characters. Anything else is replaced.", object{"type": "string"}),
		"XRequestTimeoutMs": parameter("header", headerTimeout, "How many milliseconds the caller still waits. When they are up, the work ends and nothing is written.",
			object{"type": "integer", "minimum": 1, "maximum": maxTimeout}),
		"IfMatch":        parameter("header", "If-Match", "Do it only at this version.", object{"type": "string", "pattern": `^("[+-]?[0-9]{1,18}"|[+-]?[0-9]{1,18})$`}),
		"IdempotencyKey": parameter("header", "Idempotency-Key", "Do it once, however often it is sent.", object{"type": "string", "pattern": "^[!#-~]{1,255}$"}),
		"limit":          parameter("query", "limit", "Most items of a page; 500 unless given, and never more than 1000.", object{"type": "integer", "minimum": 1}),
		"maxBytes":       parameter("query", "maxBytes", "Bytes of payload after which a page ends early; 4 MiB unless given, and never more.", object{"type": "integer", "minimum": 1}),
		"cursor":         parameter("query", "cursor", "The nextCursor of the page before.", object{"type": "string", "format": "cursor"}),
		"order":          parameter("query", "order", "By time of change: asc, which is usual, or desc.", object{"type": "string", "enum": []string{"asc", "desc"}}),
		"archived":       parameter("query", "archived", "Only those archived, or only others.", object{"type": "string", "enum": []string{"true", "false"}}),
		"tag":            parameter("query", "tag", "Only those with this among their tags.", facet()),
		"updatedSince": parameter("query", "updatedSince", "Only those changed at this time or later: RFC 3339, or Unix milliseconds.",
			object{"anyOf": []object{{"type": "string", "format": "date-time"}, {"type": "integer"}}}),
		"includeDeleted": parameter("query", "includeDeleted", "The word `true` includes tombstones; anything else does not.", object{"type": "string"}),
	}
}

// facet is a text that a list can be restricted to.
func facet() object {
	return object{"type": "string", "minLength": 1, "maxLength": item.MaxFacetBytes}
}

// entityFilters are the parameters of a list that not every entity has.
func entityFilters(e *entity.Entity) []object {
	var filters []object
	for _, key := range filterKeys(e) {
		switch {
		case key == "status":
			filters = append(filters, parameter("query", key, "Only those in this state.", facet()))
		case key == e.Parent.TypeKey:
			kinds := object{"type": "string", "enum": e.Parent.Kinds}
			filters = append(filters, parameter("query", key, "Only those with a parent of this kind; send "+e.Parent.UIDKey+" too.", kinds))
		default:
			filters = append(filters, parameter("query", key, "Only those of this parent.", object{"type": "string", "format": "uuid"}))
		}
	}
	return filters
}

func parameter(in, name, description string, schema object) object {
	return object{"in": in, "name": name, "description": description, "schema": schema}
}

func required(parameter object, example string) object {
	return merged(parameter, object{"required": true, "example": example})
}

func headers() object {
	header := func(description, kind string) object {
		return object{"description": description, "schema": object{"type": kind}}
	}
	return object{
		"X-Correlation-Id":      header("The request's own, or a fresh UUID.", "string"),
		"X-Sync-Session":        header("The session that the request opened in-band.", "string"),
		"X-Sync-Epoch":          header("The user's epoch, with a fresh session or a refusal.", "integer"),
		"X-RateLimit-Limit":     header("Requests per minute.", "integer"),
		"X-RateLimit-Remaining": header("Requests left at once.", "integer"),
		"X-RateLimit-Reset":     header("Unix time in seconds at which all of the burst is back.", "integer"),
		"X-RateLimit-Burst":     header("Requests at once.", "integer"),
		"RateLimit-Policy":      header("The limit that applies, as in the IETF draft.", "string"),
		"RateLimit":             header("Requests left, and seconds until all are back.", "string"),
		headerReplayed:          header("true, when the answer is that of an earlier request with the key.", "string"),
		"Retry-After":           header("Seconds to wait.", "integer"),
		"WWW-Authenticate":      header("Bearer, when the token is what failed.", "string"),
	}
}

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
		"Item":             closed(merged(head, object{"payload": payload}), "uid", "version", "updatedAt", "payload"),
		"Tombstone":        closed(head, "uid", "version", "updatedAt", "deletedAt"),
		"Page":             closed(object{"items": listOf(component("schemas", "Item")), "nextCursor": describedAs(text, "Absent on the last page.")}, "items"),
		"Changes":          changesSchema(uid, moment),
		"Batch":            object{"type": "object", "description": "Items to store. " + stringLimits, "properties": object{"items": merged(listOf(object{"type": []string{"object", "null"}}), object{"type": []string{"array", "null"}})}},
		"Acknowledgements": listOf(schemaOf(reflect.TypeFor[item.Acknowledgement]())),
		"ReplacingPayload": object{"type": "object", "description": "The whole payload. Parent keys that are left out keep their values. " + stringLimits},
		"PatchingPayload":  object{"type": []string{"object", "null"}, "description": "Top-level keys to write; null writes none. " + stringLimits},
		"Session":          schemaOf(reflect.TypeFor[sessionBody]()),
		"State":            schemaOf(reflect.TypeFor[stateBody]()),
		"Info":             schemaOf(reflect.TypeFor[infoBody]()),
		"Confirmation":     object{"type": "object", "properties": object{"confirm": object{"const": "WIPE"}}, "required": []string{"confirm"}},
		"Wiped":            closed(object{"epoch": count, "deleted": object{"type": "object", "additionalProperties": count}}, "epoch", "deleted"),
	}
	for _, e := range entity.Table {
		all[camel(string(e.Kind))+"Payload"] = payloadSchema(e)
		all[camel(string(e.Kind))+"Action"] = object{
			"type":       "object",
			"properties": object{"action": object{"type": "string", "enum": e.ActionNames()}, "metadata": object{"type": []string{"object", "null"}}},
			"required":   []string{"action"},
		}
	}
	return all
}

func changesSchema(uid, moment object) object {
	deletion := closed(object{"uid": uid, "deletedAt": moment}, "uid", "deletedAt")
	return closed(object{
		"upserts":    listOf(object{"type": "object"}),
		"deletes":    listOf(deletion),
		"nextCursor": object{"type": "string", "description": "Absent when nothing has changed."},
	}, "upserts", "deletes")
}

// payloadSchema is what a new item must have. All else is free.
func payloadSchema(e *entity.Entity) object {
	properties := object{"uid": object{"description": "The uid to use; anything but a UUID counts as none.", "examples": []string{exampleUID}}}
	schema := object{"type": "object", "properties": properties, "description": stringLimits}
	if e.Parent == nil {
		return schema
	}
	properties[e.Parent.UIDKey] = object{"type": "string", "format": "uuid"}
	demanded := []string{e.Parent.UIDKey}
	if e.Parent.TypeKey != "" {
		properties[e.Parent.TypeKey] = object{"type": "string", "enum": e.Parent.Kinds}
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

// closed is an object of these properties and no others.
func closed(properties object, required ...string) object {
	return object{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
}

func listOf(items object) object { return object{"type": "array", "items": items} }

func describedAs(schema object, description string) object {
	return merged(schema, object{"description": description})
}

// schemaOf is the schema of what encoding/json makes of a type.
func schemaOf(t reflect.Type) object {
	switch t.Kind() {
	case reflect.Pointer:
		return schemaOf(t.Elem())
	case reflect.Struct:
		properties, required := object{}, []string{}
		for _, field := range reflect.VisibleFields(t) {
			name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
			if field.Anonymous {
				continue // its fields are among the visible ones
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
