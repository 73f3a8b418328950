package httpapi

import (
	"net/http"
	"slices"
	"strings"

	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/fault"
)

// itemRoutes is what a client can do with the items of an entity, one row for
// each operation. A new operation is a row here, a handler in items.go and a
// rule in package item.
func (a *API) itemRoutes(e *entity.Entity) []route {
	items, kind, word := newCollection(a, e), camel(string(e.Kind)), e.Word()
	payload, stored := examplePayload(e), success{schema: schemaRef("Item"), example: exampleItem(e)}
	created, links := stored, object{}
	created.status, created.links = http.StatusCreated, links
	rows := []route{
		{
			name: "list", method: "GET", pattern: "/v1/{plural}", handle: items.list,
			id: "list" + camel(e.Segment), summary: "List " + word + "s",
			parameters: slices.Concat(pageParameters, listParameters(e), filterParameters(e)),
			foreign:    items.foreign,
			success:    success{schema: schemaRef("Page"), example: object{"items": []object{exampleItem(e)}}},
		},
		{
			name: "create", method: "POST", pattern: "/v1/{plural}", handle: items.create,
			summary:    "Create a " + word,
			parameters: []parameter{idempotencyKeyParameter},
			body:       &body{schema: schemaRef(kind + "Payload"), example: payload},
			success:    created, codes: append(payloadCodes(e), fault.UIDExists),
		},
		{
			name: "get", method: "GET", pattern: "/v1/{plural}/{uid}", handle: items.get, reads: e,
			guards:     a.synced(auth.Either), // whoever may write sees the item in the answer to each write
			summary:    "Read a " + word,
			parameters: []parameter{includeDeletedParameter, mirrorsParameter},
			success:    stored,
		},
		{
			name: "replace", method: "PUT", pattern: "/v1/{plural}/{uid}", handle: items.replace,
			summary:    "Replace the payload of a " + word,
			parameters: editParameters,
			body:       &body{schema: schemaRef("ReplacingPayload"), example: payload},
			success:    stored, codes: payloadCodes(e),
		},
		{
			name: "patch", method: "PATCH", pattern: "/v1/{plural}/{uid}", handle: items.patch,
			summary:    "Put top-level keys over those of a " + word,
			parameters: editParameters,
			body:       &body{schema: schemaRef("PatchingPayload"), example: object{"title": "Milk and bread"}},
			success:    stored, codes: payloadCodes(e),
		},
		{
			name: "delete", method: "DELETE", pattern: "/v1/{plural}/{uid}", handle: items.remove,
			summary:    "Make a " + word + " a tombstone",
			parameters: editParameters,
			success:    success{schema: schemaRef("Tombstone")}, codes: bodyCodes,
		},
		{
			name: "archive", method: "POST", pattern: "/v1/{plural}/{uid}/archive", handle: items.archive,
			summary:    "Archive a " + word,
			parameters: editParameters,
			success:    stored, codes: append(parentCodes(e), bodyCodes...),
		},
		{
			name: "process", method: "POST", pattern: "/v1/{plural}/{uid}/process", handle: items.process,
			summary:    "Do what a " + word + " can: " + strings.Join(e.ActionNames(), ", "),
			parameters: editParameters,
			body:       &body{schema: schemaRef(kind + "Action"), example: object{"action": e.ActionNames()[0]}},
			success:    stored, codes: append(parentCodes(e), fault.InvalidAction),
		},
	}
	rows = a.routesOf(e, rows)
	for _, row := range rows {
		if strings.Contains(row.pattern, "{uid}") {
			links[row.name] = link(row.id, "uid", "uid")
		}
	}
	return rows
}

