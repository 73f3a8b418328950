package httpapi

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/item"
)

// namedRoute reads items by what a person or a model calls them. Whoever may write may ask,
// too: a write needs the uid of what it is about.
func (a *API) namedRoute() route {
	reference := queryParameter("ref", "What an item is called: its kind and uid as `note:3f9a01bc`, its uid, the first 8 or more digits of it, or its exact title, also as `note:Milk`. Repeat it for up to "+strconv.Itoa(item.MaxReferences)+" items.",
		merged(listOf(object{"type": "string", "minLength": 1, "maxLength": item.MaxReferenceBytes}), object{"minItems": 1, "maxItems": item.MaxReferences}))
	reference.required, reference.example = true, []string{"note:" + exampleUID[:8], "Milk"}
	most := queryParameter("maxBytes", "Bytes of all payloads together; 4 MiB unless given, and never more. An item that does not fit comes without its payload.",
		object{"type": "integer", "minimum": 1}, fault.InvalidLimit)
	most.inline = true
	newest := queryParameter("children", "With a number, each item comes with as many of its children of each kind, such as comments: those created last, the oldest of them first. 0 only counts them.",
		object{"type": "integer", "minimum": 0, "maximum": item.MaxNewest})
	return route{
		method: "GET", pattern: "/v1/items", guards: a.synced(auth.Either), handle: a.named,
		id: "getItems", tag: "items", summary: "Read items of all kinds by their uids or titles",
		parameters: []parameter{reference, includeDeletedParameter, newest, most, mirrorsParameter},
		success:    success{schema: schemaRef("NamedItems"), example: object{"items": []object{}}},
	}
}

func (a *API) named(c *call) (int, any, error) {
	sent, err := parseQuery(c)
	if err != nil {
		return 0, nil, err
	}
	wanted := item.Naming{Owner: c.owner, IncludeDeleted: includeDeleted(sent), WithChildren: sent.Has("children")}
	if wanted.References, err = readReferences(sent); err != nil {
		return 0, nil, err
	}
	if wanted.Newest, err = readNumber(sent, "children", 0, item.MaxNewest); err != nil {
		return 0, nil, err
	}
	if wanted.MaxBytes, err = readBound(sent, "maxBytes", item.MaxPageBytes, item.MaxPageBytes); err != nil {
		return 0, nil, err
	}
	found, err := a.Items.Named(c.Context(), wanted)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, namedJSON(wanted.References, found, c.bare), nil
}

// readReferences reads which items are wanted.
func readReferences(sent url.Values) ([]string, error) {
	references := sent["ref"]
	if len(references) == 0 || len(references) > item.MaxReferences {
		return nil, wrongParameter("ref", "send it 1 to "+strconv.Itoa(item.MaxReferences)+" times, each with a kind and uid such as note:"+exampleUID[:8]+", a uid or a title")
	}
	for i, text := range references {
		if strings.TrimSpace(text) == "" || len(text) > item.MaxReferenceBytes || !utf8.ValidString(text) || strings.Contains(text, "\x00") {
			return nil, fault.New(fault.InvalidQuery, "invalid ref: number %d must be a text of 1 to %d bytes", i+1, item.MaxReferenceBytes).
				With(fault.Facts{"field": "ref", "index": i + 1, "maxBytes": item.MaxReferenceBytes})
		}
	}
	return references, nil
}

// namedJSON is the answer: an item or an error for each reference.
func namedJSON(references []string, found []item.Named, bare bool) rawJSON {
	size := headSize
	for i := range found {
		size += sizeOf(&found[i])
	}
	b := append(make([]byte, 0, size), `{"items":[`...)
	for i := range found {
		b = appendNamed(comma(b), references[i], &found[i], bare)
	}
	return append(b, "]}"...)
}

// sizeOf is about the bytes of one item with its children.
func sizeOf(found *item.Named) int {
	size := headSize
	if found.Item != nil {
		size += len(found.Item.Payload)
	}
	for _, c := range found.Children {
		for _, child := range c.Items {
			size += len(child.Payload) + headSize
		}
	}
	return size
}

func appendNamed(b []byte, reference string, found *item.Named, bare bool) []byte {
	b = appendJSON(append(b, `{"ref":`...), reference)
	if found.Reason != nil {
		return append(appendJSON(append(b, `,"error":`...), described(found.Reason)), '}')
	}
	b = append(append(append(b, `,"kind":"`...), found.Kind...), `","item":`...)
	b = found.Item.AppendJSON(b, bare)
	if len(found.Children) > 0 {
		b = append(appendChildren(append(b, `,"children":{`...), found.Children, bare), '}')
	}
	return append(b, '}')
}

func appendChildren(b []byte, all []item.Children, bare bool) []byte {
	for _, c := range all {
		b = append(append(append(comma(b), '"'), c.Kind...), `":{"items":[`...)
		for _, child := range c.Items {
			b = child.AppendJSON(comma(b), bare)
		}
		b = append(appendTotal(append(b, ']'), c.Total, item.MaxRecent), '}')
	}
	return b
}

func appendJSON(b []byte, value any) []byte {
	encoded, _ := json.Marshal(value) // texts, numbers and lists of them can always be encoded
	return append(b, encoded...)
}

// namedSchema describes the answer.
func namedSchema() object {
	text := object{"type": "string"}
	failed := closed(object{
		"error": describedAs(text, "A sentence for people."), "code": oneOfSchema(string(fault.NotFound), string(fault.AmbiguousUID), string(fault.Deleted)),
		"details": object{"type": "object"}, "deletedAt": object{"type": "string", "format": "date-time"},
	}, "error", "code", "details")
	one := object{"anyOf": []object{schemaRef("Item"), schemaRef("ReducedItem")}}
	reference := describedAs(text, "As it was sent.")
	return closed(object{"items": describedAs(listOf(object{"anyOf": []object{
		closed(object{"ref": reference, "kind": oneOfSchema(kindNames()...), "item": one, "children": childrenSchema(one)}, "ref", "kind", "item"),
		closed(object{"ref": reference, "error": failed}, "ref", "error"),
	}}), "In the order of the references.")}, "items")
}

// childrenSchema describes the children of an item, by kind.
func childrenSchema(one object) object {
	kinds := object{}
	for _, e := range entity.Table {
		if e.Parent != nil {
			kinds[string(e.Kind)] = closed(object{
				"items": describedAs(listOf(one), "In the order of their creation."),
				"total": describedAs(object{"type": "integer"}, "How many there are, counted to 1000."), "more": object{"const": true},
			}, "items", "total")
		}
	}
	return describedAs(object{"type": "object", "properties": kinds, "additionalProperties": false}, "With `children`: of each kind that may belong to such an item.")
}
