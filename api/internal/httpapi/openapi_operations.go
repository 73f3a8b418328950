package httpapi

import (
	"slices"
	"strings"

	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/fault"
)

const exampleUID = "123e4567-e89b-42d3-a456-426614174000"

// plainText stands for an answer that is no JSON.
const plainText = "text"

// The codes that come with what an operation reads.
var (
	bodyCodes  = []fault.Code{fault.InvalidJSON, fault.BodyTooLarge, fault.RequestTimeout}
	pageCodes  = []fault.Code{fault.InvalidQuery, fault.InvalidLimit, fault.InvalidCursor}
	itemCodes  = []fault.Code{fault.InvalidUID, fault.NotFound, fault.Deleted}
	keyCodes   = []fault.Code{fault.InvalidIdempotencyKey, fault.IdempotencyKeyReused}
	writeCodes = slices.Concat(itemCodes, keyCodes, []fault.Code{fault.InvalidIfMatch, fault.VersionMismatch})
)

// operations describes every route of the URL map by method and pattern.
func (a *API) operations() map[string]operation {
	operations := map[string]operation{
		"GET /openapi.json": {id: "getDocument", tag: "service", summary: "This document", status: 200, answer: object{"type": "object"}},
		"GET /healthz":      {id: "getHealth", tag: "service", summary: "Whether the process runs", status: 200, answer: object{"type": plainText}, answers: "ok"},
		"GET /readyz": {id: "getReadiness", tag: "service", summary: "Whether the store answers", status: 200,
			answer: object{"type": plainText}, answers: "ok", codes: []fault.Code{fault.Unavailable, fault.DeadlineExceeded}},
		"GET /v1/sync/info": {id: "getInfo", tag: "service", summary: "What this API offers", status: 200, answer: component("schemas", "Info")},
		"POST /v1/sync/sessions": {id: "openSession", tag: "sessions", summary: "Open a sync session of 30 minutes", status: 201, headers: []string{"X-Sync-Epoch"},
			links:  object{"read": link("getSession", "id", "id"), "end": link("endSession", "id", "id")},
			answer: component("schemas", "Session")},
		"GET /v1/sync/sessions/{id}": {id: "getSession", tag: "sessions", summary: "Read a session", status: 200,
			answer: component("schemas", "Session"), codes: []fault.Code{fault.SessionNotFound, fault.SessionForbidden}},
		"DELETE /v1/sync/sessions/{id}": {id: "endSession", tag: "sessions", summary: "End a session", status: 204,
			codes: []fault.Code{fault.SessionNotFound, fault.SessionForbidden}},
		"GET /v1/sync/state": {id: "getState", tag: "account", summary: "The user's epoch and last wipe", status: 200,
			answer: component("schemas", "State")},
		"POST /v1/sync/wipe": {id: "wipe", tag: "account", summary: "Delete all that the user has, and end all sessions", status: 200,
			body: component("schemas", "Confirmation"), example: object{"confirm": "WIPE"},
			answer: component("schemas", "Wiped"), codes: append(slices.Clone(bodyCodes), fault.ConfirmationRequired)},
	}
	for _, e := range entity.Table {
		for route, described := range operationsOf(e) {
			described.tag = e.Segment
			operations[route] = described
		}
	}
	return operations
}

