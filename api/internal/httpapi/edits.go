package httpapi

import (
	"net/http"

	"toolbridge/api/internal/item"
)

// editText changes parts of one text of an item.
func (col collection) editText(c *call) (int, any, error) {
	var did item.Edited
	w, err := col.readWriteWithBody(c, renderOutcome(&did))
	if err != nil {
		return 0, nil, err
	}
	next, err := col.api.Items.EditText(c.Context(), w.target, w.body, w.condition, &did)
	return w.answer(c, next, err)
}

// changeTags adds tags to an item and removes others.
func (col collection) changeTags(c *call) (int, any, error) {
	var did item.Tagged
	w, err := col.readWriteWithBody(c, renderOutcome(&did))
	if err != nil {
		return 0, nil, err
	}
	next, err := col.api.Items.ChangeTags(c.Context(), w.target, w.body, w.condition, &did)
	return w.answer(c, next, err)
}

// outcome is what a write did, besides which item there is.
type outcome interface {
	AppendJSON(b []byte, made *item.Item) []byte
	AppendMinimal(b []byte, made *item.Item, trial bool) []byte
}

func renderOutcome(did outcome) rendering {
	return func(c *call, next *item.Item) item.Answer {
		if c.minimal {
			return item.Answer{Status: http.StatusOK, Body: did.AppendMinimal(nil, next, c.dryRun)}
		}
		return item.Answer{Status: http.StatusOK, Body: did.AppendJSON(nil, next)}
	}
}

const notRemade = "Whether something was written. Absent when a repeated request gets a response that was too large to be kept."

func textEditSchema() object {
	text := object{"type": []string{"string", "null"}}
	replacement := closed(object{
		"find":    object{"type": "string", "minLength": 1, "description": "The exact text to find, in the result of the edits before."},
		"replace": object{"type": "string", "description": "What to put in its place."},
		"count": object{"type": []string{"integer", "null"}, "minimum": 1, "maximum": item.MaxOccurrences, "default": 1,
			"description": "How often the text must occur, counted from left to right without overlap."},
	}, "find", "replace")
	schema := closed(object{
		"field": merged(text, object{"minLength": 1, "maxLength": item.MaxKeyBytes,
			"description": "Payload key of the text; unless given, the entity's text, such as `content` of a note."}),
		"edits":   object{"type": []string{"array", "null"}, "items": replacement, "minItems": 1, "maxItems": item.MaxReplacements},
		"append":  describedAs(text, "Text to add at the end, on a line of its own."),
		"prepend": describedAs(text, "Text to add at the beginning, on a line of its own."),
		"heading": describedAs(text, "Adds `append` at the end of the section of this Markdown heading. Number signs in front of it name its level, too."),
	})
	delete(schema, "required")
	schema["description"] = "At least one of `edits`, `append` and `prepend`. " + stringLimits
	schema["anyOf"] = []object{{"required": []string{"edits"}}, {"required": []string{"append"}}, {"required": []string{"prepend"}}}
	return schema
}

func editedSchema(head object) object {
	return closed(merged(head, object{
		"field":   object{"type": "string", "description": "The payload key of the text."},
		"changed": object{"type": "boolean", "description": notRemade},
		"diff":    object{"type": "string", "description": "The touched lines as a unified diff without context, at most 40 lines and 2 kB; a last line says how many are left out."},
	}), "uid", "version", "updatedAt")
}

func tagChangeSchema() object {
	tags := object{
		"type": []string{"array", "null"}, "maxItems": item.MaxTagChanges,
		"items": object{"type": "string", "minLength": 1, "maxLength": item.MaxTagBytes, "description": "At most 200 bytes of UTF-8."},
	}
	schema := closed(object{"add": tags, "remove": tags})
	delete(schema, "required")
	schema["description"] = "Tags to add and to remove. No tag may be in both."
	schema["anyOf"] = []object{{"required": []string{"add"}}, {"required": []string{"remove"}}}
	return schema
}

func taggedSchema(head object) object {
	return closed(merged(head, object{
		"tags":    object{"type": "array", "description": "The tags as they are stored."},
		"changed": object{"type": "boolean", "description": notRemade},
	}), "uid", "version", "updatedAt", "tags")
}
