package httpapi

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/item"
)

// operationReader reads one operation.
type operationReader struct {
	*batchReader
	row       operationRow
	members   map[string]json.RawMessage
	condition item.Condition
	operation item.Operation
}

func (r *operationReader) kind() string {
	if r.operation.Entity == nil {
		return ""
	}
	return string(r.operation.Entity.Kind)
}

func (r *operationReader) read(raw json.RawMessage) (err error) {
	if r.members, err = membersOf(raw); err != nil {
		return fault.New(fault.InvalidJSON, `expected an object such as {"op":"delete","kind":"note","uid":"…"}: %v`, err)
	}
	if err := r.readKind(); err != nil {
		return err
	}
	if err := onlyMembers(r.members, r.row.allMembers()...); err != nil {
		return err
	}
	if err := r.readCondition(); err != nil {
		return err
	}
	if !r.row.creates {
		if err := r.readItems(); err != nil {
			return err
		}
	}
	r.operation.Writing, err = r.row.writing(r)
	return err
}

// readKind reads what is to be done, and with which kind of item.
func (r *operationReader) readKind() error {
	names, kinds := make([]string, len(operationRows)), make([]string, len(entity.Table))
	op, kind := r.text("op"), r.text("kind")
	for i, row := range operationRows {
		if names[i] = row.name; row.name == op {
			r.row, r.operation.Name = row, op
		}
	}
	if r.operation.Name == "" {
		return invalidOperation("op", "must be "+strings.Join(names, ", "))
	}
	for i, e := range entity.Table {
		if kinds[i] = string(e.Kind); kinds[i] == kind {
			r.operation.Entity = e
		}
	}
	if r.operation.Entity == nil {
		return invalidOperation("kind", "must be "+strings.Join(kinds, ", "))
	}
	return nil
}

func invalidOperation(field, rule string) error {
	return fault.New(fault.InvalidOperation, "%s %s", field, rule).With(fault.Facts{"field": field})
}

// text is a member that is a string; empty for everything else.
func (r *operationReader) text(name string) (text string) {
	_ = json.Unmarshal(r.members[name], &text) // another value is like none
	return text
}

// readCondition reads ifMatch, which may be a number or a text, as If-Match may be.
func (r *operationReader) readCondition() (err error) {
	raw, sent := r.members["ifMatch"]
	if !sent {
		return nil
	}
	value := r.text("ifMatch")
	if raw[0] != '"' {
		value = string(raw)
	}
	r.condition, err = ifMatch(http.Header{"If-Match": {value}})
	var refused *fault.Error
	if errors.As(err, &refused) {
		err = refused.With(fault.Facts{"field": "ifMatch"})
	}
	return err
}

// readItems reads which item the operation is about, or which filter its items match.
func (r *operationReader) readItems() error {
	_, uid := r.members["uid"]
	_, where := r.members["where"]
	_, most := r.members["atMost"]
	switch {
	case uid && where:
		return invalidOperation("where", "cannot be sent with uid; send one of them")
	case most && !where:
		return invalidOperation("atMost", "is for where only")
	case where && r.condition != nil:
		return invalidOperation("ifMatch", "is for one item, not for where")
	case where:
		return r.readWhere()
	case !uid && r.row.oneItem:
		return invalidOperation("uid", "is missing")
	case !uid:
		return invalidOperation("uid", "is missing; send it, or where with filters")
	}
	return r.readUID()
}

// readUID reads the uid of the item, which may be that of an item that an earlier
// operation makes.
func (r *operationReader) readUID() (err error) {
	sent := r.text("uid")
	if isReference(sent) {
		r.operation.UID, err = r.made("uid", sent, r.operation.Entity)
		return err
	}
	if r.operation.UID, err = r.api.Items.FindUID(r.ctx, r.owner, r.operation.Entity, sent); err == nil {
		return nil
	}
	var refused *fault.Error
	if errors.As(err, &refused) && refused.Code == fault.InvalidUID {
		return fault.New(fault.InvalidUID, "uid must be %s, or the number of an earlier creation such as $1", item.UIDForm).With(fault.Facts{"field": "uid"})
	}
	return err
}

// isReference reports whether a uid stands for the item of an earlier operation.
func isReference(uid string) bool { return strings.HasPrefix(uid, "$") }

// made is the uid of the item that an earlier operation makes. It must be of the kind
// of the entity; of any kind for nil.
func (r *operationReader) made(field, reference string, e *entity.Entity) (string, error) {
	number, err := strconv.Atoi(reference[1:])
	if err != nil || number < 1 || number > len(r.operations) || reference != "$"+strconv.Itoa(number) {
		return "", invalidOperation(field, "must name an earlier operation, such as $1")
	}
	earlier := r.operations[number-1]
	switch {
	case !earlier.Creates:
		return "", invalidOperation(field, "must name a creation, and operation "+strconv.Itoa(number)+" is none")
	case e != nil && earlier.Entity != e:
		return "", invalidOperation(field, "must be that of a "+e.Word()+", and operation "+strconv.Itoa(number)+" makes a "+earlier.Entity.Word())
	}
	return earlier.UID, nil
}

// readWhere reads the filters of a list in place of a uid.
func (r *operationReader) readWhere() error {
	members, err := membersOf(r.members["where"])
	switch {
	case err != nil:
		return invalidOperation("where", `must be an object of filters such as {"tag":"shop"}`)
	case len(members) == 0:
		return invalidOperation("where", "must have a filter, since everything would match without one")
	}
	col := newCollection(r.api, r.operation.Entity)
	sent, err := r.filters(col, members)
	if err != nil {
		return err
	}
	query := item.Query{Owner: r.owner, Kind: col.entity.Kind}
	if err := col.readFilters(sent, &query.Filter); err != nil {
		return err
	}
	if err := r.api.Items.CompleteFilter(r.ctx, r.owner, col.entity, &query.Filter); err != nil {
		return err
	}
	r.operation.Where = &query.Filter
	return r.readAtMost()
}

