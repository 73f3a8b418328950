package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/item"
)

// operationRow is a kind of operation in a batch. It does what the route of the same
// name does, with the same checks.
type operationRow struct {
	name     string
	summary  string
	creates  bool     // it makes an item, and works on none
	oneItem  bool     // it takes no where
	members  []string // of its own
	demanded []string // of these
	schemas  object   // of these
	example  object   // besides op, kind and uid
	writing  func(r *operationReader) (item.Writing, error)
}

// operationRows are the kinds of operations.
var operationRows = []operationRow{
	{
		name: "create", summary: "Make an item. `uid` is that of the new item; without one it gets a fresh one.", creates: true, oneItem: true,
		members: payloadMember, demanded: payloadMember, schemas: object{"payload": object{"type": "object"}},
		example: object{"payload": object{"title": "Milk"}}, writing: (*operationReader).creation,
	},
	{
		name: "replace", summary: "Put a new payload in place of the stored one.",
		members: payloadMember, demanded: payloadMember, schemas: object{"payload": schemaRef("ReplacingPayload")},
		example: object{"payload": object{"title": "Bread"}}, writing: (*operationReader).replacement,
	},
	{
		name: "patch", summary: "Put top-level keys over the stored ones.",
		members: payloadMember, demanded: payloadMember, schemas: object{"payload": schemaRef("PatchingPayload")},
		example: object{"ifMatch": 3, "payload": object{"title": "Bread"}}, writing: (*operationReader).patch,
	},
	{
		name: "delete", summary: "Make an item a tombstone.",
		writing: func(r *operationReader) (item.Writing, error) { return item.Deleting(r.condition), nil },
	},
	{
		name: "archive", summary: "Archive an item.",
		writing: func(r *operationReader) (item.Writing, error) { return item.Archiving(r.condition), nil },
	},
	{
		name: "process", summary: "Do what an item of the kind can.",
		members: []string{"action", "metadata"}, demanded: []string{"action"},
		schemas: object{"action": object{"type": "string"}, "metadata": object{"type": []string{"object", "null"}}},
		example: object{"action": "archive"}, writing: (*operationReader).processing,
	},
	{
		name: "edit", summary: "Change parts of a text, as the route `edit` does.",
		members: item.TextEditFields, schemas: textEditSchema()["properties"].(object),
		example: object{"edits": []object{{"find": "Milk", "replace": "Bread"}}}, writing: (*operationReader).textEdit,
	},
	{
		name: "tags", summary: "Add tags and remove others.",
		members: item.TagChangeFields, schemas: tagChangeSchema()["properties"].(object),
		example: object{"add": []string{"urgent"}, "remove": []string{"draft"}}, writing: (*operationReader).tagChange,
	},
	{
		name: "restore", summary: "Make an earlier version of an item the newest one; revives a deleted one.", oneItem: true,
		members: []string{"version"}, schemas: object{"version": versionSchema},
		example: object{"version": 3}, writing: (*operationReader).restoration,
	},
}

var payloadMember = []string{"payload"}

// commonMembers are those that every operation may have.
var commonMembers = []string{"op", "kind", "uid"}

// selecting are the members of operations on what exists.
var selecting = []string{"ifMatch", "where", "atMost"}

// allMembers are the members that an operation of this kind may have.
func (row operationRow) allMembers() []string {
	switch {
	case row.creates:
		return slices.Concat(commonMembers, row.members)
	case row.oneItem:
		return slices.Concat(commonMembers, selecting[:1], row.members)
	}
	return slices.Concat(commonMembers, selecting, row.members)
}

// defaultAtMost is how many items may match where atMost is not sent.
const defaultAtMost = 100

// batchReader reads the operations of a batch.
type batchReader struct {
	ctx        context.Context
	api        *API
	owner      account.Owner
	operations []item.Operation
}

// readBatch reads the body of a batch, and whether it is a dry run.
func (r *batchReader) readBatch(body []byte) (dryRun bool, err error) {
	if !utf8.Valid(body) {
		return false, badBatch("body", "not valid UTF-8")
	}
	members, err := membersOf(body)
	if err != nil {
		return false, badBatch("body", err.Error())
	}
	if err := onlyMembers(members, "operations", "dryRun"); err != nil {
		return false, err
	}
	if raw, sent := members["dryRun"]; sent && json.Unmarshal(raw, &dryRun) != nil {
		return false, wrongType("dryRun", "true or false")
	}
	return dryRun, r.readOperations(members["operations"])
}

func badBatch(field, reason string) error {
	return fault.New(fault.InvalidJSON, `invalid JSON: %s; expected an object such as {"operations":[…]}`, reason).With(fault.Facts{"field": field})
}

// membersOf are the members of a JSON object.
func membersOf(raw []byte) (members map[string]json.RawMessage, err error) {
	if err = json.Unmarshal(raw, &members); err == nil && members == nil {
		err = errors.New("found null")
	}
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		err = errors.New("found " + wrong.Value)
	}
	return members, err
}

// onlyMembers refuses other members than these.
func onlyMembers(members map[string]json.RawMessage, known ...string) error {
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if !slices.Contains(known, name) {
			return item.UnknownMember(name, known)
		}
	}
	return nil
}

// readOperations reads one operation after the other, and none beyond the limit.
func (r *batchReader) readOperations(raw json.RawMessage) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if begin, err := decoder.Token(); err != nil || begin != json.Delim('[') {
		return wrongType("operations", "an array of 1 to "+strconv.Itoa(item.MaxOperations)+" operations")
	}
	for number := 1; decoder.More(); number++ {
		if number > item.MaxOperations {
			return fault.New(fault.BatchTooLarge, "a batch takes %d operations at most; send the rest in another batch", item.MaxOperations).
				With(fault.Facts{"maxOperations": item.MaxOperations})
		}
		var operation json.RawMessage
		if err := decoder.Decode(&operation); err != nil {
			return badBatch("operations", err.Error()) // not reached: the body was read
		}
		if err := r.readOperation(number, operation); err != nil {
			return err
		}
	}
	if len(r.operations) == 0 {
		return wrongType("operations", "an array of 1 to "+strconv.Itoa(item.MaxOperations)+" operations")
	}
	return nil
}

func (r *batchReader) readOperation(number int, raw json.RawMessage) error {
	one := &operationReader{batchReader: r}
	err := one.read(raw)
	var refused *fault.Error
	if errors.As(err, &refused) {
		return item.AtOperation(refused, number, one.operation.Name, one.kind(), one.operation.UID)
	}
	r.operations = append(r.operations, one.operation)
	return err
}
