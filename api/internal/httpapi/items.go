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

var uidParameter = parameter{
	in: "path", name: "uid", description: "A UUID in any of its usual spellings.",
	schema: object{"type": "string", "format": "uuid"}, required: true, example: exampleUID,
	codes: []fault.Code{fault.InvalidUID, fault.NotFound, fault.Deleted},
}

func (col collection) list(c *call) (int, any, error) {
	query, err := col.query(c, col.readFilter)
	if err != nil {
		return 0, nil, err
	}
	page, err := col.api.Items.List(c.Context(), query)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, pageJSON(page), nil
}

func (col collection) create(c *call) (int, any, error) {
	body, err := readBody(c, col.api.MaxBodyBytes)
	if err != nil {
		return 0, nil, err
	}
	target := col.all(c)
	if target.Once, err = once(c, target, nil, body, created); err != nil {
		return 0, nil, err
	}
	next, err := col.api.Items.Create(c.Context(), target, body)
	return written(c, target, created, next, err)
}

func (col collection) get(c *call) (int, any, error) {
	target, err := col.target(c)
	if err != nil {
		return 0, nil, err
	}
	query, err := queryOf(c)
	if err != nil {
		return 0, nil, err
	}
	found, err := col.api.Items.Get(c.Context(), target, includeDeleted(query))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, rawJSON(whole(found)), nil
}

func (col collection) replace(c *call) (int, any, error) {
	target, condition, body, err := col.writeWithBody(c)
	if err != nil {
		return 0, nil, err
	}
	next, err := col.api.Items.Replace(c.Context(), target, body, condition)
	return written(c, target, changed, next, err)
}

func (col collection) patch(c *call) (int, any, error) {
	target, condition, body, err := col.writeWithBody(c)
	if err != nil {
		return 0, nil, err
	}
	next, err := col.api.Items.Patch(c.Context(), target, body, condition)
	return written(c, target, changed, next, err)
}

func (col collection) remove(c *call) (int, any, error) {
	target, condition, err := col.write(c, removed)
	if err != nil {
		return 0, nil, err
	}
	tombstone, err := col.api.Items.Delete(c.Context(), target, condition)
	return written(c, target, removed, tombstone, err)
}

func (col collection) archive(c *call) (int, any, error) {
	target, condition, err := col.write(c, changed)
	if err != nil {
		return 0, nil, err
	}
	next, err := col.api.Items.Archive(c.Context(), target, condition)
	return written(c, target, changed, next, err)
}

func (col collection) process(c *call) (int, any, error) {
	target, condition, body, err := col.writeWithBody(c)
	if err != nil {
		return 0, nil, err
	}
	action, err := actionOf(body, col.api.Items.MaxString)
	if err != nil {
		return 0, nil, err
	}
	next, err := col.api.Items.Process(c.Context(), target, action, condition)
	return written(c, target, changed, next, err)
}

// actionOf reads the body of process. Its metadata must be an object; the
// contract has no use for it.
func actionOf(body []byte, maxString int) (string, error) {
	sent, err := item.DecodeWithin(body, maxString)
	if err != nil {
		return "", err
	}
	if sent.Given("metadata") && !sent.Object("metadata") {
		return "", wrongType("metadata", "an object")
	}
	return textOf(sent, "action")
}

// target reads which item the path names.
func (col collection) target(c *call) (item.Target, error) {
	uid, ok := item.ParseUID(c.PathValue("uid"))
	if !ok {
		return item.Target{}, fault.New(fault.InvalidUID, "invalid UID: a uid is a UUID such as 123e4567-e89b-42d3-a456-426614174000")
	}
	target := col.all(c)
	target.UID = uid
	return target, nil
}

// all is the target that names no item yet.
func (col collection) all(c *call) item.Target {
	return item.Target{Owner: item.Owner(c.owner), Epoch: c.opened.State.Epoch, Entity: col.entity}
}

// write reads a write without a body.
func (col collection) write(c *call, render rendering) (item.Target, item.Condition, error) {
	target, condition, err := col.conditional(c)
	if err != nil {
		return item.Target{}, nil, err
	}
	target.Once, err = once(c, target, condition, nil, render)
	return target, condition, err
}

func (col collection) writeWithBody(c *call) (item.Target, item.Condition, []byte, error) {
	target, condition, err := col.conditional(c)
	if err != nil {
		return item.Target{}, nil, nil, err
	}
	body, err := readBody(c, col.api.MaxBodyBytes)
	if err != nil {
		return item.Target{}, nil, nil, err
	}
	target.Once, err = once(c, target, condition, body, changed)
	return target, condition, body, err
}

func (col collection) conditional(c *call) (item.Target, item.Condition, error) {
	target, err := col.target(c)
	if err != nil {
		return item.Target{}, nil, err
	}
	condition, err := ifMatch(c.Header)
	return target, condition, err
}

// headSize is about what an item takes besides its payload.
const headSize = 200

// whole gives an item with its payload.
func whole(found *item.Item) []byte {
	return found.AppendJSON(make([]byte, 0, len(found.Payload)+headSize))
}