// partRoutes is how a client changes a part of an item without sending the rest. The
// gateway has no tool for each of them, so they are not in the contract.
func (a *API) partRoutes(e *entity.Entity) []route {
	items, word := newCollection(a, e), e.Word()
	result := object{"uid": exampleUID, "version": 2, "updatedAt": exampleTime, "changed": true}
	return a.routesOf(e, []route{
		{
			name: "edit", method: "POST", pattern: "/v1/{plural}/{uid}/edit", handle: items.editText,
			id: "edit" + camel(string(e.Kind)) + "Text", summary: "Change parts of a text of a " + word,
			parameters: editParameters,
			body:       &body{schema: schemaRef("TextEdit"), example: object{"edits": []object{{"find": "Milk", "replace": "Bread"}}}},
			success:    success{schema: schemaRef("Edited"), example: merged(result, object{"field": exampleField(e), "diff": "@@ -1 +1 @@\n-Milk\n+Bread"})},
			codes:      append(payloadCodes(e), fault.EditMismatch),
		},
		{
			name: "tags", method: "POST", pattern: "/v1/{plural}/{uid}/tags", handle: items.changeTags,
			id: "change" + camel(string(e.Kind)) + "Tags", summary: "Add tags to a " + word + " and remove others",
			parameters: editParameters,
			body:       &body{schema: schemaRef("TagChange"), example: object{"add": []string{"urgent"}, "remove": []string{"draft"}}},
			success:    success{schema: schemaRef("Tagged"), example: merged(result, object{"tags": []string{"shop", "urgent"}})},
			codes:      payloadCodes(e),
		},
	})
}

// exampleField is the payload key of an entity's text.
func exampleField(e *entity.Entity) string {
	if len(e.Text) == 0 {
		return "title"
	}
	return e.Text[0]
}

// syncRoutes is how a client that keeps a copy brings the items of an entity in
// step with it.
func (a *API) syncRoutes(e *entity.Entity) []route {
	items, kinds, word := newCollection(a, e), camel(e.Segment), e.Word()
	pushed := merged(examplePayload(e), object{"uid": exampleUID, "updatedTs": exampleTime})
	return a.routesOf(e, []route{
		{
			name: "push", method: "POST", pattern: "/v1/sync/{plural}/push", handle: items.push,
			id: "push" + kinds, summary: "Store " + word + "s that changed elsewhere; the later write wins",
			body:    &body{schema: schemaRef("Batch"), example: object{"items": []object{pushed}}},
			success: success{schema: schemaRef("Acknowledgements")},
			codes:   []fault.Code{fault.BatchTooLarge},
		},
		{
			name: "pull", method: "GET", pattern: "/v1/sync/{plural}/pull", handle: items.pull,
			id: "pull" + kinds, summary: "What changed since a cursor",
			parameters: pageParameters, lenient: true,
			success: success{schema: schemaRef("Changes")},
		},
	})
}

// routesOf completes rows with what all routes of an entity have in common.
func (a *API) routesOf(e *entity.Entity, rows []route) []route {
	for i := range rows {
		row := &rows[i]
		row.pattern = strings.Replace(row.pattern, "{plural}", e.Segment, 1)
		row.tag = e.Segment
		if row.guards == nil {
			row.guards = a.synced(demandedBy(row.method))
		}
		if row.method != http.MethodGet {
			row.codes = append(row.codes, fault.QuotaExceeded, fault.DiskFull)
			row.parameters = append(slices.Clone(row.parameters), dryRunParameter)
			row.success.headers = append(row.success.headers, changeHeader)
		}
		if row.method != http.MethodGet && !strings.HasPrefix(row.pattern, "/v1/sync/") {
			row.parameters = append(row.parameters, returnParameter, mirrorsParameter)
			row.success.schema = object{"anyOf": []object{row.success.schema, schemaRef("Written")}}
		}
		if row.id == "" {
			row.id = row.name + camel(string(e.Kind))
		}
	}
	return rows
}

// demandedBy is the right that the routes of items need by their methods.
func demandedBy(method string) auth.Rights {
	if method == http.MethodGet {
		return auth.Read
	}
	return auth.Write
}

// editParameters are those of every operation that changes an existing item.
var editParameters = []parameter{ifMatchParameter, idempotencyKeyParameter}

// payloadCodes are the refusals of a payload that was sent.
func payloadCodes(e *entity.Entity) []fault.Code {
	if e.Parent == nil {
		return []fault.Code{fault.InvalidField}
	}
	return parentCodes(e)
}

// parentCodes are the refusals of a payload whose parent is wrong.
func parentCodes(e *entity.Entity) []fault.Code {
	if e.Parent == nil {
		return nil
	}
	return []fault.Code{fault.InvalidField, fault.ParentNotFound, fault.AmbiguousUID}
}
