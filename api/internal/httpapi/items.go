package httpapi

import (
	"net/http"
	"slices"

	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/item"
)

// collection is the handlers of one entity.
type collection struct {
	api     *API
	entity  *entity.Entity
	filters []filter // of its list, in the order in which they are read
	foreign []string // the names of other entities' filters
}

func newCollection(a *API, e *entity.Entity) collection {
	return collection{a, e, slices.Concat(entityFilters(e), commonFilters), foreignFilters(e)}
}

var uidSchema = object{"type": "string", "anyOf": []object{{"format": "uuid"}, {"pattern": "^[0-9A-Fa-f]{8,31}$"}}}

var uidParameter = parameter{
	in: "path", name: "uid", description: "A UUID in any of its usual spellings, or its first 8 or more digits, if no other item of the kind has a uid that begins so.",
	schema: uidSchema, required: true, example: exampleUID,
	codes: []fault.Code{fault.InvalidUID, fault.AmbiguousUID, fault.NotFound, fault.Deleted},
}

func (col collection) list(c *call) (int, any, error) {
	query, err := col.readQuery(c, col.readFilter)
	if err != nil {
		return 0, nil, err
	}
	if err := col.api.Items.CompleteFilter(c.Context(), c.owner, col.entity, &query.Filter); err != nil {
		return 0, nil, err
	}
	page, err := col.api.Items.List(c.Context(), query)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, pageJSON(page, query, c.bare), nil
}

func (col collection) create(c *call) (int, any, error) {
	body, err := readBody(c, col.api.MaxBodyBytes)
	if err != nil {
		return 0, nil, err
	}
	w := write{target: col.wholeTarget(c), body: body, render: renderCreated}
	if err := w.readKey(c, col.api.Items.KeepAnswers); err != nil {
		return 0, nil, err
	}
	next, err := col.api.Items.Create(c.Context(), w.target, body)
	return w.answer(c, next, err)
}

func (col collection) get(c *call) (int, any, error) {
	target, err := col.readTarget(c)
	if err != nil {
		return 0, nil, err
	}
	query, err := parseQuery(c)
	if err != nil {
		return 0, nil, err
	}
	found, err := col.api.Items.Get(c.Context(), target, c.ahead, includeDeleted(query))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, rawJSON(itemJSON(found, c.bare)), nil
}

func (col collection) replace(c *call) (int, any, error) {
	w, err := col.readWriteWithBody(c, renderItem)
	if err != nil {
		return 0, nil, err
	}
	next, err := col.api.Items.Replace(c.Context(), w.target, w.body, w.condition)
	return w.answer(c, next, err)
}

func (col collection) patch(c *call) (int, any, error) {
	w, err := col.readWriteWithBody(c, renderItem)
	if err != nil {
		return 0, nil, err
	}
	next, err := col.api.Items.Patch(c.Context(), w.target, w.body, w.condition)
	return w.answer(c, next, err)
}

func (col collection) remove(c *call) (int, any, error) {
	w, err := col.readWrite(c, renderTombstone)
	if err != nil {
		return 0, nil, err
	}
	tombstone, err := col.api.Items.Delete(c.Context(), w.target, w.condition)
	return w.answer(c, tombstone, err)
}

func (col collection) archive(c *call) (int, any, error) {
	w, err := col.readWrite(c, renderItem)
	if err != nil {
		return 0, nil, err
	}
	next, err := col.api.Items.Archive(c.Context(), w.target, w.condition)
	return w.answer(c, next, err)
}

func (col collection) process(c *call) (int, any, error) {
	w, err := col.readWriteWithBody(c, renderItem)
	if err != nil {
		return 0, nil, err
	}
	action, err := actionOf(w.body, col.api.Items.MaxString)
	if err != nil {
		return 0, nil, err
	}
	next, err := col.api.Items.Process(c.Context(), w.target, action, w.condition)
	return w.answer(c, next, err)
}

// actionOf reads the body of process. Its metadata must be an object; the
// contract has no use for it.
func actionOf(body []byte, maxString int) (string, error) {
	sent, err := item.DecodeWithin(body, maxString)
	if err != nil {
		return "", err
	}
	if err := sent.RequireOnly("action", "metadata"); err != nil {
		return "", err
	}
	if sent.Given("metadata") && !sent.Object("metadata") {
		return "", wrongType("metadata", "an object")
	}
	return textOf(sent, "action")
}

// readTarget reads which item the path names.
func (col collection) readTarget(c *call) (item.Target, error) {
	uid, err := col.api.Items.FindUID(c.Context(), c.owner, col.entity, c.PathValue("uid"))
	if err != nil {
		return item.Target{}, err
	}
	target := col.wholeTarget(c)
	target.UID = uid
	return target, nil
}

// wholeTarget is the target that names no item.
func (col collection) wholeTarget(c *call) item.Target {
	return item.Target{Owner: c.owner, Origin: c.origin(), Epoch: c.opened.State.Epoch, Entity: col.entity, DryRun: c.dryRun}
}