func operationsOf(e *entity.Entity) map[string]operation {
	base, sync := "/v1/"+e.Segment, "/v1/sync/"+e.Segment
	one, name, names, word := base+"/{uid}", camel(string(e.Kind)), camel(e.Segment), e.Word()
	sent, item := component("schemas", name+"Payload"), component("schemas", "Item")
	written := slices.Concat(writeCodes, bodyCodes, parentCodes(e))
	example, stored := examplePayload(e), exampleItem(e)
	return map[string]operation{
		"GET " + base: {id: "list" + names, summary: "List " + word + "s by time of change", parameters: []string{"limit", "cursor", "maxBytes", "includeDeleted", "order", "archived", "tag", "updatedSince"}, filters: entityFilters(e),
			status: 200, answer: component("schemas", "Page"), answers: object{"items": []object{stored}}, codes: append(slices.Clone(pageCodes), fault.InvalidFilter)},
		"POST " + base: {id: "create" + name, summary: "Create a " + word, body: sent, example: example, links: itemLinks(name), parameters: []string{"IdempotencyKey"}, headers: []string{headerReplayed},
			status: 201, answer: item, answers: stored, codes: slices.Concat(bodyCodes, keyCodes, parentCodes(e), []fault.Code{fault.UIDExists})},
		"GET " + one: {id: "get" + name, summary: "Read a " + word, parameters: []string{"includeDeleted"},
			status: 200, answer: item, answers: stored, codes: append(slices.Clone(itemCodes), fault.InvalidQuery)},
		"PUT " + one: {id: "replace" + name, summary: "Replace the payload of a " + word, parameters: []string{"IfMatch", "IdempotencyKey"}, headers: []string{headerReplayed},
			body: component("schemas", "ReplacingPayload"), example: example, status: 200, answer: item, answers: stored, codes: written},
		"PATCH " + one: {id: "patch" + name, summary: "Put top-level keys over those of a " + word, parameters: []string{"IfMatch", "IdempotencyKey"}, headers: []string{headerReplayed},
			body: component("schemas", "PatchingPayload"), example: object{"title": "Milk and bread"}, status: 200, answer: item, answers: stored, codes: written},
		"DELETE " + one: {id: "delete" + name, summary: "Make a " + word + " a tombstone", parameters: []string{"IfMatch", "IdempotencyKey"}, headers: []string{headerReplayed},
			status: 200, answer: component("schemas", "Tombstone"), codes: writeCodes},
		"POST " + one + "/archive": {id: "archive" + name, summary: "Archive a " + word, parameters: []string{"IfMatch", "IdempotencyKey"}, headers: []string{headerReplayed},
			status: 200, answer: item, answers: stored, codes: slices.Concat(writeCodes, parentCodes(e))},
		"POST " + one + "/process": {id: "process" + name, summary: "Do what a " + word + " can: " + strings.Join(e.ActionNames(), ", "),
			parameters: []string{"IfMatch", "IdempotencyKey"}, headers: []string{headerReplayed}, body: component("schemas", name+"Action"), example: object{"action": e.ActionNames()[0]},
			status: 200, answer: item, answers: stored, codes: append(written, fault.InvalidAction)},
		"POST " + sync + "/push": {id: "push" + names, summary: "Store " + word + "s that changed elsewhere; the later write wins",
			body: component("schemas", "Batch"), example: object{"items": []object{merged(example, object{"uid": exampleUID, "updatedTs": exampleTime})}},
			status: 200, answer: component("schemas", "Acknowledgements"), codes: append(slices.Clone(bodyCodes), fault.BatchTooLarge)},
		"GET " + sync + "/pull": {id: "pull" + names, summary: "What changed since a cursor", parameters: []string{"limit", "cursor", "maxBytes"},
			status: 200, answer: component("schemas", "Changes"), codes: pageCodes},
	}
}

// itemLinks leads from a new item to what can be done with it.
func itemLinks(name string) object {
	links := object{}
	for _, verb := range []string{"get", "replace", "patch", "delete", "archive", "process"} {
		links[verb] = link(verb+name, "uid", "uid")
	}
	return links
}

func link(id, parameter, member string) object {
	return object{"operationId": id, "parameters": object{parameter: "$response.body#/" + member}}
}

func parentCodes(e *entity.Entity) []fault.Code {
	if e.Parent == nil {
		return nil
	}
	return []fault.Code{fault.InvalidField, fault.ParentNotFound}
}

// camel turns "chat_message" into "ChatMessage".
func camel(name string) string {
	var joined strings.Builder
	for part := range strings.SplitSeq(name, "_") {
		joined.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return joined.String()
}