func (r *operationReader) readAtMost() error {
	r.operation.AtMost = defaultAtMost
	raw, sent := r.members["atMost"]
	if !sent {
		return nil
	}
	most, err := strconv.Atoi(string(raw))
	if err != nil || most < 1 || most > item.MaxBatchItems {
		return invalidOperation("atMost", "must be a whole number from 1 to "+strconv.Itoa(item.MaxBatchItems))
	}
	r.operation.AtMost = most
	return nil
}

// filters are the members of where as the parameters of a list.
func (r *operationReader) filters(col collection, members map[string]json.RawMessage) (url.Values, error) {
	known := slices.Clone(col.foreign) // refused in the words of the list
	for _, p := range filterParameters(col.entity) {
		known = append(known, p.name)
	}
	sent := url.Values{}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		raw := members[name]
		text, ok := filterText(raw)
		switch {
		case !slices.Contains(known, name):
			return nil, invalidFilter(shown(name), "a list of "+col.entity.Segment+" has no such filter")
		case !ok:
			return nil, invalidFilter(name, "send a text, a number, true or false, or a list of texts")
		}
		if p := col.entity.Parent; p != nil && name == p.UIDKey && isReference(text) {
			uid, err := r.made(name, text, nil)
			if err != nil {
				return nil, err
			}
			text = uid
		}
		sent.Set(name, text)
	}
	return sent, nil
}

// filterText is the value of a filter as a query string has it.
func filterText(raw json.RawMessage) (text string, ok bool) {
	switch raw[0] {
	case '"':
		return text, json.Unmarshal(raw, &text) == nil
	case '[':
		var texts []string
		err := json.Unmarshal(raw, &texts)
		for i := range texts {
			texts[i] = strings.ReplaceAll(texts[i], ",", `\,`)
		}
		return strings.Join(texts, ","), err == nil && len(texts) > 0
	case 'n', '{':
		return "", false
	}
	return string(raw), true
}

// payload reads the payload, whose parent may be an item that an earlier operation
// makes.
func (r *operationReader) payload() (*item.Payload, error) {
	raw, sent := r.members["payload"]
	if !sent {
		return nil, invalidOperation("payload", "is missing")
	}
	payload, err := item.DecodeWithin(raw, r.api.Items.MaxString)
	if err != nil {
		return nil, err
	}
	p := r.operation.Entity.Parent
	if p == nil {
		return payload, nil
	}
	if reference, _ := payload.Text(p.UIDKey); isReference(reference) {
		uid, err := r.made(p.UIDKey, reference, nil)
		if err != nil {
			return nil, err
		}
		payload.SetUID(p.UIDKey, uid)
	}
	target := item.Target{Owner: r.owner, Entity: r.operation.Entity, UID: r.operation.UID}
	return payload, r.api.Items.FindParent(r.ctx, target, payload)
}

func (r *operationReader) creation() (writing item.Writing, err error) {
	payload, err := r.payload()
	if err != nil {
		return nil, err
	}
	if _, sent := r.members["uid"]; sent {
		uid, ok := item.ParseUID(r.text("uid"))
		if !ok || payload.Has("uid") {
			return nil, invalidOperation("uid", "of a new item must be a UUID, sent here or in the payload")
		}
		payload.SetUID("uid", uid)
	}
	r.operation.Creates = true
	r.operation.UID, writing, err = item.Creating(r.operation.Entity, payload)
	return writing, err
}

func (r *operationReader) replacement() (item.Writing, error) {
	payload, err := r.payload()
	if err != nil {
		return nil, err
	}
	return r.api.Items.Replacing(payload, nil, r.condition), nil
}

func (r *operationReader) patch() (item.Writing, error) {
	payload, err := r.payload()
	if err != nil {
		return nil, err
	}
	return r.api.Items.Patching(payload, nil, r.condition), nil
}

func (r *operationReader) processing() (item.Writing, error) {
	action, err := actionOf(r.body(), r.api.Items.MaxString)
	if err != nil {
		return nil, err
	}
	return item.Processing(action, r.condition), nil
}

func (r *operationReader) textEdit() (item.Writing, error) {
	sent, err := item.DecodeWithin(r.body(), r.api.Items.MaxString)
	if err != nil {
		return nil, err
	}
	want, err := item.ReadTextEdit(sent)
	return r.api.Items.EditingText(want, err, r.condition, &item.Edited{}), nil
}

func (r *operationReader) tagChange() (item.Writing, error) {
	sent, err := item.DecodeWithin(r.body(), r.api.Items.MaxString)
	if err != nil {
		return nil, err
	}
	want, err := item.ReadTagChange(sent)
	return r.api.Items.ChangingTags(want, err, r.condition, &item.Tagged{}), nil
}

func (r *operationReader) restoration() (item.Writing, error) {
	version, err := item.ReadRestoration(r.body(), r.api.Items.MaxString)
	return item.Restoring(version, err, r.condition), nil
}

// body is the members of the operation's own, as the route of the same name has them
// in its body.
func (r *operationReader) body() []byte {
	own := map[string]json.RawMessage{}
	for _, name := range r.row.members {
		if raw, sent := r.members[name]; sent {
			own[name] = raw
		}
	}
	body, _ := json.Marshal(own) // valid JSON can always be encoded
	return body
}
